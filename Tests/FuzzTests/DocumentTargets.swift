import OCI
import Shim

/// The first byte chooses which document it is.
func fuzzConfig(_ bytes: [UInt8]) throws {
    guard let first = bytes.first else { return }
    let document = Array(bytes.dropFirst())
    try readsWhatItWrites(document)
    switch first % 4 {
    case 0: _ = try? ProcessSpec(json: document)
    case 1: _ = try? ResourcesSpec(json: document)
    case 2: _ = try? ContainerState(json: document)
    default: _ = try? RuntimeSpec(json: document)
    }
}

/// What the parser takes, the writer writes so that the parser reads the same, in both layouts.
private func readsWhatItWrites(_ document: [UInt8]) throws {
    guard let json = try? JSON(parsing: document) else { return }
    try require((try? JSON(parsing: json.encoded())) == json, "a document is not what it was encoded to")
    try require((try? JSON(parsing: json.encoded(pretty: true))) == json, "a document is not what it was encoded to with indentation")
}

func fuzzRecord(_ bytes: [UInt8]) throws {
    guard let record = try? TaskRecord(parsing: bytes) else { return }
    try require((try? TaskRecord(parsing: record.encoded)) == record, "a record is not what it was encoded to")
}

func fuzzManifest(_ bytes: [UInt8]) throws {
    guard let first = bytes.first, let json = try? JSON(parsing: Array(bytes.dropFirst())) else { return }
    switch first % 4 {
    case 0:
        guard let manifest = try? Manifest(json: json) else { return }
        let again = try? Manifest(json: manifest.json)
        try require(again?.layers == manifest.layers && again?.config == manifest.config, "a manifest is not what it was encoded to")
    case 1:
        guard let index = try? Index(json: json) else { return }
        try require((try? Index(json: index.json)) == index, "an index is not what it was encoded to")
    case 2: _ = try? DockerArchiveImage.list(json: json)
    default: _ = try? ImageConfig(json: json)
    }
}
