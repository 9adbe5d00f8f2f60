#!/bin/bash
# Exec, attach and port-forward as kubectl asks for them: SPDY, with an API server's stand-in between

prepare() {
    command -v kubectl > /dev/null || skip "needs kubectl (Debian's kubernetes-client)"
    make_archives
    cri_messages
}

by_kubectl() { timeout 200 /usr/bin/python3 Integration/scenarios/kubectl.py "$1" 1>&2; }

test_kubectl_exec_has_its_streams_and_its_exit_code() { by_kubectl exec_streams; }
test_kubectl_exec_has_a_terminal() { by_kubectl exec_terminal; }
test_kubectl_exec_of_much_data_and_a_slow_client() { by_kubectl exec_volume; }
test_kubectl_that_goes_takes_its_command_along() { by_kubectl gone_clients; }
test_kubectl_attach_beside_the_log() { by_kubectl attach; }
test_kubectl_port_forward_of_many_connections() { by_kubectl port_forward; }
