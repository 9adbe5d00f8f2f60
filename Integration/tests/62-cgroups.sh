#!/bin/bash
# Properties of cgroups on hosts with version 2 alone and with version 1 alone: user-mode Linux over this machine's files

bundle() {
    mkdir -p "$SCRATCH/uml/bundle"
    busybox_root "$SCRATCH/uml/bundle/rootfs"
    (cd "$SCRATCH/uml/bundle" && rm -f config.json && runc spec \
        && jq ".process.terminal = false | .process.args = [\"sleep\", \"1000\"] | .process.capabilities[] += [\"CAP_SYSLOG\"]
            | del(.process.capabilities.ambient, .process.capabilities.inheritable)" config.json > new && mv new config.json)
    cp "$SCRATCH/uml/bundle/config.json" "$SCRATCH/uml/bundle/good"
    cat > "$SCRATCH/uml/job" <<JOB
cd "$SCRATCH/uml/bundle"
oci() { "$BIN/swiftlet-oci" --root /run/oci "\$@"; }
with() { jq "\$1" good > config.json; }
run() { oci run --detach "\$1" < /dev/null > /dev/null; }
away() { oci delete --force "\$1"; }
JOB
}

test_limits_ownership_and_executed_processes_on_cgroup_v2() {
    bundle
    cat >> "$SCRATCH/uml/job" <<'JOB'
at=/sys/fs/cgroup
echo "= limits"
with '.linux.cgroupsPath = "/some/c1" | .linux.resources += {"pids": {"limit": 0}, "memory": {"limit": 33554432, "swap": 67108864},
    "cpu": {"period": 50000, "quota": 20000, "idle": 1}, "unified": {"memory.high": "16777216"}}'
run c1 && cat $at/some/c1/{pids.max,cpu.max,cpu.idle,memory.high}
oci update --cpu-period 100000 c1 && cat $at/some/c1/cpu.max
oci update --memory 16777216 --memory-swap 16777216 c1 && cat $at/some/c1/memory.max
echo '{"memory": {"limit": 4096, "checkBeforeUpdate": true}}' | oci update --resources - c1 2> /dev/null; echo "checked $?"
echo '{"pids": {"limit": 9}, "cpu": {"quota": 1}}' | oci update --resources - c1 2> /dev/null; echo "refused $?"
cat $at/some/c1/pids.max
echo "= an executed process goes where init is, when the container's own cgroup takes none"
mkdir $at/some/c1/inner
for pid in $(cat $at/some/c1/cgroup.procs); do echo $pid > $at/some/c1/inner/cgroup.procs; done
echo +pids > $at/some/c1/cgroup.subtree_control
oci update --pids-limit -1 c1
oci exec c1 sh -c 'exec cat /proc/self/cgroup'
mkdir $at/some/c1/other
oci exec --cgroup other c1 sh -c 'exec cat /proc/self/cgroup'
oci exec --cgroup nowhere c1 true; echo "nowhere $?"
away c1; ls -d $at/some/*/ 2> /dev/null
echo "= devices"
with '.linux.devices = [{"path": "/dev/kmsg", "type": "c", "major": 1, "minor": 11}]'
run c2
look() { oci exec c2 sh -c 'true < /dev/null || exit 9; true < /dev/kmsg' 2> /dev/null; echo "kmsg $?"; }
look
echo '{"devices": [{"allow": false, "access": "rwm"}, {"allow": true, "type": "c", "major": 1, "minor": 11, "access": "r"}]}' > rules
oci update --resources rules c2; look
echo '{"devices": [{"allow": false, "access": "rwm"}]}' | oci update --resources - c2; look
away c2
echo "= the cgroup is its user's, if the container may write to it"
owner() { stat -c %u $at/c3 $at/c3/cgroup.procs $at/c3/cgroup.subtree_control $at/c3/memory.max | paste -sd' '; }
cp -a rootfs /run/rootfs
own='{"type": "cgroup"}'
writable=".root.path = \"/run/rootfs\" | .linux.namespaces += [$own]"' | .process.user.uid = 7 | (.mounts[] | select(.destination == "/sys/fs/cgroup") | .options) |= map(select(. != "ro"))'
with ".process.user.uid = 7 | .linux.namespaces += [$own]"; run c3 && owner; away c3
with "$writable"; run c3 && owner; away c3
with "$writable | .linux.namespaces += [{\"type\": \"user\"}] | .linux.uidMappings = [{\"containerID\": 0, \"hostID\": 1000, \"size\": 100}]
    | .linux.gidMappings = .linux.uidMappings"
run c3 && owner; away c3
with "$writable | .linux.namespaces |= map(select(.type != \"cgroup\"))"; run c3 && owner; away c3
echo "= what version 2 does not have"
for resources in '{"network": {"classID": 5}}' '{"network": {"priorities": [{"name": "lo", "priority": 1}]}}' '{"memory": {"swappiness": 5}}' \
    '{"cpu": {"realtimeRuntime": 5}}' '{"unified": {"cpuset.cpus": "0"}}' '{"unified": {"a/b.c": "0"}}' '{"rdma": {"mlx": {"hcaHandles": 1}}}' \
    '{"hugepageLimits": [{"pageSize": "2MB", "limit": 1}]}' '{"pids": {"limit": "many"}}' '{"blockIO": {"leafWeight": 10}}'; do
    with ".linux.resources += $resources"
    run c4 2>&1; echo "$?"
done
ls -d $at/c4 2> /dev/null
JOB
    boot 120
    local wanted
    wanted=$(sed -E 's/^time=.*msg="?//' "$SCRATCH/uml/out")
    same "$(sed -n '/^= what/q;p' <<< "$wanted")" "= limits
0
20000 50000
1
16777216
20000 100000
16777216
checked 1
refused 1
0
= an executed process goes where init is, when the container's own cgroup takes none
0::/some/c1/inner
0::/some/c1/other
$(grep nowhere <<< "$wanted" | head -n -1)
nowhere 255
= devices
kmsg 1
kmsg 0
kmsg 1
= the cgroup is its user's, if the container may write to it
0 0 0 0
7 7 7 0
1007 1007 1007 0
0 0 0 0"
    wanted=$(sed -n '/^= what/,$p' <<< "$wanted")
    local field
    for field in network.classID network.priorities memory.swappiness cpu.realtimeRuntime unified.cpuset.cpus unified.a/b.c rdma.mlx \
        'hugepageLimits[0]' pids.limit blockIO.leafWeight; do contains "$wanted" "linux.resources.$field"; done
    same "$(grep -c '^1$' <<< "$wanted")" 10
}

test_limits_on_cgroup_v1_alone() {
    bundle
    cat >> "$SCRATCH/uml/job" <<'JOB'
umount /sys/fs/cgroup && mount -t tmpfs tmpfs /sys/fs/cgroup
for name in cpu,cpuacct memory pids blkio devices freezer net_cls; do
    mkdir /sys/fs/cgroup/$name && mount -t cgroup -o $name cgroup /sys/fs/cgroup/$name || exit 3
done
at=/sys/fs/cgroup
with '.linux.cgroupsPath = "/some/c1" | .linux.devices = [{"path": "/dev/kmsg", "type": "c", "major": 1, "minor": 11}] | .linux.resources += {
    "memory": {"limit": 33554432, "reservation": 16777216, "swappiness": 7, "disableOOMKiller": true}, "network": {"classID": 1048577},
    "cpu": {"shares": 512, "period": 50000, "quota": 20000}, "pids": {"limit": 20}}'
run c1; echo "status $?"
cat $at/memory/some/c1/memory.{limit_in_bytes,soft_limit_in_bytes,swappiness} $at/net_cls/some/c1/net_cls.classid
grep oom_kill_disable $at/memory/some/c1/memory.oom_control
cat $at/cpu,cpuacct/some/c1/cpu.{shares,cfs_quota_us,cfs_period_us} $at/pids/some/c1/pids.max
# Quota and period in either direction: each order is refused by the kernel once.
for pair in "900000 1000000" "1000 1000"; do
    oci update --cpu-quota ${pair% *} --cpu-period ${pair#* } c1 && cat $at/cpu,cpuacct/some/c1/cpu.{cfs_quota_us,cfs_period_us} | paste -sd' '
done
look() { oci exec c1 sh -c 'true < /dev/null || exit 9; true < /dev/kmsg' 2> /dev/null; echo "kmsg $?"; }
look
echo '{"devices": [{"allow": false, "access": "rwm"}, {"allow": true, "type": "c", "major": 1, "minor": 11, "access": "r"}]}' | oci update --resources - c1
look
oci pause c1 && cat $at/freezer/some/c1/freezer.state && oci resume c1 && cat $at/freezer/some/c1/freezer.state
oci events --stats c1 | jq -r '.data.pids.limit, .data.memory.usage.limit, (.data.cpu.usage.total > 0)'
oci delete --force c1; echo "delete $?"; ls $at/*/some | grep c1
with '.linux.resources.unified = {"memory.high": "1"}'; run c2; echo "status $?"
JOB
    boot 120
    same "$(grep -v 'msg=\|^swiftlet-oci: ' "$SCRATCH/uml/out")" "status 0
33554432
16777216
7
1048577
oom_kill_disable 1
512
20000
50000
20
900000 1000000
1000 1000
kmsg 1
kmsg 0
FROZEN
THAWED
20
33554432
true
delete 0
status 1"
    contains "$(cat "$SCRATCH/uml/out")" "linux.resources.unified.memory.high"
}
