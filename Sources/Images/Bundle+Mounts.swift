internal import LinuxSys
internal import OCI

extension BundleRequest {
    /// The usual file systems, then the image's volumes, then what the caller binds: later ones lie above.
    func mounts(_ volumes: [ImageVolume]) throws(ImageError) -> [JSON] {
        var result: [(destination: String, mount: JSON)] = standardMounts
        for volume in image.run.volumes { _ = try Self.checked(volume, "volume") }
        for volume in volumes {
            let options = ["rbind", "rprivate", "rw", "nodev"]
            result.append((volume.destination, Self.mount(volume.destination, "bind", volume.source, options, idMap)))
        }
        for bind in binds {
            let destination = try Self.checked(bind.destination, "mount destination")
            guard bind.source.hasPrefix("/") else {
                throw .invalid(what: "mount source", value: bind.source, reason: "an absolute path expected")
            }
            let propagation = ["private", "rprivate", "shared", "rshared", "slave", "rslave", "unbindable", "runbindable"]
            var options = bind.options.contains("bind") ? bind.options : ["rbind"] + bind.options.filter { $0 != "rbind" }
            if !options.contains(where: propagation.contains) { options.append("rprivate") }
            options.append(bind.readOnly ? "ro" : "rw")
            result.removeAll { $0.destination == destination }
            result.append((destination, Self.mount(destination, "bind", bind.source, options, bind.idMap)))
        }
        return result.map(\.mount)
    }

    var standardPaths: [String] { standardMounts.map(\.destination) }

    private var standardMounts: [(destination: String, mount: JSON)] {
        var list: [(String, JSON)] = []
        func add(_ destination: String, _ type: String, _ options: [String]) {
            list.append((destination, Self.mount(destination, type, type == "bind" ? destination : type, options)))
        }
        // Without a pid namespace of its own a container can only be shown the host's processes by binding.
        add("/proc", "proc", ["nosuid", "noexec", "nodev"])
        add("/dev", "tmpfs", ["nosuid", "strictatime", "mode=755", "size=65536k"])
        add("/dev/pts", "devpts", ["nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620", "gid=5"])
        add("/dev/shm", "tmpfs", ["nosuid", "noexec", "nodev", "mode=1777", "size=\(shmSize)"])
        if owns(.ipc) {
            add("/dev/mqueue", "mqueue", ["nosuid", "noexec", "nodev"])
        } else {
            add("/dev/mqueue", "bind", ["rbind", "nosuid", "noexec", "nodev"])
        }
        let access = privileged ? "rw" : "ro"
        // sysfs shows the network devices of its owner: without a network namespace of its own the host's is bound.
        if owns(.network) {
            add("/sys", "sysfs", ["nosuid", "noexec", "nodev", access])
        } else {
            list.append(("/sys", Self.mount("/sys", "bind", "/sys", ["rbind", "nosuid", "noexec", "nodev", access])))
        }
        list.append(
            ("/sys/fs/cgroup", Self.mount("/sys/fs/cgroup", "cgroup", "cgroup", ["nosuid", "noexec", "nodev", "relatime", access])))
        return list
    }

    private static func mount(
        _ destination: String, _ type: String, _ source: String, _ options: [String], _ idMap: IDMap = IDMap()
    ) -> JSON {
        var object: JSONObject = [
            "destination": .string(destination), "type": .string(type), "source": .string(source),
            "options": .array(options.map { .string($0) }),
        ]
        idMap.add(to: &object)
        return .object(object)
    }

    /// Absolute, without `..`.
    static func checked(_ path: String, _ what: String) throws(ImageError) -> String {
        let parts = path.split(separator: "/")
        guard path.hasPrefix("/"), !parts.isEmpty, !parts.contains(".."), !path.utf8.contains(where: { $0 < 0x20 || $0 == 0x7f }) else {
            throw .invalid(what: what, value: path, reason: "an absolute path below / without `..` and control characters expected")
        }
        return "/" + parts.filter { $0 != "." }.joined(separator: "/")
    }

    static func treePath(_ path: String) throws(ImageError) -> TreePath {
        guard let clean = try? cleanPath(Array(path.utf8)) else {
            throw .invalid(what: "path", value: path, reason: "a component is too long")
        }
        return clean
    }
}
