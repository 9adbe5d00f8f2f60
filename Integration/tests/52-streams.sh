#!/bin/bash
# Exec, Attach and PortForward: ttrpc streams, and WebSockets with a library of strangers

prepare() {
    /usr/bin/python3 -c "import websockets" 2> /dev/null || skip "needs python3-websockets"
    make_archives
    cri_messages
    protoc -I proto --python_out="$SCRATCH/keep-py" proto/swiftlet/plugin/v1/streaming.proto
}

streams() { timeout 100 /usr/bin/python3 Integration/scenarios/streams.py "$1" 1>&2; }

test_exec_over_a_websocket() { streams websocket_exec; }
test_exec_of_a_slow_client_and_a_slow_program() { streams back_pressure; }
test_a_client_that_goes_takes_its_command_along() { streams gone_clients; }
test_streams_that_are_refused_say_why() { streams refusals; }
test_exec_as_a_ttrpc_stream() { streams ttrpc_streams; }
test_attach_beside_the_log_and_after_a_restart() { streams attach; }
test_ports_of_a_pod_are_forwarded() { streams port_forward; }
