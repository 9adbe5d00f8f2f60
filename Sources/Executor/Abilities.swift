internal import Glibc
package import LinuxSys
internal import OCI

/// What this process and this kernel can do for a container, as far as plans depend on it.
package struct Abilities: Equatable, Sendable {
    /// What can be given to the program.
    package var capabilities = Capabilities.all
    package var modules = SecurityModules(apparmor: false, selinux: false)

    package init() {}

    /// Found out only where the configuration asks for it.
    init(for process: ProcessSpec, in spec: RuntimeSpec) throws(SysError) {
        // Who enters a user namespace has every capability there.
        if process.capabilities != nil, spec.linux.namespace(.user) == nil { capabilities = try permittedCapabilities() }
        if process.apparmorProfile != nil || process.selinuxLabel != nil { modules = SecurityModules() }
    }
}
