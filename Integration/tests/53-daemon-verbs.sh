#!/bin/bash
# The verbs of swiftlet that talk to swiftletd

prepare() {
    make_archives
    local D=$SCRATCH/node
    mkdir -p "$D/pods"
    SWIFTLET_ROOT=$D/root "$BIN/swiftlet" load --name swiftlet/busybox:1.0 "$ARCHIVES/docker.tar" > "$D/load.log" 2>&1
    SWIFTLET_NETWORK=loopback SWIFTLET_ROOT=$D/root SWIFTLET_SOCKET_DIR=$D/shims SWIFTLET_SHIM=$BIN/containerd-shim-swiftlet-v2 \
        "$BIN/swiftletd" --state "$D/state" --socket "$D/run/d.sock" > "$D/log" 2>&1 < /dev/null &
    echo $! > "$D/pid"
    until_true 20 test -S "$D/run/d.sock"
    cat > "$D/pods/web.yaml" <<'YAML'
apiVersion: v1
kind: Pod
metadata: {name: web, labels: {app: shop}}
spec:
  terminationGracePeriodSeconds: 0
  containers:
  - name: app
    image: swiftlet/busybox:1.0
    command: [sh, -c, "for n in 1 2 3; do echo line $n; done; echo bad >&2; exec sleep 1000"]
  - name: late
    image: swiftlet/busybox:1.0
    command: [sh, -c, "echo begin; until [ -e /tmp/go ]; do sleep 0.05; done; echo end; exec sleep 1000"]
  - name: brief
    image: swiftlet/busybox:1.0
    command: [sh, -c, "until [ -e /tmp/end ]; do sleep 0.05; done; echo bye; exit 3"]
  - name: server
    image: swiftlet/busybox:1.0
    command: [sh, -c, "mkdir /tmp/w; echo a page > /tmp/w/page; exec httpd -f -p 127.0.0.1:8080 -h /tmp/w"]
YAML
    "$BIN/mock-kubelet" run --socket "$D/run/d.sock" --manifests "$D/pods" --backoff-base 100 --root "$D/kubelet" > "$D/kubelet.out" 2>&1 < /dev/null &
    echo $! > "$D/kubelet.pid"
    until_true 20 grep -q "late Created → Running" "$D/kubelet.out"
    until_true 20 grep -q "brief Created → Running" "$D/kubelet.out"
    until_true 20 grep -q "server Created → Running" "$D/kubelet.out"
    until_true 20 grep -q "app Created → Running" "$D/kubelet.out"
}

finish() {
    local D=$SCRATCH/node pid
    for pid in kubelet.pid pid; do
        pid=$(cat "$D/$pid")
        kill -TERM "$pid" 2> /dev/null || :
        until_true 20 bash -c "! kill -0 $pid 2> /dev/null"
    done
}

swiftlet() { SWIFTLET_SOCKET=$SCRATCH/node/run/d.sock SWIFTLET_ROOT=${ROOT:-$SCRATCH/node/root} "$BIN/swiftlet" "$@"; }
json() { python3 -c "import json, sys; d = json.load(sys.stdin); $1"; }

test_pods_and_their_containers_are_listed() {
    expect 0 swiftlet pods
    contains "$out" "web"
    contains "$out" "4/4"
    swiftlet pods --format json | json 'assert [(p["name"], p["state"], p["labels"]["app"], len(p["containers"])) for p in d] == [("web", "ready", "shop", 4)], d'
    expect 0 swiftlet ps --pods
    contains "$out" "web/app"
    swiftlet ps --pods --format json | json 'assert sorted(c["name"] for c in d) == ["web/app", "web/brief", "web/late", "web/server"], d'
    # The other world does not show them.
    expect 0 swiftlet ps -a -q
    same "$out" ""
}

test_logs_are_printed_and_followed_to_the_end() {
    until_true 10 bash -c "[ \"\$(SWIFTLET_SOCKET=$SCRATCH/node/run/d.sock '$BIN/swiftlet' logs web/app 2> /dev/null | wc -l)\" = 3 ]"
    expect 0 swiftlet logs web/app
    same "$(tr '\n' , <<< "$out")/$err" "line 1,line 2,line 3,/bad"
    expect 0 swiftlet logs -n 1 web/app
    contains "line 3bad" "$out"
    swiftlet logs -f web/late > "$SCRATCH/followed" 2>&1 &
    local follower=$!
    until_true 10 grep -qx begin "$SCRATCH/followed"
    expect 0 swiftlet exec web/late touch /tmp/go
    until_true 10 grep -qx end "$SCRATCH/followed"
    kill -TERM $follower
    wait $follower || :
}

test_exec_hands_on_output_and_status() {
    expect 5 swiftlet exec web/app sh -c 'echo out; echo err >&2; exit 5'
    same "$out/$err" "out/err"
    expect 125 swiftlet exec web/none true
    contains "$err" "there is no such pod or container"
    expect 125 swiftlet exec --user 7 web/app id
    contains "$err" "--user is not for containers of swiftletd"
}

test_exec_hands_stdin_and_a_terminal_on() {
    INPUT=$SCRATCH/in
    head -c 3000000 /dev/urandom > "$INPUT"
    expect 0 swiftlet exec -i web/app sha256sum
    same "${out%% *}" "$(sha256sum < "$INPUT" | cut -d' ' -f1)"
    # A terminal of 40 columns that becomes one of 41, and what is typed comes back from it.
    cat > "$SCRATCH/terminal.py" <<'PY'
import fcntl, os, pty, struct, sys, termios, time
pid, master = pty.fork()
if pid == 0: os.execv(sys.argv[1], sys.argv[1:])
fcntl.ioctl(master, termios.TIOCSWINSZ, struct.pack("HHHH", 10, 40, 0, 0))
seen = b""
def until(word):
    global seen
    deadline = time.monotonic() + 20
    while word not in seen:
        assert time.monotonic() < deadline, seen
        try: seen += os.read(master, 65536)
        except OSError: break
    assert word in seen, seen
until(b"# ")
fcntl.ioctl(master, termios.TIOCSWINSZ, struct.pack("HHHH", 11, 41, 0, 0))
os.kill(pid, 28)
os.write(master, b"until [ \"$(stty size)\" = '11 41' ]; do :; done; echo si''ze; exit 6\n")
until(b"size")
status = os.waitpid(pid, 0)[1]
assert os.waitstatus_to_exitcode(status) == 6, status
PY
    SWIFTLET_SOCKET=$SCRATCH/node/run/d.sock expect 0 timeout 60 python3 "$SCRATCH/terminal.py" "$BIN/swiftlet" exec -it web/app sh
}

test_a_signal_ends_an_exec_and_its_command() {
    "$BIN/swiftlet" exec --socket "$SCRATCH/node/run/d.sock" web/app sh -c 'echo up; exec sleep 54321' > "$SCRATCH/out2" < /dev/null &
    local job=$! status=0
    until_true 10 grep -qx up "$SCRATCH/out2"
    kill -TERM $job
    wait $job || status=$?
    same $status 143
    gone() { [ -z "$(pgrep -f '^sleep 54321')" ]; }
    until_true 10 gone
}

test_attach_is_at_the_containers_own_output() {
    "$BIN/swiftlet" attach --socket "$SCRATCH/node/run/d.sock" web/brief > "$SCRATCH/attached" 2>&1 < /dev/null &
    local job=$!
    # It says something once it is asked to, and ends with its own code.
    ended() { swiftlet exec web/brief touch /tmp/end; ! kill -0 $job 2> /dev/null; }
    until_true 20 ended
    local status=0
    wait $job || status=$?
    same $status 3
    grep -qx "bye" "$SCRATCH/attached" || fail "$(cat "$SCRATCH/attached")"
}

test_a_port_of_a_pod_is_brought_here() {
    "$BIN/swiftlet" port-forward --socket "$SCRATCH/node/run/d.sock" web :8080 > "$SCRATCH/forward" 2>&1 &
    local job=$! port
    until_true 10 grep -q forwarding "$SCRATCH/forward"
    port=$(sed -nE 's/.*:([0-9]+) to port 8080.*/\1/p' "$SCRATCH/forward")
    until_true 10 curl -sf --max-time 5 "http://127.0.0.1:$port/page"
    same "$(curl -sf --max-time 5 "http://127.0.0.1:$port/page")" "a page"
    kill -TERM $job
    wait $job || :
}

test_inspect_shows_what_cri_says() {
    swiftlet inspect --pods web web/app | json 'assert d[0]["status"]["metadata"]["name"] == "web" and d[1]["status"]["state"] == "CONTAINER_RUNNING", d'
    expect 1 swiftlet inspect --pods nothing
    same "$err" "swiftlet: find nothing: there is no such pod or container"
}

test_stats_show_every_container_once_without_a_terminal() {
    expect 0 swiftlet stats web/app
    same "$(wc -l <<< "$out")" 2
    contains "$out" "web/app"
    swiftlet stats --no-stream --format json | json 'assert sorted(c["name"] for c in d) == ["web/app", "web/brief", "web/late", "web/server"] and all(c["memoryBytes"] > 0 for c in d), d'
}

test_events_are_told_as_they_happen() {
    expect 0 swiftlet events
    contains "$out" "started"
    swiftlet events -f --format json > "$SCRATCH/events" &
    local watcher=$!
    # It ends, is told of, and starts again.
    told() { swiftlet exec web/brief touch /tmp/end; grep -q '"type":"stopped".*"name":"web/brief".*"exitCode":3' "$SCRATCH/events"; }
    until_true 20 told
    until_true 20 grep -q '"type":"started".*"name":"web/brief"' "$SCRATCH/events"
    kill -TERM $watcher
    wait $watcher || :
}

test_a_shell_completes_names_of_pods_and_images() {
    local words
    words=$(bash -c "source <('$BIN/swiftlet' completion bash); PATH='$BIN':\$PATH
        COMP_WORDS=(swiftlet logs web/); COMP_CWORD=2; COMP_LINE='swiftlet logs web/'; COMP_POINT=\${#COMP_LINE}; COMP_TYPE=9
        export SWIFTLET_SOCKET='$SCRATCH/node/run/d.sock' SWIFTLET_ROOT='$SCRATCH/node/root'
        _swiftlet swiftlet web/ logs; printf '%s\n' \"\${COMPREPLY[@]}\"")
    contains "$words" "web/app"
    contains "$words" "web/late"
    for shell in zsh fish; do
        expect 0 swiftlet completion $shell
        contains "$out" "port-forward"
    done
}

test_without_a_daemon_one_line_says_so() {
    expect 1 "$BIN/swiftlet" pods --socket "$SCRATCH/none.sock"
    contains "$err" "connect to swiftletd"
    one_line "$err"
}
