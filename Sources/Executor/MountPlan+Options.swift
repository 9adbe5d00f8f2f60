internal import LinuxSys
internal import OCI

extension MountPlan {
    /// Of a file system as a whole, whichever it is (mount(8), "File-system-independent mount options"). For a bind mount they
    /// say nothing: the file system is there already.
    package struct CommonOptions: OptionSet, Hashable, Sendable {
        package let rawValue: UInt8
        package init(rawValue: UInt8) { self.rawValue = rawValue }
        /// In place: the standard library's way is generic, and its first use costs a short-lived command more than all its literals.
        package init(arrayLiteral flags: Self...) {
            var all: UInt8 = 0
            for flag in flags { all |= flag.rawValue }
            rawValue = all
        }
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
        // None of the words below has a value.
        if let mark = option.utf8.firstIndex(of: UInt8(ascii: "=")) {
            return data.append(Datum(key: String(option[..<mark]), value: String(option[option.utf8.index(after: mark)...])))
        }
        if let change = Self.attribute(option) { return apply(change, below: false) }
        if option.utf8.first == UInt8(ascii: "r"), let change = Self.attribute(String(option.dropFirst())) {
            return apply(change, below: true)
        }
        if let change = Self.common(option) {
            common = change.isOn ? common.union(change.option) : common.subtracting(change.option)
        } else if let word = Propagation(rawValue: option) {
            propagation.append(word)
        } else {
            data.append(Datum(key: option, value: nil))
        }
    }

    private mutating func apply(_ change: AttributeChange, below: Bool) {
        if below {
            setBelow = setBelow.subtracting(change.clear).union(change.set)
            clearBelow = clearBelow.subtracting(change.set).union(change.clear)
        } else {
            set = set.subtracting(change.clear).union(change.set)
            clear = clear.subtracting(change.set).union(change.clear)
        }
    }

    private struct AttributeChange {
        var set: MountAttributes
        var clear: MountAttributes

        init(set: MountAttributes = [], clear: MountAttributes = []) {
            self.set = set
            self.clear = clear
        }
    }

    /// With an `r` before them they hold for all mounts below as well.
    private static func attribute(_ option: String) -> AttributeChange? {
        switch option {
        case "ro": .init(set: .readonly)
        case "rw": .init(clear: .readonly)
        case "nosuid": .init(set: .noSetUID)
        case "suid": .init(clear: .noSetUID)
        case "nodev": .init(set: .noDevices)
        case "dev": .init(clear: .noDevices)
        case "noexec": .init(set: .noExecute)
        case "exec": .init(clear: .noExecute)
        case "nodiratime": .init(set: .noDirectoryAccessTime)
        case "diratime": .init(clear: .noDirectoryAccessTime)
        case "nosymfollow": .init(set: .noSymlinkFollow)
        case "symfollow": .init(clear: .noSymlinkFollow)
        // Access times are one field of several values: the mask is cleared, then at most one is set.
        case "relatime", "norelatime", "atime", "nostrictatime": .init(clear: .accessTimeMask)
        case "noatime": .init(set: .noAccessTime, clear: .strictAccessTime)
        case "strictatime": .init(set: .strictAccessTime, clear: .noAccessTime)
        default: nil
        }
    }

    private struct CommonChange {
        var isOn: Bool
        var option: CommonOptions
    }

    private static func common(_ option: String) -> CommonChange? {
        switch option {
        case "sync": .init(isOn: true, option: .synchronous)
        case "async": .init(isOn: false, option: .synchronous)
        case "dirsync": .init(isOn: true, option: .synchronousDirectories)
        case "lazytime": .init(isOn: true, option: .lazyTime)
        case "nolazytime": .init(isOn: false, option: .lazyTime)
        case "mand": .init(isOn: true, option: .mandatoryLocks)
        case "nomand": .init(isOn: false, option: .mandatoryLocks)
        case "iversion": .init(isOn: true, option: .inodeVersion)
        case "noiversion": .init(isOn: false, option: .inodeVersion)
        default: nil
        }
    }
}

extension MountPlan.CommonOptions {
    /// The option as fsconfig(2) takes it, and the MS_* of mount(2).
    static let names = [
        Name(option: .synchronous, name: "sync", flag: MountFlag.synchronous),
        Name(option: .synchronousDirectories, name: "dirsync", flag: MountFlag.synchronousDirectories),
        Name(option: .lazyTime, name: "lazytime", flag: MountFlag.lazyTime),
        Name(option: .mandatoryLocks, name: "mand", flag: MountFlag.mandatoryLocks),
        Name(option: .inodeVersion, name: "iversion", flag: MountFlag.inodeVersion),
    ]

    struct Name {
        let option: MountPlan.CommonOptions
        let name: String
        let flag: UInt64
    }

    var flags: UInt64 { isEmpty ? 0 : Self.names.reduce(0) { contains($1.option) ? $0 | $1.flag : $0 } }
}

extension MountPlan {
    /// What a new file system of that type is told, in order. `label`: the SELinux context of what is mounted.
    func settings(of type: String, label: String?) -> [Datum] {
        var result: [Datum] = []
        if !common.isEmpty {
            for known in CommonOptions.names where common.contains(known.option) { result.append(Datum(key: known.name, value: nil)) }
        }
        if set.contains(.readonly), !Self.kernelsOwn.contains(type) { result.append(Datum(key: "ro", value: nil)) }
        if let label, !Self.unlabelled.contains(type) { result.append(Datum(key: "context", value: label)) }
        return result + data
    }

    /// Not backed by a device that could be written: here `ro` is the mount's alone.
    private static let kernelsOwn = ["proc", "sysfs", "tmpfs", "devpts", "mqueue", "ramfs", "overlay"]
    /// Which have their labels from the policy; that of mqueue is set afterwards.
    private static let unlabelled = ["proc", "sysfs", "mqueue"]
}
