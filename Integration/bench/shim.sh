#!/bin/bash
# The shim beside io.containerd.runc.v2 in one run, held against the bars that the project sets itself.
# usage: shim.sh DIRECTORY-OF-PROGRAMS [PART…]   (prints Markdown tables for docs/benchmarks.md)
# Parts: idle hundred run exec state relay endurance; all but the last without any. EXECS is the number of execs of the last (100000).
#
# The two take turns in small portions, so that what else the machine does falls on both.
set -euo pipefail
cd "$(dirname "$0")/../.."
BIN=$(cd "$1" && pwd)
shift
parts=("${@:-idle hundred run exec state relay}")
SCRATCH=$(mktemp -d /tmp/swl.XXXXXX)
export BIN SCRATCH
source Integration/tests/lib.sh
IMAGE=docker.io/swiftlet/busybox:docker
OURS=io.containerd.swiftlet.v2
THEIRS=io.containerd.runc.v2
runtimes=("$OURS" "$THEIRS")

# `ctr task rm` ends with the exit status of the task.
remove() { { ctr task rm -f "$1" || :; ctr container rm "$1" || :; } > /dev/null 2>&1; }

finish() {
    local name
    for name in $(ctr container ls -q 2>/dev/null); do remove "$name"; done
    stop_containerd
    umount "$SCRATCH/c/state" || :
    rm -rf --one-file-system "$SCRATCH"
}
trap finish EXIT

make_archives
# Where containerd keeps its state is a tmpfs, as /run is: to store an exit durably costs what it costs there.
mkdir -p "$SCRATCH/c/state"
mount -t tmpfs -o mode=0711 swl-bench "$SCRATCH/c/state"
start_containerd
ctr image import "$ARCHIVES/docker.tar" > /dev/null

median() { sort -n | awk '{v[NR] = $1} END {print NR % 2 ? v[(NR + 1) / 2] : (v[NR / 2] + v[NR / 2 + 1]) / 2}'; }
milliseconds() { echo $(($(date +%s%N) / 1000000)); }
shim_of() { pgrep -f "^[^ ]*containerd-shim-[a-z]*-v2 .*-id $1( |\$)" | head -n 1; }
socket_of() { sed 's,^unix://,,' "$SCRATCH/c/state/io.containerd.runtime.v2.task/default/$1/address"; }

head_of_table() {
    echo "| what | runc's shim | ours | ratio | bar | |"
    echo "|---|---|---|---|---|---|"
}
row() { # what, theirs, ours, bar: the ratio, at most the bar (or at least: >=N)
    awk -v what="$1" -v theirs="$2" -v ours="$3" -v bar="$4" 'BEGIN {
        ratio = theirs > 0 ? ours / theirs : 0
        least = sub(/^>=/, "", bar)
        met = least ? ratio >= bar + 0 : ratio <= bar + 0
        printf "| %s | %s | %s | %.2f | %s %s | %s |\n", what, theirs, ours, ratio, least ? "at least" : "at most", bar, met ? "met" : "MISSED" }'
}
absolute() { # what, theirs, ours, bar in the same unit
    awk -v what="$1" -v theirs="$2" -v ours="$3" -v bar="$4" 'BEGIN {
        least = sub(/^>=/, "", bar)
        met = least ? ours >= bar + 0 : ours <= bar + 0
        printf "| %s | %s | %s | | %s %s | %s |\n", what, theirs, ours, least ? "at least" : "at most", bar, met ? "met" : "MISSED" }'
}

start_idle() { # runtime count prefix
    local n
    for n in $(seq 1 "$2"); do ctr run -d --runtime "$1" $IMAGE "$3-$n" sleep 100000; done
    sleep 3 # a shim that has just worked gives pages back a second later
}
memory_of() { # field count prefix: one line a shim, KiB
    local n
    for n in $(seq 1 "$2"); do awk -v f="$1:" '$1 == f {print $2}' "/proc/$(shim_of "$3-$n")/smaps_rollup"; done
}

part_idle() {
    declare -A found
    local runtime field n
    for runtime in "${runtimes[@]}"; do
        start_idle "$runtime" 10 "swl-$$-idle"
        for field in Rss Pss Private_Dirty; do found[$runtime$field]=$(memory_of $field 10 "swl-$$-idle" | median); done
        for n in $(seq 1 10); do remove "swl-$$-idle-$n"; done
    done
    echo "One idle container, KiB, medians of ten:"
    echo
    head_of_table
    absolute Rss "${found[${THEIRS}Rss]}" "${found[${OURS}Rss]}" 3584
    absolute Private_Dirty "${found[${THEIRS}Private_Dirty]}" "${found[${OURS}Private_Dirty]}" 307
    row Pss "${found[${THEIRS}Pss]}" "${found[${OURS}Pss]}" 0.2
    echo
}

part_hundred() {
    declare -A sum
    local runtime n
    for runtime in "${runtimes[@]}"; do
        start_idle "$runtime" 100 "swl-$$-hundred"
        sum[$runtime]=$(memory_of Pss 100 "swl-$$-hundred" | awk '{s += $1} END {print s}')
        for n in $(seq 1 100); do remove "swl-$$-hundred-$n"; done
    done
    echo "A hundred idle containers, KiB:"
    echo
    head_of_table
    row "sum of Pss" "${sum[$THEIRS]}" "${sum[$OURS]}" 0.1
    echo
}

# Wall time of 20 one after the other, or of 32 at once, in milliseconds.
sequence() {
    local begin n
    begin=$(milliseconds)
    for n in $(seq 20); do ctr run --rm --runtime "$1" $IMAGE "swl-$$-run" true; done
    echo $(($(milliseconds) - begin))
}
at_once() {
    local begin n pids=()
    begin=$(milliseconds)
    for n in $(seq 32); do
        ctr run --rm --runtime "$1" $IMAGE "swl-$$-run-$n" true < /dev/null > /dev/null 2>&1 &
        pids+=($!)
    done
    for n in "${pids[@]}"; do wait "$n" || { echo "a container failed" >&2; return 1; }; done
    echo $(($(milliseconds) - begin))
}

part_run() {
    local round runtime
    for runtime in "${runtimes[@]}"; do sequence "$runtime" > /dev/null; done
    for round in 1 2 3 4 5; do
        for runtime in "${runtimes[@]}"; do
            sequence "$runtime" >> "$SCRATCH/sequence-$runtime"
            at_once "$runtime" >> "$SCRATCH/once-$runtime"
        done
    done
    echo "\`ctr run --rm … true\`, milliseconds of wall time (about half of it ctr's and containerd's own):"
    echo
    head_of_table
    row "100 one after the other, in turns of 20" "$(awk '{s += $1} END {print s}' "$SCRATCH/sequence-$THEIRS")" \
        "$(awk '{s += $1} END {print s}' "$SCRATCH/sequence-$OURS")" 0.5
    row "32 at once, median of five" "$(median < "$SCRATCH/once-$THEIRS")" "$(median < "$SCRATCH/once-$OURS")" 0.5
    echo
}

# One container of each runtime, for the parts that load a shim.
start_loaded() {
    local runtime
    for runtime in "${runtimes[@]}"; do ctr run -d --runtime "$runtime" $IMAGE "swl-$$-load-$runtime" sleep 100000; done
}
stop_loaded() {
    local runtime
    for runtime in "${runtimes[@]}"; do remove "swl-$$-load-$runtime"; done
}
load() { # verb runtime arguments…: the line of figures
    local verb=$1 name=swl-$$-load-$2
    shift 2
    "$BIN/shim-load" "$verb" --socket "$(socket_of "$name")" --id "$name" --shim "$(shim_of "$name")" "$@"
}
turns() { # file verb arguments…: three turns of each
    local file=$1 verb=$2 turn runtime
    shift 2
    for turn in 1 2 3; do
        for runtime in "${runtimes[@]}"; do load "$verb" "$runtime" "$@" >> "$SCRATCH/$file-$runtime"; done
    done
}
figure() { grep -oE "(^| )$3=[^ ]+" "$SCRATCH/$1-$2" | cut -d = -f 2 | median; }
compare() { row "$1" "$(figure "$2" "$THEIRS" "$3")" "$(figure "$2" "$OURS" "$3")" "$4"; }

part_exec() {
    start_loaded
    turns exec exec --count 334
    stop_loaded
    echo "1000 execs of \`true\`, straight to the shim, in three turns (Exec, Wait, Start, the exit, Delete); medians of the turns:"
    echo
    head_of_table
    compare "CPU of the shim and all it started, µs an exec" exec cpu_us_per_exec 0.2
    compare "latency p50, µs" exec p50_us 0.333
    compare "latency p99, µs" exec p99_us 0.333
    echo
}

part_state() {
    local connections
    start_loaded
    for connections in 1 16; do turns "state$connections" state --calls 30000 --connections $connections; done
    stop_loaded
    echo "State calls, straight to the shim; medians of three turns of 30000:"
    echo
    head_of_table
    for connections in 1 16; do
        compare "calls a second, $connections connection(s)" "state$connections" rate ">=2"
        compare "latency p99, µs, $connections connection(s)" "state$connections" p99_us 0.5
        compare "CPU of the shim, µs a call, $connections connection(s) (no bar)" "state$connections" cpu_us_per_call 1
    done
    echo
}

part_relay() {
    local runtime
    start_loaded
    for runtime in "${runtimes[@]}"; do
        ctr task exec --exec-id data "swl-$$-load-$runtime" dd if=/dev/zero of=/data bs=1M count=1 2> /dev/null
    done
    turns relay relay --fifo "$SCRATCH/relay" --megabytes 4096
    stop_loaded
    echo "4 GiB of a program's output through the shim into a FIFO that is emptied without a copy; medians of three turns:"
    echo
    head_of_table
    absolute "GB a second" "$(figure relay "$THEIRS" gb_per_s)" "$(figure relay "$OURS" gb_per_s)" ">=2"
    compare "CPU of the shim, ms a GB" relay cpu_ms_per_gb 0.5
    echo
}

part_endurance() {
    local name=swl-$$-load-$OURS memory figures
    ctr run -d --runtime "$OURS" $IMAGE "$name" sleep 100000
    for memory in "/sys/fs/cgroup/memory/default/$name/memory.usage_in_bytes" "/sys/fs/cgroup/default/$name/memory.current"; do
        [ ! -e "$memory" ] || break
    done
    load exec "$OURS" --count "${EXECS:-100000}" --lanes 4 --memory "$memory" > "$SCRATCH/endurance"
    remove "$name"
    echo "${EXECS:-100000} execs in one container, four at a time: $(head -n 1 "$SCRATCH/endurance")"
    echo
    figures=$(tail -n 1 "$SCRATCH/endurance")
    echo "| what | first tenth | last tenth |"
    echo "|---|---|---|"
    field() { grep -oE "(^| )$1=[^ ]+" <<< "$figures" | cut -d = -f 2; }
    echo "| Rss of the shim, KiB | $(field rss_first) | $(field rss_last) |"
    echo "| descriptors of the shim | $(field fds_first) | $(field fds_last) |"
    echo "| least memory of the cgroup, KiB | $(field cgroup_first) | $(field cgroup_last) |"
    echo
}

for part in ${parts[*]}; do "part_$part"; done
