#!/bin/bash
# containerd 1.6 and its own runc shim with swiftlet-oci in runc's place (RUNTIME_UNDER_TEST names another)

source Integration/tests/engines.sh
IMAGE=docker.io/swiftlet/busybox:docker
SERVERS="bin/containerd |$WORLD/containerd.toml"

cr() { inside ctr -a "$WORLD/c.sock" -n "$OWN" "$@"; }
cr_tty() { inside env SHELL=/bin/sh script -qec "ctr -a $WORLD/c.sock -n $OWN $*" /dev/null; }
run() { cr run --rm --runtime io.containerd.runc.v2 --runc-binary "$RUNTIME_PATH" "$@"; }
# A container that waits and ends with 9 on TERM, detached. More options may follow the name.
sleeper() {
    local name=$1
    shift
    cr run -d --runtime io.containerd.runc.v2 --runc-binary "$RUNTIME_PATH" "$@" $IMAGE "$name" sh -c 'trap "exit 9" TERM; while :; do sleep 0.05; done'
    until_true 10 status_is "$name" RUNNING
}
status_is() { [ "$(cr task ls | awk -v n="$1" '$1 == n {print $3}')" = "$2" ]; }
pid_of() { cr task ls | awk -v n="$1" '$1 == n {print $2}'; }
gone() {
    cr task kill -s KILL "$1" 2> /dev/null || :
    until_true 10 status_is "$1" STOPPED
    cr task rm "$1" > /dev/null 2>&1 || :
    cr container rm "$1"
}

prepare() {
    needs containerd ctr containerd-shim-runc-v2 unshare nsenter umoci skopeo script
    make_archives
    open_world
    cat > "$WORLD/containerd.toml" <<TOML
version = 2
root = "$WORLD/croot"
state = "$WORLD/cstate"
disabled_plugins = ["io.containerd.grpc.v1.cri", "io.containerd.snapshotter.v1.btrfs", "io.containerd.snapshotter.v1.zfs",
  "io.containerd.snapshotter.v1.devmapper", "io.containerd.snapshotter.v1.aufs", "io.containerd.internal.v1.opt", "io.containerd.internal.v1.tracing"]
[grpc]
  address = "$WORLD/c.sock"
TOML
    inside containerd --config "$WORLD/containerd.toml" > "$WORLD/containerd.log" 2>&1 < /dev/null &
    until_true 20 cr version
    cr image import "$ARCHIVES/docker.tar" > /dev/null
}

finish() {
    [ -s "$WORLD/pid" ] || return 0
    local name pid bad=0
    for name in $(cr container ls -q 2> /dev/null); do
        cr task kill -s KILL "$name" 2> /dev/null || :
        cr task rm -f "$name" > /dev/null 2>&1 || :
        cr container rm "$name" || :
    done
    (nothing_left swl-) || bad=1
    pid=$(pgrep -f "^containerd --config $WORLD/") && kill "$pid" && until_true 20 bash -c "! kill -0 $pid"
    clear_groups "$OWN"
    close_world
    return $bad
}

test_runc_shim_exit_codes_and_both_streams_reach_ctr() {
    expect 0 run $IMAGE swl-ok true
    expect 7 run $IMAGE swl-seven sh -c 'echo one; echo two >&2; exit 7'
    same "$out" one
    same "$err" two
    expect 1 run $IMAGE swl-missing no-such-command
    contains "$err" no-such-command
    same "$(cr task ls -q)" "" "tasks"
    nothing_left swl-
}

test_runc_shim_ten_megabytes_come_through_unchanged() {
    expect 0 run $IMAGE swl-big sh -c 'yes 0123456789abcdef | head -c 10000000'
    same "$(md5sum < "$SCRATCH/out")" "$(yes 0123456789abcdef | head -c 10000000 | md5sum)"
}

test_runc_shim_input_reaches_the_container() {
    rm -f "$SCRATCH/in"
    mkfifo "$SCRATCH/in"
    { until_true 10 status_is swl-in RUNNING; echo "line for cat"; } > "$SCRATCH/in" &
    INPUT="$SCRATCH/in" expect 0 run $IMAGE swl-in cat
    same "$out" "line for cat"
}

test_runc_shim_terminals_of_run_and_exec() {
    expect 5 cr_tty run --rm -t --runtime io.containerd.runc.v2 --runc-binary "$RUNTIME_PATH" $IMAGE swl-tty "sh -c 'test -t 0 && tty && stty size; exit 5'"
    contains "$out" /dev/pts/0
    sleeper swl-tty2
    expect 6 cr_tty task exec -t --exec-id e1 swl-tty2 "sh -c 'tty; exit 6'"
    contains "$out" /dev/pts/
    gone swl-tty2
}

test_runc_shim_exec_with_user_directory_and_exit_codes() {
    sleeper swl-exec
    expect 0 cr task exec --exec-id e1 swl-exec sh -c 'echo from exec; cat /proc/1/comm'
    same "$out" "from exec
sh"
    expect 3 cr task exec --exec-id e2 swl-exec sh -c 'exit 3'
    expect 0 cr task exec --exec-id e3 --cwd /tmp --user 405:100 swl-exec sh -c 'pwd; id -u; id -g'
    same "$(echo $out)" "/tmp 405 100"
    expect 1 cr task exec --exec-id e4 swl-exec no-such-command
    contains "$err" no-such-command
    expect 0 cr task exec -d --exec-id e5 swl-exec touch /tmp/detached
    until_true 5 cr task exec --exec-id e6 swl-exec test -e /tmp/detached
    gone swl-exec
}

test_runc_shim_signals_and_the_exit_code_of_the_handler() {
    sleeper swl-kill
    cr task kill -s TERM swl-kill
    until_true 10 status_is swl-kill STOPPED
    expect 0 cr task rm swl-kill
    contains "$err" "exit code 9"
    cr container rm swl-kill
    sleeper swl-kill2
    cr task kill -s KILL --all swl-kill2
    until_true 10 status_is swl-kill2 STOPPED
    expect 0 cr task rm swl-kill2
    contains "$err" "exit code 137"
    cr container rm swl-kill2
}

test_runc_shim_pause_and_resume() {
    sleeper swl-pause
    cr task pause swl-pause
    status_is swl-pause PAUSED || fail "not paused: $(cr task ls)"
    cr task resume swl-pause
    status_is swl-pause RUNNING || fail "not running: $(cr task ls)"
    expect 0 cr task exec --exec-id e1 swl-pause true
    gone swl-pause
}

test_runc_shim_metrics_and_pids() {
    sleeper swl-metrics
    expect 0 cr task metrics swl-metrics
    contains "$out" memory
    contains "$out" pids.current
    expect 0 cr task ps swl-metrics
    contains "$out" "$(pid_of swl-metrics)"
    gone swl-metrics
}

test_runc_shim_memory_beyond_the_limit_is_told_as_an_event() {
    cr events > "$WORLD/events" 2>&1 &
    local pid=$!
    expect 137 run --memory-limit 33554432 $IMAGE swl-oom sh -c 'head -c 200000000 /dev/zero | tail > /dev/null; exit $?'
    until_true 5 grep -q /tasks/delete "$WORLD/events"
    kill $pid
    grep -q '/tasks/oom.*swl-oom' "$WORLD/events" || fail "no oom event: $(cat "$WORLD/events")"
    pid=$(pgrep -f "ctr -a $WORLD/c.sock -n $OWN events") && kill "$pid" || :
}

test_runc_shim_options_of_the_spec() {
    expect 0 run --env NAME=value --cwd /tmp --read-only $IMAGE swl-opt sh -c 'echo $NAME $(pwd); touch /tmp/x || :'
    contains "$out" "value /tmp"
    contains "$err" "Read-only"
    echo content > "$WORLD/file"
    expect 0 run --mount "type=bind,src=$WORLD/file,dst=/mounted,options=rbind:ro" $IMAGE swl-mount sh -c 'cat /mounted; echo x > /mounted || :'
    same "$out" content
    contains "$err" "Read-only"
    expect 0 run --privileged $IMAGE swl-priv sh -c 'mount -t tmpfs none /tmp && echo mounted'
    same "$out" mounted
    expect 0 run --seccomp --cpus 0.5 $IMAGE swl-sec grep Seccomp: /proc/self/status
    contains "$out" 2
    expect 0 run --net-host $IMAGE swl-net readlink /proc/self/ns/net
    same "$out" "$(inside readlink /proc/self/ns/net)"
    expect 0 run --no-pivot $IMAGE swl-pivot true
}

test_runc_shim_a_user_namespace() {
    expect 0 run --uidmap 0:100000:65536 --gidmap 0:200000:65536 $IMAGE swl-user sh -c 'cat /proc/self/uid_map; id -u; touch /tmp/mine && stat -c %u:%g /tmp/mine'
    same "$(tr -s ' \n' ' ' <<< "$out")" " 0 100000 65536 0 0:0 "
}

test_runc_shim_namespaces_by_path() {
    sleeper swl-ns
    local pid
    pid=$(pid_of swl-ns)
    expect 0 run --with-ns "network:/proc/$pid/ns/net" --with-ns "ipc:/proc/$pid/ns/ipc" $IMAGE swl-join sh -c 'readlink /proc/self/ns/net; readlink /proc/self/ns/ipc'
    same "$out" "$(readlink "/proc/$pid/ns/net"; readlink "/proc/$pid/ns/ipc")"
    gone swl-ns
}

test_runc_shim_a_checkpoint_is_made_or_refused_with_a_reason() {
    sleeper swl-cp
    local status=0
    cr container checkpoint --task swl-cp localhost/checkpoint:1 > "$SCRATCH/out" 2> "$SCRATCH/err" || status=$?
    [ $status = 0 ] || contains "$(cat "$SCRATCH/err")" criu
    [ $status = 0 ] || status_is swl-cp RUNNING || fail "$(cr task ls)"
    gone swl-cp
}

test_runc_shim_fifty_at_once_and_nothing_is_left() {
    local n pid pids=() status
    for n in $(seq 1 50); do
        run $IMAGE "swl-many-$n" sh -c "exit $n" > /dev/null 2>&1 &
        pids+=($!)
    done
    n=0
    for pid in "${pids[@]}"; do
        status=0
        n=$((n + 1))
        wait "$pid" || status=$?
        same $status $n
    done
    same "$(cr task ls -q)" "" "tasks"
    nothing_left swl-
}
