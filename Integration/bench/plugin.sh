#!/bin/bash
# swiftletd against the bars that the project sets itself, and beside containerd's CRI plugin with runc.
# usage: plugin.sh DIRECTORY-OF-PROGRAMS [PART…]   (prints Markdown tables for docs/benchmarks.md)
# Parts: alone peer; both without any. ROUNDS is the number of pods of each runtime in the second (50), EXECS that of execs (200).
set -euo pipefail
cd "$(dirname "$0")/../.."
BIN=$(cd "$1" && pwd)
shift
parts=("${@:-alone peer}")
SCRATCH=$(mktemp -d /tmp/swl.XXXXXX)
export BIN SCRATCH
source Integration/tests/lib.sh
LOAD="$BIN/plugin-load"
SOCKET=$SCRATCH/d.sock
IMAGE=docker.io/swiftlet/bench:1
export SWIFTLET_SOCKET_DIR=$SCRATCH/shims
daemon= front=

start_daemon() {
    "$BIN/swiftletd" --network loopback --root "$SCRATCH/root" --state "$SCRATCH/state/d" --socket "$SOCKET" 2>> "$SCRATCH/daemon.log" &
    daemon=$!
}
stop_daemon() { kill "$daemon" && wait "$daemon" || :; }
finish() {
    local status=$?
    [ $status = 0 ] || tail -n 5 "$SCRATCH/daemon.log" >&2 || :
    load clear > /dev/null 2>&1 || :
    [ -z "$front" ] || { kill "$front" && wait "$front" || :; }
    [ -z "$daemon" ] || stop_daemon
    stop_containerd
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

part_alone() {
    local alone rate from exec list
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
}

# containerd with its CRI plugin, of which only this reads: no pod of the node's network needs a network plugin.
start_peer() {
    local at=$SCRATCH/c
    mkdir -p "$at" "$SCRATCH/state/c" "$SCRATCH/cni"
    cat > "$at/config.toml" <<TOML
version = 2
root = "$at/root"
state = "$SCRATCH/state/c"
disabled_plugins = ["io.containerd.snapshotter.v1.btrfs", "io.containerd.snapshotter.v1.zfs", "io.containerd.snapshotter.v1.devmapper",
  "io.containerd.snapshotter.v1.aufs", "io.containerd.internal.v1.opt", "io.containerd.internal.v1.tracing"]
[grpc]
  address = "$at/c.sock"
[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "docker.io/swiftlet/pause:1"
  # Where this runs, nobody may lower a score.
  restrict_oom_score_adj = true
  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = "$SCRATCH/cni"
    conf_dir = "$SCRATCH/cni"
  [plugins."io.containerd.grpc.v1.cri".containerd]
    snapshotter = "overlayfs"
    default_runtime_name = "runc"
    [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
      runtime_type = "io.containerd.runc.v2"
TOML
    containerd --config "$at/config.toml" >> "$at/log" 2>&1 < /dev/null &
    echo $! > "$at/pid"
    until_true 30 ctr version
    # What holds a pod's namespaces there: the same image with another command.
    mkdir "$SCRATCH/pause"
    sed 's/"sh"/"sleep","100000"/' "$SCRATCH/a/config.json" > "$SCRATCH/pause/config.json"
    sed 's,swiftlet/bench:1,swiftlet/pause:1,' "$SCRATCH/a/manifest.json" > "$SCRATCH/pause/manifest.json"
    tar -C "$SCRATCH/pause" -cf "$SCRATCH/pause.tar" manifest.json config.json -C "$SCRATCH/a" layer.tar
    ctr -n k8s.io image import "$SCRATCH/image.tar" > /dev/null
    ctr -n k8s.io image import "$SCRATCH/pause.tar" > /dev/null
}

beside() { # what, theirs, ours, bar of the ratio
    awk -v what="$1" -v theirs="$2" -v ours="$3" -v bar="$4" 'BEGIN {
        ratio = ours / theirs
        printf "| %s | %s | %s | %.2f | %s | %s |\n", what, theirs, ours, ratio, bar == "" ? "none" : "at most " bar, bar == "" ? "" : ratio <= bar + 0 ? "met" : "MISSED" }'
}

part_peer() {
    local what text bar
    declare -A found=()
    start_peer
    /usr/bin/python3 Integration/front/front.py "unix://$SCRATCH/front.sock" "$SOCKET" < /dev/null &
    front=$!
    until_true 30 test -S "$SCRATCH/front.sock"
    protoc -I proto --python_out="$SCRATCH" proto/runtime/v1/api.proto proto/runtime/v1/api_service.proto
    export PYTHONPATH=$SCRATCH:Integration/front
    while read -r name what text; do found[$name$what]=$text; done < <(
        /usr/bin/python3 Integration/bench/peer.py "${ROUNDS:-50}" "${EXECS:-200}" "$IMAGE" "$SCRATCH/state/logs" \
            "containerd=unix://$SCRATCH/c/c.sock" "swiftletd=unix://$SCRATCH/front.sock" && echo done)
    [ "${#found[@]}" -gt 1 ] || { tail -n 20 "$SCRATCH/c/log" >&2; return 1; }
    echo "| p50 through gRPC, ms | containerd and runc | swiftletd behind a front | ratio | bar | |"
    echo "|---|---|---|---|---|---|"
    for what in start-profile exec-profile start-unconfined exec-unconfined version; do
        bar=0.35
        case $what in
            start-*) text="RunPodSandbox + CreateContainer + StartContainer" ;;
            exec-*) text="ExecSync of \`true\`" ;;
            version) text="Version: what client, wire and front cost a call" bar= ;;
        esac
        case $what in
            *-profile) text+=", seccomp RuntimeDefault" ;;
            *-unconfined) text+=", seccomp Unconfined" ;;
        esac
        beside "$text" "${found[containerd$what]}" "${found[swiftletd$what]}" "$bar"
    done
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
    echo '[{"Config":"config.json","RepoTags":["docker.io/swiftlet/bench:1"],"Layers":["layer.tar"]}]' > manifest.json
    tar -cf ../image.tar manifest.json config.json layer.tar
)
SWIFTLET_ROOT=$SCRATCH/root "$BIN/swiftlet" load "$SCRATCH/image.tar" > /dev/null
start_daemon
load ready --count 0 > /dev/null
for part in ${parts[*]}; do
    "part_$part"
    echo
done
