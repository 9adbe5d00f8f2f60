/// What reads bytes that somebody else wrote: one entry point each, for libFuzzer (`make fuzz`, Integration/fuzz) and for the short form in
/// the unit tests. A property that does not hold is thrown; a trap is found by whoever runs it.
enum FuzzTarget: String, CaseIterable {
    /// ttrpc's frames and the streams behind them.
    case frames
    /// SPDY's frames and the streams behind them.
    case spdy
    /// The messages of containerd's task service, through libprotobuf-c.
    case task
    /// config.json, and the parts of it that Exec and Update send.
    case config
    /// The record that a shim leaves on disk for a later `delete`.
    case record
    /// Records between an executor and its supervisor.
    case executor
    /// Layers.
    case tar
    /// pax extended headers.
    case pax
    /// Manifests, indexes and configurations of images.
    case manifest

    func run(_ bytes: [UInt8]) throws {
        switch self {
        case .frames: try fuzzFrames(bytes)
        case .spdy: try fuzzSPDY(bytes)
        case .task: try fuzzTask(bytes)
        case .config: try fuzzConfig(bytes)
        case .record: try fuzzRecord(bytes)
        case .executor: try fuzzExecutorRecord(bytes)
        case .tar: try fuzzTar(bytes)
        case .pax: try fuzzPax(bytes)
        case .manifest: try fuzzManifest(bytes)
        }
    }
}

/// A property that did not hold.
struct Broken: Error, CustomStringConvertible {
    let description: String
}

func require(_ condition: Bool, _ what: @autoclosure () -> String) throws(Broken) {
    if !condition { throw Broken(description: what()) }
}
