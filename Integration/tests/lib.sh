# Shared by the integration tests: a scratch directory, real image archives, a containerd of the tests' own.
#
# A test file defines functions named test_*; each runs in a shell of its own with `set -e`. The first line of a test that
# cannot run here is `skip REASON`. What a file needs once is made by its function `prepare`, and taken down by `finish`.
#
# Provided: BIN (directory of the programs), SCRATCH (removed at the end), and the functions below.

fail() { echo "    $*" >&2; exit 1; }
skip() { echo "$*" > "$SCRATCH/skipped"; exit 77; }

# expect STATUS COMMAND…: runs it and compares its exit status; its output is in $out (stdout) and $err.
expect() {
    local wanted=$1 status=0
    shift
    "$@" > "$SCRATCH/out" 2> "$SCRATCH/err" < "${INPUT:-/dev/null}" || status=$?
    out=$(cat "$SCRATCH/out"); err=$(cat "$SCRATCH/err")
    [ "$status" = "$wanted" ] || fail "status $status instead of $wanted: $* | stdout: $out | stderr: $err"
}

# Of many lines only those that differ are shown, with a - if they are wanted.
same() {
    [ "$1" != "$2" ] || return 0
    case "$1$2" in
        *$'\n'*) fail "$(diff -U 1 --label wanted --label found <(printf '%s\n' "$2") <(printf '%s\n' "$1"))${3:+ ($3)}" ;;
        *) fail "'$1' instead of '$2'${3:+ ($3)}" ;;
    esac
}
contains() { case "$1" in *"$2"*) ;; *) fail "'$2' is not in: $1" ;; esac; }
one_line() { [ "$(printf '%s\n' "$1" | wc -l)" = 1 ] || fail "more than one line: $1"; }

# until SECONDS COMMAND…: tries again every 20 ms until it succeeds.
until_true() {
    local deadline=$(($(date +%s%N) + $1 * 1000000000))
    shift
    while ! "$@" > /dev/null 2>&1; do
        [ "$(date +%s%N)" -lt "$deadline" ] || fail "not within the time: $*"
        read -r -t 0.02 <> <(:) || :
    done
}

# A root file system of busybox at $1.
busybox_root() {
    mkdir -p "$1"/{bin,etc,tmp,root,proc,sys,dev}
    cp /bin/busybox "$1/bin/busybox"
    local applet
    for applet in $(/bin/busybox --list); do [ "$applet" = busybox ] || ln -sf busybox "$1/bin/$applet"; done
    printf 'root:x:0:0:root:/root:/bin/sh\nguest:x:405:100:guest:/tmp:/bin/sh\n' > "$1/etc/passwd"
    printf 'root:x:0:\nusers:x:100:\n' > "$1/etc/group"
    chmod 1777 "$1/tmp"
}

# The busybox image in its forms, once: $ARCHIVES/{layout,oci.tar,docker.tar,zstd}.
make_archives() {
    ARCHIVES=${ARCHIVES:-$SCRATCH/archives}
    [ ! -e "$ARCHIVES/done" ] || return 0
    mkdir -p "$ARCHIVES"
    (
        cd "$ARCHIVES"
        umoci init --layout layout
        umoci new --image layout:1.0
        umoci unpack --image layout:1.0 bundle
        busybox_root bundle/rootfs
        umoci repack --image layout:1.0 bundle
        umoci config --image layout:1.0 --config.cmd /bin/sh --config.env PATH=/bin --config.workingdir /
        rm -rf bundle
        umoci gc --layout layout
        skopeo copy -q oci:layout:1.0 oci-archive:oci.tar:swiftlet/busybox:tar
        skopeo copy -q oci:layout:1.0 docker-archive:docker.tar:swiftlet/busybox:docker
        skopeo copy -q --dest-compress-format zstd oci:layout:1.0 oci:zstd:1.0
        touch done
    ) > "$SCRATCH/archives.log" 2>&1 || { cat "$SCRATCH/archives.log" >&2; return 1; }
}

# An image of $1 layers with a file of its own in each, as a `docker save` archive at $2, called $3.
image_of_layers() {
    python3 - "$@" <<'PYTHON'
import hashlib, io, json, sys, tarfile
def tar(members):
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as archive:
        for name, content in members:
            info = tarfile.TarInfo(name)
            info.size, info.mode = len(content), 0o755
            archive.addfile(info, io.BytesIO(content))
    return out.getvalue()
count = int(sys.argv[1])
layers = [tar([("bin/busybox", open("/bin/busybox", "rb").read())])] + [tar([(f"f/{n}", b"x")]) for n in range(count - 1)]
diff_ids = ["sha256:" + hashlib.sha256(layer).hexdigest() for layer in layers]
config = json.dumps({"architecture": "", "os": "linux", "config": {"Cmd": ["/bin/busybox"]},
                     "rootfs": {"type": "layers", "diff_ids": diff_ids}}).encode()
name = hashlib.sha256(config).hexdigest() + ".json"
names = [f"{n}/layer.tar" for n in range(count)]
manifest = json.dumps([{"Config": name, "RepoTags": [sys.argv[3]], "Layers": names}]).encode()
open(sys.argv[2], "wb").write(tar([(name, config), ("manifest.json", manifest)] + list(zip(names, layers))))
PYTHON
}

# A containerd with its own root, state and socket; the shims are found through PATH.
start_containerd() {
    local at=$SCRATCH/c
    mkdir -p "$at"
    cat > "$at/config.toml" <<TOML
version = 2
root = "$at/root"
state = "$at/state"
disabled_plugins = ["io.containerd.grpc.v1.cri", "io.containerd.snapshotter.v1.btrfs", "io.containerd.snapshotter.v1.zfs",
  "io.containerd.snapshotter.v1.devmapper", "io.containerd.snapshotter.v1.aufs", "io.containerd.internal.v1.opt", "io.containerd.internal.v1.tracing"]
[grpc]
  address = "$at/c.sock"
[debug]
  level = "info"
TOML
    PATH="$BIN:$PATH" containerd --config "$at/config.toml" >> "$at/log" 2>&1 < /dev/null &
    echo $! > "$at/pid"
    until_true 20 ctr version
}

stop_containerd() {
    local pid
    pid=$(cat "$SCRATCH/c/pid" 2>/dev/null) || return 0
    kill "$pid" 2>/dev/null || :
    until_true 20 bash -c "! kill -0 $pid"
    rm -f "$SCRATCH/c/pid"
}

ctr() { command ctr -a "$SCRATCH/c/c.sock" "$@"; }

# What containers of these tests may have left on the host: shims, mounts below SCRATCH, cgroups, sockets.
# The arguments are names that cgroup directories would carry.
leftovers() {
    pgrep -f -a "^([^ ]*/)?containerd-shim-swiftlet-v2 .*" | grep -F -e "${1:-swl-}" || :
    grep -F "$SCRATCH" /proc/self/mountinfo | grep -vF "$SCRATCH/keep" | awk '{print "mount " $5}' || :
    local name
    for name in "$@"; do find /sys/fs/cgroup -type d -name "*$name*" 2>/dev/null | sed 's/^/cgroup /'; done
}

# guest SECONDS MEGABYTES ARGUMENT…: the kernel of user-mode Linux over this machine's files, what it says in $SCRATCH/uml/console.
guest() {
    command -v linux.uml > /dev/null || skip "needs user-mode-linux"
    local seconds=$1 megabytes=$2 compiler
    shift 2
    # On a processor with AMX it runs nothing without help.
    compiler=$(command -v clang || command -v cc || :)
    if [ -n "$compiler" ] && [ ! -e "$SCRATCH/uml/xstate.so" ]; then
        "$compiler" -O1 -shared -fPIC -o "$SCRATCH/uml/xstate.so" Integration/uml/xstate.c
    fi
    env ${compiler:+LD_PRELOAD="$SCRATCH/uml/xstate.so"} timeout --kill-after 5 "$seconds" linux.uml mem="${megabytes}M" rootfstype=hostfs \
        rootflags=/ rw init="$SCRATCH/uml/init" "$@" con=null con0=null,fd:1 umid="swl-$$-$RANDOM" > "$SCRATCH/uml/console" 2>&1 < /dev/null
}

# boot [SECONDS [MEGABYTES]]: user-mode Linux over this machine's files, with cgroup v2 alone. Runs $SCRATCH/uml/job there, and comes
# back with what that printed in $SCRATCH/uml/out and its exit status in $SCRATCH/uml/status.
boot() {
    rm -f "$SCRATCH/uml/status"
    cat > "$SCRATCH/uml/init" <<INIT
#!/bin/bash
export PATH=/usr/sbin:/usr/bin:/sbin:/bin
mount -t proc proc /proc && mount -t sysfs sysfs /sys && mount -t cgroup2 cgroup2 /sys/fs/cgroup && mount -t tmpfs tmpfs /run
bash "$SCRATCH/uml/job" > "$SCRATCH/uml/out" 2>&1
echo \$? > "$SCRATCH/uml/status"
/bin/busybox poweroff -f
INIT
    chmod +x "$SCRATCH/uml/init"
    local try
    for try in 1 2; do # this kernel does not come up every time on a busy machine
        guest "${1:-60}" "${2:-512}" || :
        [ ! -e "$SCRATCH/uml/status" ] || return 0
    done
    fail "it did not come up and finish: $(tail -n 5 "$SCRATCH/uml/console") $(tail -n 5 "$SCRATCH/uml/out" 2>/dev/null)"
}

# A criu that says what it was asked for ($SCRATCH/criu.asked) and does what its protocol says, without looking into any process.
stand_in_criu() {
    cat > "$SCRATCH/criu" <<'PY'
#!/usr/bin/python3
import ctypes, json, os, signal, socket, struct, sys
def varint(data, at):
    value = shift = 0
    while True:
        byte = data[at]; at += 1; value |= (byte & 127) << shift; shift += 7
        if byte < 128: return value, at
def fields(data):
    at, found = 0, []
    while at < len(data):
        key, at = varint(data, at)
        if key & 7 == 0: value, at = varint(data, at)
        else:
            size, at = varint(data, at); value, at = data[at:at + size], at + size
        found.append((key >> 3, value))
    return found
def number(value): return bytes([value & 127 | 128]) + number(value >> 7) if value > 127 else bytes([value])
def put(field, value):
    if isinstance(value, int): return number(field << 3) + number(value)
    return number(field << 3 | 2) + number(len(value)) + value
assert sys.argv[1:] == ["swrk", "3"], sys.argv
peer = socket.socket(fileno=3)
caller = struct.unpack("3i", peer.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12))[0]
request = dict(fields(peer.recv(65536)))
kind, options = request[1], fields(request[2])
def every(name): return [dict(fields(value)) for field, value in options if field == name]
def one(name): return next((value for field, value in options if field == name), None)
images = os.open(f"/proc/{caller}/fd/{one(1)}", os.O_RDONLY)
json.dump({"kind": kind, "numbers": {field: value for field, value in options if isinstance(value, int)}, "root": one(13).decode(),
    "mounts": {pair[1].decode(): pair[2].decode() for pair in every(23)}, "groups": {pair[1].decode(): pair[2].decode() for pair in every(25)},
    "files": os.listdir(images), "inside": os.listdir(one(13).decode()), "own": open("/proc/self/cgroup").read(),
    "fds": {pair[1].decode(): os.readlink(f"/proc/self/fd/{pair[2]}") for pair in every(27)}}, open(sys.argv[0] + ".asked", "w"))
def notify(script, pid=0):
    peer.send(put(1, 6) + put(2, 1) + put(5, put(1, script) + put(2, pid)))
    assert dict(fields(peer.recv(4096))) == {1: 6, 3: 1}
if kind == 1:
    notify(b"post-dump")
    os.close(os.open("pages", os.O_CREAT | os.O_WRONLY, 0o600, dir_fd=images))
    if not one(3): os.kill(one(2), signal.SIGKILL)
    peer.send(put(1, 1) + put(2, 1) + put(3, put(1, 0)))
elif kind == 2:
    child = ctypes.CDLL(None).syscall(56, 0x8000 | signal.SIGCHLD, 0, 0, 0, 0)  # CLONE_PARENT
    if child == 0: os.execv("/bin/sh", ["sh", "-c", "trap 'exit 9' TERM; while :; do sleep 1000 & wait $!; done"])
    notify(b"setup-namespaces", child)
    notify(b"post-restore", child)
    peer.send(put(1, 2) + put(2, 1) + put(4, put(1, child)))
else:
    os.write(os.open("dump.log", os.O_CREAT | os.O_WRONLY, 0o600, dir_fd=images), b"all well\nError (stand-in): no such kind\nbye\n")
    peer.send(put(1, 4) + put(2, 0))
PY
    chmod +x "$SCRATCH/criu"
    CRIU_ASKED=$SCRATCH/criu.asked
}

# The messages of CRI in Python, once, for the scenarios behind the gRPC front (Integration/front).
cri_messages() {
    /usr/bin/python3 -c "import grpc, google.protobuf" 2> /dev/null && command -v protoc > /dev/null || skip "needs python3-grpcio, python3-protobuf and protoc"
    mkdir -p "$SCRATCH/keep-py"
    protoc -I proto --python_out="$SCRATCH/keep-py" proto/runtime/v1/api.proto proto/runtime/v1/api_service.proto
}
export PYTHONPATH=$SCRATCH/keep-py:$PWD/Integration/front PYTHONDONTWRITEBYTECODE=1
