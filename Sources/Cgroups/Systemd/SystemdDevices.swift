import OCI

/// A device policy as properties of a unit, so that systemd, when it writes the rules again, opens nothing that is closed.
enum SystemdDevices {
    /// Empty where systemd has no words for a rule: then the cgroup's own list or program stands alone.
    ///
    /// - Parameter numbers: what /proc/devices says.
    static func properties(_ rules: [DeviceRule], numbers: String) -> [SystemdProperty] {
        let policy = DevicePolicy(rules)
        guard !policy.allowsByDefault, let exceptions = try? policy.exceptions() else { return [] }
        var entries: [DBusValue] = []
        for rule in exceptions {
            guard let name = name(rule, numbers) else { return [] }
            entries.append(.structure([.string(name), .string(rule.access)]))
        }
        return [SystemdProperty("DevicePolicy", .string("strict")), SystemdProperty("DeviceAllow", .array(of: "(ss)", entries))]
    }

    /// `/dev/char/1:3`; a whole driver as `char-pts`; every device of a kind as `block-*`.
    private static func name(_ rule: DeviceRule, _ numbers: String) -> String? {
        let kind = rule.kind == .block ? "block" : "char"
        switch (rule.major, rule.minor) {
        case (let major?, let minor?): return "/dev/\(kind)/\(major):\(minor)"
        case (let major?, nil): return driver(of: major, rule.kind, numbers).map { "\(kind)-\($0)" }
        case (nil, nil): return "\(kind)-*"
        case (nil, _?): return nil
        }
    }

    /// proc(5), /proc/devices: `Character devices:`, lines of `136 pts`, an empty line, `Block devices:` and the like.
    private static func driver(of major: UInt32, _ kind: DeviceRule.Kind, _ numbers: String) -> Substring? {
        var isBlock = false
        for line in numbers.split(separator: "\n") {
            if line == "Block devices:" { isBlock = true }
            let words = line.split(separator: " ")
            guard words.count == 2, isBlock == (kind == .block), UInt32(words[0]) == major else { continue }
            return words[1]
        }
        return nil
    }
}
