#!/bin/bash
# A fault at every step of a container's life (see main.swift). usage: run.sh DIRECTORY-OF-PROGRAMS STRIDE [FAULT]
set -euo pipefail
cd "$(dirname "$0")"
bin=$(cd ../.. && cd "$1" && pwd)
stepper=$(mktemp)
trap 'rm -f "$stepper"' EXIT
compiler=$(command -v clang || command -v cc)
"$compiler" -O1 -Wall -Wextra -o "$stepper" stepper.c
"$bin/shim-sweep" "$bin/containerd-shim-swiftlet-v2" "$stepper" "$2" ${3:+"$3"}
