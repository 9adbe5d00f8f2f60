internal import Glibc
internal import Images
internal import LinuxSys

/// What every command works with: where things are stored, and how to speak.
struct Context: Sendable {
    /// Of everything that this program hands to shims (containerd's namespaces).
    static let namespace = "swiftlet"
    let root: String
    let store: Store
    let journal: Journal

    init(_ options: GlobalOptions, _ journal: Journal) throws {
        self.journal = journal
        let wanted = options.root ?? Self.environment["SWIFTLET_ROOT"].flatMap { $0.isEmpty ? nil : $0 } ?? GlobalOptions.defaultRoot
        guard geteuid() == 0 else { throw CommandFailure("start", "swiftlet", "must be run as root") }
        guard !wanted.isEmpty, !wanted.utf8.contains(0), !wanted.utf8.contains(0x0a) else {
            throw CommandFailure("open store", wanted, "not a path")
        }
        root = wanted.hasPrefix("/") ? wanted : "\(try Self.workingDirectory())/\(wanted)"
        store = try Store(root: root)
        try Files.makeDirectory("\(root)/containers")
        journal.debug("store \(root) is open")
    }

    static let environment: [String: String] = {
        var result: [String: String] = [:]
        var entry = unsafe environ
        while let text = unsafe entry.pointee {
            let pair = unsafe String(cString: text).split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            if pair.count == 2 { result[String(pair[0])] = String(pair[1]) }
            unsafe entry += 1
        }
        return result
    }()

    static func workingDirectory() throws -> String {
        guard let path = unsafe getcwd(nil, 0) else { throw SysError(errno, "getcwd") }
        defer { unsafe free(path) }
        return unsafe String(cString: path)
    }

    /// Bundle, log and FIFOs of one container.
    func directory(of id: String) -> String { "\(root)/containers/\(id)" }

    /// By id, name or prefix; those of pods belong to the plugin.
    func container(_ reference: String) throws -> Container {
        let record = try store.container(reference)
        guard record.sandbox == nil else {
            throw CommandFailure("find container", reference, "it belongs to pod \(record.sandbox ?? ""): name it POD/CONTAINER")
        }
        return try Container(record, self)
    }

    func containers() throws -> [Container] {
        var result: [Container] = []
        for record in try store.containers() where record.sandbox == nil { result.append(try Container(record, self)) }
        return result
    }
}
