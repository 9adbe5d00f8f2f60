import OCI

/// `list`.
struct ListCommand {
    private let call: Invocation

    init(_ call: Invocation) throws(CommandError) {
        self.call = call
        try call.given.none(of: "list")
    }

    func run() throws(CommandError) -> Int32 {
        let store = call.store
        let records = store.ids.compactMap { id in
            // One that goes away meanwhile is none.
            (try? StateStore.check(id)).flatMap { try? store.load(id, for: "list") }
        }
        let format = call.given.value("format") ?? "table"
        guard format == "table" || format == "json" else { throw .usage("list: invalid format option \(format)") }
        if call.given.has("quiet") {
            for record in records { write(record.id + "\n", to: 1) }
        } else if format == "json" {
            write(JSON.array(records.map { StateCommand.json($0, store) }).text() + "\n", to: 1)
        } else {
            let rows = records.map { record in
                let status = record.status(store)
                return [
                    record.id, status == .stopped ? "0" : "\(record.process.pid)", status.rawValue, record.bundle, record.created,
                    StateCommand.owner(record.id, store),
                ]
            }
            Self.table([["ID", "PID", "STATUS", "BUNDLE", "CREATED", "OWNER"]] + rows)
        }
        return 0
    }

    /// Columns of at least nine characters, three between them.
    private static func table(_ rows: [[String]]) {
        let last = (rows.first?.count ?? 1) - 1
        let widths = (0..<last).map { column in max(9, rows.map { $0[column].utf8.count }.max() ?? 0) + 3 }
        for row in rows {
            let cells = zip(row, widths).map { text, width in text + String(repeating: " ", count: width - text.utf8.count) }
            write(cells.joined() + row[last] + "\n", to: 1)
        }
    }
}
