/// What goes to a seccomp agent together with the listener (config-linux.md, "The Container Process State").
package struct ContainerProcessState: Equatable, Sendable {
    /// Of the process that has the filter, as the runtime sees it.
    package var pid: Int32
    /// As config.json has it.
    package var metadata: String?
    package var state: ContainerState

    package init(pid: Int32, metadata: String?, state: ContainerState) {
        self.pid = pid
        self.metadata = metadata
        self.state = state
    }

    package func encoded() -> [UInt8] {
        var document: JSONObject = [
            "ociVersion": .string(ContainerState.version), "fds": ["seccompFd"], "pid": .integer(Int64(pid)),
        ]
        if let metadata { document["metadata"] = .string(metadata) }
        document["state"] = state.json
        return JSON.object(document).encoded()
    }
}
