#!/bin/bash
# containerd 1.6 with io.containerd.swiftlet.v2 on a host with cgroup v2 alone: user-mode Linux over this machine's files

prepare() {
    make_archives
    mkdir -p "$SCRATCH/uml"
    cat > "$SCRATCH/uml/config.toml" <<TOML
version = 2
root = "/run/c/root"
state = "/run/c/state"
disabled_plugins = ["io.containerd.grpc.v1.cri", "io.containerd.snapshotter.v1.btrfs", "io.containerd.snapshotter.v1.zfs", "io.containerd.snapshotter.v1.devmapper",
  "io.containerd.snapshotter.v1.aufs", "io.containerd.snapshotter.v1.overlayfs", "io.containerd.internal.v1.opt", "io.containerd.internal.v1.tracing"]
[grpc]
  address = "/run/c.sock"
TOML
}

# The same life of a container set up by the built-in executor and by crun, which runs on no host that has version 1 as well.
test_the_built_in_executor_and_crun_under_containerd_on_cgroup_v2() {
    command -v crun > /dev/null || skip "needs crun"
    cat > "$SCRATCH/uml/job" <<JOB
export PATH=$BIN:\$PATH
ip link set lo up 2> /dev/null
containerd --config "$SCRATCH/uml/config.toml" > /run/log 2>&1 < /dev/null &
for i in \$(seq 600); do ctr -a /run/c.sock version > /dev/null 2>&1 && break; sleep 0.1; done
cr() { ctr -a /run/c.sock "\$@"; }
run() { cr run --snapshotter native --runtime io.containerd.swiftlet.v2 --runtime-config-path /run/options.toml "\$@"; }
cr image import --snapshotter native "$ARCHIVES/docker.tar" > /dev/null
for line in '' 'BinaryName = "crun"'; do
    echo "\$line" > /run/options.toml
    echo "[\$line]"
    run --rm docker.io/swiftlet/busybox:docker opt-exit sh -c 'echo out; exit 7'; echo "exit \$?"
    run -d --memory-limit 67108864 docker.io/swiftlet/busybox:docker opt-life sleep 1000; echo "run \$?"
    cr task exec --exec-id e1 opt-life sh -c 'exit 3'; echo "exec \$?"
    cr task metrics opt-life | awk '\$1 == "memory.usage_limit" || \$1 == "pids.current" {print \$1}' | sort
    cr task pause opt-life; cr task ls | awk '\$1 == "opt-life" {print \$3}'
    cr task resume opt-life; cr task ls | awk '\$1 == "opt-life" {print \$3}'
    cr task kill -s KILL opt-life
    for i in \$(seq 100); do cr task ls | grep -q STOPPED && break; sleep 0.1; done
    cr task rm opt-life 2>&1 | grep -o 'exit code 137'
    cr container rm opt-life
    pgrep -f 'shim-swiftlet-v2 .*opt-'
    find /sys/fs/cgroup -type d -name '*opt-*'
done
# The clock jumps: nothing waits longer or gives up sooner for it.
: > /run/options.toml
run -d docker.io/swiftlet/busybox:docker opt-clock sh -c 'sleep 2; exit 4'
date -s "\$(date -d '+1 day' '+%F %T')" > /dev/null
cr task exec --exec-id e2 opt-clock sh -c 'exit 5'; echo "exec \$?"
date -s "\$(date -d '-2 days' '+%F %T')" > /dev/null
for i in \$(seq 100); do cr task ls | grep -q STOPPED && break; sleep 0.1; done
cr task rm opt-clock 2>&1 | grep -o 'exit code 4'
grep -i 'level=error' /run/log
JOB
    boot 150 1024
    local life="out
exit 7
run 0
exec 3
memory.usage_limit
pids.current
PAUSED
RUNNING
exit code 137"
    same "$(cat "$SCRATCH/uml/out")" "[]
$life
[BinaryName = \"crun\"]
$life
exec 5
exit code 4"
}
