#!/bin/bash
# The unit tests of the executor on a host with cgroup v2 alone: user-mode Linux over this machine's files

test_the_unit_tests_of_the_executor_pass_on_cgroup_v2() {
    local tests
    tests=$(find "$PWD/.build" -path '*/debug/swiftletPackageTests.xctest' -type f 2>/dev/null | head -n 1)
    [ -n "$tests" ] || skip "needs the unit tests: swift build --build-tests"
    mkdir -p "$SCRATCH/uml"
    # The optimised swiftlet-oci takes the place of the one that the tests find beside them: this kernel is slow.
    cat > "$SCRATCH/uml/job" <<JOB
export HOME=/root
mount --bind "$BIN/swiftlet-oci" "$(dirname "$tests")/swiftlet-oci"
cd "$PWD"
exec unshare -m bash -c 'mount -t tmpfs tmpfs /tmp && mount -t tmpfs -o mode=755 tmpfs /run && exec "\$@"' sh \\
    "$tests" --skip-build --no-parallel --filter '^ExecutorTests\.' --testing-library swift-testing < /dev/null
JOB
    boot 900 1024
    local out=$SCRATCH/uml/out total bad absent
    total=$(grep -oE "Test run with [0-9]+ tests?" "$out" | grep -oE "[0-9]+" | tail -n 1) || fail "they did not end: $(tail -n 3 "$out")"
    bad=$(grep -cE '^. Test .* failed after' <(grep -vE '^. Test run with' "$out")) || :
    absent=$(grep -cE '^. Test .*"?\)? skipped(: |\.?$)' "$out") || :
    echo "    $((total - bad - absent)) passed, $bad failed, $absent skipped on cgroup v2"
    grep -E '^. Test .* skipped' "$out" | sed 's/^/    /'
    [ "$bad" = 0 ] || fail "$(grep -E '^. Test .* recorded an issue' "$out")"
    grep -qE '^. Test run with .* passed' "$out" || fail "$(tail -n 3 "$out")"
    same "$(cat "$SCRATCH/uml/status")" 0
    [ $((total - absent)) -ge 70 ] || fail "only $((total - absent)) of the tests ran"
}
