internal import Cgroups
internal import OCI
internal import TaskAPI

extension Container {
    /// New limits (`linux.resources` of the runtime specification, as JSON).
    func update(_ resources: AnyValue?) throws(TaskError) {
        let subject = "update \(id)"
        guard initial.machine.isAlive else { throw .wrongPhase(subject, "the container is not running") }
        guard let resources, !resources.value.isEmpty else { throw .invalid(subject, "the resources are missing") }
        let wanted: ResourcesSpec
        do throws(SpecError) { wanted = try ResourcesSpec(json: resources.value) } catch { throw .invalid(subject, "\(error)") }
        do throws(CgroupError) { try cgroup.update(wanted) } catch { throw .invalid(subject, "\(error)") }
    }
}
