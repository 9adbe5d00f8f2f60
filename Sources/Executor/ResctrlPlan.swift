package import OCI

/// One thing to be done in a resctrl file system; paths are relative to its mount.
package enum ResctrlStep: Equatable, Sendable {
    /// A class or a monitoring group of this container's own; there must be none of that name.
    case make(String)
    /// A class for several containers: made when it is missing.
    case makeIfMissing(String)
    /// Must be there already.
    case require(String)
    /// Lines of the class' `schemata` file, one write each.
    case write(String, lines: [String])
    /// When the class was there before: what it has must be this.
    case compare(String, lines: [String])
}

/// config-linux.md, "IntelRdt": what is done for a container, by the rules of that section.
package struct ResctrlPlan: Equatable, Sendable {
    package private(set) var steps: [ResctrlStep] = []
    /// Of the class; empty for the default one.
    package let directory: String
    package let monitor: String?
    /// What is to be removed with the container, in this order.
    package private(set) var removals: [String] = []

    package init(_ spec: IntelRdtSpec, id: String) {
        let own = spec.closID == nil
        let name = spec.closID ?? id
        directory = name == "/" ? "" : name
        monitor = spec.enableMonitoring ? Self.join(directory, "mon_groups/\(id)") : nil
        let file = Self.join(directory, "schemata")
        let compared = [spec.l3CacheSchema, spec.memBwSchema].compactMap { $0 }
        if own {
            steps.append(.make(directory))
        } else if !spec.hasSchemas {
            steps.append(.require(directory))
        } else {
            steps.append(.makeIfMissing(directory))
        }
        if own {
            if spec.hasSchemas { steps.append(.write(file, lines: compared + spec.schemata)) }
        } else {
            if !compared.isEmpty { steps.append(.compare(file, lines: compared)) }
            if !spec.schemata.isEmpty { steps.append(.write(file, lines: spec.schemata)) }
        }
        if let monitor {
            steps.append(.make(monitor))
            removals.append(monitor)
        }
        if own { removals.append(directory) }
    }

    /// Where the process' number goes: a monitoring group takes only what is in its class already.
    package var taskFiles: [String] { [directory, monitor].compactMap { $0 }.map { Self.join($0, "tasks") } }

    private static func join(_ directory: String, _ name: String) -> String { directory.isEmpty ? name : "\(directory)/\(name)" }
}

/// A line of a `schemata` file: `L3:0=7f0;1=1f`.
struct ResctrlSchema: Equatable {
    let resource: String
    /// By the number of the cache or the socket.
    let domains: [String: String]

    /// Nil for what is no such line. Spaces and leading zeros, which the kernel adds, do not count.
    init?(_ line: String) {
        let parts = line.split(separator: ":", maxSplits: 1).map(Self.trimmed)
        guard parts.count == 2 else { return nil }
        resource = parts[0]
        var found: [String: String] = [:]
        for domain in parts[1].split(separator: ";") {
            let sides = domain.split(separator: "=", maxSplits: 1).map(Self.trimmed)
            guard sides.count == 2 else { return nil }
            found[Self.number(sides[0])] = Self.number(sides[1].lowercased())
        }
        domains = found
    }

    /// Whether everything that this line says holds in the file.
    func holds(in file: String) -> Bool {
        let lines = file.split(separator: "\n").compactMap { ResctrlSchema(String($0)) }
        guard let found = lines.first(where: { $0.resource == resource }) else { return false }
        return domains.allSatisfy { found.domains[$0.key] == $0.value }
    }

    private static func trimmed(_ text: Substring) -> String { String(text.filter { $0 != " " && $0 != "\t" }) }

    private static func number(_ text: String) -> String {
        let digits = text.drop { $0 == "0" }
        return digits.isEmpty ? "0" : String(digits)
    }
}
