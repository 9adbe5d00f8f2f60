#!/bin/bash
# What a run may cost: things that can be counted, so that a slow machine changes nothing

bundle() {
    mkdir -p "$SCRATCH/cost"
    [ -e "$SCRATCH/cost/rootfs" ] || busybox_root "$SCRATCH/cost/rootfs"
    (cd "$SCRATCH/cost" && rm -f config.json && runc spec && jq ".process.terminal = false | $1" config.json > new && mv new config.json)
}

oci() { "$BIN/swiftlet-oci" --root "$SCRATCH/state" "$@"; }

# The host here has up to ten cgroup hierarchies: nine calls for each, and what does not depend on them.
test_a_run_makes_few_system_calls() {
    command -v strace > /dev/null || skip "needs strace"
    bundle '.process.args = ["/bin/true"]'
    expect 0 strace -f -o "$SCRATCH/calls" "$BIN/swiftlet-oci" --root "$SCRATCH/state" run --bundle "$SCRATCH/cost" swl-cost-calls
    local count
    count=$(grep -c -v -e '<... ' -e '+++' -e '---' "$SCRATCH/calls")
    [ "$count" -le 780 ] || fail "$count system calls, more than 780"
}

test_a_run_clones_one_process_and_starts_its_own_program_once_more() {
    command -v strace > /dev/null || skip "needs strace"
    bundle '.process.args = ["/bin/true"]'
    expect 0 strace -f -e trace=clone,clone3,fork,vfork,execve,execveat -o "$SCRATCH/calls" \
        "$BIN/swiftlet-oci" --root "$SCRATCH/state" run --bundle "$SCRATCH/cost" swl-cost-processes
    same "$(grep -c 'clone3(' "$SCRATCH/calls")" 1 "processes"
    same "$(grep -c 'exec[a-z]*(' "$SCRATCH/calls")" 3 "the command, its sealed self, the container's program"
}

# A program that is executed a second time only after its C library has started pays for two starts.
test_the_program_is_sealed_before_its_c_library_starts() {
    command -v strace > /dev/null || skip "needs strace"
    bundle '.process.args = ["/bin/true"]'
    expect 0 strace -o "$SCRATCH/calls" "$BIN/swiftlet-oci" --root "$SCRATCH/state" run --bundle "$SCRATCH/cost" swl-cost-seal
    contains "$(sed -n '2,8p' "$SCRATCH/calls")" execveat
}

# There every file has the seal that forbids more seals, and none that forbids to write.
test_a_program_on_a_tmpfs_is_sealed_too() {
    command -v strace > /dev/null || skip "needs strace"
    bundle '.process.args = ["/bin/true"]'
    mkdir -p "$SCRATCH/memory"
    mount -t tmpfs tmpfs "$SCRATCH/memory"
    install -m 0755 "$BIN/swiftlet-oci" "$SCRATCH/memory/oci"
    expect 0 strace -o "$SCRATCH/calls" "$SCRATCH/memory/oci" --root "$SCRATCH/state" run --bundle "$SCRATCH/cost" swl-cost-tmpfs
    umount "$SCRATCH/memory"
    contains "$(sed -n '2,8p' "$SCRATCH/calls")" execveat
}

# Nothing that is not needed: the Swift runtime's own search for a backtracer and for the program's words.
test_a_start_reads_neither_its_own_maps_nor_looks_for_a_backtracer() {
    command -v strace > /dev/null || skip "needs strace"
    bundle '.process.args = ["/bin/true"]'
    expect 0 strace -f -o "$SCRATCH/calls" "$BIN/swiftlet-oci" --root "$SCRATCH/state" run --bundle "$SCRATCH/cost" swl-cost-start
    same "$(grep -c -e /proc/self/maps -e swift-backtrace -e libexec/swift "$SCRATCH/calls")" 0
}

test_a_shim_is_sealed_before_its_c_library_starts() {
    command -v strace > /dev/null || skip "needs strace"
    mkdir -p "$SCRATCH/shim"
    cd "$SCRATCH/shim"
    expect 0 strace -o "$SCRATCH/calls" "$BIN/containerd-shim-swiftlet-v2" -namespace cost -address "$SCRATCH/none" -id swl-cost-shim start
    pkill -f 'shim-swiftlet-v2 .*-id swl-cost-shim start'
    contains "$(sed -n '2,8p' "$SCRATCH/calls")" execveat
    until_true 10 bash -c "! pgrep -f 'shim-swiftlet-v2 .*-id swl-cost-shi[m] start'"
}

test_true_starts_under_a_memory_limit_of_512_kib() {
    [ -e /sys/fs/cgroup/memory/memory.limit_in_bytes ] || skip "needs the memory controller of cgroup v1"
    local namespaces
    for namespaces in '.' '.linux.namespaces += [{"type": "cgroup"}]'; do
        bundle '.process.args = ["/bin/true"] | .linux.resources.memory = {"limit": 524288} | '"$namespaces"
        expect 0 oci run --bundle "$SCRATCH/cost" swl-cost-small
    done
    same "$(leftovers swl-cost)" ""
}

# Beyond the limit nothing is tried here: this kernel stands still at times when it has to kill.
test_true_starts_under_a_memory_limit_of_512_kib_on_cgroup_v2() {
    mkdir -p "$SCRATCH/uml"
    bundle '.process.args = ["/bin/true"] | .linux.resources.memory = {"limit": 524288} | .linux.namespaces += [{"type": "cgroup"}]'
    cat > "$SCRATCH/uml/job" <<JOB
mkdir -p /run/oci
"$BIN/swiftlet-oci" --root /run/oci run --bundle "$SCRATCH/cost" swl-cost-uml
echo "status \$?"
JOB
    boot
    same "$(cat "$SCRATCH/uml/out")" "status 0"
}

test_an_exec_in_a_container_with_little_memory_left_is_set_up_outside_of_it() {
    [ -e /sys/fs/cgroup/memory/memory.limit_in_bytes ] || skip "needs the memory controller of cgroup v1"
    bundle '.process.args = ["/bin/sleep", "1000"] | .linux.resources.memory = {"limit": 1048576}'
    expect 0 oci run --detach --bundle "$SCRATCH/cost" swl-cost-exec
    expect 0 oci exec swl-cost-exec /bin/true
    expect 0 oci delete --force swl-cost-exec
}
