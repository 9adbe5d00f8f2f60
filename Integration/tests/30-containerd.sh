#!/bin/bash
# containerd 1.6 with io.containerd.swiftlet.v2

RUNTIME=io.containerd.swiftlet.v2
IMAGE=docker.io/swiftlet/busybox:docker

prepare() { make_archives; start_containerd; ctr image import "$ARCHIVES/docker.tar" > /dev/null; }

finish() {
    local name
    for name in $(ctr container ls -q 2>/dev/null); do
        ctr task kill -s KILL "$name" 2>/dev/null || :
        ctr task rm -f "$name" 2>/dev/null || :
        ctr container rm "$name" 2>/dev/null || :
    done
    stop_containerd
    [ ! -e "$SCRATCH/failure" ] || [ ! -s "$SCRATCH/failure" ] || tail -n 20 "$SCRATCH/c/log" >&2
    same "$(leftovers swl-)" "" "left behind"
}

# A container that waits, detached.
sleeper() {
    ctr run -d --runtime $RUNTIME $IMAGE "$1" sh -c 'trap "exit 9" TERM; while :; do sleep 0.05; done'
    until_true 10 status_is "$1" RUNNING
}
status_is() { [ "$(ctr task ls | awk -v n="$1" '$1 == n {print $3}')" = "$2" ]; }
remove() { ctr task kill -s KILL "$1" 2>/dev/null || :; until_true 10 status_is "$1" STOPPED; ctr task rm "$1" > /dev/null 2>&1 || :; ctr container rm "$1"; }

test_exit_codes_reach_ctr() {
    expect 0 ctr run --rm --runtime $RUNTIME $IMAGE swl-ok true
    expect 7 ctr run --rm --runtime $RUNTIME $IMAGE swl-seven sh -c 'exit 7'
}

test_output_reaches_ctr() {
    expect 0 ctr run --rm --runtime $RUNTIME $IMAGE swl-out sh -c 'echo one; echo two >&2; echo three'
    same "$out" "one
three"
    same "$err" two
}

test_input_reaches_the_container_and_ends() {
    # ctr 1.6 forgets to close the task's input when its own ends before it has the task (runc or not): it comes when the task runs.
    rm -f "$SCRATCH/in"
    mkfifo "$SCRATCH/in"
    { until_true 10 status_is swl-in RUNNING; echo "line for cat"; } > "$SCRATCH/in" &
    INPUT="$SCRATCH/in" expect 0 ctr run --rm --runtime $RUNTIME $IMAGE swl-in cat
    same "$out" "line for cat"
}

test_a_hundred_megabytes_come_through_unchanged() {
    expect 0 ctr run --rm --runtime $RUNTIME $IMAGE swl-big sh -c 'yes 0123456789abcdef | head -c 100000000'
    same "$(md5sum < "$SCRATCH/out")" "$(yes 0123456789abcdef | head -c 100000000 | md5sum)"
}

test_a_terminal() {
    expect 0 script -qec "ctr -a $SCRATCH/c/c.sock run --rm -t --runtime $RUNTIME $IMAGE swl-tty sh -c 'test -t 0 && tty && stty size'" /dev/null
    contains "$out" /dev/pts/0
    expect 5 script -qec "ctr -a $SCRATCH/c/c.sock run --rm -t --runtime $RUNTIME $IMAGE swl-tty2 sh -c 'exit 5'" /dev/null
}

test_exec_with_and_without_terminal() {
    sleeper swl-exec
    expect 0 ctr task exec --exec-id e1 swl-exec sh -c 'echo from exec; cat /proc/1/comm'
    contains "$out" "from exec"
    expect 3 ctr task exec --exec-id e2 swl-exec sh -c 'exit 3'
    expect 0 script -qec "ctr -a $SCRATCH/c/c.sock task exec -t --exec-id e3 swl-exec tty" /dev/null
    contains "$out" /dev/pts/
    expect 1 ctr task exec --exec-id e4 swl-exec no-such-command
    contains "$err" no-such-command
    remove swl-exec
}

test_kill_and_the_exit_code_of_the_handler() {
    ctr run --runtime $RUNTIME $IMAGE swl-kill sh -c 'trap "exit 9" TERM; echo ready; while :; do sleep 0.05; done' > "$SCRATCH/kill.out" 2>&1 &
    local pid=$! status=0
    until_true 10 grep -q ready "$SCRATCH/kill.out"
    ctr task kill -s TERM swl-kill
    wait $pid || status=$?
    same $status 9
    ctr container rm swl-kill 2>/dev/null || :
}

test_pause_and_resume() {
    sleeper swl-pause
    ctr task pause swl-pause
    status_is swl-pause PAUSED || fail "not paused: $(ctr task ls)"
    ctr task resume swl-pause
    status_is swl-pause RUNNING || fail "not running: $(ctr task ls)"
    remove swl-pause
}

test_metrics_name_the_memory_and_the_processes() {
    sleeper swl-metrics
    expect 0 ctr task metrics swl-metrics
    contains "$out" memory
    contains "$out" pids.current
    remove swl-metrics
}

test_pids_are_listed() {
    sleeper swl-ps
    expect 0 ctr task ps swl-ps
    [ "$(wc -l < "$SCRATCH/out")" -ge 2 ] || fail "$out"
    remove swl-ps
}

test_limits_of_the_spec_are_applied() {
    expect 0 ctr run --rm --runtime $RUNTIME --memory-limit 33554432 $IMAGE swl-limit true
    expect 137 ctr run --rm --runtime $RUNTIME --memory-limit 33554432 $IMAGE swl-oom sh -c 'head -c 200000000 /dev/zero | tail > /dev/null; exit $?'
}

test_a_missing_command_is_told_and_leaves_nothing() {
    expect 1 ctr run --rm --runtime $RUNTIME $IMAGE swl-missing no-such-command
    contains "$err" no-such-command
    same "$(ctr task ls -q)" "" "tasks"
    same "$(leftovers swl-missing)" ""
}

test_a_program_that_cannot_be_executed_fails_the_start_and_can_be_removed_at_once() {
    printf '#!/no/such/interpreter\n' > "$SCRATCH/bad-script"
    chmod 755 "$SCRATCH/bad-script"
    expect 1 ctr run --rm --runtime $RUNTIME --mount "type=bind,src=$SCRATCH/bad-script,dst=/bad,options=rbind:ro" $IMAGE swl-interp /bad
    contains "$err" /bad
    same "$(ctr task ls -q)" "" "tasks"
    until_true 5 bash -c "! pgrep -f 'shim-swiftlet-v[2] .*swl-interp'"
    same "$(leftovers swl-interp)" ""
}

test_a_poststart_hook_that_fails_makes_start_fail_and_ends_the_container() {
    mkdir -p "$SCRATCH/hooked"
    [ -e "$SCRATCH/hooked/rootfs" ] || busybox_root "$SCRATCH/hooked/rootfs"
    (cd "$SCRATCH/hooked" && rm -f config.json && runc spec)
    jq --arg root "$SCRATCH/hooked/rootfs" --arg mark "$SCRATCH/hooked/stopped" '.root = {path: $root} | .process.terminal = false
        | .process.args = ["sleep", "1000"] | .linux.cgroupsPath = "/swl-hooked"
        | .hooks = {poststart: [{path: "/bin/sh", args: ["sh", "-c", "echo not today; exit 3"]}],
                    poststop: [{path: "/bin/touch", args: ["touch", $mark]}]}' "$SCRATCH/hooked/config.json" > "$SCRATCH/hooked/full.json"
    expect 1 ctr run --config "$SCRATCH/hooked/full.json" --runtime $RUNTIME swl-hooked
    contains "$err" "poststart hook /bin/sh: exit status 3: not today"
    until_true 10 test -e "$SCRATCH/hooked/stopped"
    same "$(ctr task ls -q)" "" "tasks"
    ctr container rm swl-hooked 2>/dev/null || :
    same "$(leftovers swl-hooked)" ""
}

test_a_restart_of_containerd_keeps_the_container_and_its_exit_code() {
    sleeper swl-restart
    stop_containerd
    pgrep -f 'shim-swiftlet-v2 .*swl-restart' > /dev/null || fail "the shim is gone"
    start_containerd
    status_is swl-restart RUNNING || fail "$(ctr task ls)"
    ctr task attach swl-restart > /dev/null 2>&1 < /dev/null &
    local pid=$! status=0
    until_true 5 bash -c "ps -o stat= -p $pid | grep -q S"
    ctr task kill -s TERM swl-restart
    wait $pid || status=$?
    same $status 9 "exit code after the restart"
    ctr container rm swl-restart 2>/dev/null || :
}

test_an_exit_while_containerd_is_down_is_told_afterwards() {
    ctr run -d --runtime $RUNTIME $IMAGE swl-down sh -c 'sleep 1; exit 6'
    stop_containerd
    until_true 10 bash -c '! pgrep -x -f "sh -c sleep 1; exit 6"'
    start_containerd
    status_is swl-down STOPPED || fail "$(ctr task ls)"
    expect 0 ctr task rm swl-down
    contains "$err" "exit code 6"
    ctr container rm swl-down
}

test_a_killed_shim_is_reported_and_cleaned() {
    sleeper swl-shimkill
    pkill -KILL -f 'shim-swiftlet-v2 .*swl-shimkill'
    until_true 10 bash -c "! pgrep -f 'shim-swiftlet-v[2] .*swl-shimkill'"
    until_true 10 bash -c "source Integration/tests/lib.sh; ! ctr task ls -q | grep -q swl-shimkill"
    ctr container rm swl-shimkill
    same "$(leftovers swl-shimkill)" ""
}

# CVE-2019-5736: the runtime's binary overwritten through /proc/PID/exe.
test_the_binary_that_a_container_can_see_is_read_only() {
    local pid
    sleeper swl-exe
    pid=$(pgrep -f 'shim-swiftlet-v[2] .*swl-exe')
    exec 4< "/proc/$pid/exe"
    remove swl-exe
    # While it runs, the kernel refuses anyway (ETXTBSY); the attack waits for the end and opens the descriptor again.
    until_true 10 bash -c "! kill -0 $pid"
    if bash -c 'exec 3>>/proc/self/fd/4' 2> "$SCRATCH/overwrite"; then fail "the shim's binary can be opened for writing"; fi
    exec 4<&-
    contains "$(cat "$SCRATCH/overwrite")" "Read-only file system"
    # The attack's entrance, a program that is the runtime itself, gets that same file.
    expect 0 ctr run --rm --runtime $RUNTIME $IMAGE swl-self /proc/self/exe -version
    contains "$out" containerd-shim-swiftlet-v2
}

test_two_hundred_cycles_leave_nothing() {
    local n before
    before=$(find /sys/fs/cgroup -type d | wc -l)
    for n in $(seq 1 200); do
        ctr run -d --runtime $RUNTIME $IMAGE "swl-cycle-$n" sleep 1000
        ctr task exec --exec-id "x$n" "swl-cycle-$n" true
        ctr task kill -s KILL "swl-cycle-$n"
        until_true 10 status_is "swl-cycle-$n" STOPPED
        ctr task rm "swl-cycle-$n" > /dev/null 2>&1 || [ $? = 137 ]
        ctr container rm "swl-cycle-$n"
    done
    same "$(leftovers swl-cycle)" "" "left behind"
    same "$(find /sys/fs/cgroup -type d | wc -l)" "$before" "cgroups"
    same "$(ls "$SCRATCH/c/state/io.containerd.runtime.v2.task/default" 2>/dev/null)" "" "bundles"
    same "$(find "$SCRATCH/c/root/io.containerd.runtime.v2.task" -mindepth 2 2>/dev/null)" "" "work directories"
}
