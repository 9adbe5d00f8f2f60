internal import EventLoop
internal import Executor
internal import LinuxSys
internal import TaskAPI

/// What is asked of another OCI runtime when one has set the container up (option BinaryName). It runs below an executor process.
extension Container {
    private static let askDeadline: UInt64 = 60_000_000_000

    var hasForeignRuntime: Bool { options.executor.runtime != nil }

    /// Processes that another runtime or criu makes are left to this one.
    func adoptOrphans() {
        do throws(SysError) {
            strays = try StrayReaper(loop: loop) { [weak self] in self?.isSettingUp ?? false }
        } catch { log.warning("become a subreaper: \(error)") }
    }

    private var isSettingUp: Bool {
        initial.executor?.isRunning == true || execs.values.contains { $0.executor?.isRunning == true }
    }

    /// The executor's channel is also init's only where the executor has made init itself.
    var channelTellsOfInit: Bool { !hasForeignRuntime && restore == .none }

    /// Another runtime's executor has ended. While it creates or restores, that is the end of what it may say.
    func initChannelEnded() {
        switch (initial.machine.phase, restore) {
        case (.creating, _): act(initial.machine.channelEnded(now: realtimeNanoseconds()), on: initial)
        case (.starting, .underWay): restoreEnded()
        default: break
        }
    }

    func startByRuntime() {
        ask(.start) { [self] problem in
            let now = realtimeNanoseconds()
            switch problem {
            case nil: act(initial.machine.channelEnded(now: now), on: initial)
            case .executor(let failure)?: act(initial.machine.failed(failure, now: now), on: initial)
            case let error?: abort(initial, error)
            }
        }
    }

    /// Calls back when the runtime has done it, or with what it said.
    func ask(_ call: ForeignCall, _ done: @escaping (TaskError?) -> Void) { run(.ask(reference, call), "\(call)", done) }

    /// An executor process that makes no process.
    func run(_ job: ExecutorJob, _ operation: String, deadline: UInt64 = askDeadline, _ done: @escaping (TaskError?) -> Void) {
        var problem: TaskError?
        do throws(SysError) {
            var timer: TimerToken?
            let run = try ExecutorRun(loop: loop, job) { [self] event in
                switch event {
                case .record(.failed(let failure), _): problem = .executor(failure)
                case .record(.warning(let text), _): log.warning(text)
                case .record, .channelEnded: break
                case .ended(let status):
                    if let timer { loop.cancel(timer) }
                    if status != .code(0), problem == nil {
                        problem = .wrongPhase("\(operation) \(id)", "the process that was to do it ended with status \(status.number)")
                    }
                    done(problem)
                }
            }
            timer = loop.after(nanoseconds: deadline) { [self] in
                problem = .deadline("\(operation) \(id)", "not done within \(deadline / 1_000_000_000) s")
                run.kill()
            }
        } catch { done(.kernel(error)) }
    }
}
