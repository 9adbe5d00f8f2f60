#!/bin/bash
# Which functions a container's life calls, in order, and which variables it changes: the list for the linker, Sources/calls.order (see Package.swift).
# usage: run.sh PROGRAMS MAPS > LIST   (directories of the programs and of the maps NAME.map that lld wrote of them; root, some minutes)
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
maps=$(cd "$2" && pwd)
BIN=$(cd "$1" && pwd)
SCRATCH=$(mktemp -d /tmp/swl-order.XXXXXX)
export BIN SCRATCH
cd "$here/../.."
source Integration/tests/lib.sh
finish() {
    { ctr task rm -f swl-order || :; plain delete -f swl-order || :; } > /dev/null 2>&1
    stop_containerd
    rm -rf --one-file-system "$SCRATCH"
}
trap finish EXIT
mkdir "$SCRATCH/programs" "$SCRATCH/lists"
cc -O2 -o "$SCRATCH/calls" "$here/calls.c"
# Tracer and traced on one processor, so that nobody has to be woken on another.
traced() { # NAME PROGRAM ARGUMENTS…: until all that it starts has ended
    local list=$SCRATCH/lists/$1
    shift
    taskset -c 0 "$SCRATCH/calls" "$list" "$@" < /dev/null > /dev/null
    until_true 60 test -e "$list.done"
}

busybox_root "$SCRATCH/short/rootfs"
mkdir "$SCRATCH/long"
ln -s ../short/rootfs "$SCRATCH/long/rootfs"
(cd "$SCRATCH/short" && runc spec)
for name in short long; do
    arguments='["true"]'
    [ $name = short ] || arguments='["sleep", "1000"]'
    jq ".process.terminal = false | .process.args = $arguments" "$SCRATCH/short/config.json" > "$SCRATCH/$name.json"
done
for name in short long; do mv "$SCRATCH/$name.json" "$SCRATCH/$name/config.json"; done

plain() { "$BIN/swiftlet-oci" --root "$SCRATCH/state" "$@" < /dev/null; }
oci() { traced "$1" "$BIN/swiftlet-oci" --root "$SCRATCH/state" "$@"; }
oci run -b "$SCRATCH/short" swl-order
plain create -b "$SCRATCH/long" swl-order > /dev/null 2>&1
oci start swl-order
oci exec swl-order true
oci state swl-order
oci kill swl-order KILL
until_true 10 bash -c "'$BIN/swiftlet-oci' --root '$SCRATCH/state' state swl-order | grep -q stopped"
oci delete swl-order

# A shim's whole life under containerd, which finds this in its place.
cat > "$SCRATCH/programs/containerd-shim-swiftlet-v2" <<SHIM
#!/bin/sh
case "\$*" in
    *start) exec taskset -c 0 "$SCRATCH/calls" "$SCRATCH/lists/shim" "$BIN/containerd-shim-swiftlet-v2" "\$@" ;;
    *) exec "$BIN/containerd-shim-swiftlet-v2" "\$@" ;;
esac
SHIM
chmod 755 "$SCRATCH/programs/containerd-shim-swiftlet-v2"
make_archives
BIN=$SCRATCH/programs start_containerd
ctr image import "$ARCHIVES/docker.tar" > /dev/null
{
    ctr run -d --runtime io.containerd.swiftlet.v2 docker.io/swiftlet/busybox:docker swl-order sleep 1000
    ctr task exec --exec-id one swl-order true
    ctr task kill -s KILL swl-order
    until_true 60 bash -c "source Integration/tests/lib.sh; ctr task ls | grep -q 'swl-order.*STOPPED'"
    ctr task rm swl-order || [ $? = 137 ]
    ctr container rm swl-order
} > /dev/null
until_true 60 test -e "$SCRATCH/lists/shim.done"
{
    cat "$SCRATCH"/lists/{run,start,exec,state,kill,delete} | python3 "$here/names.py" "$maps/swiftlet-oci.map"
    python3 "$here/names.py" "$maps/containerd-shim-swiftlet-v2.map" < "$SCRATCH/lists/shim"
} | awk '!told[$0]++'
