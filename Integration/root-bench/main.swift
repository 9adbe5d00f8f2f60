import Executor
import Glibc
import Images
import LinuxSys

/// How long it takes until the root of a container is ready: the snapshot made and mounted, as the executor mounts it. Prints the
/// median of ROUNDS in microseconds: made, mounted, both.
/// usage: root-bench STORE IMAGE ROUNDS   (in a mount namespace of its own)
func measure(_ arguments: [String]) throws {
    guard arguments.count == 4, let rounds = Int(arguments[3]), rounds > 0 else {
        print("usage: root-bench STORE IMAGE ROUNDS")
        exit(2)
    }
    let store = try Store(root: arguments[1])
    let image = try store.image(arguments[2])
    let place = "\(arguments[1])/bench-root"
    guard unsafe mkdir(place, 0o700) == 0 || errno == EEXIST else { throw SysError(errno, "mkdir", on: place) }
    var made: [UInt64] = []
    var mounted: [UInt64] = []
    var both: [UInt64] = []
    // One more, which is not counted: the first container of an image finds out what the next ones know.
    for round in 0...rounds {
        let id = "bench-\(round)"
        let start = monotonicNanoseconds()
        let root = try store.prepare(container: id, image: image)
        let middle = monotonicNanoseconds()
        // Closed at once: whoever holds its descriptor keeps a mount busy.
        try OverlayOptions(root.mounts[0].options).attach(source: "overlay", to: FD.open(place, openPathOnly | O_DIRECTORY))
        let end = monotonicNanoseconds()
        guard unsafe umount2(place, 0) == 0 else { throw SysError(errno, "umount", on: place) }
        try store.discard(container: id)
        guard round > 0 else { continue }
        made.append(middle - start)
        mounted.append(end - middle)
        both.append(end - start)
    }
    print([made, mounted, both].map { "\($0.sorted()[$0.count / 2] / 1000)" }.joined(separator: " "))
}

do { try measure(CommandLine.arguments) } catch {
    _ = try? FD.copy(of: 2).writeAll(Array("root-bench: \(error)\n".utf8))
    exit(1)
}
