#!/bin/bash
# The unit tests under AddressSanitizer, in a build of its own. usage: asan.sh SCRATCH-DIRECTORY [FILTER]
set -euo pipefail
cd "$(dirname "$0")/../.."
swift=${SWIFT:-swift}
"$swift" build --build-tests --sanitize=address --scratch-path "$1" 2>&1 | grep -vE '^\[[0-9]+/[0-9]+\]|dlopen|mktemp' || :
# A clone that becomes a container's process has nothing to free, so that leaks are not looked for.
ASAN_OPTIONS=detect_leaks=0 "$swift" test --skip-build --sanitize=address --scratch-path "$1" ${2:+--filter "$2"}
