package import LinuxSys
package import OCI

/// One entry of `mounts`, its options understood.
package struct MountPlan: Equatable, Sendable {
    package enum Kind: Equatable, Sendable {
        case bind(source: String, MountScope)
        case fileSystem(type: String, source: String)
        /// The container's own part of the cgroup tree.
        case cgroup(CgroupTree)
        /// What is mounted at the destination already gets other options: those of the mount alone, or the file system's too.
        case remount(Remount)
    }
    package enum CgroupTree: Equatable, Sendable {
        /// Whichever version the host has: every hierarchy of v1, or the one of v2.
        case any
        /// The hierarchy of v2, also where v1 is beside it.
        case unified
    }
    package enum Remount: Equatable, Sendable { case mount, fileSystem }
    /// A class, as of lists of objects there is one type for all.
    package final class Datum: Equatable, Sendable {
        package let key: String
        package let value: String?

        package init(key: String, value: String?) {
            self.key = key
            self.value = value
        }

        package static func == (one: Datum, other: Datum) -> Bool { one.key == other.key && one.value == other.value }
    }
    /// How the owners of files are seen (mount_setattr(2), "ID-mapped mounts"). Without mappings: as the container's user namespace has it.
    package struct IDMap: Equatable, Sendable {
        package var uid: [IDMapping]
        package var gid: [IDMapping]
        package var scope: MountScope
    }

    /// Its place in the list, by which a source opened beforehand is found again.
    package var number: Int
    package var destination: String
    package var kind: Kind
    package var set: MountAttributes = []
    package var clear: MountAttributes = []
    package var setBelow: MountAttributes = []
    package var clearBelow: MountAttributes = []
    package var propagation: [Propagation] = []
    package var idMap: IDMap?
    /// A tmpfs that begins with a copy of what it covers.
    package var copiesUp = false
    /// Options that every file system has.
    package var common: CommonOptions = []
    /// Options of the file system itself.
    package var data: [Datum] = []

    /// `field`: the way to the entry in its document, for messages.
    package init(_ spec: MountSpec, number: Int, field: String, bundle: String) throws(ExecutorFailure) {
        self.number = number
        destination = try Self.clean(spec.destination, field: "\(field).destination")
        kind = .cgroup(.any)
        let words = try understandAll(spec.options)
        kind = try Self.kind(spec, words, field: field, bundle: bundle)
        try checkKind(spec, words, field: field)
        if !spec.uidMappings.isEmpty || words.idMap != nil {
            idMap = IDMap(uid: spec.uidMappings, gid: spec.gidMappings, scope: words.idMap ?? .single)
        }
    }

    private static func kind(_ spec: MountSpec, _ words: Words, field: String, bundle: String) throws(ExecutorFailure) -> Kind {
        let type = spec.type ?? "none"
        let bindScope = words.bind ?? (type == "bind" ? .single : nil)
        if words.remounts { return .remount(bindScope == nil ? .fileSystem : .mount) }
        if let bindScope {
            guard let source = spec.source else {
                throw ExecutorFailure(operation: "config.json", subject: "\(field).source", reason: "is missing for a bind mount")
            }
            return .bind(source: source.hasPrefix("/") ? source : "\(bundle)/\(source)", bindScope)
        }
        switch type {
        case "none":
            throw ExecutorFailure(operation: "config.json", subject: "\(field).type", reason: "is missing, and no option says bind")
        case "cgroup": return .cgroup(.any)
        case "cgroup2": return .cgroup(.unified)
        default: return .fileSystem(type: type, source: spec.source ?? type)
        }
    }

    /// What does not go together.
    private mutating func checkKind(_ spec: MountSpec, _ words: Words, field: String) throws(ExecutorFailure) {
        func refused(_ name: String, _ reason: String) -> ExecutorFailure {
            ExecutorFailure(operation: "config.json", subject: "\(field).\(name)", reason: reason)
        }
        switch kind {
        case .bind, .remount(.mount):
            // The kernel would leave them out without a word.
            if let datum = data.first { throw refused("options", "unknown option \(datum.key) for a bind mount") }
        case .fileSystem, .cgroup, .remount(.fileSystem):
            // There is nothing below a new mount.
            guard !setBelow.isEmpty || !clearBelow.isEmpty else { break }
            set.formUnion(setBelow)
            clear.formUnion(clearBelow)
            (setBelow, clearBelow) = ([], [])
        }
        if case .bind = kind {
        } else if words.idMap != nil || !spec.uidMappings.isEmpty {
            throw refused(words.idMap == nil ? "uidMappings" : "options", "only bind mounts can be id-mapped")
        }
        guard copiesUp else { return }
        if case .fileSystem("tmpfs", _) = kind { return }
        throw refused("options", "tmpcopyup is for a tmpfs")
    }

    /// Absolute, without `.`, `..` and empty components; the root itself is no place for a mount.
    private static func clean(_ path: String, field: String) throws(ExecutorFailure) -> String {
        let parts = PathComponents(path).parts
        guard !parts.isEmpty else {
            throw ExecutorFailure(operation: "config.json", subject: field, reason: "the root itself cannot be mounted over")
        }
        return rootedPath(parts)
    }
}

/// A path taken apart without the file system: `.` and empty components go, `..` takes the one before it.
struct PathComponents: Equatable {
    private(set) var parts: [String] = []

    init(_ path: String) {
        for part in pathParts(path) { if part == ".." { _ = parts.popLast() } else { parts.append(part) } }
    }
}
