#!/bin/bash
# The mock kubelet: probes, hooks, sidecars, volumes, its verbs, and load

# A swiftletd of these tests' own with a busybox image; $D is its directory.
prepare() {
    make_archives
    D=$SCRATCH/node
    mkdir -p "$D"
    SWIFTLET_ROOT=$D/root "$BIN/swiftlet" load --name swiftlet/busybox:1.0 "$ARCHIVES/docker.tar" > "$D/load.log" 2>&1
    start_node
}
finish() { stop_node; }

start_node() {
    D=$SCRATCH/node
    SWIFTLET_NETWORK=loopback SWIFTLET_ROOT=$D/root SWIFTLET_SOCKET_DIR=$D/shims SWIFTLET_SHIM=$BIN/containerd-shim-swiftlet-v2 \
        "$BIN/swiftletd" --state "$D/state" --socket "$D/run/d.sock" >> "$D/log" 2>&1 < /dev/null &
    echo $! > "$D/pid"
    until_true 20 test -S "$D/run/d.sock"
}

stop_node() {
    D=$SCRATCH/node
    local pid
    pid=$(cat "$D/pid")
    kill -TERM "$pid" 2> /dev/null || :
    until_true 20 bash -c "! kill -0 $pid 2> /dev/null"
}

# kubelet VERB…: of this test's own directory.
kubelet() { "$BIN/mock-kubelet" "$@" --root "$SCRATCH/kubelet"; }
# start_kubelet: follows $M; its pid is $RUNNER, its lines are in $SCRATCH/run.out.
start_kubelet() {
    "$BIN/mock-kubelet" run --root "$SCRATCH/kubelet" --socket "$SCRATCH/node/run/d.sock" --manifests "$M" "$@" > "$SCRATCH/run.out" 2>&1 < /dev/null &
    RUNNER=$!
}
# run_once [OPTION…]: every pod of $M to its end; the lines are in $out.
run_once() { expect "${WANTED:-0}" kubelet run --once --timeout 60 --socket "$SCRATCH/node/run/d.sock" --manifests "$M" --backoff-base 100 "$@"; }
manifests() { M=$SCRATCH/manifests; rm -rf "$M"; mkdir -p "$M"; }

test_a_liveness_probe_ends_a_container_and_readiness_does_not() {
    manifests
    cat > "$M/p.yaml" <<'YAML'
apiVersion: v1
kind: Pod
metadata:
  name: probed
  annotations: {swiftlet.dev/expect-restarts.app: "1", swiftlet.dev/expect-exit.app: "5", swiftlet.dev/stop-after: app}
spec:
  terminationGracePeriodSeconds: 5
  volumes: [{name: count, emptyDir: {}}]
  containers:
  - name: app
    image: swiftlet/busybox:1.0
    command: [sh, -c]
    args: ["trap 'exit 5' TERM; echo run >> /count/runs; touch /tmp/up; sleep 1000 & wait"]
    volumeMounts: [{name: count, mountPath: /count}]
    startupProbe: {exec: {command: [test, -e, /tmp/up]}, periodSeconds: 1}
    readinessProbe: {exec: {command: [test, -e, /tmp/never]}, periodSeconds: 1, failureThreshold: 1}
    livenessProbe: {exec: {command: [sh, -c, 'echo not well; exit 1']}, periodSeconds: 1, failureThreshold: 2}
YAML
    run_once
    same "$(grep -c 'liveness probe: sh ended with 1: not well' <<< "$out")" 2 "the container and the one after it"
    contains "$out" "exits: 2 told by events, 0 found by listing, 0 not accounted for"
    case "$out" in *Ready*"NotReady → Ready"*) fail "it never was ready: $out" ;; esac
}

test_hooks_and_a_sidecar_come_in_their_order() {
    manifests
    cat > "$M/p.yaml" <<'YAML'
apiVersion: v1
kind: Pod
metadata: {name: ordered}
spec:
  restartPolicy: Never
  volumes: [{name: log, hostPath: {path: LOG, type: Directory}}]
  initContainers:
  - name: side
    image: swiftlet/busybox:1.0
    restartPolicy: Always
    command: [sh, -c, "trap 'echo side ended >> /log/order; exit 0' TERM; echo side >> /log/order; touch /tmp/up; sleep 1000 & wait"]
    startupProbe: {exec: {command: [test, -e, /tmp/up]}, periodSeconds: 1}
    volumeMounts: [{name: log, mountPath: /log}]
  - name: first
    image: swiftlet/busybox:1.0
    command: [sh, -c, "echo first >> /log/order"]
    volumeMounts: [{name: log, mountPath: /log}]
  containers:
  - name: app
    image: swiftlet/busybox:1.0
    command: [sh, -c, "until grep -q postStart /log/order; do sleep 0.05; done; echo app done >> /log/order"]
    lifecycle: {postStart: {exec: {command: [sh, -c, "echo postStart >> /log/order"]}}}
    volumeMounts: [{name: log, mountPath: /log}]
YAML
    mkdir -p "$SCRATCH/hostlog"
    sed -i "s,LOG,$SCRATCH/hostlog," "$M/p.yaml"
    rm -f "$SCRATCH/hostlog/order"
    run_once
    same "$(tr '\n' , < "$SCRATCH/hostlog/order")" "side,first,postStart,app done,side ended,"
}

test_a_prestop_hook_runs_before_the_signal() {
    manifests
    cat > "$M/p.yaml" <<'YAML'
apiVersion: v1
kind: Pod
metadata:
  name: stopped
  annotations: {swiftlet.dev/stop-after: quick, swiftlet.dev/expect-exit.app: "7"}
spec:
  restartPolicy: Never
  containers:
  - name: app
    image: swiftlet/busybox:1.0
    command: [sh, -c, "trap 'test -e /tmp/hook && exit 7; exit 8' TERM; touch /tmp/up; sleep 1000 & wait"]
    lifecycle: {preStop: {exec: {command: [touch, /tmp/hook]}}}
  - {name: quick, image: "swiftlet/busybox:1.0", command: ["sleep", "0.5"]}
YAML
    run_once
}

test_http_and_tcp_probes_ask_the_pods_address() {
    manifests
    local port
    port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
    cat > "$M/p.yaml" <<YAML
apiVersion: v1
kind: Pod
metadata:
  name: web
  annotations: {swiftlet.dev/stop-after: wait}
spec:
  hostNetwork: true
  restartPolicy: Never
  volumes: [{name: done, emptyDir: {}}]
  containers:
  - name: web
    image: swiftlet/busybox:1.0
    command: [sh, -c, "trap 'exit 0' TERM; mkdir -p /tmp/www; echo ok > /tmp/www/health; httpd -f -p 127.0.0.1:$port -h /tmp/www & wait"]
    ports: [{name: http, containerPort: $port}]
    startupProbe: {tcpSocket: {port: http}, periodSeconds: 1, failureThreshold: 20}
    readinessProbe: {httpGet: {port: http, path: /health}, periodSeconds: 1}
    livenessProbe: {httpGet: {port: http, path: /gone}, periodSeconds: 1, failureThreshold: 1, initialDelaySeconds: 2}
  - {name: wait, image: "swiftlet/busybox:1.0", command: ["sleep", "6"]}
YAML
    run_once
    contains "$out" "web NotReady → Ready"
    contains "$out" "liveness probe: GET /gone: status 404"
}

test_config_maps_memory_volumes_and_the_pods_own_record_reach_the_container() {
    manifests
    mkdir -p "$M/configmaps/files"
    printf 'from a file' > "$M/configmaps/files/motd"
    cat > "$M/p.yaml" <<'YAML'
apiVersion: v1
kind: ConfigMap
metadata: {name: settings}
data: {color: blue, big: "a\nb\n"}
---
apiVersion: v1
kind: Pod
metadata: {name: fed, labels: {tier: front}}
spec:
  restartPolicy: Never
  volumes:
  - {name: map, configMap: {name: settings, defaultMode: 292}}
  - {name: files, configMap: {name: files, items: [{key: motd, path: etc/motd}]}}
  - {name: mem, emptyDir: {medium: Memory, sizeLimit: 1Mi}}
  containers:
  - name: app
    image: swiftlet/busybox:1.0
    envFrom: [{configMapRef: {name: settings}, prefix: S_}]
    env:
    - {name: NAME, valueFrom: {fieldRef: {fieldPath: metadata.name}}}
    - {name: TIER, valueFrom: {fieldRef: {fieldPath: "metadata.labels['tier']"}}}
    volumeMounts: [{name: map, mountPath: /map}, {name: files, mountPath: /files}, {name: mem, mountPath: /mem}]
    command: [sh, -ec]
    args:
    - |
      test "$S_color$NAME$TIER" = bluefedfront
      test "$(cat /map/color)" = blue; test "$(cat /files/etc/motd)" = "from a file"
      ! echo x > /map/color 2>/dev/null
      grep -q ' /mem tmpfs ' /proc/mounts
      ! dd if=/dev/zero of=/mem/x bs=1M count=2 2>/dev/null
YAML
    run_once
    [ ! -e "$SCRATCH/kubelet/default_fed" ] || fail "volumes are left"
    if grep -F "$SCRATCH/kubelet" /proc/self/mountinfo; then fail "a volume in memory is left"; fi
}

test_a_pod_that_is_active_for_too_long_fails() {
    manifests
    cat > "$M/p.yaml" <<'YAML'
apiVersion: v1
kind: Pod
metadata: {name: late, annotations: {swiftlet.dev/expect-failure: DeadlineExceeded}}
spec:
  activeDeadlineSeconds: 1
  restartPolicy: Never
  containers: [{name: app, image: "swiftlet/busybox:1.0", command: [sleep, "1000"]}]
  terminationGracePeriodSeconds: 0
YAML
    run_once
    sed -i 's/, annotations.*}}/}/' "$M/p.yaml"
    WANTED=1 run_once
    contains "$out" "pod failed: DeadlineExceeded, expected no"
}

pods() { kubelet status --format json | python3 -c 'import json, sys; print(" ".join(p["pod"] + "=" + p["status"] for p in json.load(sys.stdin)))'; }
pods_are() { [ "$(pods)" = "$1" ]; }

test_run_follows_its_directory_and_its_verbs_find_it() {
    manifests
    simple() { echo "{apiVersion: v1, kind: Pod, metadata: {name: $1}, spec: {terminationGracePeriodSeconds: 0, containers: [{name: app,
        image: 'swiftlet/busybox:1.0', command: [sh, -c, 'echo $2; echo err >&2; sleep 1000']}]}}" > "$M/$1.yaml"; }
    simple one first
    start_kubelet
    until_true 20 pods_are "default/one=Running"
    simple two second
    until_true 20 pods_are "default/one=Running default/two=Running"
    contains "$(kubelet status)" "default/two"
    until_true 10 bash -c "'$BIN/mock-kubelet' logs two --root '$SCRATCH/kubelet' 2> /dev/null | grep -qx second"
    expect 0 kubelet logs two
    same "$out/$err" "second/err"
    expect 9 "$BIN/mock-kubelet" exec --root "$SCRATCH/kubelet" two -- sh -c 'echo hi; echo no >&2; exit 9'
    same "$out/$err" "hi/no"
    # A manifest that is wrong changes nothing, and is said.
    echo "nonsense: [" > "$M/bad.yaml"
    until_true 10 grep -q "manifests: parse manifest" "$SCRATCH/run.out"
    rm "$M/bad.yaml"
    simple one changed
    until_true 20 bash -c "'$BIN/mock-kubelet' logs one --root '$SCRATCH/kubelet' 2> /dev/null | grep -qx changed"
    expect 0 kubelet delete one
    until_true 20 pods_are "default/two=Running"
    expect 2 kubelet delete one
    contains "$err" "pod default/one: is not there"
    rm "$M/two.yaml"
    until_true 20 pods_are ""
    kill -TERM $RUNNER
    wait $RUNNER || :
    contains "$(cat "$SCRATCH/run.out")" "0 not accounted for"
    expect 2 kubelet status
    one_line "$err"
}

test_pods_of_a_kubelet_that_was_killed_are_taken_away_by_the_next() {
    manifests
    echo "{apiVersion: v1, kind: Pod, metadata: {name: orphan}, spec: {terminationGracePeriodSeconds: 0, containers: [{name: app,
        image: 'swiftlet/busybox:1.0', command: [sleep, '1000']}]}}" > "$M/p.yaml"
    start_kubelet
    until_true 20 pods_are "default/orphan=Running"
    kill -KILL $RUNNER
    wait $RUNNER || :
    sed -i "s/orphan/next/; s/sleep, '1000'/'true'/; s/spec: {/spec: {restartPolicy: Never, /" "$M/p.yaml"
    run_once
    contains "$out" "of an earlier run: removing it"
    same "$("$BIN/swiftlet" pods --socket "$SCRATCH/node/run/d.sock" -q)" ""
}

test_a_daemon_that_is_killed_and_started_again_loses_no_exit() {
    manifests
    cat > "$M/p.yaml" <<'YAML'
apiVersion: v1
kind: Pod
metadata: {name: through, annotations: {swiftlet.dev/expect-exit.app: "42"}}
spec:
  restartPolicy: Never
  containers: [{name: app, image: "swiftlet/busybox:1.0", command: [sh, -c, "sleep 3; exit 42"]}]
YAML
    start_kubelet --once --timeout 60
    until_true 20 grep -q "app Created → Running" "$SCRATCH/run.out"
    kill -KILL "$(cat "$SCRATCH/node/pid")"
    start_node
    wait $RUNNER || fail "$(cat "$SCRATCH/run.out")"
    contains "$(cat "$SCRATCH/run.out")" "exit codes: 42 (1×)"
}

test_many_pods_come_and_go_and_nothing_is_left() {
    expect 0 Integration/soak.sh "$BIN" "${SWIFTLET_SOAK_PODS:-20}" 4 "${SWIFTLET_SOAK_SECONDS:-30}" 0.5
    contains "$out" "left over: nothing"
    contains "$out" "exit codes that cannot be: 0"
}
