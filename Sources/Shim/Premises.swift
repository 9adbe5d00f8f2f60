/// What a container of this shim lives with, beyond its own request.
struct Premises {
    let namespace: String
    let exits: ExitStore
    /// Nil unless somebody wants to know where the time goes.
    let trace: Trace?
}
