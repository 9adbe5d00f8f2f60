internal import Foundation

/// A directory of manifests as it changes.
package struct ManifestWatch: Sendable {
    package let directory: String
    private var seen = ""

    package init(directory: String) { self.directory = directory }

    /// What the directory asks for, nil when nothing has changed since the last time.
    package mutating func changes() throws(ManifestError) -> ManifestSet? {
        let now = try fingerprint()
        guard now != seen else { return nil }
        // Before it is read: a change under the reading is another change.
        seen = now
        return try ManifestSet(directory: directory)
    }

    /// Names, sizes, times and inodes.
    private func fingerprint() throws(ManifestError) -> String {
        var lines: [String] = []
        guard let files = FileManager.default.enumerator(atPath: directory), FileManager.default.fileExists(atPath: directory) else {
            throw .unreadable("read \(directory): no such directory")
        }
        for case let name as String in files {
            guard let facts = try? FileManager.default.attributesOfItem(atPath: directory + "/" + name) else { continue }
            let time = (facts[.modificationDate] as? Date)?.timeIntervalSince1970 ?? 0
            lines.append("\(name) \(facts[.size] ?? 0) \(time) \(facts[.systemFileNumber] ?? 0)")
        }
        return lines.sorted().joined(separator: "\n")
    }
}
