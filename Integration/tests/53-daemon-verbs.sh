#!/bin/bash
# The verbs of swiftlet that talk to swiftletd

prepare() {
    make_archives
    local D=$SCRATCH/node
    mkdir -p "$D/pods"
    SWIFTLET_ROOT=$D/root "$BIN/swiftlet" load --name swiftlet/busybox:1.0 "$ARCHIVES/docker.tar" > "$D/load.log" 2>&1
    SWIFTLET_ROOT=$D/root SWIFTLET_SOCKET_DIR=$D/shims SWIFTLET_SHIM=$BIN/containerd-shim-swiftlet-v2 \
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
    command: [sh, -c, "until [ -e /tmp/end ]; do sleep 0.05; done; exit 3"]
YAML
    "$BIN/mock-kubelet" run --socket "$D/run/d.sock" --manifests "$D/pods" --backoff-base 100 --root "$D/kubelet" > "$D/kubelet.out" 2>&1 < /dev/null &
    echo $! > "$D/kubelet.pid"
    until_true 20 grep -q "late Created → Running" "$D/kubelet.out"
    until_true 20 grep -q "brief Created → Running" "$D/kubelet.out"
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
    contains "$out" "3/3"
    swiftlet pods --format json | json 'assert [(p["name"], p["state"], p["labels"]["app"], len(p["containers"])) for p in d] == [("web", "ready", "shop", 3)], d'
    expect 0 swiftlet ps --pods
    contains "$out" "web/app"
    swiftlet ps --pods --format json | json 'assert sorted(c["name"] for c in d) == ["web/app", "web/brief", "web/late"], d'
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

test_inspect_shows_what_cri_says() {
    swiftlet inspect --pods web web/app | json 'assert d[0]["status"]["metadata"]["name"] == "web" and d[1]["status"]["state"] == "CONTAINER_RUNNING", d'
    expect 1 swiftlet inspect --pods nothing
    same "$err" "swiftlet: find nothing: there is no such pod or container"
}

test_stats_show_every_container_once_without_a_terminal() {
    expect 0 swiftlet stats web/app
    same "$(wc -l <<< "$out")" 2
    contains "$out" "web/app"
    swiftlet stats --no-stream --format json | json 'assert sorted(c["name"] for c in d) == ["web/app", "web/brief", "web/late"] and all(c["memoryBytes"] > 0 for c in d), d'
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
        contains "$out" "events"
    done
}

test_without_a_daemon_one_line_says_so() {
    expect 1 "$BIN/swiftlet" pods --socket "$SCRATCH/none.sock"
    contains "$err" "connect to swiftletd"
    one_line "$err"
}
