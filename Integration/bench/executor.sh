#!/bin/bash
# What starting containers costs: swiftlet-oci beside crun and runc, all in one run, held against the bars that the project sets itself.
# usage: executor.sh DIRECTORY-OF-PROGRAMS [RUNS]   (prints Markdown tables for docs/benchmarks.md)
#
# crun refuses a host with both versions of cgroups: everything that is compared with it runs in a private mount namespace in which
# the v2 hierarchy is not mounted, so that both do the same work. What is compared with runc runs on the host as it is.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
BIN=$(cd "$1" && pwd)
runs=${2:-40}
if [ "${3:-}" != inside ]; then
    SCRATCH=$(mktemp -d /tmp/swl.XXXXXX)
    export SCRATCH
    trap 'rm -rf --one-file-system "$SCRATCH"' EXIT
    "$here/executor.sh" "$BIN" "$runs" inside
    exit
fi
source "$here/../tests/lib.sh"
ours=$SCRATCH/swiftlet-oci
install -m 0755 "$BIN/swiftlet-oci" "$ours" # as `make install` puts it in place

busybox_root "$SCRATCH/bundle/rootfs"
cd "$SCRATCH/bundle"
runc spec
jq '.process.terminal = false | .process.args = ["/bin/true"]' config.json > new && mv new config.json
mkdir "$SCRATCH/long"
ln -s ../bundle/rootfs "$SCRATCH/long/rootfs"
jq '.process.args = ["/bin/sleep", "1000"]' config.json > "$SCRATCH/long/config.json"

# alone COMMAND…: where crun runs.
alone() {
    if [ -e /sys/fs/cgroup/unified/cgroup.procs ]; then
        unshare -m --propagation private bash -c 'umount /sys/fs/cgroup/unified && exec "$@"' alone "$@"
    else
        "$@"
    fi
}

# measure COMMAND…: in eight blocks one after the other, so that what the machine does meanwhile falls on all commands alike. Of processor
# time hyperfine tells the mean of a block, so that it is the median of eight means.
measure() {
    local block
    for block in 1 2 3 4 5 6 7 8; do
        hyperfine -N --warmup 2 --runs $((runs / 8)) --export-json "$SCRATCH/result.$block" "$@" > /dev/null 2>&1
    done
    jq -s 'def median: sort | (.[(length - 1) / 2 | floor] + .[length / 2 | floor]) / 2;
        {results: [range(.[0].results | length) as $n | map(.results[$n]) | {
            wall: (map(.times[]) | median), cpu: (map(.user + .system) | median)}]}' "$SCRATCH"/result.[1-8] > "$SCRATCH/result.json"
}
# figure NUMBER FIELD: milliseconds; FIELD is wall or cpu.
figure() {
    jq -r --argjson n "$1" --arg f "$2" '.results[$n][$f] * 100000 | round / 100' "$SCRATCH/result.json"
}

row() { # what, theirs, ours, bar
    awk -v what="$1" -v theirs="$2" -v ours="$3" -v bar="$4" 'BEGIN {
        ratio = ours / theirs; printf "| %s | %s | %s | %.2f | %s | %s |\n", what, theirs, ours, ratio, bar, ratio <= bar ? "met" : "MISSED" }'
}

# Thirty-two at once: milliseconds until the last has ended.
at_once() {
    local n start pids=()
    start=$(date +%s%N)
    for n in $(seq 32); do
        "$@" run "swl-many-$n" < /dev/null > /dev/null 2>&1 &
        pids+=($!)
    done
    for n in "${pids[@]}"; do wait "$n" || return 1; done
    echo $((($(date +%s%N) - start) / 10000))
}
# both_at_once PROGRAM PROGRAM: the medians of twenty-one times each in turns.
both_at_once() {
    local round times
    for round in $(seq 21); do
        at_once "$1" >> "$SCRATCH/first" && at_once "$2" >> "$SCRATCH/second" || return 1
    done
    for times in first second; do sort -n "$SCRATCH/$times" | sed -n 11p | awk '{print $1 / 100}'; done
}
export -f measure at_once both_at_once
export runs

echo "\`run\` of /bin/true, \`exec\` of /bin/true, 32 runs at once; medians of $runs (of 21 for 32 at once), milliseconds:"
echo
echo "| what | theirs | swiftlet-oci | ratio | bar | |"
echo "|---|---|---|---|---|---|"
if command -v crun > /dev/null; then
    alone bash -c 'measure "$@"' measure "crun run swl-crun" "$ours run swl-ours"
    row "run, wall, crun" "$(figure 0 wall)" "$(figure 1 wall)" 0.7
    row "run, CPU, crun" "$(figure 0 cpu)" "$(figure 1 cpu)" 0.7
    alone bash -c 'cd "$1/long" && crun run -d swl-long-c < /dev/null > /dev/null 2>&1 && "$2" run -d swl-long-s < /dev/null > /dev/null 2>&1
        measure "crun exec swl-long-c /bin/true" "$2 exec swl-long-s /bin/true"
        crun delete -f swl-long-c; "$2" delete -f swl-long-s' exec "$SCRATCH" "$ours"
    row "exec, wall, crun" "$(figure 0 wall)" "$(figure 1 wall)" 0.6
    row "exec, CPU, crun" "$(figure 0 cpu)" "$(figure 1 cpu)" 0.6
    mapfile -t times < <(alone bash -c 'both_at_once crun "$1"' many "$ours")
    row "32 runs at once, wall, crun" "${times[0]}" "${times[1]}" 0.7
else
    echo "| crun | | | | | skipped: crun is not installed |"
fi
measure "runc run swl-runc" "$ours run swl-ours"
row "run, wall, runc" "$(figure 0 wall)" "$(figure 1 wall)" 0.25
row "run, CPU, runc (no bar)" "$(figure 0 cpu)" "$(figure 1 cpu)" 1
echo

echo "Least memory limit under which /bin/true starts, of 256, 384, 512, 1024, 4096 and 8192 KiB (bar: 512):"
echo
least() { # runs in $SCRATCH/small
    local size
    for size in 256 384 512 1024 4096 8192; do
        jq --argjson limit "$((size * 1024))" '.linux.resources.memory = {limit: $limit}' "$SCRATCH/bundle/config.json" > config.json
        "$@" run "swl-small-$size" < /dev/null > /dev/null 2>&1 && { echo "$size"; return; }
    done
    echo "more than 8192"
}
export -f least
mkdir "$SCRATCH/small"
ln -s ../bundle/rootfs "$SCRATCH/small/rootfs"
cd "$SCRATCH/small"
echo "| swiftlet-oci | crun | runc |"
echo "|---|---|---|"
echo "| $(least "$ours") | $(if command -v crun > /dev/null; then alone bash -c 'least crun'; else echo "not installed"; fi) | $(least runc) |"
echo
cd "$SCRATCH/bundle"
calls() { strace -f -c -o "$SCRATCH/calls" "$ours" run swl-calls && awk '$NF == "total" {print $(NF - 2) + 0 ? $4 : $3}' "$SCRATCH/calls"; }
if command -v strace > /dev/null; then echo "System calls of one run, its container's process with it: $(calls)."; else echo "System calls: skipped, strace is not installed."; fi
# Under valgrind the program is not executed a second time (its file is on a read-only mount). It knows neither clone3 nor openat2, so
# that it comes as far as the clone of init: what the command reads, checks and plans, which is most of what is not the kernel's.
instructions() {
    unshare -m --propagation private bash -c 'mount --bind "$1" "$1" && mount -o remount,bind,ro "$1"
        valgrind --tool=callgrind --callgrind-out-file=/dev/null "$1" --root "$SCRATCH/state" run swl-count 2>&1 || :' count "$ours" | sed -n 's/.*Collected : //p'
}
if command -v valgrind > /dev/null; then
    echo "Instructions of a run in user mode up to the clone of init, by callgrind (valgrind 3.19 does not know clone3): $(instructions)."
else
    echo "Instructions: skipped, valgrind is not installed."
fi
