import Glibc
internal import LinuxSys
internal import OCI

/// Reads one layer of an archive: checks it, keeps its blob, unpacks it.
struct LayerJob: Sendable {
    let chainID: Digest
    /// Nil for the lowest layer.
    let parent: Digest?
    let layer: ImagePlan.Layer
    /// Where the packed layer is written; nil when the store has it, or another job writes it.
    let blob: FDBox?
    /// Where it is unpacked; nil when the store has that snapshot already: then the layer is only checked.
    let diff: FDBox?
    let limits: UnpackLimits
    var cancellation: Cancellation?

    struct Result: Sendable {
        let digest: Digest
        let size: UInt64
        let outcome: LayerUnpacker.Outcome
    }

    private var subject: String { "layer \(layer.digest ?? layer.diffID)" }

    /// `lower` is nil when the layers below are not complete yet.
    func run(lower: MergedTree?, progress: (@Sendable (LoadProgress) -> Void)?) throws(ImageError) -> Result {
        let packed = HashLane((layer.digest ?? layer.diffID).algorithm, file: blob)
        // Of a layer that is not packed blob and diff ID are the same.
        let plain = layer.compression == .none ? packed : HashLane(layer.diffID.algorithm, file: nil)
        var done: UInt64 = 0
        let source = TappedSource(FileSource(layer.part, subject: subject)) {
            (bytes) throws(ImageError) in
            try cancellation?.check("unpack", on: subject)
            packed.add(bytes)
            done += UInt64(bytes.count)
            progress?(LoadProgress(stage: .unpacking, subject: subject, done: done, total: layer.part.size))
        }
        let outcome = try read(source, plain: layer.compression == .none ? nil : plain, packed: packed, lower: lower)
        let found = try packed.finish()
        try check(found.digest, layer.digest)
        if outcome != .needsLower { try check(try plain.finish().digest, layer.diffID) }
        return Result(digest: found.digest, size: found.size, outcome: outcome)
    }

    private func read(
        _ source: TappedSource<FileSource>, plain: HashLane?, packed: HashLane, lower: MergedTree?
    ) throws(ImageError) -> LayerUnpacker.Outcome {
        do {
            let unpacked = try UnpackedSource(source, layer.compression, subject: subject)
            let tapped = TappedSource(unpacked) { (bytes) throws(ImageError) in plain?.add(bytes) }
            return try unpack(StagedSource(tapped), lower)
        } catch {
            // A damaged blob makes all kinds of trouble on the way; that it is not what its digest says is the plainest way to put it.
            if case .kernel = error { throw error }
            if let wanted = layer.digest ?? (layer.compression == .none ? layer.diffID : nil) {
                let whole = try digestOfAll(wanted.algorithm)
                try check(whole, wanted)
            }
            throw error
        }
    }

    private func unpack(_ source: some ByteSource, _ lower: MergedTree?) throws(ImageError) -> LayerUnpacker.Outcome {
        guard let diff else {
            var source = source
            while !(try source.next()).isEmpty {}
            return .complete(LayerTrace())
        }
        var reader = TarReader(source, subject: subject, limits: limits)
        var unpacker = LayerUnpacker(into: diff, lower: lower, subject: subject, limits: limits)
        return try unpacker.unpack(&reader)
    }

    private func digestOfAll(_ algorithm: Digest.Algorithm) throws(ImageError) -> Digest {
        var hash = StreamHash(algorithm)
        var source = FileSource(layer.part, subject: subject)
        while true {
            let bytes = try source.next()
            if bytes.isEmpty { return hash.digest }
            hash.update(bytes)
        }
    }

    private func check(_ found: Digest, _ wanted: Digest?) throws(ImageError) {
        guard let wanted, found != wanted else { return }
        throw .digestMismatch(subject: subject, wanted: wanted.description, found: found.description)
    }
}
