internal import GRDB
internal import LinuxSys

/// Bytes and files of a part of the store, a file with several names counted once.
package struct TreeUsage: Equatable, Sendable {
    package var bytes: UInt64 = 0
    package var inodes: UInt64 = 0

    package init(bytes: UInt64 = 0, inodes: UInt64 = 0) {
        self.bytes = bytes
        self.inodes = inodes
    }

    package static func + (a: TreeUsage, b: TreeUsage) -> TreeUsage {
        TreeUsage(bytes: a.bytes + b.bytes, inodes: a.inodes + b.inodes)
    }
}

extension Store {
    /// What a container has written. Nothing when it has no root.
    package func writtenUsage(container id: String) throws(ImageError) -> TreeUsage {
        try Self.checkID(id, "container id")
        let name = FileName(own: id)
        return try kernel { () throws(SysError) in
            guard try layout.containers.fd.status(of: name) != nil else { return TreeUsage() }
            return try TreeSize.usage(of: FileName(own: "diff"), in: FDBox(try layout.containers.fd.openDirectory(name)))
        }
    }

    /// The chain IDs of all unpacked layers.
    package func layerChains() throws(ImageError) -> [String] {
        try records.read("list snapshots") { try String.fetchAll($0, sql: "SELECT chain FROM snapshot") }
    }

    /// Of one unpacked layer, which never changes.
    package func layerUsage(_ chainID: String) throws(ImageError) -> TreeUsage {
        try kernel { () throws(SysError) in try TreeSize.usage(of: FileName(own: Self.hex(chainID)), in: layout.layers) }
    }

    /// Of the packed layers, configurations and manifests.
    package func blobUsage() throws(ImageError) -> TreeUsage {
        try kernel { () throws(SysError) in try TreeSize.usage(of: FileName(own: "blobs"), in: layout.root) }
    }

    /// Of everything that containers wrote.
    package func containersUsage() throws(ImageError) -> TreeUsage {
        try kernel { () throws(SysError) in
            try TreeSize.usage(of: FileName(own: "containers"), in: FDBox(try layout.root.fd.openDirectory(FileName(own: "overlay"))))
        }
    }
}
