#!/bin/bash
# The mock kubelet, swiftletd and the shims: the pod of `make run`

test_the_demonstration_pod_runs_as_expected() {
    expect 0 Integration/demo/run.sh "$BIN"
    contains "$out" Exited
}
