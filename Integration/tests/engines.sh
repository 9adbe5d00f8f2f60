# Shared by the tests of engines (7*.sh): a world of their own, and the runtime under test.
#
# RUNTIME_UNDER_TEST names the runtime that the engines are given: swiftlet-oci (the default, taken from $BIN), or any other by name or path.
# With `RUNTIME_UNDER_TEST=runc` a test that fails there too shows what the host does not have, not what the runtime lacks.
#
# An engine runs in a mount and a network namespace of the tests' own (its bridges, firewall rules, pinned namespaces and mounts are not the
# host's), with an empty /run and with /etc and /var/lib that can be written to and forget it. The control groups are the host's.
# $WORLD holds what it writes; everything there goes with the world.

WORLD=$SCRATCH/world
OWN=engines-${SCRATCH##*.} # of control groups and namespaces of this run alone
RUNTIME_UNDER_TEST=${RUNTIME_UNDER_TEST:-swiftlet-oci}
case $RUNTIME_UNDER_TEST in
    swiftlet-oci) RUNTIME_PATH=$BIN/swiftlet-oci ;;
    *) RUNTIME_PATH=$(command -v "$RUNTIME_UNDER_TEST") ;;
esac
RUNTIME_NAME=${RUNTIME_PATH##*/}

# A test that holds for the runtime here and not for every other.
for_swiftlet_only() { [ "$RUNTIME_NAME" = swiftlet-oci ] || skip "$1"; }

needs() { local name; for name in "$@"; do [ -n "$(command -v "$name")" ] || skip "needs $name"; done; }

open_world() {
    mkdir -p "$WORLD/private"
    rm -f "$WORLD/pid"
    chmod 711 "$SCRATCH" "$WORLD" # root of a user namespace goes through here
    unshare -m -n --propagation private bash -euc '
        cd /
        mount --bind "$0" "$0"
        mount -t tmpfs tmpfs "$0/private"
        for place in etc var/lib; do
            mkdir -p "$0/private/$place/"{upper,work}
            mount -t overlay overlay -o "lowerdir=/$place,upperdir=$0/private/$place/upper,workdir=$0/private/$place/work" "/$place"
        done
        mount -t tmpfs -o mode=755 tmpfs /run
        mount --make-rshared /
        ip link set lo up
        echo 1 > /proc/sys/net/ipv4/ip_forward
        echo $$ > "$0/pid.new"
        mv "$0/pid.new" "$0/pid"
        exec sleep infinity' "$WORLD" > "$WORLD/log" 2>&1 < /dev/null &
    until_true 10 test -s "$WORLD/pid"
}

close_world() {
    local pid
    pid=$(cat "$WORLD/pid" 2> /dev/null) || return 0
    kill "$pid"
    until_true 10 bash -c "! kill -0 $pid"
    rm -f "$WORLD/pid"
}

# A command in the world; paths are absolute there.
inside() { nsenter -m -n -t "$(cat "$WORLD/pid")" -- "$@"; }

# What containers may have left: processes in the world or with its directory on their command line, mounts below it, state, control groups
# named so. SERVERS and KEPT_MOUNTS are patterns of what the engine itself keeps.
engine_leftovers() {
    local name holder
    holder=$(cat "$WORLD/pid")
    engine_processes "$holder" | grep -vE "${SERVERS:-nothing-else}" | sed 's/^/process /' || :
    awk -v world="$WORLD/" 'index($5, world) == 1 && $5 !~ /\/private$/ {print "mount " $5}' "/proc/$holder/mountinfo" | grep -vE "${KEPT_MOUNTS:-nothing-else}" || :
    inside find "/run/$RUNTIME_NAME" "/run/containerd/runc/$OWN" "$WORLD/exec"/runtime-*/moby -mindepth 1 2> /dev/null | sed 's/^/state /' || :
    for name in "$@"; do find /sys/fs/cgroup -type d -name "*$name*" 2> /dev/null | sed 's/^/cgroup /'; done
}
engine_processes() {
    local pid own
    own=$(readlink "/proc/$1/ns/mnt")
    { find /proc/[0-9]*/ns/mnt -lname "${own//[/\\[}"; grep -lF "$WORLD/" /proc/[0-9]*/cmdline; } 2> /dev/null | cut -d / -f 3 | sort -un | while read -r pid; do
        [ "$pid" = "$1" ] || [ "$pid" = $$ ] || echo "$pid $({ tr '\0' ' ' < "/proc/$pid/cmdline"; } 2> /dev/null)"
    done
}

# What ends by itself has a moment for it.
nothing_left() {
    (until_true 5 is_clean "$@") 2> /dev/null || :
    same "$(engine_leftovers "$@")" "" "left behind"
}
is_clean() { [ -z "$(engine_leftovers "$@")" ]; }

# Ends what is left in the control groups of that name and removes them.
clear_groups() {
    local place pid
    for place in $(find /sys/fs/cgroup -type d -name "$1" 2> /dev/null); do
        for pid in $(find "$place" -name cgroup.procs -exec cat {} +); do kill -KILL "$pid" 2> /dev/null || :; done
        until_true 10 remove_groups "$place"
    done
}
remove_groups() { [ ! -e "$1" ] || find "$1" -depth -type d -exec rmdir {} +; }
