/// Rows under a heading, each column as wide as its widest cell, three spaces between.
package struct Table: Sendable {
    package let heading: [String]
    package private(set) var rows: [[String]] = []

    package init(_ heading: [String]) { self.heading = heading }

    package mutating func add(_ row: [String]) {
        precondition(row.count == heading.count, "a row has a cell for each column")
        rows.append(row.map(Self.printable))
    }

    package var lines: [String] {
        let all = [heading] + rows
        let widths = heading.indices.map { column in all.map { $0[column].count }.max() ?? 0 }
        return all.map { row in
            row.indices.map { column in
                column == row.count - 1 ? row[column] : row[column] + String(repeating: " ", count: widths[column] - row[column].count + 3)
            }.joined()
        }
    }

    /// An image's or container's text must not steer the terminal it is shown on.
    static func printable(_ cell: String) -> String {
        guard cell.unicodeScalars.contains(where: isControl) else { return cell }
        var clean = String.UnicodeScalarView()
        for scalar in cell.unicodeScalars { clean.append(isControl(scalar) ? "\u{fffd}" : scalar) }
        return String(clean)
    }

    private static func isControl(_ scalar: Unicode.Scalar) -> Bool { scalar.value < 0x20 || (0x7f..<0xa0).contains(scalar.value) }
}

/// Cuts to `width` characters, the last of them an ellipsis.
package func shortened(_ text: String, to width: Int) -> String { text.count <= width ? text : "\(text.prefix(width - 1))…" }
