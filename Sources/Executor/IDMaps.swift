internal import LinuxSys
internal import OCI

/// How the ids of a new user namespace get their meaning (user_namespaces(7), "Defining user and group ID mappings").
struct IDMaps: Equatable {
    enum Writer: Equatable {
        /// Into the file itself.
        case direct
        /// By a program with privileges, which knows what ids the user has been given (/etc/subuid, /etc/subgid).
        case helper(String)
    }

    private let uid: [IDMapping]
    private let gid: [IDMapping]
    let uidWriter: Writer
    let gidWriter: Writer
    /// Before somebody without privileges may map groups, setgroups(2) has to be forbidden for good.
    let deniesGroups: Bool

    /// For somebody with privileges.
    init(_ linux: LinuxSpec) { self.init(linux, .direct, .direct, deniesGroups: false) }

    /// For a user without privileges: only the own ids can be mapped without help, in one line.
    init(_ linux: LinuxSpec, uid: UInt32, gid: UInt32) {
        func isOwn(_ mappings: [IDMapping], _ id: UInt32) -> Bool {
            mappings.count == 1 && mappings[0].size == 1 && mappings[0].hostID == id
        }
        let ownGroup = isOwn(linux.gidMappings, gid)
        self.init(
            linux, isOwn(linux.uidMappings, uid) ? .direct : .helper("newuidmap"), ownGroup ? .direct : .helper("newgidmap"),
            deniesGroups: ownGroup)
    }

    private init(_ linux: LinuxSpec, _ uidWriter: Writer, _ gidWriter: Writer, deniesGroups: Bool) {
        (uid, gid) = (linux.uidMappings, linux.gidMappings)
        (self.uidWriter, self.gidWriter, self.deniesGroups) = (uidWriter, gidWriter, deniesGroups)
    }

    /// Whether the programs are there, before anything is made.
    func check() throws(ExecutorFailure) {
        for (writer, field) in [(uidWriter, "linux.uidMappings"), (gidWriter, "linux.gidMappings")] {
            guard case .helper(let name) = writer, (try? Self.find(name)) == nil else { continue }
            throw ExecutorFailure(
                operation: "config.json", subject: field,
                reason: "a user without privileges can map no more than its own id without \(name), which is not in PATH")
        }
    }

    func write(of pid: Int32, _ host: HostPlace) throws(ExecutorFailure) {
        try write(uid, uidWriter, "uid_map", pid, host)
        if deniesGroups { try sys { () throws(SysError) in try host.write("deny", of: pid, "setgroups") } }
        try write(gid, gidWriter, "gid_map", pid, host)
    }

    private func write(_ mappings: [IDMapping], _ writer: Writer, _ file: String, _ pid: Int32, _ host: HostPlace) throws(ExecutorFailure) {
        switch writer {
        case .direct: try sys { () throws(SysError) in try host.write(mappings.map(\.line).joined(), of: pid, file) }
        case .helper(let name):
            let words = ["\(pid)"] + mappings.flatMap { ["\($0.containerID)", "\($0.hostID)", "\($0.size)"] }
            let process = try sys { () throws(SysError) in try HelperProcess(Self.find(name), [name] + words, currentEnvironment()) }
            let status = try sys { () throws(SysError) in try process.wait(seconds: 30) }
            guard status != .code(0) else { return }
            let said = process.output
            throw ExecutorFailure(
                operation: name, subject: words.dropFirst().joined(separator: " "), reason: said.isEmpty ? "it failed" : said)
        }
    }

    private static func find(_ name: String) throws(SysError) -> String { try ProgramSearch(environment: currentEnvironment()).find(name) }
}
