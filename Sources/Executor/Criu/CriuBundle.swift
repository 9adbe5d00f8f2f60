import Glibc
package import LinuxSys
package import OCI

/// What of a bundle criu has to be told: what its images only name, because it is made again from the bundle of the day.
package enum CriuBundle {
    /// Where each mount of the bundle that is no file system of its own stands, and where it comes from.
    package static func mounts(_ spec: RuntimeSpec, bundle: String) -> [CriuPair] {
        let bound = spec.mounts.filter { $0.type == "bind" || $0.options.contains("bind") || $0.options.contains("rbind") }
        let devices = spec.linux.devices.map { CriuPair(key: $0.path, value: $0.path) }
        return bound.map { mount in
            let source = mount.source ?? ""
            return CriuPair(key: mount.destination, value: source.hasPrefix("/") ? source : "\(bundle)/\(source)")
        } + devices
    }

    /// criu knows two kinds of namespaces that are there before and stay: both are named by a key at both ends.
    package static let outside: [(kind: NamespaceSpec.Kind, name: String, key: String)] = [
        (.network, "net", "extRootNetNS"), (.pid, "pid", "extRootPidNS"),
    ]

    /// As the kernel names it in /proc/PID/ns.
    package static func joinName(_ kind: NamespaceSpec.Kind) -> String { kind == .mount ? "mnt" : kind.rawValue }

    /// What is masked and is a file has /dev/null mounted over it.
    package static func maskedFiles(_ spec: RuntimeSpec, pid: Int32) -> [String] {
        spec.linux.maskedPaths.filter { path in
            guard let root = try? FD.open("/proc/\(pid)/root", openPathOnly | O_DIRECTORY),
                let info = try? root.open(path, openPathOnly, resolve: .asRoot).info(name: path)
            else { return false }
            return !info.isDirectory
        }
    }

    /// `descriptors.json`, in which runc too keeps where the standard streams led to: pipes are connected again by these names.
    package static func writeDescriptors(of pid: Int32, to images: borrowing FD) throws(SysError) {
        let directory = try FD.open("/proc/\(pid)/fd", openPathOnly | O_DIRECTORY)
        var names: [JSON] = []
        for number in 0...2 { names.append(.string((try? directory.readLink("\(number)")) ?? "/dev/null")) }
        let file = try images.open("descriptors.json", O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW, mode: 0o600, resolve: .beneath)
        try file.writeAll(JSON.array(names).encoded())
    }

    /// Where the streams led to when the images were written.
    package static func descriptors(in images: borrowing FD) throws(ExecutorFailure) -> [String] {
        let bytes = try sys { () throws(SysError) in
            try images.open("descriptors.json", O_RDONLY | O_NOFOLLOW | O_NONBLOCK, resolve: .beneath).readAll(limit: 4096)
        }
        do { return (try JSON(parsing: bytes).array ?? []).prefix(3).map { $0.string ?? "" } } catch {
            throw ExecutorFailure(operation: "read", subject: "descriptors.json", reason: "\(error)")
        }
    }
}
