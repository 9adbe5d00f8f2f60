/// config-linux.md.
package struct LinuxSpec: Equatable, Sendable {
    package var namespaces: [NamespaceSpec]
    package var uidMappings: [IDMapping]
    package var gidMappings: [IDMapping]
    package var devices: [DeviceSpec]
    package var cgroupsPath: String?
    package var resources: ResourcesSpec?
    package var rootfsPropagation: Propagation?
    package var seccomp: SeccompSpec?
    package var maskedPaths: [String]
    package var readonlyPaths: [String]
    package var sysctl: [SysctlSpec]
    package var timeOffsets: [TimeOffset]
    package var netDevices: [NetDeviceSpec]
    /// The SELinux context of the container's mounts.
    package var mountLabel: String?
    package var personality: PersonalitySpec?
    package var memoryPolicy: MemoryPolicySpec?
    package var intelRdt: IntelRdtSpec?

    package func namespace(_ kind: NamespaceSpec.Kind) -> NamespaceSpec? { namespaces.first { $0.kind == kind } }

    /// An absent section gives a container that shares every namespace.
    init(_ field: JSONField) throws(FieldError) {
        namespaces = try NamespaceSpec.decodeAll(field.member("namespaces"))
        uidMappings = try IDMapping.decodeAll(field.member("uidMappings"))
        gidMappings = try IDMapping.decodeAll(field.member("gidMappings"))
        devices = try field.member("devices").list { device throws(FieldError) in try DeviceSpec(device) }
        cgroupsPath = try field.member("cgroupsPath").cgroupsPath()
        resources = try field.member("resources").optional { resources throws(FieldError) in try ResourcesSpec(resources) }
        rootfsPropagation = try field.member("rootfsPropagation").optionalWord()
        seccomp = try field.member("seccomp").optional { seccomp throws(FieldError) in try SeccompSpec(seccomp) }
        maskedPaths = try field.member("maskedPaths").absolutePaths()
        readonlyPaths = try field.member("readonlyPaths").absolutePaths()
        sysctl = try SysctlSpec.decodeAll(field.member("sysctl"))
        timeOffsets = try TimeOffset.decodeAll(field.member("timeOffsets"))
        netDevices = try NetDeviceSpec.decodeAll(field.member("netDevices"))
        mountLabel = try field.member("mountLabel").plainText()
        personality = try field.member("personality").asked { spec throws(FieldError) in try PersonalitySpec(spec) }
        memoryPolicy = try field.member("memoryPolicy").asked { spec throws(FieldError) in try MemoryPolicySpec(spec) }
        // An empty section still asks for a class of its own.
        intelRdt = try field.member("intelRdt").optional { spec throws(FieldError) in try IntelRdtSpec(spec) }
        try checkMappings(field)
        try checkOffsets(field)
    }

    private func checkOffsets(_ field: JSONField) throws(FieldError) {
        guard !timeOffsets.isEmpty else { return }
        guard let time = namespace(.time) else {
            throw try field.member("timeOffsets").invalid("needs a time namespace in linux.namespaces")
        }
        // The offsets of one that has processes cannot be changed (time_namespaces(7)).
        guard time.path == nil else { throw try field.member("timeOffsets").invalid("the time namespace is joined, not made") }
    }

    private func checkMappings(_ field: JSONField) throws(FieldError) {
        try check(uidMappings, field.member("uidMappings"))
        try check(gidMappings, field.member("gidMappings"))
    }

    private func check(_ mappings: [IDMapping], _ field: JSONField) throws(FieldError) {
        guard let user = namespace(.user) else {
            guard mappings.isEmpty else { throw field.invalid("needs a user namespace in linux.namespaces") }
            return
        }
        if user.path == nil, mappings.isEmpty { throw field.invalid("is missing for the new user namespace") }
    }
}

package struct NamespaceSpec: Equatable, Sendable {
    package enum Kind: String, Sendable, CaseIterable { case mount, pid, network, ipc, uts, user, cgroup, time }

    package var kind: Kind
    /// Absolute path of an existing namespace to join; nil makes a new one.
    package var path: String?

    init(_ field: JSONField) throws(FieldError) {
        kind = try field.member("type").word()
        let place = try field.member("path")
        path = try place.optionalText() == nil ? nil : try place.absolutePath()
    }

    static func decodeAll(_ field: JSONField) throws(FieldError) -> [NamespaceSpec] {
        var result: [NamespaceSpec] = []
        for element in try field.elements() {
            let namespace = try NamespaceSpec(element)
            guard !result.contains(where: { $0.kind == namespace.kind }) else {
                throw element.invalid("\(namespace.kind.rawValue) is there twice")
            }
            result.append(namespace)
        }
        return result
    }
}

/// One line of /proc/PID/uid_map (user_namespaces(7)).
package struct IDMapping: Equatable, Sendable {
    package var containerID: UInt32
    package var hostID: UInt32
    package var size: UInt32

    package init(containerID: UInt32, hostID: UInt32, size: UInt32) {
        self.containerID = containerID
        self.hostID = hostID
        self.size = size
    }

    init(_ field: JSONField) throws(FieldError) {
        containerID = try field.member("containerID").integer()
        hostID = try field.member("hostID").integer()
        let length = try field.member("size")
        size = try length.integer()
        guard size > 0 else { throw length.invalid("is zero") }
        // The number 2^32-1 stands for "none", so a range ends before it.
        for (name, first) in [("containerID", containerID), ("hostID", hostID)] where UInt64(first) + UInt64(size) > UInt64(UInt32.max) {
            throw try field.member(name).invalid("\(first) with \(size) ids goes beyond \(UInt32.max - 1)")
        }
    }

    /// The kernel takes 340 lines, none of which may overlap another; said here with the field instead of by EINVAL.
    static func decodeAll(_ field: JSONField) throws(FieldError) -> [IDMapping] {
        var result: [IDMapping] = []
        for element in try field.elements() {
            let mapping = try IDMapping(element)
            guard result.count < 340 else { throw element.invalid("the kernel takes 340 mappings") }
            guard !result.contains(where: mapping.overlaps) else { throw element.invalid("overlaps another mapping") }
            result.append(mapping)
        }
        return result
    }

    private func overlaps(_ other: IDMapping) -> Bool {
        Self.meet(containerID, size, other.containerID, other.size) || Self.meet(hostID, size, other.hostID, other.size)
    }

    private static func meet(_ a: UInt32, _ aSize: UInt32, _ b: UInt32, _ bSize: UInt32) -> Bool {
        UInt64(a) < UInt64(b) + UInt64(bSize) && UInt64(b) < UInt64(a) + UInt64(aSize)
    }
}

/// A device node to be made (config-linux.md, "Devices").
package struct DeviceSpec: Equatable, Sendable {
    package enum Kind: String, Sendable {
        case character = "c"
        case unbuffered = "u"
        case block = "b"
        case fifo = "p"
    }

    package var kind: Kind
    package var path: String
    /// Zero for a fifo.
    package var major: UInt32
    package var minor: UInt32
    /// The permission bits alone: some engines write the type of the file along with them.
    package var fileMode: UInt32?
    package var uid: UInt32?
    package var gid: UInt32?

    package init(kind: Kind, path: String, major: UInt32, minor: UInt32, fileMode: UInt32?, uid: UInt32? = nil, gid: UInt32? = nil) {
        self.kind = kind
        self.path = path
        self.major = major
        self.minor = minor
        self.fileMode = fileMode
        self.uid = uid
        self.gid = gid
    }

    init(_ field: JSONField) throws(FieldError) {
        kind = try field.member("type").word()
        path = try field.member("path").absolutePath()
        major = try Self.number(field.member("major"), kind)
        minor = try Self.number(field.member("minor"), kind)
        fileMode = try field.member("fileMode").optionalInteger(UInt32.self).map { $0 & 0o7777 }
        uid = try field.member("uid").optionalID()
        gid = try field.member("gid").optionalID()
    }

    private static func number(_ field: JSONField, _ kind: Kind) throws(FieldError) -> UInt32 {
        guard let number = try field.optionalInteger(UInt32.self) else {
            // Encoders in Go leave a zero out, and zero is a common minor number.
            guard kind == .fifo || field.path.hasSuffix("minor") else { throw field.invalid("is missing") }
            return 0
        }
        return number
    }
}

/// How mounts spread between the container's root and its parent (mount(2), `MS_*`; mount_namespaces(7)).
package enum Propagation: String, Sendable, CaseIterable {
    case `private`, shared, slave, unbindable
    case recursivePrivate = "rprivate"
    case recursiveShared = "rshared"
    case recursiveSlave = "rslave"
    case recursiveUnbindable = "runbindable"

    package var isRecursive: Bool {
        switch self {
        case .private, .shared, .slave, .unbindable: false
        case .recursivePrivate, .recursiveShared, .recursiveSlave, .recursiveUnbindable: true
        }
    }
}

extension JSONField {
    /// Absolute, relative, or `slice:prefix:name` for systemd; never a way up.
    fileprivate func cgroupsPath() throws(FieldError) -> String? {
        guard let path = try plainText() else { return nil }
        guard !path.split(separator: "/").contains("..") else { throw invalid("`..` is not allowed in \(path)") }
        return path
    }
}
