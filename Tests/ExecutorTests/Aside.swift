import Glibc
import LinuxSys
import Testing

@testable import Executor

/// What a test does on a thread with a mount namespace of its own, which goes with the thread.
final class Aside {
    private let body: () -> Result<[String], ExecutorFailure>
    private var result: Result<[String], ExecutorFailure>?

    private init(_ body: @escaping () -> Result<[String], ExecutorFailure>) { self.body = body }

    static func run(_ body: @escaping () throws(ExecutorFailure) -> [String]) throws -> [String] {
        let work = Aside {
            do throws(ExecutorFailure) {
                try sys { () throws(SysError) in
                    try unshareNamespaces(.newMount, name: "mount")
                    try mountPath(nil, on: "/", flags: MountPropagation.slave.rawValue | MountFlag.recursive)
                }
                return .success(try body())
            } catch { return .failure(error) }
        }
        var thread = pthread_t()
        let argument = unsafe Unmanaged.passRetained(work).toOpaque()
        let made = unsafe pthread_create(
            &thread, nil,
            { argument in
                let work = unsafe Unmanaged<Aside>.fromOpaque(argument!).takeRetainedValue()
                work.result = work.body()
                return nil
            }, argument)
        #expect(made == 0)
        pthread_join(thread, nil)
        return try #require(work.result).get()
    }
}
