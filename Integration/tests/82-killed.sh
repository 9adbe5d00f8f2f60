#!/bin/bash
# The store when swiftlet is killed: at one system call after the other, nothing that was committed is lost and nothing stays that gc leaves
#
# SWIFTLET_SWEEP_STRIDE: every how manieth call (make kill-sweep: 1).

STRIDE=${SWIFTLET_SWEEP_STRIDE:-17}
ROOT=$SCRATCH/swept
# The calls with which anything gets to the disk or goes from it.
CALLS="openat openat2 mkdirat mkdir renameat2 unlinkat unlink symlinkat linkat mknodat pwrite64 write fchownat fchmod utimensat fsync fdatasync syncfs flock ftruncate"

prepare() {
    command -v strace > /dev/null || skip "needs strace"
    image_of_layers 3 "$SCRATCH/three.tar" three:1
    image_of_layers 2 "$SCRATCH/two.tar" two:1
    swiftlet load -q "$SCRATCH/two.tar" > /dev/null
    cp -a "$ROOT" "$SCRATCH/with-two"
}

finish() { same "$(leftovers "$ROOT")" "" "left behind"; }

swiftlet() { PATH="$BIN:$PATH" "$BIN/swiftlet" --root "$ROOT" "$@"; }

# What the store holds, but for what changes from run to run.
state() { (cd "$ROOT" && ls blobs/* overlay/layers overlay/containers && ls overlay/l | wc -l && ls tmp) | sha256sum; }

restore() { rm -rf "$ROOT" && cp -a "$1" "$ROOT"; }

# sweep TEMPLATE COMMAND…: kills it at one call after the other, every STRIDEth. AGAIN=1: the command has to work afterwards.
sweep() {
    local template=$1 before after call count at place=0 killed=0
    shift
    restore "$template"
    swiftlet gc > /dev/null; before=$(state)
    swiftlet "$@" > /dev/null; swiftlet gc > /dev/null; after=$(state)
    restore "$template"
    strace -qq -f -c -S name -U name,calls -o "$SCRATCH/counts" "$BIN/swiftlet" --root "$ROOT" "$@" > /dev/null
    for call in $CALLS; do
        count=$(awk -v call="$call" '$1 == call {print $2}' "$SCRATCH/counts")
        # strace counts the calls of each kind for itself: one kind goes on where the other left off.
        for at in $(seq "${count:-0}"); do
            place=$((place + 1))
            [ $((place % STRIDE)) = 0 ] || continue
            killed_at "$call" "$at" "$@" && killed=$((killed + 1))
        done
    done
    echo "    killed $killed times in $place calls"
    [ $killed -gt 2 ] || fail "killed only $killed times"
}

# killed_at CALL NUMBER COMMAND…; 1 when it was not killed, because another thread makes that call.
killed_at() {
    local call=$1 at=$2 status=0 now
    shift 2
    restore "$template"
    (exec strace -qq -f -o /dev/null -e trace="$call" -e "inject=$call:signal=KILL:when=$at" \
        "$BIN/swiftlet" --root "$ROOT" "$@") > /dev/null 2>&1 || status=$?
    [ $status != 0 ] || return 1
    [ $status = 137 ] || fail "status $status instead of 137 at $call $at of $*"
    expect 0 swiftlet gc
    now=$(state)
    [ "$now" = "$before" ] || [ "$now" = "$after" ] || fail "half of it is there after $call $at of $*: $(cd "$ROOT" && find blobs overlay tmp -maxdepth 2)"
    expect 0 swiftlet check --deep
    [ -n "${AGAIN:-}" ] || return 0
    expect 0 swiftlet "$@"
    swiftlet gc > /dev/null
    same "$(state)" "$after" "a second try after $call $at"
}

test_a_load_that_is_killed_at_any_call_leaves_all_or_nothing() { AGAIN=1 sweep "$SCRATCH/with-two" load -q "$SCRATCH/three.tar"; }

test_a_removal_that_is_killed_at_any_call_leaves_all_or_nothing() {
    restore "$SCRATCH/with-two"
    swiftlet load -q "$SCRATCH/three.tar" > /dev/null
    cp -a "$ROOT" "$SCRATCH/with-both"
    sweep "$SCRATCH/with-both" rmi three:1
}

test_a_collection_that_is_killed_at_any_call_leaves_all_or_nothing() {
    restore "$SCRATCH/with-two"
    swiftlet load -q "$SCRATCH/three.tar" --name other:1 > /dev/null
    cp -a "$ROOT" "$SCRATCH/with-other"
    sweep "$SCRATCH/with-other" gc --all
}

test_a_commit_that_is_killed_at_any_call_leaves_all_or_nothing() {
    restore "$SCRATCH/with-two"
    swiftlet run --name maker two:1 /bin/busybox sh -c '/bin/busybox mkdir /made; for n in 1 2 3 4 5; do echo $n > /made/$n; done; /bin/busybox rm /f/0'
    cp -a "$ROOT" "$SCRATCH/with-container"
    export SOURCE_DATE_EPOCH=1700000000
    AGAIN=1 sweep "$SCRATCH/with-container" commit maker made:1
    restore "$SCRATCH/with-container"
    swiftlet rm maker > /dev/null
}
