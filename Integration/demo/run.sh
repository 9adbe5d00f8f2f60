#!/bin/bash
# run.sh [DIRECTORY OF THE PROGRAMS]
#
# A pod of two containers from a real image: umoci makes an image of Debian's busybox, `swiftlet load` stores it, swiftletd
# runs it for the mock kubelet. Everything lives in a directory of its own and is gone at the end. Status 0 only if both
# containers ended as the manifest expects and nothing is left: no process, mount, cgroup or socket.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
bin=$(cd "${1:-$here/../../.build/release}" && pwd)
work=$(mktemp -d "${TMPDIR:-/tmp}/swiftlet-demo.XXXXXX")
export SWIFTLET_ROOT=$work/root SWIFTLET_SOCKET_DIR=$work/shims SWIFTLET_SHIM=$bin/containerd-shim-swiftlet-v2 SWIFTLET_NETWORK=loopback
plugin=

say() { printf '\n== %s\n' "$*"; }

# swiftletd ends on SIGTERM; nothing else here outlives it.
stop_plugin() {
    [ -n "$plugin" ] || return 0
    kill -TERM "$plugin" 2>/dev/null || :
    wait "$plugin" || { echo "swiftletd: status $?"; return 1; }
    plugin=
}

cleanup() {
    local status=$?
    stop_plugin || status=1
    rm -rf --one-file-system "$work" || status=1
    exit "$status"
}
trap cleanup EXIT

cgroups() { find /sys/fs/cgroup -type d 2>/dev/null | grep -E '[0-9a-f]{64}' | sort || :; }

# Every process that has to do with our directory, by its arguments, environment or working directory.
processes() {
    local entry
    for entry in /proc/[0-9]*; do
        [ "${entry#/proc/}" != "$$" ] && [ "${entry#/proc/}" != "$BASHPID" ] || continue
        if [[ "$(readlink "$entry/cwd" 2>/dev/null)" == "$work"* ]] || tr '\0' '\n' 2>/dev/null < "$entry/environ" | grep -qxF "SWIFTLET_ROOT=$SWIFTLET_ROOT"; then
            echo "process ${entry#/proc/}: $(tr '\0' ' ' 2>/dev/null < "$entry/cmdline" || :)"
        fi
    done
}

say "an image of $(busybox 2>&1 | sed -n '1s/ multi-call.*//p')"
(
    cd "$work"
    umoci init --layout layout
    umoci new --image layout:1.0
    umoci unpack --image layout:1.0 bundle
    root=bundle/rootfs
    mkdir -p $root/{bin,etc,tmp,root,proc,sys,dev}
    cp /bin/busybox $root/bin/busybox
    for applet in $(/bin/busybox --list); do [ "$applet" = busybox ] || ln -s busybox "$root/bin/$applet"; done
    printf 'root:x:0:0:root:/root:/bin/sh\nweb:x:405:100:web:/tmp:/bin/sh\n' > $root/etc/passwd
    printf 'root:x:0:\nusers:x:100:\n' > $root/etc/group
    chmod 1777 $root/tmp
    umoci repack --image layout:1.0 bundle
    umoci config --image layout:1.0 --config.cmd /bin/sh --config.env PATH=/bin
    rm -rf bundle
    tar -C layout -cf image.tar .
) > "$work/image.log" 2>&1 || { cat "$work/image.log"; exit 1; }
"$bin/swiftlet" load --name swiftlet/demo:1.0 "$work/image.tar"

say "the pod"
cgroups > "$work/cgroups.before"
"$bin/swiftletd" --state "$work/state" --socket "$work/plugin/swiftletd.sock" > "$work/plugin.log" 2>&1 < /dev/null &
plugin=$!
for _ in $(seq 100); do
    [ ! -S "$work/plugin/swiftletd.sock" ] || break
    kill -0 "$plugin" 2>/dev/null || break
    sleep 0.1
done
status=0
"$bin/mock-kubelet" --once --timeout 120 --socket "$work/plugin/swiftletd.sock" --manifests "$here/pods" --root "$work/kubelet" || status=$?
stop_plugin || status=1
[ "$status" = 0 ] || { say "what swiftletd said"; cat "$work/plugin.log"; }

say "what is left"
left=$(
    processes
    awk -v work="$work" 'index($5, work) == 1 { print "mount " $5 }' /proc/self/mountinfo
    cgroups | comm -13 "$work/cgroups.before" - | sed 's/^/cgroup /'
    find "$work/state/pods" "$work/state/containers" "$work/shims" "$work/kubelet" -mindepth 1 2>/dev/null | sed 's/^/file /'
)
echo "${left:-nothing}"
[ -z "$left" ] || status=1
exit "$status"
