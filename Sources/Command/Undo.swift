/// What to take back when a later step fails: last in, first out. Each step is tried whatever the others did;
/// a step that fails is said, not thrown, so that the first error stays the one that is reported.
struct UndoList: Sendable {
    private var steps: [(what: String, action: @Sendable () async throws -> Void)] = []

    mutating func add(_ what: String, _ action: @escaping @Sendable () async throws -> Void) { steps.append((what, action)) }

    mutating func run(_ journal: Journal) async {
        while let step = steps.popLast() {
            do {
                try await step.action()
            } catch {
                journal.warning("\(step.what): \(error)")
            }
        }
    }
}
