internal import LinuxSys

/// Who is told what an executor does, and whose child the process is that it makes for the container.
struct Supervisor {
    /// In a command that is its own executor.
    private struct Local {
        /// The command's end of the channel.
        let end: FDBox
        let report: (ExecutorRecord, FDBox?) -> Void
    }

    /// The end that the container's process keeps: for records of its own, and for the word to start.
    let channel: FDBox
    private let local: Local?

    /// Another process, at the other end of `channel`; this one is an executor that it cloned.
    init(at channel: FDBox) {
        self.channel = channel
        local = nil
    }

    /// This process itself, which holds `end` as well.
    init(at channel: FDBox, end: FDBox, report: @escaping (ExecutorRecord, FDBox?) -> Void) {
        self.channel = channel
        local = Local(end: end, report: report)
    }

    var isThisProcess: Bool { local != nil }

    /// The container's process is the supervisor's own child, to be reaped through its pidfd.
    var childFlags: CloneFlags { isThisProcess ? [] : .parent }

    func tell(_ record: ExecutorRecord, with descriptor: FDBox? = nil) throws(ExecutorFailure) {
        if let local { return local.report(record, descriptor) }
        try sys { () throws(SysError) in try channel.fd.send(record.encoded, fds: descriptor.map { [$0.raw] } ?? []) }
    }

    /// Tells how long `body` took, if somebody wants to know.
    func timed<R>(_ name: String, _ isTraced: Bool, _ body: () throws(ExecutorFailure) -> R) throws(ExecutorFailure) -> R {
        guard isTraced else { return try body() }
        let start = realtimeNanoseconds()
        let result = try body()
        try tell(.span(name: name, start: start, end: realtimeNanoseconds()))
        return result
    }

    func warn(_ reason: String?) throws(ExecutorFailure) { if let reason { try tell(.warning(reason)) } }

    /// A failure is told before anything is undone, which may take its time.
    func tellingFailure<R>(then undo: () -> Void = {}, _ body: () throws(ExecutorFailure) -> R) throws(ExecutorFailure) -> R {
        do { return try body() } catch {
            try? tell(.failed(error))
            undo()
            throw error
        }
    }

    /// In the container's process: a copy of the command's end here would hide that the command is gone.
    func enterChild() throws(SysError) { if let local { try channel.fd.place(at: local.end.raw) } }
}
