internal import Foundation
internal import LinuxSys
internal import Messages

/// What a node carries of pods: looked at before and after, by the ids of everything that was made meanwhile.
package struct Leaks: Sendable {
    private let node: RuntimeNode
    private let directories: [String]
    /// Of the plugin's process, before the load.
    private let descriptors: Int?

    package init(node: RuntimeNode) async throws {
        self.node = node
        directories = try await node.directories()
        descriptors = node.processID.flatMap(Self.openFiles)
    }

    /// One line for each thing that is left. What is on its way out has some seconds.
    package func find(_ ids: Set<String>) async -> [String] {
        var found: [String] = []
        for _ in 0..<100 {
            found = await look(ids)
            if found.isEmpty { break }
            try? await Task.sleep(for: .milliseconds(200))
        }
        return found
    }

    private func look(_ ids: Set<String>) async -> [String] {
        let carries = { (text: String) in Self.words(text).contains { ids.contains($0) } }
        var found: [String] = []
        for pid in Self.entries("/proc") where pid.allSatisfy(\.isNumber) {
            let line = Self.text("/proc/\(pid)/cmdline").replacing("\0", with: " ")
            if carries(line) { found.append("process \(pid): \(line)") }
        }
        // Also what only the plugin's mount namespace shows.
        for process in Set(["self", node.processID.map { "\($0)" } ?? "self"]) {
            for line in Self.text("/proc/\(process)/mountinfo").split(separator: "\n") where carries(String(line)) {
                found.append("mount \(line.split(separator: " ").dropFirst(4).first ?? "")")
            }
        }
        found += Self.tree("/sys/fs/cgroup", carries).map { "cgroup \($0)" }
        for directory in directories { found += Self.tree(directory, carries).map { "file \($0)" } }
        if let list = try? await node.containers() { found += list.filter { ids.contains($0.id) }.map { "container \($0.id)" } }
        if let list = try? await node.sandboxes(labels: [:]) { found += list.filter { ids.contains($0.id) }.map { "pod \($0.id)" } }
        if let before = descriptors, let now = node.processID.flatMap(Self.openFiles), now > before + Self.tolerance {
            found.append("descriptors of the plugin: \(now), \(before) before")
        }
        return found
    }

    /// A connection of this process, and files that the plugin keeps open once they are opened (its store).
    private static let tolerance = 8

    private static func openFiles(_ pid: Int32) -> Int? {
        try? FileManager.default.contentsOfDirectory(atPath: "/proc/\(pid)/fd").count
    }

    private static func entries(_ path: String) -> [String] { (try? FileManager.default.contentsOfDirectory(atPath: path)) ?? [] }

    /// Files of /proc have no size to go by; those that are gone meanwhile are empty.
    private static func text(_ path: String) -> String {
        do throws(SysError) { return String(decoding: try FD.open(path, 0).readAll(limit: 64 << 20), as: UTF8.self) } catch { return "" }
    }

    private static func tree(_ root: String, _ carries: (String) -> Bool) -> [String] {
        var found: [String] = []
        guard let files = FileManager.default.enumerator(atPath: root) else { return [] }
        for case let name as String in files where carries(String(name.split(separator: "/").last ?? "")) {
            found.append("\(root)/\(name)")
        }
        return found
    }

    /// Runs of letters and digits: ids stand between slashes, dashes, dots and colons.
    static func words(_ text: String) -> [String] {
        text.split { !($0.isASCII && ($0.isLetter || $0.isNumber)) }.map(String.init)
    }
}
