import Glibc
internal import LinuxSys

/// The options of an overlay in the one page that mount(2) takes, with layers called from the directory in which they are.
struct OverlayPage: Equatable {
    /// The kernel's page; a zero ends it.
    static let size = 4096
    /// Where short names begin.
    let directory: String
    let text: String

    /// Nil when they do not fit, or when one is not for that way: a path that is relative already, or has a character that options do not
    /// take as it is; read-only, which mount(2) makes the file system too and not only the mount.
    init?(_ options: OverlayOptions) {
        guard !options.attributes.contains(.readonly), let directory = Self.directory(of: options.lower) else { return nil }
        self.directory = directory
        let prefix = directory + "/"
        let lower = options.lower.map { path in
            guard path.hasPrefix(prefix) else { return path }
            let short = path.dropFirst(prefix.utf8.count)
            return short.isEmpty || short.first == "/" ? path : String(short)
        }
        var words = ["lowerdir=" + lower.chained(by: ":")]
        for option in options.others {
            guard let value = option.value else {
                words.append(option.key)
                continue
            }
            let isPath = option.key == "upperdir" || option.key == "workdir"
            guard !isPath || Self.isPlain(value), !value.utf8.contains(UInt8(ascii: ",")) else { return nil }
            words.append("\(option.key)=\(value)")
        }
        text = words.chained(by: ",")
        guard text.utf8.count < Self.size else { return nil }
    }

    /// What the two lowest layers have in common: the topmost may be a directory of the container, elsewhere.
    private static func directory(of layers: [String]) -> String? {
        guard layers.allSatisfy(isPlain), let last = layers.last else { return nil }
        var parts = last.split(separator: "/").dropLast()
        for (number, part) in (layers.dropLast().last ?? last).split(separator: "/").dropLast().enumerated() where number < parts.count {
            if parts[number] != part { parts = parts[..<number] }
        }
        return parts.isEmpty ? nil : rootedPath(parts.map(String.init))
    }

    private static func isPlain(_ path: String) -> Bool {
        path.utf8.first == UInt8(ascii: "/")
            && !path.utf8.contains { $0 == UInt8(ascii: ":") || $0 == UInt8(ascii: "\\") || $0 == UInt8(ascii: ",") }
    }

    func mount(_ source: String, on target: String, flags: UInt64) throws(SysError) {
        let before = try FD.open(".", openPathOnly | O_DIRECTORY)
        // Whether there is a way back, before anything is mounted: a directory may be one's own and closed to one.
        try before.makeCurrentDirectory(name: ".")
        try FD.open(directory, openPathOnly | O_DIRECTORY).makeCurrentDirectory(name: directory)
        let result = Result { () throws(SysError) in try mountPath(source, on: target, type: "overlay", flags: flags, data: text) }
        try before.makeCurrentDirectory(name: ".")
        try result.get()
    }
}

extension [String] {
    /// What `joined(separator:)` gives, for which the runtime looks types up by name, at a cost of tens of microseconds in each process.
    func chained(by separator: String) -> String {
        var result = ""
        for (number, part) in enumerated() {
            if number > 0 { result += separator }
            result += part
        }
        return result
    }
}
