internal import LinuxSys

/// systemd's manager over D-Bus (org.freedesktop.systemd1(5)).
final class SystemdManager {
    /// The one of the host, or the one of this user.
    enum Scope: String, Equatable, Sendable { case system, user }

    private static let name = "org.freedesktop.systemd1"
    private static let path = "/org/freedesktop/systemd1"
    private static let interface = "org.freedesktop.systemd1.Manager"
    /// For a job to be done.
    static let patience: UInt64 = 30_000_000_000
    /// For a stopped unit to be forgotten.
    static let forgetting: UInt64 = 2_000_000_000

    private let connection: DBusConnection
    let scope: Scope

    init(_ scope: Scope) throws(CgroupError) {
        self.scope = scope
        let addresses = DBusAddress.candidates(scope, environment: environmentValue)
        var reasons: [String] = []
        for address in addresses {
            do throws(DBusFailure) {
                connection = try DBusConnection(address, deadline: monotonicNanoseconds() + Self.patience)
                return
            } catch { reasons.append("\(address.path): \(error.reason)") }
        }
        if reasons.isEmpty { reasons = ["neither DBUS_SESSION_BUS_ADDRESS nor XDG_RUNTIME_DIR names a socket"] }
        throw .systemd(operation: "connect to systemd", reason: reasons.joined(separator: "; "))
    }

    /// One with a manager of another test's making.
    init(_ scope: Scope, at address: DBusAddress, patience: UInt64 = SystemdManager.patience) throws(DBusFailure) {
        self.scope = scope
        connection = try DBusConnection(address, deadline: monotonicNanoseconds() + patience)
    }

    private func call(_ member: String, _ arguments: [DBusValue]) throws(DBusFailure) -> [DBusValue] {
        try connection.call(Self.path, Self.interface, member, to: Self.name, arguments)
    }

    /// Starts a scope and waits until systemd has made its cgroup.
    ///
    /// A unit of that name that has failed, and that systemd keeps only to show that, is put away first.
    func startTransient(_ unit: String, _ properties: [SystemdProperty]) throws(CgroupError) {
        let operation = "start unit \(unit)"
        try attempt(operation) { () throws(DBusFailure) in
            try self.listen()
            let arguments: [DBusValue] = [.string(unit), .string("replace"), SystemdProperty.list(properties), .array(of: "(sa(sv))", [])]
            let result: String
            do throws(DBusFailure) {
                result = try self.job(unit, "StartTransientUnit", arguments)
            } catch {
                guard case .answered(let name, _) = error, name == "\(Self.name).UnitExists" else { throw error }
                self.resetFailed(unit)
                result = try self.job(unit, "StartTransientUnit", arguments)
            }
            guard result == "done" else {
                self.resetFailed(unit)
                throw .answered(name: "the job ended as \(result)", text: "")
            }
        }
    }

    /// Stops a unit, waits for it, and has systemd forget it, so that its name is free. One that is gone already is no error.
    func stop(_ unit: String) throws(CgroupError) {
        try attempt("stop unit \(unit)") { () throws(DBusFailure) in
            try self.listen()
            do throws(DBusFailure) {
                _ = try self.job(unit, "StopUnit", [.string(unit), .string("replace")])
            } catch {
                guard case .answered(let name, _) = error, name == "\(Self.name).NoSuchUnit" else { throw error }
            }
            self.resetFailed(unit)
            self.awaitForgotten(unit)
        }
    }

    /// Changes properties until the next boot.
    func set(_ unit: String, _ properties: [SystemdProperty]) throws(CgroupError) {
        try attempt("set properties of unit \(unit)") { () throws(DBusFailure) in
            _ = try self.call("SetUnitProperties", [.string(unit), .bool(true), SystemdProperty.list(properties)])
        }
    }

    /// Where the unit's cgroup is, from the root of the hierarchy.
    func controlGroup(_ unit: String) throws(CgroupError) -> String {
        try attempt("find the cgroup of unit \(unit)") { () throws(DBusFailure) in
            guard let object = try self.call("GetUnit", [.string(unit)]).first?.text else {
                throw .malformed(DBusMalformed("no object for \(unit)"))
            }
            let answer = try self.connection.call(
                object, "org.freedesktop.DBus.Properties", "Get", to: Self.name,
                [.string("\(Self.name).Scope"), .string("ControlGroup")])
            guard let path = answer.first?.text, path.hasPrefix("/"), path.utf8.count > 1 else {
                throw .malformed(DBusMalformed("no cgroup for \(unit)"))
            }
            return path
        }
    }

    /// Moves a process into the unit's cgroup.
    func attach(_ pid: Int32, to unit: String) throws(CgroupError) {
        try attempt("attach process \(pid) to unit \(unit)") { () throws(DBusFailure) in
            let pids = DBusValue.array(of: "u", [.uint32(UInt32(bitPattern: pid))])
            _ = try self.call("AttachProcessesToUnit", [.string(unit), .string(""), pids])
        }
    }

    /// `252.38-1~deb12u1`, `v254`, …: the first number. Zero when it says none.
    func version() throws(CgroupError) -> Int {
        try attempt("ask systemd for its version") { () throws(DBusFailure) in
            let answer = try self.connection.call(
                Self.path, "org.freedesktop.DBus.Properties", "Get", to: Self.name, [.string(Self.interface), .string("Version")])
            return Self.number(answer.first?.text ?? "")
        }
    }

    static func number(_ version: String) -> Int {
        Int(version.drop { !$0.isNumber }.prefix { $0.isNumber }) ?? 0
    }

    /// A unit that has stopped is there for a moment more, and to start one of its name would fail as long. Best effort:
    /// somebody else may hold on to it.
    private func awaitForgotten(_ unit: String) {
        guard (try? call("GetUnit", [.string(unit)])) != nil else { return }
        connection.deadline = min(connection.deadline, monotonicNanoseconds() + Self.forgetting)
        _ = try? connection.signal { signal in
            signal.member == "UnitRemoved" && signal.body.first?.text == unit ? true : nil
        }
    }

    /// Jobs and units are told of to everyone on systemd's own socket, on a bus to who asks.
    private func listen() throws(DBusFailure) {
        guard connection.isBus else { return }
        let rule = "type='signal',interface='\(Self.interface)',path='\(Self.path)'"
        _ = try connection.call(
            "/org/freedesktop/DBus", "org.freedesktop.DBus", "AddMatch", to: "org.freedesktop.DBus", [.string(rule)])
        do throws(DBusFailure) { _ = try call("Subscribe", []) } catch {
            guard case .answered(let name, _) = error, name == "\(Self.name).AlreadySubscribed" else { throw error }
        }
    }

    /// Makes a job of a call and waits for its end: `done`, `failed`, `canceled`, `timeout`, `dependency`, `skipped`.
    private func job(_ unit: String, _ member: String, _ arguments: [DBusValue]) throws(DBusFailure) -> String {
        guard let job = try call(member, arguments).first?.text else { throw .malformed(DBusMalformed("no job for \(unit)")) }
        return try connection.signal { signal in
            guard signal.member == "JobRemoved", signal.body.count == 4, signal.body[1].text == job else { return nil }
            return signal.body[3].text
        }
    }

    /// Best effort: most units are forgotten by themselves.
    private func resetFailed(_ unit: String) { _ = try? call("ResetFailedUnit", [.string(unit)]) }

    private func attempt<T>(_ operation: String, _ body: () throws(DBusFailure) -> T) throws(CgroupError) -> T {
        connection.deadline = monotonicNanoseconds() + Self.patience
        do throws(DBusFailure) { return try body() } catch { throw .systemd(operation: operation, reason: error.reason) }
    }
}

/// One property of a unit.
struct SystemdProperty: Equatable, Sendable {
    var name: String
    var value: DBusValue

    init(_ name: String, _ value: DBusValue) {
        self.name = name
        self.value = value
    }

    static func list(_ properties: [SystemdProperty]) -> DBusValue {
        .array(of: "(sv)", properties.map { .structure([.string($0.name), .variant($0.value)]) })
    }
}
