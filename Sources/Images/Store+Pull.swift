internal import GRDB
import Glibc
internal import LinuxSys
package import OCI

/// The documents of an image that is to come, checked against the digests that name them.
package struct ImageDocuments: Sendable {
    package let manifest: [UInt8]
    package let manifestDigest: Digest
    package let config: [UInt8]
    package let configDigest: Digest
    /// What named the manifest, if that was an index.
    package let index: PlannedIndex?

    package init(manifest: [UInt8], manifestDigest: Digest, config: [UInt8], configDigest: Digest, index: PlannedIndex? = nil) {
        self.index = index
        self.manifest = manifest
        self.manifestDigest = manifestDigest
        self.config = config
        self.configDigest = configDigest
    }
}

/// An image on its way into the store: some layers are there, the others are unpacked while they arrive. When it goes without having
/// been stored, nothing is left of it.
package final class IncomingImage: Sendable {
    /// A layer that has to be brought.
    package struct Missing: Sendable {
        package let descriptor: Descriptor
        package let arrival: Arrival
    }
    /// In the order of the image, lowest first, then what its index names beside; each blob once.
    package let missing: [Missing]
    package let layers: Int
    private let store: Store
    private let plan: ImagePlan
    private let names: [String]
    private let load: LoadPlan
    private let cancellation: Cancellation
    /// Of what is there already.
    private let lease: Lease?

    fileprivate init(
        _ store: Store, _ plan: ImagePlan, names: [String], load: LoadPlan, missing: [Missing], cancellation: Cancellation, lease: Lease?
    ) {
        (self.store, self.plan, self.names, self.load) = (store, plan, names, load)
        (self.missing, self.cancellation, self.lease) = (missing, cancellation, lease)
        layers = plan.layers.count
    }

    /// Unpacks what is there and what arrives meanwhile, and writes the image down. Blocks until every missing layer has arrived whole.
    package func unpack(_ progress: (@Sendable (LoadProgress) -> Void)?) throws(ImageError) -> ImageRecord {
        var load = load
        try load.run(nil)
        progress?(LoadProgress(stage: .committing, subject: names.first ?? plan.configDigest.description, done: 0, total: 0))
        let ids = try store.commit(load, [plan], [names])
        return try store.image(ids.first ?? plan.configDigest.description)
    }

    /// After the last `unpack`: removes what is not in the store.
    package func close() {
        load.scratch.remove()
        // One that stays runs out.
        if let lease { try? store.release(lease) }
    }

    /// Ends `unpack` as soon as possible, with an error.
    package func breakOff() {
        cancellation.cancel()
        for layer in missing { layer.arrival.breakOff() }
    }
}

extension Store {
    /// Looks what is there of an image, and prepares to take in the rest. `names` are full names.
    package func incoming(_ documents: ImageDocuments, names: [String], platform: Platform) throws(ImageError) -> IncomingImage {
        let plan = try plan(documents, names, platform)
        let scratch = try Scratch(layout)
        let known = try knownSnapshots(plan)
        var build = IncomingBuild(scratch: scratch, store: self)
        var seen: Set<Digest> = []
        var kept: [Digest] = []
        var parent: Digest?
        for (layer, descriptor) in plan {
            let chainID = layer.chainID(over: parent)
            defer { parent = chainID }
            guard seen.insert(chainID).inserted else { continue }
            let isKnown = known.contains(chainID)
            let stored = try storedBlob(descriptor)
            if isKnown, stored != nil {
                kept.append(descriptor.digest)
                continue
            }
            try kernel { () throws(SysError) in
                try build.add(layer, descriptor, chainID: chainID, parent: parent, stored: stored, isUnpacked: isKnown)
            }
        }
        for descriptor in documents.index?.content ?? [] {
            if descriptor.digest == documents.configDigest || plan.descriptors.contains(where: { $0.digest == descriptor.digest }) {
                continue
            }
            try build.add(beside: descriptor)
        }
        let subject = names.first ?? "\(documents.configDigest)"
        // Before a byte is fetched: sizes are what a stranger says.
        try DiskSpace(of: layout.root).require(build.leastBytes, "pull", on: subject)
        return IncomingImage(
            self, plan.image, names: names, load: build.plan(over: known), missing: build.missing, cancellation: build.cancellation,
            lease: build.jobs.isEmpty ? nil : try lease(known, kept, subject))
    }

    /// What is there may not go while the rest comes.
    private func lease(_ snapshots: [Digest], _ blobs: [Digest], _ subject: String) throws(ImageError) -> Lease? {
        guard let top = snapshots.last else { return nil }
        let lease = try lease("pull \(subject)", seconds: 6 * 3600)
        try add(snapshot: top, to: lease)
        for blob in blobs { try add(blob: blob, to: lease) }
        return lease
    }

    /// The image's chain IDs from the lowest up, as far as their snapshots are there.
    private func knownSnapshots(_ plan: PlannedLayers) throws(ImageError) -> [Digest] {
        let all = try records.read("list snapshots") { Set(try String.fetchAll($0, sql: "SELECT chain FROM snapshot")) }
        var known: [Digest] = []
        for (layer, _) in plan {
            let chainID = layer.chainID(over: known.last)
            guard all.contains(chainID.description) else { break }
            known.append(chainID)
        }
        return known
    }

    /// Nil when the store has no blob of that digest and size.
    func storedBlob(_ descriptor: Descriptor) throws(ImageError) -> FDBox? {
        try kernel { () throws(SysError) in
            let directory = try layout.blobDirectory(descriptor.digest.algorithm)
            let name = FileName(own: descriptor.digest.hex)
            guard try directory.fd.status(of: name) != nil else { return nil }
            let file = FDBox(try directory.fd.openEntry(name, O_RDONLY))
            return try file.fd.status()?.size == descriptor.size ? file : nil
        }
    }

    private func plan(_ documents: ImageDocuments, _ names: [String], _ platform: Platform) throws(ImageError) -> PlannedLayers {
        let name = "manifest \(documents.manifestDigest)"
        let document = try Archive.parse(documents.manifest, name)
        let manifest = try Archive.fields(name) { () throws(FieldError) in try Manifest(json: document) }
        let config = try config(documents, platform, layers: manifest.layers.count)
        var layers: [ImagePlan.Layer] = []
        for (descriptor, diffID) in zip(manifest.layers, config.diffIDs) {
            guard let compression = Compression(layer: descriptor.mediaType) else {
                throw .unsupported(subject: name, what: "layer type `\(descriptor.mediaType)`")
            }
            // Where it is read from is settled when it is known what the store has.
            let part = Archive.Part(file: layout.blobs, offset: 0, size: descriptor.size)
            layers.append(.init(part: part, digest: descriptor.digest, compression: compression, diffID: diffID))
        }
        let image = ImagePlan(
            names: names, configBytes: documents.config, configDigest: documents.configDigest, config: config,
            manifest: (documents.manifest, documents.manifestDigest), layers: layers, index: documents.index)
        return PlannedLayers(image: image, descriptors: manifest.layers)
    }

    private func config(_ documents: ImageDocuments, _ platform: Platform, layers: Int) throws(ImageError) -> ImageConfig {
        let name = "image configuration \(documents.configDigest)"
        let document = try Archive.parse(documents.config, name)
        let config = try Archive.fields(name) { () throws(FieldError) in try ImageConfig(json: document) }
        guard config.diffIDs.count == layers else {
            throw .document(subject: name, reason: "\(config.diffIDs.count) diff IDs for \(layers) layers")
        }
        guard layers > 0 else { throw .unsupported(subject: name, what: "an image without layers") }
        guard layers <= limits.layers else { throw .limit(subject: name, what: "an image of more than \(limits.layers) layers") }
        let built = Platform(os: config.os, architecture: config.architecture, variant: config.variant)
        guard config.os.isEmpty || config.architecture.isEmpty || platform.rank(built) != nil else {
            throw .unsupported(subject: name, what: "an image for \(built) on \(platform)")
        }
        return config
    }
}

private struct PlannedLayers: Sequence {
    let image: ImagePlan
    let descriptors: [Descriptor]

    func makeIterator() -> Zip2Sequence<[ImagePlan.Layer], [Descriptor]>.Iterator { zip(image.layers, descriptors).makeIterator() }
}

/// The jobs of an incoming image, one by one, and where each reads its layer from.
private struct IncomingBuild {
    let scratch: Scratch
    let store: Store
    var jobs: [LayerJob] = []
    var missing: [IncomingImage.Missing] = []
    private var beside = BesideBlobs()
    let cancellation = Cancellation()
    private var files: [Digest: (name: FileName, part: Archive.Part)] = [:]

    init(scratch: Scratch, store: Store) {
        self.scratch = scratch
        self.store = store
    }

    /// As `LoadPlan.leastBytes`, for sizes that nobody has checked: the sum of a few may be more than a number holds.
    var leastBytes: UInt64 {
        missing.reduce(0) { sum, layer in
            let (twice, isTooMuch) = layer.descriptor.size.addingReportingOverflow(layer.descriptor.size)
            let (all, overflow) = sum.addingReportingOverflow(twice)
            return isTooMuch || overflow ? .max : all
        }
    }

    func plan(over known: [Digest]) -> LoadPlan {
        LoadPlan(jobs, over: known, beside: beside, scratch: scratch, store: store, cancellation: cancellation)
    }

    mutating func add(beside descriptor: Descriptor) throws(ImageError) {
        var arrival: Arrival?
        try beside.add(descriptor, store: store, scratch: scratch) { (file) in
            let coming = Arrival(file, subject: "blob \(descriptor.digest)")
            arrival = coming
            return (Archive.Part(file: file, offset: 0, size: descriptor.size, arrival: coming), nil)
        }
        if let arrival { missing.append(.init(descriptor: descriptor, arrival: arrival)) }
    }

    mutating func add(
        _ layer: ImagePlan.Layer, _ descriptor: Descriptor, chainID: Digest, parent: Digest?, stored: FDBox?, isUnpacked: Bool
    ) throws(SysError) {
        let name = FileName(own: "blob-\(jobs.count)")
        let part = try part(descriptor, name, stored)
        let diff = isUnpacked ? nil : try LoadPlan.makeDiff(scratch, jobs.count)
        let readable = ImagePlan.Layer(part: part, digest: layer.digest, compression: layer.compression, diffID: layer.diffID)
        jobs.append(
            LayerJob(
                chainID: chainID, parent: parent, layer: readable, blob: nil, diff: diff, limits: store.limits,
                cancellation: cancellation))
    }

    /// The blob is in the scratch directory under that name as well, so that it stays even if it goes from the store meanwhile.
    private mutating func part(_ descriptor: Descriptor, _ name: FileName, _ stored: FDBox?) throws(SysError) -> Archive.Part {
        if let first = files[descriptor.digest] {
            // One layer twice in an image: brought once.
            try scratch.directory.fd.makeLink(first.name, in: scratch.directory.fd, to: name)
            return first.part
        }
        let part: Archive.Part
        if let stored {
            let directory = try store.layout.blobDirectory(descriptor.digest.algorithm)
            try directory.fd.makeLink(FileName(own: descriptor.digest.hex), in: scratch.directory.fd, to: name)
            part = Archive.Part(file: stored, offset: 0, size: descriptor.size)
        } else {
            let file = FDBox(try scratch.directory.fd.openEntry(name, O_RDWR | O_CREAT | O_EXCL, mode: 0o600))
            let arrival = Arrival(file, subject: "layer \(descriptor.digest)")
            part = Archive.Part(file: file, offset: 0, size: descriptor.size, arrival: arrival)
            missing.append(.init(descriptor: descriptor, arrival: arrival))
        }
        files[descriptor.digest] = (name, part)
        return part
    }
}
