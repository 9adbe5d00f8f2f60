internal import LinuxSys
package import OCI
internal import Synchronization

/// What is known of each pod at this moment, for whoever looks.
package final class PodTable: Sendable {
    package struct Container: Equatable, Sendable {
        package var name: String
        package var id: String?
        package var state: String
        package var isReady: Bool
        package var restarts: Int
        package var exits: [PodMachine.Exit]
        /// Of the latest attempt.
        package var log: String
    }

    package struct Row: Equatable, Sendable {
        package var key: String
        package var uid: String
        package var status: String
        package var ready: String
        package var restarts: Int
        package var address: String?
        package var sandbox: String?
        /// CLOCK_MONOTONIC, nanoseconds.
        package var since: UInt64
        package var containers: [Container]
    }

    private let rows = Mutex<[String: Row]>([:])
    private let version = Atomic<UInt64>(0)

    package init() {}

    func put(_ row: Row) {
        rows.withLock { $0[row.uid] = row }
        version.add(1, ordering: .relaxed)
    }

    func remove(uid: String) {
        _ = rows.withLock { $0.removeValue(forKey: uid) }
        version.add(1, ordering: .relaxed)
    }

    /// Another number after every change.
    package var revision: UInt64 { version.load(ordering: .relaxed) }
    package var all: [Row] { rows.withLock { $0.values.sorted { $0.key < $1.key } } }

    /// Lines of a table, the heading first.
    package static func lines(_ rows: [Row], now: UInt64) -> [String] {
        var cells = [["POD", "READY", "STATUS", "RESTARTS", "AGE", "IP"]]
        for row in rows {
            let seconds = (now - min(now, row.since)) / 1_000_000_000
            let age = seconds < 120 ? "\(seconds)s" : seconds < 7200 ? "\(seconds / 60)m" : "\(seconds / 3600)h"
            cells.append([row.key, row.ready, row.status, "\(row.restarts)", age, row.address ?? "-"])
        }
        let widths = cells[0].indices.map { column in cells.map { $0[column].count }.max() ?? 0 }
        return cells.map { row in
            let padded = row.indices.map { row[$0] + String(repeating: " ", count: widths[$0] - row[$0].count) }
            return padded.joined(separator: "   ").trimmingSuffix(while: \.isWhitespace)
        }
    }
}

extension PodTable.Row {
    package var json: JSON {
        [
            "pod": .string(key), "uid": .string(uid), "status": .string(status), "ready": .string(ready),
            "restarts": .integer(Int64(restarts)), "ip": address.map { .string($0) } ?? .null,
            "sandbox": sandbox.map { .string($0) } ?? .null,
            "containers": .array(
                containers.map { container in
                    [
                        "name": .string(container.name), "id": container.id.map { .string($0) } ?? .null, "state": .string(container.state),
                        "ready": .bool(container.isReady), "restarts": .integer(Int64(container.restarts)), "log": .string(container.log),
                        "exits": .array(
                            container.exits.map { ["code": .integer(Int64($0.code)), "reason": .string($0.reason)] }),
                    ]
                }),
        ]
    }
}

extension String {
    fileprivate func trimmingSuffix(while predicate: (Character) -> Bool) -> String {
        var end = endIndex
        while end > startIndex, predicate(self[index(before: end)]) { end = index(before: end) }
        return String(self[..<end])
    }
}
