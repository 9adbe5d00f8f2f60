internal import LinuxSys

/// A path inside a root, component by component, without `.`, `..` and empty ones.
typealias TreePath = [FileName]

/// One step of a path that may hold `..`, as the text of a symbolic link does.
enum PathStep: Equatable {
    case name(FileName)
    case up

    /// Nil when a component is too long or holds a zero byte.
    static func steps(_ bytes: [UInt8]) -> [PathStep]? {
        var steps: [PathStep] = []
        for part in bytes.split(separator: 0x2f) where !part.elementsEqual([0x2e]) {
            if part.elementsEqual([0x2e, 0x2e]) {
                steps.append(.up)
            } else {
                guard let name = FileName(part) else { return nil }
                steps.append(.name(name))
            }
        }
        return steps
    }
}

enum PathProblem: Error, Equatable {
    case leavesRoot
    case badName
}

/// The path that an archive means: `..` goes up before any link is looked at, as every reader of images does;
/// a path that would lead above the root is hostile.
func cleanPath(_ bytes: [UInt8]) throws(PathProblem) -> TreePath {
    var path: TreePath = []
    path.reserveCapacity(12)
    var start = 0
    while start < bytes.count {
        var end = start
        while end < bytes.count, bytes[end] != 0x2f { end += 1 }
        let part = bytes[start..<end]
        start = end + 1
        if part.isEmpty || (part.count == 1 && part.first == 0x2e) { continue }
        if part.count == 2, part.first == 0x2e, part.last == 0x2e {
            guard path.popLast() != nil else { throw .leavesRoot }
            continue
        }
        guard let name = FileName(part) else { throw .badName }
        path.append(name)
    }
    return path
}

/// Depth first, each directory in front of what is in it.
func isBefore(_ one: TreePath, _ other: TreePath) -> Bool {
    for (mine, its) in zip(one, other) where mine != its { return mine.bytes.lexicographicallyPrecedes(its.bytes) }
    return one.count < other.count
}

/// For messages: `/etc/passwd`.
func shown(_ path: TreePath) -> String { "/" + path.map { TarEntry.shown($0.bytes) }.joined(separator: "/") }

/// Turns what the kernel says into this target's error.
func kernel<T: ~Copyable>(_ body: () throws(SysError) -> T) throws(ImageError) -> T {
    do { return try body() } catch { throw .kernel(error) }
}
