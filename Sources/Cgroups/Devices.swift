import Glibc
internal import LinuxSys
import OCI

extension Cgroup {
    /// By lists under v1 (kernel: admin-guide/cgroup-v1/devices.rst), by a program under v2.
    func applyDevices(_ rules: [DeviceRule]) throws(CgroupError) {
        let policy = DevicePolicy(rules)
        guard let place = place(of: "devices") else {
            throw .unsupported(field: "linux.resources.devices", reason: "this host has no devices controller")
        }
        switch place.version {
        case .v1:
            for (file, value) in try Self.deviceWrites(policy) { try ControlFile.write(value, to: "\(place.path)/\(file)") }
        case .v2:
            do {
                let directory = try FD.open(place.path, O_RDONLY | O_DIRECTORY)
                try attachDeviceProgram(DeviceProgram(policy).instructions, to: directory, name: place.path)
            } catch { throw .kernel(error) }
        }
    }

    static func deviceWrites(_ policy: DevicePolicy) throws(CgroupError) -> [(file: String, value: String)] {
        let exceptions = try policy.exceptions().map { (policy.allowsByDefault ? "devices.deny" : "devices.allow", $0.text) }
        return [(policy.allowsByDefault ? "devices.allow" : "devices.deny", "a")] + exceptions
    }
}
