import Glibc
internal import LinuxSys
internal import OCI

extension Apply {
    func becomeNamespaceRoot() throws(SysError) {
        try setGroup(0)
        try setUser(0)
    }

    /// A kernel without keys has none to give away either.
    func joinKeyring(_ name: String) throws(SysError) {
        do { try joinSessionKeyring(name) } catch  where error.errno == ENOSYS { return }
    }

    /// Standard streams as the request says; owned by the program's user, so that it may open /dev/stdout again.
    func connectStreams(_ owner: UInt32) throws(SysError) {
        if let terminal {
            for number in 0...2 as ClosedRange<Int32> { try terminal.fd.place(at: number) }
            try terminal.fd.becomeControllingTerminal()
            let group = try terminal.fd.info(name: "terminal").gid
            try terminal.fd.setOwner(uid: owner, gid: group, name: "terminal")
            return
        }
        guard case .descriptors(let stdin, let stdout, let stderr) = context.streams else { throw SysError(ENOTTY, "open", on: "terminal") }
        // Copies first: the numbers lent may be among those that are about to be replaced.
        let input = try copy(stdin)
        let output = try copy(stdout)
        let errors = try copy(stderr)
        try connect(input.fd, 0, owner)
        try connect(output.fd, 1, owner)
        try connect(errors.fd, 2, owner)
    }

    private func connect(_ stream: borrowing FD, _ number: Int32, _ owner: UInt32) throws(SysError) {
        try stream.place(at: number)
        giveAway(stream, to: owner)
    }

    private func copy(_ number: Int32?) throws(SysError) -> FDBox {
        guard let number else { return FDBox(try context.null.fd.duplicate()) }
        return FDBox(try FD.copy(of: number))
    }

    /// Best effort: a stream that belongs elsewhere (a file on a read-only mount, an unmapped owner) stays as it is.
    private func giveAway(_ stream: borrowing FD, to owner: UInt32) {
        guard let info = try? stream.info(), info.uid != owner, !(info.isCharacterDevice && info.major == 1 && info.minor == 3) else {
            return
        }
        try? stream.setOwner(uid: owner, gid: info.gid, name: "stream")
    }

    /// What is not kept goes for good; CAP_SETPCAP is needed, so this comes before the change of user.
    func limitBoundingSet(_ kept: CapabilitySet) throws(SysError) {
        for number in 0..<64 where !kept.contains(number: number) {
            // EINVAL: the kernel has no more of them. EPERM: nothing may be dropped, nor need be if it is not there.
            do { try ProcessControl.dropFromBoundingSet(number) } catch {
                if error.errno == EINVAL { return }
                guard error.errno == EPERM, ProcessControl.boundingSetHas(number) != true else { throw error }
            }
        }
    }

    mutating func setIdentity(_ plan: IdentityPlan) throws(SysError) {
        if plan.keepsCapabilities { try ProcessControl.keepCapabilities(true) }
        do { try setGroups(plan.additional) } catch {
            // Where it is forbidden for all of the user namespace, the groups are those of the user who made it, and mean nothing there.
            guard error.errno == EPERM, plan.additional.isEmpty, try groupsAreDenied() else { throw error }
        }
        try setGroup(plan.gid)
        try setUser(plan.uid)
        if plan.keepsCapabilities { try ProcessControl.keepCapabilities(false) }
        if let refusedDirectory { try enter(refusedDirectory) }
    }

    /// user_namespaces(7), "The /proc/[pid]/setgroups file".
    private func groupsAreDenied() throws(SysError) -> Bool {
        guard context.spec.linux.namespace(.user) != nil else { return false }
        let text = try context.proc.fd.open("self/setgroups", O_RDONLY, resolve: .beneath).readAll(limit: 64)
        return String(decoding: text, as: UTF8.self).hasPrefix("deny")
    }

    func setMemoryPolicy(_ policy: MemoryPolicySpec) throws(SysError) {
        let nodes = policy.nodes.map { " \($0.numbers.map(String.init).joined(separator: ","))" } ?? ""
        try LinuxSys.setMemoryPolicy(policy.number, policy.nodes?.words ?? [], name: policy.mode.rawValue + nodes)
    }

    /// A process that may not be traced cannot write its own files in /proc from within a user namespace; nobody is in the
    /// container yet who could make use of the moment.
    func setLabel(_ label: SecurityLabel) throws(SysError) {
        let isEnclosed = context.spec.linux.namespace(.user) != nil
        if isEnclosed { try ProcessControl.allowTracing() }
        try context.host.apply(label)
        if isEnclosed { try ProcessControl.forbidTracing() }
    }

    /// A set can only shrink: what this process (a runtime that was itself confined) does not have is left out.
    func keepOnly(_ effective: CapabilitySet, _ permitted: CapabilitySet) throws(SysError) {
        let had = try permittedCapabilities()
        try ProcessControl.clearAmbient()
        try LinuxSys.setCapabilities(effective: effective.intersection(had), permitted: permitted.intersection(had))
    }

    func makeWorkingDirectory(_ path: String) throws(SysError) {
        do {
            _ = try root.makeDirectory(path)
        } catch {
            // On a read-only file system it is told when it is entered.
            guard error.errno == EROFS || error.errno == EACCES else { throw SysError(error.errno, "chdir", on: path) }
        }
    }

    /// By a descriptor that was resolved inside the root without magic links, and asked again afterwards: a leaked
    /// descriptor must not become the way out (CVE-2024-21626).
    mutating func enterWorkingDirectory(_ path: String) throws(SysError) {
        do { try enter(path) } catch  where error.errno == EACCES { refusedDirectory = path }
    }

    private func enter(_ path: String) throws(SysError) {
        let place: FD
        do { place = try root.fd.open(path, openPathOnly | O_DIRECTORY, resolve: .asRoot) } catch {
            throw SysError(error.errno, "chdir", on: path)
        }
        try place.makeCurrentDirectory(name: path)
        guard try currentDirectory().hasPrefix("/") else { throw SysError(ENOENT, "chdir", on: "\(path) (outside the container's root)") }
    }

    /// Through the host's procfs, opened before anything of the container existed and refused where something is
    /// mounted over a part of it (CVE-2025-52881). The namespaces are those of the writer.
    func setParameter(_ parameter: SysctlSpec) throws(SysError) {
        let path = "sys/" + parameter.components.joined(separator: "/")
        do {
            try context.host.openForWriting(path).writeAll(Array(parameter.value.utf8))
        } catch {
            throw SysError(error.errno, "sysctl", on: "\(parameter.name)=\(parameter.value)")
        }
    }

    mutating func locateProgram(_ name: String, _ uid: UInt32) throws(SysError) {
        if !environment.contains(where: { $0.hasPrefix("HOME=") }) { environment.append("HOME=\(Passwd.home(of: uid, in: root))") }
        program = try ProgramSearch(environment: environment).find(name)
    }
}
