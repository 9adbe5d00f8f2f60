#!/bin/bash
# swiftletd against the bars that the project sets itself (those that need no other runtime beside it).
# usage: plugin.sh DIRECTORY-OF-PROGRAMS   (prints a Markdown table for docs/benchmarks.md)
set -euo pipefail
cd "$(dirname "$0")/../.."
BIN=$(cd "$1" && pwd)
SCRATCH=$(mktemp -d /tmp/swl.XXXXXX)
LOAD="$BIN/plugin-load"
SOCKET=$SCRATCH/d.sock
IMAGE=swiftlet/bench:1
export SWIFTLET_SOCKET_DIR=$SCRATCH/shims
daemon=

start_daemon() {
    "$BIN/swiftletd" --network loopback --root "$SCRATCH/root" --state "$SCRATCH/state/d" --socket "$SOCKET" 2>> "$SCRATCH/daemon.log" &
    daemon=$!
}
stop_daemon() { kill "$daemon" && wait "$daemon" || :; }
finish() {
    local status=$?
    [ $status = 0 ] || tail -n 5 "$SCRATCH/daemon.log" >&2 || :
    load clear > /dev/null 2>&1 || :
    [ -z "$daemon" ] || stop_daemon
    umount "$SCRATCH/state" || :
    rm -rf --one-file-system "$SCRATCH"
}
trap finish EXIT

load() { local verb=$1; shift; "$LOAD" "$verb" --socket "$SOCKET" --image "$IMAGE" "$@"; }
value() { sed -n "s/.*\\b$1=\\([0-9.]*\\).*/\\1/p"; }
milliseconds() { echo $(($(date +%s%N) / 1000000)); }
row() { # what, found, bar
    awk -v what="$1" -v found="$2" -v bar="$3" -v unit="$4" \
        'BEGIN { printf "| %s | %s %s | at most %s %s | %s |\n", what, found, unit, bar, unit, found + 0 <= bar + 0 ? "met" : "MISSED" }'
}
# Of every shim (and what it has cloned) that was started from this directory: proportional memory in KiB.
shims_pss() {
    local sum=0 pid pss
    for pid in $(pgrep -f 'containerd-shim-swiftlet-v2|swiftlet-init'); do
        # Others run shims too.
        [ "$({ tr '\0' '\n' < "/proc/$pid/environ"; } 2> /dev/null | grep -cxF "SWIFTLET_SOCKET_DIR=$SWIFTLET_SOCKET_DIR")" = 1 ] || continue
        pss=$(awk '/^Pss:/ {print $2}' "/proc/$pid/smaps_rollup" 2> /dev/null || echo 0)
        sum=$((sum + ${pss:-0}))
    done
    echo "$sum"
}

# An image of busybox.
mkdir -p "$SCRATCH/a/fs/bin" "$SCRATCH/state" "$SCRATCH/root"
mount -t tmpfs -o mode=0711 swl-bench "$SCRATCH/state"
cp /bin/busybox "$SCRATCH/a/fs/bin/busybox"
for name in sh sleep true; do ln -s busybox "$SCRATCH/a/fs/bin/$name"; done
(
    cd "$SCRATCH/a"
    tar -C fs -cf layer.tar .
    printf '{"architecture":"%s","os":"linux","config":{"Cmd":["sh"],"Env":["PATH=/bin"]},"rootfs":{"type":"layers","diff_ids":["sha256:%s"]}}' \
        "$(dpkg --print-architecture)" "$(sha256sum layer.tar | cut -d' ' -f1)" > config.json
    echo '[{"Config":"config.json","RepoTags":["swiftlet/bench:1"],"Layers":["layer.tar"]}]' > manifest.json
    tar -cf ../image.tar manifest.json config.json layer.tar
)
SWIFTLET_ROOT=$SCRATCH/root "$BIN/swiftlet" load -i "$SCRATCH/image.tar" > /dev/null 2>&1 || SWIFTLET_ROOT=$SCRATCH/root "$BIN/swiftlet" load "$SCRATCH/image.tar" > /dev/null
start_daemon
load ready --count 0 > /dev/null

echo "| what | found | bar | |"
echo "|---|---|---|---|"
load pods --count 5 --prefix warm --remove > /dev/null
alone=$(load pods --count 100 --prefix alone --remove)
row "RunPodSandbox + CreateContainer + StartContainer, p50 of 100 one after the other" "$(value p50 <<< "$alone")" 25 ms
rate=$(load pods --count 100 --rate 5 --prefix rate)
row "the same, p99 of 100 pods at 5 a second" "$(value p99 <<< "$rate")" "$(awk -v p="$(value p50 <<< "$rate")" 'BEGIN {print 5 * p}')" ms
sleep 2
row "Rss of swiftletd with 100 idle pods" "$(awk '/^Rss:/ {printf "%.1f", $2 / 1024}' "/proc/$daemon/smaps_rollup")" 60 MB
row "Pss of everything for one pod" "$(awk -v sum="$(shims_pss)" 'BEGIN {printf "%.3f", sum / 100 / 1024}')" 0.5 MB
stop_daemon
from=$(milliseconds)
start_daemon
load ready --count 100 > /dev/null
row "restart with 100 pods, until all are known again" "$(($(milliseconds) - from))" 1000 ms
load clear
exec=$(load exec --count 200)
echo "| ExecSync of \`true\`, p50 of 200 | $(value p50 <<< "$exec") ms | beside another runtime | |"
load exited --count 1000 > /dev/null
list=$(load list --count 100)
row "ListContainers with $(value containers <<< "$list") that have exited, p50 of 100" "$(value p50 <<< "$list")" 10 ms
