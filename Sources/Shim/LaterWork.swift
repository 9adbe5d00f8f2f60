import Glibc
internal import LinuxSys

/// What a container's config.json asks for after Create, beyond what every container needs.
///
/// Only searched: the shim itself never parses config.json. A name that is found elsewhere only costs an executor, as does what is no
/// file: nothing that this reads makes it wait.
struct LaterWork: OptionSet {
    let rawValue: UInt8

    /// Start waits for hooks.
    static let poststart = LaterWork(rawValue: 1)
    /// Hooks, or a class of the processor's (intelRdt), when the container has ended.
    static let afterEnd = LaterWork(rawValue: 2)
    static let all: LaterWork = [.poststart, .afterEnd]

    init(rawValue: UInt8) { self.rawValue = rawValue }

    init(in bundle: String) {
        guard let file = try? FD.open("\(bundle)/config.json", O_RDONLY | O_NOFOLLOW | O_NONBLOCK),
            let bytes = try? file.readAll(limit: 16 << 20), !bytes.isEmpty
        else {
            self = .all
            return
        }
        self.init(config: bytes)
    }

    /// With an escape (RFC 8259, section 7) a name can be written so that it is not found.
    init(config: [UInt8]) {
        var found: LaterWork = []
        for start in config.indices {
            let rest = config[(start + 1)...]
            switch config[start] {
            case UInt8(ascii: "\\") where rest.first == UInt8(ascii: "u"): found = .all
            case UInt8(ascii: "\""):
                for (name, work) in Self.names where rest.starts(with: name) { found.insert(work) }
            default: break
            }
        }
        self = found
    }

    private static let names: [(String.UTF8View, LaterWork)] = [
        ("poststart\"".utf8, .poststart), ("poststop\"".utf8, .afterEnd), ("intelRdt\"".utf8, .afterEnd),
    ]
}
