#!/bin/bash
# Pod networks: CNI plugins, in a network namespace of the test's own

prepare() {
    [ -x /usr/lib/cni/bridge ] || skip "needs containernetworking-plugins"
    unshare -n true 2> /dev/null || skip "needs leave to make network namespaces"
    make_archives
    cri_messages
}

# Nothing in here sees the host's network.
in_network() {
    timeout 120 unshare -n bash -c 'ip link set lo up; exec /usr/bin/python3 "$@"' _ Integration/scenarios/network.py "$1" 1>&2
}

test_pods_reach_each_other_and_a_host_port_leads_in() { in_network pods_reach_each_other; }
test_what_no_plugin_can_do_is_refused_before_anything_is_made() { in_network refusals_and_checks; }
test_without_a_network_the_reason_is_told_and_host_pods_run() { in_network no_network; }
test_a_plugin_that_fails_or_hangs_leaves_nothing() { in_network plugins_that_fail_and_hang; }
test_plugins_of_cni_1_1_are_asked_and_told() { in_network new_verbs; }
