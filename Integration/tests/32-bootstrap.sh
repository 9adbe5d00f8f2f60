#!/bin/bash
# how a shim is started: the dialects of containerd 1.6, 1.7 to 2.2, 2.3 and newer, byte for byte

SHIM=$BIN/containerd-shim-swiftlet-v2

finish() { same "$(leftovers boot-)" "" "left behind"; }

# bundle ID: makes one and goes there. A reader of the log, as containerd has one before it starts a shim.
bundle() {
    id=boot-$1
    mkdir -p "$SCRATCH/$id"
    cd "$SCRATCH/$id"
    echo '{}' > config.json
    [ -e log ] || mkfifo log
    exec 9<> log
}

# As containerd calls it: flags in its order, the environment that is given, stdin from $input.
start() {
    env -i PATH="$PATH" "$@" "$SHIM" -namespace boot -address /run/boot.sock -publish-binary /usr/bin/containerd -id "$id" start \
        < "${input:-/dev/null}" > "$SCRATCH/answer" 2> "$SCRATCH/said" || fail "start: $(cat "$SCRATCH/said")"
    same "$(cat "$SCRATCH/said")" "" "stderr, which containerd reads as part of the answer"
}

# answers HEX: the answer is these bytes and no other; the shim serves at the address, and ends by `delete`.
answers() {
    same "$(od -An -v -tx1 "$SCRATCH/answer" | tr -d ' \n')" "$1"
    [ -S "$path" ] || fail "no socket at $path"
    same "$(stat -c %a "$path")" 600
    same "$(cat address)" "unix://$path"
    pgrep -f "shim-swiftlet-v2 .*-id $id " > /dev/null || fail "no shim"
    env -i PATH="$PATH" "$SHIM" -namespace boot -address /run/boot.sock -id "$id" -bundle "$PWD" delete > "$SCRATCH/deleted" || fail "delete"
    [ ! -e "$path" ] || fail "the socket is still there"
    same "$(od -An -tx1 -N 3 "$SCRATCH/deleted" | tr -d ' \n')" 108901 "exit status 137"
}

hex() { printf %s "$1" | od -An -v -tx1 | tr -d ' \n'; }
# A field of bytes shorter than 128: number, content in hexadecimal.
field() { printf '%02x%02x%s' $(($1 << 3 | 2)) $((${#2} / 2)) "$2"; }
bytes() { printf %b "$(sed 's/../\\x&/g' <<< "$1")"; }
# Where the socket is follows from the names: it is read from what the shim has answered.
found() { path=$(grep -oa '/run/swiftlet/s/[0-9a-f]*\.sock' "$SCRATCH/answer"); }

test_the_dialect_of_containerd_1_6_is_a_bare_address() {
    bundle 16
    start GOMAXPROCS=2 TTRPC_ADDRESS=/run/boot.sock.ttrpc
    found
    answers "$(hex "unix://$path")"
}

test_the_dialect_of_containerd_1_6_with_the_options_of_the_runtime_on_stdin() {
    bundle 16o
    # google.protobuf.Any of containerd.runc.v1.Options with NoPivotRoot.
    input=$SCRATCH/any
    bytes "$(field 1 "$(hex containerd.runc.v1.Options)")$(field 2 0801)" > "$input"
    start GOMAXPROCS=2 TTRPC_ADDRESS=/run/boot.sock.ttrpc
    found
    answers "$(hex "unix://$path")"
}

test_the_dialect_of_containerd_1_7_to_2_2_is_json_of_the_version_that_it_names() {
    bundle 17
    start GOMAXPROCS=2 MAX_SHIM_VERSION=2 TTRPC_ADDRESS=/run/boot.sock.ttrpc GRPC_ADDRESS=/run/boot.sock NAMESPACE=boot
    found
    answers "$(hex "{\"version\":2,\"address\":\"unix://$path\",\"protocol\":\"ttrpc\"}")"
    bundle 17n
    start GOMAXPROCS=2 MAX_SHIM_VERSION=3 TTRPC_ADDRESS=/run/boot.sock.ttrpc GRPC_ADDRESS=/run/boot.sock NAMESPACE=boot
    found
    answers "$(hex "{\"version\":3,\"address\":\"unix://$path\",\"protocol\":\"ttrpc\"}")"
}

test_the_dialect_of_containerd_2_3_is_a_message_in_and_a_message_out() {
    bundle 23
    # As its pkg/shim writes them: instance_id, namespace, log_level, containerd_version, the two addresses, containerd_binary.
    local params socket
    params="$(field 1 "$(hex "$id")")$(field 2 "$(hex boot)")18fcffffffffffffffff01$(field 4 "$(hex v2.3.4)")"
    params+="$(field 5 "$(hex /run/boot.sock.ttrpc)")$(field 6 "$(hex /run/boot.sock)")$(field 7 "$(hex /usr/bin/containerd)")"
    input=$SCRATCH/params
    bytes "$params" > "$input"
    start GOMAXPROCS=2 MAX_SHIM_VERSION=2 TTRPC_ADDRESS=/run/boot.sock.ttrpc GRPC_ADDRESS=/run/boot.sock NAMESPACE=boot
    found
    answers "0803$(field 2 "$(hex "unix://$path")")$(field 3 "$(hex ttrpc)")"
    # With a directory for the socket, which is then in the answer, the bundle, and what delete removes.
    bundle 23d
    socket=$SCRATCH/s
    params="$(field 1 "$(hex "$id")")$(field 2 "$(hex boot)")$(field 6 "$(hex /run/boot.sock)")$(field 9 "$(hex "$socket")")"
    bytes "$params" > "$input"
    start MAX_SHIM_VERSION=2
    path=$(echo "$socket"/*.sock)
    answers "0803$(field 2 "$(hex "unix://$path")")$(field 3 "$(hex ttrpc)")"
}

test_parameters_of_another_container_are_no_parameters_of_this_one() {
    bundle mine
    input=$SCRATCH/params
    bytes "$(field 1 "$(hex other)")$(field 2 "$(hex boot)")" > "$input"
    start MAX_SHIM_VERSION=2
    found
    answers "$(hex "{\"version\":2,\"address\":\"unix://$path\",\"protocol\":\"ttrpc\"}")"
}

test_stdin_that_is_no_message_is_an_error_and_leaves_no_shim() {
    bundle bad
    printf '\377\377' > "$SCRATCH/garbage"
    INPUT=$SCRATCH/garbage expect 1 "$SHIM" -namespace boot -id "$id" -address "" start
    one_line "$err"
    contains "$err" "standard input: neither bootstrap parameters of this container nor runtime options"
    same "$(pgrep -f "shim-swiftlet-v2 .*-id $id ")" ""
    [ ! -e address ] || fail "an address was left"
}

test_a_shim_joins_the_cgroup_that_its_options_name() {
    local group hierarchy
    bundle group
    group=/swl-shims-$$
    for hierarchy in $(awk '($3 == "cgroup" || $3 == "cgroup2") && $4 !~ /cpuset/ {print $2}' /proc/mounts); do mkdir "$hierarchy$group" 2>/dev/null || :; done
    input=$SCRATCH/any
    bytes "$(field 1 "$(hex containerd.runc.v1.Options)")$(field 2 "$(field 3 "$(hex "$group")")")" > "$input"
    start TTRPC_ADDRESS=/run/boot.sock.ttrpc
    found
    contains "$(cat "/proc/$(pgrep -f "shim-swiftlet-v2 .*-id $id ")/cgroup")" "$group"
    answers "$(hex "unix://$path")"
    for hierarchy in $(awk '($3 == "cgroup" || $3 == "cgroup2") && $4 !~ /cpuset/ {print $2}' /proc/mounts); do
        [ ! -d "$hierarchy$group" ] || until_true 5 rmdir "$hierarchy$group"
    done
    bytes "$(field 1 "$(hex containerd.runc.v1.Options)")$(field 2 "$(field 3 "$(hex /no-such-group)")")" > "$input"
    INPUT=$input expect 1 "$SHIM" -namespace boot -id "$id" -address "" start
    contains "$err" /no-such-group
}
