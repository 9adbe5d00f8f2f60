import Glibc
internal import LinuxSys
package import OCI

/// An index on its way into the store, beside the one of its images that is unpacked.
///
/// Its documents (the index, and what it names that is a document too) are always kept, so that it is known what there is for other
/// machines. Content for other machines is kept when it was asked for: then the index can be handed on as it is.
package struct PlannedIndex: Sendable {
    /// The whole of an index, a nested one, or a manifest.
    package struct Document: Sendable {
        package let digest: Digest
        package let bytes: [UInt8]

        package init(_ bytes: [UInt8], _ digest: Digest) {
            self.bytes = bytes
            self.digest = digest
        }
    }
    /// The index itself first.
    package private(set) var documents: [Document] = []
    /// Configurations, layers and whatever else manifests name, each once.
    package private(set) var content: [Descriptor] = []
    private var known: Set<Digest> = []
    private var bytes = 0

    package init() {}

    /// Those who come a second time are left out.
    package mutating func add(_ document: Document) {
        guard known.insert(document.digest).inserted else { return }
        documents.append(document)
        bytes += document.bytes.count
    }

    package mutating func add(content descriptors: [Descriptor]) {
        for descriptor in descriptors where known.insert(descriptor.digest).inserted { content.append(descriptor) }
    }

    package func has(_ digest: Digest) -> Bool { known.contains(digest) }

    /// What is more than anybody keeps for one image; nil when nothing is. Documents are in memory, and each may be a request.
    package var excess: String? {
        if documents.count > Self.most { return "its index has more than \(Self.most) manifests and indexes" }
        if bytes > Self.mostBytes { return "the manifests of its index are more than \(Self.mostBytes) bytes" }
        return content.count > Self.mostContent ? "its index has more than \(Self.mostContent) blobs" : nil
    }

    package static let most = 256
    package static let nesting = 4
    private static let mostBytes = 32 << 20
    private static let mostContent = 16_384
}

/// Content that comes with an image and is not unpacked.
struct BesideBlob: Sendable {
    let descriptor: Descriptor
    /// Where it is read from; nil: the store has it.
    let part: Archive.Part?
    /// Its name in the scratch directory, under which it is from the start when `copy` is nil.
    let name: FileName
    let copy: FDBox?

    private var subject: String { "blob \(descriptor.digest)" }

    /// Reads all of it, once it is there: it is what its digest says, or an error.
    func bring(_ cancellation: Cancellation?) throws(ImageError) {
        guard let part else { return }
        let lane = HashLane(descriptor.digest.algorithm, file: copy)
        var source = FileSource(part, subject: subject)
        while true {
            let bytes = try source.next()
            try cancellation?.check("read", on: subject)
            if bytes.isEmpty { break }
            lane.add(bytes)
        }
        let found = try lane.finish().digest
        guard found == descriptor.digest else {
            throw .digestMismatch(subject: subject, wanted: descriptor.digest.description, found: found.description)
        }
    }
}

/// All that comes with the images of one load beside what is unpacked.
struct BesideBlobs: Sendable {
    private(set) var blobs: [BesideBlob] = []

    func bring(_ cancellation: Cancellation?) throws(ImageError) {
        for blob in blobs { try blob.bring(cancellation) }
    }

    /// `file` makes the way in for what the store has not.
    mutating func add(
        _ descriptor: Descriptor, store: Store, scratch: Scratch,
        _ file: (FDBox) throws(ImageError) -> (part: Archive.Part, copy: FDBox?)
    ) throws(ImageError) {
        guard !blobs.contains(where: { $0.descriptor.digest == descriptor.digest }) else { return }
        let name = FileName(own: "beside-\(blobs.count)")
        if try store.storedBlob(descriptor) != nil {
            blobs.append(BesideBlob(descriptor: descriptor, part: nil, name: name, copy: nil))
            return
        }
        let made = try kernel { () throws(SysError) in
            FDBox(try scratch.directory.fd.openEntry(name, O_RDWR | O_CREAT | O_EXCL, mode: 0o600))
        }
        let (part, copy) = try file(made)
        blobs.append(BesideBlob(descriptor: descriptor, part: part, name: name, copy: copy))
    }
}
