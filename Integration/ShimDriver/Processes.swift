import Foundation

/// What runs on this machine, found by a mark.
package enum Processes {
    /// Every process whose command line or environment has the id as a word of its own: shims, what they clone, and the container's.
    package static func marked(_ id: String) -> [Int32] {
        let files = FileManager.default
        let mark = Array("SWL_MARK=\(id)".utf8)
        let word = Array(id.utf8)
        return ((try? files.contentsOfDirectory(atPath: "/proc")) ?? []).compactMap { Int32($0) }.filter { pid in
            guard pid != getpid(), !isDead(pid) else { return false }
            let line = files.contents(atPath: "/proc/\(pid)/cmdline").map { $0.split(separator: 0) } ?? []
            if line.contains(where: { $0.elementsEqual(word) }) { return true }
            let environment = files.contents(atPath: "/proc/\(pid)/environ").map { $0.split(separator: 0) } ?? []
            return environment.contains { $0.elementsEqual(mark) }
        }
    }

    private static func isDead(_ pid: Int32) -> Bool { state(pid).map { $0 == "Z" || $0 == "X" } ?? true }

    /// The letter of proc_pid_stat(5); nil when there is no such process.
    package static func state(_ pid: Int32) -> Character? {
        guard let text = try? String(contentsOfFile: "/proc/\(pid)/stat", encoding: .utf8), let close = text.lastIndex(of: ")") else {
            return nil
        }
        return text[text.index(close, offsetBy: 2)...].first
    }

    /// Children of a process, by name.
    package static func children(of pid: Int32, named name: String? = nil) -> [Int32] {
        let text = (try? String(contentsOfFile: "/proc/\(pid)/task/\(pid)/children", encoding: .utf8)) ?? ""
        return text.split(separator: " ").compactMap { Int32($0) }.filter { child in
            guard let name else { return true }
            return (try? String(contentsOfFile: "/proc/\(child)/comm", encoding: .utf8)) == name + "\n"
        }
    }

    package static func descriptors(of pid: Int32) -> Int {
        (try? FileManager.default.contentsOfDirectory(atPath: "/proc/\(pid)/fd").count) ?? 0
    }
}

/// Looks again every few milliseconds until `condition` holds; false when the time is over first.
package func eventually(within patience: Duration = .seconds(10), _ condition: () async -> Bool) async -> Bool {
    let end = ContinuousClock.now + patience
    while true {
        if await condition() { return true }
        if ContinuousClock.now > end { return false }
        try? await Task.sleep(for: .milliseconds(5))
    }
}
