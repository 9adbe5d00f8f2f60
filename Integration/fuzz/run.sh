#!/bin/bash
# Fuzzes each target for some time, at a low priority, and ends 1 if one of them broke.
# usage: run.sh DIRECTORY-OF-THE-BUILD SECONDS [TARGET…]
# The corpus and what broke stay in DIRECTORY/corpus and DIRECTORY/found. Seeds come from the code, and from ../shared/vectors if they are there.
set -euo pipefail
cd "$(dirname "$0")/../.."
build=$(cd "$1" && pwd)
seconds=$2
shift 2
targets=("$@")
[ $# -gt 0 ] || targets=(frames spdy task config record executor tar pax manifest)
status=0
for target in "${targets[@]}"; do
    corpus=$build/corpus/$target
    mkdir -p "$corpus" "$build/found"
    # The names of fields, so that the fuzzer need not guess them.
    grep -rhoE '"[A-Za-z][A-Za-z0-9_.]{2,30}"' Sources/OCI Sources/Shim/TaskRecord.swift Sources/Images/Tar*.swift | sort -u \
        > "$build/$target.dictionary"
    # The first byte of an input says what it is (3: config.json).
    if [ "$target" = config ]; then
        for file in ../shared/vectors/runtime-spec/test/config/*/*.json; do
            [ -e "$file" ] && { printf '\3'; cat "$file"; } > "$corpus/vector-$(basename "$file" .json)"
        done
    fi
    most=65536
    case $target in tar) most=16384 ;; frames | spdy | task | pax | executor | record) most=4096 ;; esac
    log=$build/$target.log
    if FUZZ_TARGET=$target FUZZ_SEEDS=$corpus ASAN_OPTIONS=detect_leaks=1 nice -n 19 "$build/fuzz" "$corpus" -max_total_time="$seconds" \
        -max_len=$most -timeout=120 -rss_limit_mb=2048 -dict="$build/$target.dictionary" -artifact_prefix="$build/found/$target-" \
        -print_final_stats=1 > "$log" 2>&1; then
        echo "ok - $target: $(sed -n 's/^stat::number_of_executed_units: *//p' "$log") inputs, $(grep -oE 'cov: [0-9]+' "$log" | tail -n 1 | cut -d ' ' -f 2) edges, $(find "$corpus" -type f | wc -l) kept"
    else
        echo "not ok - $target: see $log and $build/found"
        grep -E 'ERROR|Fatal error|SUMMARY|Test unit written' "$log" | head -n 5 || :
        status=1
    fi
done
exit $status
