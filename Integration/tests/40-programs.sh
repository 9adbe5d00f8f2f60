#!/bin/bash
# The programs as files

test_both_static_programs_have_no_interpreter() {
    local program
    for program in containerd-shim-swiftlet-v2 swiftlet-oci; do
        readelf -lW "$BIN/$program" > "$SCRATCH/elf"
        if grep -q INTERP "$SCRATCH/elf"; then fail "$program has a program interpreter"; fi
    done
}

test_every_program_tells_its_version_and_help() {
    local program
    for program in swiftlet swiftletd swiftlet-oci mock-kubelet; do
        expect 0 "$BIN/$program" --version; [ -n "$out" ] || fail "$program --version says nothing"
        expect 0 "$BIN/$program" --help; [ -n "$out" ] || fail "$program --help says nothing"
    done
    expect 0 "$BIN/containerd-shim-swiftlet-v2" -version
    contains "$out" "swiftlet"
}

test_lint_is_clean() { expect 0 .ci/lint "$BIN"; }
