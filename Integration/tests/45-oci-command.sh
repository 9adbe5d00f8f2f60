#!/bin/bash
# swiftlet-oci in the place of runc: its verbs, options, states, messages and statuses

# Each test has containers of its own: $2 is its name.
STATE=$SCRATCH/oci45/${2:-}
oci() { "$BIN/swiftlet-oci" --root "$STATE" "$@"; }
# Without streams, so that nothing waits for a container's end.
quiet() { "$@" < /dev/null > "$SCRATCH/quiet" 2>&1 || fail "$* ended $?: $(cat "$SCRATCH/quiet")"; }
status_of() { oci state "$1" 2> /dev/null | jq -r .status; }
is() { [ "$(status_of "$1")" = "$2" ]; }
# What a test leaves running when it fails would fail the next ones too.
clean() { local id; for id in "$@"; do oci delete --force "$id" > /dev/null 2>&1 || :; done; }

# A bundle named $1 whose program is a sleep that ends at once on TERM, changed by the jq filter $2.
bundle() {
    local at=$SCRATCH/b45/$1
    mkdir -p "$at"
    [ -e "$SCRATCH/b45/rootfs" ] || busybox_root "$SCRATCH/b45/rootfs"
    rm -f "$at/config.json"
    oci spec --bundle "$at"
    jq --arg root "$SCRATCH/b45/rootfs" '.process.terminal=false | .root.path=$root | .process.env=["PATH=/bin"]
        | .process.args=["sh","-c","trap \"exit 0\" TERM; while :; do sleep 1000 & wait $!; done"]' "$at/config.json" |
        jq "${2:-.}" > "$at/c" && mv "$at/c" "$at/config.json"
    echo "$at"
}

finish() {
    local root id
    for root in "$SCRATCH"/oci45/*; do
        for id in $("$BIN/swiftlet-oci" --root "$root" list -q 2> /dev/null); do "$BIN/swiftlet-oci" --root "$root" delete --force "$id" || :; done
    done
    same "$(leftovers swl45)" "" "left behind"
}

# --- the command line

test_every_verb_and_option_of_runc_is_one_here() {
    local verb option missing=""
    for verb in $(runc --help | sed -n '/^COMMANDS:/,/^$/p' | awk '/^   [a-z]/ {sub(",", "", $1); print $1}' | grep -vE '^(help|init)$'); do
        for option in $(runc "$verb" --help | grep -oE '^   --[a-z0-9-]+( value)?(, -[a-z])?' | grep -oE -- '--?[a-z0-9-]+'); do
            oci "$verb" --help | grep -qE -- "(^| |,)$option(,| |\$)" || missing+=" $verb:$option"
        done
    done
    for option in $(runc --help | sed -n '/^GLOBAL OPTIONS:/,$p' | grep -oE '^   --[a-z-]+' | tr -d ' '); do
        oci --help | grep -qF -- " $option" || missing+=" $option"
    done
    same "$missing" "" "options that are missing"
}

test_options_stand_before_and_after_arguments_in_every_form() {
    local at; at=$(bundle forms)
    quiet oci run -d -b "$at" --pid-file="$SCRATCH/forms.pid" swl45-forms
    expect 0 oci state swl45-forms
    same "$(cat "$SCRATCH/forms.pid")" "$(jq .pid <<< "$out")"
    expect 0 oci ps --format=json swl45-forms
    expect 0 oci ps -format json swl45-forms
    expect 0 oci list --quiet=false -f json
    expect 0 oci kill swl45-forms KILL --all
    until_true 10 is swl45-forms stopped
    expect 0 oci delete swl45-forms --force
    expect 0 oci delete --force=true swl45-forms
    expect 1 oci list --quiet=maybe; one_line "$err"
    expect 1 oci list --nonsense; contains "$err" nonsense
    expect 1 oci run --bundle; contains "$err" bundle
    expect 1 oci frobnicate; contains "$err" frobnicate
    expect 1 oci state; one_line "$err"
    expect 1 oci state a b; one_line "$err"
    expect 1 "$BIN/swiftlet-oci" --rootless perhaps list; contains "$err" rootless
}

test_errors_go_to_the_log_in_its_format_and_to_standard_error_once() {
    rm -f "$SCRATCH/log"
    expect 1 oci --log "$SCRATCH/log" --log-format json state swl45-none
    one_line "$err"; contains "$err" "does not exist"
    expect 1 oci --log "$SCRATCH/log" --log-format json state swl45-none
    same "$(wc -l < "$SCRATCH/log")" 2 "lines are appended"
    same "$(jq -r '.level' "$SCRATCH/log" | sort -u)" error
    jq -e 'keys == ["level","msg","time"] and (.msg | contains("does not exist")) and (.time | test("^20[0-9-]+T[0-9:]+Z$"))' "$SCRATCH/log" > "$SCRATCH/out"
    rm -f "$SCRATCH/log"
    expect 1 oci --log="$SCRATCH/log" state swl45-none
    grep -qE '^time="20[0-9T:Z-]+" level=error msg="state swl45-none: container does not exist"$' "$SCRATCH/log" || fail "$(cat "$SCRATCH/log")"
    expect 1 oci --log-format json state swl45-none
    same "$(jq -r .level <<< "$err")" error
    expect 1 oci --log-format xml state swl45-none; one_line "$err"
    expect 1 oci --log "$SCRATCH/none/log" list; one_line "$err"; contains "$err" "$SCRATCH/none/log"
}

# --- states and operations

test_a_container_goes_through_its_states() {
    local at; at=$(bundle states '.annotations={"a.b":"c"}')
    quiet oci create --bundle "$at" --pid-file "$SCRATCH/states.pid" swl45-states
    expect 0 oci state swl45-states
    same "$(jq -r '[.status,.id,.bundle,.rootfs,.annotations["a.b"],.owner,.ociVersion] | join(" ")' <<< "$out")" \
        "created swl45-states $at $SCRATCH/b45/rootfs c $(id -un) 1.3.0"
    same "$(jq .pid <<< "$out")" "$(cat "$SCRATCH/states.pid")"
    jq -e '.created | test("^20[0-9-]+T[0-9:.]+Z$")' <<< "$out" > /dev/null
    quiet oci start swl45-states
    same "$(status_of swl45-states)" running
    quiet oci pause swl45-states
    same "$(status_of swl45-states)" paused
    expect 1 oci pause swl45-states
    quiet oci resume swl45-states
    same "$(status_of swl45-states)" running
    expect 1 oci resume swl45-states; contains "$err" "not paused"
    expect 1 oci delete swl45-states; contains "$err" "that is not stopped"
    quiet oci kill swl45-states
    until_true 10 is swl45-states stopped
    expect 0 oci state swl45-states; same "$(jq .pid <<< "$out")" 0
    expect 1 oci kill swl45-states; contains "$err" "container not running"
    expect 0 oci kill --all swl45-states KILL
    quiet oci delete swl45-states
    expect 1 oci delete swl45-states; contains "$err" "does not exist"
    quiet oci delete --force swl45-states
    same "$(leftovers swl45-states)" ""
}

test_a_state_is_what_the_schema_says() {
    local vectors=../shared/vectors/runtime-spec at
    [ -e "$vectors/state-schema.json" ] || skip "no schemas beside the package"
    python3 -c 'import jsonschema' 2> /dev/null || skip "no jsonschema"
    at=$(bundle schema)
    quiet oci run -d -b "$at" swl45-schema
    oci state swl45-schema > "$SCRATCH/state.json"
    oci features > "$SCRATCH/features.json"
    clean swl45-schema
    python3 -W ignore - "$vectors" "$SCRATCH" <<'PY'
import json, os, sys, jsonschema
folder, scratch = sys.argv[1:]
load = lambda name: json.load(open(name))
def check(schema, document):
    resolver = jsonschema.RefResolver("file://" + os.path.abspath(folder) + "/", load(f"{folder}/{schema}"))
    jsonschema.validate(document, load(f"{folder}/{schema}"), resolver=resolver)
check("state-schema.json", load(f"{scratch}/state.json"))
check("features-schema.json", load(f"{scratch}/features.json"))
for kind in ("state", "features"):
    for name in os.listdir(f"{folder}/test/{kind}/good"): check(f"{kind}-schema.json", load(f"{folder}/test/{kind}/good/{name}"))
    for name in os.listdir(f"{folder}/test/{kind}/bad"):
        try: check(f"{kind}-schema.json", load(f"{folder}/test/{kind}/bad/{name}"))
        except (ValueError, jsonschema.ValidationError): continue
        sys.exit(f"{name} was taken")
PY
}

test_what_is_not_created_is_not_started_and_an_id_is_given_once() {
    local at; at=$(bundle once)
    expect 1 oci start swl45-none; contains "$err" "does not exist"
    quiet oci run -d -b "$at" swl45-once
    expect 1 oci start swl45-once; contains "$err" "already running"
    expect 1 oci create --bundle "$at" swl45-once; contains "$err" "already exists"
    same "$(status_of swl45-once)" running "the container of that id is left alone"
    oci kill swl45-once KILL; until_true 10 is swl45-once stopped
    expect 1 oci start swl45-once; contains "$err" "stopped"
    expect 255 oci exec swl45-once true; contains "$err" "stopped"
    expect 1 oci events --stats swl45-once; contains "$err" "not running"
    quiet oci delete swl45-once
    local id
    for id in a/b .. . "" "a b" "a:b" ../x; do expect 1 oci create --bundle "$at" "$id"; one_line "$err"; done
    same "$(oci list -q)" ""
}

test_of_two_starts_or_deletes_at_once_one_does_it() {
    local at round first second
    at=$(bundle twice)
    for round in 1 2 3 4 5; do
        quiet oci create --bundle "$at" swl45-twice
        oci start swl45-twice 2> "$SCRATCH/one" & first=$!
        oci start swl45-twice 2> "$SCRATCH/two" & second=$!
        local done_=0; wait "$first" && done_=$((done_ + 1)) || :; wait "$second" && done_=$((done_ + 1)) || :
        same "$done_" 1 "starts that succeeded"
        same "$(status_of swl45-twice)" running
        oci kill swl45-twice KILL; until_true 10 is swl45-twice stopped
        oci delete swl45-twice 2> "$SCRATCH/one" & first=$!
        oci delete swl45-twice 2> "$SCRATCH/two" & second=$!
        done_=0; wait "$first" && done_=$((done_ + 1)) || :; wait "$second" && done_=$((done_ + 1)) || :
        same "$done_" 1 "deletes that succeeded"
        contains "$(cat "$SCRATCH/one" "$SCRATCH/two")" "does not exist"
    done
}

test_state_is_kept_where_its_user_may_write() {
    local own=$SCRATCH/session at
    at=$(bundle swl45-mine)
    STATE=$own/swiftlet-oci
    quiet oci run --detach --bundle "$at" swl45-mine
    list() { "$@" "$BIN/swiftlet-oci" list -q | grep -c swl45-mine || :; }
    same "$(list env XDG_RUNTIME_DIR="$own")" 0 "root"
    same "$(list env -u USER XDG_RUNTIME_DIR="$own" unshare --user --map-root-user)" 1 "root of a user namespace"
    same "$(list env USER=root XDG_RUNTIME_DIR="$own" unshare --user --map-root-user)" 0 "root logged in there"
    chmod 711 "$SCRATCH"
    chown -R 1977:1977 "$own"
    same "$(list setpriv --reuid 1977 --regid 1977 --clear-groups env XDG_RUNTIME_DIR="$own")" 1 "a user"
    quiet oci delete --force swl45-mine
}

test_a_create_that_was_killed_is_stopped_and_can_be_deleted() {
    local at fifo=$SCRATCH/fifo creator
    # A hook that waits holds the creation where everything has been made.
    at=$(bundle killed ".hooks.createRuntime=[{\"path\":\"/bin/sh\",\"args\":[\"sh\",\"-c\",\"exec cat $fifo\"]}]")
    mkfifo "$fifo"
    "$BIN/swiftlet-oci" --root "$STATE" create --bundle "$at" swl45-killed < /dev/null > "$SCRATCH/quiet" 2>&1 &
    creator=$!
    until_true 10 is swl45-killed creating
    until_true 10 bash -c "find /sys/fs/cgroup -type d -name swl45-killed | grep -q ."
    expect 1 oci delete swl45-killed; contains "$err" creating
    expect 1 oci start swl45-killed; one_line "$err"
    kill -9 "$creator"; wait "$creator" 2> /dev/null || :
    until_true 10 is swl45-killed stopped
    quiet oci delete swl45-killed
    until_true 10 bash -c "! pgrep -f '^cat $fifo'"
    rm -f "$fifo"
    until_true 10 bash -c "! find /sys/fs/cgroup -type d -name swl45-killed | grep -q ."
    same "$(oci list -q)" ""
}

test_a_create_in_progress_is_ended_by_delete_with_force() {
    local at fifo=$SCRATCH/fifo2 creator
    at=$(bundle ended ".hooks.createRuntime=[{\"path\":\"/bin/sh\",\"args\":[\"sh\",\"-c\",\"exec cat $fifo\"]}]")
    mkfifo "$fifo"
    "$BIN/swiftlet-oci" --root "$STATE" create --bundle "$at" swl45-ended < /dev/null > "$SCRATCH/quiet" 2>&1 &
    creator=$!
    until_true 10 is swl45-ended creating
    quiet oci delete --force swl45-ended
    wait "$creator" 2> /dev/null || :
    until_true 10 bash -c "! pgrep -f '^cat $fifo'"
    rm -f "$fifo"
    until_true 10 bash -c "! find /sys/fs/cgroup -type d -name swl45-ended | grep -q ."
    same "$(oci list -q)" ""
    # A directory of which nothing was ever written down.
    mkdir -p "$STATE/swl45-empty"
    expect 1 oci state swl45-empty; contains "$err" "does not exist"
    quiet oci delete --force swl45-empty
    [ ! -e "$STATE/swl45-empty" ] || fail "the directory stayed"
}

test_what_becomes_of_config_json_does_not_reach_a_container_that_is_there() {
    local at; at=$(bundle later ".process.env+=[\"WAS=there\"]
        | .hooks.poststart=[{\"path\":\"/bin/sh\",\"args\":[\"sh\",\"-c\",\"cat > $SCRATCH/poststart\"]}]
        | .hooks.poststop=[{\"path\":\"/bin/sh\",\"args\":[\"sh\",\"-c\",\"cat > $SCRATCH/poststop\"]}]")
    quiet oci create -b "$at" swl45-later
    echo '{"ociVersion":' > "$at/config.json"
    quiet oci start swl45-later
    same "$(jq -r .status "$SCRATCH/poststart")" running
    expect 0 oci exec swl45-later sh -c 'echo $WAS'; same "$out" there
    rm "$at/config.json"
    quiet oci delete --force swl45-later
    same "$(jq -r .status "$SCRATCH/poststop")" stopped
}

# --- run and exec

test_run_ends_with_the_program_s_status_and_keeps_the_container_when_told() {
    local at; at=$(bundle status '.process.args=["sh","-c","exit 7"]')
    expect 7 oci run -b "$at" swl45-status
    same "$(oci list -q)" ""
    expect 7 oci run --keep -b "$at" swl45-status
    same "$(status_of swl45-status)" stopped
    quiet oci delete swl45-status
    at=$(bundle status '.process.args=["sh","-c","kill -KILL $$"] | .linux.namespaces -= [{"type":"pid"}]')
    expect 137 oci run -b "$at" swl45-status
    at=$(bundle status '.process.args=["nothing-like-that"]')
    expect 1 oci run -b "$at" swl45-status; contains "$err" "no such file or directory"
    same "$(oci list -q)" ""
}

test_signals_are_passed_on_and_orphans_are_reaped_in_the_foreground() {
    local at pid status=0
    at=$(bundle signals '.process.args=["sh","-c","trap \"echo got; exit 42\" USR1; (sh -c \"sleep 0.01 &\") ; echo up; while :; do sleep 1000 & wait $!; done"]
        | .linux.namespaces -= [{"type":"pid"}]')
    "$BIN/swiftlet-oci" --root "$STATE" run -b "$at" swl45-signals < /dev/null > "$SCRATCH/said" 2>&1 &
    pid=$!
    until_true 10 grep -q up "$SCRATCH/said"
    until_true 10 bash -c "! ps -o stat= --ppid $pid | grep -q Z"
    kill -USR1 "$pid"
    wait "$pid" || status=$?
    same "$status" 42
    contains "$(cat "$SCRATCH/said")" got
    same "$(oci list -q)" ""
}

test_a_terminal_is_relayed_with_its_size() {
    local at; at=$(bundle tty '.process.terminal=true | .process.args=["sh","-c","stty size; tty; read line; echo \"<$line>\"; exit 3"]')
    local status=0
    (until_true 10 grep -q /dev/ "$SCRATCH/typed"; echo hello) |
        script -qec "stty rows 33 cols 77; '$BIN/swiftlet-oci' --root '$STATE' run -b '$at' swl45-tty" /dev/null > "$SCRATCH/typed" 2>&1 || status=$?
    same "$status" 3 "$(cat "$SCRATCH/typed")"
    contains "$(cat "$SCRATCH/typed")" "33 77"
    contains "$(cat "$SCRATCH/typed")" "<hello>"
    expect 1 oci run -d -b "$at" swl45-tty; contains "$err" console-socket
    expect 1 oci create -b "$at" swl45-tty; contains "$err" console-socket
    expect 1 oci run --console-socket "$SCRATCH/none" -b "$at" swl45-tty; contains "$err" console-socket
    same "$(oci list -q)" ""
}

# Receives one descriptor at the socket $1 and writes what $2 (a Python expression of `fd` and `name`) says to the file $3.
receive() {
    python3 - "$1" "$2" > "$3" 2>&1 <<'PY' &
import array, os, socket, sys
server = socket.socket(socket.AF_UNIX); server.bind(sys.argv[1]); server.listen(1); server.settimeout(20)
peer, _ = server.accept()
message, control, _, _ = peer.recvmsg(4096, socket.CMSG_SPACE(4))
fd = array.array("i", control[0][2])[0]; name = message.decode()
print(eval(sys.argv[2]))
PY
    receiver=$!
    until_true 10 test -S "$1"
}

test_a_terminal_and_a_pidfd_are_handed_over_through_their_sockets() {
    local at pid
    at=$(bundle sockets '.process.terminal=true | .process.args=["sh","-c","echo from the terminal; trap \"exit 0\" TERM; sleep 1000 & wait"]')
    receive "$SCRATCH/console.sock" 'os.read(fd, 100).decode().strip()' "$SCRATCH/console.said"
    quiet oci run -d -b "$at" --console-socket "$SCRATCH/console.sock" swl45-sockets
    wait "$receiver"
    contains "$(cat "$SCRATCH/console.said")" "from the terminal"
    clean swl45-sockets
    at=$(bundle sockets)
    receive "$SCRATCH/pidfd.sock" 'name + open("/proc/self/fdinfo/%d" % fd).read()' "$SCRATCH/pidfd.said"
    quiet oci create -b "$at" --pidfd-socket "$SCRATCH/pidfd.sock" swl45-sockets
    wait "$receiver"
    pid=$(oci state swl45-sockets | jq .pid)
    contains "$(tr '\t\n' '  ' < "$SCRATCH/pidfd.said")" "Pid: $pid "
    quiet oci start swl45-sockets
    receive "$SCRATCH/exec.sock" 'name + open("/proc/self/fdinfo/%d" % fd).read()' "$SCRATCH/pidfd.said"
    quiet oci exec -d --pidfd-socket "$SCRATCH/exec.sock" --pid-file "$SCRATCH/exec.pid" swl45-sockets sleep 100
    wait "$receiver"
    contains "$(tr '\t\n' '  ' < "$SCRATCH/pidfd.said")" "Pid: $(cat "$SCRATCH/exec.pid") "
    # Nobody listens: nothing stays.
    quiet oci delete --force swl45-sockets
    expect 1 oci create -b "$at" --pidfd-socket "$SCRATCH/nobody.sock" swl45-sockets
    same "$(oci list -q)" ""
    same "$(leftovers swl45-sockets)" ""
}

test_exec_runs_a_process_as_its_options_say() {
    local at; at=$(bundle exec '.process.user={"uid":5,"gid":6,"additionalGids":[7]} | .process.noNewPrivileges=false')
    quiet oci run -d -b "$at" swl45-exec
    expect 7 oci exec swl45-exec sh -c 'exit 7'
    expect 0 oci exec swl45-exec id -u; same "$out" 5
    expect 0 oci exec -u 11:12 -g 13 --additional-gids=14 swl45-exec id; contains "$out" "uid=11 gid=12"; contains "$out" "13"; contains "$out" 14
    expect 0 oci exec --user 21 swl45-exec id; contains "$out" "uid=21 gid=6"
    expect 0 oci exec --cwd /tmp -e A=b --env C=d swl45-exec sh -c 'echo $PWD $A $C'; same "$out" "/tmp b d"
    expect 0 oci exec --no-new-privs swl45-exec grep NoNewPrivs /proc/self/status; contains "$out" 1
    expect 0 oci exec swl45-exec grep NoNewPrivs /proc/self/status; contains "$out" 0
    expect 0 oci exec -u 0 --cap CAP_SYS_TIME swl45-exec grep CapBnd /proc/self/status
    [ $((0x${out##*:?} & 1 << 25)) -ne 0 ] || fail "CAP_SYS_TIME is not there: $out"
    expect 0 oci exec swl45-exec echo -d --tty -x; same "$out" "-d --tty -x"
    expect 255 oci exec swl45-exec nothing-like-that; one_line "$err"; contains "$err" "no such file or directory"
    expect 255 oci exec swl45-exec; one_line "$err"
    local user
    for user in root -1 4294967295 4294967296 1x "1 " 1:x :1 0x1 +1 1:; do expect 255 oci exec --user "$user" swl45-exec true; one_line "$err"; done
    jq '.process | .args=["sh","-c","echo file $0"]' "$at/config.json" > "$SCRATCH/process.json"
    expect 0 oci exec --process "$SCRATCH/process.json" swl45-exec; same "$out" "file sh"
    expect 255 oci exec --process "$SCRATCH/process.json" swl45-exec true; one_line "$err"
    echo '{"cwd":"tmp","args":["true"]}' > "$SCRATCH/process.json"
    expect 255 oci exec -p "$SCRATCH/process.json" swl45-exec; contains "$err" process.cwd
    clean swl45-exec
}

test_exec_detaches_joins_subgroups_and_heeds_a_pause() {
    local at pid memory; at=$(bundle detach)
    quiet oci run -d -b "$at" swl45-detach
    quiet oci exec --detach --pid-file "$SCRATCH/detached.pid" swl45-detach sleep 1000
    pid=$(cat "$SCRATCH/detached.pid")
    contains "$(cat "/proc/$pid/cmdline" | tr '\0' ' ')" "sleep 1000"
    expect 0 oci ps --format json swl45-detach; jq -e "index($pid)" <<< "$out" > /dev/null || fail "$pid is not in $out"
    pid=$(oci state swl45-detach | jq .pid)
    memory=$(awk -F: '$2 == "pids" || $2 == "" && FNR > 0 {print $2 ":" $3}' "/proc/$pid/cgroup" | sort -r | head -n 1)
    if [ "${memory%%:*}" = pids ]; then
        mkdir "/sys/fs/cgroup/pids${memory#*:}/below"
        expect 0 oci exec --cgroup pids:below swl45-detach sh -c 'grep pids: /proc/self/cgroup'
        contains "$out" "/below"
        expect 255 oci exec --cgroup pids:nowhere swl45-detach true; one_line "$err"
    fi
    expect 255 oci exec --cgroup ../up swl45-detach true; one_line "$err"
    expect 255 oci exec --cgroup pids:a --cgroup pids:b swl45-detach true; one_line "$err"
    quiet oci pause swl45-detach
    expect 255 oci exec swl45-detach true; contains "$err" paused
    oci exec --ignore-paused swl45-detach true & pid=$!
    quiet oci resume swl45-detach
    wait "$pid" || fail "exec in a container that was paused ended $?"
    clean swl45-detach
}

# --- what is handed over

test_descriptors_are_preserved_and_sockets_announced_to_process_one() {
    local at; at=$(bundle fds '.process.args=["sh","-c","cat /proc/self/fd/3; cat /proc/self/fd/4; echo; ls /proc/self/fd | wc -w; echo $LISTEN_FDS $LISTEN_PID"]')
    printf three > "$SCRATCH/three"; printf four > "$SCRATCH/four"
    expect 0 env -u LISTEN_FDS "$BIN/swiftlet-oci" --root "$STATE" run --preserve-fds 2 -b "$at" swl45-fds 3< "$SCRATCH/three" 4< "$SCRATCH/four"
    contains "$out" threefour
    expect 0 bash -c 'exec env LISTEN_FDS=1 LISTEN_PID=$$ "$@" 3< "$0/three" 4< "$0/four"' "$SCRATCH" "$BIN/swiftlet-oci" --root "$STATE" run --preserve-fds 1 -b "$at" swl45-fds
    contains "$out" threefour
    contains "$out" "1 1"
    # Meant for another process.
    expect 0 bash -c 'exec env LISTEN_FDS=1 LISTEN_PID=1 "$@" 3< "$0/three" 4< "$0/four"' "$SCRATCH" "$BIN/swiftlet-oci" --root "$STATE" run --preserve-fds 2 -b "$at" swl45-fds
    case "$out" in *"1 1"*) fail "announced: $out" ;; esac
    expect 1 oci run --preserve-fds 3 -b "$at" swl45-fds 3< "$SCRATCH/three" 4< "$SCRATCH/four" 5>&-; contains "$err" "descriptor 5"
    expect 1 oci run --preserve-fds x -b "$at" swl45-fds; one_line "$err"
    expect 1 oci run --preserve-fds -1 -b "$at" swl45-fds; one_line "$err"
    at=$(bundle fds)
    quiet oci run -d -b "$at" swl45-fds
    expect 0 oci exec --preserve-fds 1 swl45-fds cat /proc/self/fd/3 3< "$SCRATCH/three"; same "$out" three
    clean swl45-fds
}

test_readiness_of_a_container_reaches_the_manager_with_its_pid() {
    local at manager pid
    python3 - "$SCRATCH/manager.sock" > "$SCRATCH/managed" 2>&1 <<'PY' &
import os, socket, sys
manager = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM); manager.bind(sys.argv[1]); manager.settimeout(20)
while True:
    message, control, _, _ = manager.recvmsg(4096, socket.CMSG_SPACE(4))
    print(message.decode().strip(), flush=True)
    for _, _, data in control: os.close(int.from_bytes(data[:4], sys.byteorder))
    if message.startswith(b"BARRIER"): break
PY
    manager=$!
    until_true 10 test -S "$SCRATCH/manager.sock"
    at=$(bundle notify)
    quiet env NOTIFY_SOCKET="$SCRATCH/manager.sock" "$BIN/swiftlet-oci" --root "$STATE" create -b "$at" swl45-notify
    env NOTIFY_SOCKET="$SCRATCH/manager.sock" "$BIN/swiftlet-oci" --root "$STATE" start swl45-notify < /dev/null > "$SCRATCH/started" 2>&1 &
    pid=$!
    until_true 10 is swl45-notify running
    expect 0 oci exec swl45-notify sh -c 'tr "\0" "\n" < /proc/1/environ | grep ^NOTIFY_SOCKET=; test -S /run/notify/notify.sock && echo socket'
    same "$out" "NOTIFY_SOCKET=/run/notify/notify.sock
socket"
    kill -0 "$pid" || fail "start did not wait for readiness"
    # Its path is longer than that of a socket may be.
    python3 - "$STATE/swl45-notify/notify" <<'PY'
import os, socket, sys
os.chdir(sys.argv[1])
client = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM); client.connect("notify.sock")
client.send(b"STATUS=coming"); client.send(b"STATUS=up\nREADY=1\nMAINPID=1")
PY
    wait "$pid" || fail "start ended $?: $(cat "$SCRATCH/started")"
    wait "$manager" || :
    same "$(head -n 2 "$SCRATCH/managed" | tr '\n' ' ')" "READY=1 MAINPID=$(oci state swl45-notify | jq .pid) "
    clean swl45-notify
}

# --- checkpoint and restore

test_a_checkpoint_and_a_restore_go_through_criu_with_the_live_bundle_alone() {
    [ "$(uname -m)" = x86_64 ] || skip "the stand-in for criu knows the system calls of x86_64 alone"
    local at images=$SCRATCH/images pid; at=$(bundle criu)
    stand_in_criu
    jq '.mounts += [{"destination":"/data","type":"bind","source":"/etc","options":["bind","ro"]}]
        | .linux.maskedPaths=["/etc/passwd","/tmp"] | .hooks.prestart=[{"path":"/bin/sh","args":["sh","-c","cat > '"$SCRATCH"'/criu-state"]}]' "$at/config.json" > "$at/c" && mv "$at/c" "$at/config.json"
    quiet oci run -d -b "$at" swl45-criu
    quiet oci --criu "$SCRATCH/criu" checkpoint --image-path "$images" --leave-running --tcp-established swl45-criu
    same "$(status_of swl45-criu)" running
    same "$(jq -c '[.kind, .numbers["3"], .numbers["5"], .mounts["/data"], .mounts["/etc/passwd"], .mounts["/tmp"]]' "$CRIU_ASKED")" '[1,1,1,"/data","/dev/null",null]'
    pid=$(oci state swl45-criu | jq .pid)
    same "$(jq '.numbers["2"]' "$CRIU_ASKED")" "$pid"
    same "$(jq -c 'length' "$images/descriptors.json")" 3
    quiet oci --criu "$SCRATCH/criu" checkpoint --image-path "$images" swl45-criu
    same "$(oci list -q)" "" "a container that was written away is gone"
    # The archive may say what it likes of mounts: those of the bundle are asked for.
    echo '["/dev/null","pipe:[1]","/etc/shadow"]' > "$images/descriptors.json"
    rm -f "$SCRATCH/criu-state"
    quiet oci --criu "$SCRATCH/criu" restore -d -b "$at" --image-path "$images" --pid-file "$SCRATCH/restored.pid" swl45-criu
    same "$(status_of swl45-criu)" running
    pid=$(oci state swl45-criu | jq .pid)
    same "$(cat "$SCRATCH/restored.pid")" "$pid"
    same "$(jq -c '[.kind, .mounts["/data"], (.fds | keys), (.inside | index("bin") != null)]' "$CRIU_ASKED")" '[2,"/etc",["pipe:[1]"],true]'
    same "$(jq -r '.id + " " + .status' "$SCRATCH/criu-state")" "swl45-criu creating"
    contains "$(cat "/proc/$pid/cgroup")" swl45-criu
    jq -e '.groups as $g | .own | split("\n") | map(select(. != "") | split(":")) | all(.[1] as $c | .[2] == $g[$c])' "$CRIU_ASKED" > /dev/null || fail "$(cat "$CRIU_ASKED")"
    same "$(grep -cF "$STATE" /proc/self/mountinfo || :)" 0 "mounts on the host"
    quiet oci delete --force swl45-criu
    local status=0
    "$BIN/swiftlet-oci" --root "$STATE" --criu "$SCRATCH/criu" restore -b "$at" --image-path "$images" swl45-criu < /dev/null > "$SCRATCH/said" 2>&1 &
    pid=$!
    until_true 10 is swl45-criu running
    kill -TERM "$pid"; wait "$pid" || status=$?
    same "$status" 9 "$(cat "$SCRATCH/said")"
    same "$(ls -A "$STATE")" "" "directories"
}

test_a_criu_that_refuses_is_quoted_and_leaves_the_container_alone() {
    local at images=$SCRATCH/images2; at=$(bundle refuse)
    stand_in_criu
    quiet oci run -d -b "$at" swl45-refuse
    expect 1 oci --criu "$SCRATCH/criu" checkpoint --pre-dump --image-path "$images" swl45-refuse
    one_line "$err"; contains "$err" "Error (stand-in): no such kind"; contains "$err" "$images/dump.log"
    expect 1 oci --criu "$SCRATCH/no-criu" checkpoint --image-path "$images" swl45-refuse; one_line "$err"; contains "$err" no-criu
    expect 1 env PATH=/nowhere "$BIN/swiftlet-oci" --root "$STATE" checkpoint --image-path "$images" swl45-refuse; one_line "$err"; contains "$err" "not found in PATH"
    expect 1 oci --criu "$SCRATCH/criu" checkpoint --image-path "$images" --parent-path /abs swl45-refuse; contains "$err" parent-path
    expect 1 oci --criu "$SCRATCH/criu" checkpoint --image-path "$images" --page-server nowhere swl45-refuse; contains "$err" page-server
    expect 1 oci --criu "$SCRATCH/criu" checkpoint --image-path "$images" --manage-cgroups-mode hard swl45-refuse; contains "$err" hard
    expect 1 oci --criu "$SCRATCH/criu" checkpoint --image-path "$images" --empty-ns ipc swl45-refuse; contains "$err" ipc
    same "$(status_of swl45-refuse)" running
    expect 1 oci --criu "$SCRATCH/criu" restore -b "$at" --image-path "$images" swl45-refuse; contains "$err" "already exists"
    clean swl45-refuse
    expect 1 oci --criu "$SCRATCH/criu" checkpoint --image-path "$images" swl45-refuse; contains "$err" "does not exist"
    expect 1 oci --criu "$SCRATCH/no-criu" restore -b "$at" --image-path "$images" swl45-refuse; one_line "$err"
    expect 1 oci --criu "$SCRATCH/criu" restore -b "$at" --image-path "$SCRATCH/no-images" swl45-refuse; contains "$err" no-images
    expect 1 oci --criu /bin/false restore -b "$at" --image-path "$images" swl45-refuse; one_line "$err"
    same "$(ls -A "$STATE")" "" "directories"
    same "$(leftovers swl45-refuse)" ""
}

test_a_container_that_criu_can_write_away_comes_back() {
    criu check > /dev/null 2>&1 || skip "criu does not work on this kernel"
    local at images=$SCRATCH/images3; at=$(bundle real)
    quiet oci run -d -b "$at" swl45-real
    quiet oci checkpoint --image-path "$images" swl45-real
    same "$(oci list -q)" ""
    quiet oci restore -d -b "$at" --image-path "$images" swl45-real
    same "$(status_of swl45-real)" running
    expect 0 oci exec swl45-real true
    clean swl45-real
}

# --- looking at containers

test_list_and_ps_show_containers_and_their_processes() {
    local at pid; at=$(bundle list)
    expect 0 oci list; contains "$out" "ID          PID         STATUS      BUNDLE      CREATED     OWNER"
    expect 0 oci list -f json; same "$out" "[]"
    quiet oci run -d -b "$at" swl45-list
    pid=$(oci state swl45-list | jq .pid)
    expect 0 oci list; contains "$(tail -n 1 <<< "$out" | tr -s ' ')" "swl45-list $pid running $at"
    expect 0 oci list --format json
    same "$(jq -r '.[] | [.id, .pid, .status, .owner] | map(tostring) | join(" ")' <<< "$out")" "swl45-list $pid running $(id -un)"
    expect 0 oci list -q; same "$out" swl45-list
    expect 1 oci list -f yaml; one_line "$err"
    expect 0 oci ps swl45-list
    contains "$(head -n 1 <<< "$out")" PID
    expect 0 oci ps swl45-list -o pid,args; contains "$(tail -n +2 <<< "$out")" "$pid"
    expect 1 oci ps swl45-list -o args; contains "$err" PID
    expect 1 oci ps --format xml swl45-list; one_line "$err"
    expect 1 oci ps swl45-none; contains "$err" "does not exist"
    clean swl45-list
}

test_events_tell_statistics_as_runc_does() {
    local at theirs ours; at=$(bundle events)
    quiet oci run -d -b "$at" swl45-events
    expect 0 oci events --stats swl45-events
    one_line "$out"
    same "$(jq -r '[.type, .id] | join(" ")' <<< "$out")" "stats swl45-events"
    jq -e '.data | (.cpu.usage.total > 0) and (.pids.current > 0) and has("memory") and has("blkio") and has("hugetlb") and has("intel_rdt")' <<< "$out" > /dev/null || fail "$out"
    ours=$(jq -c '[.data | paths(type != "object" and type != "array") | map(tostring) | join(".")]' <<< "$out")
    timeout 10 "$BIN/swiftlet-oci" --root "$STATE" events --interval 100ms swl45-events > "$SCRATCH/events" &
    local pid=$!
    until_true 10 bash -c "[ \$(wc -l < '$SCRATCH/events') -ge 3 ]"
    oci kill swl45-events KILL
    wait "$pid" || fail "events ended $? with its container"
    same "$(jq -r .type "$SCRATCH/events" | sort -u)" stats
    expect 1 oci events --interval 0s swl45-events; one_line "$err"
    expect 1 oci events --interval soon swl45-events; one_line "$err"
    clean swl45-events
    # A process that takes more than it may.
    at=$(bundle events '.linux.resources.memory={"limit":16777216,"swap":16777216}')
    quiet oci run -d -b "$at" swl45-events
    "$BIN/swiftlet-oci" --root "$STATE" events --interval 1h swl45-events > "$SCRATCH/events" &
    pid=$!
    until_true 10 bash -c "ls -l /proc/$pid/fd | grep -qE 'eventfd|inotify'"
    expect 137 oci exec swl45-events tail /dev/zero
    until_true 10 grep -q '{"type":"oom","id":"swl45-events"}' "$SCRATCH/events"
    clean swl45-events
    wait "$pid" || fail "events ended $? with its container"
    # Of what runc tells nothing is missing, but for what is left out when it is zero.
    mkdir -p "$SCRATCH/runc45"
    quiet runc --root "$SCRATCH/runc45" run -d -b "$at" swl45-runc
    theirs=$(runc --root "$SCRATCH/runc45" events --stats swl45-runc | jq -c '[.data | paths(type != "object" and type != "array") | map(tostring) | join(".")]')
    runc --root "$SCRATCH/runc45" delete -f swl45-runc
    same "$(jq -r -n --argjson a "$theirs" --argjson b "$ours" '$a - $b | map(select(test("^(memory.raw|hugetlb|blkio)|[.](max|usage|total|[0-9]+)$") | not)) | join(" ")')" "" "missing in events"
}

test_update_changes_limits_and_nothing_else() {
    local at file; at=$(bundle update)
    quiet oci run -d -b "$at" swl45-update
    file=$(find /sys/fs/cgroup -path '*swl45-update/pids.max' | head -n 1)
    [ -n "$file" ] || skip "no pids controller"
    quiet oci update --pids-limit 77 swl45-update; same "$(cat "$file")" 77
    echo '{"pids":{"limit":55}}' > "$SCRATCH/resources.json"
    quiet oci update -r "$SCRATCH/resources.json" swl45-update; same "$(cat "$file")" 55
    INPUT=$SCRATCH/resources.json
    sed -i s/55/44/ "$SCRATCH/resources.json"
    expect 0 oci update --resources=- swl45-update; same "$(cat "$file")" 44
    unset INPUT
    quiet oci update --pids-limit -1 swl45-update; same "$(cat "$file")" max
    file=$(find /sys/fs/cgroup -path '*swl45-update/memory.limit_in_bytes' | head -n 1)
    if [ -n "$file" ]; then
        quiet oci update --memory 64m --memory-reservation 32m --memory-swap 128m swl45-update
        same "$(cat "$file")" $((64 << 20))
        same "$(cat "${file%/*}/memory.memsw.limit_in_bytes")" $((128 << 20))
        quiet oci update --memory 1.5G --memory-swap -1 swl45-update; same "$(cat "$file")" $((3 << 29))
    fi
    local bad
    for bad in "--memory lots" "--memory 1x" "--cpu-share many" "--cpu-quota 1.5" "--pids-limit 0x10" "--cpuset-cpus a-b" "--blkio-weight 5" \
        "--cpu-idle 2" "--l3-cache-schema L3:0=f"; do
        # shellcheck disable=SC2086
        expect 1 oci update $bad swl45-update; one_line "$err"
    done
    echo '{"pids":' > "$SCRATCH/resources.json"
    expect 1 oci update -r "$SCRATCH/resources.json" swl45-update; contains "$err" "line 2, column 1"
    expect 1 oci update --pids-limit 5 swl45-none; contains "$err" "does not exist"
    clean swl45-update
}

test_kill_takes_signals_by_name_and_number_and_nothing_else() {
    local at signal
    at=$(bundle kill '.process.args=["sh","-c","for s in HUP USR1 USR2; do trap \"echo $s\" $s; done; echo up; while :; do sleep 1000 & wait $!; done"]')
    "$BIN/swiftlet-oci" --root "$STATE" run -d -b "$at" swl45-kill < /dev/null > "$SCRATCH/trapped" 2>&1
    until_true 10 grep -q up "$SCRATCH/trapped"
    for signal in HUP:HUP SIGUSR1:USR1 sigusr2:USR2 1:HUP 10:USR1; do
        : > "$SCRATCH/trapped"
        quiet oci kill swl45-kill "${signal%:*}"
        until_true 10 grep -q "${signal#*:}" "$SCRATCH/trapped"
    done
    quiet oci kill swl45-kill 0
    for signal in "" -9 65 NOPE 9x "9 " 0x9 SIG9 RTMIN+99; do expect 1 oci kill -- swl45-kill "$signal"; one_line "$err"; done
    quiet oci exec -d swl45-kill sleep 1000
    quiet oci pause swl45-kill
    quiet oci kill swl45-kill KILL
    until_true 10 is swl45-kill stopped
    clean swl45-kill
}

test_features_are_those_of_the_code() {
    expect 0 oci features
    jq -e '.ociVersionMin == "1.0.0" and (.hooks | length) == 6 and (.linux.namespaces | index("mount") != null)
        and (.mountOptions | index("rbind") != null and index("nosuid") != null and (unique | length) == length)
        and (.linux.seccomp.actions | index("SCMP_ACT_ERRNO") != null) and (.linux.capabilities | index("CAP_BPF") != null)
        and .linux.cgroup.v1 and .linux.cgroup.v2' <<< "$out" > /dev/null || fail "$out"
    # What runc 1.1 lists is listed here too.
    local theirs
    theirs=$(runc features)
    same "$(jq -n -r --argjson a "$theirs" --argjson b "$out" '[($a.hooks - $b.hooks), ($a.linux.capabilities - $b.linux.capabilities),
        ($a.linux.namespaces - $b.linux.namespaces), ($a.linux.seccomp.operators - $b.linux.seccomp.operators)] | flatten | join(" ")')" "" "missing"
    expect 1 oci features more; one_line "$err"
}

test_spec_writes_a_configuration_that_runs() {
    mkdir -p "$SCRATCH/spec45"; rm -f "$SCRATCH/spec45/config.json"
    expect 0 oci spec -b "$SCRATCH/spec45"
    expect 1 oci spec -b "$SCRATCH/spec45"; contains "$err" config.json
    rm "$SCRATCH/spec45/config.json"
    (cd "$SCRATCH/spec45" && "$BIN/swiftlet-oci" spec --rootless)
    jq -e '(.linux.uidMappings[0].size == 1) and (.linux.namespaces | map(.type) | index("user") != null and index("network") == null)' "$SCRATCH/spec45/config.json" > /dev/null
}

# --- bad input

# refused NEEDLE: `create` and `run` of the bundle "bad" end 1 with one line that has NEEDLE, also in the log, and leave nothing.
refused() {
    local verb
    for verb in create run; do
        rm -f "$SCRATCH/bad.log"
        expect 1 oci --log "$SCRATCH/bad.log" --log-format json "$verb" --bundle "$SCRATCH/b45/bad" swl45-bad
        one_line "$err"
        case "$err" in *"$1"*) ;; *) fail "'$1' is not in: $err" ;; esac
        same "$(jq -r 'select(.level == "error") | .msg' "$SCRATCH/bad.log" | grep -cF -- "$1")" 1 "in the log"
        [ -z "$(ls -A "$STATE" 2> /dev/null)" ] || fail "state was left for $1: $(ls "$STATE")"
    done
}

test_every_invalid_configuration_is_refused_by_its_field() {
    local line filter needle
    while IFS='|' read -r needle filter; do
        [ -n "$needle" ] || continue
        bundle bad "$filter" > /dev/null
        refused "$needle"
    done <<'CASES'
ociVersion|del(.ociVersion)
ociVersion|.ociVersion="2.0.0"
ociVersion|.ociVersion="one"
root|del(.root)
root.path|del(.root.path)
no-such-root|.root.path="no-such-root"
process.cwd|del(.process.cwd)
process.cwd|.process.cwd="tmp"
process.args|del(.process.args)
process.args|.process.args=[]
process.args|.process.args=[""]
process.args[1]|.process.args=["sh",1]
process.env[0]|.process.env=["NOTHING"]
process.user.uid|.process.user.uid=4294967295
process.user.uid|.process.user.uid=-1
process.user.gid|.process.user.gid="root"
process.user.umask|.process.user.umask=512
process.user.additionalGids[0]|.process.user.additionalGids=[4294967296]
process.oomScoreAdj|.process.oomScoreAdj=1001
process.terminal|.process.terminal="yes"
CAP_FLY|.process.capabilities.bounding+=["CAP_FLY"]
process.rlimits[0].type|.process.rlimits=[{"type":"RLIMIT_WINGS","soft":1,"hard":1}]
process.rlimits[1].type|.process.rlimits=[{"type":"RLIMIT_CORE","soft":1,"hard":1},{"type":"RLIMIT_CORE","soft":1,"hard":1}]
process.rlimits[0].soft|.process.rlimits=[{"type":"RLIMIT_CORE","soft":2,"hard":1}]
hostname|.hostname="a/b"
hostname|.linux.namespaces-=[{"type":"uts"}]
mounts[7].destination|.mounts+=[{"type":"tmpfs","source":"tmpfs"}]
mounts|.mounts={}
hooks.prestart[0].path|.hooks={"prestart":[{"path":"true"}]}
hooks.poststop[0].timeout|.hooks={"poststop":[{"path":"/bin/true","timeout":0}]}
annotations.a|.annotations={"a":1}
linux.namespaces[6].type|.linux.namespaces+=[{"type":"galaxy"}]
linux.namespaces[6]|.linux.namespaces+=[{"type":"pid"}]
linux.namespaces[0].path|.linux.namespaces[0].path="ns/pid"
/no/such/namespace|.linux.namespaces[1].path="/no/such/namespace"
linux.uidMappings|.linux.namespaces+=[{"type":"user"}]
linux.devices[0].type|.linux.devices=[{"type":"x","path":"/dev/x","major":1,"minor":1}]
linux.devices[0].path|.linux.devices=[{"type":"c","path":"dev/x","major":1,"minor":1}]
linux.devices[0].major|.linux.devices=[{"type":"c","path":"/dev/x","minor":1}]
linux.cgroupsPath|.linux.cgroupsPath="/a/../b"
linux.resources.memory.limit|.linux.resources.memory={"limit":"lots"}
linux.resources.memory.limit|.linux.resources.memory={"limit":1e30}
linux.resources.cpu.shares|.linux.resources.cpu={"shares":-1}
linux.resources.cpu.cpus|.linux.resources.cpu={"cpus":"all"}
linux.resources.devices[0].access|.linux.resources.devices=[{"allow":true,"access":"rwx"}]
linux.resources.devices[0].type|.linux.resources.devices=[{"allow":true,"type":"z"}]
linux.resources.hugepageLimits[0].pageSize|.linux.resources.hugepageLimits=[{"pageSize":"huge","limit":1}]
linux.resources.blockIO.weight|.linux.resources.blockIO={"weight":5}
linux.rootfsPropagation|.linux.rootfsPropagation="sideways"
linux.sysctl|.linux.sysctl={"kernel.panic":"1"}
linux.maskedPaths[0]|.linux.maskedPaths=["proc/kcore"]
linux.seccomp.defaultAction|.linux.seccomp={}
linux.seccomp.defaultAction|.linux.seccomp={"defaultAction":"SCMP_ACT_SHRUG"}
linux.seccomp.architectures[0]|.linux.seccomp={"defaultAction":"SCMP_ACT_ALLOW","architectures":["SCMP_ARCH_PDP11"]}
linux.seccomp.syscalls[0].action|.linux.seccomp={"defaultAction":"SCMP_ACT_ALLOW","syscalls":[{"names":["read"],"action":"NO"}]}
linux.seccomp.syscalls[0].names|.linux.seccomp={"defaultAction":"SCMP_ACT_ALLOW","syscalls":[{"names":[],"action":"SCMP_ACT_ALLOW"}]}
linux.seccomp.syscalls[0].args[0].op|.linux.seccomp={"defaultAction":"SCMP_ACT_ALLOW","syscalls":[{"names":["read"],"action":"SCMP_ACT_ERRNO","args":[{"index":0,"value":1,"op":"="}]}]}
windows|.windows={"layerFolders":["a"]}
CASES
}

test_what_is_no_json_is_refused_with_line_and_column() {
    local at; at=$(bundle bad)
    sed -i '3s/"/!/' "$at/config.json"
    refused "line 3, column"
    head -c 100 "$at/config.json" | sed 's/!/"/' > "$at/c"; mv "$at/c" "$at/config.json"
    refused "config.json: invalid JSON at line"
    printf '{"ociVersion":"1.0.0",\n "ociVersion":"1.0.0"}' > "$at/config.json"
    refused "twice"
    : > "$at/config.json"; refused "line 1, column 1"
    rm "$at/config.json"; refused "config.json"
    mkfifo "$at/config.json"; refused "config.json"
    rm "$at/config.json"
}

test_the_specification_s_examples_are_taken_or_refused_as_they_should_be() {
    local vectors=../shared/vectors/runtime-spec/test/config name at
    [ -e "$vectors" ] || skip "no examples beside the package"
    at=$SCRATCH/b45/bad; mkdir -p "$at/rootfs"
    for name in "$vectors"/bad/*.json; do rm -f "$at/config.json"; cp "$name" "$at/config.json"; refused ""; done
    # Of the good ones most have no process, or are for another platform or an older version: what is refused is that.
    for name in "$vectors"/good/*.json; do
        rm -f "$at/config.json"; cp "$name" "$at/config.json"
        case "${name##*/}" in
            freebsd-*) refused freebsd ;;
            zos-example.json | spec-example.json) refused ociVersion ;;
            zos-*) refused zos ;;
            # Taken: there is just no program in that root.
            minimal-for-start.json) refused "exec sh" ;;
            *) refused process ;;
        esac
    done
    same "$(oci list -q)" ""
}

test_an_option_that_leads_nowhere_leaves_nothing() {
    local at; at=$(bundle leads '.process.terminal=true')
    expect 1 oci create -b "$at" --console-socket "$SCRATCH/nobody.sock" swl45-leads; one_line "$err"
    at=$(bundle leads)
    expect 1 oci create -b "$at" --pid-file "$SCRATCH/no/such/file" swl45-leads; contains "$err" "$SCRATCH/no/such/file"
    expect 1 oci run -d -b "$at" --pid-file "$SCRATCH/no/such/file" swl45-leads; contains "$err" "$SCRATCH/no/such/file"
    expect 1 oci create -b "$SCRATCH/nowhere" swl45-leads; contains "$err" nowhere
    same "$(oci list -q)" ""
    same "$(leftovers swl45-leads)" ""
}
