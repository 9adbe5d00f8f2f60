#!/bin/bash
# A host with cgroup v2 alone: user-mode Linux over this machine's files

bundle() {
    mkdir -p "$SCRATCH/uml/bundle"
    busybox_root "$SCRATCH/uml/bundle/rootfs"
    (cd "$SCRATCH/uml/bundle" && rm -f config.json && runc spec && jq "$1" config.json > new && mv new config.json)
}

test_a_container_has_its_limits_and_its_exit_code_on_cgroup_v2() {
    bundle '.process.terminal = false | .process.args = ["sh", "-c", "cd /sys/fs/cgroup && cat memory.max pids.max cpu.max cpu.weight; exit 4"]
        | .linux.namespaces += [{"type": "cgroup"}]
        | .linux.resources += {"memory": {"limit": 33554432}, "pids": {"limit": 25}, "cpu": {"quota": 50000, "period": 100000, "shares": 1024}}'
    cat > "$SCRATCH/uml/job" <<JOB
mkdir -p /run/oci
"$BIN/swiftlet-oci" --root /run/oci run --bundle "$SCRATCH/uml/bundle" swl-uml
echo "status \$?"
ls -d /sys/fs/cgroup/*swl-uml* 2>/dev/null
ls /run/oci
JOB
    boot
    same "$(cat "$SCRATCH/uml/out")" "33554432
25
50000 100000
100
status 4"
}

# Memory beyond the limit is left to real kernels: this one stands still at times when it has to kill, under any runtime.
test_an_exec_a_kill_and_a_removal_on_cgroup_v2() {
    rm -f "$SCRATCH/uml/status"
    bundle '.process.terminal = false | .process.args = ["sleep", "1000"]'
    cat > "$SCRATCH/uml/job" <<JOB
mkdir -p /run/oci
"$BIN/swiftlet-oci" --root /run/oci run --detach --bundle "$SCRATCH/uml/bundle" swl-kill < /dev/null > /dev/null 2>&1
"$BIN/swiftlet-oci" --root /run/oci exec swl-kill sh -c 'exit 3'
echo "exec \$?"
"$BIN/swiftlet-oci" --root /run/oci kill swl-kill KILL
"$BIN/swiftlet-oci" --root /run/oci delete --force swl-kill
echo "delete \$?"
ls -d /sys/fs/cgroup/*swl-* 2>/dev/null
ls /run/oci
JOB
    boot
    same "$(cat "$SCRATCH/uml/out")" "exec 3
delete 0"
}
