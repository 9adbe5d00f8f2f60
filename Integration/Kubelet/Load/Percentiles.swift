/// Figures of many measurements, as Kubernetes' density test gives them for the start of pods: p50, p90, p99 (nearest rank).
package struct Percentiles: Equatable, Sendable {
    private let sorted: [Duration]

    package init(_ values: [Duration]) { sorted = values.sorted() }

    package var count: Int { sorted.count }
    package var longest: Duration { sorted.last ?? .zero }

    /// The smallest value that at least `percent` of all do not exceed; zero when there is none.
    package func at(_ percent: Int) -> Duration {
        guard !sorted.isEmpty else { return .zero }
        let rank = (sorted.count * min(max(percent, 1), 100) + 99) / 100
        return sorted[rank - 1]
    }

    package var line: String {
        "p50 \(Self.text(at(50))), p90 \(Self.text(at(90))), p99 \(Self.text(at(99))), longest \(Self.text(longest)) (\(count) pods)"
    }

    static func text(_ duration: Duration) -> String {
        "\(((duration / .milliseconds(1)) * 10).rounded() / 10) ms"
    }
}
