#!/bin/bash
# podman 4.3 with swiftlet-oci in runc's place (RUNTIME_UNDER_TEST names another)

source Integration/tests/engines.sh
IMAGE=localhost/busybox:1
KEPT_MOUNTS='/world/root/overlay$' # podman's own, of the directory on itself

pm() {
    inside env -C "$WORLD" CONTAINERS_CONF="$WORLD/containers.conf" CONTAINERS_STORAGE_CONF="$WORLD/storage.conf" HOME="$WORLD" PATH="$PATH" \
        podman --root "$WORLD/root" --runroot "$WORLD/run" --tmpdir "$WORLD/tmp" --cgroup-manager cgroupfs --events-backend file \
        --network-config-dir "$WORLD/networks" "$@"
}
# podman on a terminal.
pm_tty() {
    inside env -C "$WORLD" CONTAINERS_CONF="$WORLD/containers.conf" CONTAINERS_STORAGE_CONF="$WORLD/storage.conf" HOME="$WORLD" PATH="$PATH" SHELL=/bin/sh \
        script -qec "podman --root $WORLD/root --runroot $WORLD/run --tmpdir $WORLD/tmp --cgroup-manager cgroupfs --events-backend file $*" /dev/null
}
run() { pm run --rm --network none "$@"; }
field() { pm inspect --format "{{$2}}" "$1"; }
is() { [ "$(field "$1" "$2")" = "$3" ]; }
# A container that waits and ends with 9 on TERM, detached. More options may follow the name.
sleeper() {
    local name=$1
    shift
    pm run -d --network none --name "$name" "$@" $IMAGE sh -c 'trap "exit 9" TERM; while :; do sleep 0.05; done' > /dev/null
}
gone() { pm rm -f -t 0 "$@" > /dev/null; }

prepare() {
    needs podman conmon unshare nsenter busybox script
    ls -d /sys/fs/cgroup/*/libpod_parent > "$SCRATCH/parents" 2> /dev/null || :
    open_world
    mkdir -p "$WORLD/networks" "$WORLD/volume"
    # The host may forbid raising limits: what podman asks for by default is more than it has.
    cat > "$WORLD/containers.conf" <<CONF
[containers]
log_driver = "k8s-file"
default_ulimits = ["nofile=1024:1024", "nproc=1024:1024"]
[engine]
runtime = "$RUNTIME_NAME"
runtime_supports_json = ["$RUNTIME_NAME"]
[engine.runtimes]
$RUNTIME_NAME = ["$RUNTIME_PATH"]
[network]
network_backend = "cni"
CONF
    printf '[storage]\ndriver = "overlay"\ngraphroot = "%s"\nrunroot = "%s"\n' "$WORLD/root" "$WORLD/run" > "$WORLD/storage.conf"
    inside sh -c 'printf "containers:200000:1000000\n" > /etc/subuid; cp /etc/subuid /etc/subgid'
    busybox_root "$WORLD/busybox"
    printf '#!/bin/sh\nexec sleep 100000\n' > "$WORLD/busybox/bin/pause"
    chmod 755 "$WORLD/busybox/bin/pause"
    tar -C "$WORLD/busybox" -c . | pm import --change 'CMD ["/bin/pause"]' --change 'ENV PATH=/bin' - $IMAGE > /dev/null 2>&1
}

finish() {
    [ -s "$WORLD/pid" ] || return 0
    pm pod rm -f -t 0 -a > /dev/null || :
    pm rm -f -t 0 -a > /dev/null || :
    local bad=0
    (nothing_left libpod-) || bad=1
    # podman's own parent of all its groups stays where another podman has one; processes in it are not this test's to end.
    [ -s "$SCRATCH/parents" ] || find /sys/fs/cgroup/*/libpod_parent -depth -type d -exec rmdir {} + 2> /dev/null || :
    close_world
    return $bad
}

test_podman_exit_codes_and_both_streams_come_through() {
    expect 0 run $IMAGE true
    expect 7 run $IMAGE sh -c 'echo one; echo two >&2; exit 7'
    same "$out" one
    same "$err" two
    expect 137 run $IMAGE sh -c 'sh -c "kill -9 \$\$"; exit $?'
    expect 143 run $IMAGE sh -c 'sh -c "kill -15 \$\$"; exit $?'
}

test_podman_input_reaches_the_container_and_ends() {
    printf 'line for cat\nand another' > "$SCRATCH/in"
    INPUT=$SCRATCH/in expect 0 run -i $IMAGE cat
    same "$out" "line for cat
and another"
}

test_podman_a_terminal_has_a_size_and_an_exit_code() {
    expect 5 pm_tty run --rm --network none -t $IMAGE "sh -c 'test -t 0 && tty && stty size; exit 5'"
    contains "$out" /dev/pts/0
}

test_podman_a_command_that_is_not_there_is_127_and_one_that_cannot_be_executed_126() {
    expect 127 run $IMAGE no-such-command
    contains "$err" no-such-command
    expect 126 run $IMAGE /etc/passwd
    contains "$err" /etc/passwd
    expect 126 run -w /etc/passwd $IMAGE true
    nothing_left libpod-
}

test_podman_detached_waited_for_logged_and_inspected() {
    pm run -d --network none --name swl-d $IMAGE sh -c 'echo first; echo second >&2; sleep 0.3; exit 4' > /dev/null
    [ "$(field swl-d .State.Pid)" -gt 0 ] || fail "no pid"
    expect 0 pm wait swl-d
    same "$out" 4
    expect 0 pm logs swl-d
    same "$out" first
    same "$err" second
    same "$(field swl-d '.State.Status}} {{.State.ExitCode}} {{.State.OOMKilled}} {{.State.Pid')" "exited 4 false 0"
    same "$(field swl-d .OCIRuntime)" "$RUNTIME_NAME"
    gone swl-d
}

test_podman_exec_with_user_environment_directory_terminal_and_exit_codes() {
    sleeper swl-e
    expect 0 pm exec swl-e sh -c 'id -u; cat /proc/1/comm'
    same "$out" "0
sh"
    expect 3 pm exec swl-e sh -c 'exit 3'
    expect 0 pm exec -u 405:100 -e NAME=value -w /tmp swl-e sh -c 'echo $(id -u) $(id -g) $NAME $(pwd)'
    same "$out" "405 100 value /tmp"
    expect 0 pm exec -u guest swl-e id -un
    same "$out" guest
    printf 'typed' > "$SCRATCH/in"
    INPUT=$SCRATCH/in expect 0 pm exec -i swl-e cat
    same "$out" typed
    expect 6 pm_tty exec -t swl-e "sh -c 'tty; exit 6'"
    contains "$out" /dev/pts/
    expect 127 pm exec swl-e no-such-command
    contains "$err" no-such-command
    expect 126 pm exec swl-e /etc/passwd
    expect 0 pm exec --privileged swl-e grep CapEff /proc/self/status
    expect 0 pm exec -d swl-e touch /tmp/detached
    until_true 5 pm exec swl-e test -e /tmp/detached
    gone swl-e
}

test_podman_stop_and_kill_and_their_exit_codes() {
    sleeper swl-s
    pm stop -t 10 swl-s > /dev/null
    same "$(field swl-s .State.ExitCode)" 9 "stopped"
    gone swl-s
    pm run -d --network none --name swl-deaf $IMAGE sh -c 'trap "" TERM; while :; do sleep 0.05; done' > /dev/null
    pm stop -t 1 swl-deaf > /dev/null 2>&1
    same "$(field swl-deaf .State.ExitCode)" 137 "deaf"
    gone swl-deaf
    sleeper swl-k
    pm kill -s TERM swl-k > /dev/null
    same "$(pm wait swl-k)" 9 "TERM"
    pm start swl-k > /dev/null
    pm kill swl-k > /dev/null
    same "$(pm wait swl-k)" 137 "KILL"
    gone swl-k
}

test_podman_pause_and_unpause() {
    sleeper swl-p
    pm pause swl-p > /dev/null
    is swl-p .State.Status paused || fail "not paused"
    expect 255 pm exec swl-p true
    pm unpause swl-p > /dev/null
    is swl-p .State.Status running || fail "not running"
    expect 0 pm exec swl-p true
    gone swl-p
}

test_podman_init_reaps_and_passes_signals_on() {
    expect 4 run --init --init-path "$(command -v catatonit)" $IMAGE sh -c 'tr "\0" " " < /proc/1/cmdline; exit 4'
    contains "$out" "/podman-init -- sh"
}

test_podman_user_namespaces_by_map_and_automatic() {
    expect 0 run --uidmap 0:100000:65536 --gidmap 0:200000:65536 $IMAGE sh -c 'cat /proc/self/uid_map /proc/self/gid_map; id -u; touch /tmp/mine && stat -c %u:%g /tmp/mine /bin/busybox'
    same "$(tr -s ' \n' ' ' <<< "$out")" " 0 100000 65536 0 200000 65536 0 0:0 0:0 "
    expect 0 run --userns=auto $IMAGE sh -c 'cat /proc/self/uid_map; cat /sys/kernel/mm/transparent_hugepage/enabled > /dev/null; mount | grep -c " /proc "'
    contains "$out" 200000
    expect 0 run --userns=auto:size=2000 --user 405 $IMAGE id -u
    same "$out" 405
    sleeper swl-u --uidmap 0:100000:65536
    same "$(stat -c %u "/proc/$(field swl-u .State.Pid)")" 100000
    expect 0 pm exec swl-u id -u
    same "$out" 0
    gone swl-u
}

test_podman_volumes_read_only_shared_overlaid_and_named() {
    echo content > "$WORLD/volume/file"
    expect 0 run -v "$WORLD/volume:/v" $IMAGE sh -c 'cat /v/file; echo new > /v/new'
    same "$out $(cat "$WORLD/volume/new")" "content new"
    expect 1 run -v "$WORLD/volume:/v:ro,z" $IMAGE touch /v/x
    contains "$err" "Read-only"
    expect 1 run -v "$WORLD/volume/file:/etc/file:ro" $IMAGE sh -c 'cat /etc/file; echo x > /etc/file'
    same "$out" content
    expect 0 run -v "$WORLD/volume:/v:O" $IMAGE sh -c 'echo changed > /v/file; cat /v/file'
    same "$out $(cat "$WORLD/volume/file")" "changed content"
    expect 0 run -v "$WORLD/volume:/v:rshared" $IMAGE grep " /v " /proc/self/mountinfo
    contains "$out" shared:
    expect 0 run -v "$WORLD/volume:/v:rslave,noexec,nosuid,nodev" $IMAGE grep " /v " /proc/self/mountinfo
    contains "$out" master:
    contains "$out" nosuid,nodev,noexec
    expect 0 run -v swl-volume:/n $IMAGE sh -c 'echo kept > /n/file'
    expect 0 run -v swl-volume:/n $IMAGE cat /n/file
    same "$out" kept
    pm volume rm swl-volume > /dev/null
}

test_podman_a_volume_with_mapped_ids() {
    for_swiftlet_only "needs a runtime with id-mapped mounts"
    echo content > "$WORLD/volume/owned"
    chown 0:0 "$WORLD/volume/owned"
    expect 0 run --uidmap 0:100000:65536 -v "$WORLD/volume:/v:idmap" $IMAGE stat -c %u:%g /v/owned
    same "$out" 0:0
    expect 0 run --uidmap 0:100000:65536 -v "$WORLD/volume:/v" $IMAGE stat -c %u:%g /v/owned
    same "$out" 65534:65534
}

test_podman_tmpfs_read_only_root_and_shm() {
    expect 0 run --tmpfs /t:size=1m,mode=1770 $IMAGE sh -c 'grep " /t " /proc/mounts; stat -c %a /t'
    contains "$out" size=1024k
    contains "$out" 1770
    expect 1 run --read-only $IMAGE touch /x
    contains "$err" "Read-only"
    expect 0 run --read-only $IMAGE sh -c 'touch /tmp/x /run/y /dev/shm/z'
    expect 1 run --read-only --read-only-tmpfs=false $IMAGE touch /tmp/x
    expect 0 run --shm-size 3m $IMAGE grep " /dev/shm " /proc/mounts
    contains "$out" size=3072k
}

test_podman_memory_beyond_the_limit_is_an_oom_kill() {
    pm run --network none --memory 32m --memory-swap 32m --name swl-oom $IMAGE sh -c 'head -c 200000000 /dev/zero | tail > /dev/null; exit $?' || :
    same "$(field swl-oom '.HostConfig.Memory}} {{.State.ExitCode')" "33554432 137"
    # conmon 2.1.6 makes its mark in its working directory, where podman 4.3 does not look: .State.OOMKilled is false under any runtime.
    [ -e "$WORLD/oom" ] || is swl-oom .State.OOMKilled true || fail "nobody saw it"
    gone swl-oom
    expect 0 run --memory 32m $IMAGE true
}

test_podman_cpu_and_pids_limits_reach_the_cgroup() {
    sleeper swl-c --cpus 0.5 --cpu-shares 512 --pids-limit 20 --memory 64m --memory-reservation 32m --cpuset-cpus 0
    local pid=$(field swl-c .State.Pid)
    same "$(limit "$pid" cpu cpu.cfs_quota_us) $(limit "$pid" cpu cpu.shares) $(limit "$pid" pids pids.max) $(limit "$pid" memory memory.limit_in_bytes)" \
        "50000 512 20 67108864"
    same "$(limit "$pid" memory memory.soft_limit_in_bytes) $(limit "$pid" cpuset cpuset.cpus)" "33554432 0"
    expect 0 pm update --cpus 0.25 swl-c
    same "$(limit "$pid" cpu cpu.cfs_quota_us)" 25000 "updated"
    gone swl-c
    [ -n "$(run --pids-limit 6 $IMAGE sh -c 'for i in 1 2 3 4 5 6 7 8; do sleep 1 & done' 2>&1)" ] || fail "no fork was refused"
}
# A file of a controller (cgroup v1) of the process.
limit() {
    local place
    place=$(awk -F: -v c="$2" '$2 == c {print $3}' "/proc/$1/cgroup")
    cat "/sys/fs/cgroup/$2$place/$3"
}

test_podman_capabilities_and_security_options() {
    expect 0 run --cap-drop all $IMAGE grep -E 'Cap(Inh|Prm|Eff|Bnd|Amb)' /proc/self/status
    same "$(awk '{print $2}' <<< "$out" | sort -u)" 0000000000000000
    expect 0 run --cap-drop all --cap-add net_admin,sys_time $IMAGE grep CapEff /proc/self/status
    contains "$out" 0000000002001000
    expect 0 run --security-opt no-new-privileges $IMAGE grep NoNewPrivs /proc/self/status
    contains "$out" 1
    expect 0 run $IMAGE grep Seccomp: /proc/self/status
    contains "$out" 2
    expect 0 run --security-opt seccomp=unconfined $IMAGE grep Seccomp: /proc/self/status
    contains "$out" 0
    printf '{"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [{"names": ["mkdir", "mkdirat"], "action": "SCMP_ACT_ERRNO", "errnoRet": 28}]}' > "$WORLD/profile.json"
    expect 1 run --security-opt "seccomp=$WORLD/profile.json" $IMAGE mkdir /tmp/x
    contains "$err" "No space left on device"
    expect 0 run --security-opt unmask=/proc/timer_list --security-opt mask=/etc/group $IMAGE sh -c 'test ! -s /etc/group; wc -l < /proc/timer_list'
}

test_podman_privileged_and_devices() {
    expect 0 run --privileged $IMAGE sh -c 'grep CapEff /proc/self/status; test -e /dev/loop-control; mount -t tmpfs none /tmp && echo mounted'
    contains "$out" mounted
    expect 0 run --cap-add syslog --device /dev/kmsg:/dev/other:r $IMAGE sh -c '(exec 3< /dev/other) && echo read; (exec 3> /dev/other) || echo refused'
    same "$out" "read
refused"
    expect 1 run --cap-add mknod $IMAGE sh -c 'mknod /tmp/mem c 1 1 && head -c 1 /tmp/mem'
    contains "$err" "not permitted"
    expect 0 run --device-cgroup-rule 'c 1:11 r' --cap-add mknod,syslog $IMAGE sh -c 'mknod /tmp/kmsg c 1 11 && exec 3< /tmp/kmsg && echo opened'
    same "$out" opened
}

test_podman_limits_parameters_names_and_groups() {
    expect 0 run --ulimit nofile=100:200 --ulimit nproc=500:600 --ulimit core=0 $IMAGE sh -c 'ulimit -Sn; ulimit -Hn; ulimit -c'
    same "$(echo $out)" "100 200 0"
    expect 0 run --sysctl net.ipv4.ip_default_ttl=33 --sysctl kernel.msgmax=9000 $IMAGE cat /proc/sys/net/ipv4/ip_default_ttl /proc/sys/kernel/msgmax
    same "$(echo $out)" "33 9000"
    expect 0 run --hostname of-its-own --user 405:100 --group-add 7 --umask 0077 --oom-score-adj 500 --workdir /tmp $IMAGE \
        sh -c 'hostname; id -u; id -G; umask; cat /proc/self/oom_score_adj; pwd'
    same "$(echo $out)" "of-its-own 405 100 7 0077 500 /tmp"
    expect 0 run --tz UTC --env A=b --unsetenv PATH $IMAGE /bin/sh -c 'echo $A'
    same "$out" b
}

test_podman_namespaces_of_the_host_and_of_others() {
    expect 0 run --pid host --uts host --ipc host --cgroupns host $IMAGE sh -c 'for n in pid uts ipc cgroup; do readlink /proc/self/ns/$n; done'
    same "$out" "$(inside sh -c 'for n in pid uts ipc cgroup; do readlink /proc/self/ns/$n; done')"
    expect 0 pm run --rm --network host $IMAGE readlink /proc/self/ns/net
    same "$out" "$(inside readlink /proc/self/ns/net)"
    sleeper swl-n --ipc shareable
    local pid=$(field swl-n .State.Pid)
    expect 0 pm run --rm --network container:swl-n --pid container:swl-n --ipc container:swl-n $IMAGE sh -c 'for n in net pid ipc; do readlink /proc/self/ns/$n; done; cat /proc/1/comm'
    same "$out" "$(for n in net pid ipc; do readlink "/proc/$pid/ns/$n"; done; echo sh)"
    gone swl-n
}

test_podman_two_containers_on_a_bridge_find_each_other() {
    needs iptables
    [ -x /usr/lib/cni/bridge ] || skip "needs the network plugins"
    pm run -d --name swl-web $IMAGE sh -c 'mkdir /tmp/w; echo served > /tmp/w/page; exec httpd -f -h /tmp/w' > /dev/null
    local address
    address=$(field swl-web .NetworkSettings.IPAddress)
    expect 0 pm run --rm $IMAGE sh -c "for i in 1 2 3 4 5 6 7 8; do wget -q -O - http://$address/page && exit; sleep 0.1; done; exit 1"
    same "$out" served
    gone swl-web
}

test_podman_top_stats_and_copies() {
    sleeper swl-t
    expect 0 pm top swl-t pid comm
    contains "$out" "1           sh"
    expect 0 pm stats --no-stream --format '{{.Name}} {{.PIDs}} {{.MemUsage}}' swl-t
    contains "$out" "swl-t "
    [ "$(cut -d ' ' -f 2 <<< "$out")" -ge 1 ] || fail "$out"
    echo copied > "$WORLD/copy"
    pm cp "$WORLD/copy" swl-t:/tmp/copy
    expect 0 pm exec swl-t cat /tmp/copy
    same "$out" copied
    pm cp swl-t:/etc/passwd "$WORLD/passwd"
    contains "$(cat "$WORLD/passwd")" guest
    pm commit -q swl-t localhost/committed > /dev/null
    expect 0 run localhost/committed cat /tmp/copy
    same "$out" copied
    gone swl-t
    pm rmi localhost/committed > /dev/null
}

test_podman_builds_an_image_with_its_commands_in_containers() {
    mkdir -p "$WORLD/build"
    printf 'FROM %s\nRUN echo built > /file && id -u >> /file\nUSER 405:100\nRUN id -u > /tmp/user\n' $IMAGE > "$WORLD/build/Dockerfile"
    expect 0 pm build --isolation oci --network none -q -t localhost/built "$WORLD/build"
    expect 0 run localhost/built cat /file /tmp/user
    same "$(echo $out)" "built 0 405"
    printf 'FROM %s\nRUN exit 9\n' $IMAGE > "$WORLD/build/Dockerfile"
    expect 9 pm build --isolation oci --network none "$WORLD/build"
    pm rmi -f localhost/built > /dev/null
    nothing_left buildah
}

test_podman_restart_policies_and_health_checks() {
    pm run -d --network none --restart on-failure:2 --name swl-r $IMAGE sh -c 'echo run; exit 3' > /dev/null
    until_true 10 is swl-r '.RestartCount}} {{.State.Status' "2 exited"
    same "$(pm logs swl-r | grep -c run)" 3
    gone swl-r
    sleeper swl-h --health-cmd 'test -e /tmp/well' --health-interval disable
    expect 1 pm healthcheck run swl-h
    pm exec swl-h touch /tmp/well
    expect 0 pm healthcheck run swl-h
    gone swl-h
    sleeper swl-again
    pm restart -t 5 swl-again > /dev/null
    is swl-again .State.Status running || fail "it does not run"
    gone swl-again
}

test_podman_pods_share_their_namespaces() {
    pm pod create --name swl-pod --infra-image $IMAGE --infra-command /bin/pause --network none --share net,ipc,uts --hostname in-a-pod > /dev/null
    pm run -d --pod swl-pod --name swl-one $IMAGE sleep 1000 > /dev/null
    pm run -d --pod swl-pod --name swl-two $IMAGE sleep 1000 > /dev/null
    local one=$(field swl-one .State.Pid) two=$(field swl-two .State.Pid) name
    for name in net ipc uts; do same "$(readlink "/proc/$one/ns/$name")" "$(readlink "/proc/$two/ns/$name")" $name; done
    [ "$(readlink "/proc/$one/ns/pid")" != "$(readlink "/proc/$two/ns/pid")" ] || fail "one pid namespace"
    expect 0 pm exec swl-two hostname
    same "$out" in-a-pod
    pm pod pause swl-pod > /dev/null
    is swl-one .State.Status paused || fail "not paused"
    pm pod unpause swl-pod > /dev/null
    pm pod stop -t 0 swl-pod > /dev/null
    pm pod rm -f -t 0 swl-pod > /dev/null
    nothing_left libpod-
}

test_podman_plays_a_pod_manifest() {
    cat > "$WORLD/pod.yaml" <<YAML
apiVersion: v1
kind: Pod
metadata: {name: swl-kube}
spec:
  restartPolicy: Never
  containers:
  - name: main
    image: $IMAGE
    imagePullPolicy: Never
    command: [sh, -c, "echo \$GREETING > /data/file; sleep 1000"]
    env: [{name: GREETING, value: hello}]
    resources: {limits: {memory: 64Mi, cpu: 500m}}
    securityContext: {runAsUser: 0, readOnlyRootFilesystem: true, capabilities: {drop: [all]}}
    volumeMounts: [{name: data, mountPath: /data}]
  volumes: [{name: data, hostPath: {path: $WORLD/volume, type: Directory}}]
YAML
    sed -i "s|^\[engine\]|&\ninfra_image = \"$IMAGE\"|" "$WORLD/containers.conf"
    expect 0 pm play kube --network none "$WORLD/pod.yaml"
    until_true 5 test -s "$WORLD/volume/file"
    same "$(cat "$WORLD/volume/file")" hello
    expect 0 pm play kube --down "$WORLD/pod.yaml"
    nothing_left libpod-
}

test_podman_checkpoints_or_says_why_it_cannot() {
    needs criu
    sleeper swl-cp
    local status=0
    pm container checkpoint swl-cp > "$SCRATCH/out" 2> "$SCRATCH/err" || status=$?
    if [ $status = 0 ]; then
        expect 0 pm container restore swl-cp
        expect 0 pm exec swl-cp true
    else
        contains "$(cat "$SCRATCH/err")" criu
        is swl-cp .State.Status running || fail "it is $(field swl-cp .State.Status)"
    fi
    gone swl-cp
}

test_podman_ten_at_once_and_nothing_is_left() {
    local n pids=() pid
    for n in 0 1 2 3 4 5 6 7 8 9; do
        run --name "swl-many-$n" $IMAGE sh -c "exit $n" > /dev/null 2>&1 &
        pids+=($!)
    done
    n=0
    for pid in "${pids[@]}"; do
        local status=0
        wait "$pid" || status=$?
        same $status $n
        n=$((n + 1))
    done
    sleeper swl-force
    pm rm -f -t 0 swl-force > /dev/null
    same "$(pm ps -a --format '{{.Names}}' | grep -e many -e force)" ""
    nothing_left libpod-
}
