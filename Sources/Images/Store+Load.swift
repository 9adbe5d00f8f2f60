import Dispatch
internal import GRDB
import Glibc
internal import LinuxSys
internal import OCI
import Synchronization

extension Store {
    /// Loads every image of an archive: a `docker save` tar, an OCI layout as a directory or as a tar.
    /// `name` replaces the archive's own names. All or nothing; each record carries its names.
    /// `allPlatforms`: what indexes name for other machines is kept, though not unpacked. `limits`: nil for the store's own.
    package func load(
        _ path: String, name: String?, allPlatforms: Bool = false, limits: UnpackLimits? = nil, cancellation: Cancellation? = nil,
        progress: (@Sendable (LoadProgress) -> Void)?
    ) throws(ImageError) -> [ImageRecord] {
        let limits = limits ?? self.limits
        let scratch = try Scratch(layout)
        progress?(LoadProgress(stage: .reading, subject: path, done: 0, total: 0))
        let archive = try Archive(path, scratch: scratch.directory.fd, limits: limits)
        let reader = ArchiveReader(archive: archive, platform: .host, limits: limits, allPlatforms: allPlatforms)
        let plans = try reader.plans()
        let names = try ImageNaming(path: path, override: name).names(of: plans)
        var load = try LoadPlan(plans, scratch: scratch, store: self, limits: limits, cancellation: cancellation)
        for plan in plans { try load.add(beside: plan, of: reader) }
        try DiskSpace(of: layout.root).require(load.leastBytes, "load", on: path)
        try load.run(progress)
        try cancellation?.check("load", on: path)
        progress?(LoadProgress(stage: .committing, subject: path, done: 0, total: 0))
        let ids = try commit(load, plans, names)
        var result: [ImageRecord] = []
        for id in ids { result.append(try image(id)) }
        return result
    }
}

/// Full names for the images of one archive.
struct ImageNaming {
    let path: String
    let override: String?

    func names(of plans: [ImagePlan]) throws(ImageError) -> [[String]] {
        if let override {
            guard plans.count == 1 else {
                throw .invalid(
                    what: "image name", value: override, reason: "the archive holds \(plans.count) images, one name cannot be given to all")
            }
            return [[try full(override)]]
        }
        var result: [[String]] = []
        for (number, plan) in plans.enumerated() {
            let bare = ImageName.fallback(path: path) + (number == 0 ? "" : "-\(number + 1)")
            var names: [String] = []
            for name in plan.names {
                // A lone tag says nothing of the image: it is the tag of what the archive is called.
                let isTag = ImageName.isTag(name) && plan.manifest != nil
                let found = isTag ? "docker.io/library/\(ImageName.fallback(path: path)):\(name)" : try full(name)
                if !names.contains(found) { names.append(found) }
            }
            result.append(names.isEmpty ? ["docker.io/library/\(bare):latest"] : names)
        }
        return result
    }

    private func full(_ name: String) throws(ImageError) -> String {
        guard let full = ImageName.full(name) else { throw .invalid(what: "image name", value: name, reason: "not a reference") }
        return full
    }
}

/// The layers of one load: several at once, then completed from the lowest up.
struct LoadPlan {
    private(set) var jobs: [LayerJob] = []
    private(set) var results: [LayerJob.Result] = []
    let scratch: Scratch
    private let store: Store
    private var cancellation: Cancellation?
    var beside = BesideBlobs()
    /// Snapshots of the store that the jobs stand on without reading them again, lowest first.
    private var below: [Digest] = []

    /// What it takes of the disk at the least: the packed layers, and as much again for what is in them.
    var leastBytes: UInt64 {
        jobs.reduce(beside.blobs.reduce(0) { $0 + ($1.part?.size ?? 0) }) { $0 + ($1.diff == nil ? 1 : 2) * $1.layer.part.size }
    }

    init(
        _ plans: [ImagePlan], scratch: Scratch, store: Store, limits: UnpackLimits, cancellation: Cancellation? = nil
    ) throws(ImageError) {
        self.scratch = scratch
        self.store = store
        self.cancellation = cancellation
        let known = try store.records.read("list snapshots") { Set(try String.fetchAll($0, sql: "SELECT chain FROM snapshot")) }
        var seen: Set<Digest> = []
        for plan in plans {
            var parent: Digest?
            for layer in plan.layers {
                let chainID = layer.chainID(over: parent)
                defer { parent = chainID }
                guard seen.insert(chainID).inserted else { continue }
                let number = jobs.count
                let (blob, diff) = try kernel { () throws(SysError) in
                    (
                        FDBox(try scratch.directory.fd.openEntry(FileName(own: "blob-\(number)"), O_RDWR | O_CREAT | O_EXCL, mode: 0o600)),
                        known.contains(chainID.description) ? nil : try Self.makeDiff(scratch, number)
                    )
                }
                jobs.append(
                    LayerJob(
                        chainID: chainID, parent: parent, layer: layer, blob: blob, diff: diff, limits: limits, cancellation: cancellation))
            }
        }
    }

    /// Of an image whose layers the store has, all but the topmost, which is `blob-0` of `scratch` already.
    init(
        top plan: ImagePlan, scratch: Scratch, blob: FDBox, store: Store, limits: UnpackLimits? = nil, cancellation: Cancellation? = nil
    ) throws(ImageError) {
        self.scratch = scratch
        self.store = store
        var parent: Digest?
        for layer in plan.layers.dropLast() { parent = layer.chainID(over: parent) }
        guard let layer = plan.layers.last else { return }
        let chainID = layer.chainID(over: parent)
        let isKnown = try store.records.read("find snapshot") {
            try Bool.fetchOne($0, sql: "SELECT 1 FROM snapshot WHERE chain = ?", arguments: [chainID.description]) ?? false
        }
        below = []
        for layer in plan.layers.dropLast() { below.append(layer.chainID(over: below.last)) }
        let diff = isKnown ? nil : try kernel { () throws(SysError) in try Self.makeDiff(scratch, 0) }
        jobs = [
            LayerJob(
                chainID: chainID, parent: parent, layer: layer, blob: nil, diff: diff, limits: limits ?? store.limits,
                cancellation: cancellation)
        ]
    }

    /// Layers that are read as `jobs` say (number N with its blob in `scratch` as `blob-N`), over snapshots of the store.
    init(_ jobs: [LayerJob], over below: [Digest], beside: BesideBlobs, scratch: Scratch, store: Store, cancellation: Cancellation) {
        (self.beside, self.cancellation) = (beside, cancellation)
        self.scratch = scratch
        self.store = store
        self.below = below
        self.jobs = jobs
    }

    /// What the image's index names beside what is unpacked.
    mutating func add(beside plan: ImagePlan, of reader: ArchiveReader) throws(ImageError) {
        for descriptor in plan.index?.content ?? [] {
            // An image's own layers and configuration come anyway.
            if descriptor.digest == plan.configDigest || plan.layers.contains(where: { $0.digest == descriptor.digest }) { continue }
            try beside.add(descriptor, store: store, scratch: scratch) { (file) throws(ImageError) in (try reader.part(descriptor), file) }
        }
    }

    static func makeDiff(_ scratch: Scratch, _ number: Int) throws(SysError) -> FDBox {
        let layer = try scratch.directory.directory("layer-\(number)")
        let diff = try layer.directory("diff")
        try diff.fd.setMode(0o755)
        return diff
    }

    mutating func run(_ progress: (@Sendable (LoadProgress) -> Void)?) throws(ImageError) {
        try unpackAlone(progress)
        try finish(progress)
        try beside.bring(cancellation)
    }

    /// Every layer for itself, as many at once as there are processors.
    private mutating func unpackAlone(_ progress: (@Sendable (LoadProgress) -> Void)?) throws(ImageError) {
        let jobs = jobs
        let found = Mutex<(done: [Int: LayerJob.Result], failures: [Int: ImageError])>(([:], [:]))
        let report: (@Sendable (LoadProgress) -> Void)? = progress.map { OneAtATime($0).show }
        DispatchQueue.concurrentPerform(iterations: jobs.count) { number in
            // After the first failure there is no point in going on.
            guard found.withLock({ $0.failures.isEmpty }) else { return }
            do throws(ImageError) {
                let result = try jobs[number].run(lower: nil, progress: report)
                found.withLock { $0.done[number] = result }
            } catch {
                found.withLock { $0.failures[number] = error }
            }
        }
        let (done, failures) = found.withLock { ($0.done, $0.failures) }
        if let first = failures.min(by: { $0.key < $1.key }) { throw first.value }
        results = jobs.indices.compactMap { done[$0] }
    }

    /// From the lowest up, because a layer may depend on those below it.
    private mutating func finish(_ progress: (@Sendable (LoadProgress) -> Void)?) throws(ImageError) {
        for number in jobs.indices {
            guard let diff = jobs[number].diff else { continue }
            let lower = try lower(of: jobs[number])
            if case .complete(let trace) = results[number].outcome {
                if try kernel({ () throws(SysError) in try trace.finish(diff.fd, lower: lower) }) { continue }
            }
            // Once more, with what is below in sight.
            let fresh = try kernel { () throws(SysError) in
                try scratch.directory.fd.removeTree(FileName(own: "layer-\(number)"))
                return try Self.makeDiff(scratch, number)
            }
            let old = jobs[number]
            jobs[number] = LayerJob(
                chainID: old.chainID, parent: old.parent, layer: old.layer, blob: old.blob, diff: fresh, limits: old.limits,
                cancellation: old.cancellation)
            results[number] = try jobs[number].run(lower: lower, progress: nil)
            guard case .complete(let trace) = results[number].outcome,
                try kernel({ () throws(SysError) in try trace.finish(fresh.fd, lower: lower) })
            else { throw .archive(subject: "layer \(old.layer.diffID)", reason: "it does not fit the layers below it") }
        }
    }

    /// Of the snapshots that this stands on, that one and those below it.
    private func below(upTo chainID: Digest) -> [String] {
        below[..<(below.firstIndex(of: chainID).map { $0 + 1 } ?? below.count)].map(\.description)
    }

    /// The layers below a job, topmost first.
    private func lower(of job: LayerJob) throws(ImageError) -> MergedTree {
        var layers: [FDBox] = []
        var next = job.parent
        while let chainID = next {
            guard let below = jobs.first(where: { $0.chainID == chainID }) else {
                layers += try kernel { () throws(SysError) in try store.tree(self.below(upTo: chainID)).layers }
                break
            }
            if let diff = below.diff {
                layers.append(diff)
            } else {
                layers.append(try kernel { () throws(SysError) in try store.snapshot(chainID.description) })
            }
            next = below.parent
        }
        return MergedTree(layers: layers)
    }
}

/// Lets several threads report to one listener.
private final class OneAtATime: Sendable {
    private let turn = Mutex(())
    private let listener: @Sendable (LoadProgress) -> Void

    init(_ listener: @escaping @Sendable (LoadProgress) -> Void) { self.listener = listener }

    func show(_ step: LoadProgress) { turn.withLock { _ in listener(step) } }
}
