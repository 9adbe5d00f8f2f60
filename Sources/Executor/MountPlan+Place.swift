internal import LinuxSys
internal import OCI

extension MountPlan {
    /// What may be mounted where a program inside trusts in /proc (CVE-2019-16884 and its like): over /proc itself another
    /// procfs, over its files only those that system containers virtualise.
    enum ProcPlace: Equatable {
        case itself
        case virtualised
        case other

        /// `path` has no links left.
        init?(_ path: String) {
            if path == "/proc" {
                self = .itself
            } else if path.hasPrefix("/proc/") {
                self = Self.files.contains(String(path.dropFirst(6))) ? .virtualised : .other
            } else {
                return nil
            }
        }

        private static let files: Set<String> = [
            "cpuinfo", "diskstats", "meminfo", "stat", "swaps", "uptime", "loadavg", "slabinfo", "net/dev", "sys/kernel/ns_last_pid",
            "sys/crypto/fips_enabled",
        ]
    }

    /// By the destination as it is written; links are looked at when it is mounted (`Apply.checkPlace`).
    func checkPlace(field: String) throws(ExecutorFailure) {
        if let reason = refusal(at: destination, bindsProc: true) {
            throw ExecutorFailure(operation: "config.json", subject: field, reason: reason)
        }
    }

    /// Nil when it may be there. `bindsProc`: the source of a bind mount is a procfs, as far as is known.
    func refusal(at path: String, bindsProc: Bool) -> String? {
        guard let place = ProcPlace(path) else { return nil }
        if case .remount = kind { return nil }
        switch place {
        case .virtualised: return nil
        case .other: return "\(path) must not be mounted over"
        case .itself: return showsProc(bindsProc) ? nil : "\(path) can only be a procfs"
        }
    }

    private func showsProc(_ bindsProc: Bool) -> Bool {
        switch kind {
        case .fileSystem("proc", _): true
        case .bind: bindsProc
        default: false
        }
    }

    /// An id-mapped mount needs to be told how (config.md, "Linux mount options").
    func checkIDMap(_ linux: LinuxSpec, field: String) throws(ExecutorFailure) {
        guard let idMap, idMap.uid.isEmpty, linux.namespace(.user) == nil else { return }
        throw ExecutorFailure(
            operation: "config.json", subject: "\(field).options",
            reason: "an id-mapped mount needs uidMappings and gidMappings, or a user namespace in linux.namespaces")
    }

    /// What is to be told, not to be stopped for.
    static func warnings(_ spec: MountSpec, field: String) -> [String] {
        var result: [String] = []
        if !spec.destination.hasPrefix("/") {
            result.append("\(field).destination: \(spec.destination) is not absolute, which is deprecated; it counts from the root")
        }
        if !spec.uidMappings.isEmpty, !spec.options.contains("idmap"), !spec.options.contains("ridmap") {
            result.append("\(field).options: neither idmap nor ridmap is there; the mappings hold for the one mount")
        }
        return result
    }
}

extension SetupPlan {
    /// A mount of it shows other ids than its source.
    var mapsIDs: Bool { steps.contains { step in if case .mount(let plan) = step { plan.idMap != nil } else { false } } }
}
