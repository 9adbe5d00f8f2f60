#!/bin/bash
# Pulling from a registry on loopback beside skopeo and umoci, on a tmpfs. usage: pull.sh DIRECTORY-OF-PROGRAMS [ROUNDS]
set -euo pipefail
bin=$(cd "$1" && pwd)
rounds=${2:-3}
dir=$(mktemp -d /dev/shm/swl-bench.XXXXXX)
pid=
cleanup() {
    [ -z "$pid" ] || kill "$pid" 2>/dev/null || :
    rm -rf --one-file-system "$dir"
}
trap cleanup EXIT
cd "$dir"
umoci init --layout image
umoci new --image image:1
for part in share include; do # two layers of many files
    umoci unpack --image image:1 bundle
    mkdir -p "bundle/rootfs/usr"
    cp -a "/usr/$part" "bundle/rootfs/usr/$part"
    umoci repack --image image:1 bundle
    rm -rf bundle
done > make.log 2>&1
umoci gc --layout image
port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
printf 'version: 0.1\nlog: {level: error, accesslog: {disabled: true}}\nstorage: {filesystem: {rootdirectory: %s/data}}\nhttp: {addr: 127.0.0.1:%s}\n' \
    "$dir" "$port" > config.yml
docker-registry serve config.yml > registry.log 2>&1 &
pid=$!
until (exec 3<> "/dev/tcp/127.0.0.1/$port") 2>/dev/null; do kill -0 $pid; done
skopeo --insecure-policy copy -q --dest-tls-verify=false oci:image:1 "docker://127.0.0.1:$port/bench:1"
rm -rf image
du -sm data | awk '{print "packed: " $1 " MB"}'
for _ in $(seq "$rounds"); do
    start=$(date +%s%N)
    skopeo --insecure-policy copy -q --src-tls-verify=false "docker://127.0.0.1:$port/bench:1" oci:peer:1
    umoci unpack --image peer:1 peer-bundle > /dev/null 2>&1
    middle=$(date +%s%N)
    rm -rf peer peer-bundle
    between=$(date +%s%N)
    /usr/bin/env time -f '%M' -o memory "$bin/swiftlet" --root "$dir/store" pull -q "127.0.0.1:$port/bench:1" > /dev/null
    end=$(date +%s%N)
    rm -rf store
    echo "skopeo copy and umoci unpack $(((middle - start) / 1000000)) ms, swiftlet pull $(((end - between) / 1000000)) ms ($(($(tail -n 1 memory) / 1024)) MiB at most)"
done
