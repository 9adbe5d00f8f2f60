#!/bin/bash
# streams of containers: volume, logging programs, the built-in init

RUNTIME=io.containerd.swiftlet.v2
IMAGE=docker.io/swiftlet/busybox:docker
# Mebibytes; `make volume` sends a gibibyte.
VOLUME=${SWIFTLET_VOLUME:-32}

prepare() { make_archives; start_containerd; ctr image import "$ARCHIVES/docker.tar" > /dev/null; }

finish() {
    local name
    for name in $(ctr container ls -q 2>/dev/null); do
        ctr task kill -s KILL "$name" 2>/dev/null || :
        ctr task rm -f "$name" 2>/dev/null || :
        ctr container rm "$name" 2>/dev/null || :
    done
    stop_containerd
    same "$(leftovers swl-stream)" "" "left behind"
}

# What is sent, and its hash: lines, so that a CRI log has them whole.
sent() { echo "yes 0123456789abcdefghijklmnopqrstuvwxyz0123456789abcdefghijklmn | head -c $((VOLUME << 20))"; }
hash_of() { sha256sum | cut -d' ' -f1; }

test_every_kind_of_stream_carries_a_large_volume_unchanged() {
    local wanted
    wanted=$(bash -c "$(sent)" | hash_of)
    # A FIFO, which ctr reads.
    ctr run --rm --runtime $RUNTIME $IMAGE swl-stream-fifo sh -c "$(sent)" | hash_of > "$SCRATCH/fifo.sum"
    same "$(cat "$SCRATCH/fifo.sum")" "$wanted" "through a FIFO"
    # A file.
    ctr run -d --runtime $RUNTIME --log-uri "file://$SCRATCH/stream.raw" $IMAGE swl-stream-file sh -c "$(sent)"
    ended swl-stream-file
    same "$(hash_of < "$SCRATCH/stream.raw")" "$wanted" "into a file"
    rm -f "$SCRATCH/stream.raw"
    # A logging program.
    printf '#!/bin/sh\nexec 5>&-\nsha256sum <&3 | cut -d" " -f1 > %s/program.sum.new\nmv %s/program.sum.new %s/program.sum\n' \
        "$SCRATCH" "$SCRATCH" "$SCRATCH" > "$SCRATCH/logger"
    chmod 755 "$SCRATCH/logger"
    ctr run -d --runtime $RUNTIME --log-uri "binary://$SCRATCH/logger?a=b" $IMAGE swl-stream-program sh -c "$(sent)"
    ended swl-stream-program
    until_true 20 test -e "$SCRATCH/program.sum"
    same "$(cat "$SCRATCH/program.sum")" "$wanted" "into a logging program"
    # A CRI log, which the shim writes: swiftlet's own.
    "$BIN/swiftlet" --root "$SCRATCH/stream-root" load "$ARCHIVES/docker.tar" > /dev/null
    "$BIN/swiftlet" --root "$SCRATCH/stream-root" run -d --name swl-stream-cri swiftlet/busybox:docker sh -c "$(sent)" > /dev/null
    until_true 120 bash -c "'$BIN/swiftlet' --root '$SCRATCH/stream-root' inspect swl-stream-cri | grep -q '\"exited\"'"
    same "$("$BIN/swiftlet" --root "$SCRATCH/stream-root" logs swl-stream-cri | hash_of)" "$wanted" "into a CRI log"
    "$BIN/swiftlet" --root "$SCRATCH/stream-root" rm swl-stream-cri > /dev/null
}

status_is() { [ "$(ctr task ls | awk -v n="$1" '$1 == n {print $3}')" = "$2" ]; }
ended() {
    until_true 240 status_is "$1" STOPPED
    ctr task rm "$1" > /dev/null 2>&1 || :
    ctr container rm "$1"
}

test_an_address_of_a_logging_program_in_a_label_of_an_image_is_nobody() {
    umoci init --layout "$SCRATCH/evil" && umoci new --image "$SCRATCH/evil:1" 2> /dev/null
    printf '#!/bin/sh\ntouch %s/evil-ran\n' "$SCRATCH" > "$SCRATCH/evil-program"
    chmod 755 "$SCRATCH/evil-program"
    umoci config --image "$SCRATCH/evil:1" --config.label "containerd.io/log-uri=binary://$SCRATCH/evil-program" \
        --config.label "io.swiftlet.init=true" --config.label "nerdctl/log-uri=binary://$SCRATCH/evil-program"
    umoci unpack --image "$SCRATCH/evil:1" "$SCRATCH/evil-bundle" 2> /dev/null
    busybox_root "$SCRATCH/evil-bundle/rootfs"
    umoci repack --image "$SCRATCH/evil:1" "$SCRATCH/evil-bundle" 2> /dev/null
    skopeo copy -q "oci:$SCRATCH/evil:1" "docker-archive:$SCRATCH/evil.tar:swiftlet/evil:1"
    ctr image import "$SCRATCH/evil.tar" > /dev/null
    expect 0 ctr run --rm --runtime $RUNTIME docker.io/swiftlet/evil:1 swl-stream-evil cat /proc/1/comm
    same "$out" cat
    "$BIN/swiftlet" --root "$SCRATCH/evil-root" load "$SCRATCH/evil.tar" > /dev/null
    expect 0 "$BIN/swiftlet" --root "$SCRATCH/evil-root" run --rm swiftlet/evil:1 cat /proc/1/comm
    same "$out" cat
    [ ! -e "$SCRATCH/evil-ran" ] || fail "the image had its program run"
}

test_the_built_in_init_is_had_by_a_flag() {
    "$BIN/swiftlet" --root "$SCRATCH/init-root" load "$ARCHIVES/docker.tar" > /dev/null
    expect 7 "$BIN/swiftlet" --root "$SCRATCH/init-root" run --rm --init swiftlet/busybox:docker sh -c 'cat /proc/1/comm; exit 7'
    same "$out" swiftlet-init
    expect 143 timeout --preserve-status -s TERM 3 "$BIN/swiftlet" --root "$SCRATCH/init-root" run --rm --init swiftlet/busybox:docker sleep 1000
    expect 0 script -qec "$BIN/swiftlet --root $SCRATCH/init-root run --rm -t --init swiftlet/busybox:docker sh -c 'test -t 0 && echo tty'" /dev/null
    contains "$out" tty
}
