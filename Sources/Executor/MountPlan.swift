package import LinuxSys
package import OCI

/// One entry of `mounts`, its options understood.
package struct MountPlan: Equatable, Sendable {
    package enum Kind: Equatable, Sendable {
        case bind(source: String, MountScope)
        case fileSystem(type: String, source: String)
        /// The container's own part of the cgroup tree, whichever version the host has.
        case cgroup
    }
    package struct Datum: Equatable, Sendable {
        package var key: String
        package var value: String?
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
    /// Options of the file system itself.
    package var data: [Datum] = []

    /// `field`: the way to the entry in its document, for messages.
    package init(_ spec: MountSpec, number: Int, field: String, bundle: String) throws(ExecutorFailure) {
        self.number = number
        destination = try Self.clean(spec.destination, field: "\(field).destination")
        kind = .cgroup
        var bindScope: MountScope?
        for (place, option) in spec.options.enumerated() {
            switch option {
            case "bind": bindScope = bindScope ?? .single
            case "rbind": bindScope = .recursive
            default: try understand(option, field: "\(field).options[\(place)]")
            }
        }
        kind = try Self.kind(spec, bindScope, field: field, bundle: bundle)
        if case .bind = kind, let datum = data.first {
            throw ExecutorFailure(
                operation: "config.json", subject: "\(field).options", reason: "unknown option \(datum.key) for a bind mount")
        }
    }

    private static func kind(_ spec: MountSpec, _ bindScope: MountScope?, field: String, bundle: String) throws(ExecutorFailure) -> Kind {
        let type = spec.type ?? "none"
        if let scope = bindScope ?? (type == "bind" ? .single : nil) {
            guard let source = spec.source else {
                throw ExecutorFailure(operation: "config.json", subject: "\(field).source", reason: "is missing for a bind mount")
            }
            return .bind(source: source.hasPrefix("/") ? source : "\(bundle)/\(source)", scope)
        }
        switch type {
        case "none":
            throw ExecutorFailure(operation: "config.json", subject: "\(field).type", reason: "is missing, and no option says bind")
        case "cgroup", "cgroup2": return .cgroup
        default: return .fileSystem(type: type, source: spec.source ?? type)
        }
    }

    /// Absolute, without `.`, `..` and empty components; the root itself is no place for a mount.
    private static func clean(_ path: String, field: String) throws(ExecutorFailure) -> String {
        let parts = PathComponents(path).parts
        guard !parts.isEmpty else {
            throw ExecutorFailure(operation: "config.json", subject: field, reason: "the root itself cannot be mounted over")
        }
        return "/" + parts.joined(separator: "/")
    }

    private mutating func understand(_ option: String, field: String) throws(ExecutorFailure) {
        if let change = Self.attributes[option] { return apply(change, below: false) }
        if option.hasPrefix("r"), let change = Self.attributes[String(option.dropFirst())] { return apply(change, below: true) }
        if let word = Propagation(rawValue: option) {
            propagation.append(word)
            return
        }
        switch option {
        case "defaults", "async", "loud", "nomand", "nolazytime", "noiversion", "": return
        case "remount", "tmpcopyup", "idmap", "ridmap", "mand":
            throw ExecutorFailure(operation: "config.json", subject: field, reason: "\(option) is not supported")
        default:
            let halves = option.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            data.append(Datum(key: String(halves[0]), value: halves.count > 1 ? String(halves[1]) : nil))
        }
    }

    private mutating func apply(_ change: (set: MountAttributes, clear: MountAttributes), below: Bool) {
        if below {
            setBelow = setBelow.subtracting(change.clear).union(change.set)
            clearBelow = clearBelow.subtracting(change.set).union(change.clear)
        } else {
            set = set.subtracting(change.clear).union(change.set)
            clear = clear.subtracting(change.set).union(change.clear)
        }
    }

    /// mount(8), "File-system-independent mount options"; with an `r` before them they hold for all mounts below as well.
    private static let attributes: [String: (set: MountAttributes, clear: MountAttributes)] = [
        "ro": (.readonly, []), "rw": ([], .readonly),
        "nosuid": (.noSetUID, []), "suid": ([], .noSetUID),
        "nodev": (.noDevices, []), "dev": ([], .noDevices),
        "noexec": (.noExecute, []), "exec": ([], .noExecute),
        "nodiratime": (.noDirectoryAccessTime, []), "diratime": ([], .noDirectoryAccessTime),
        "nosymfollow": (.noSymlinkFollow, []), "symfollow": ([], .noSymlinkFollow),
        // Access times are one field of several values: the mask is cleared, then at most one is set.
        "relatime": ([], .accessTimeMask), "norelatime": ([], .accessTimeMask),
        "noatime": (.noAccessTime, [.strictAccessTime]), "atime": ([], .accessTimeMask),
        "strictatime": (.strictAccessTime, [.noAccessTime]), "nostrictatime": ([], .accessTimeMask),
    ]
}

/// A path taken apart without the file system: `.` and empty components go, `..` takes the one before it.
struct PathComponents: Equatable {
    private(set) var parts: [String] = []

    init(_ path: String) {
        for part in path.split(separator: "/") where part != "." {
            if part == ".." { _ = parts.popLast() } else { parts.append(String(part)) }
        }
    }
}
