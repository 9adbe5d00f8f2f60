internal import Messages

/// What CRI says of security modules, as the runtime-spec has it. A label that this kernel would not apply is an error.
enum SecurityLabels {
    /// The profile that a node's administrator loads for "the runtime's default".
    static let defaultProfile = "swiftlet-default"

    /// A profile's name; nil: nothing is said.
    static func apparmor(_ profile: Runtime_V1_SecurityProfile?, _ place: String, _ abilities: NodeAbilities) throws(PluginError) -> String?
    {
        guard let profile else { return nil }
        let name: String
        switch profile.profileType {
        case .unconfined: return abilities.hasAppArmor ? "unconfined" : nil
        case .runtimeDefault: name = defaultProfile
        case .localhost: name = profile.localhostRef
        case .UNRECOGNIZED(let number): throw .invalid(field: "\(place).profile_type", reason: "\(number) is no type")
        }
        guard abilities.hasAppArmor else { throw .unsupported(field: place, what: "AppArmor, which this kernel does not run,") }
        guard !name.isEmpty, name.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7f }) else {
            throw .invalid(field: "\(place).localhost_ref", reason: "\(quoted(name)) is no profile")
        }
        return name
    }

    /// The older field: `runtime/default`, `unconfined`, `localhost/NAME`.
    static func apparmor(_ text: String, _ place: String, _ abilities: NodeAbilities) throws(PluginError) -> String? {
        var profile = Runtime_V1_SecurityProfile()
        switch text {
        case "": return nil
        case "runtime/default": profile.profileType = .runtimeDefault
        case "unconfined": profile.profileType = .unconfined
        default:
            guard text.hasPrefix("localhost/") else { throw .invalid(field: place, reason: "\(quoted(text)) is no profile") }
            profile.profileType = .localhost
            profile.localhostRef = String(text.dropFirst("localhost/".count))
        }
        return try apparmor(profile, place, abilities)
    }

    /// `user:role:type:level`, what is not said as policies for containers have it; nil: nothing is said.
    static func selinux(_ options: Runtime_V1_SELinuxOption?, _ field: String, _ abilities: NodeAbilities) throws(PluginError) -> String? {
        guard let options, options != Runtime_V1_SELinuxOption() else { return nil }
        guard abilities.hasSELinux else {
            throw .unsupported(field: "\(field).selinux_options", what: "SELinux, which this kernel does not run,")
        }
        let parts = [
            options.user.isEmpty ? "system_u" : options.user, options.role.isEmpty ? "system_r" : options.role,
            options.type.isEmpty ? "container_t" : options.type, options.level.isEmpty ? "s0" : options.level,
        ]
        let isLabel = parts.allSatisfy { $0.utf8.allSatisfy { isAlphanumeric($0) || [0x5f, 0x2d, 0x2e, 0x2c, 0x3a].contains($0) } }
        guard isLabel, !parts.dropLast().contains(where: { $0.contains(":") }) else {
            throw .invalid(field: "\(field).selinux_options", reason: "\(quoted(parts.joined(separator: ":"))) is no label")
        }
        return parts.joined(separator: ":")
    }
}
