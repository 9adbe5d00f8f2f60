internal import LinuxSys
package import Messages

/// The devices of all CDI specifications on the node, read anew for each container that asks for some.
package struct CDIRegistry: Sendable {
    /// Which annotations of a container name devices, by an older way of asking.
    private static let annotationPrefix = "cdi.k8s.io/"

    private struct Entry: Sendable {
        let document: CDIDocument
        let priority: Int
    }
    private var documents: [Entry] = []
    /// Files that could not be read, with the reason.
    package private(set) var faults: [String] = []

    /// A device of a later directory hides one of the same name in an earlier one. A directory that is not there is empty.
    package init(directories: [String]) {
        for (priority, directory) in directories.enumerated() {
            for name in ((try? Directory.names(in: directory)) ?? []).sorted()
            where [".json", ".yaml", ".yml"].contains(where: name.hasSuffix) {
                do { documents.append(Entry(document: try CDIDocument.read("\(directory)/\(name)"), priority: priority)) } catch {
                    faults.append("\(directory)/\(name): \(error)")
                }
            }
        }
    }

    /// The qualified names (`vendor/class=name`) that a container asks for, each once.
    package static func names(of config: Runtime_V1_ContainerConfig) -> [String] {
        var names = config.cdiDevices.map(\.name)
        for (key, value) in config.annotations.sorted(by: { $0.key < $1.key }) where key.hasPrefix(annotationPrefix) {
            names += value.split(separator: ",").map(String.init)
        }
        var seen: Set<String> = []
        return names.filter { seen.insert($0).inserted }
    }

    /// What all these devices bring, in order; what a file says for all of its devices once, before the first.
    package func edits(for names: [String]) throws(PluginError) -> CDIEdits {
        var result = CDIEdits()
        var seen: Set<Int> = []
        for name in names {
            let (place, device) = try find(name)
            if seen.insert(place).inserted { result += documents[place].document.edits }
            result += device
        }
        return result
    }

    private func find(_ name: String) throws(PluginError) -> (Int, CDIEdits) {
        let field = "config.CDI_devices"
        let halves = name.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
        guard halves.count == 2, !halves[1].isEmpty else {
            throw .invalid(field: field, reason: "\(quoted(name)) is not vendor/class=name")
        }
        let found = documents.enumerated().compactMap { number, entry -> (place: Int, priority: Int, edits: CDIEdits)? in
            guard entry.document.kind == halves[0], let edits = entry.document.devices[halves[1]] else { return nil }
            return (number, entry.priority, edits)
        }
        guard let highest = found.map(\.priority).max() else {
            let hint = faults.isEmpty ? "" : " (not read: \(faults.joined(separator: "; ")))"
            throw .invalid(field: field, reason: "\(quoted(name)) is in no CDI specification\(hint)")
        }
        let candidates = found.filter { $0.priority == highest }
        guard candidates.count == 1, let one = candidates.first else {
            throw .invalid(field: field, reason: "\(quoted(name)) is in several CDI specifications of one directory")
        }
        return (one.place, one.edits)
    }
}
