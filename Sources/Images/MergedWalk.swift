internal import LinuxSys

/// Looks up one path of a merged tree after the other. What one has in common with the one before is not walked again: best in the
/// order of the tree.
struct MergedWalk {
    private let tree: MergedTree
    private var trail: [(name: FileName, found: MergedTree.Found, directories: [FDBox])] = []
    /// Descriptors that the trail holds open. Over hundreds of layers one directory may be as many.
    private var held: Int { trail.reduce(0) { $0 + $1.directories.count } }
    private static let most = 256

    init(_ tree: MergedTree) { self.tree = tree }

    /// As `MergedTree.lookup`.
    mutating func lookup(_ path: TreePath) throws(SysError) -> MergedTree.Found? {
        var depth = 0
        while depth < min(trail.count, path.count), trail[depth].name == path[depth] { depth += 1 }
        trail.removeSubrange(depth...)
        if depth == path.count, let last = trail.last { return last.found }
        guard let name = path.last else { return try tree.lookup([]) }
        var candidates = trail.last?.directories ?? tree.layers
        var isKept = true
        for name in path[depth...].dropLast() {
            guard let next = try MergedTree.step(name, candidates, descend: true), next.found.status.kind == .directory else { return nil }
            candidates = next.directories
            isKept = isKept && held + candidates.count <= Self.most
            if isKept { trail.append((name, next.found, candidates)) }
        }
        return try MergedTree.step(name, candidates, descend: false)?.found
    }
}
