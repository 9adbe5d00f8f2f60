import Foundation
import ShimDriver

/// The sweep: a container's life again and again, each time with a fault at another system call of the shim, of what it clones, or of the
/// container's init until its program runs. usage: shim-sweep SHIM STEPPER STRIDE [FAULT [ROLE STEP]]
///
/// STRIDE 1 is every point; N is every Nth. For `stop` and `daemon` the stride is four times that.
let words = CommandLine.arguments
guard words.count >= 4, let stride = Int(words[3]), stride > 0 else {
    print("usage: shim-sweep SHIM STEPPER STRIDE [kill|stop|daemon]")
    exit(2)
}
let only = words.count > 4 ? Fault(rawValue: words[4]) : nil
let orchestrator = try Orchestrator(shim: words[1])
try await orchestrator.listen()
var number = 0
var failures = 0

@MainActor func run(_ role: Role, _ step: Int, _ fault: Fault) async throws -> (steps: [Role: Int], wasHit: Bool) {
    number += 1
    let point = Point(
        orchestrator: orchestrator, program: words[2], id: "swl-sweep-\(getpid())-\(number)", role: role, step: step, fault: fault)
    let (problems, steps, wasHit) = try await point.run()
    for problem in problems { print("not ok - \(fault.rawValue) \(role.rawValue) at \(step): \(problem)") }
    if !problems.isEmpty { failures += 1 }
    return (steps, wasHit)
}

if words.count == 7, let fault = only, let role = Role(rawValue: words[5]), let step = Int(words[6]) {
    let (_, wasHit) = try await run(role, step, fault)
    print("\(fault.rawValue) \(role.rawValue) at \(step): \(wasHit ? "hit" : "not reached")")
    await orchestrator.remove()
    exit(failures == 0 ? 0 : 1)
}
let (counts, _) = try await run(.shim, 0, .kill)
var points = 0
for fault in Fault.allCases where only == nil || only == fault {
    for role in Role.allCases {
        let most = counts[role] ?? 0
        var hits = 0
        // A little beyond the count: the number of calls varies with what comes first.
        for step in Swift.stride(from: 1, through: most + most / 20, by: fault == .kill ? stride : stride * 4) {
            if try await run(role, step, fault).wasHit { hits += 1 }
        }
        print("\(fault.rawValue) at \(hits) of \(most) steps of \(role.rawValue)")
        points += hits
    }
}
await orchestrator.remove()
print("sweep: \(points) points, \(failures) with something wrong")
exit(failures == 0 ? 0 : 1)
