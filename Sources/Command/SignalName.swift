/// Signals by name (`TERM`, `SIGTERM`, `RTMIN+3`) or number: signal(7).
package struct SignalName: Equatable, Sendable {
    package let number: Int32

    package init(number: Int32) { self.number = number }

    package init(parsing text: String) throws(ArgumentFailure) {
        if let number = Int32(text) {
            guard text.allSatisfy(\.isNumber), (1...64).contains(number) else { throw ArgumentFailure(text, "not a signal (1 … 64)") }
            self.number = number
            return
        }
        var name = Substring(text.uppercased())
        if name.hasPrefix("SIG") { name = name.dropFirst(3) }
        if let number = Self.names[String(name)] ?? Self.realTime(name) {
            self.number = number
            return
        }
        throw ArgumentFailure(text, "not a signal")
    }

    package var name: String { Self.names.first { $0.value == number && $0.key != "IOT" && $0.key != "POLL" }?.key ?? "\(number)" }

    /// 34 and 64 are what glibc leaves of the kernel's real-time signals.
    private static func realTime(_ name: Substring) -> Int32? {
        let (base, sign): (Int32, Int32) = name.hasPrefix("RTMIN") ? (34, 1) : (64, -1)
        guard name.hasPrefix("RTMIN") || name.hasPrefix("RTMAX") else { return nil }
        let rest = name.dropFirst(5)
        if rest.isEmpty { return base }
        guard rest.first == (sign == 1 ? "+" : "-"), let offset = Int32(rest.dropFirst()), (0...30).contains(offset) else { return nil }
        return base + sign * offset
    }

    private static let names: [String: Int32] = [
        "HUP": 1, "INT": 2, "QUIT": 3, "ILL": 4, "TRAP": 5, "ABRT": 6, "IOT": 6, "BUS": 7, "FPE": 8, "KILL": 9, "USR1": 10, "SEGV": 11,
        "USR2": 12, "PIPE": 13, "ALRM": 14, "TERM": 15, "STKFLT": 16, "CHLD": 17, "CONT": 18, "STOP": 19, "TSTP": 20, "TTIN": 21,
        "TTOU": 22,
        "URG": 23, "XCPU": 24, "XFSZ": 25, "VTALRM": 26, "PROF": 27, "WINCH": 28, "IO": 29, "POLL": 29, "PWR": 30, "SYS": 31,
    ]
}
