import Glibc
package import LinuxSys

extension Cgroup {
    /// The container's directory in the v2 hierarchy of a hybrid host, made before its init, which is born there (CLONE_INTO_CGROUP).
    ///
    /// To move a process there afterwards the kernel keeps all others from forking, which it can do only after every processor has
    /// come by: milliseconds. Nothing of the set-up is charged: what limits memory is in v1 then.
    package struct Birthplace: Sendable {
        package let directory: FDBox
        /// What did not exist before, from the outermost on.
        let made: [String]

        /// What was made goes again; for when there is no cgroup that it belongs to.
        package func remove() { for path in made.reversed() { _ = unsafe rmdir(path) } }
    }

    /// Nil where init joins like everywhere else: on a host with one version, with systemd, and for a group that exists.
    package static func birthplace(path: String?, id: String, systemd: Bool, on host: CgroupHost?) -> Birthplace? {
        guard !systemd, let host = host?.usable, host.mode == .hybrid, let unified = host.hierarchies.first(where: \.isUnified),
            host.hierarchies.contains(where: { $0.controllers.contains("memory") }), isBelowRoot(path ?? id)
        else { return nil }
        var made: [String] = []
        guard let place = try? make(path ?? id, in: unified, made: &made) else {
            made.reversed().forEach { _ = unsafe rmdir($0) }
            return nil
        }
        guard made.last == place, let directory = try? FD.open(place, openPathOnly | O_DIRECTORY) else {
            made.reversed().forEach { _ = unsafe rmdir($0) }
            return nil
        }
        return Birthplace(directory: FDBox(directory), made: made)
    }

    /// The same of a container that is there, for what is started beside its init; nil where the process moves itself.
    package var entrance: Birthplace? {
        guard let unified, oldDirectory("memory") != nil, let directory = try? FD.open(unified, openPathOnly | O_DIRECTORY) else {
            return nil
        }
        return Birthplace(directory: FDBox(directory), made: [])
    }
}
