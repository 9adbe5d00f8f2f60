#!/bin/bash
# swiftletd in operation: configuration, service manager, who may call, metrics

D() { echo "$SCRATCH/op"; }
daemon_environment() { echo "SWIFTLET_ROOT=$SCRATCH/op/root SWIFTLET_SOCKET_DIR=$SCRATCH/op/shims SWIFTLET_SHIM=$BIN/containerd-shim-swiftlet-v2"; }

# start_daemon ARGUMENT…; its socket is $S.
start_daemon() {
    S=$SCRATCH/op/run/d.sock
    mkdir -p "$SCRATCH/op"
    env $(daemon_environment) "$BIN/swiftletd" --state "$SCRATCH/op/state" "$@" >> "$SCRATCH/op/log" 2>&1 < /dev/null &
    DAEMON=$!
    until_true 20 "$BIN/swiftlet" pods --socket "$S"
}

stop_daemon() {
    kill -TERM "$DAEMON"
    wait "$DAEMON" || fail "swiftletd: status $?"
}

test_the_default_configuration_is_right_and_a_wrong_one_is_named() {
    expect 0 "$BIN/swiftletd" config default
    printf '%s\n' "$out" > "$SCRATCH/default.yaml"
    expect 0 "$BIN/swiftletd" config check "$SCRATCH/default.yaml"
    printf 'socket:\n  pth: /a\n' > "$SCRATCH/wrong.yaml"
    expect 1 "$BIN/swiftletd" config check "$SCRATCH/wrong.yaml"
    same "$err" "configuration $SCRATCH/wrong.yaml: socket.pth: is no key of the configuration"
    expect 1 "$BIN/swiftletd" --config "$SCRATCH/wrong.yaml"
    contains "$err" "socket.pth"
    one_line "$err"
    expect 1 "$BIN/swiftletd" --config "$SCRATCH/none.yaml"
    contains "$err" "no such file"
}

test_the_command_line_wins_over_the_file() {
    mkdir -p "$SCRATCH/op"
    printf 'root: %s\nstate: /nowhere\nsocket: {path: %s}\nlog: {format: json}\n' "$SCRATCH/op/other" "$SCRATCH/op/run/d.sock" > "$SCRATCH/op/c.yaml"
    : > "$SCRATCH/op/log"
    start_daemon --config "$SCRATCH/op/c.yaml"
    stop_daemon
    [ -d "$SCRATCH/op/root" ] && [ ! -e /nowhere ] && [ ! -e "$SCRATCH/op/other" ] || fail "the file won"
    head -n 1 "$SCRATCH/op/log" | python3 -c 'import json, sys; assert json.loads(sys.stdin.readline())["level"] == "info"'
}

test_who_may_call_is_checked_by_the_kernels_word() {
    mkdir -p "$SCRATCH/op"
    chmod 755 "$SCRATCH"
    printf 'socket: {path: %s, mode: "0666", users: ["12345"]}\n' "$SCRATCH/op/run/d.sock" > "$SCRATCH/op/c.yaml"
    start_daemon --config "$SCRATCH/op/c.yaml"
    # The programs may be in a directory of root's.
    cp "$BIN/swiftlet" "$SCRATCH/swiftlet"
    expect 0 setpriv --reuid 12345 --regid 12345 --clear-groups "$SCRATCH/swiftlet" pods --socket "$S"
    expect 1 setpriv --reuid 12346 --regid 12345 --clear-groups "$SCRATCH/swiftlet" pods --socket "$S"
    same "$(stat -c %a "$SCRATCH/op/run")" 711
    stop_daemon
    printf 'socket: {path: %s, group: "12345"}\n' "$SCRATCH/op/run/d.sock" > "$SCRATCH/op/c.yaml"
    start_daemon --config "$SCRATCH/op/c.yaml"
    same "$(stat -c %a:%g "$S")" 660:12345
    expect 0 setpriv --reuid 12346 --regid 12345 --clear-groups "$SCRATCH/swiftlet" pods --socket "$S"
    expect 1 setpriv --reuid 12346 --regid 12346 --clear-groups "$SCRATCH/swiftlet" pods --socket "$S"
    stop_daemon
    start_daemon --socket "$SCRATCH/op/run/d.sock"
    same "$(stat -c %a "$S"):$(stat -c %a "$SCRATCH/op/run")" 600:700
    stop_daemon
}

test_a_service_manager_hands_a_socket_over_and_hears_when_it_is_ready() {
    S=$SCRATCH/op/handed.sock
    mkdir -p "$SCRATCH/op"
    cat > "$SCRATCH/manager.py" <<'PY'
import os, socket, subprocess, sys
listener = socket.socket(socket.AF_UNIX); listener.bind(sys.argv[1]); listener.listen(16)
notes = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM); notes.bind(sys.argv[1] + ".notify"); notes.settimeout(30)
def child():
    os.dup2(listener.fileno(), 3); os.set_inheritable(3, True)
    os.environ.update(LISTEN_FDS="1", LISTEN_PID=str(os.getpid()))
pid = os.fork()
if pid == 0:
    child(); os.environ["NOTIFY_SOCKET"] = sys.argv[1] + ".notify"
    os.execv(sys.argv[2], sys.argv[2:])
ready = notes.recv(4096).decode().split("\n")
assert "READY=1" in ready, ready
# Made and listening before it: what was sent meanwhile is answered.
print(subprocess.run([os.environ["CLIENT"], "pods", "--socket", sys.argv[1]], capture_output=True, text=True).stdout, end="")
os.kill(pid, 15)
assert notes.recv(4096).decode() == "STOPPING=1"
assert os.waitpid(pid, 0)[1] == 0
assert os.path.exists(sys.argv[1]), "the socket is the manager's"
PY
    expect 0 env $(daemon_environment) CLIENT="$BIN/swiftlet" timeout 60 python3 "$SCRATCH/manager.py" "$S" "$BIN/swiftletd" \
        --state "$SCRATCH/op/state" --socket "$S"
    contains "$out" "POD ID"
}

test_the_units_are_whole_and_make_install_puts_everything_in_its_place() {
    command -v systemd-analyze > /dev/null || skip "needs systemd-analyze"
    make -o build install PREFIX=/usr DESTDIR="$SCRATCH/dest" RELEASE="$BIN" > "$SCRATCH/install.log" 2>&1 || fail "$(cat "$SCRATCH/install.log")"
    local file
    for file in usr/bin/swiftletd usr/lib/systemd/system/swiftletd.service usr/lib/systemd/system/swiftletd.socket \
        usr/share/bash-completion/completions/swiftlet usr/share/zsh/site-functions/_swiftlet usr/share/fish/vendor_completions.d/swiftlet.fish; do
        [ -s "$SCRATCH/dest/$file" ] || fail "$file is not there"
    done
    if grep -r '@PREFIX@' "$SCRATCH/dest/usr/lib/systemd"; then fail "a prefix is not filled in"; fi
    bash -n "$SCRATCH/dest/usr/share/bash-completion/completions/swiftlet"
    # The unit's program where the unit says that it is.
    mkdir -p "$SCRATCH/units"
    sed "s,/usr/bin/swiftletd,$SCRATCH/dest/usr/bin/swiftletd," "$SCRATCH/dest/usr/lib/systemd/system/swiftletd.service" > "$SCRATCH/units/swiftletd.service"
    cp "$SCRATCH/dest/usr/lib/systemd/system/swiftletd.socket" "$SCRATCH/units/"
    expect 0 systemd-analyze verify --man=no "$SCRATCH/units/swiftletd.service" "$SCRATCH/units/swiftletd.socket"
    same "$err" ""
}

test_metrics_are_served_on_a_socket_too() {
    start_daemon --socket "$SCRATCH/op/run/d.sock" --metrics "$SCRATCH/op/metrics.sock"
    same "$(stat -c %a "$SCRATCH/op/metrics.sock")" 600
    expect 0 curl -sf --max-time 10 --unix-socket "$SCRATCH/op/metrics.sock" http://localhost/metrics
    contains "$out" 'swiftletd_call_seconds_count{service="runtime.v1.RuntimeService",method="ListPodSandbox"}'
    # One type a family, each sample of a family that was announced.
    python3 - "$SCRATCH/out" <<'PY'
import re, sys
known = set()
for line in open(sys.argv[1]):
    if line.startswith("# TYPE "):
        name = line.split()[2]; assert name not in known, name; known.add(name)
    elif not line.startswith("#"):
        name = re.match(r"[a-z_]+", line).group(0)
        assert name in known or re.sub("_(bucket|sum|count)$", "", name) in known, line
        float(line.rsplit(" ", 1)[1])
PY
    stop_daemon
    [ ! -e "$SCRATCH/op/metrics.sock" ] || fail "the socket of the metrics is left"
}

# What docs/plugin.md shows to those who write orchestrators in another language, as it stands there.
test_the_python_of_the_documents_runs() {
    command -v protoc > /dev/null || skip "needs protoc (package protobuf-compiler)"
    /usr/bin/python3 -c 'import google.protobuf' 2> /dev/null || skip "needs python3-protobuf"
    mkdir -p "$SCRATCH/author"
    protoc -I proto/runtime/v1 --python_out="$SCRATCH/author" api.proto
    protoc -I proto --python_out="$SCRATCH/author" ttrpc/request.proto google/rpc/status.proto
    start_daemon --socket "$SCRATCH/op/run/d.sock" --network loopback
    sed -n '/^```python$/,/^```$/p' docs/plugin.md | grep -v '^```' | sed "s|/run/swiftlet/swiftletd.sock|$S|" > "$SCRATCH/author/example.py"
    expect 0 env PYTHONPATH="$SCRATCH/author" /usr/bin/python3 "$SCRATCH/author/example.py"
    same "$out" "$("$BIN/swiftletd" --version)"
    stop_daemon
}
