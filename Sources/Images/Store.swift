internal import GRDB
internal import LinuxSys
internal import OCI

/// Images, snapshots, containers and pods under one directory. Two processes may use one directory at once.
package final class Store: Sendable {
    /// Absolute.
    package let root: String
    let layout: StoreLayout
    let records: Records
    let limits: UnpackLimits

    /// Opens or makes the store at `root` (absolute, mode 0700) and removes what a process that died left half done.
    package init(root: String, limits: UnpackLimits = UnpackLimits()) throws(ImageError) {
        // Paths go into mount options, where these two end a value.
        guard root.hasPrefix("/"), !root.utf8.contains(where: { $0 == 0x3a || $0 == 0x2c || $0 == 0x5c || $0 < 0x20 }) else {
            throw .invalid(
                what: "store directory", value: root, reason: "an absolute path without `:`, `,`, `\\` and control characters expected")
        }
        var path = root
        while path.count > 1, path.hasSuffix("/") { path.removeLast() }
        self.root = path
        self.limits = limits
        let layout = try kernel { () throws(SysError) in try StoreLayout(path) }
        self.layout = layout
        records = try layout.locked { () throws(ImageError) in
            let records = try Records(path: "\(path)/store.sqlite")
            try Store.sweep(layout, records)
            return records
        }
    }

    /// Removes directories that no record knows: their process died between moving them here and writing them down.
    private static func sweep(_ layout: StoreLayout, _ records: Records) throws(ImageError) {
        let known = try records.read("list snapshots") { database in
            (
                layers: Set(try String.fetchAll(database, sql: "SELECT chain FROM snapshot").map(hex)),
                links: Set(try String.fetchAll(database, sql: "SELECT link FROM snapshot")),
                containers: Set(try String.fetchAll(database, sql: "SELECT container FROM root"))
            )
        }
        try kernel { () throws(SysError) in
            try Scratch.sweep(layout)
            try sweep(layout.layers, keeping: known.layers)
            try sweep(layout.links, keeping: known.links)
            try sweep(layout.containers, keeping: known.containers)
        }
    }

    private static func sweep(_ directory: FDBox, keeping known: Set<String>) throws(SysError) {
        for name in try directory.fd.entries() where !known.contains(name.description) { try directory.fd.removeTree(name) }
    }

    /// The digits of `sha256:<digits>`.
    static func hex(_ digest: String) -> String { String(digest.drop { $0 != ":" }.dropFirst()) }

    func snapshot(_ chainID: String) throws(SysError) -> FDBox {
        FDBox(try layout.layers.fd.openDirectory(FileName(own: Self.hex(chainID))).openDirectory(FileName(own: "diff")))
    }

    /// The layers of a chain as one tree, topmost first.
    func tree(_ chain: [String]) throws(SysError) -> MergedTree {
        var layers: [FDBox] = []
        for chainID in chain.reversed() { layers.append(try snapshot(chainID)) }
        return MergedTree(layers: layers)
    }
}
