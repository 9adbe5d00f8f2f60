import Glibc
internal import LinuxSys
package import OCI

/// Under which rules of a security module the program is to run (config.md, `apparmorProfile` and `selinuxLabel`).
package struct SecurityLabel: Equatable, Sendable {
    package enum Module: String, Equatable, Sendable { case apparmor = "AppArmor", selinux = "SELinux" }
    package var module: Module
    package var label: String

    package init(_ module: Module, _ label: String) {
        self.module = module
        self.label = label
    }

    /// What is to be written, and to which file of the process' own directory in /proc, the first of these that the kernel has.
    /// Both take effect with the next exec.
    package var text: String { module == .apparmor ? "exec \(label)" : label }
    package var files: [String] { module == .apparmor ? ["attr/apparmor/exec", "attr/exec"] : ["attr/exec"] }
}

/// What of the security modules this kernel runs.
package struct SecurityModules: Equatable, Sendable {
    package var apparmor: Bool
    package var selinux: Bool

    package init(apparmor: Bool, selinux: Bool) {
        self.apparmor = apparmor
        self.selinux = selinux
    }

    /// From the kernel's files below `sys`, which is /sys but for tests.
    package init(sys: String = "/sys") {
        let enabled = try? FD.open("\(sys)/module/apparmor/parameters/enabled", O_RDONLY).readAll(limit: 16)
        apparmor = enabled?.first == UInt8(ascii: "Y")
        // SELINUX_MAGIC: its file system is mounted once a policy may be loaded.
        let place = try? FD.open("\(sys)/fs/selinux", openPathOnly | O_DIRECTORY)
        selinux = (try? place?.fileSystem().magic) == 0xf97c_ff8c
    }

    /// The labels that a process asks for. One that would not be applied is an error (CVE-2019-16884 and its like).
    package func labels(of process: ProcessSpec) throws(ExecutorFailure) -> [SecurityLabel] {
        var result: [SecurityLabel] = []
        // Without the module everything is unconfined.
        if let profile = process.apparmorProfile, apparmor || profile != "unconfined" {
            guard apparmor else { throw Self.absent("apparmorProfile", .apparmor) }
            result.append(SecurityLabel(.apparmor, profile))
        }
        if let label = process.selinuxLabel {
            guard selinux else { throw Self.absent("selinuxLabel", .selinux) }
            result.append(SecurityLabel(.selinux, label))
        }
        return result
    }

    private static func absent(_ field: String, _ module: SecurityLabel.Module) -> ExecutorFailure {
        ExecutorFailure(operation: "config.json", subject: "process.\(field)", reason: "\(module.rawValue) is not enabled in this kernel")
    }
}

extension HostPlace {
    /// For this process, through the host's procfs: nothing that an image or a mount put over /proc is asked (CVE-2019-19921).
    func apply(_ label: SecurityLabel) throws(SysError) {
        let own = try proc.fd.readLink("thread-self")
        for (number, name) in label.files.enumerated() {
            let file: FD
            do { file = try openForWriting("\(own)/\(name)") } catch  where error.errno == ENOENT && number + 1 < label.files.count {
                continue
            } catch {
                throw SysError(error.errno, "label", on: "\(label.module.rawValue) \(label.label)")
            }
            do { try file.writeAll(Array(label.text.utf8)) } catch {
                throw SysError(error.errno, "label", on: "\(label.module.rawValue) \(label.label)")
            }
            return
        }
    }
}
