internal import GRDB
internal import LinuxSys
internal import OCI

/// What all containers of one chain of layers have in common, found out once and kept with the topmost snapshot.
struct SnapshotPrototype: Sendable {
    /// Short names of the layers, topmost first.
    var links: String
    /// An `InitPlan` as text.
    var plan: String
}

extension Store {
    static func prototype(of top: String, _ database: Database) throws -> SnapshotPrototype? {
        try Row.fetchOne(database, sql: "SELECT links, plan FROM prototype WHERE chain = ?", arguments: [top]).map {
            SnapshotPrototype(links: $0["links"], plan: $0["plan"])
        }
    }

    static func insert(_ prototype: SnapshotPrototype, of top: String, _ database: Database) throws {
        try database.execute(
            sql: "INSERT OR REPLACE INTO prototype (chain, links, plan) VALUES (?, ?, ?)",
            arguments: [top, prototype.links, prototype.plan])
    }

    /// Short names of a chain's layers, topmost first.
    static func links(of chain: [String], _ database: Database) throws -> String {
        let find = try database.makeStatement(sql: "SELECT link FROM snapshot WHERE chain = ?")
        return try chain.reversed().map { chainID in
            guard let link = try String.fetchOne(find, arguments: [chainID]) else {
                throw ImageError.notFound(kind: .image, name: "layer \(chainID)")
            }
            return link
        }.joined(separator: " ")
    }

    /// Looks at the layers. The store is locked.
    func prototype(of chain: [String], _ scratch: Scratch) throws(ImageError) -> SnapshotPrototype {
        let links = try records.read("find snapshots") { try Self.links(of: chain, $0) }
        let lower = try kernel { () throws(SysError) in try tree(chain) }
        return SnapshotPrototype(links: links, plan: try InitPlan(over: lower, scratch: scratch.directory).json.text())
    }
}
