internal import TTRPC
internal import TTRPCLoop

/// What can be asked of a shim beyond containerd's task API, on the same socket: `swiftlet.shim.v1.Supervisor`.
///
///     ReopenLogs   Empty → Empty   every log file of the shim's containers is opened again under its name; answered when that is done (or SIGHUP,
///                                  which answers nothing)
enum SupervisorCall {
    static let service = "swiftlet.shim.v1.Supervisor"

    static func perform(_ call: ServerCall, _ tasks: TaskService) {
        guard call.request.method == "ReopenLogs" else {
            return call.fail(Status(.unimplemented, "method \(service)/\(call.request.method) is not served here"))
        }
        let containers = Array(tasks.containers.values)
        guard !containers.isEmpty else { return call.fail(Status(.notFound, "reopen logs: there is no task")) }
        var left = containers.count
        var problem: String?
        for container in containers {
            container.reopenLogs { found in
                problem = problem ?? found
                left -= 1
                guard left == 0 else { return }
                if let problem { call.fail(Status(.unknown, problem)) } else { call.reply([]) }
            }
        }
    }
}
