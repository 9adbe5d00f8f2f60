internal import Cgroups
internal import Executor
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
        if hasForeignRuntime {
            return ask(.update(resources.value)) { problem in reply(problem.map { .failure($0) } ?? .success(.empty)) }
        }
        guard cgroup.isManagedBySystemd else {
            do throws(CgroupError) { try cgroup.update(wanted) } catch { throw .invalid(subject, "\(error)") }
            return reply(.success(.empty))
        }
        try updateAside(wanted, subject, reply)
    }

    /// Another process waits for systemd's answer.
    private func updateAside(_ wanted: ResourcesSpec, _ subject: String, _ reply: @escaping Reply) throws(TaskError) {
        let cgroup = cgroup
        ForkedWork.bytes(on: loop, deadline: Self.updateDeadline, subject: subject) { () throws(TaskError) in
            do throws(CgroupError) { try cgroup.update(wanted) } catch { throw .invalid(subject, "\(error)") }
            return []
        } done: { result in
            reply(result.map { _ in .empty })
        }
    }
}
