internal import Cgroups
import Executor
import Glibc
import LinuxSys
import OCI

/// `checkpoint`: a container's processes written into files by criu.
struct CheckpointCommand {
    private let call: Invocation
    private let record: ContainerRecord
    private let process: FDBox
    private let spec: RuntimeSpec

    init(_ call: Invocation) throws(CommandError) {
        self.call = call
        record = try call.container(.checkpoint)
        let status = record.status(call.store)
        guard status == .running || status == .paused, let process = record.living() else {
            throw .state(operation: "checkpoint", id: record.id, reason: "container cannot be checkpointed in \(status.rawValue) state")
        }
        self.process = process
        spec = try call.store.spec(record)
    }

    func run() throws(CommandError) -> Int32 {
        let keeps = call.given.has("leave-running") || call.given.has("pre-dump")
        let statusDescriptor = try call.given.number("status-fd", in: 0...1024)
        _ = try executor { () throws(ExecutorFailure) in try CriuSession.find(call.criu, for: "checkpoint") }
        let places = try CriuPlaces(call.given, makes: true)
        let request = try request(places)
        if !call.given.has("pre-dump") {
            try kernel { () throws(SysError) in try CriuBundle.writeDescriptors(of: record.process.pid, to: places.images.fd) }
        }
        let session = try executor { () throws(ExecutorFailure) in
            try CriuSession("checkpoint", program: call.criu, logPath: places.logPath(request), lent: [], group: nil)
        }
        _ = try executor { () throws(ExecutorFailure) in
            try session.run(request) { notice in report(notice, statusDescriptor) }
        }
        if !keeps { try DeleteCommand.remove(record, call) }
        return 0
    }

    private func report(_ notice: CriuSession.Notice, _ statusDescriptor: Int64?) {
        call.log.debug("criu: \(notice.script)")
        guard notice.script == "status-ready", let statusDescriptor else { return }
        write("\0", to: Int32(statusDescriptor))
        _ = close(Int32(statusDescriptor))
    }

    private func request(_ places: CriuPlaces) throws(CommandError) -> CriuRequest {
        var request = try places.request(call.given.has("pre-dump") ? .preDump : .dump)
        request.root = record.rootfs
        request.pid = record.process.pid
        request.freezer = record.cgroup.entries.first { $0.controller == "freezer" || $0.isUnified }?.path
        request.parent = try parent()
        request.pageServer = try pageServer()
        if request.kind == .dump {
            request.mounts = CriuBundle.mounts(spec, bundle: record.bundle).map { CriuPair(key: $0.key, value: $0.key) }
            request.mounts += CriuBundle.maskedFiles(spec, pid: record.process.pid).map { CriuPair(key: $0, value: "/dev/null") }
        }
        for (kind, name, key) in CriuBundle.outside {
            guard let path = spec.linux.namespace(kind)?.path else { continue }
            let inode = try kernel { () throws(SysError) in try FD.open(path, O_RDONLY).info(name: path).inode }
            request.external.append("\(name)[\(inode)]:\(key)")
        }
        return request
    }

    private func parent() throws(CommandError) -> String? {
        guard let path = call.given.value("parent-path") else { return nil }
        guard !path.hasPrefix("/") else { throw .usage("--parent-path: a path relative to --image-path expected, found \(path)") }
        let whole = "\(call.given.value("image-path") ?? "checkpoint")/\(path)"
        try kernel { () throws(SysError) in _ = try FD.open(whole, O_RDONLY | O_DIRECTORY) }
        return path
    }

    private func pageServer() throws(CommandError) -> (address: String, port: Int64)? {
        guard let text = call.given.value("page-server") else { return nil }
        guard let colon = text.lastIndex(of: ":"), colon != text.startIndex,
            let port = Arguments.integer(String(text[text.index(after: colon)...])), (1...65_535).contains(port)
        else { throw .usage("--page-server: HOST:PORT expected, found \(text)") }
        return (String(text[..<colon]), port)
    }
}
