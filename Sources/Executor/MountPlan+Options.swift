internal import LinuxSys
internal import OCI

extension MountPlan {
    /// Of a file system as a whole, whichever it is (mount(8), "File-system-independent mount options"). For a bind mount they
    /// say nothing: the file system is there already.
    package struct CommonOptions: OptionSet, Hashable, Sendable {
        package let rawValue: UInt8
        package init(rawValue: UInt8) { self.rawValue = rawValue }
        package static let synchronous = CommonOptions(rawValue: 1)
        package static let synchronousDirectories = CommonOptions(rawValue: 2)
        package static let lazyTime = CommonOptions(rawValue: 4)
        package static let mandatoryLocks = CommonOptions(rawValue: 8)
        package static let inodeVersion = CommonOptions(rawValue: 16)
    }

    /// Words that say what kind of mount it is.
    struct Words {
        var bind: MountScope?
        var idMap: MountScope?
        var remounts = false
    }

    /// config.md, "Linux mount options". What is not there is the file system's own.
    mutating func understandAll(_ options: [String]) throws(ExecutorFailure) -> Words {
        var words = Words()
        for option in options {
            switch option {
            case "bind": words.bind = words.bind ?? .single
            case "rbind": words.bind = .recursive
            case "idmap": words.idMap = words.idMap ?? .single
            case "ridmap": words.idMap = .recursive
            case "remount": words.remounts = true
            case "tmpcopyup": copiesUp = true
            // Said to the kernel's log alone.
            case "defaults", "silent", "loud", "": continue
            default: understand(option)
            }
        }
        return words
    }

    private mutating func understand(_ option: String) {
        if let change = Self.attributes[option] { return apply(change, below: false) }
        if option.hasPrefix("r"), let change = Self.attributes[String(option.dropFirst())] { return apply(change, below: true) }
        if let change = Self.commons[option] {
            common = change.on ? common.union(change.option) : common.subtracting(change.option)
        } else if let word = Propagation(rawValue: option) {
            propagation.append(word)
        } else {
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

    /// With an `r` before them they hold for all mounts below as well.
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

    private static let commons: [String: (on: Bool, option: CommonOptions)] = [
        "sync": (true, .synchronous), "async": (false, .synchronous), "dirsync": (true, .synchronousDirectories),
        "lazytime": (true, .lazyTime), "nolazytime": (false, .lazyTime), "mand": (true, .mandatoryLocks),
        "nomand": (false, .mandatoryLocks),
        "iversion": (true, .inodeVersion), "noiversion": (false, .inodeVersion),
    ]
}

extension MountPlan.CommonOptions {
    /// The option as fsconfig(2) takes it, and the MS_* of mount(2).
    static let names: [(option: Self, name: String, flag: UInt64)] = [
        (.synchronous, "sync", MountFlag.synchronous), (.synchronousDirectories, "dirsync", MountFlag.synchronousDirectories),
        (.lazyTime, "lazytime", MountFlag.lazyTime), (.mandatoryLocks, "mand", MountFlag.mandatoryLocks),
        (.inodeVersion, "iversion", MountFlag.inodeVersion),
    ]

    var flags: UInt64 { Self.names.reduce(0) { contains($1.option) ? $0 | $1.flag : $0 } }
}

extension MountPlan {
    /// What a new file system of that type is told, in order. `label`: the SELinux context of what is mounted.
    func settings(of type: String, label: String?) -> [Datum] {
        var result = CommonOptions.names.filter { common.contains($0.option) }.map { Datum(key: $0.name, value: nil) }
        if set.contains(.readonly), !Self.kernelsOwn.contains(type) { result.append(Datum(key: "ro", value: nil)) }
        if let label, !Self.unlabelled.contains(type) { result.append(Datum(key: "context", value: label)) }
        return result + data
    }

    /// Not backed by a device that could be written: here `ro` is the mount's alone.
    private static let kernelsOwn: Set<String> = ["proc", "sysfs", "tmpfs", "devpts", "mqueue", "ramfs", "overlay"]
    /// Which have their labels from the policy; that of mqueue is set afterwards.
    private static let unlabelled: Set<String> = ["proc", "sysfs", "mqueue"]
}
