internal import Cgroups
internal import LinuxSys
internal import OCI
internal import TaskAPI

extension Container {
    /// For systemd, which has to be asked.
    private static let updateDeadline: UInt64 = 60_000_000_000

    /// New limits (`linux.resources` of the runtime specification, as JSON).
    func update(_ resources: AnyValue?, _ reply: @escaping Reply) throws(TaskError) {
        let subject = "update \(id)"
        guard initial.machine.isAlive else { throw .wrongPhase(subject, "the container is not running") }
        guard let resources, !resources.value.isEmpty else { throw .invalid(subject, "the resources are missing") }
        let wanted: ResourcesSpec
        do throws(SpecError) { wanted = try ResourcesSpec(json: resources.value) } catch { throw .invalid(subject, "\(error)") }
        guard cgroup.isManagedBySystemd else {
            do throws(CgroupError) { try cgroup.update(wanted) } catch { throw .invalid(subject, "\(error)") }
            return reply(.success(.empty))
        }
        try updateAside(wanted, subject, reply)
    }

    /// Another process waits for systemd's answer; what went wrong there comes through a pipe.
    private func updateAside(_ wanted: ResourcesSpec, _ subject: String, _ reply: @escaping Reply) throws(TaskError) {
        let (words, mouth): (FDBox, FDBox)
        do throws(SysError) {
            (words, mouth) = try FD.pipe().take { (FDBox($0), FDBox($1)) }
            try words.fd.setNonBlocking(true)
        } catch { throw .kernel(error) }
        let cgroup = cgroup
        ForkedWork.run(on: loop, deadline: Self.updateDeadline) { () throws(SysError) in
            do throws(CgroupError) { try cgroup.update(wanted) } catch {
                // At most what a pipe takes at once.
                try mouth.fd.writeAll(Array("\(error)".utf8.prefix(4096)))
                return 1
            }
            return 0
        } done: { status in
            if status == 0 { return reply(.success(.empty)) }
            var text = [UInt8](repeating: 0, count: 4096)
            if case .bytes(let count)? = try? words.fd.read(into: &text) {
                return reply(.failure(.invalid(subject, String(decoding: text[..<count], as: UTF8.self))))
            }
            reply(.failure(.deadline(subject, "systemd did not answer within 60 s")))
        }
    }
}
