import Glibc
internal import LinuxSys
package import OCI

extension BundleRequest {
    /// The OCI bundle at `bundle` (made when it is not there): `config.json`, which is returned, and an empty `rootfs` for the mounts of
    /// `root`.
    @discardableResult package func write(to bundle: String, root: ContainerRoot) throws(ImageError) -> JSON {
        var layers: [FDBox] = []
        for path in [root.initDir] + root.lowerDirs {
            layers.append(try kernel { () throws(SysError) in FDBox(try FD.open(path, O_RDONLY | O_DIRECTORY)) })
        }
        let tree = MergedTree(layers: layers)
        let place = root.initDir.split(separator: "/").dropLast().map { "/" + $0 }.joined()
        let home = try kernel { () throws(SysError) in FDBox(try FD.open(place, O_RDONLY | O_DIRECTORY)) }
        let volumes = try imageVolumes(in: tree, home: home, path: place, limits: UnpackLimits())
        let document = try spec(in: tree, volumes: volumes)
        try kernel { () throws(SysError) in
            if unsafe mkdir(bundle, 0o700) != 0, Glibc.errno != EEXIST { throw SysError(Glibc.errno, "mkdir", on: bundle) }
            let directory = try FD.open(bundle, O_RDONLY | O_DIRECTORY)
            let rootfs = FileName(own: "rootfs")
            if try directory.status(of: rootfs) == nil { try directory.makeDirectory(rootfs, mode: 0o755) }
            // Whole or not at all.
            let (name, temporary) = (FileName(own: "config.json"), FileName(own: ".config.json.new"))
            try directory.removeEntry(temporary, isDirectory: false)
            do {
                let file = try directory.openEntry(temporary, O_WRONLY | O_CREAT | O_EXCL, mode: 0o600)
                try file.writeAll(document.encoded(pretty: true))
                try file.close()
            }
            try directory.rename(temporary, in: directory, to: name, replacing: true)
        }
        return document
    }

    /// The runtime-spec's document (config.md, config-linux.md).
    func spec(in tree: MergedTree, volumes: [ImageVolume] = []) throws(ImageError) -> JSON {
        let accounts = try Accounts(tree)
        let account: Account
        do { account = try self.account(in: accounts) } catch { throw ImageError(error) }
        var document: JSONObject = [:]
        document["ociVersion"] = "1.0.2"
        document["process"] = try process(account)
        document["root"] = ["path": "rootfs", "readonly": .bool(readOnlyRoot)]
        if let hostname, owns(.uts) { document["hostname"] = .string(hostname) }
        document["mounts"] = .array(try mounts(volumes))
        document["annotations"] = .map(allAnnotations)
        document["linux"] = try linux()
        return .object(document)
    }

    private func account(in accounts: Accounts) throws(AccountError) -> Account {
        let text = user ?? image.run.user
        var account = try accounts.resolve(text)
        switch imageGroups {
        case .ofUserField: break
        case .always: account.groups = try accounts.resolve(String(text.prefix { $0 != ":" })).groups.filter { $0 != account.gid }
        case .never: account.groups = []
        }
        return account
    }

    /// image-spec, conversion.md "Annotation Fields": labels, then what the image says of itself, then the caller's.
    private var allAnnotations: [String: String] {
        // An image does not say how this software treats it.
        var result = image.run.labels.filter { !$0.key.hasPrefix("io.swiftlet.") }
        let fields = [
            "org.opencontainers.image.os": image.os, "org.opencontainers.image.architecture": image.architecture,
            "org.opencontainers.image.variant": image.variant ?? "", "org.opencontainers.image.created": image.created ?? "",
            "org.opencontainers.image.stopSignal": image.run.stopSignal ?? "",
            "org.opencontainers.image.exposedPorts": image.run.exposedPorts.joined(separator: ","),
        ]
        for (name, value) in fields where !value.isEmpty { result[name] = value }
        return result.merging(annotations) { $1 }
    }

    private func process(_ account: Account) throws(ImageError) -> JSON {
        var process: JSONObject = [:]
        process["terminal"] = .bool(terminal)
        if terminal, let consoleSize {
            process["consoleSize"] = ["height": .integer(Int64(consoleSize.rows)), "width": .integer(Int64(consoleSize.columns))]
        }
        let own = account.groups
        let groups = own + additionalGroups.filter { !own.contains($0) }
        process["user"] = [
            "uid": .integer(Int64(account.uid)), "gid": .integer(Int64(account.gid)),
            "additionalGids": .array(groups.map { .integer(Int64($0)) }),
        ]
        process["args"] = .array(try command().map { .string($0) })
        process["env"] = .array(try allEnvironment(home: account.home).map { .string($0) })
        process["cwd"] = .string(try directory())
        process["capabilities"] = try capabilities(of: account)
        if let apparmorProfile { process["apparmorProfile"] = .string(apparmorProfile) }
        if let processLabel { process["selinuxLabel"] = .string(processLabel) }
        process["noNewPrivileges"] = .bool(noNewPrivileges)
        if let oomScoreAdjustment { process["oomScoreAdj"] = .integer(Int64(oomScoreAdjustment)) }
        process["rlimits"] = .array(limits.map { ["type": .string($0.type), "soft": .unsigned($0.soft), "hard": .unsigned($0.hard)] })
        return .object(process)
    }

    private func capabilities(of account: Account) throws(ImageError) -> JSON {
        func list(_ names: [String]) -> JSON { .array(names.map { .string($0) }) }
        let ambient = ambientCapabilities.isEmpty ? [] : try CapabilityChoice(named: ambientCapabilities).names
        let all = try CapabilityChoice(add: addCapabilities + ambient, drop: dropCapabilities, privileged: privileged).names
        // A user who is not root holds none until it executes a program that has some, as with any other user.
        let held = account.uid == 0 ? all : ambient
        var sets: JSONObject = ["bounding": list(all), "effective": list(held), "permitted": list(held)]
        if !ambient.isEmpty { (sets["inheritable"], sets["ambient"]) = (list(ambient), list(ambient)) }
        return .object(sets)
    }

    private func command() throws(ImageError) -> [String] {
        let head = entrypoint ?? image.run.entrypoint
        let given = arguments ?? []
        // An entrypoint of the caller's own does not go with the image's command.
        let tail = given.isEmpty && entrypoint == nil ? image.run.command : given
        let words = head + tail
        guard let program = words.first, !program.isEmpty else {
            throw .invalid(what: "command", value: "", reason: "neither the image nor the caller names a program")
        }
        if let bad = words.first(where: { $0.utf8.contains(0) }) {
            throw .invalid(what: "argument", value: bad, reason: "a zero byte in it")
        }
        return words
    }

    private func directory() throws(ImageError) -> String {
        let path = workingDirectory ?? (image.run.workingDirectory.isEmpty ? "/" : image.run.workingDirectory)
        guard path.hasPrefix("/"), !path.utf8.contains(0) else {
            throw .invalid(what: "working directory", value: path, reason: "an absolute path expected")
        }
        return path
    }

    private func allEnvironment(home: String) throws(ImageError) -> [String] {
        var result: [String] = []
        func add(_ variable: String) {
            let name = variable.prefix { $0 != "=" } + "="
            result.removeAll { $0.hasPrefix(name) }
            result.append(variable)
        }
        add("PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin")
        if terminal { add("TERM=xterm") }
        if let hostname { add("HOSTNAME=\(hostname)") }
        add("HOME=\(home)")
        for variable in image.run.environment + environment {
            guard let equals = variable.firstIndex(of: "="), equals > variable.startIndex, !variable.utf8.contains(0) else {
                throw .invalid(what: "environment variable", value: variable, reason: "NAME=value expected")
            }
            add(variable)
        }
        return result
    }

    /// Whether the container has a namespace of this kind that it does not share with the host.
    func owns(_ kind: NamespaceRequest.Kind) -> Bool { (namespaces ?? NamespaceRequest.standard).contains { $0.kind == kind } }
}
