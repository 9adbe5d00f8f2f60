internal import LinuxSys

/// Reading what statistics are made of.
extension ControllerPlace {
    func text(_ file: String) throws(CgroupError) -> String? { try ControlFile.readIfPresent("\(path)/\(file)") }

    /// `max` is `UInt64.max`; nil when there is no such file.
    func number(_ file: String) throws(CgroupError) -> UInt64? {
        guard let text = try text(file)?.trimmed else { return nil }
        return text == "max" ? .max : UInt64(text)
    }

    func keyed(_ file: String) throws(CgroupError) -> KeyedValues { KeyedValues(try text(file) ?? "") }

    /// The four files of v1 with a common head.
    func oldAmount(_ head: String) throws(CgroupError) -> CgroupStatistics.Amount {
        .init(
            usage: try number("\(head).usage_in_bytes") ?? 0, limit: try number("\(head).limit_in_bytes") ?? 0,
            peak: try number("\(head).max_usage_in_bytes") ?? 0, failures: try number("\(head).failcnt") ?? 0)
    }

    func amount(_ head: String) throws(CgroupError) -> CgroupStatistics.Amount {
        .init(
            usage: try number("\(head).current") ?? 0, limit: try number("\(head).max") ?? 0, peak: try number("\(head).peak") ?? 0,
            failures: try keyed("\(head).events")["max"])
    }

    /// Nil when the kernel does not count it.
    func pressure(_ file: String) throws(CgroupError) -> CgroupStatistics.Pressure? { try text(file).map(PressureLines.read) }

    /// Of the files that say the same in different schedulers' words, the first with anything to say.
    func operations(_ files: [String]) throws(CgroupError) -> [CgroupStatistics.IOEntry] {
        for file in files {
            let entries = IOLines.old(try text(file) ?? "")
            if !entries.isEmpty { return entries }
        }
        return []
    }
}

enum IOLines {
    /// `8:0 Read 4096`, or `8:0 4096` where operations are not told apart; the total at the end is left out.
    static func old(_ text: String) -> [CgroupStatistics.IOEntry] {
        text.split(separator: "\n").compactMap { line in
            let words = line.split(separator: " ")
            guard (2...3).contains(words.count), let (major, minor) = device(words[0]), let value = UInt64(words[words.count - 1])
            else { return nil }
            return .init(major: major, minor: minor, operation: words.count == 3 ? String(words[1]) : "", value: value)
        }
    }

    /// `8:0 rbytes=4096 wbytes=0 …`
    static func unified(_ text: String) -> [CgroupStatistics.IOEntry] {
        text.split(separator: "\n").flatMap { line -> [CgroupStatistics.IOEntry] in
            let words = line.split(separator: " ")
            guard let first = words.first, let (major, minor) = device(first) else { return [] }
            return words.dropFirst().compactMap { word in
                let parts = word.split(separator: "=")
                guard parts.count == 2, let value = UInt64(parts[1]) else { return nil }
                return .init(major: major, minor: minor, operation: String(parts[0]), value: value)
            }
        }
    }

    private static func device(_ text: Substring) -> (UInt64, UInt64)? {
        let parts = text.split(separator: ":")
        guard parts.count == 2, let major = UInt64(parts[0]), let minor = UInt64(parts[1]) else { return nil }
        return (major, minor)
    }
}

enum PressureLines {
    /// `some avg10=0.00 avg60=0.00 avg300=0.00 total=0` and the same with `full`.
    static func read(_ text: String) -> CgroupStatistics.Pressure {
        var result = CgroupStatistics.Pressure()
        for line in text.split(separator: "\n") {
            let words = line.split(separator: " ")
            guard words.count == 5, let ten = number(words[1], "avg10="), let sixty = number(words[2], "avg60="),
                let long = number(words[3], "avg300="), words[4].hasPrefix("total="), let total = UInt64(words[4].dropFirst(6))
            else { continue }
            let found = CgroupStatistics.Pressure.Line(avg10: ten, avg60: sixty, avg300: long, total: total)
            if words[0] == "some" { result.some = found } else if words[0] == "full" { result.full = found }
        }
        return result
    }

    private static func number(_ word: Substring, _ name: String) -> Double? {
        word.hasPrefix(name) ? Double(word.dropFirst(name.utf8.count)) : nil
    }
}

enum RdmaLines {
    /// `mlx4_0 hca_handle=2 hca_object=max`
    static func all(_ text: String) -> [CgroupStatistics.Rdma] {
        text.split(separator: "\n").compactMap { line in
            let words = line.split(separator: " ")
            guard let device = words.first else { return nil }
            var result = CgroupStatistics.Rdma(device: String(device), handles: 0, objects: 0)
            for word in words.dropFirst() {
                let parts = word.split(separator: "=")
                guard parts.count == 2, let number = parts[1] == "max" ? .max : UInt64(parts[1]) else { continue }
                if parts[0] == "hca_handle" { result.handles = number } else if parts[0] == "hca_object" { result.objects = number }
            }
            return result
        }
    }
}

/// The sizes of huge pages of this host, as the controller names its files: `2MB`, `1GB`.
func pageSizes() throws(SysError) -> [String] {
    try subdirectories(of: "/sys/kernel/mm/hugepages").compactMap { name in
        guard name.hasPrefix("hugepages-"), name.hasSuffix("kB"), let size = UInt64(name.dropFirst(10).dropLast(2)) else { return nil }
        if size >= 1 << 20 { return "\(size >> 20)GB" }
        return size >= 1 << 10 ? "\(size >> 10)MB" : "\(size)KB"
    }.sorted()
}
