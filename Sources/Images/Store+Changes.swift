internal import GRDB
import Glibc
package import LinuxSys
internal import OCI

/// One line of `swiftlet diff`.
package struct ContainerChange: Equatable, Sendable {
    package enum Kind: String, Sendable {
        case added = "A"
        case changed = "C"
        case deleted = "D"
    }
    package let kind: Kind
    /// Absolute, in the container; what is not printable is escaped.
    package let path: String
}

/// What a container made of its image's files.
extension Store {
    /// Hands over each change in the order of paths; the root itself is never told.
    package func changes(of container: String, _ visit: (ContainerChange) throws(ImageError) -> Void) throws(ImageError) {
        try comparison(of: container).run { (path, change) throws(ImageError) in
            guard !path.isEmpty else { return }
            let kind: ContainerChange.Kind =
                switch change {
                case .added: .added
                case .modified: .changed
                case .deleted: .deleted
                }
            try visit(ContainerChange(kind: kind, path: shown(path)))
        }
    }

    /// The container's whole tree as a tar archive; the sockets that were left out.
    package func export(container: String, to file: FDBox, named name: String) throws(ImageError) -> [String] {
        let tree = try comparison(of: container).new
        let writer = LayerWriter(FileSink(file, subject: name), .archive, limits: limits)
        try writer.write(TreeComparison(old: nil, new: tree, limits: limits))
        return writer.sockets
    }

    /// From the image with the container's init layer to the tree that the container has now.
    func comparison(of container: String) throws(ImageError) -> TreeComparison {
        let found = try records.read("find root \(container)") { database in
            try Row.fetchOne(database, sql: "SELECT chain, snapshotter FROM root WHERE container = ?", arguments: [container]).map { row in
                (chain: (row["chain"] as String).split(separator: " ").map(String.init), kind: row["snapshotter"] as String)
            }
        }
        guard let found else { throw .notFound(kind: .container, name: container) }
        guard let kind = SnapshotterKind(rawValue: found.kind) else {
            throw .unsupported(subject: "container \(container)", what: "snapshotter `\(found.kind)`")
        }
        return try kernel { () throws(SysError) in
            let home = FDBox(try layout.containers.fd.openDirectory(FileName(own: container)))
            let initLayer = FDBox(try home.fd.openDirectory(FileName(own: "init")))
            let old = MergedTree(layers: [initLayer] + (try tree(found.chain)).layers)
            return TreeComparison(old: old, new: try kind.driver.tree(home, over: old), limits: limits)
        }
    }
}
