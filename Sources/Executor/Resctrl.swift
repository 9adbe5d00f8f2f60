import Glibc
package import LinuxSys
internal import OCI

/// Does what a `ResctrlPlan` says, below a directory.
package struct Resctrl: Sendable {
    private let root: FDBox
    private let path: String
    private let plan: ResctrlPlan

    /// Nil when the container asks for nothing. Throws where no resctrl file system is mounted.
    static func find(_ spec: IntelRdtSpec?, id: String) throws(ExecutorFailure) -> Resctrl? {
        guard let spec else { return nil }
        let table = try sys { () throws(SysError) in try FD.open("/proc/self/mountinfo", O_RDONLY).readAll(limit: 16 << 20) }
        guard let place = mountPoint(in: String(decoding: table, as: UTF8.self)) else {
            throw ExecutorFailure(
                operation: "config.json", subject: "linux.intelRdt",
                reason: "no resctrl file system is mounted (the processor, the kernel or the mount is missing)")
        }
        return try sys { () throws(SysError) in try Resctrl(ResctrlPlan(spec, id: id), at: place) }
    }

    package init(_ plan: ResctrlPlan, at path: String) throws(SysError) {
        root = FDBox(try FD.open(path, openPathOnly | O_DIRECTORY))
        self.path = path
        self.plan = plan
    }

    /// proc_pid_mountinfo(5): the mount point is the fifth field, the type the first behind the lone dash.
    package static func mountPoint(in table: String) -> String? {
        for line in table.split(separator: "\n") {
            let fields = line.split(separator: " ")
            guard let dash = fields.firstIndex(of: "-"), fields.count > dash + 1, fields[dash + 1] == "resctrl", fields.count > 4 else {
                continue
            }
            return String(fields[4])
        }
        return nil
    }

    /// Undone by itself when it throws half way.
    package func prepare() throws(ExecutorFailure) {
        var made: [String] = []
        var isNew = false
        do {
            for step in plan.steps { try perform(step, &made, &isNew) }
        } catch {
            for directory in made.reversed() { _ = try? remove(directory) }
            throw error
        }
    }

    private func perform(_ step: ResctrlStep, _ made: inout [String], _ isNew: inout Bool) throws(ExecutorFailure) {
        switch step {
        case .make(let directory):
            try sys { () throws(SysError) in try make(directory) }
            made.append(directory)
        case .makeIfMissing(let directory):
            isNew = try sys { () throws(SysError) in try makeIfMissing(directory) }
        // It may have a second user by now, so it stays.
        case .require(let directory):
            do { _ = try open(directory, openPathOnly | O_DIRECTORY) } catch {
                throw ExecutorFailure(
                    operation: "config.json", subject: "linux.intelRdt.closID", reason: "there is no class \(directory) in \(path)")
            }
        case .write(let file, let lines): try sys { () throws(SysError) in try write(file, lines) }
        case .compare(let file, let lines):
            // A class that was made here has what the kernel gives to new ones.
            if isNew { return try sys { () throws(SysError) in try write(file, lines) } }
            let bytes = try sys { () throws(SysError) in try open(file, O_RDONLY).readAll(limit: 1 << 20) }
            let found = String(decoding: bytes, as: UTF8.self)
            for line in lines where ResctrlSchema(line)?.holds(in: found) != true {
                throw ExecutorFailure(
                    operation: "config.json", subject: "linux.intelRdt", reason: "the class that is there differs from \(line)")
            }
        }
    }

    /// The process' number, into its class and its monitoring group.
    package func add(pid: Int32) throws(SysError) {
        for file in plan.taskFiles { try write(file, ["\(pid)"]) }
    }

    /// Only what was made for this container alone; what is gone is fine.
    package func remove() throws(SysError) {
        for directory in plan.removals {
            do { try remove(directory) } catch  where error.errno == ENOENT { continue }
        }
    }

    private func open(_ name: String, _ flags: Int32) throws(SysError) -> FD {
        do { return try root.fd.open(name.isEmpty ? "." : name, flags, resolve: .plain) } catch {
            throw SysError(error.errno, "open", on: "\(path)/\(name)")
        }
    }

    private func make(_ directory: String) throws(SysError) {
        try checkErrno("mkdir", on: "\(path)/\(directory)") { unsafe mkdirat(root.raw, directory, 0o755) }
    }

    private func makeIfMissing(_ directory: String) throws(SysError) -> Bool {
        if directory.isEmpty { return false }
        do { try make(directory) } catch  where error.errno == EEXIST { return false }
        return true
    }

    private func write(_ file: String, _ lines: [String]) throws(SysError) {
        let opened = try open(file, O_WRONLY)
        for line in lines {
            do { try opened.writeAll(Array("\(line)\n".utf8)) } catch {
                throw SysError(error.errno, "write", on: "\(path)/\(file) \(line)")
            }
        }
    }

    private func remove(_ directory: String) throws(SysError) {
        try checkErrno("rmdir", on: "\(path)/\(directory)") { unsafe unlinkat(root.raw, directory, 0x200 /* AT_REMOVEDIR */) }
    }
}
