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

test_the_pages_of_help_are_those_of_the_programs() {
    .ci/help-pages "$BIN" > "$SCRATCH/commands.md"
    diff -u docs/commands.md "$SCRATCH/commands.md" >&2 || fail "docs/commands.md is old: make help-pages"
}

test_install_puts_every_program_into_one_directory() {
    local program lines
    # What `make install` does, without building again.
    lines=$(make -n install PREFIX="$SCRATCH/prefix" RELEASE="$BIN")
    for program in containerd-shim-swiftlet-v2 swiftlet-oci swiftletd swiftlet mock-kubelet; do
        contains "$lines" "$program"
    done
}
