/// Prometheus' text format (version 0.0.4): families of samples, each with its help and type.
struct MetricsPage: Sendable {
    private(set) var text = ""

    mutating func family(_ name: String, _ type: String, _ help: String, _ samples: [(labels: [(String, String)], value: Double)]) {
        head(name, type, help)
        for sample in samples { line(name, sample.labels, sample.value) }
    }

    mutating func histogram(_ name: String, _ help: String, _ series: [(labels: [(String, String)], value: Metrics.Histogram)]) {
        head(name, "histogram", help)
        for entry in series {
            var total: UInt64 = 0
            for (index, count) in entry.value.buckets.enumerated() {
                total += count
                let bound = index < Metrics.bounds.count ? Self.number(Metrics.bounds[index]) : "+Inf"
                line(name + "_bucket", entry.labels + [("le", bound)], Double(total))
            }
            line(name + "_sum", entry.labels, entry.value.sum)
            line(name + "_count", entry.labels, Double(total))
        }
    }

    private mutating func head(_ name: String, _ type: String, _ help: String) {
        text += "# HELP \(name) \(help)\n# TYPE \(name) \(type)\n"
    }

    private mutating func line(_ name: String, _ labels: [(String, String)], _ value: Double) {
        let inner = labels.map { "\($0.0)=\"\(Self.escaped($0.1))\"" }.joined(separator: ",")
        text += inner.isEmpty ? "\(name) \(Self.number(value))\n" : "\(name){\(inner)} \(Self.number(value))\n"
    }

    static func escaped(_ text: String) -> String {
        text.replacing("\\", with: "\\\\").replacing("\"", with: "\\\"").replacing("\n", with: "\\n")
    }

    /// Whole numbers without a point.
    static func number(_ value: Double) -> String {
        value == value.rounded() && abs(value) < 1e15 ? "\(Int64(value))" : "\(value)"
    }
}
