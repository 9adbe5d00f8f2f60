#!/bin/bash
# Bad input: one clear line, a status, nothing left behind

prepare() { make_archives; swiftlet load "$ARCHIVES/docker.tar" > /dev/null; }
finish() { same "$(leftovers "$SCRATCH/bad")" "" "left behind"; }

swiftlet() { PATH="$BIN:$PATH" "$BIN/swiftlet" --root "$SCRATCH/bad" "$@"; }

# Everything that is stored, without the database's own housekeeping.
stored() { (cd "$SCRATCH/bad" && find . -mindepth 1 ! -name '*.sqlite*' ! -name '*.lock' | sort); swiftlet images; swiftlet ps -a; }

# refused STATUS COMMAND…: that status, one line on stderr, and the store as before.
refused() {
    local before after
    before=$(stored)
    expect "$@"
    one_line "$err"
    [ -n "$err" ] || fail "no message"
    after=$(stored)
    same "$after" "$before" "the store changed"
    same "$(leftovers "$SCRATCH/bad")" "" "left behind"
    message=$err
}

test_an_archive_that_is_not_there() { refused 1 swiftlet load "$SCRATCH/none.tar"; contains "$message" "none.tar"; }

test_a_truncated_archive() {
    local size
    size=$(stat -c %s "$ARCHIVES/docker.tar")
    head -c $((size / 2)) "$ARCHIVES/docker.tar" > "$SCRATCH/half.tar"
    refused 1 swiftlet load "$SCRATCH/half.tar"
    head -c 700 "$ARCHIVES/oci.tar" > "$SCRATCH/short.tar"
    refused 1 swiftlet load "$SCRATCH/short.tar"
}

test_a_layer_whose_digest_does_not_match() {
    cp -r "$ARCHIVES/layout" "$SCRATCH/tampered"
    local layer
    layer=$(find "$SCRATCH/tampered/blobs/sha256" -type f -size +100k | head -n 1)
    printf 'X' | dd of="$layer" bs=1 seek=5000 conv=notrunc status=none
    refused 1 swiftlet load "$SCRATCH/tampered"
    contains "$message" sha256
}

test_a_layer_whose_path_leads_out_of_the_root() {
    rm -rf "$SCRATCH/evil"; mkdir -p "$SCRATCH/evil/x"
    echo owned > "$SCRATCH/evil/x/f"
    (cd "$SCRATCH/evil/x" && tar -P -cf ../layer.tar --transform 's,^f$,../../../../swl-escaped,' f)
    local id
    id=$(sha256sum "$SCRATCH/evil/layer.tar" | cut -d' ' -f1)
    printf '{"architecture":"amd64","os":"linux","config":{},"rootfs":{"type":"layers","diff_ids":["sha256:%s"]}}' "$id" > "$SCRATCH/evil/config.json"
    printf '[{"Config":"config.json","RepoTags":["evil:1"],"Layers":["layer.tar"]}]' > "$SCRATCH/evil/manifest.json"
    (cd "$SCRATCH/evil" && tar -cf evil.tar manifest.json config.json layer.tar)
    refused 1 swiftlet load "$SCRATCH/evil/evil.tar"
    [ -z "$(find / -maxdepth 3 -name swl-escaped 2>/dev/null)" ] || fail "the file escaped"
}

test_a_missing_command() {
    refused 127 swiftlet run --rm swiftlet/busybox:docker no-such-command
    contains "$message" no-such-command
}

test_a_command_that_is_not_executable() { refused 126 swiftlet run --rm swiftlet/busybox:docker /etc/passwd; contains "$message" /etc/passwd; }
test_an_unknown_user() { refused 125 swiftlet run --rm --user nobody-here swiftlet/busybox:docker true; contains "$message" nobody-here; }
test_an_unknown_image() { refused 125 swiftlet run --rm --pull never no/such:image true; contains "$message" no/such:image; }

# A bundle for swiftlet-oci in $SCRATCH/bundle-N with the program's arguments as JSON.
bundle() {
    mkdir -p "$SCRATCH/$1"
    [ -e "$SCRATCH/$1/rootfs" ] || busybox_root "$SCRATCH/$1/rootfs"
    (cd "$SCRATCH/$1" && rm -f config.json && runc spec && jq "$2" config.json > c && mv c config.json)
}
oci() { "$BIN/swiftlet-oci" --root "$SCRATCH/oci-state" "$@"; }

oci_refused() {
    expect 1 oci run --bundle "$SCRATCH/$1" "swl-bad-$1"
    one_line "$err"
    contains "$err" "$2"
    [ -z "$(ls -A "$SCRATCH/oci-state" 2>/dev/null)" ] || fail "state was left: $(ls "$SCRATCH/oci-state")"
    same "$(leftovers "swl-bad-$1")" "" "left behind"
}

test_a_bundle_that_is_not_there() { oci_refused nowhere nowhere; }

test_a_config_that_is_not_json() {
    bundle notjson .
    echo '{"ociVersion": ' > "$SCRATCH/notjson/config.json"
    oci_refused notjson config.json
}

test_a_config_that_asks_for_an_unknown_capability() {
    bundle cap '.process.terminal=false | .process.args=["true"] | .process.capabilities.bounding += ["CAP_FLY"]'
    oci_refused cap CAP_FLY
}

test_a_config_that_asks_for_what_is_not_done_names_the_field() {
    bundle rdt '.process.terminal=false | .linux.intelRdt={"closID":"a"}'
    oci_refused rdt linux.intelRdt
}

test_a_command_that_is_missing_in_a_bundle() {
    bundle nocmd '.process.terminal=false | .process.args=["no-such-command"]'
    oci_refused nocmd no-such-command
}

test_a_socket_that_exists() {
    mkdir -p "$SCRATCH/d"
    "$BIN/swiftletd" --root "$SCRATCH/d/root" --state "$SCRATCH/d/state" --socket "$SCRATCH/d/s.sock" > "$SCRATCH/d/log" 2>&1 &
    local pid=$!
    until_true 10 test -S "$SCRATCH/d/s.sock"
    expect 1 "$BIN/swiftletd" --root "$SCRATCH/d/root2" --state "$SCRATCH/d/state2" --socket "$SCRATCH/d/s.sock"
    kill "$pid"; wait "$pid" || :
    one_line "$err"
    contains "$err" s.sock
}
