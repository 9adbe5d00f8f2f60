internal import Cgroups
internal import EventLoop
internal import Executor
internal import LinuxSys
internal import TaskAPI

/// Pause and Resume: the cgroup is asked, and looked at until it has followed; an error on the way thaws (rule 18).
extension Container {
    private static let freezeDeadline: UInt64 = 10_000_000_000

    func pause(_ reply: @escaping Reply) throws(TaskError) {
        guard isRunning else { throw .wrongPhase("pause \(id)", "the container is not running") }
        guard freezer == .thawed else { throw .wrongPhase("pause \(id)", "it is \(freezer)") }
        if hasForeignRuntime { return pauseByRuntime(reply) }
        do throws(CgroupError) { try cgroup.freeze() } catch {
            try? cgroup.thaw()
            throw .invalid("pause \(id)", error.description)
        }
        freezer = .freezing
        poll(for: .frozen, from: .freezing, until: monotonicNanoseconds() + Self.freezeDeadline, step: 1_000_000, reply)
    }

    func resume(_ reply: @escaping Reply) throws(TaskError) {
        guard freezer == .frozen else { throw .wrongPhase("resume \(id)", "it is not paused") }
        if hasForeignRuntime { return resumeByRuntime(reply) }
        do throws(CgroupError) { try cgroup.thaw() } catch { throw .invalid("resume \(id)", error.description) }
        freezer = .thawing
        poll(for: .thawed, from: .thawing, until: monotonicNanoseconds() + Self.freezeDeadline, step: 1_000_000, reply)
    }

    private func pauseByRuntime(_ reply: @escaping Reply) {
        freezer = .freezing
        ask(.pause) { [self] problem in
            guard freezer == .freezing else { return reply(.failure(.wrongPhase(id, "the container has exited"))) }
            if let problem { return giveUp(problem, reply) }
            freezer = .frozen
            tell(.other, .paused(id: id))
            reply(.success(.empty))
        }
    }

    private func resumeByRuntime(_ reply: @escaping Reply) {
        freezer = .thawing
        ask(.resume) { [self] problem in
            guard freezer == .thawing else { return reply(.failure(.wrongPhase(id, "the container has exited"))) }
            freezer = problem == nil ? .thawed : .frozen
            if let problem { return reply(.failure(problem)) }
            tell(.other, .resumed(id: id))
            reply(.success(.empty))
        }
    }

    private func poll(for goal: Freezer, from state: Freezer, until deadline: UInt64, step: UInt64, _ reply: @escaping Reply) {
        // The container ended meanwhile, and was thawed for that.
        guard freezer == state else { return reply(.failure(.wrongPhase(id, "the container has exited"))) }
        if cgroup.frozen == (goal == .frozen) {
            freezer = goal
            tell(.other, goal == .frozen ? .paused(id: id) : .resumed(id: id))
            return reply(.success(.empty))
        }
        // Under v1 a process that forks meanwhile leaves the group half frozen until it is asked again.
        if goal == .frozen {
            do throws(CgroupError) { try cgroup.freeze() } catch { return giveUp(.invalid("pause \(id)", error.description), reply) }
        }
        guard monotonicNanoseconds() < deadline else {
            return giveUp(.deadline("\(state) \(id)", "the cgroup did not follow within 10 s"), reply)
        }
        loop.after(nanoseconds: step) { [self] in poll(for: goal, from: state, until: deadline, step: min(step * 2, 50_000_000), reply) }
    }

    private func giveUp(_ error: TaskError, _ reply: Reply) {
        do throws(CgroupError) { try cgroup.thaw() } catch { log.warning("thaw \(id): \(error)") }
        freezer = .thawed
        reply(.failure(error))
    }
}
