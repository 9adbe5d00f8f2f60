#!/bin/bash
# The three images that images.sh measures with, as OCI layouts in tars: debian.tar (Debian minbase and changes, layered by umoci),
# usr.tar (one layer of more than 1 GB out of /usr), small.tar (one layer of 100 000 small files); and the single layers as usr.gz,
# usr.zst and small.gz.
# usage: make-images.sh DIRECTORY   (what is there already is kept)
set -euo pipefail
at=$1
mkdir -p "$at"
cd "$at"

# layout NAME PACKED PLAIN-DIGEST MEDIA-TYPE: an image layout NAME/ and NAME.tar of that one layer.
layout() {
    python3 - "$@" <<'PYTHON'
import hashlib, json, os, shutil, sys
name, packed, diff_id, media = sys.argv[1:]
blobs = f"{name}/blobs/sha256"
os.makedirs(blobs)
def blob(document):
    data = json.dumps(document).encode()
    digest = hashlib.sha256(data).hexdigest()
    open(f"{blobs}/{digest}", "wb").write(data)
    return {"digest": f"sha256:{digest}", "size": len(data)}
digest = hashlib.file_digest(open(packed, "rb"), "sha256").hexdigest() if hasattr(hashlib, "file_digest") else \
    os.popen(f"sha256sum {packed}").read().split()[0]
os.link(packed, f"{blobs}/{digest}")
arch = {"x86_64": "amd64", "aarch64": "arm64"}[os.uname().machine]
config = blob({"architecture": arch, "os": "linux", "config": {}, "rootfs": {"type": "layers", "diff_ids": [f"sha256:{diff_id}"]}})
config["mediaType"] = "application/vnd.oci.image.config.v1+json"
layer = {"mediaType": media, "digest": f"sha256:{digest}", "size": os.stat(packed).st_size}
manifest = blob({"schemaVersion": 2, "mediaType": "application/vnd.oci.image.manifest.v1+json", "config": config, "layers": [layer]})
manifest["mediaType"] = "application/vnd.oci.image.manifest.v1+json"
manifest["annotations"] = {"org.opencontainers.image.ref.name": "1", "io.containerd.image.name": f"docker.io/bench/{name}:1"}
json.dump({"schemaVersion": 2, "manifests": [manifest]}, open(f"{name}/index.json", "w"))
open(f"{name}/oci-layout", "w").write('{"imageLayoutVersion":"1.0.0"}')
PYTHON
    tar -cf "$1.tar" -C "$1" .
}

single() { # NAME DIRECTORY PATH…: NAME.gz, its layout and archive
    local name=$1 from=$2 plain
    shift 2
    plain=$(tar --sort=name --numeric-owner --hard-dereference -C "$from" -cf - "$@" 2>/dev/null \
        | tee >(gzip -n > "$name.gz") | sha256sum | cut -d ' ' -f 1)
    while ! gzip -t "$name.gz" 2>/dev/null; do read -r -t 0.2 <> <(:) || :; done
    layout "$name" "$name.gz" "$plain" application/vnd.oci.image.layer.v1.tar+gzip
}

if [ ! -e usr.tar ]; then
    rm -rf usr
    single usr / usr/share usr/include usr/lib/x86_64-linux-gnu usr/libexec
fi
if [ ! -e zst.tar ]; then
    rm -rf zst
    gzip -dc usr.gz | zstd -q -3 -o usr.zst
    layout zst usr.zst "$(gzip -dc usr.gz | sha256sum | cut -d ' ' -f 1)" application/vnd.oci.image.layer.v1.tar+zstd
fi
if [ ! -e small.tar ]; then
    rm -rf small files
    python3 - <<'PYTHON'
import os
for n in range(100_000):
    directory = f"files/d{n // 1000:03}/e{n // 50 % 20:02}"
    if n % 50 == 0: os.makedirs(directory)
    with open(f"{directory}/file-{n:06}.txt", "w") as file: file.write(f"{n} " * (n % 60))
PYTHON
    single small . files
    rm -rf files
fi
if [ ! -e debian.tar ]; then
    rm -rf debian bundle root
    cache=/var/tmp/swiftlet-test-cache/debian
    if [ ! -e "$cache/.complete" ]; then
        mirror=$(apt-get indextargets --format '$(REPO_URI) $(RELEASE)' 'Created-By: Packages' | awk -v r="$(. /etc/os-release; echo "$VERSION_CODENAME")" '$2 == r {print $1; exit}')
        mkdir -p "${cache%/*}"
        rm -rf "$cache"
        debootstrap --variant=minbase "$(. /etc/os-release; echo "$VERSION_CODENAME")" "$cache" "$mirror" > debootstrap.log
        touch "$cache/.complete"
    fi
    umoci init --layout debian
    umoci new --image debian:1
    add() { # COMMANDS: a further layer
        rm -rf bundle
        umoci unpack --image debian:1 bundle 2> umoci.log
        (cd bundle/rootfs && eval "$1")
        umoci repack --image debian:1 bundle 2> umoci.log
    }
    add "cp -a '$cache/.' . && rm -f .complete"
    add 'rm -rf usr/share/doc usr/share/man var/cache/apt/archives/*.deb'
    add 'mkdir -p srv/app && cp -a usr/share/perl* srv/app/ && for n in $(seq 2000); do echo "$n" > "srv/app/data-$n"; done'
    add 'rm -r srv/app/data-1*; chmod -R go-rwx srv/app; mkdir -p opt/tool && cp -a usr/bin/p* opt/tool/'
    add 'rm -rf usr/share/zoneinfo; mkdir usr/share/zoneinfo; echo x > usr/share/zoneinfo/UTC; ln -s ../srv/app opt/app; echo last > etc/motd'
    umoci config --image debian:1 --config.cmd /bin/sh
    rm -rf bundle
    umoci gc --layout debian 2> umoci.log
    jq -c '.manifests[].annotations["io.containerd.image.name"] = "docker.io/bench/debian:1"' debian/index.json > index.new
    mv index.new debian/index.json
    tar -cf debian.tar -C debian .
fi
