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
    /// `8:0 Read 4096`; the total at the end is left out.
    static func old(_ text: String) -> [CgroupStatistics.IOEntry] {
        text.split(separator: "\n").compactMap { line in
            let words = line.split(separator: " ")
            guard words.count == 3, let (major, minor) = device(words[0]), let value = UInt64(words[2]) else { return nil }
            return .init(major: major, minor: minor, operation: String(words[1]), value: value)
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

/// The sizes of huge pages of this host, as the controller names its files: `2MB`, `1GB`.
func pageSizes() throws(SysError) -> [String] {
    try subdirectories(of: "/sys/kernel/mm/hugepages").compactMap { name in
        guard name.hasPrefix("hugepages-"), name.hasSuffix("kB"), let size = UInt64(name.dropFirst(10).dropLast(2)) else { return nil }
        if size >= 1 << 20 { return "\(size >> 20)GB" }
        return size >= 1 << 10 ? "\(size >> 10)MB" : "\(size)KB"
    }.sorted()
}
