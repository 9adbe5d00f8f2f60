#!/bin/bash
# faults: a sweep over the steps of a container's life, descriptors, clocks, a killed daemon

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
    same "$(leftovers swl-fault)" "" "left behind"
}

status_is() { [ "$(ctr task ls | awk -v n="$1" '$1 == n {print $3}')" = "$2" ]; }

# Every fortieth step; `make sweep` takes them all.
test_a_fault_at_any_step_leaves_nothing_and_the_exit_is_told_once() {
    command -v clang > /dev/null || command -v cc > /dev/null || skip "needs a C compiler for the stepper"
    expect 0 Integration/sweep/run.sh "$BIN" 40
    contains "$out" " 0 with something wrong"
}

test_a_killed_daemon_loses_no_exit() {
    local pid
    ctr run -d --runtime $RUNTIME $IMAGE swl-fault-daemon sh -c 'sleep 1; exit 6'
    pid=$(cat "$SCRATCH/c/pid")
    kill -KILL "$pid"
    until_true 20 bash -c "! kill -0 $pid"
    rm -f "$SCRATCH/c/pid"
    until_true 10 bash -c '! pgrep -x -f "sh -c sleep 1; exit 6"'
    start_containerd
    status_is swl-fault-daemon STOPPED || fail "$(ctr task ls)"
    expect 0 ctr task rm swl-fault-daemon
    contains "$err" "exit code 6"
    ctr container rm swl-fault-daemon
}

# A shim without descriptors refuses new work by name, and goes on when it has some again.
test_a_daemon_that_stood_still_is_told_when_it_goes_on() {
    local pid
    ctr run -d --runtime $RUNTIME $IMAGE swl-fault-still sh -c 'sleep 1; exit 7'
    pid=$(cat "$SCRATCH/c/pid")
    kill -STOP "$pid"
    trap "kill -CONT $pid || :" EXIT
    until_true 10 bash -c '! pgrep -x -f "sh -c sleep 1; exit 7"'
    kill -CONT "$pid"
    until_true 20 status_is swl-fault-still STOPPED
    expect 0 ctr task rm swl-fault-still
    contains "$err" "exit code 7"
    ctr container rm swl-fault-still
}

# Rule 8: a number alone is nobody. Without the birth time in the record this would end a stranger.
test_delete_ends_no_process_to_which_the_pid_of_init_came_back() {
    local at=$SCRATCH/again pid born status=0
    mkdir -p "$at/rootfs"
    (cd "$at" && runc spec)
    sleep 1000 < /dev/null > /dev/null 2>&1 &
    pid=$!
    trap "kill $pid 2> /dev/null || :" EXIT
    born=$(awk '{print $22}' "/proc/$pid/stat")
    forget() {
        printf '{"version": 1, "id": "swl-fault-again", "pid": %s, "startTime": %s, "cgroup": []}' "$pid" "$1" > "$at/swiftlet-task.json"
        (cd "$at" && "$BIN/containerd-shim-swiftlet-v2" -namespace default -id swl-fault-again delete > "$SCRATCH/deleted" 2> "$SCRATCH/err") ||
            fail "$(cat "$SCRATCH/err")"
    }
    forget $((born - 1))
    kill -0 "$pid" || fail "a process of another birth time was killed"
    forget "$born"
    wait "$pid" || status=$?
    same "$status" 137
}

# A disk that takes nothing holds up who writes to it, and nobody else.
test_a_frozen_disk_holds_up_no_call() {
    local at=$SCRATCH/frozen
    mkdir -p "$at"
    truncate -s 32M "$SCRATCH/frozen.img"
    mkfs.ext4 -q "$SCRATCH/frozen.img"
    mount -o loop "$SCRATCH/frozen.img" "$at"
    trap "fsfreeze -u '$at' 2> /dev/null || :; until_true 10 umount '$at'" EXIT
    ctr run -d --runtime $RUNTIME --log-uri "file://$at/log" $IMAGE swl-fault-frozen sh -c \
        'echo before; until [ -e /go ]; do sleep 0.1; done; yes 0123456789abcdef | head -c 340000; echo after; exit 3'
    until_true 10 grep -q before "$at/log"
    fsfreeze -f "$at"
    ctr task exec --exec-id go swl-fault-frozen touch /go
    # Each is asked while the output cannot go anywhere.
    expect 0 timeout 5 ctr -a "$SCRATCH/c/c.sock" task ps swl-fault-frozen
    expect 0 timeout 5 ctr -a "$SCRATCH/c/c.sock" task exec --exec-id probe swl-fault-frozen true
    expect 0 timeout 5 ctr -a "$SCRATCH/c/c.sock" task metrics swl-fault-frozen
    fsfreeze -u "$at"
    until_true 20 status_is swl-fault-frozen STOPPED
    expect 0 ctr task rm swl-fault-frozen
    contains "$err" "exit code 3"
    same "$(tail -n 1 "$at/log")" after
    same "$(stat -c %s "$at/log")" 340013
    ctr container rm swl-fault-frozen
}

test_a_shim_out_of_descriptors_refuses_execs_and_keeps_its_container() {
    local pid
    ctr run -d --runtime $RUNTIME $IMAGE swl-fault-fds sleep 1000
    pid=$(pgrep -f 'shim-swiftlet-v[2] .*swl-fault-fds')
    prlimit --pid "$pid" --nofile="$(($(ls "/proc/$pid/fd" | wc -l) + 2)):4096"
    expect 1 ctr task exec --exec-id e1 swl-fault-fds true
    contains "$err" EMFILE
    status_is swl-fault-fds RUNNING || fail "$(ctr task ls)"
    prlimit --pid "$pid" --nofile=1024:4096
    expect 0 ctr task exec --exec-id e2 swl-fault-fds true
    ctr task kill -s KILL swl-fault-fds
    until_true 10 status_is swl-fault-fds STOPPED
    ctr task rm swl-fault-fds > /dev/null 2>&1 || :
    ctr container rm swl-fault-fds
}

test_a_process_that_does_not_fit_into_the_memory_limit_is_an_error_or_an_exit() {
    local status=0
    timeout 60 command ctr -a "$SCRATCH/c/c.sock" run --rm --runtime $RUNTIME --memory-limit 65536 $IMAGE swl-fault-nomem true \
        > "$SCRATCH/nomem" 2>&1 || status=$?
    [ "$status" != 0 ] && [ "$status" != 124 ] || fail "status $status: $(cat "$SCRATCH/nomem")"
    ctr task rm -f swl-fault-nomem > /dev/null 2>&1 || :
    ctr container rm swl-fault-nomem 2> /dev/null || :
    until_true 10 bash -c "! pgrep -f 'shim-swiftlet-v[2] .*swl-fault-nomem'"
    same "$(leftovers swl-fault-nomem)" ""
}

test_two_hundred_containers_that_end_at_once_are_each_told() {
    local n pid pids=() at=$SCRATCH/many
    mkdir -p "$at"
    for n in $(seq 1 200); do
        ctr run -d --runtime $RUNTIME --mount "type=bind,src=$at,dst=/many,options=rbind:ro" $IMAGE "swl-fault-many-$n" \
            sh -c "until [ -e /many/go ]; do sleep 0.5; done; exit $((n % 100))"
    done
    touch "$at/go"
    until_true 60 bash -c "source Integration/tests/lib.sh; [ \"\$(ctr task ls | grep -c 'swl-fault-many-.*STOPPED')\" = 200 ]"
    for n in $(seq 1 200); do
        ctr task rm "swl-fault-many-$n" > "$at/out" 2>&1 || :
        [ $((n % 100)) = 0 ] || contains "$(cat "$at/out")" "exit code $((n % 100))"
        ctr container rm "swl-fault-many-$n"
    done
    same "$(leftovers swl-fault-many)" ""
}
