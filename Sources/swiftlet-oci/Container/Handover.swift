import Executor
import LinuxSys
import OCI

/// What the caller hands over to a container beside its standard streams.
///
/// sd_listen_fds(3): LISTEN_FDS descriptors from number 3 on, if LISTEN_PID says that they are meant for this process. The program in
/// the container gets them at the same numbers and is told so as process 1. Those of `--preserve-fds` follow, and nobody is told.
struct Handover: Equatable {
    private(set) var descriptors: Int32 = 0
    private(set) var additions = BundleAdditions()

    /// For a process executed later, to which no sockets are passed on.
    init(preserved: Int64?) throws(CommandError) { try add(preserved) }

    init(preserved: Int64?, listenFDs: String?, listenPID: String?, ownPID: Int32) throws(CommandError) {
        if let listenFDs, let count = Arguments.integer(listenFDs), (1...1024).contains(count), listenPID == "\(ownPID)" {
            descriptors = Int32(count)
            additions.environment = ["LISTEN_FDS=\(count)", "LISTEN_PID=1"]
        }
        try add(preserved)
    }

    /// Descriptors from here on the caller has only left open: not one of them may be seen from a container (CVE-2024-21626). Before
    /// anything is opened, so before the options are checked: one too many that is kept does no harm, the program does not inherit it.
    static func end(_ words: [String]) -> UInt32 {
        func number(_ text: String?) -> Int64 { max(0, min(text.flatMap(Arguments.integer) ?? 0, 1024)) }
        var count = number(environmentValue("LISTEN_FDS"))
        for (place, word) in words.enumerated() where word.hasPrefix("--preserve-fds") {
            let value = word.split(separator: "=", maxSplits: 1).dropFirst().first.map(String.init) ?? words.dropFirst(place + 1).first
            count += number(value)
        }
        // criu's caller may want to hear from it there.
        if let place = words.firstIndex(where: { $0.hasPrefix("--status-fd") }) {
            let value =
                words[place].split(separator: "=", maxSplits: 1).dropFirst().first.map(String.init) ?? words.dropFirst(place + 1).first
            count = max(count, number(value) - 2)
        }
        return 3 + UInt32(clamping: count)
    }

    private mutating func add(_ preserved: Int64?) throws(CommandError) {
        let first = 3 + descriptors
        descriptors += Int32(preserved ?? 0)
        // One that is not there would be whatever this program opens next.
        for number in first..<(3 + descriptors) where !isInherited(number) {
            throw .usage("--preserve-fds: descriptor \(number) is not open")
        }
    }

    mutating func add(_ notify: NotifySocket) {
        additions.environment.append("NOTIFY_SOCKET=\(NotifySocket.placeInContainer)/notify.sock")
        additions.mounts.append(notify.mount)
    }
}
