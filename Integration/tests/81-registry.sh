#!/bin/bash
# Registries: docker-registry on loopback, plain, with passwords and with TLS; skopeo and umoci as the peers both ways

PASSWORD=secret-word

prepare() {
    make_archives
    (
        cd "$SCRATCH"
        # An image of three layers, the first shared with another one.
        cp -r "$ARCHIVES/layout" three
        local number
        for number in 2 3; do
            umoci unpack --image three:1.0 "b$number"
            mkdir "b$number/rootfs/srv$number"
            head -c 300000 /dev/urandom > "b$number/rootfs/srv$number/noise"
            rm -f "b$number/rootfs/bin/yes"
            ln "b$number/rootfs/srv$number/noise" "b$number/rootfs/srv$number/second"
            umoci repack --image three:1.0 "b$number"
            rm -rf "b$number"
        done
        umoci gc --layout three
        openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -keyout key.pem -out cert.pem -days 2 -subj /CN=localhost \
            -addext subjectAltName=DNS:localhost
        printf '%s\n' 'tester:$2y$05$5FXxP4aDDTeOOaOfdvtkZ.d5eRvBkgm1Y2eH5BZ4ara5WkOEMUCAS' > htpasswd
    ) > "$SCRATCH/registry.log" 2>&1 || { cat "$SCRATCH/registry.log" >&2; return 1; }
    start_registry plain ""
    start_registry closed "auth: {htpasswd: {realm: tests, path: $SCRATCH/htpasswd}}"
    start_registry tls "" "tls: {certificate: $SCRATCH/cert.pem, key: $SCRATCH/key.pem}"
    skopeo_copy "oci:$SCRATCH/three:1.0" "docker://$(at plain)/team/app:1"
}

finish() {
    local name
    for name in plain closed tls; do stop_registry $name; done
    same "$(leftovers "$SCRATCH/store")" "" "left behind"
    same "$(find "$SCRATCH"/store*/tmp -mindepth 1)" "" "work in progress was left"
}

# start_registry NAME AUTH [TLS]: a docker-registry of the tests' own; its port is in $SCRATCH/NAME.port.
start_registry() {
    local port
    port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
    cat > "$SCRATCH/$1.yml" <<YAML
version: 0.1
log: {level: error, accesslog: {disabled: true}}
storage: {filesystem: {rootdirectory: $SCRATCH/$1-data}, delete: {enabled: true}}
http:
  addr: 127.0.0.1:$port
  ${3:-}
$2
YAML
    docker-registry serve "$SCRATCH/$1.yml" > "$SCRATCH/$1.log" 2>&1 < /dev/null &
    echo $! > "$SCRATCH/$1.pid"
    echo "$port" > "$SCRATCH/$1.port"
    until_true 20 bash -c "exec 3<> /dev/tcp/127.0.0.1/$port"
}

stop_registry() {
    local pid
    pid=$(cat "$SCRATCH/$1.pid" 2>/dev/null) || return 0
    kill "$pid" 2>/dev/null || :
    until_true 20 bash -c "! kill -0 $pid"
    rm -f "$SCRATCH/$1.pid"
}

at() { echo "127.0.0.1:$(cat "$SCRATCH/$1.port")"; }

# Each test with its own STORE; docker's configuration is the tests' own.
swiftlet() { DOCKER_CONFIG="$SCRATCH/docker" SWIFTLET_REGISTRIES="$SCRATCH/registries.json" PATH="$SCRATCH/bin:$BIN:$PATH" "$BIN/swiftlet" --root "$SCRATCH/store${STORE:-}" "$@"; }
skopeo_copy() { skopeo --insecure-policy copy -q --src-tls-verify=false --dest-tls-verify=false "$@"; }
digest_at() { skopeo inspect --tls-verify=false "${@:2}" --format '{{.Digest}}' "docker://$1"; }

tree_of() {
    (
        cd "$1"
        find . -printf '%P %y %m %U:%G %T@ %l\n' | sort
        find . -type f -exec sha256sum {} + | sort -k 2
        find . -type f -links +1 -printf '%P %n\n' | sort
    )
}

# refused TEXT COMMAND…: status 1 (or 125 of run), one line with that text, and nothing in progress left.
refused() {
    local wanted=$1 status=1
    shift
    [ "$2" != run ] || status=125
    expect $status "$@"
    one_line "$err"
    contains "$err" "$wanted"
    case "$err" in *"$PASSWORD"*) fail "the password is shown: $err" ;; esac
    same "$(find "$SCRATCH/store${STORE:-}/tmp" -mindepth 1)" "" "left behind"
}

test_what_skopeo_pushed_is_pulled_with_the_same_digests_and_tree() {
    local form name number=0
    for form in "--format oci" "--format v2s2" "--format oci --dest-compress-format zstd --dest-force-compress-format"; do
        number=$((number + 1)) name=$(at plain)/forms/$number:x
        # shellcheck disable=SC2086
        skopeo_copy $form "oci:$SCRATCH/three:1.0" "docker://$name" 2> "$SCRATCH/skopeo.log" \
            || skopeo_copy ${form/ --dest-force-compress-format/} "oci:$SCRATCH/three:1.0" "docker://$name"
        STORE=-$number
        expect 0 swiftlet pull "$name"
        contains "$out" "pulled $name: $(digest_at "$name") (3 layers, 3 fetched)"
        contains "$out" "pulling "
        expect 0 swiftlet image inspect "$name"
        same "$(jq -r '.[0].manifest' <<< "$out")" "$(digest_at "$name")"
        swiftlet bundle "$name" "$SCRATCH/bundle-$number"
        [ $number != 1 ] || umoci unpack --image "$SCRATCH/three:1.0" "$SCRATCH/by-umoci" 2> "$SCRATCH/umoci.log"
        diff <(tree_of "$SCRATCH/by-umoci/rootfs") <(tree_of "$SCRATCH/bundle-$number/rootfs") >&2 || fail "another tree ($form)"
        rm -rf "$SCRATCH/bundle-$number"
    done
}

test_what_is_there_is_not_fetched_again() {
    STORE=-lazy
    skopeo_copy "oci:$ARCHIVES/layout:1.0" "docker://$(at plain)/lazy:base"
    expect 0 swiftlet pull -q "$(at plain)/lazy:base"
    same "$out" "$(jq -r .config.digest <(skopeo inspect --raw --tls-verify=false "docker://$(at plain)/lazy:base"))"
    expect 0 swiftlet pull "$(at plain)/team/app:1"; contains "$out" "(3 layers, 2 fetched)"
    expect 0 swiftlet pull "$(at plain)/team/app:1"; contains "$out" "(3 layers, 0 fetched)"
    expect 0 swiftlet pull "$(at plain)/team/app@$(digest_at "$(at plain)/team/app:1")"; contains "$out" "(3 layers, 0 fetched)"
    # An image stays as long as a name with a tag does, and goes with the last one.
    swiftlet tag "$(at plain)/team/app:1" other:1
    swiftlet rmi "$(at plain)/team/app:1" other:1 "$(at plain)/lazy:base" > /dev/null
    expect 0 swiftlet images -q; same "$out" ""
    same "$(find "$SCRATCH/store-lazy/blobs" "$SCRATCH/store-lazy/overlay/layers" -mindepth 2)" ""
}

test_what_is_pushed_here_skopeo_and_umoci_read() {
    STORE=-push
    swiftlet pull -q "$(at plain)/team/app:1" > /dev/null
    swiftlet run --name maker "$(at plain)/team/app:1" sh -euc 'echo new > /new; rm -r /srv2'
    swiftlet commit maker "$(at plain)/team/made:1" > /dev/null
    # What another repository of the registry has is not sent: the new layer and the configuration are.
    expect 0 swiftlet push "$(at plain)/team/made:1"
    contains "$out" "pushed $(at plain)/team/made:1: $(digest_at "$(at plain)/team/made:1") (2 blobs sent, 3 mounted)"
    expect 0 swiftlet push "$(at plain)/team/made:1" "$(at plain)/elsewhere:2"; contains "$out" "(0 blobs sent, 5 mounted)"
    same "$(digest_at "$(at plain)/elsewhere:2")" "$(swiftlet image inspect "$(at plain)/team/made:1" | jq -r '.[0].manifest')"
    expect 0 swiftlet push "$(at plain)/team/made:1" "$(at plain)/elsewhere:2"; contains "$out" "(0 blobs sent, 0 mounted)"
    skopeo_copy "docker://$(at plain)/elsewhere:2" "oci:$SCRATCH/pushed:1"
    umoci unpack --image "$SCRATCH/pushed:1" "$SCRATCH/pushed-tree" 2> "$SCRATCH/umoci.log"
    swiftlet bundle "$(at plain)/team/made:1" "$SCRATCH/made-bundle"
    diff <(tree_of "$SCRATCH/pushed-tree/rootfs") <(tree_of "$SCRATCH/made-bundle/rootfs") >&2 || fail "another tree"
    swiftlet rm maker > /dev/null
    # All the way around: out of one store, into another, with every digest as it was.
    expect 0 swiftlet image inspect "$(at plain)/team/made:1"
    jq -S '.[0] | {id, manifest, layers, size}' <<< "$out" > "$SCRATCH/here"
    STORE=-push2
    swiftlet pull -q "$(at plain)/elsewhere:2" > /dev/null
    expect 0 swiftlet image inspect "$(at plain)/elsewhere:2"
    jq -S '.[0] | {id, manifest, layers, size}' <<< "$out" | diff "$SCRATCH/here" - >&2
}

test_run_pulls_what_is_missing_and_says_nothing_on_stdout() {
    STORE=-run
    local name
    name=$(at plain)/moving:1
    skopeo_copy "oci:$ARCHIVES/layout:1.0" "docker://$name"
    refused "no such image, and --pull never" swiftlet run --pull never "$name" true
    expect 0 swiftlet run --rm "$name" echo hi; same "$out" hi; same "$err" ""
    skopeo_copy "oci:$SCRATCH/three:1.0" "docker://$name"
    expect 1 swiftlet run --rm "$name" ls /srv3
    expect 0 swiftlet run --rm --pull always "$name" ls /srv3; contains "$out" noise
    refused "not found (404)" swiftlet run --rm "$(at plain)/nothing:1" true
}

test_passwords_are_asked_for_kept_used_and_forgotten() {
    STORE=-closed
    local host image
    host=$(at closed) image=$host/private/app:1
    refused "not authenticated (401): no credentials for it (\`swiftlet login $host\`)" swiftlet pull "$image"
    INPUT=<(echo wrong) refused "not authenticated (401)" swiftlet login -u tester "$host"
    [ ! -e "$SCRATCH/docker/config.json" ] || fail "wrong credentials are kept"
    INPUT=<(echo "$PASSWORD") expect 0 swiftlet login -u tester --password-stdin "$host"
    contains "$out" "logged in to $host"
    same "$(stat -c %a "$SCRATCH/docker/config.json") $(stat -c %a "$SCRATCH/docker")" "600 700"
    # skopeo reads what was written here, and the other way round.
    skopeo_copy --dest-authfile "$SCRATCH/docker/config.json" "oci:$SCRATCH/three:1.0" "docker://$image"
    expect 0 swiftlet --debug pull "$image"
    case "$out$err" in *"$PASSWORD"*|*"$(printf '%s' "tester:$PASSWORD" | base64)"*) fail "the password is shown" ;; esac
    expect 0 swiftlet push "$image" "$host/private/copy:1"
    same "$(digest_at "$host/private/copy:1" --authfile "$SCRATCH/docker/config.json")" "$(digest_at "$image" --authfile "$SCRATCH/docker/config.json")"
    expect 0 swiftlet logout "$host"
    same "$(jq -c .auths "$SCRATCH/docker/config.json")" "{}"
    refused "not authenticated (401)" swiftlet pull "$image"
    skopeo login --tls-verify=false --authfile "$SCRATCH/docker/config.json" -u tester -p "$PASSWORD" "$host" > /dev/null
    expect 0 swiftlet pull "$image"
}

test_a_helper_program_keeps_the_password() {
    STORE=-helper
    local host
    host=$(at closed)
    mkdir -p "$SCRATCH/bin" "$SCRATCH/docker"
    cat > "$SCRATCH/bin/docker-credential-tests" <<HELPER
#!/bin/sh
case \$1 in
store) cat > "$SCRATCH/kept" ;;
get) cat > /dev/null; if [ -e "$SCRATCH/kept" ]; then cat "$SCRATCH/kept"; else echo "credentials not found in native keychain"; exit 1; fi ;;
erase) cat > /dev/null; rm "$SCRATCH/kept" ;;
esac
HELPER
    chmod +x "$SCRATCH/bin/docker-credential-tests"
    printf '{"credHelpers": {"%s": "tests"}}' "$host" > "$SCRATCH/docker/config.json"
    INPUT=<(echo "$PASSWORD") expect 0 swiftlet login -u tester "$host"
    contains "$out" "(kept in docker-credential-tests)"
    skopeo --insecure-policy copy -q --dest-tls-verify=false --dest-creds "tester:$PASSWORD" "oci:$SCRATCH/three:1.0" "docker://$host/private/app:1"
    expect 0 swiftlet pull "$host/private/app:1"
    expect 0 swiftlet logout "$host"
    [ ! -e "$SCRATCH/kept" ] || fail "the helper was not told to forget"
    refused "not authenticated (401)" swiftlet pull "$host/private/app:1"
    rm -f "$SCRATCH/docker/config.json"
}

test_mirrors_and_certificates_are_as_the_settings_say() {
    STORE=-settings
    local port
    port=$(cat "$SCRATCH/tls.port")
    skopeo_copy "oci:$SCRATCH/three:1.0" "docker://localhost:$port/team/app:2"
    refused "pull localhost:$port/team/app:2:" swiftlet pull "localhost:$port/team/app:2" # TLS where plain HTTP is spoken
    echo "{\"registries\": {\"localhost:$port\": {\"location\": \"https://localhost:$port\"}}}" > "$SCRATCH/registries.json"
    refused "https://localhost:$port" swiftlet pull "localhost:$port/team/app:2" # nobody vouches for that certificate
    echo "{\"registries\": {\"localhost:$port\": {\"location\": \"https://localhost:$port\", \"ca\": \"$SCRATCH/cert.pem\"}}}" > "$SCRATCH/registries.json"
    expect 0 swiftlet pull "localhost:$port/team/app:2"; contains "$out" "(3 layers, 3 fetched)"
    expect 0 swiftlet push "localhost:$port/team/app:2" "localhost:$port/copy:1"
    # reg.example is nowhere; two mirrors are, and the second one has it.
    echo "{\"registries\": {\"reg.example\": {\"location\": \"http://127.0.0.1:1\", \"mirrors\": [{\"location\": \"http://$(at plain)/none\"},
        {\"location\": \"https://localhost:$port\", \"insecure\": true}]}}}" > "$SCRATCH/registries.json"
    expect 0 swiftlet pull reg.example/team/app:2; contains "$out" "pulled reg.example/team/app:2"
    refused "http://127.0.0.1:1" swiftlet pull reg.example/team/app:3
    echo '{"registries": {"x": {"mirror": []}}}' > "$SCRATCH/registries.json"
    refused "registries.x.mirror: there is no such setting" swiftlet pull "$(at plain)/team/app:1"
    rm "$SCRATCH/registries.json"
}

test_every_tag_of_a_repository() {
    STORE=-tags
    local tag
    for tag in a b c; do skopeo_copy "oci:$ARCHIVES/layout:1.0" "docker://$(at plain)/tags:$tag"; done
    expect 0 swiftlet pull --all-tags "$(at plain)/tags"
    expect 0 swiftlet images
    for tag in a b c; do contains "$out" "tags:$tag "; done
}

test_an_image_for_another_machine_is_pulled_when_it_is_asked_for() {
    STORE=-platform
    # Built for another processor, by its own word.
    cp -r "$ARCHIVES/layout" "$SCRATCH/foreign"
    umoci config --image "$SCRATCH/foreign:1.0" --os linux --architecture s390x
    skopeo_copy "oci:$SCRATCH/foreign:1.0" "docker://$(at plain)/foreign:1"
    refused "an image for linux/s390x on linux/" swiftlet pull "$(at plain)/foreign:1"
    expect 0 swiftlet pull --platform linux/s390x "$(at plain)/foreign:1"
    expect 0 swiftlet images; contains "$out" linux/s390x
    expect 125 swiftlet pull --platform nonsense "$(at plain)/foreign:1"
}

# index_layout DIRECTORY: the test image and what it would be on another processor, as one index called x; an attestation beside them.
index_layout() {
    cp -r "$ARCHIVES/layout" "$1"
    python3 - "$1" <<'PYTHON'
import hashlib, json, os, sys
top = sys.argv[1]
def read(descriptor): return json.load(open(f"{top}/blobs/sha256/{descriptor['digest'][7:]}"))
def blob(data, kind, **more):
    digest = hashlib.sha256(data).hexdigest()
    open(f"{top}/blobs/sha256/{digest}", "wb").write(data)
    return {"mediaType": kind, "digest": "sha256:" + digest, "size": len(data), **more}
def document(value, kind, **more): return blob(json.dumps(value, indent=1).encode(), kind, **more)
oci = "application/vnd.oci.image."
here = json.load(open(f"{top}/index.json"))["manifests"][0]
manifest = read(here)
config = read(manifest["config"])
other = dict(manifest, config=document(dict(config, architecture="s390x"), manifest["config"]["mediaType"]))
statement = dict(manifest, config=document({}, oci + "config.v1+json"), layers=[blob(b'{"a":1}', "application/vnd.in-toto+json")])
def platform(architecture, os="linux"): return {"platform": {"architecture": architecture, "os": os}}
index = {"schemaVersion": 2, "mediaType": oci + "index.v1+json", "annotations": {"kept": "as it is"}, "manifests": [
    {"mediaType": here["mediaType"], "digest": here["digest"], "size": here["size"], **platform(config["architecture"])},
    document(other, oci + "manifest.v1+json", **platform("s390x")),
    document(statement, oci + "manifest.v1+json", **platform("unknown", "unknown"))]}
if len(sys.argv) > 2: index["manifests"][1:] = [document(dict(index, manifests=index["manifests"][1:]), index["mediaType"])]
entry = document(index, index["mediaType"], annotations={"org.opencontainers.image.ref.name": "x"})
json.dump({"schemaVersion": 2, "manifests": [entry]}, open(f"{top}/index.json", "w"))
PYTHON
}

# The digest of what a name stands for, an index or a manifest, as its bytes are.
raw_digest_at() { echo "sha256:$(skopeo inspect --raw --tls-verify=false "docker://$1" | sha256sum | cut -d ' ' -f 1)"; }
index_digest() { jq -r '.manifests[0].digest' "$1/index.json"; }

test_an_index_keeps_its_digest_by_pull_push_save_and_load() {
    STORE=-multi
    local source digest
    source=$(at plain)/multi/source:1
    index_layout "$SCRATCH/multi"
    digest=$(index_digest "$SCRATCH/multi")
    skopeo_copy --all --preserve-digests "oci:$SCRATCH/multi:x" "docker://$source"
    same "$(raw_digest_at "$source")" "$digest"
    expect 0 swiftlet pull --all-platforms "$source"
    contains "$out" "pulled $source: $digest (3 manifests, 4 blobs fetched)"
    expect 0 swiftlet run --rm "$source" echo runs; same "$out" runs
    expect 0 swiftlet push "$source" "$(at plain)/multi/target:2"
    contains "$out" "pushed $(at plain)/multi/target:2: $digest (3 manifests, 0 blobs sent, 5 mounted)"
    same "$(raw_digest_at "$(at plain)/multi/target:2")" "$digest"
    # All of it is there: skopeo brings everything back.
    skopeo_copy --all --preserve-digests "docker://$(at plain)/multi/target:2" "oci:$SCRATCH/multi-back:x"
    same "$(index_digest "$SCRATCH/multi-back")" "$digest"
    expect 0 swiftlet save --all-platforms --format oci-dir -o "$SCRATCH/multi-saved" "$source"
    same "$(index_digest "$SCRATCH/multi-saved")" "$digest"
    diff <(ls "$SCRATCH/multi-back/blobs/sha256") <(ls "$SCRATCH/multi-saved/blobs/sha256") >&2 || fail "other blobs"
    expect 0 swiftlet save --all-platforms --format oci-archive -o "$SCRATCH/multi.tar" "$source"
    STORE=-multi2
    expect 0 swiftlet load --all-platforms --name again:1 "$SCRATCH/multi.tar"
    expect 0 swiftlet push --all-platforms again:1 "$(at plain)/multi/again:1"
    same "$(raw_digest_at "$(at plain)/multi/again:1")" "$digest"
    expect 0 swiftlet check
    swiftlet rmi again:1 > /dev/null
    same "$(find "$SCRATCH/store-multi2/blobs" -mindepth 2)" ""
}

test_a_nested_index_goes_around_as_well() {
    STORE=-nested
    local digest
    index_layout "$SCRATCH/nested" nested
    digest=$(index_digest "$SCRATCH/nested")
    expect 0 swiftlet load -q --all-platforms --name nested:1 "$SCRATCH/nested"
    expect 0 swiftlet push nested:1 "$(at plain)/nested/app:1"
    contains "$out" "$digest (3 manifests,"
    same "$(raw_digest_at "$(at plain)/nested/app:1")" "$digest"
    STORE=-nested2
    expect 0 swiftlet pull -q --all-platforms "$(at plain)/nested/app:1"
    expect 0 swiftlet save --all-platforms --format oci-dir -o "$SCRATCH/nested-saved" "$(at plain)/nested/app:1"
    same "$(index_digest "$SCRATCH/nested-saved")" "$digest"
    diff <(cd "$SCRATCH/nested-saved/blobs/sha256" && sha256sum ./*) <(cd "$SCRATCH/nested/blobs/sha256" && sha256sum ./*) >&2 || fail "other blobs"
}

test_what_is_missing_of_an_index_is_named() {
    STORE=-partial
    local name other
    name=$(at plain)/partial:1
    index_layout "$SCRATCH/partial"
    skopeo_copy --all --preserve-digests "oci:$SCRATCH/partial:x" "docker://$name"
    other=$(skopeo inspect --raw --tls-verify=false "docker://$name" | jq -r '.manifests[1].digest')
    swiftlet pull -q "$name" > /dev/null
    refused "the store has not all of linux/s390x $other, unknown/unknown sha256:" swiftlet push --all-platforms "$name" "$(at plain)/partial:2"
    refused "linux/s390x $other" swiftlet save --all-platforms -o "$SCRATCH/partial.tar" "$name"
    [ ! -e "$SCRATCH/partial.tar" ] || fail "half an image was saved"
    expect 0 swiftlet push "$name" "$(at plain)/partial:2"; contains "$out" "; without 2 more of its index)"
    same "$(raw_digest_at "$(at plain)/partial:2")" "$(skopeo inspect --raw --tls-verify=false "docker://$name" | jq -r '.manifests[0].digest')"
    refused "it did not come as an index" swiftlet push --all-platforms "$(swiftlet images -q | head -n 1)" "$(at plain)/partial:3"
    expect 0 swiftlet pull --all-platforms "$name"; contains "$out" "(3 manifests, 3 blobs fetched)"
    expect 0 swiftlet push --all-platforms "$name" "$(at plain)/partial:2"
    same "$(raw_digest_at "$(at plain)/partial:2")" "$(raw_digest_at "$name")"
}

test_registry_errors_are_one_line_and_leave_nothing() {
    STORE=-errors
    swiftlet images > /dev/null
    refused "not found (404)" swiftlet pull "$(at plain)/nothing/here:1"
    refused "http://127.0.0.1:1: connection refused (ECONNREFUSED)" swiftlet pull 127.0.0.1:1/x
    refused "not a reference" swiftlet pull "UPPER case"
    refused "no such image" swiftlet push "$(at plain)/nothing:1"
    # A blob of the registry is not what it was.
    skopeo_copy "oci:$SCRATCH/three:1.0" "docker://$(at plain)/damaged:1"
    local blob
    blob=$(find "$SCRATCH/plain-data/docker/registry/v2/blobs" -name data -size +200k | head -n 1)
    cp "$blob" "$SCRATCH/saved"
    printf X | dd of="$blob" bs=1 seek=150000 conv=notrunc status=none
    refused "digest sha256:" swiftlet pull "$(at plain)/damaged:1"
    cp "$SCRATCH/saved" "$blob"
    expect 0 swiftlet pull "$(at plain)/damaged:1"
}

test_an_interrupted_pull_leaves_nothing() {
    STORE=-interrupted
    swiftlet images > /dev/null
    kill -STOP "$(cat "$SCRATCH/plain.pid")"
    # Not through the function above: the process itself is to get the signal.
    "$BIN/swiftlet" --root "$SCRATCH/store-interrupted" pull "$(at plain)/team/app:1" > "$SCRATCH/out" 2> "$SCRATCH/err" < /dev/null &
    local pid=$! status=0
    # Its connection is there, and nobody answers.
    until_true 10 bash -c "ss -tnp state established dst $(at plain) | grep -q swiftlet"
    kill -TERM $pid # SIGINT is ignored in what a shell has in its background
    wait $pid || status=$?
    kill -CONT "$(cat "$SCRATCH/plain.pid")"
    same "$status" 143
    contains "$(cat "$SCRATCH/err")" "pull: interrupted by SIGTERM"
    one_line "$(cat "$SCRATCH/err")"
    same "$(find "$SCRATCH/store-interrupted"/{tmp,blobs/sha256,overlay/layers} -mindepth 1)" ""
    expect 0 swiftlet pull "$(at plain)/team/app:1"
}

# A proxy that answers CONNECT for any name by way of the registry at port $1 and writes down what it was asked; its port goes to proxy.port.
start_proxy() {
    cat > "$SCRATCH/proxy.py" <<'PY'
import socket, sys, threading
listener = socket.create_server(("127.0.0.1", 0))
open(sys.argv[2] + ".new", "w").write(str(listener.getsockname()[1]))
import os; os.rename(sys.argv[2] + ".new", sys.argv[2])
def pump(a, b):
    try:
        while data := a.recv(65536): b.sendall(data)
        b.shutdown(socket.SHUT_WR)
    except OSError: pass
def serve(client):
    head = b""
    while b"\r\n\r\n" not in head: head += client.recv(4096)
    open(sys.argv[3], "a").write(head.decode().replace("\r", ""))
    if b"Basic dXNlcjpwQHNz" not in head.replace(b"basic", b"Basic"): return client.sendall(b"HTTP/1.1 407 no\r\nContent-Length: 0\r\n\r\n")
    server = socket.create_connection(("127.0.0.1", int(sys.argv[1])))
    client.sendall(b"HTTP/1.1 200 ok\r\n\r\n")
    threading.Thread(target=pump, args=(server, client), daemon=True).start()
    pump(client, server)
while True: threading.Thread(target=serve, args=(listener.accept()[0],), daemon=True).start()
PY
    rm -f "$SCRATCH/proxy.port"
    python3 "$SCRATCH/proxy.py" "$1" "$SCRATCH/proxy.port" "$SCRATCH/proxy.asked" < /dev/null > /dev/null 2>&1 &
    echo $! > "$SCRATCH/proxy.pid"
    until_true 20 test -s "$SCRATCH/proxy.port"
}

test_a_proxy_of_the_environment_is_used_but_for_what_is_excepted() {
    STORE=proxy
    local proxy asked
    start_proxy "$(cat "$SCRATCH/plain.port")"
    trap 'kill "$(cat "$SCRATCH/proxy.pid")"' EXIT
    proxy="user:p%40ss@127.0.0.1:$(cat "$SCRATCH/proxy.port")"
    http_proxy=http://$proxy expect 0 swiftlet pull -q --plain-http registry.invalid:5000/team/app:1
    contains "$(cat "$SCRATCH/proxy.asked")" "CONNECT registry.invalid:5000 "
    asked=$(grep -c CONNECT "$SCRATCH/proxy.asked")
    # What is named in no_proxy is looked for itself, and loopback always.
    http_proxy=http://$proxy no_proxy=other.example,.invalid expect 1 swiftlet pull -q --plain-http registry.invalid:5000/team/app:1
    one_line "$err"; contains "$err" "no such host"
    same "$(grep -c CONNECT "$SCRATCH/proxy.asked")" "$asked"
    http_proxy=http://127.0.0.1:1 expect 0 swiftlet pull -q "$(at plain)/team/app:1"
    http_proxy=ftp://proxy expect 1 swiftlet pull -q --plain-http registry.invalid:5000/team/app:1
    one_line "$err"; contains "$err" "http_proxy"
    http_proxy=http://127.0.0.1:$(cat "$SCRATCH/proxy.port") expect 1 swiftlet pull -q --plain-http registry.invalid:5000/team/app:1
    one_line "$err"; contains "$err" "the proxy wants other credentials"
}
