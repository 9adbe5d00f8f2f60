#!/bin/bash
# What one idle shim holds and how long `ctr run --rm … true` takes, beside io.containerd.runc.v2 in one run.
# usage: shim.sh DIRECTORY-OF-PROGRAMS [RUNS]   (prints Markdown tables for docs/benchmarks.md)
set -euo pipefail
cd "$(dirname "$0")/../.."
BIN=$(cd "$1" && pwd)
runs=${2:-40}
SCRATCH=$(mktemp -d /tmp/swl.XXXXXX)
export BIN SCRATCH
source Integration/tests/lib.sh
IMAGE=docker.io/swiftlet/busybox:docker
runtimes=(io.containerd.swiftlet.v2 io.containerd.runc.v2)

# `ctr task rm` ends with the exit status of the task.
remove() { ctr task rm -f "$1" || :; ctr container rm "$1" || :; }

finish() {
    local name
    for name in $(ctr container ls -q 2>/dev/null); do
        remove "$name"
    done > /dev/null 2>&1
    stop_containerd
    rm -rf --one-file-system "$SCRATCH"
}
trap finish EXIT

make_archives
start_containerd
ctr image import "$ARCHIVES/docker.tar" > /dev/null

# Median of a column of numbers.
median() { sort -n | awk '{v[NR] = $1} END {print NR % 2 ? v[(NR + 1) / 2] : (v[NR / 2] + v[NR / 2 + 1]) / 2}'; }

idle() { # runtime: starts ten containers, prints the medians of Rss, Pss, Private_Dirty in KiB
    local runtime=$1 n pid field
    for n in $(seq 1 10); do ctr run -d --runtime "$runtime" $IMAGE "swl-idle-$n" sleep 1000; done
    sleep 3 # idle: a shim that has just worked gives pages back a second later
    for field in Rss Pss Private_Dirty; do
        for n in $(seq 1 10); do
            pid=$(pgrep -f "^[^ ]*containerd-shim-[a-z]*-v2 .*-id swl-idle-$n( |\$)" | head -n 1)
            awk -v f="$field:" '$1 == f {print $2}' "/proc/$pid/smaps_rollup"
        done | median
    done | paste -s -d ' '
    for n in $(seq 1 10); do
        remove "swl-idle-$n"
    done > /dev/null 2>&1
}

echo "One idle container, ten of each, medians in KiB:"
echo
echo "| runtime | Rss | Pss | Private_Dirty |"
echo "|---|---|---|---|"
for runtime in "${runtimes[@]}"; do
    figures=$(idle "$runtime")
    read -r rss pss dirty <<< "$figures"
    echo "| $runtime | $rss | $pss | $dirty |"
done
echo

command_of() { echo "ctr -a $SCRATCH/c/c.sock run --rm --runtime $1 $IMAGE swl-bench true"; }
hyperfine -N --warmup 5 --runs "$runs" --export-json "$SCRATCH/times.json" \
    "$(command_of "${runtimes[0]}")" "$(command_of "${runtimes[1]}")" > "$SCRATCH/hyperfine.log" 2>&1 || cat "$SCRATCH/hyperfine.log"
echo "\`ctr run --rm … true\`, $runs runs each, milliseconds:"
echo
echo "| runtime | median | min | max | user+system of ctr | ratio to runc's shim |"
echo "|---|---|---|---|---|---|"
jq -r --arg a "${runtimes[0]}" --arg b "${runtimes[1]}" '
  (.results[1].median) as $base | [.results, [$a, $b]] | transpose[] |
  "| \(.[1]) | \(.[0].median * 1000 | . * 10 | round / 10) | \(.[0].min * 1000 | . * 10 | round / 10) | \(.[0].max * 1000 | . * 10 | round / 10) | \((.[0].user + .[0].system) * 1000 | . * 10 | round / 10) | \(.[0].median / $base | . * 100 | round / 100) |"' \
    "$SCRATCH/times.json"
echo

parallel() { # runtime: a hundred containers at once, each with its own exit code to bring back; prints milliseconds
    local runtime=$1 n begin pids=()
    begin=$(date +%s%N)
    for n in $(seq 1 100); do
        {
            status=0
            ctr run --rm --runtime "$runtime" $IMAGE "swl-many-$n" sh -c "exit $n" > /dev/null 2>&1 || status=$?
            [ $status = "$n" ] || echo "container $n ended with $status" >&2
        } &
        pids+=($!)
    done
    wait "${pids[@]}"
    echo $((($(date +%s%N) - begin) / 1000000))
}

echo "100 \`ctr run --rm … sh -c 'exit N'\` at once, three times in turn, milliseconds until the last has ended (every N came back):"
echo
echo "| runtime | median of three |"
echo "|---|---|"
for round in 1 2 3; do
    for runtime in "${runtimes[@]}"; do parallel "$runtime" >> "$SCRATCH/parallel-$runtime"; done
done
for runtime in "${runtimes[@]}"; do echo "| $runtime | $(median < "$SCRATCH/parallel-$runtime") |"; done
echo

mkdir -p "$SCRATCH/bundle"
busybox_root "$SCRATCH/bundle/rootfs"
(cd "$SCRATCH/bundle" && runc spec && jq '.process.terminal = false | .process.args = ["true"]' config.json > new && mv new config.json)
hyperfine -N --warmup 5 --runs "$runs" --export-json "$SCRATCH/times.json" \
    "$BIN/swiftlet-oci --root $SCRATCH/state-a run --bundle $SCRATCH/bundle swl-bench-a" \
    "runc --root $SCRATCH/state-b run --bundle $SCRATCH/bundle swl-bench-b" > "$SCRATCH/hyperfine.log" 2>&1 || cat "$SCRATCH/hyperfine.log"
echo "\`run\` of \`true\` in the bundle that \`runc spec\` makes, $runs runs each, milliseconds:"
echo
echo "| program | median | min | max | user+system | ratio to runc |"
echo "|---|---|---|---|---|---|"
jq -r '(.results[1].median) as $base | [.results, ["swiftlet-oci", "runc"]] | transpose[] |
  "| \(.[1]) | \(.[0].median * 1000 | . * 10 | round / 10) | \(.[0].min * 1000 | . * 10 | round / 10) | \(.[0].max * 1000 | . * 10 | round / 10) | \((.[0].user + .[0].system) * 1000 | . * 10 | round / 10) | \(.[0].median / $base | . * 100 | round / 100) |"' \
    "$SCRATCH/times.json"
