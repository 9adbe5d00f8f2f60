#!/bin/bash
# Containers of a user without privileges: their ids mapped by itself or by newuidmap, with and without a cgroup of its own

U=4242
HOME47=$SCRATCH/r47
# as COMMAND…: without root, without groups, without an account.
as() { setpriv --reuid $U --regid $U --clear-groups --inh-caps=-all --ambient-caps=-all env XDG_RUNTIME_DIR="$HOME47/run" PATH="${WAY:-$PATH}" "$@"; }
oci() { as "$HOME47/oci" "$@"; }
quiet() { "$@" < /dev/null > "$HOME47/quiet" 2>&1 || fail "$* ended $?: $(cat "$HOME47/quiet")"; }
is() { [ "$(oci state "$1" 2> /dev/null | jq -r .status)" = "$2" ]; }
nothing_left() { same "$(ls -A "$HOME47/run" | grep -v swiftlet-oci; ls -A "$HOME47/run/swiftlet-oci" 2> /dev/null)" ""; }

# The bundle named $1 with the program in $2 (a list of words in JSON), changed by the jq filter $3.
bundle() {
    local at=$HOME47/$1
    [ -e "$HOME47/oci" ] || place
    rm -rf "$at"; install -d -o $U -g $U "$at"
    oci spec --rootless --bundle "$at"
    jq --arg root "$HOME47/rootfs" --argjson args "$2" '.process.terminal=false | .root.path=$root | .process.env=["PATH=/bin"]
        | .process.args=$args' "$at/config.json" | jq "${3:-.}" > "$at/c" && mv "$at/c" "$at/config.json"
    echo "$at"
}

place() {
    chmod 711 "$SCRATCH"
    install -d -o $U -g $U "$HOME47" "$HOME47/run"
    install -m 755 "$BIN/swiftlet-oci" "$HOME47/oci"
    busybox_root "$HOME47/rootfs"
    chown -R -h $U:$U "$HOME47/rootfs"
}

finish() {
    local id
    for id in $(oci list -q 2> /dev/null); do oci delete --force "$id" || :; done
    same "$(leftovers swl47)" "" "left behind"
}

test_a_user_runs_a_container_as_its_only_id() {
    local at; at=$(bundle own '["sh", "-c", "id -u; cat /proc/self/uid_map /proc/self/setgroups | tr -s \" \"; hostname; touch /new 2>&1; exit 7"]')
    expect 7 oci run -b "$at" swl47-own
    same "$out" "0
 0 $U 1
deny
swiftlet
touch: /new: Read-only file system"
    same "$err" ""
    nothing_left
}

test_each_verb_works_without_privileges() {
    local at pid
    at=$(bundle verbs '["sh", "-c", "trap \"exit 0\" TERM; while :; do sleep 1000 & wait $!; done"]')
    quiet oci create -b "$at" --pid-file "$HOME47/run/pid" swl47-verbs
    is swl47-verbs created || fail "it is not created"
    quiet oci start swl47-verbs
    is swl47-verbs running || fail "it does not run"
    pid=$(cat "$HOME47/run/pid")
    same "$(stat -c %u "/proc/$pid")" $U
    expect 3 oci exec swl47-verbs sh -c 'echo "$(id -u) $(hostname) $$"; exit 3'
    contains "$out" "0 swiftlet "
    [ "${out##* }" -lt 100 ] || fail "the executed process is in another pid namespace: $out"
    expect 0 oci exec --env A=b --cwd /tmp swl47-verbs sh -c 'echo "$A $PWD"'; same "$out" "b /tmp"
    expect 0 oci list; contains "$out" swl47-verbs
    expect 1 oci delete swl47-verbs; one_line "$err"
    quiet oci kill swl47-verbs TERM
    until_true 10 is swl47-verbs stopped
    quiet oci delete swl47-verbs
    rm "$HOME47/run/pid"
    nothing_left
}

test_what_a_user_cannot_have_is_an_error_and_leaves_nothing() {
    local at
    at=$(bundle bad '["true"]' '.linux.namespaces -= [{"type": "user"}] | del(.linux.uidMappings, .linux.gidMappings)')
    expect 1 oci run -b "$at" swl47-bad; one_line "$err"; contains "$err" "linux.namespaces"; contains "$err" "user namespace"
    at=$(bundle bad '["true"]' '.process.user.additionalGids=[5]')
    expect 1 oci run -b "$at" swl47-bad; one_line "$err"; contains "$err" "process.user.additionalGids"
    at=$(bundle bad '["true"]' '.linux.resources={"memory": {"limit": 33554432}}')
    expect 1 oci run -b "$at" swl47-bad; one_line "$err"; contains "$err" "linux.resources.memory.limit"; contains "$err" "been given no cgroup"
    at=$(bundle bad '["true"]' '.linux.cgroupsPath="/swl47-bad"')
    expect 1 oci run -b "$at" swl47-bad; one_line "$err"; contains "$err" "linux.cgroupsPath"
    expect 1 oci --rootless false run -b "$at" swl47-bad; one_line "$err"; contains "$err" "cgroup"
    at=$(bundle bad '["true"]' '.mounts += [{"destination": "/mnt", "type": "bind", "source": "/root", "options": ["rbind"]}] | .process.args=["ls", "/mnt"]')
    expect 1 oci run -b "$at" swl47-bad; contains "$err" "ermission denied"
    nothing_left
}

test_more_ids_than_one_need_newuidmap() {
    local at
    at=$(bundle helper '["true"]' '.linux.uidMappings += [{"containerID": 1, "hostID": 100000, "size": 10}]')
    mkdir -p "$HOME47/empty"; ln -sf "$(command -v env)" "$HOME47/empty/env"
    WAY=$HOME47/empty expect 1 oci run -b "$at" swl47-helper
    one_line "$err"; contains "$err" "linux.uidMappings"; contains "$err" newuidmap
    nothing_left
}

# accounts COMMAND…: in a mount namespace in which the user has an account, and ids of its own to give away.
accounts() {
    command -v newuidmap > /dev/null || skip "needs newuidmap (package uidmap)"
    cp /etc/passwd "$HOME47/passwd"; echo "swl47:x:$U:$U::/:/bin/sh" >> "$HOME47/passwd"
    cp /etc/group "$HOME47/group"; echo "swl47:x:$U:" >> "$HOME47/group"
    echo "swl47:200000:1000" > "$HOME47/subids"
    touch /etc/subuid /etc/subgid
    unshare -m --propagation private bash -c 'set -e; for f in passwd group; do mount --bind "$0/$f" "/etc/$f"; done
        mount --bind "$0/subids" /etc/subuid; mount --bind "$0/subids" /etc/subgid; exec "$@"' "$HOME47" "$@"
}

test_newuidmap_gives_a_user_more_ids() {
    local at
    local maps='.linux.uidMappings=[{"containerID": 0, "hostID": 4242, "size": 1}, {"containerID": 1, "hostID": 200000, "size": 1000}] | .linux.gidMappings=.linux.uidMappings'
    at=$(bundle ids '["sh", "-c", "id; cat /proc/self/uid_map | tr -s \" \""]' "$maps | .process.user={uid: 33, gid: 44, additionalGids: [7]}")
    expect 0 accounts setpriv --reuid $U --regid $U --clear-groups env XDG_RUNTIME_DIR="$HOME47/run" "$HOME47/oci" run -b "$at" swl47-ids
    same "$out" "uid=33 gid=44 groups=7
 0 $U 1
 1 200000 1000"
    # Root of the container is none of the user's own ids.
    at=$(bundle ids '["sh", "-c", "id -u; head -n 1 /proc/self/uid_map | tr -s \" \""]' \
        '.linux.uidMappings=[{"containerID": 0, "hostID": 200000, "size": 1000}] | .linux.gidMappings=.linux.uidMappings')
    expect 0 accounts setpriv --reuid $U --regid $U --clear-groups env XDG_RUNTIME_DIR="$HOME47/run" "$HOME47/oci" run -b "$at" swl47-ids
    same "$out" "0
 0 200000 1000"
    # Others' ids it does not give.
    at=$(bundle ids '["true"]' '.linux.uidMappings=[{"containerID": 0, "hostID": 300000, "size": 10}] | .linux.gidMappings=.linux.uidMappings')
    expect 1 accounts setpriv --reuid $U --regid $U --clear-groups env XDG_RUNTIME_DIR="$HOME47/run" "$HOME47/oci" run -b "$at" swl47-ids
    one_line "$err"; contains "$err" "newuidmap 0 300000 10"
    nothing_left
}

test_a_user_with_a_delegated_cgroup_uses_it() {
    local top at
    top=$(awk '$3 == "cgroup2" {print $2; exit}' /proc/mounts)
    [ -n "$top" ] || skip "no cgroup v2 here"
    mkdir -p "$top/swl47/user"
    chown $U "$top/swl47" "$top/swl47"/{cgroup.procs,cgroup.subtree_control} "$top/swl47/user" "$top/swl47/user"/{cgroup.procs,cgroup.subtree_control}
    at=$(bundle delegated '["sleep", "1000"]')
    # In a group of the user's own from the beginning: into it a user may not move itself.
    cat > "$HOME47/inside" <<SH
#!/bin/bash
echo \$\$ > "$top/swl47/user/cgroup.procs"
exec setpriv --reuid $U --regid $U --clear-groups env XDG_RUNTIME_DIR="$HOME47/run" "$HOME47/oci" "\$@"
SH
    chmod +x "$HOME47/inside"
    quiet "$HOME47/inside" run -d -b "$at" swl47-group
    grep -q . "$top/swl47/swl47-group/cgroup.procs" || fail "the container is not in the group beside the user's"
    expect 0 "$HOME47/inside" exec swl47-group grep 0:: /proc/self/cgroup
    expect 0 "$HOME47/inside" ps -f json swl47-group; same "$(jq length <<< "$out")" 1
    quiet "$HOME47/inside" delete --force swl47-group
    [ ! -e "$top/swl47/swl47-group" ] || fail "its group is still there"
    # Of the parent nothing is the user's: then below its own.
    chown 0 "$top/swl47" "$top/swl47"/cgroup.procs
    quiet "$HOME47/inside" run -d -b "$at" swl47-group
    grep -q . "$top/swl47/user/swl47-group/cgroup.procs" || fail "the container is not below the user's group"
    quiet "$HOME47/inside" delete --force swl47-group
    rmdir "$top/swl47/user" "$top/swl47"
    nothing_left
}

test_time_hooks_devices_and_a_joined_namespace_without_privileges() {
    local at pid
    at=$(bundle more '["sh", "-c", "cat /proc/self/timens_offsets | tr -s \" \"; ls -l /dev/null | cut -c1-10; echo x > /dev/null; cat /hooked; exec sleep 1000"]' \
        '.linux.namespaces += [{"type": "time"}] | .linux.timeOffsets={"boottime": {"secs": 86400}} | .root.readonly=false
        | .hooks={"createRuntime": [{"path": "/bin/sh", "args": ["sh", "-c", "id -u > \"'"$HOME47"'/rootfs/hooked\""]}]}')
    as "$HOME47/oci" run -d -b "$at" swl47-more < /dev/null > "$HOME47/run/said" 2>&1 || fail "$(cat "$HOME47/run/said")"
    until_true 10 grep -q "^$U" "$HOME47/run/said"
    same "$(cat "$HOME47/run/said")" "monotonic 0 0
boottime 86400 0
crw-rw-rw-
$U"
    pid=$(oci state swl47-more | jq .pid)
    at=$(bundle join '["sh", "-c", "cat /proc/self/uid_map | tr -s \" \"; hostname"]' \
        'del(.linux.uidMappings, .linux.gidMappings, .hostname) | .linux.namespaces=[{"type": "mount"}, {"type": "pid", "path": "/proc/'"$pid"'/ns/pid"},
        {"type": "uts", "path": "/proc/'"$pid"'/ns/uts"}, {"type": "ipc"}, {"type": "user", "path": "/proc/'"$pid"'/ns/user"}]')
    expect 0 oci run -b "$at" swl47-join
    same "$out" " 0 $U 1
swiftlet"
    quiet oci delete --force swl47-more
    rm -f "$HOME47/run/said" "$HOME47/rootfs/hooked"
    nothing_left
}

test_a_delegated_cgroup_limits_a_users_container_on_cgroup_v2() {
    local at; mkdir -p "$SCRATCH/uml"
    at=$(bundle uml '["sleep", "1000"]' \
        '.linux.resources={"memory": {"limit": 33554432}, "pids": {"limit": 25}, "devices": [{"allow": false, "access": "rwm"}]} | .linux.cgroupsPath="/user/swl47-uml"')
    cat > "$SCRATCH/uml/job" <<JOB
cd /sys/fs/cgroup; echo "+memory +pids" > cgroup.subtree_control; mkdir -p user/session
chown $U user user/cgroup.* user/session user/session/cgroup.*
install -d -o $U /run/user47
as() { (echo \$BASHPID > user/session/cgroup.procs; exec setpriv --reuid $U --regid $U --clear-groups env XDG_RUNTIME_DIR=/run/user47 "$HOME47/oci" "\$@"); }
as run -d -b "$at" swl47-uml < /dev/null > /dev/null; echo "run \$?"
cat user/swl47-uml/{memory.max,pids.max}; stat -c %u user/swl47-uml
as exec swl47-uml sh -c 'exit 4'; echo "exec \$?"
as update --memory 16777216 swl47-uml; cat user/swl47-uml/memory.max
as pause swl47-uml; as state swl47-uml | grep -o paused; as resume swl47-uml
as delete --force swl47-uml; echo "delete \$?"; ls -d user/*/ ; ls /run/user47/swiftlet-oci
JOB
    boot
    same "$(cat "$SCRATCH/uml/out")" "run 0
33554432
25
$U
exec 4
16777216
paused
delete 0
user/session/"
}

test_podman_of_a_user_runs_stops_and_enters_containers() {
    command -v podman > /dev/null || skip "needs podman"
    place
    mkdir -p "$HOME47/.config/containers"
    echo '{"default": [{"type": "insecureAcceptAnything"}]}' > "$HOME47/.config/containers/policy.json"
    printf '[engine]\nevents_logger = "file"\n' > "$HOME47/.config/containers/containers.conf"
    tar --owner=0 --group=0 -C "$HOME47/rootfs" -cf "$HOME47/root.tar" .
    cat > "$HOME47/engine" <<SH
#!/bin/bash
mount --make-rshared /
cd "$HOME47"
exec setpriv --reuid $U --regid $U --clear-groups env -i PATH="$PATH" HOME="$HOME47" XDG_RUNTIME_DIR="$HOME47/run" bash -e session
SH
    cat > "$HOME47/session" <<SH
trap 'podman unshare rm -rf "$HOME47/.local"; kill "\$(cat "$HOME47/run/libpod/tmp/pause.pid")"' EXIT
p() { podman --storage-driver vfs --cgroup-manager cgroupfs --runtime "$HOME47/oci" "\$@"; }
p import -q root.tar box > /dev/null
p run --rm --network host box sh -c 'id -u; tr -s " " < /proc/self/uid_map; exit 3' || echo "status \$?"
p run -d --name swl47-pod --network host box sleep 1000 > /dev/null
p exec swl47-pod sh -c 'echo "\$(hostname | wc -w) \$0"; exit 5' || echo "exec \$?"
p top swl47-pod args | tail -n 1 | tr -d ' '
p stop -t 0 swl47-pod > /dev/null 2>&1
p rm swl47-pod > /dev/null
p ps -aq
SH
    chmod 755 "$HOME47/engine"; chown -R $U "$HOME47"
    expect 0 accounts "$HOME47/engine"
    same "$out" "0
 0 $U 1
 1 200000 1000
status 3
1 sh
exec 5
sleep1000"
    rm -rf "$HOME47/run"/*
}
