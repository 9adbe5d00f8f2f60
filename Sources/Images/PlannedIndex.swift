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
    package var documents: [Document]
    /// Configurations, layers and whatever else manifests name, each once.
    package var content: [Descriptor] = []

    package init(documents: [Document]) { self.documents = documents }

    /// What a manifest names. A second one of the same digest is left out.
    package mutating func add(content descriptors: [Descriptor]) {
        for descriptor in descriptors where !content.contains(where: { $0.digest == descriptor.digest }) { content.append(descriptor) }
    }

    /// How many manifests and indexes are looked at for one image, and how deep: each may be a request.
    package static let most = 256
    package static let nesting = 4
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
