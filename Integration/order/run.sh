#!/bin/bash
# Which functions a container's life calls, in order: the list for the linker, Sources/calls.order (see Package.swift).
# usage: run.sh PROGRAM MAP > LIST   (swiftlet-oci, and the map that lld wrote of it; root, some minutes)
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
SCRATCH=$(mktemp -d /tmp/swl-order.XXXXXX)
trap 'rm -rf --one-file-system "$SCRATCH"' EXIT
source "$here/../tests/lib.sh"
cc -O2 -o "$SCRATCH/calls" "$here/calls.c"
install -m 0755 "$1" "$SCRATCH/swiftlet-oci"

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

plain() { "$SCRATCH/swiftlet-oci" --root "$SCRATCH/state" "$@" < /dev/null; }
# Tracer and traced on one processor, so that nobody has to be woken on another.
traced() { taskset -c 0 "$SCRATCH/calls" "$SCRATCH/addresses" "$SCRATCH/swiftlet-oci" --root "$SCRATCH/state" "$@" < /dev/null > /dev/null; }
traced run -b "$SCRATCH/short" swl-order
plain create -b "$SCRATCH/long" swl-order
traced start swl-order
traced exec swl-order true
traced state swl-order
traced kill swl-order KILL
until_true 10 bash -c "'$SCRATCH/swiftlet-oci' --root '$SCRATCH/state' state swl-order | grep -q stopped"
traced delete swl-order
python3 "$here/names.py" "$2" < "$SCRATCH/addresses"
