/// Signals by name or number (signal(7)): the one table of this package.
package enum SignalNames {
    /// The kernel's numbers on x86_64 and arm64, which share them.
    private static let numbers: [(name: String, number: Int32)] = [
        ("HUP", 1), ("INT", 2), ("QUIT", 3), ("ILL", 4), ("TRAP", 5), ("ABRT", 6), ("BUS", 7), ("FPE", 8), ("KILL", 9), ("USR1", 10),
        ("SEGV", 11), ("USR2", 12), ("PIPE", 13), ("ALRM", 14), ("TERM", 15), ("STKFLT", 16), ("CHLD", 17), ("CONT", 18), ("STOP", 19),
        ("TSTP", 20), ("TTIN", 21), ("TTOU", 22), ("URG", 23), ("XCPU", 24), ("XFSZ", 25), ("VTALRM", 26), ("PROF", 27), ("WINCH", 28),
        ("IO", 29), ("PWR", 30), ("SYS", 31), ("IOT", 6), ("CLD", 17), ("POLL", 29), ("UNUSED", 31),
    ]

    /// What glibc leaves of the kernel's real-time signals: it keeps the first two for itself.
    package static let realTime: ClosedRange<Int32> = 34...64

    /// `9`, `KILL`, `SIGKILL`, `sigkill`, `RTMIN+3`, `SIGRTMAX-1`. Nil for anything else: no sign, no space, no number beyond 1 … 64.
    package static func number(_ text: String) -> Int32? {
        if let first = text.utf8.first, (0x30...0x39).contains(first) {
            guard text.utf8.count <= 2, text.utf8.allSatisfy({ (0x30...0x39).contains($0) }), let number = Int32(text) else { return nil }
            return (1...realTime.upperBound).contains(number) ? number : nil
        }
        let upper = text.uppercased()
        let name = upper.hasPrefix("SIG") ? String(upper.dropFirst(3)) : upper
        if let known = numbers.first(where: { $0.name == name }) { return known.number }
        if name.hasPrefix("RTMIN") { return offset(name.dropFirst(5), "+").map { realTime.lowerBound + $0 } }
        if name.hasPrefix("RTMAX") { return offset(name.dropFirst(5), "-").map { realTime.upperBound - $0 } }
        return nil
    }

    /// Nothing, or the sign with one or two digits that stay in the range.
    private static func offset(_ text: Substring, _ sign: Character) -> Int32? {
        if text.isEmpty { return 0 }
        let digits = text.dropFirst()
        guard text.first == sign, (1...2).contains(digits.utf8.count), digits.utf8.allSatisfy({ (0x30...0x39).contains($0) }),
            let offset = Int32(digits), Int(offset) < realTime.count
        else { return nil }
        return offset
    }

    /// Without `SIG`; a number's own digits when it has no name.
    package static func name(_ number: Int32) -> String {
        if let known = numbers.first(where: { $0.number == number }) { return known.name }
        guard realTime.contains(number) else { return "\(number)" }
        return number == realTime.lowerBound ? "RTMIN" : "RTMIN+\(number - realTime.lowerBound)"
    }
}
