internal import Messages

/// `exec POD/CONTAINER` without a terminal or input: CRI's ExecSync.
struct PodExec {
    let command: [String]

    func perform(_ name: String, _ client: DaemonClient) async throws -> Int32 {
        var request = Runtime_V1_ExecSyncRequest()
        (request.containerID, request.cmd) = (try await client.inventory().container(name).id, command)
        // It ends when the command does.
        let answer = try await client.call(
            "ExecSync", request, as: Runtime_V1_ExecSyncResponse.self, about: name, timeout: .seconds(1 << 30))
        _ = StandardStream.output.write(Array(answer.stdout))
        _ = StandardStream.error.write(Array(answer.stderr))
        return answer.exitCode & 0xff
    }
}
