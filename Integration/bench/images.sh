#!/bin/bash
# What loading and unpacking images costs: swiftlet beside umoci, containerd, and igzip (or zstd) with tar, all in one run and on tmpfs,
# held against the bars that the project sets itself.
# usage: images.sh DIRECTORY-OF-PROGRAMS [ROUNDS]   (prints Markdown tables for docs/benchmarks.md)
#
# SWIFTLET_BENCH_IMAGES: a directory in which the images stay for the next run. One round takes turns, so that all see the same load.
set -euo pipefail
# On a machine that others work on as well: a session of its own, which goes before the others (sched(7), "The autogroup feature").
[ "${SWIFTLET_BENCH_SESSION:-}" = own ] || SWIFTLET_BENCH_SESSION=own exec setsid -w "$0" "$@"
echo -20 2>/dev/null > /proc/self/autogroup || :
here=$(cd "$(dirname "$0")" && pwd)
BIN=$(cd "$1" && pwd)
rounds=${2:-3}
SCRATCH=$(mktemp -d /tmp/swl.XXXXXX)
export SCRATCH
source "$here/../tests/lib.sh"
done_with_it() {
    stop_containerd
    grep -F "$SCRATCH" /proc/self/mountinfo | awk '{print $5}' | tac | xargs -r -n 1 umount -l
    rm -rf --one-file-system "$SCRATCH"
}
trap done_with_it EXIT
mount -t tmpfs -o mode=700 tmpfs "$SCRATCH"
ours=$SCRATCH/swiftlet
install -s -m 0755 "$BIN/swiftlet" "$ours" # as `make install` puts it in place
images=${SWIFTLET_BENCH_IMAGES:-$SCRATCH/images}
echo "making the images" >&2
"$here/make-images.sh" "$images" >&2

# timed WHAT COMMAND…: appends wall, CPU (seconds) and peak memory (KiB) of it to $SCRATCH/times/WHAT.
mkdir "$SCRATCH/times"
timed() {
    local what=$1
    shift
    python3 - "$SCRATCH/times/$what" "$@" <<'PYTHON'
import os, resource, subprocess, sys, time
start = time.monotonic()
with open(os.environ["SCRATCH"] + "/log", "ab") as log:
    status = subprocess.call(sys.argv[2:], stdout=log, stderr=log)
wall, used = time.monotonic() - start, resource.getrusage(resource.RUSAGE_CHILDREN)
if status: sys.exit(f"status {status}: {sys.argv[2:]}: {open(os.environ['SCRATCH'] + '/log').read()[-500:]}")
line = f"{wall:.3f} {used.ru_utime + used.ru_stime:.3f} {used.ru_maxrss}"
print(line, file=open(sys.argv[1], "a"))
print(f"  {os.path.basename(sys.argv[1])}: {line}", file=sys.stderr)
PYTHON
}
# CPU of a daemon is its own: what it had used before and after.
cpu_of() { awk -v hz="$(getconf CLK_TCK)" '{print ($14 + $15) / hz}' "/proc/$1/stat"; }

by_swiftlet() { timed "swiftlet-$1" "$ours" --root "$SCRATCH/store" load -q "$images/$1.tar"; rm -rf "$SCRATCH/store"; }
by_umoci() { timed "umoci-$1" umoci unpack --image "$images/$1:1" "$SCRATCH/bundle"; rm -rf "$SCRATCH/bundle"; }
by_ctr() {
    start_containerd
    local before
    before=$(cpu_of "$(cat "$SCRATCH/c/pid")")
    timed "ctr-$1" ctr -a "$SCRATCH/c/c.sock" image import "$images/$1.tar"
    awk -v add="$(awk -v a="$before" -v b="$(cpu_of "$(cat "$SCRATCH/c/pid")")" 'BEGIN {print b - a}')" \
        '{lines[NR] = $0; wall = $1; cpu = $2; memory = $3} END {for (n = 1; n < NR; n++) print lines[n]; print wall, cpu + add, memory}' \
        "$SCRATCH/times/ctr-$1" > "$SCRATCH/new" && mv "$SCRATCH/new" "$SCRATCH/times/ctr-$1"
    stop_containerd
    rm -rf "$SCRATCH/c"
}
by_tar() { # NAME UNPACKER
    mkdir "$SCRATCH/tree"
    timed "tar-$1" sh -c "$2 | tar -x -C '$SCRATCH/tree'"
    rm -rf "$SCRATCH/tree"
}

# The root of a container: made and mounted, over few layers and over many.
for layers in 10 200; do
    image_of_layers $layers "$SCRATCH/layers.tar" layers:$layers
    "$ours" --root "$SCRATCH/roots" load -q "$SCRATCH/layers.tar" > /dev/null
done
for round in $(seq "$rounds"); do
    for layers in 10 200; do
        unshare -m --propagation private "$BIN/root-bench" "$SCRATCH/roots" layers:$layers 100 >> "$SCRATCH/times/root-$layers"
    done
done

for round in $(seq "$rounds"); do
    for image in debian usr small; do
        echo "round $round: $image" >&2
        by_swiftlet $image
        by_umoci $image
        by_ctr $image
    done
    # Once more beside what is compared with it, so that both meet the same load.
    for image in usr small zst; do
        echo "round $round: $image beside tar" >&2
        if [ $image = zst ]; then by_tar zst "zstd -dc '$images/usr.zst'"; else by_tar $image "igzip -dc '$images/$image.gz'"; fi
        by_swiftlet $image
    done
done

# median WHAT COLUMN
median() { sort -g -k "$2" "$SCRATCH/times/$1" | awk -v c="$2" '{v[NR] = $c} END {print NR % 2 ? v[(NR + 1) / 2] : (v[NR / 2] + v[NR / 2 + 1]) / 2}'; }
# row WHAT THEIRS OURS BAR SIGN: SIGN < for «at most BAR times theirs», > for «BAR times as fast».
row() {
    awk -v what="$1" -v theirs="$2" -v ours="$3" -v bar="$4" -v sign="$5" 'BEGIN {
        ratio = sign == "<" ? ours / theirs : theirs / ours
        met = sign == "<" ? ratio <= bar : ratio >= bar
        if (bar == "") printf "| %s | %.2f | %.2f | %.2f | | |\n", what, theirs, ours, ratio
        else printf "| %s | %.2f | %.2f | %.2f | %s %s | %s |\n", what, theirs, ours, ratio, sign == "<" ? "≤" : "≥", bar, met ? "met" : "MISSED" }'
}
echo "Load: $(cut -d ' ' -f 1-3 /proc/loadavg), $(nproc) processors, $rounds rounds, medians in seconds."
echo
echo "| what | theirs | swiftlet | ratio | bar | |"
echo "|---|---|---|---|---|---|"
for image in debian usr small; do
    for column in 1 2; do
        unit=$([ $column = 1 ] && echo wall || echo CPU)
        # How fast it is, is told in wall time.
        row "$image, $unit, umoci unpack" "$(median umoci-$image $column)" "$(median swiftlet-$image $column)" "$([ $column = 2 ] || echo 5)" ">"
        row "$image, $unit, ctr image import" "$(median ctr-$image $column)" "$(median swiftlet-$image $column)" "$([ $column = 2 ] || echo 2)" ">"
    done
done
for image in usr small zst; do
    unpacker=$([ $image = zst ] && echo zstd || echo igzip)
    row "$image, wall, $unpacker and tar" "$(median tar-$image 1)" "$(median swiftlet-$image 1)" 1.2 "<"
    row "$image, CPU, $unpacker and tar (no bar)" "$(median tar-$image 2)" "$(median swiftlet-$image 2)" "" "<"
done
echo
echo "| peak memory of \`swiftlet load\`, MiB | | bar | |"
echo "|---|---|---|---|"
for image in debian usr small zst; do
    awk -v what="$image" '$3 > most {most = $3} END {printf "| %s | %.1f | ≤ 64 | %s |\n", what, most / 1024, most <= 65536 ? "met" : "MISSED"}' "$SCRATCH/times/swiftlet-$image"
done

echo
echo "| root of a container, median of 100, µs | made | mounted | both | bar | |"
echo "|---|---|---|---|---|---|"
few=$(median root-10 3)
for layers in 10 200; do
    most=$([ $layers = 10 ] && echo 1000 || awk -v few="$few" 'BEGIN {print 2 * few}')
    awk -v layers=$layers -v made="$(median root-$layers 1)" -v mounted="$(median root-$layers 2)" -v both="$(median root-$layers 3)" -v most="$most" \
        'BEGIN {printf "| %d layers | %d | %d | %d | ≤ %d | %s |\n", layers, made, mounted, both, most, both <= most ? "met" : "MISSED"}'
done
# The bar can be read in two ways: twice what ten layers took, as above, or twice what they may take.
awk -v both="$(median root-200 3)" 'BEGIN {printf "| 200 layers, beside what 10 may take | | | %d | ≤ 2000 | %s |\n", both, both <= 2000 ? "met" : "MISSED"}'
