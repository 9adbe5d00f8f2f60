#!/bin/bash
# docker 20.10 with swiftlet-oci in runc's place (RUNTIME_UNDER_TEST names another)

source Integration/tests/engines.sh
IMAGE=busybox:1
SERVERS="dockerd |containerd --config $WORLD"
KEPT_MOUNTS='/world/docker[^/]*(/[0-9.]+)?$|/overlay2$' # the daemon's own, of its directory on itself

dk() { inside env HOME="$WORLD" DOCKER_CONFIG="$WORLD/.docker" /usr/bin/docker -H "unix://$WORLD/d.sock" "$@"; }
dk_tty() { inside env SHELL=/bin/sh HOME="$WORLD" DOCKER_CONFIG="$WORLD/.docker" script -qec "/usr/bin/docker -H unix://$WORLD/d.sock $*" /dev/null; }
run() { dk run --rm --network none "$@"; }
field() { dk inspect --format "{{$2}}" "$1"; }
is() { [ "$(field "$1" "$2")" = "$3" ]; }
# A container that waits and ends with 9 on TERM, detached. More options may follow the name.
sleeper() {
    local name=$1
    shift
    dk run -d --network none --name "$name" "$@" $IMAGE sh -c 'trap "exit 9" TERM; while :; do sleep 0.05; done' > /dev/null
}
gone() { dk rm -f "$@" > /dev/null; }

# Options of the daemon may follow; its directory is $DATA.
start_daemon() {
    DATA=${DATA:-$WORLD/docker}
    inside dockerd --data-root "$DATA" --exec-root "$WORLD/exec" --pidfile "$WORLD/d.pid" --host "unix://$WORLD/d.sock" \
        --add-runtime "under-test=$RUNTIME_PATH" --default-runtime under-test --exec-opt native.cgroupdriver=cgroupfs --cgroup-parent "/$OWN" \
        --default-ulimit nofile=1024:1024 --storage-driver overlay2 --live-restore "$@" >> "$WORLD/dockerd.log" 2>&1 < /dev/null &
    until_true 30 dk version
}
stop_daemon() {
    local pid
    pid=$(cat "$WORLD/d.pid" 2> /dev/null) || return 0
    kill "$pid"
    until_true 30 bash -c "! kill -0 $pid"
    rm -f "$WORLD/d.pid"
}

prepare() {
    needs dockerd containerd containerd-shim-runc-v2 iptables unshare nsenter busybox script
    [ -x /usr/bin/docker ] || skip "needs docker's command"
    open_world
    mkdir -p "$WORLD/volume"
    start_daemon
    busybox_root "$WORLD/busybox"
    tar -C "$WORLD/busybox" -c . | dk import --change 'CMD ["/bin/sh"]' --change 'ENV PATH=/bin' - $IMAGE > /dev/null
}

finish() {
    [ -s "$WORLD/pid" ] || return 0
    local names bad=0
    names=$(dk ps -aq) || tail -n 20 "$WORLD/dockerd.log" >&2
    [ -z "$names" ] || gone $names
    (nothing_left) || bad=1
    stop_daemon
    clear_groups "$OWN"
    close_world
    return $bad
}

test_docker_exit_codes_and_both_streams_come_through() {
    expect 0 run $IMAGE true
    expect 7 run $IMAGE sh -c 'echo one; echo two >&2; exit 7'
    same "$out" one
    same "$err" two
    expect 127 run $IMAGE no-such-command
    contains "$err" no-such-command
    expect 126 run $IMAGE /etc/passwd
    contains "$err" /etc/passwd
    same "$(dk ps -aq)" "" "containers"
}

test_docker_input_and_a_terminal() {
    printf 'line for cat\nand another' > "$SCRATCH/in"
    INPUT=$SCRATCH/in expect 0 run -i $IMAGE cat
    same "$out" "line for cat
and another"
    expect 5 dk_tty run --rm --network none -t $IMAGE "sh -c 'test -t 0 && tty && stty size; exit 5'"
    contains "$out" /dev/pts/0
}

test_docker_detached_waited_for_logged_and_inspected() {
    dk run -d --network none --name swl-d $IMAGE sh -c 'echo first; echo second >&2; sleep 0.3; exit 4' > /dev/null
    [ "$(field swl-d .State.Pid)" -gt 0 ] || fail "no pid"
    same "$(dk wait swl-d)" 4
    expect 0 dk logs swl-d
    same "$out $err" "first second"
    same "$(field swl-d '.State.Status}} {{.State.ExitCode}} {{.State.OOMKilled}} {{.HostConfig.Runtime')" "exited 4 false under-test"
    gone swl-d
}

test_docker_exec_with_user_environment_terminal_and_exit_codes() {
    sleeper swl-e
    expect 0 dk exec swl-e sh -c 'id -u; cat /proc/1/comm'
    same "$(echo $out)" "0 sh"
    expect 3 dk exec swl-e sh -c 'exit 3'
    expect 0 dk exec -u 405:100 -e NAME=value -w /tmp swl-e sh -c 'echo $(id -u) $(id -g) $NAME $(pwd)'
    same "$out" "405 100 value /tmp"
    expect 0 dk exec -u guest swl-e id -un
    same "$out" guest
    printf 'typed' > "$SCRATCH/in"
    INPUT=$SCRATCH/in expect 0 dk exec -i swl-e cat
    same "$out" typed
    expect 6 dk_tty exec -t swl-e "sh -c 'tty; exit 6'"
    contains "$out" /dev/pts/
    expect 126 dk exec swl-e no-such-command
    contains "$out$err" no-such-command
    dk exec -d swl-e touch /tmp/detached
    until_true 5 dk exec swl-e test -e /tmp/detached
    gone swl-e
}

test_docker_stop_kill_and_their_exit_codes() {
    sleeper swl-s
    dk stop -t 10 swl-s > /dev/null
    same "$(field swl-s .State.ExitCode)" 9 "stopped"
    dk start swl-s > /dev/null
    dk kill -s TERM swl-s > /dev/null
    same "$(dk wait swl-s)" 9 "TERM"
    dk restart -t 5 swl-s > /dev/null
    is swl-s .State.Status running || fail "it does not run"
    dk kill swl-s > /dev/null
    same "$(dk wait swl-s)" 137 "KILL"
    gone swl-s
    dk run -d --network none --name swl-deaf $IMAGE sh -c 'trap "" TERM; while :; do sleep 0.05; done' > /dev/null
    dk stop -t 1 swl-deaf > /dev/null
    same "$(field swl-deaf .State.ExitCode)" 137 "deaf"
    gone swl-deaf
}

test_docker_pause_and_unpause() {
    sleeper swl-p
    dk pause swl-p > /dev/null
    is swl-p .State.Status paused || fail "not paused"
    expect 1 dk exec swl-p true
    dk unpause swl-p > /dev/null
    expect 0 dk exec swl-p true
    gone swl-p
}

test_docker_stats_top_and_updated_limits() {
    sleeper swl-t --memory 64m --cpus 0.5 --pids-limit 20
    local pid=$(field swl-t .State.Pid)
    expect 0 dk stats --no-stream --format '{{.Name}} {{.MemUsage}} {{.PIDs}}' swl-t
    contains "$out" "swl-t "
    contains "$out" "/ 64MiB "
    expect 0 dk top swl-t
    contains "$out" "$pid"
    same "$(limit "$pid" cpu cpu.cfs_quota_us) $(limit "$pid" pids pids.max) $(limit "$pid" memory memory.limit_in_bytes)" "50000 20 67108864"
    dk update --memory 128m --memory-swap 128m --cpus 0.25 swl-t > /dev/null
    same "$(limit "$pid" cpu cpu.cfs_quota_us) $(limit "$pid" memory memory.limit_in_bytes)" "25000 134217728" "updated"
    gone swl-t
}
# A file of a controller (cgroup v1) of the process.
limit() {
    local place
    place=$(awk -F: -v c="$2" '$2 == c {print $3}' "/proc/$1/cgroup")
    cat "/sys/fs/cgroup/$2$place/$3"
}

test_docker_memory_beyond_the_limit_is_an_oom_kill() {
    dk run --network none --memory 32m --memory-swap 32m --name swl-oom $IMAGE sh -c 'head -c 200000000 /dev/zero | tail > /dev/null; exit $?' || :
    same "$(field swl-oom '.State.ExitCode}} {{.State.OOMKilled')" "137 true"
    gone swl-oom
}

test_docker_init_read_only_root_tmpfs_and_volumes() {
    expect 4 run --init $IMAGE sh -c 'tr "\0" " " < /proc/1/cmdline; exit 4'
    contains "$out" "/docker-init -- sh"
    expect 1 run --read-only $IMAGE touch /x
    contains "$err" "Read-only"
    expect 0 run --read-only --tmpfs /t:size=1m,mode=1770 --shm-size 3m $IMAGE sh -c 'touch /t/x; stat -c %a /t; grep -e " /t " -e " /dev/shm " /proc/mounts'
    contains "$out" size=1024k
    contains "$out" size=3072k
    contains "$out" 1770
    echo content > "$WORLD/volume/file"
    expect 0 run -v "$WORLD/volume:/v" $IMAGE sh -c 'cat /v/file; echo new > /v/new'
    same "$out $(cat "$WORLD/volume/new")" "content new"
    expect 1 run -v "$WORLD/volume:/v:ro" $IMAGE touch /v/x
    contains "$err" "Read-only"
    expect 0 run -v "$WORLD/volume:/v:rshared" $IMAGE grep " /v " /proc/self/mountinfo
    contains "$out" shared:
    expect 0 run -v swl-volume:/n $IMAGE sh -c 'echo kept > /n/file'
    expect 0 run -v swl-volume:/n $IMAGE cat /n/file
    same "$out" kept
    dk volume rm swl-volume > /dev/null
}

test_docker_security_limits_and_names() {
    expect 0 run --cap-drop all --cap-add net_admin --security-opt no-new-privileges $IMAGE grep -E 'CapEff|NoNewPrivs|Seccomp:' /proc/self/status
    same "$(awk '{print $2}' <<< "$out" | xargs)" "0000000000001000 1 2"
    printf '{"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [{"names": ["mkdir", "mkdirat"], "action": "SCMP_ACT_ERRNO"}]}' > "$WORLD/profile.json"
    expect 1 run --security-opt "seccomp=$WORLD/profile.json" $IMAGE mkdir /tmp/x
    contains "$err" "not permitted"
    expect 0 run --cap-add syslog --device /dev/kmsg:/dev/other:r $IMAGE sh -c '(exec 3< /dev/other) && echo read; (exec 3> /dev/other) || echo refused'
    same "$(echo $out)" "read refused"
    expect 0 run --ulimit nofile=100:200 --hostname of-its-own --user 405:100 --group-add 7 --workdir /tmp --oom-score-adj 500 \
        --sysctl net.ipv4.ip_default_ttl=33 $IMAGE sh -c 'ulimit -Sn; hostname; id -u; id -G; pwd; cat /proc/self/oom_score_adj /proc/sys/net/ipv4/ip_default_ttl'
    same "$(echo $out)" "100 of-its-own 405 100 7 /tmp 500 33"
    expect 0 run --pid host --uts host --ipc host $IMAGE sh -c 'for n in pid uts ipc; do readlink /proc/self/ns/$n; done'
    same "$out" "$(inside sh -c 'for n in pid uts ipc; do readlink /proc/self/ns/$n; done')"
}

# docker asks for every capability that exists; runc 1.1 gives up where the host itself does not have one of them.
test_docker_privileged_containers_and_commands() {
    for_swiftlet_only "needs a runtime that takes capabilities which the host cannot grant"
    expect 0 run --privileged $IMAGE sh -c 'mount -t tmpfs none /tmp && echo mounted; test -e /dev/loop-control && echo devices'
    same "$(echo $out)" "mounted devices"
    sleeper swl-e
    expect 0 dk exec --privileged swl-e grep CapEff /proc/self/status
    same "$out" "$(run --privileged $IMAGE grep CapEff /proc/self/status)"
    gone swl-e
}

test_docker_two_containers_on_a_bridge_find_each_other() {
    dk run -d --name swl-web $IMAGE sh -c 'mkdir /tmp/w; echo served > /tmp/w/page; exec httpd -f -h /tmp/w' > /dev/null
    local address
    address=$(field swl-web .NetworkSettings.IPAddress)
    expect 0 dk run --rm $IMAGE sh -c "for i in 1 2 3 4 5 6 7 8; do wget -q -O - http://$address/page && exit; sleep 0.1; done; exit 1"
    same "$out" served
    expect 0 dk run --rm --network container:swl-web --pid container:swl-web $IMAGE sh -c 'wget -q -O - http://127.0.0.1/page; cat /proc/1/comm'
    same "$(echo $out)" "served httpd"
    gone swl-web
}

test_docker_builds_an_image_with_its_commands_in_containers() {
    mkdir -p "$WORLD/build"
    printf 'FROM %s\nRUN echo built > /file && id -u >> /file\nUSER 405:100\nRUN id -u > /tmp/user\n' $IMAGE > "$WORLD/build/Dockerfile"
    expect 0 dk build --network none -q -t built "$WORLD/build"
    expect 0 run built cat /file /tmp/user
    same "$(echo $out)" "built 0 405"
    printf 'FROM %s\nRUN exit 9\n' $IMAGE > "$WORLD/build/Dockerfile"
    expect 9 dk build --force-rm --network none "$WORLD/build"
    contains "$err" "returned a non-zero code: 9"
    dk rmi -f built > /dev/null
}

test_docker_attaches_and_copies() {
    sleeper swl-a
    echo copied > "$WORLD/copy"
    dk cp "$WORLD/copy" swl-a:/tmp/copy
    expect 0 dk exec swl-a cat /tmp/copy
    same "$out" copied
    dk commit swl-a committed > /dev/null
    expect 0 run committed cat /tmp/copy
    same "$out" copied
    gone swl-a
    dk rmi committed > /dev/null
    dk create --network none --name swl-b $IMAGE sh -c 'echo seen; exit 8' > /dev/null
    expect 8 dk start -a swl-b
    same "$out" seen
    gone swl-b
}

test_docker_restart_policies() {
    dk run -d --network none --restart on-failure:2 --name swl-r $IMAGE sh -c 'echo run; exit 3' > /dev/null
    until_true 20 is swl-r '.RestartCount}} {{.State.Status' "2 exited"
    same "$(dk logs swl-r | grep -c run)" 3
    gone swl-r
}

test_docker_containers_live_on_while_the_daemon_restarts() {
    sleeper swl-live
    local pid=$(field swl-live .State.Pid)
    stop_daemon
    kill -0 "$pid" || fail "it ended with the daemon"
    start_daemon
    same "$(field swl-live .State.Pid)" "$pid"
    expect 0 dk exec swl-live true
    dk stop -t 10 swl-live > /dev/null
    same "$(field swl-live .State.ExitCode)" 9
    gone swl-live
}

test_docker_twenty_at_once_and_nothing_is_left() {
    local n pid pids=() status
    for n in $(seq 1 20); do
        run --name "swl-many-$n" $IMAGE sh -c "exit $n" > /dev/null 2>&1 &
        pids+=($!)
    done
    n=0
    for pid in "${pids[@]}"; do
        status=0
        n=$((n + 1))
        wait "$pid" || status=$?
        same $status $n
    done
    same "$(dk ps -a --format '{{.Names}}: {{.Status}}')" "" "$(grep -v level=info "$WORLD/dockerd.log" | tail -n 5)"
    nothing_left
}

# The last: it starts the daemon anew.
test_docker_user_namespaces_of_the_daemon() {
    stop_daemon
    inside sh -c 'printf "dockremap:300000:65536\n" > /etc/subuid; cp /etc/subuid /etc/subgid; grep -q ^dockremap: /etc/passwd || { echo dockremap:x:990:990::/:/bin/false >> /etc/passwd; echo dockremap:x:990: >> /etc/group; }'
    DATA=$WORLD/docker-remapped start_daemon --userns-remap default
    tar -C "$WORLD/busybox" -c . | dk import --change 'ENV PATH=/bin' - $IMAGE > /dev/null
    expect 0 run $IMAGE sh -c 'cat /proc/self/uid_map; id -u; touch /tmp/mine && stat -c %u:%g /tmp/mine /bin/busybox'
    same "$(tr -s ' \n' ' ' <<< "$out")" " 0 300000 65536 0 0:0 0:0 "
    sleeper swl-u
    same "$(stat -c %u "/proc/$(field swl-u .State.Pid)")" 300000
    expect 0 dk exec swl-u id -u
    same "$out" 0
    gone swl-u
}
