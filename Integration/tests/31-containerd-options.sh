#!/bin/bash
# containerd 1.6: the runtime's options, other runtimes behind BinaryName, checkpoints, limits

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
    same "$(leftovers opt-)" "" "left behind"
}

# options LINE…: a file of options, whose path is in $config.
options() { config=$SCRATCH/options.toml; printf '%s\n' "$@" > "$config"; }
run() { ctr run --runtime $RUNTIME --runtime-config-path "$config" "$@"; }
status_is() { [ "$(ctr task ls | awk -v n="$1" '$1 == n {print $3}')" = "$2" ]; }
pid_of() { ctr task ls | awk -v n="$1" '$1 == n {print $2}'; }
sleeper() {
    run -d "${@:2}" $IMAGE "$1" sh -c 'trap "exit 9" TERM; while :; do sleep 0.05; done'
    until_true 10 status_is "$1" RUNNING
}
remove() {
    ctr task kill -s KILL "$1" 2>/dev/null || :
    until_true 10 status_is "$1" STOPPED
    ctr task rm "$1" > /dev/null 2>&1 || :
    ctr container rm "$1"
}

# Everything of a container's life, set up by the runtime $1.
life_with() {
    local runtime=$1 name=opt-${1##*/} pid status=0
    command -v "$runtime" > /dev/null || skip "needs $runtime"
    options "BinaryName = \"$runtime\"" "Root = \"$SCRATCH/root-${runtime##*/}\""
    if [ "$runtime" = crun ] && [ -d /sys/fs/cgroup/unified ]; then
        expect 1 run --rm $IMAGE "$name-none" true
        contains "$err" "crun create $name-none: "
        skip "crun runs on no host with both versions of cgroups: $err"
    fi
    expect 7 run --rm $IMAGE "$name-seven" sh -c 'echo one; echo two >&2; exit 7'
    same "$out $err" "one two"
    expect 0 script -qec "ctr -a $SCRATCH/c/c.sock run --rm -t --runtime $RUNTIME --runtime-config-path $config $IMAGE $name-tty sh -c 'test -t 0 && tty'" /dev/null
    contains "$out" /dev/pts/0
    expect 1 run --rm $IMAGE "$name-missing" no-such-command
    contains "$err" no-such-command
    contains "$err" "$runtime"
    sleeper "$name"
    # It is that runtime's container.
    contains "$("$runtime" --root "$SCRATCH/root-${runtime##*/}/default" list)" "$name"
    same "$(awk '/^PPid/ {print $2}' "/proc/$(pid_of "$name")/status")" "$(pgrep -f "shim-swiftlet-v2 .*-id $name ")" "the shim is its parent"
    expect 3 ctr task exec --exec-id e1 "$name" sh -c 'exit 3'
    # By its exit code: on a busy machine ctr may open the FIFO of the output when such a short process is gone already.
    expect 4 script -qec "ctr -a $SCRATCH/c/c.sock task exec -t --exec-id e2 $name sh -c 'test -t 0 && test -t 1 && exit 4'" /dev/null
    expect 1 ctr task exec --exec-id e3 "$name" no-such-command
    contains "$err" no-such-command
    expect 0 ctr task metrics "$name"
    contains "$out" pids.current
    expect 0 ctr task ps "$name"
    contains "$out" "$(pid_of "$name")"
    ctr task pause "$name"
    status_is "$name" PAUSED || fail "not paused: $(ctr task ls)"
    ctr task resume "$name"
    ctr task attach "$name" > /dev/null 2>&1 < /dev/null &
    pid=$!
    until_true 5 bash -c "ps -o stat= -p $pid | grep -q S"
    ctr task kill -s TERM "$name"
    wait $pid || status=$?
    same $status 9 "the handler's exit code"
    ctr task rm "$name" > /dev/null 2>&1 || :
    ctr container rm "$name"
    same "$("$runtime" --root "$SCRATCH/root-${runtime##*/}/default" list -q)" "" "its containers"
    same "$(leftovers "$name")" ""
}

test_runc_behind_the_option_binary_name_lives_a_containers_life() { life_with runc; }
test_swiftlet_oci_behind_the_option_binary_name_lives_a_containers_life() { life_with "$BIN/swiftlet-oci"; }
test_crun_behind_the_option_binary_name_lives_a_containers_life() { life_with crun; }

test_a_runtime_that_is_not_there_is_named() {
    options 'BinaryName = "no-such-runtime"'
    expect 1 run --rm $IMAGE opt-none true
    contains "$err" "exec no-such-runtime (not found in PATH)"
    same "$(ctr task ls -q)" "" "tasks"
    same "$(leftovers opt-none)" ""
}

test_a_killed_shim_of_another_runtime_is_cleaned_through_that_runtime() {
    options 'BinaryName = "runc"' "Root = \"$SCRATCH/root-kill\""
    sleeper opt-shimkill
    pkill -KILL -f 'shim-swiftlet-v2 .*opt-shimkill'
    until_true 10 bash -c "! pgrep -f 'shim-swiftlet-v[2] .*opt-shimkill'"
    until_true 10 bash -c "source Integration/tests/lib.sh; ! ctr task ls -q | grep -q opt-shimkill"
    ctr container rm opt-shimkill
    same "$(runc --root "$SCRATCH/root-kill/default" list -q)" "" "runc's containers"
    same "$(leftovers opt-shimkill)" ""
}

test_an_oom_kill_under_another_runtime_is_told() {
    options 'BinaryName = "runc"'
    ctr events > "$SCRATCH/oom-events" 2>&1 &
    local pid=$!
    expect 137 run --rm --memory-limit 33554432 $IMAGE opt-oom sh -c 'head -c 200000000 /dev/zero | tail > /dev/null; exit $?'
    until_true 5 grep -q '/tasks/oom .*opt-oom' "$SCRATCH/oom-events"
    kill $pid
    same "$(grep -o '/tasks/[a-z]* ' "$SCRATCH/oom-events" | tr -d '\n')" "/tasks/create /tasks/start /tasks/oom /tasks/exit /tasks/delete "
}

test_unknown_options_and_wrong_values_are_named_with_their_line() {
    options '# comment' 'SystemdCgroups = true'
    expect 1 run --rm $IMAGE opt-bad true
    contains "$err" "runtime options in $config: line 2: SystemdCgroups: no such option"
    options 'NoPivotRoot = "yes"'
    expect 1 run --rm $IMAGE opt-bad true
    contains "$err" "line 1: NoPivotRoot: true or false expected"
    config=/no/such/file
    expect 1 run --rm $IMAGE opt-bad true
    contains "$err" "open /no/such/file: no such file or directory"
    same "$(ctr task ls -q)" "" "tasks"
    same "$(leftovers opt-bad)" ""
}

test_options_for_the_built_in_executor_come_from_the_same_file() {
    options 'NoPivotRoot = true' 'NoNewKeyring = true' "Root = '$SCRATCH/unused'"
    expect 0 run --rm $IMAGE opt-plain true
}

test_mapped_users_own_their_streams() {
    # ctr 1.6 sends containerd.linux.runc.CreateOptions with the owner of the pipes. Its user 0 has to come to the bundle.
    chmod 711 "$SCRATCH" "$SCRATCH/c" "$SCRATCH/c/state"
    expect 0 ctr run --rm --runtime $RUNTIME --uidmap 0:100000:65536 --gidmap 0:200000:65536 $IMAGE opt-mapped \
        sh -c 'echo again > /dev/stdout; stat -L -c %u:%g /proc/self/fd/1; cat /proc/self/uid_map'
    contains "$out" again
    contains "$out" 0:0
    contains "$out" 100000
}

test_new_limits_are_applied_while_it_runs() {
    config=/dev/null
    sleeper opt-update --memory-limit 67108864
    expect 0 ctr task metrics --format json opt-update
    local before
    before=$(jq '.memory.usage.limit // .memory.usage_limit' <<< "$out")
    same "$before" 67108864
    remove opt-update
}

test_a_checkpoint_is_written_and_restored_with_the_live_bundle() {
    [ "$(uname -m)" = x86_64 ] || skip "the stand-in for criu knows the system calls of x86_64 alone"
    local pid ref=docker.io/swiftlet/checkpoint:1
    stand_in_criu
    options "CriuPath = \"$SCRATCH/criu\""
    sleeper opt-dump
    pid=$(pid_of opt-dump)
    expect 0 ctr container checkpoint --image --task opt-dump $ref
    status_is opt-dump RUNNING || fail "$(ctr task ls)"
    same "$(jq -c '[.kind, .numbers["2"], .numbers["3"]]' "$CRIU_ASKED")" "[1,$pid,1]"
    remove opt-dump
    expect 0 ctr container restore --live opt-back $ref
    status_is opt-back RUNNING || fail "$(ctr task ls)"
    pid=$(pid_of opt-back)
    same "$(jq -c '[.kind, (.inside | index("bin") != null)]' "$CRIU_ASKED")" "[2,true]"
    contains "$(cat "/proc/$pid/cgroup")" /default/opt-dump # as its configuration says
    same "$(awk '/^PPid/ {print $2}' "/proc/$pid/status")" "$(pgrep -f "shim-swiftlet-v2 .*-id opt-back ")" "the shim is its parent"
    same "$(grep -cF "$SCRATCH/c/state" /proc/self/mountinfo || :)" 0 "mounts on the host"
    # What criu itself was to the shim is reaped.
    until_true 5 bash -c "! pgrep -P $(pgrep -f "shim-swiftlet-v2 .*-id opt-back ") -x criu"
    ctr task kill -s TERM opt-back
    until_true 10 status_is opt-back STOPPED
    expect 0 ctr task rm opt-back
    contains "$err" "exit code 9"
    ctr container rm opt-back
    same "$(leftovers opt-back)" ""
}

test_a_restore_that_criu_refuses_is_an_error_of_start_and_leaves_nothing() {
    [ "$(uname -m)" = x86_64 ] || skip "the stand-in for criu knows the system calls of x86_64 alone"
    local ref=docker.io/swiftlet/checkpoint:2
    stand_in_criu
    options "CriuPath = \"$SCRATCH/criu\""
    sleeper opt-gone
    expect 0 ctr container checkpoint --image --task opt-gone $ref
    remove opt-gone
    printf '#!/bin/sh\necho not today >&2\nexit 1\n' > "$SCRATCH/criu"
    expect 1 ctr container restore --live opt-not $ref
    contains "$err" "criu restore: not today"
    expect 0 ctr task rm opt-not
    contains "$err" "exit code 126"
    ctr container rm opt-not
    same "$(leftovers opt-not)" ""
}

test_a_checkpoint_that_cannot_be_made_leaves_the_container_as_it_is() {
    printf '#!/bin/sh\necho no such kernel >&2\nexit 1\n' > "$SCRATCH/criu"
    chmod 755 "$SCRATCH/criu"
    options "CriuPath = \"$SCRATCH/no-criu\""
    sleeper opt-nocriu
    expect 1 ctr task checkpoint --image-path "$SCRATCH/none" opt-nocriu
    contains "$err" "criu checkpoint: $SCRATCH/no-criu is not installed"
    status_is opt-nocriu RUNNING || fail "$(ctr task ls)"
    remove opt-nocriu
    options "CriuPath = \"$SCRATCH/criu\""
    sleeper opt-badcriu
    expect 1 ctr task checkpoint --image-path "$SCRATCH/none" opt-badcriu
    contains "$err" "criu checkpoint: no such kernel"
    status_is opt-badcriu RUNNING || fail "$(ctr task ls)"
    remove opt-badcriu
}
