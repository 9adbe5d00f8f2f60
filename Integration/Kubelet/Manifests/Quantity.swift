/// Kubernetes resource quantities: `500m`, `1.5`, `64Mi`, `1G`.
enum Quantity {
    /// Thousandths, rounded up; nil for what is no quantity.
    static func millis(_ text: String) -> Int64? { scaled(text, by: 1000) }

    /// Whole units, rounded up.
    static func units(_ text: String) -> Int64? { scaled(text, by: 1) }

    private static let suffixes: [(String, Double)] = [
        ("Ki", 0x1p10), ("Mi", 0x1p20), ("Gi", 0x1p30), ("Ti", 0x1p40), ("Pi", 0x1p50),
        ("m", 1e-3), ("k", 1e3), ("M", 1e6), ("G", 1e9), ("T", 1e12), ("P", 1e15),
    ]

    private static func scaled(_ text: String, by factor: Double) -> Int64? {
        let suffix = suffixes.first { text.hasSuffix($0.0) }
        let digits = text.dropLast(suffix?.0.count ?? 0)
        guard !digits.isEmpty, digits.allSatisfy({ $0.isASCII && ($0.isNumber || $0 == ".") }), let number = Double(digits) else {
            return nil
        }
        let value = (number * (suffix?.1 ?? 1) * factor).rounded(.up)
        return value < 0x1p62 ? Int64(value) : nil
    }
}
