struct CheckpointCommand {
    init(_ call: Invocation) throws(CommandError) { throw .usage("checkpoint: is not supported") }
    func run() throws(CommandError) -> Int32 { 1 }
}
struct RestoreCommand {
    init(_ call: Invocation) throws(CommandError) { throw .usage("restore: is not supported") }
    func run() throws(CommandError) -> Int32 { 1 }
}
