internal import LinuxSys

/// The control group of one container: a directory in each hierarchy of the host.
///
/// On a hybrid host the container has a directory in the v2 hierarchy also, beside those of v1: `cgroup.kill`, `cgroup.events` and
/// controllers that v1 does not hold are to be had there.
package struct Cgroup: Equatable, Sendable {
    package struct Directory: Equatable, Sendable {
        /// `memory`, `cpu`, …; empty for the unified hierarchy.
        package let controller: String
        /// Absolute directory on the host.
        package let path: String

        package init(controller: String, path: String) {
            self.controller = controller
            self.path = path
        }

        package var isUnified: Bool { controller.isEmpty }
    }

    /// One for each controller of v1, several of which can share a path, and last the unified one.
    package let directories: [Directory]
    /// Systemd's unit around it, when systemd made it.
    var unit: CgroupUnit?
    /// In a new scope, until the container's process is there.
    var holder: ScopeHolder?

    /// One that was made before, by what was recorded of it.
    package init(_ paths: CgroupPaths) {
        var directories: [Directory] = []
        for entry in paths.entries {
            if entry.controller.hasPrefix(Self.unitMark) {
                let manager = SystemdManager.Scope(rawValue: String(entry.controller.dropFirst(Self.unitMark.count)))
                unit = CgroupUnit(name: entry.path, manager: manager ?? .system)
            } else {
                directories.append(entry)
            }
        }
        self.directories = directories
    }

    init(_ directories: [Directory]) { self.directories = directories }

    /// What to record of it.
    package var record: CgroupPaths {
        var result = CgroupPaths(directories)
        if let unit { result.entries.append(Directory(controller: Self.unitMark + unit.manager.rawValue, path: unit.name)) }
        return result
    }

    /// No controller's name has a `=`, save that of a hierarchy without controllers, `name=…`.
    private static let unitMark = "unit="

    package static func == (one: Cgroup, other: Cgroup) -> Bool { one.directories == other.directories && one.unit == other.unit }

    /// Each directory once, whichever controllers share it.
    var places: [Directory] {
        var result: [Directory] = []
        for directory in directories where !result.contains(where: { $0.path == directory.path }) { result.append(directory) }
        return result
    }

    package var paths: [String] { places.map(\.path) }

    /// In the v2 hierarchy: to be born in (CLONE_INTO_CGROUP), where there is no other.
    package var unified: String? { directories.first(where: \.isUnified)?.path }

    package var isUnifiedOnly: Bool { !directories.isEmpty && directories.allSatisfy(\.isUnified) }

    /// Of this host, now; nil when no cgroups are mounted.
    package static var hostMode: CgroupHost.Mode? { (try? CgroupHost.current())?.mode }

    func oldDirectory(_ controller: String) -> String? { directories.first { $0.controller == controller && !controller.isEmpty }?.path }

    /// Where a controller's files are, and by which rules; nil when this host does not have it.
    func place(of controller: String) -> ControllerPlace? {
        if let path = oldDirectory(controller) { return ControllerPlace(path: path, version: .v1) }
        guard let unified else { return nil }
        let name = controller == "blkio" ? "io" : controller
        guard name != "devices" else { return ControllerPlace(path: unified, version: .v2) }
        let enabled = (try? ControlFile.read("\(unified)/cgroup.controllers")) ?? ""
        return enabled.split(whereSeparator: \.isWhitespace).contains { $0 == name } ? ControllerPlace(path: unified, version: .v2) : nil
    }

    /// Moves a process in, in every hierarchy; 0 is the caller. Its limits hold from now on, and its memory is charged here from now on.
    package func add(pid: Int32) throws(CgroupError) {
        for path in paths {
            do { try ControlFile.write("\(pid)", to: "\(path)/cgroup.procs") } catch { try attachThroughUnit(pid, refused: error) }
        }
        settle()
    }

    /// Every process in it and in what groups it made below, each once.
    package func processes() throws(CgroupError) -> [Int32] {
        guard let top = unified ?? directories.first?.path else { return [] }
        return try Self.processes(below: top)
    }

    static func processes(below top: String) throws(CgroupError) -> [Int32] {
        var result = try ControlFile.processes(top)
        for child in try children(of: top) { result += try processes(below: child) }
        return result
    }

    /// Directories of cgroups below one; none when it is gone.
    static func children(of directory: String) throws(CgroupError) -> [String] {
        do { return try subdirectories(of: directory).map { "\(directory)/\($0)" } } catch {
            if error.errno == 2 /* ENOENT */ { return [] }
            throw .kernel(error)
        }
    }
}

struct ControllerPlace: Equatable {
    enum Version: Equatable { case v1, v2 }
    let path: String
    let version: Version
}
