import Glibc
internal import LinuxSys

/// Freezing (kernel: admin-guide/cgroup-v1/freezer-subsystem.rst; cgroup-v2.rst, cgroup.freeze). A request returns at once;
/// `frozen` says when it is done.
extension Cgroup {
    private var freezer: ControllerPlace? {
        if let old = oldDirectory("freezer") { return ControllerPlace(path: old, version: .v1) }
        return unified.map { ControllerPlace(path: $0, version: .v2) }
    }

    /// Under v1 a process that forks meanwhile can leave the group half frozen: ask again as long as `frozen` is false.
    package func freeze() throws(CgroupError) { try request(.frozen) }

    /// Also the way back from a freeze that did not come to its end.
    package func thaw() throws(CgroupError) { try request(.running) }

    /// Freezes and waits until every process stands still, at most `milliseconds`. When it does not come to that, the group is
    /// thawed again and the error says so: nothing stays half frozen.
    package func freeze(within milliseconds: UInt64) throws(CgroupError) {
        let deadline = monotonicNanoseconds() + milliseconds * 1_000_000
        var pause: UInt32 = 200
        do throws(CgroupError) {
            while true {
                try freeze()
                if frozen { return }
                guard monotonicNanoseconds() < deadline else {
                    throw .notFrozen(directory: freezer?.path ?? "", milliseconds: milliseconds)
                }
                usleep(pause)
                pause = min(pause * 2, 20_000)
            }
        } catch {
            try? thaw()
            throw error
        }
    }

    private enum Wish { case frozen, running }

    private func request(_ wish: Wish) throws(CgroupError) {
        guard let place = freezer else { throw .unsupported(field: "freeze", reason: "this host has no freezer") }
        switch place.version {
        case .v1: try ControlFile.write(wish == .frozen ? "FROZEN" : "THAWED", to: "\(place.path)/freezer.state")
        case .v2: try ControlFile.write(wish == .frozen ? "1" : "0", to: "\(place.path)/cgroup.freeze")
        }
    }

    /// Every process in the group has stopped. False for a group that is gone or has no freezer.
    package var frozen: Bool {
        guard let place = freezer else { return false }
        switch place.version {
        case .v1: return ((try? ControlFile.read("\(place.path)/freezer.state")) ?? "").trimmed == "FROZEN"
        case .v2: return KeyedValues((try? ControlFile.read("\(place.path)/cgroup.events")) ?? "")["frozen"] == 1
        }
    }

    /// Under v2 the file that changes when `frozen` or the emptiness does: to be watched with inotify. Nil under v1, which tells nobody.
    package var eventsFile: String? { freezer?.version == .v2 ? unified.map { "\($0)/cgroup.events" } : nil }
}
