/// Runs what it is given one after the other, in the order of the calls. A caller that goes away does not stop what it asked
/// for: half a Create is worse than one that nobody waits for.
actor Order {
    private var last: Task<Void, Never>?

    func run<T: Sendable>(_ body: @escaping @Sendable () async throws -> T) async throws -> T {
        let before = last
        let task = Task {
            await before?.value
            return try await body()
        }
        last = Task { _ = await task.result }
        return try await task.value
    }
}
