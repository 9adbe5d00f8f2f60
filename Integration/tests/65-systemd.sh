#!/bin/bash
# systemd as the maker of cgroups: the real one, as the first process of a user-mode Linux over this machine's files

# Boots systemd with the arguments $1… for the kernel, and nothing of the machine's own units. The job is a service of it.
boot_systemd() {
    [ -x /lib/systemd/systemd ] || skip "needs systemd"
    rm -f "$SCRATCH/uml/status" "$SCRATCH/uml/out"
    cat > "$SCRATCH/uml/job-and-off" <<JOB
export PATH=/usr/sbin:/usr/bin:/sbin:/bin
bash "$SCRATCH/uml/job" > "$SCRATCH/uml/out" 2>&1 < /dev/null
echo \$? > "$SCRATCH/uml/status"
/bin/busybox poweroff -f
JOB
    cat > "$SCRATCH/uml/init" <<INIT
#!/bin/bash
export PATH=/usr/sbin:/usr/bin:/sbin:/bin
mount -t proc proc /proc && mount -t sysfs sysfs /sys && mount -t tmpfs -o mode=755 tmpfs /run
units=/run/systemd/system
mkdir -p \$units /run/dbus
printf '[Unit]\nDefaultDependencies=no\nWants=job.service\n' > \$units/job.target
printf '[Unit]\nDefaultDependencies=no\n[Service]\nExecStart=/bin/bash $SCRATCH/uml/job-and-off\n' > \$units/job.service
printf '[Unit]\nDefaultDependencies=no\n[Socket]\nListenStream=/run/dbus/system_bus_socket\n' > \$units/dbus.socket
printf '[Unit]\nDefaultDependencies=no\nRequires=dbus.socket\n[Service]\nExecStart=/usr/bin/dbus-daemon %s\n' \
    '--system --address=systemd: --nofork --nopidfile --systemd-activation' > \$units/dbus.service
# The words for the kernel again: in what it takes for a container systemd looks for them here.
exec /lib/systemd/systemd --unit=job.target --log-target=console $*
INIT
    chmod +x "$SCRATCH/uml/init"
    local try
    for try in 1 2; do # this kernel does not come up every time on a busy machine
        guest 120 512 systemd.machine_id=00000000000000000000000000000001 "$@" || :
        [ ! -e "$SCRATCH/uml/status" ] || return 0
    done
    fail "it did not come up and finish: $(tail -n 5 "$SCRATCH/uml/console") $(tail -n 5 "$SCRATCH/uml/out" 2> /dev/null)"
}

bundle() {
    mkdir -p "$SCRATCH/uml/bundle"
    busybox_root "$SCRATCH/uml/bundle/rootfs"
    (
        cd "$SCRATCH/uml/bundle" && rm -f config.json && runc spec
        jq '.process.terminal = false | .process.args = ["sleep", "1000"] | .linux.resources += {
            "memory": {"limit": 33554432, "reservation": 16777216}, "pids": {"limit": 25},
            "cpu": {"quota": 50000, "period": 100000, "shares": 1024}} | '"${1:-.}" config.json > new && mv new config.json
    )
    cat > "$SCRATCH/uml/job" <<JOB
oci() { "$BIN/swiftlet-oci" --root /run/oci --systemd-cgroup "\$@"; }
run() { oci run --detach --bundle "$SCRATCH/uml/bundle" "\$@" < /dev/null > /dev/null; }
show() { systemctl show "\$@" | sort; }
JOB
}

test_a_container_is_a_scope_of_systemd_with_its_limits() {
    bundle '.annotations = {"org.systemd.property.TimeoutStopSec": "uint64 7", "org.systemd.property.CollectMode": "'"'inactive-or-failed'"'"}'
    cat >> "$SCRATCH/uml/job" <<'JOB'
run c1
properties=Slice,Delegate,DefaultDependencies,MemoryMax,MemoryLow,TasksMax,CPUWeight,CPUQuotaPerSecUSec,CPUQuotaPeriodUSec
properties+=,DevicePolicy,TimeoutStopUSec,CollectMode,ActiveState,ControlGroup,MemoryAccounting,CPUAccounting,IOAccounting,TasksAccounting
show swiftlet-c1.scope -p $properties
at=/sys/fs/cgroup/system.slice/swiftlet-c1.scope
cd $at && cat memory.max memory.low pids.max cpu.max cpu.weight && wc -l < cgroup.procs && cd /
oci exec c1 cat /proc/self/cgroup
oci delete --force c1
show swiftlet-c1.scope -p LoadState
ls -d $at 2> /dev/null
JOB
    boot_systemd
    same "$(cat "$SCRATCH/uml/out")" "ActiveState=active
CPUAccounting=yes
CPUQuotaPerSecUSec=500ms
CPUQuotaPeriodUSec=100ms
CPUWeight=100
CollectMode=inactive-or-failed
ControlGroup=/system.slice/swiftlet-c1.scope
DefaultDependencies=no
Delegate=yes
DevicePolicy=strict
IOAccounting=yes
MemoryAccounting=yes
MemoryLow=16777216
MemoryMax=33554432
Slice=system.slice
TasksAccounting=yes
TasksMax=25
TimeoutStopUSec=7s
33554432
16777216
25
50000 100000
100
1
0::/system.slice/swiftlet-c1.scope
LoadState=not-found"
}

test_systemd_shows_the_same_of_a_container_as_it_does_of_runcs() {
    bundle '.linux.cgroupsPath = "machine-some.slice:any:X"'
    cat >> "$SCRATCH/uml/job" <<'JOB'
bundle=$(dirname "$0")/bundle
of() { # the properties that neither time nor the name makes different
    systemctl show "$1" | sort | grep -vE '^(Id|Names|Description|ControlGroup|.*Timestamp.*|InvocationID|CPUUsageNSec|Memory(Current|Available)|TasksCurrent|DeviceAllow|IO.*|FragmentPath|DropInPaths|NeedDaemonReload|ControlGroupId|EffectiveMemoryNodes|CPUWeight)='
}
sed -i 's/any:[^"]*/any:ours/' "$bundle/config.json" && run ours
sed -i 's/any:[^"]*/any:runcs/' "$bundle/config.json"
runc --root /run/runc --systemd-cgroup run --detach --bundle "$bundle" runcs < /dev/null > /dev/null 2>&1
systemctl show -p ControlGroup any-ours.scope any-runcs.scope
of any-ours.scope > /run/ours
of any-runcs.scope > /run/runcs
wc -l < /run/ours | awk '{ print ($1 > 50) }'
diff /run/ours /run/runcs
JOB
    boot_systemd
    same "$(cat "$SCRATCH/uml/out")" "ControlGroup=/machine.slice/machine-some.slice/any-ours.scope

ControlGroup=/machine.slice/machine-some.slice/any-runcs.scope
1"
}

test_new_limits_reach_systemd_and_what_it_writes_again_is_the_same() {
    bundle '.linux.devices = [{"path": "/dev/kmsg", "type": "c", "major": 1, "minor": 11}]'
    cat >> "$SCRATCH/uml/job" <<'JOB'
run c1
at=/sys/fs/cgroup/system.slice/swiftlet-c1.scope
both() { show swiftlet-c1.scope -p MemoryMax,TasksMax,CPUQuotaPerSecUSec; (cd $at && cat memory.max pids.max cpu.max); }
oci update --memory 67108864 --pids-limit 50 --cpu-quota 20000 c1
both
oci update --cpu-period 50000 c1
echo '{"unified": {"memory.high": "16777216"}}' | oci update --resources - c1
show swiftlet-c1.scope -p MemoryHigh
systemctl daemon-reload
both
cat $at/memory.high
# Devices stay closed, and those of every container open, whatever systemd does.
oci exec c1 sh -c '[ -c /dev/kmsg ] && true < /dev/null && ! true < /dev/kmsg' 2> /dev/null && echo closed
JOB
    boot_systemd
    same "$(cat "$SCRATCH/uml/out")" "CPUQuotaPerSecUSec=200ms
MemoryMax=67108864
TasksMax=50
67108864
50
20000 100000
MemoryHigh=16777216
CPUQuotaPerSecUSec=400ms
MemoryMax=67108864
TasksMax=50
67108864
50
20000 50000
16777216
closed"
}

test_what_fails_leaves_no_unit_and_a_failed_unit_of_the_name_is_in_nobodys_way() {
    bundle
    cat >> "$SCRATCH/uml/job" <<'JOB'
bundle=$(dirname "$0")/bundle
cp "$bundle/config.json" "$bundle/good"
try() { jq "$1" "$bundle/good" > "$bundle/config.json" && run "c$2"; echo "status $?"; }
try '.process.args = ["no-such-program"]' 1
try '.linux.cgroupsPath = "/a/b"' 2
try '.annotations = {"org.systemd.property.SuccessAction": "'"'poweroff-force'"'"}' 3
try '.linux.resources.unified = {"memory.nothing": "1"}' 4
systemctl list-units --all --plain --no-legend 'swiftlet-*'
ls -d /sys/fs/cgroup/*/swiftlet-* 2> /dev/null
systemd-run --scope --quiet --unit swiftlet-c5 -p RuntimeMaxSec=1 -p DefaultDependencies=no sleep 1000 > /dev/null 2>&1 || :
show swiftlet-c5.scope -p ActiveState
try . 5
show swiftlet-c5.scope -p ActiveState
JOB
    boot_systemd
    same "$(grep -v '^swiftlet-oci: \|^time=\|Terminated' "$SCRATCH/uml/out")" "status 1
status 1
status 1
status 1
ActiveState=failed
status 0
ActiveState=active"
    contains "$(cat "$SCRATCH/uml/out")" "linux.cgroupsPath: slice:prefix:name expected with systemd, found /a/b"
    contains "$(cat "$SCRATCH/uml/out")" "annotations.org.systemd.property.SuccessAction: is not a property that a container may set"
}

test_a_name_is_free_as_soon_as_its_container_is_deleted() {
    bundle
    cat >> "$SCRATCH/uml/job" <<'JOB'
times=0
while [ $times -lt 15 ] && run c1 && oci delete --force c1; do
    [ "$(show swiftlet-c1.scope -p LoadState)" = LoadState=not-found ] || echo "the unit is still there"
    times=$((times + 1))
done
echo $times
JOB
    boot_systemd
    same "$(cat "$SCRATCH/uml/out")" 15
}

test_systemd_is_found_on_the_system_bus_too() {
    command -v dbus-daemon > /dev/null || skip "needs dbus"
    bundle
    cat >> "$SCRATCH/uml/job" <<'JOB'
systemctl start dbus.service
deadline=$((SECONDS + 30))
until busctl list 2> /dev/null | grep -q '^org.freedesktop.systemd1 '; do [ $SECONDS -lt $deadline ] || exit 1; done
export DBUS_SYSTEM_BUS_ADDRESS=unix:path=/run/dbus/system_bus_socket
mv /run/systemd/private /run/systemd/elsewhere
run c1; echo "status $?"
cat /sys/fs/cgroup/system.slice/swiftlet-c1.scope/memory.max
oci update --memory 67108864 c1
oci delete --force c1; echo "delete $?"
unset DBUS_SYSTEM_BUS_ADDRESS
run c2; echo "status $?"
mv /run/systemd/elsewhere /run/systemd/private
systemctl stop dbus.service dbus.socket
run c3; echo "status $?"
JOB
    boot_systemd
    same "$(cat "$SCRATCH/uml/out")" "status 0
33554432
delete 0
status 0
status 0"
}

test_systemd_with_cgroups_of_version_1() {
    bundle 'del(.linux.resources.cpu.shares) | .linux.resources.memory |= {limit}'
    cat >> "$SCRATCH/uml/job" <<'JOB'
run c1; echo "status $?"
show swiftlet-c1.scope -p ControlGroup,MemoryLimit,TasksMax,DevicePolicy,Delegate
for file in memory/memory.limit_in_bytes pids/pids.max cpu,cpuacct/cpu.cfs_quota_us; do
    cat /sys/fs/cgroup/${file%/*}/system.slice/swiftlet-c1.scope/${file#*/}
done
oci exec c1 cat /proc/self/cgroup | cut -d: -f3 | sort -u
oci update --memory 67108864 c1
cat /sys/fs/cgroup/memory/system.slice/swiftlet-c1.scope/memory.limit_in_bytes
oci delete --force c1; echo "delete $?"
ls -d /sys/fs/cgroup/*/system.slice/swiftlet-c1.scope 2> /dev/null
JOB
    boot_systemd systemd.unified_cgroup_hierarchy=0 systemd.legacy_systemd_cgroup_controller=1
    same "$(cat "$SCRATCH/uml/out")" "status 0
ControlGroup=/system.slice/swiftlet-c1.scope
Delegate=yes
DevicePolicy=strict
MemoryLimit=33554432
TasksMax=25
33554432
25
50000
/system.slice/swiftlet-c1.scope
67108864
delete 0"
}
