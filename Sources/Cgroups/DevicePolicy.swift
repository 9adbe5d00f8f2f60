import OCI

/// Which devices a container may use: one default, and exceptions to it.
///
/// Everything is denied at first. After the document's rules come the devices that every container has (config-linux.md,
/// "Default Devices") and the making of nodes, which gives no access by itself.
struct DevicePolicy: Equatable {
    /// What holds where no rule says anything.
    var allowsByDefault: Bool
    /// In order; a later rule wins.
    var rules: [DeviceRule]

    init(_ document: [DeviceRule]) {
        allowsByDefault = false
        rules = []
        for rule in document {
            if rule.coversEverything {
                allowsByDefault = rule.allow
                rules = []
            } else {
                rules.append(rule)
            }
        }
        if !allowsByDefault { rules += Self.always }
    }

    private static let always: [DeviceRule] = {
        func rule(_ kind: DeviceRule.Kind, _ major: UInt32?, _ minor: UInt32?, _ access: String) -> DeviceRule {
            DeviceRule(allow: true, kind: kind, major: major, minor: minor, access: access)
        }
        // null, zero, full, random, urandom; tty, console, ptmx; every pts.
        let memory = [3, 5, 7, 8, 9].map { rule(.character, 1, $0, "rwm") }
        let terminals = [0, 1, 2].map { rule(.character, 5, $0, "rwm") }
        return [rule(.character, nil, nil, "m"), rule(.block, nil, nil, "m")] + memory + terminals + [rule(.character, 136, nil, "rwm")]
    }()

    /// The exceptions to the default as v1 keeps them, a set of which none can take a part of another away.
    func exceptions() throws(CgroupError) -> [DeviceRule] {
        var result: [DeviceRule] = []
        for rule in rules.flatMap(\.byKind) {
            if rule.allow != allowsByDefault {
                result.append(rule)
                continue
            }
            for at in result.indices where result[at].meets(rule) {
                guard result[at].hasNumbers(of: rule) else {
                    throw .unsupported(
                        field: "linux.resources.devices", reason: "cgroup v1 cannot take \(rule.text) out of \(result[at].text)")
                }
                result[at].access.removeAll(where: rule.access.contains)
            }
            result.removeAll(where: \.access.isEmpty)
        }
        return result
    }
}

extension DeviceRule {
    var coversEverything: Bool {
        guard case .all = kind, major == nil, minor == nil else { return false }
        return "rwm".utf8.allSatisfy(access.utf8.contains)
    }

    /// The kernel's v1 rule for all kinds has neither numbers nor access: said as one rule for each kind.
    fileprivate var byKind: [DeviceRule] {
        guard case .all = kind else { return [self] }
        return [Kind.character, .block].map { DeviceRule(allow: allow, kind: $0, major: major, minor: minor, access: access) }
    }

    fileprivate func hasNumbers(of other: DeviceRule) -> Bool { kind == other.kind && major == other.major && minor == other.minor }

    /// Some access to some device is in both.
    fileprivate func meets(_ other: DeviceRule) -> Bool {
        guard kind == other.kind, access.contains(where: other.access.contains) else { return false }
        func same(_ a: UInt32?, _ b: UInt32?) -> Bool { a == nil || b == nil || a == b }
        return same(major, other.major) && same(minor, other.minor)
    }

    /// `c 1:3 rwm`, as devices.allow takes it.
    var text: String { "\(kind.rawValue) \(major.map(String.init) ?? "*"):\(minor.map(String.init) ?? "*") \(access)" }
}
