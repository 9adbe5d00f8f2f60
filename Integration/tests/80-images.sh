#!/bin/bash
# Images made by swiftlet: changes, commits, archives and bundles, with skopeo, umoci, containerd and runc as readers

NAME=swiftlet/busybox:docker

prepare() {
    make_archives
    swiftlet load "$ARCHIVES/docker.tar" > /dev/null
    start_containerd
}

finish() {
    stop_containerd
    swiftlet ps -a -q 2>/dev/null | while read -r id; do swiftlet rm -f "$id" > /dev/null; done
    same "$(leftovers "$SCRATCH/store")" "" "left behind"
}

swiftlet() { PATH="$BIN:$PATH" "$BIN/swiftlet" --root "$SCRATCH/store" "$@"; }

# Everything that makes up the tree at $1, one line an entry.
tree_of() {
    (
        cd "$1"
        find . -printf '%P %y %m %U:%G %T@ %l\n' | sort
        find . -type f -exec sha256sum {} + | sort -k 2
        find . -type f -links +1 -printf '%P %n\n' | sort
        find . \( -type f -o -type d \) -exec getfattr -h -d -m '^(user|security\.capability)' -e hex {} + 2>/dev/null
        find . \( -type b -o -type c \) -exec stat -c '%n %t:%T' {} + | sort
    )
}

without_time_of_root() { sed -E '/^ d /s/ [0-9.]+ $//' "$1"; }

CHANGES='echo new > /srv-new; mkdir -p /a/b; echo deep > /a/b/c; rm /bin/yes; rm -r /tmp; mkdir /tmp; chmod 1770 /tmp; echo in > /tmp/x
ln /srv-new /a/second; ln -s ../srv-new /a/link; chown 1000:100 /a/b; chmod 4755 /a/b/c; mkfifo /a/pipe; mknod /a/null c 1 3
long=$(printf "%0120d" 7); mkdir "/a/$long"; echo long > "/a/$long/$long"; chown 3000000:3000000 "/a/$long"; echo more >> /etc/passwd'

committed() {
    [ -e "$SCRATCH/committed" ] && return
    swiftlet run --name maker "$NAME" sh -euc "$CHANGES"
    swiftlet commit -m "made by a test" -a tester -c 'CMD ["cat", "/srv-new"]' -c 'LABEL a=b' maker made:1 > "$SCRATCH/committed"
}

test_a_container_tells_what_it_changed() {
    committed
    expect 0 swiftlet diff maker
    contains "$out" "A /srv-new"; contains "$out" "D /bin/yes"; contains "$out" "C /bin"; contains "$out" "C /tmp"; contains "$out" "A /tmp/x"
    contains "$out" "C /etc/passwd"
    case "$out" in *hosts*|*"/dev"*) fail "the init layer is no change: $out" ;; esac
}

test_a_committed_image_runs_and_says_what_it_was_told() {
    committed
    expect 0 swiftlet run --rm made:1; same "$out" new
    expect 0 swiftlet image inspect made:1
    same "$(jq -r '.[0].configuration | .author, .config.Labels.a, .history[-1].comment, .history[-1].created_by' <<< "$out" | tr '\n' '|')" \
        "tester|b|made by a test|swiftlet commit|"
}

test_skopeo_umoci_and_containerd_read_a_committed_image_and_get_the_same_tree() {
    committed
    swiftlet bundle made:1 "$SCRATCH/own"
    tree_of "$SCRATCH/own/rootfs" > "$SCRATCH/own.tree"
    [ "$(wc -l < "$SCRATCH/own.tree")" -gt 200 ] || fail "a tree of $(wc -l < "$SCRATCH/own.tree") lines"
    swiftlet save made:1 --format oci-dir -o "$SCRATCH/made"
    umoci unpack --image "$SCRATCH/made:1" "$SCRATCH/by-umoci" 2> "$SCRATCH/umoci.log"
    tree_of "$SCRATCH/by-umoci/rootfs" | diff "$SCRATCH/own.tree" - >&2 || fail "umoci gets another tree"
    local format
    for format in docker-archive oci-archive; do
        swiftlet save made:1 --format $format -o "$SCRATCH/made.$format"
        skopeo --insecure-policy copy -q "$format:$SCRATCH/made.$format" "oci:$SCRATCH/by-skopeo-$format:1"
        umoci unpack --image "$SCRATCH/by-skopeo-$format:1" "$SCRATCH/from-$format" 2> "$SCRATCH/umoci.log"
        tree_of "$SCRATCH/from-$format/rootfs" | diff "$SCRATCH/own.tree" - >&2 || fail "skopeo gets another tree from $format"
        expect 0 ctr image import "$SCRATCH/made.$format"; contains "$out" docker.io/library/made:1
        mkdir "$SCRATCH/by-ctr-$format"
        ctr image mount docker.io/library/made:1 "$SCRATCH/by-ctr-$format" > /dev/null
        tree_of "$SCRATCH/by-ctr-$format" > "$SCRATCH/ctr.tree"
        ctr image unmount --rm "$SCRATCH/by-ctr-$format" > /dev/null
        # The root is that of the snapshot which is mounted, made just now.
        diff <(without_time_of_root "$SCRATCH/own.tree") <(without_time_of_root "$SCRATCH/ctr.tree") >&2 || fail "containerd gets another tree from $format"
        ctr image rm docker.io/library/made:1 > /dev/null
    done
}

test_save_and_load_keep_every_digest() {
    committed
    local format
    for format in docker-archive oci-archive oci-dir; do
        swiftlet save made:1 "$NAME" --format $format -o "$SCRATCH/kept.$format"
        "$BIN/swiftlet" --root "$SCRATCH/other-$format" load -q "$SCRATCH/kept.$format" > "$SCRATCH/out"
        diff <(digests "$SCRATCH/store") <(digests "$SCRATCH/other-$format") >&2 || fail "$format changes digests"
        [ $format = oci-dir ] || "$BIN/swiftlet" --root "$SCRATCH/other-$format" save made:1 "$NAME" --format $format | cmp - "$SCRATCH/kept.$format" >&2
    done
}

digests() { "$BIN/swiftlet" --root "$1" inspect made:1 "$NAME" | jq -S 'map({id, manifest, layers, size, names})'; }

test_every_snapshotter_runs_commits_and_removes() {
    local name
    for name in overlay copy fuse-overlayfs; do
        if [ $name = fuse-overlayfs ] && ! { [ -w /dev/fuse ] && command -v fuse-overlayfs > /dev/null; }; then
            echo "    fuse-overlayfs is left out: no /dev/fuse or no program"
            continue
        fi
        expect 0 swiftlet run --name "by-$name" --snapshotter $name "$NAME" sh -euc 'echo x > /x; rm -f /bin/yes; touch -d @1600000000 /x /bin /'
        expect 0 swiftlet start --attach "by-$name"
        expect 0 swiftlet diff "by-$name"
        same "$out" "C /bin
D /bin/yes
A /x"
        expect 0 swiftlet inspect --size "by-$name"
        same "$(jq -r '.[0] | .snapshotter, .SizeRw, (.LowerDir | length > 0), (.UpperDir | length > 0)' <<< "$out" | tr '\n' ' ')" "$name 2 true true "
        expect 0 swiftlet commit "by-$name" "by-$name:1"
        expect 0 swiftlet image inspect "by-$name:1"
        jq -r '.[0].configuration.rootfs.diff_ids[-1]' <<< "$out" >> "$SCRATCH/diff-ids"
        swiftlet rm "by-$name" > /dev/null
        grep -q "$SCRATCH/store" /proc/self/mountinfo && fail "$name leaves a mount"
        swiftlet rmi "by-$name:1" > /dev/null
    done
    same "$(sort -u "$SCRATCH/diff-ids" | wc -l)" 1 "different layers for the same changes"
}

test_a_running_container_is_paused_for_a_commit_and_goes_on() {
    swiftlet run -d --name going "$NAME" sh -c 'while :; do echo x >> /log; done' > /dev/null
    until_true 10 bash -c "$BIN/swiftlet --root $SCRATCH/store diff going | grep -q /log"
    expect 0 swiftlet commit going going:1
    expect 0 swiftlet inspect going; contains "$out" '"MergedDir": "/proc/'
    same "$(jq -r '.[0].state' <<< "$out")" running
    local before
    before=$(swiftlet exec going sh -c 'wc -c < /log')
    until_true 10 bash -c "[ \$($BIN/swiftlet --root $SCRATCH/store exec going sh -c 'wc -c < /log') -gt $before ]"
    swiftlet rm -f going > /dev/null
}

test_a_file_system_is_exported_and_imported() {
    committed
    swiftlet export maker -o "$SCRATCH/maker.tar"
    swiftlet export maker | cmp - "$SCRATCH/maker.tar" >&2 || fail "stdout and file differ"
    local packed
    for packed in cat gzip zstd; do
        $packed < "$SCRATCH/maker.tar" | swiftlet import -c 'CMD ["cat", "/srv-new"]' - "imported:$packed" > /dev/null
        expect 0 swiftlet run --rm "imported:$packed"; same "$out" new
    done
    same "$(for packed in cat gzip zstd; do swiftlet image inspect imported:$packed | jq -r '.[0].layers[0]'; done | sort -u | wc -l)" 1
    mkdir "$SCRATCH/exported"
    tar -xf "$SCRATCH/maker.tar" -C "$SCRATCH/exported"
    same "$(cat "$SCRATCH/exported/a/second")" new
    swiftlet rmi imported:cat imported:gzip imported:zstd > /dev/null
}

test_a_bundle_runs_under_runc() {
    committed
    swiftlet bundle made:1 "$SCRATCH/bundle"
    expect 0 runc --root "$SCRATCH/runc" run --bundle "$SCRATCH/bundle" swl-bundle
    same "$out" new
    swiftlet bundle made:1 "$SCRATCH/bundle7" sh -c 'exit 7'
    expect 7 runc --root "$SCRATCH/runc" run --bundle "$SCRATCH/bundle7" swl-bundle7
}

test_a_tag_is_a_further_name() {
    committed
    expect 0 swiftlet tag made:1 other/name:2
    same "$(swiftlet inspect other/name:2 | jq -r '.[0].id')" "$(cat "$SCRATCH/committed")"
    expect 0 swiftlet rmi other/name:2
    expect 0 swiftlet inspect made:1
}

test_a_snapshot_is_laid_out_as_overlay2_has_it() {
    committed
    local top below
    top=$(swiftlet image inspect made:1 | jq -r '.[0].LayerDirs[0]')
    below=$(swiftlet image inspect made:1 | jq -r '.[0].LayerDirs[1]')
    same "$(ls "${top%/diff}" | tr '\n' ' ')" "committed diff link lower work "
    same "$(ls "${below%/diff}" | tr '\n' ' ')" "committed diff link "
    same "$(cat "${top%/diff}/lower")" "l/$(cat "${below%/diff}/link")"
    same "$(realpath "$SCRATCH/store/overlay/l/$(cat "${top%/diff}/link")")" "$top"
}

test_five_hundred_layers_are_stacked_compared_and_removed() {
    image_of_layers 500 "$SCRATCH/many.tar" many:1
    swiftlet load -q "$SCRATCH/many.tar" > /dev/null
    expect 0 swiftlet run --name many many:1 /bin/busybox sh -c 'busybox() { /bin/busybox "$@"; }; busybox ls /f | busybox wc -l; busybox touch /x; busybox rm /f/7'
    same "$out" 499
    ulimit -Sn 4096
    expect 0 swiftlet diff many
    same "$out" "C /f
D /f/7
A /x"
    swiftlet rm many > /dev/null
    swiftlet rmi many:1 > /dev/null
}

refused() {
    local words=$1
    shift
    expect 1 "$@"
    one_line "$err"
    contains "$err" "$words"
}

test_bad_input_is_refused_in_one_line() {
    committed
    echo keep > "$SCRATCH/kept"
    refused "no such container" swiftlet diff nobody
    refused "no such container" swiftlet commit nobody x:1
    refused "no such container" swiftlet export nobody -o "$SCRATCH/kept"
    refused "RUN" swiftlet commit -c 'RUN make' maker x:1
    refused "not a name" swiftlet commit maker 'Not A Name'
    refused "not a name" swiftlet tag made:1 'UPPER/x'
    refused "no such image" swiftlet tag nothing x:1
    refused "no such image" swiftlet save nothing -o "$SCRATCH/kept"
    same "$(cat "$SCRATCH/kept")" keep "a failed command wrote over a file"
    refused "no such file or directory" swiftlet save made:1 -o "$SCRATCH/no/where"
    refused "not empty" swiftlet save made:1 --format oci-dir -o "$SCRATCH"
    refused "not empty" swiftlet bundle made:1 "$SCRATCH"
    refused "no such file or directory" swiftlet import "$SCRATCH/missing" x:1
    echo garbage-that-is-no-archive | head -c 600 > "$SCRATCH/garbage"
    refused "unpack" swiftlet import "$SCRATCH/garbage" x:1
    : > "$SCRATCH/empty"
    refused "it is empty" swiftlet import "$SCRATCH/empty" x:1
    swiftlet export maker | gzip > "$SCRATCH/whole"
    head -c 100000 "$SCRATCH/whole" > "$SCRATCH/cut"
    refused "ends too early" swiftlet import "$SCRATCH/cut" x:1
    swiftlet images > "$SCRATCH/images"
    ! grep -q 'x:1' "$SCRATCH/images" || fail "an image is half there"
    same "$(ls "$SCRATCH/store/tmp")" "" "work that was left"
}

test_a_commit_that_is_killed_leaves_nothing_and_the_next_one_works() {
    swiftlet run --name big "$NAME" sh -c 'dd if=/dev/urandom of=/big bs=1M count=120 2>/dev/null'
    local pid delay
    for delay in 0.03 0.08 0.15 0.3; do
        "$BIN/swiftlet" --root "$SCRATCH/store" commit big big:1 > /dev/null 2>&1 &
        pid=$!
        read -r -t $delay <> <(:) || :
        kill -9 $pid 2>/dev/null || :
        wait $pid 2>/dev/null || :
        swiftlet images > /dev/null
        same "$(ls "$SCRATCH/store/tmp")" "" "work that was left after $delay s"
        swiftlet rmi big:1 > /dev/null 2>&1 || :
    done
    expect 0 swiftlet commit big big:1
    expect 0 swiftlet run --rm big:1 sh -c 'wc -c < /big'; same "$out" 125829120
    swiftlet rm big > /dev/null
    swiftlet rmi big:1 > /dev/null
}

test_a_full_disk_is_one_line_and_half_registers_nothing() {
    mkdir "$SCRATCH/small"
    mount -t tmpfs -o size=40m tmpfs "$SCRATCH/small"
    (
        small() { PATH="$BIN:$PATH" "$BIN/swiftlet" --root "$SCRATCH/small/store" "$@"; }
        small load -q "$ARCHIVES/docker.tar" > /dev/null
        small run --name full "$NAME" sh -c 'dd if=/dev/urandom of=/big bs=1M count=18 2>/dev/null'
        refused "no space left on device" small commit full full:1
        ! small images | grep -q full || fail "an image is half there"
        same "$(ls "$SCRATCH/small/store/tmp")" ""
        small rm full > /dev/null
    ) || { umount "$SCRATCH/small"; exit 1; }
    umount "$SCRATCH/small"
}
