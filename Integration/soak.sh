#!/bin/bash
# soak.sh [DIRECTORY OF THE PROGRAMS [PODS [RATE [SECONDS [DELETIONS]]]]]
#
# Many pods of the mock kubelet on a swiftletd of their own: probes that end containers, containers that end by themselves and start again,
# init containers, sidecars, hooks, and pods deleted at random. Ends with an account; status 0 only if every exit was told, every exit code
# is one that can be, and nothing is left: no process, mount, cgroup, file, descriptor. Without arguments 200 pods for 15 minutes.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
bin=$(cd "${1:-$here/../.build/release}" && pwd)
pods=${2:-200} rate=${3:-5} seconds=${4:-900} deletions=${5:-1}
work=$(mktemp -d "${TMPDIR:-/tmp}/swiftlet-soak.XXXXXX")
export SWIFTLET_ROOT=$work/root SWIFTLET_SOCKET_DIR=$work/shims SWIFTLET_SHIM=$bin/containerd-shim-swiftlet-v2
export SWIFTLET_NETWORK=loopback
plugin=

cleanup() {
    local status=$?
    if [ -n "$plugin" ]; then
        kill -TERM "$plugin" 2> /dev/null || :
        wait "$plugin" || { echo "swiftletd: status $?"; status=1; }
    fi
    [ "$status" = 0 ] || { echo "what swiftletd said last:"; tail -n 40 "$work/plugin.log" || :; }
    rm -rf --one-file-system "$work" || status=1
    exit "$status"
}
trap cleanup EXIT

# An image of the host's busybox, as a `docker save` archive.
(
    mkdir -p "$work/image/fs/bin" "$work/image/fs/etc" "$work/image/fs/tmp"
    cd "$work/image"
    chmod 1777 fs/tmp
    cp /bin/busybox fs/bin/busybox
    for name in sh sleep true test touch rm; do ln -s busybox "fs/bin/$name"; done
    echo 'root:x:0:0:root:/:/bin/sh' > fs/etc/passwd
    echo 'root:x:0:' > fs/etc/group
    tar -C fs -cf layer.tar .
    diff=$(sha256sum layer.tar | cut -d' ' -f1)
    printf '{"architecture":"%s","os":"linux","config":{"Cmd":["sh"],"Env":["PATH=/bin"]},"rootfs":{"type":"layers","diff_ids":["sha256:%s"]}}' \
        "$(dpkg --print-architecture)" "$diff" > config.json
    echo '[{"Config":"config.json","RepoTags":["swiftlet/soak:1.0"],"Layers":["layer.tar"]}]' > manifest.json
    tar -cf ../image.tar manifest.json config.json layer.tar
)
"$bin/swiftlet" load "$work/image.tar"
"$bin/swiftletd" --state "$work/state" --socket "$work/run/d.sock" > "$work/plugin.log" 2>&1 < /dev/null &
plugin=$!
for _ in $(seq 200); do
    [ ! -S "$work/run/d.sock" ] || break
    kill -0 "$plugin" 2> /dev/null || break
    sleep 0.05
done
"$bin/mock-kubelet" load --socket "$work/run/d.sock" --root "$work/kubelet" --image swiftlet/soak:1.0 --kind mixed --pods "$pods" \
    --rate "$rate" --duration "$seconds" --delete-random "$deletions" --backoff-base 2000 --backoff-limit 30000
grep -E '^(VmRSS|VmHWM|Threads)' "/proc/$plugin/status"
