#!/bin/bash
# The store as people see it: what it takes, what is collected and mended, what an archive may ask, and work that is interrupted

NAME=swiftlet/busybox:docker

prepare() {
    make_archives
    swiftlet load -q "$ARCHIVES/docker.tar" > /dev/null
}

finish() {
    swiftlet ps -a -q 2>/dev/null | while read -r id; do swiftlet rm -f "$id" > /dev/null; done
    same "$(leftovers "$SCRATCH/store")" "" "left behind"
}

swiftlet() { PATH="$BIN:$PATH" "$BIN/swiftlet" --root "$SCRATCH/store" "$@"; }

refused() {
    local words=$1
    shift
    expect 1 "$@"
    one_line "$err"
    contains "$err" "$words"
}

test_what_the_store_takes_is_told_and_given_back() {
    swiftlet run --name user "$NAME" true
    image_of_layers 3 "$SCRATCH/three.tar" three:1
    swiftlet load -q "$SCRATCH/three.tar" > /dev/null
    expect 0 swiftlet system df --format json
    same "$(jq -r '[.images.total, .images.active, .layers.total, .layers.active, .containers.total, .work.total] | join(" ")' <<< "$out")" "2 1 4 1 1 0"
    [ "$(jq .layers.reclaimable <<< "$out")" -gt 1000000 ] || fail "nothing to be had back: $out"
    expect 0 swiftlet system df -v
    contains "$out" RECLAIMABLE
    expect 0 swiftlet gc
    contains "$out" "0 images, 0 layers"
    expect 0 swiftlet gc --all --older-than 1h
    contains "$out" "0 images"
    expect 0 swiftlet gc --all
    contains "$out" "removed three:1"
    contains "$out" "1 images, 3 layers"
    swiftlet run --rm "$NAME" true || fail "an image that is used is gone"
    swiftlet rm user > /dev/null
}

test_garbage_is_collected_by_itself_beyond_the_threshold() {
    mkdir "$SCRATCH/small"
    mount -t tmpfs -o size=60m tmpfs "$SCRATCH/small"
    (
        small() { "$BIN/swiftlet" --root "$SCRATCH/small/store" "$@"; }
        image_of_layers 2 "$SCRATCH/first.tar" app:1
        image_of_layers 3 "$SCRATCH/second.tar" app:1
        small load -q "$SCRATCH/first.tar" > /dev/null
        expect 0 small load -q "$SCRATCH/second.tar"
        same "$(small images -q | wc -l)" 2
        SWIFTLET_GC_THRESHOLD=1 expect 0 small load -q "$SCRATCH/second.tar"
        contains "$err" "removed image"
        same "$(small images -q | wc -l)" 1
        SWIFTLET_GC_THRESHOLD=200 expect 1 small load -q "$SCRATCH/second.tar"
        contains "$err" "outside 0"
    ) || { umount "$SCRATCH/small"; exit 1; }
    umount "$SCRATCH/small"
}

test_damage_is_found_and_mended() {
    expect 0 swiftlet check --deep
    same "$out" "nothing is wrong"
    local layer
    layer=$(swiftlet image inspect "$NAME" | jq -r '.[0].LayerDirs[0]')
    echo changed > "$layer/etc/passwd"
    expect 0 swiftlet check
    expect 1 swiftlet check --deep
    contains "$out" "/etc/passwd is not as the layer says"
    rm "$SCRATCH/store/overlay/l/$(cat "${layer%/diff}/link")"
    expect 0 swiftlet check --deep --repair
    contains "$out" "repaired: unpacked again"
    contains "$out" "repaired: linked again"
    expect 0 swiftlet check --deep
    same "$(swiftlet run --rm "$NAME" head -c 4 /etc/passwd)" root
    expect 125 swiftlet check --deep --quick
}

test_every_dialect_of_tar_gives_the_same_tree() {
    local tree=$SCRATCH/dialects long
    mkdir "$tree"
    (
        cd "$tree"
        long=$(printf 'n%.0s' $(seq 90))
        mkdir -p dir/deep; echo plain > dir/plain; ln dir/plain dir/second; ln -s ../dir/plain dir/deep/link
        mkfifo dir/pipe; mknod dir/null c 1 3; chmod 4755 dir/plain; chown 12:34 dir/plain
        truncate -s 3M dir/hole; printf end | dd of=dir/hole bs=1 seek=2000000 conv=notrunc status=none; printf begin | dd of=dir/hole conv=notrunc status=none
        find . -exec touch -h -d @1500000000 {} +
    )
    sums() {
        (cd "$1" && find . -mindepth 1 -printf '%P %y %m %U:%G %Ts %l\n' | sort
            find . -type f -exec sha256sum {} + | sort -k 2; find . -type f -links +1 -printf '%P %n\n' | sort)
    }
    sums "$tree" > "$SCRATCH/wanted"
    take() { # NAME: the archive on stdin
        swiftlet import - "dialect:1" > /dev/null
        rm -rf "$SCRATCH/bundle"
        swiftlet bundle dialect:1 "$SCRATCH/bundle" true
        sums "$SCRATCH/bundle/rootfs" | diff "$SCRATCH/wanted" - >&2 || fail "$1 gives another tree"
    }
    local dialect
    # V7 has no devices and pipes.
    tar --format=v7 --exclude=dir/null --exclude=dir/pipe --numeric-owner -C "$tree" -cf - . | swiftlet import - dialect:1 > /dev/null
    swiftlet bundle dialect:1 "$SCRATCH/bundle" true
    sums "$SCRATCH/bundle/rootfs" | diff <(grep -v "dir/null\|dir/pipe" "$SCRATCH/wanted") - >&2 || fail "v7 gives another tree"
    for dialect in ustar oldgnu gnu posix; do tar --format=$dialect --numeric-owner -C "$tree" -cf - . | take "$dialect"; done
    for dialect in oldgnu gnu; do tar --sparse --format=$dialect -C "$tree" -cf - . | take "sparse $dialect"; done
    for dialect in 0.0 0.1 1.0; do tar --sparse --format=posix --sparse-version=$dialect -C "$tree" -cf - . | take "sparse $dialect"; done
    [ "$(stat -c %b "$SCRATCH/bundle/rootfs/dir/hole")" -lt 4000 ] || fail "holes are filled"
    long=$tree/$(printf 'd%.0s' $(seq 120))
    mkdir -p "$long"; echo long > "$long/$(printf 'f%.0s' $(seq 200))"; ln -s "$(printf 'l%.0s' $(seq 300))" "$long/link"; chown 3000000:4000000000 "$long"
    find "$tree" -exec touch -h -d @1500000000 {} +
    sums "$tree" > "$SCRATCH/wanted"
    for dialect in oldgnu gnu posix; do tar --format=$dialect --numeric-owner -C "$tree" -cf - . | take "long names, $dialect"; done
    python3 - "$tree" <<'PYTHON' | take "python's pax"
import sys, tarfile
with tarfile.open(fileobj=sys.stdout.buffer, mode="w|", format=tarfile.PAX_FORMAT) as archive: archive.add(sys.argv[1], ".")
PYTHON
    if command -v setfacl > /dev/null && setfacl -m u:77:rwx,g:88:r-- "$tree/dir/plain" 2> /dev/null; then
        setfacl -d -m u:77:rwx "$tree/dir/deep"
        setfattr -n user.note -v text "$tree/dir/plain"
        find "$tree" -exec touch -h -d @1500000000 {} +
        sums "$tree" > "$SCRATCH/wanted"
        tar --acls --xattrs --xattrs-include='*' --numeric-owner -C "$tree" -cf - . | take "access lists"
        same "$(cd "$SCRATCH/bundle/rootfs" && getfacl -n -p -R dir | grep -v '^#')" "$(cd "$tree" && getfacl -n -p -R dir | grep -v '^#')"
        same "$(getfattr --only-values -n user.note "$SCRATCH/bundle/rootfs/dir/plain")" text
    fi
    swiftlet rmi dialect:1 > /dev/null
}

test_limits_are_kept_and_named() {
    image_of_layers 3 "$SCRATCH/limited.tar" limited:1
    refused "more than 1000000 bytes uncompressed" swiftlet load -q --max-size 1000000 "$SCRATCH/limited.tar"
    refused "more than 1 entries" swiftlet load -q --max-entries 1 "$ARCHIVES/docker.tar"
    refused "more than 2 layers" swiftlet load -q --max-layers 2 "$SCRATCH/limited.tar"
    refused "nested deeper than 1" swiftlet load -q --max-depth 1 "$SCRATCH/limited.tar"
    refused "bytes, more than 65536" swiftlet load -q --max-file-size 64k "$SCRATCH/limited.tar"
    refused "not a size" swiftlet load -q --max-size much "$SCRATCH/limited.tar"
    head -c 30000000 /dev/zero | gzip > "$SCRATCH/zeros"
    refused "more than 20971520 bytes uncompressed" swiftlet import --max-size 20m "$SCRATCH/zeros" zeros:1
    same "$(ls "$SCRATCH/store/tmp")" "" "work that was left"
}

test_an_interrupted_load_and_import_leave_nothing() {
    mkdir -p "$SCRATCH/many/files"
    python3 -c 'import sys
for n in range(20000): open(f"{sys.argv[1]}/{n}", "w").write(str(n) * 100)' "$SCRATCH/many/files"
    tar -C "$SCRATCH/many" -cf "$SCRATCH/many.tar" files
    local before pid status signal
    before=$(cd "$SCRATCH/store" && find blobs overlay -maxdepth 2 | sort)
    mkfifo "$SCRATCH/slow"
    for signal in INT TERM; do
        # A shell has its background processes ignore SIGINT.
        env --default-signal=INT "$BIN/swiftlet" --root "$SCRATCH/store" import "$SCRATCH/slow" slow:1 > "$SCRATCH/said" 2> "$SCRATCH/err" &
        pid=$!
        exec 7> "$SCRATCH/slow"
        head -c 2000000 "$SCRATCH/many.tar" >&7
        until_true 10 bash -c "[ -n \"\$(ls '$SCRATCH/store/tmp')\" ]"
        kill -$signal $pid
        # It looks up at the next piece.
        (trap '' PIPE; for _ in $(seq 2000); do head -c 65536 "$SCRATCH/many.tar" >&7 || break; done) 2> /dev/null
        exec 7>&-
        status=0
        wait $pid || status=$?
        same "$status" "$((128 + $(kill -l $signal)))"
        contains "$(cat "$SCRATCH/err")" "interrupted by SIG$signal"
        same "$(ls "$SCRATCH/store/tmp")" "" "work that was left"
        same "$(cd "$SCRATCH/store" && find blobs overlay -maxdepth 2 | sort)" "$before"
    done
    expect 0 swiftlet import "$SCRATCH/many.tar" many:1
    swiftlet rmi many:1 > /dev/null
}

test_a_disk_that_is_too_small_is_told_before_it_is_full() {
    mkdir "$SCRATCH/tight"
    mount -t tmpfs -o size=20m tmpfs "$SCRATCH/tight"
    (
        tight() { "$BIN/swiftlet" --root "$SCRATCH/tight/store" "$@"; }
        dd if=/dev/urandom of="$SCRATCH/random" bs=1M count=16 status=none
        python3 - "$SCRATCH/random" "$SCRATCH/big.tar" <<'PYTHON'
import hashlib, io, json, sys, tarfile
def tar(members):
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as archive:
        for name, content in members:
            info = tarfile.TarInfo(name); info.size = len(content); archive.addfile(info, io.BytesIO(content))
    return out.getvalue()
layer = tar([("big", open(sys.argv[1], "rb").read())])
config = json.dumps({"os": "linux", "architecture": "", "config": {},
                     "rootfs": {"type": "layers", "diff_ids": ["sha256:" + hashlib.sha256(layer).hexdigest()]}}).encode()
name = hashlib.sha256(config).hexdigest() + ".json"
manifest = json.dumps([{"Config": name, "RepoTags": ["big:1"], "Layers": ["l/layer.tar"]}]).encode()
open(sys.argv[2], "wb").write(tar([(name, config), ("manifest.json", manifest), ("l/layer.tar", layer)]))
PYTHON
        refused "needs at least" tight load -q "$SCRATCH/big.tar"
        contains "$err" ENOSPC
        same "$(ls "$SCRATCH/tight/store/tmp")" ""
        # Packed small: only unpacking shows that it does not fit. The last hundredth stays free.
        head -c 40000000 /dev/zero > "$SCRATCH/zeros"
        tar -C "$SCRATCH" -cf - zeros | gzip > "$SCRATCH/zeros.tar.gz"
        refused ENOSPC tight import "$SCRATCH/zeros.tar.gz" zeros:1
        same "$(ls "$SCRATCH/tight/store/tmp")" ""
        [ "$(df --output=used "$SCRATCH/tight" | tail -n 1)" -lt 2000 ] || fail "something stayed"
    ) || { umount "$SCRATCH/tight"; exit 1; }
    umount "$SCRATCH/tight"
}

test_an_artifact_in_the_place_of_an_image_is_refused_and_one_beside_it_left_alone() {
    skopeo copy -q "oci-archive:$ARCHIVES/oci.tar" "oci:$SCRATCH/artifact:1"
    python3 - "$SCRATCH/artifact" <<'PYTHON'
import hashlib, json, os, sys
at = sys.argv[1]
def blob(data):
    digest = hashlib.sha256(data).hexdigest()
    open(f"{at}/blobs/sha256/{digest}", "wb").write(data)
    return {"digest": f"sha256:{digest}", "size": len(data)}
empty = dict(blob(b"{}"), mediaType="application/vnd.oci.empty.v1+json")
manifest = json.dumps({"schemaVersion": 2, "mediaType": "application/vnd.oci.image.manifest.v1+json",
    "artifactType": "application/spdx+json", "config": empty, "layers": [empty]}).encode()
entry = dict(blob(manifest), mediaType="application/vnd.oci.image.manifest.v1+json")
index = json.load(open(f"{at}/index.json"))
index["manifests"].insert(0, entry)
json.dump(index, open(f"{at}/index.json", "w"))
os.makedirs(f"{at}-alone"); os.system(f"cp -a {at}/. {at}-alone/")
index["manifests"] = [entry]
json.dump(index, open(f"{at}-alone/index.json", "w"))
PYTHON
    refused "an artifact (\`application/spdx+json\`)" swiftlet load -q "$SCRATCH/artifact-alone"
    expect 0 swiftlet load -q --name beside:1 "$SCRATCH/artifact"
    swiftlet rmi beside:1 > /dev/null
}

test_volumes_of_an_image_are_mounts_of_their_own() {
    swiftlet run --name maker "$NAME" sh -euc 'mkdir -p /data/in; echo old > /data/in/f; chown 5:6 /data; chmod 750 /data; ln -s /data /linked'
    swiftlet commit -c 'VOLUME /data /new' maker volumes:1 > /dev/null
    swiftlet rm maker > /dev/null
    expect 0 swiftlet run --name with volumes:1 sh -euc 'cat /data/in/f; stat -c %a:%u:%g /data; grep -c " /data \| /new " /proc/self/mountinfo; echo new > /data/in/f; touch /new/x'
    same "$out" "old
750:5:6
2"
    expect 0 swiftlet diff with
    case "$out" in *in/f*|*new/x*) fail "what is in a volume is no change of the container: $out" ;; esac
    same "$(cat "$SCRATCH"/store/overlay/containers/*/volumes/0/in/f)" new
    # The next container begins with what the image has.
    expect 0 swiftlet run --rm volumes:1 cat /data/in/f; same "$out" old
    mkdir "$SCRATCH/mine"; echo mine > "$SCRATCH/mine/own"
    expect 0 swiftlet run --rm -v "$SCRATCH/mine:/data" volumes:1 ls /data; same "$out" own
    swiftlet rm with > /dev/null
    swiftlet rmi volumes:1 > /dev/null
}
