#!/bin/bash
# swiftlet: from an archive to an exit code, without a daemon

prepare() { make_archives; swiftlet load "$ARCHIVES/docker.tar" > /dev/null; }

swiftlet() { PATH="$BIN:$PATH" "$BIN/swiftlet" --root "$SCRATCH/store" "$@"; }

# The name that `load` printed last.
load() { swiftlet load "$@" | tail -n 1 | awk '{print $NF}'; }

finish() {
    swiftlet ps -a -q 2>/dev/null | while read -r id; do swiftlet rm -f "$id" > /dev/null; done
    same "$(leftovers "$SCRATCH/store")" "" "left behind"
}

exit_code_of() {
    local name
    name=$(load "$1")
    [ -n "$name" ] || fail "load printed no name"
    expect 7 swiftlet run --rm "$name" sh -c 'exit 7'
}

test_exit_code_from_a_docker_archive() { exit_code_of "$ARCHIVES/docker.tar"; }
test_exit_code_from_an_oci_layout_of_umoci() { exit_code_of "$ARCHIVES/layout"; }
test_exit_code_from_an_oci_tar_of_skopeo() { exit_code_of "$ARCHIVES/oci.tar"; }
test_exit_code_from_an_oci_layout_with_zstd_layers() { exit_code_of "$ARCHIVES/zstd"; }

image() { echo swiftlet/busybox:docker; }

test_output_and_input_pass_through() {
    expect 0 swiftlet run --rm "$(image)" sh -c 'echo to stdout; echo to stderr >&2'
    same "$out" "to stdout"
    same "$err" "to stderr"
    echo "through the container" > "$SCRATCH/in"
    INPUT="$SCRATCH/in" expect 0 swiftlet run --rm -i "$(image)" cat
    same "$out" "through the container"
}

test_environment_volume_and_name_reach_the_container() {
    mkdir -p "$SCRATCH/volume"; echo shared > "$SCRATCH/volume/file"
    expect 0 swiftlet run --rm --name named -e KEY=value -v "$SCRATCH/volume:/mnt/v:ro" "$(image)" \
        sh -c 'echo "$KEY $(cat /mnt/v/file)"; touch /mnt/v/x 2>/dev/null || echo read-only'
    same "$out" "value shared
read-only"
}

test_a_terminal_is_a_terminal() {
    expect 0 script -qec "$BIN/swiftlet --root $SCRATCH/store run --rm -t $(image) sh -c 'test -t 0 && test -t 1 && echo yes-a-tty'" /dev/null
    contains "$out" "yes-a-tty"
}

test_a_detached_container_can_be_listed_entered_logged_killed_and_removed() {
    swiftlet run -d --name det "$(image)" sh -c 'echo hello from det; exec sleep 1000' > "$SCRATCH/id"
    expect 0 swiftlet ps; contains "$out" det
    until_true 10 bash -c "$BIN/swiftlet --root $SCRATCH/store logs det | grep -q 'hello from det'"
    expect 0 swiftlet exec det sh -c 'echo inside; hostname'; contains "$out" inside
    expect 5 swiftlet exec det sh -c 'exit 5'
    expect 0 swiftlet inspect det; contains "$out" UpperDir
    expect 0 swiftlet kill det
    until_true 10 bash -c "$BIN/swiftlet --root $SCRATCH/store ps -a | grep det | grep -q 137"
    expect 0 swiftlet rm det
    expect 0 swiftlet ps -a
    case "$out" in *det*) fail "det is still listed" ;; esac
}

test_exit_by_a_signal_is_128_and_its_number() {
    local pid status=0
    swiftlet run --rm --name signalled "$(image)" sleep 1000 & pid=$!
    until_true 10 bash -c "$BIN/swiftlet --root $SCRATCH/store kill -s KILL signalled"
    wait $pid || status=$?
    same $status 137
}

test_twenty_containers_at_once_give_their_own_codes() {
    local n pids=() status
    for n in $(seq 1 20); do swiftlet run --rm "$(image)" sh -c "exit $n" & pids+=($!); done
    for n in $(seq 1 20); do status=0; wait "${pids[$((n - 1))]}" || status=$?; same "$status" "$n"; done
}

test_a_detached_container_with_rm_removes_itself() {
    expect 0 swiftlet run -d --rm --name gone "$(image)" true
    until_true 10 bash -c "! $BIN/swiftlet --root $SCRATCH/store ps -a | grep -q gone"
}
