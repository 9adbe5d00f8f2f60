#!/bin/bash
# CRI as gRPC clients speak it, through a front that copies bytes

prepare() {
    make_archives
    cri_messages
}

test_grpc_calls_arrive_and_their_status_comes_back() { timeout 100 /usr/bin/python3 Integration/scenarios/grpc_front.py 1>&2; }
