import Glibc
import OCI

/// What is common to all controllers of v2.
enum Unified {
    /// Lets the children of a group have every controller that it has itself.
    ///
    /// One at a time, as one refusal refuses the whole line. What is refused (a group with processes of its own, a controller
    /// in use by v1) shows when a limit is asked of it: then the controller is named as missing.
    static func delegate(_ directory: String) {
        let offered = words("\(directory)/cgroup.controllers")
        let given = Set(words("\(directory)/cgroup.subtree_control"))
        for controller in offered where !given.contains(controller) {
            try? ControlFile.write("+\(controller)", to: "\(directory)/cgroup.subtree_control")
        }
    }

    private static func words(_ path: String) -> [Substring] { ((try? ControlFile.read(path)) ?? "").split(whereSeparator: \.isWhitespace) }
}

extension Cgroup {
    /// `linux.resources.unified`: files written as they are.
    func applyUnified(_ entries: [UnifiedEntry]) throws(CgroupError) {
        guard let first = entries.first else { return }
        guard let unified else {
            throw .unsupported(field: "linux.resources.unified.\(first.file)", reason: "this host has no cgroup v2")
        }
        for entry in entries {
            let path = "\(unified)/\(entry.file)"
            guard ControlFile.exists(path) else {
                throw .unsupported(field: "linux.resources.unified.\(entry.file)", reason: "this host has no such file in cgroup v2")
            }
            for line in entry.value.split(separator: "\n") { try ControlFile.write(String(line), to: path) }
        }
    }
}
