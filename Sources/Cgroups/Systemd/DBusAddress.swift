import Glibc
internal import LinuxSys

/// Where a manager is to be spoken to.
struct DBusAddress: Equatable, Sendable {
    /// Of a Unix socket.
    var path: String
    /// A bus wants to be greeted and has other peers; systemd's own socket is systemd alone.
    var isBus: Bool

    /// The Unix sockets of an address list (D-Bus Specification, "Server Addresses"): `unix:path=/run/bus,guid=…;unix:path=…`.
    /// Bytes can be written as `%2f`. Other transports are left out.
    static func paths(_ list: String) -> [String] {
        list.split(separator: ";").compactMap { address in
            let halves = address.split(separator: ":", maxSplits: 1)
            guard halves.count == 2, halves[0] == "unix" else { return nil }
            let value = halves[1].split(separator: ",").first { $0.hasPrefix("path=") }
            return value.flatMap { unescape($0.dropFirst(5)) }
        }
    }

    private static func unescape(_ text: Substring) -> String? {
        var result: [UInt8] = []
        var rest = Array(text.utf8)[...]
        while let byte = rest.popFirst() {
            guard byte == UInt8(ascii: "%") else {
                result.append(byte)
                continue
            }
            guard rest.count >= 2, let code = UInt8(String(decoding: rest.prefix(2), as: UTF8.self), radix: 16) else { return nil }
            result.append(code)
            rest = rest.dropFirst(2)
        }
        guard result.first == UInt8(ascii: "/"), !result.contains(0) else { return nil }
        return String(decoding: result, as: UTF8.self)
    }

    /// In the order in which they are tried. What the environment says comes first; the manager's own socket needs no bus.
    static func candidates(_ scope: SystemdManager.Scope, environment: (String) -> String?) -> [DBusAddress] {
        func buses(_ variable: String) -> [DBusAddress] {
            paths(environment(variable) ?? "").map { DBusAddress(path: $0, isBus: true) }
        }
        switch scope {
        case .system:
            return buses("DBUS_SYSTEM_BUS_ADDRESS") + [
                DBusAddress(path: "/run/systemd/private", isBus: false), DBusAddress(path: "/run/dbus/system_bus_socket", isBus: true),
            ]
        case .user:
            let runtime = environment("XDG_RUNTIME_DIR").flatMap { $0.hasPrefix("/") ? $0 : nil }
            let own = runtime.map {
                [DBusAddress(path: "\($0)/systemd/private", isBus: false), DBusAddress(path: "\($0)/bus", isBus: true)]
            }
            return buses("DBUS_SESSION_BUS_ADDRESS") + (own ?? [])
        }
    }
}
