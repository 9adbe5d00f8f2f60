internal import OCI

/// Whether a configuration is taken: the code that would refuse it is asked, so that the answer cannot differ from what is done.
enum FeatureProbe {
    static func accepts(linux members: JSON) -> Bool { accepts(linux: members, process: .object(JSONObject()), mounts: []) }
    static func accepts(process members: JSON) -> Bool { accepts(linux: .object(JSONObject()), process: members, mounts: []) }

    private static func accepts(linux: JSON, process: JSON, mounts: JSON) -> Bool {
        let namespaces: JSON = [["type": "mount"], ["type": "network"], ["type": "user"]]
        let mapping: JSON = [["containerID": 0, "hostID": 100_000, "size": 65_536]]
        let document: JSON = [
            "ociVersion": .string(ContainerState.version), "root": ["path": "rootfs"], "mounts": mounts,
            "process": merged(["cwd": "/", "args": ["true"]], process),
            "linux": merged(["namespaces": namespaces, "uidMappings": mapping, "gidMappings": mapping], linux),
        ]
        return (try? RuntimeSpec(json: document.encoded())) != nil
    }

    private static func merged(_ first: JSON, _ second: JSON) -> JSON {
        guard case .object(var object) = first else { return second }
        for member in second.object?.members ?? [] { object[member.name] = member.value }
        return .object(object)
    }

    static func hasNamespace(_ kind: String) -> Bool {
        let others = ["mount", "network", "user"].filter { $0 != kind }
        return accepts(linux: ["namespaces": .array((others + [kind]).map { ["type": .string($0)] })])
    }

    static func hasSeccompAction(_ action: String) -> Bool {
        accepts(linux: [
            "seccomp": [
                "defaultAction": "SCMP_ACT_ALLOW", "listenerPath": action == "SCMP_ACT_NOTIFY" ? "/run/listener.sock" : "",
                "syscalls": [["names": ["getcwd"], "action": .string(action)]],
            ]
        ])
    }

    static func hasMemoryPolicy(mode: String, flags: [String]) -> Bool {
        let nodes: [JSON] = ["0", ""]
        return nodes.contains { nodes in
            accepts(linux: ["memoryPolicy": ["mode": .string(mode), "nodes": nodes, "flags": .array(flags.map { .string($0) })]])
        }
    }

    static var hasMappedMounts: Bool { hasMountOption("idmap") }

    /// Taken, and not handed to the file system as something that only it may know.
    static func hasMountOption(_ option: String) -> Bool {
        let mapping: JSON = [["containerID": 0, "hostID": 100_000, "size": 65_536]]
        let isMapping = option == "idmap" || option == "ridmap"
        let base: JSON = ["destination": "/mnt", "type": "tmpfs", "source": "tmpfs", "options": [.string(option)]]
        let bound: JSON = ["destination": "/mnt", "type": "bind", "source": "/mnt", "options": ["bind", .string(option)]]
        return [base, isMapping ? merged(bound, ["uidMappings": mapping, "gidMappings": mapping]) : bound].contains { entry in
            guard accepts(linux: .object(JSONObject()), process: .object(JSONObject()), mounts: [entry]),
                let mount = try? RuntimeSpec(json: document(entry)).mounts.first,
                let plan = try? MountPlan(mount, number: 0, field: "mounts[0]", bundle: "/")
            else { return false }
            return plan.data.isEmpty
        }
    }

    private static func document(_ mount: JSON) -> [UInt8] {
        let whole: JSON = ["ociVersion": .string(ContainerState.version), "root": ["path": "rootfs"], "mounts": [mount]]
        return whole.encoded()
    }

    /// Annotations that change what is done on the host, by the beginning of their names: properties of a scope of systemd.
    static let unsafeAnnotations = ["org.systemd.property."]
}
