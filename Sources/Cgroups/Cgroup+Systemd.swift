import Glibc
internal import LinuxSys
import OCI

/// The scope of a cgroup that systemd made.
struct CgroupUnit: Equatable, Sendable {
    var name: String
    var manager: SystemdManager.Scope
}

extension Cgroup {
    /// Has systemd make a scope for the container, and sets in its cgroup what systemd does not.
    ///
    /// The limits hold from the start: they come with the unit. Where v1 has hierarchies that systemd does not manage, the
    /// directories in them are made here.
    static func createScope(
        path: String?, id: String, resources: ResourcesSpec, annotations: [String: String]
    ) throws(CgroupError) -> Cgroup {
        let scope = SystemdManager.Scope.own
        let unit = try SystemdUnit(cgroupsPath: path, id: id, scope: scope)
        let extra = try SystemdAnnotations.properties(annotations)
        let host = try CgroupHost.current()
        guard scope == .system || host.mode == .unified else {
            throw .unsupported(field: "linux.cgroupsPath", reason: "systemd of a user has no cgroups of version 1")
        }
        try check(resources, on: host)
        let manager = try SystemdManager(scope)
        var properties = try scopeProperties(unit, id: id, isUnified: host.mode == .unified)
        properties += try SystemdProperties(isUnified: host.mode == .unified, version: manager.version()).limits(resources)
        properties += SystemdDevices.properties(resources.devices, numbers: (try? ControlFile.read("/proc/devices")) ?? "")
        for property in extra {
            properties.removeAll { $0.name == property.name }
            properties.append(property)
        }
        return try start(unit, properties, manager, host, resources)
    }

    private static func scopeProperties(_ unit: SystemdUnit, id: String, isUnified: Bool) throws(CgroupError) -> [SystemdProperty] {
        let accounting = ["MemoryAccounting", "CPUAccounting", isUnified ? "IOAccounting" : "BlockIOAccounting", "TasksAccounting"]
        return [
            SystemdProperty("Description", .string("container \(id)")), SystemdProperty("Slice", .string(unit.slice)),
            SystemdProperty("Delegate", .bool(true)), SystemdProperty("DefaultDependencies", .bool(false)),
        ] + accounting.map { SystemdProperty($0, .bool(true)) }
    }

    private static func start(
        _ unit: SystemdUnit, _ properties: [SystemdProperty], _ manager: SystemdManager, _ host: CgroupHost, _ resources: ResourcesSpec
    ) throws(CgroupError) -> Cgroup {
        let holder: ScopeHolder
        do { holder = try ScopeHolder() } catch { throw .kernel(error) }
        var made: [String] = []
        do {
            let members = SystemdProperty("PIDs", .array(of: "u", [.uint32(UInt32(bitPattern: holder.pid))]))
            try manager.startTransient(unit.name, properties + [members])
            let place = try manager.controlGroup(unit.name)
            var cgroup = Cgroup(try directories(place, on: host, made: &made))
            cgroup.unit = CgroupUnit(name: unit.name, manager: manager.scope)
            cgroup.holder = holder
            try cgroup.apply(resources)
            return cgroup
        } catch {
            holder.end()
            try? manager.stop(unit.name)
            for directory in made.reversed() { _ = unsafe rmdir(directory) }
            throw error
        }
    }

    /// Updates and removal ask systemd, and wait for it.
    package var isManagedBySystemd: Bool { unit != nil }

    /// The container's own process has joined, or never will: what kept the scope alive for it goes.
    package func settle() { holder?.end() }

    /// What of new limits has properties; the files are written after.
    func updateUnit(_ resources: ResourcesSpec) throws(CgroupError) {
        guard let unit else { return }
        let manager = try SystemdManager(unit.manager)
        var properties = try SystemdProperties(isUnified: isUnifiedOnly, version: manager.version()).limits(resources)
        if !resources.devices.isEmpty {
            properties += SystemdDevices.properties(resources.devices, numbers: (try? ControlFile.read("/proc/devices")) ?? "")
        }
        if !properties.isEmpty { try manager.set(unit.name, properties) }
    }

    /// systemd stops the scope, which kills what is left in it, and takes its directories away.
    func stopUnit() throws(CgroupError) {
        guard let unit else { return }
        try SystemdManager(unit.manager).stop(unit.name)
    }

    /// Where the caller may not move a process between two cgroups, as a user in a session, systemd may.
    func attachThroughUnit(_ pid: Int32, refused: CgroupError) throws(CgroupError) {
        guard let unit, case .kernel(let failure) = refused, [EACCES, EPERM].contains(failure.errno) else { throw refused }
        try SystemdManager(unit.manager).attach(pid, to: unit.name)
    }
}
