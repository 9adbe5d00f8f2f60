internal import GRDB
internal import LinuxSys
package import OCI

extension Store {
    /// Gives an image one name more; another image that had it loses it. The full form of the name.
    package func tag(_ reference: String, as name: String) throws(ImageError) -> String {
        guard let full = ImageName.full(name), !full.contains("@") else {
            throw .invalid(what: "image name", value: name, reason: "not a name with a tag")
        }
        try layout.locked { () throws(ImageError) in
            let image = try image(reference)
            let old = try find(reference).name
            try records.write("tag \(full)") { database in
                try Self.give(full, to: image.id, nil, database)
                try Self.copyIndex(from: old, to: full, database)
            }
            try writeIndex()
        }
        return full
    }

    /// The image's configuration and manifest as they are stored.
    package func documents(of image: ImageRecord) throws(ImageError) -> (config: JSON, manifest: JSON) {
        let manifest = try Archive.parse(try blobBytes(image.manifest, limit: Manifest.limit), "manifest \(image.manifest)")
        return (try Archive.parse(try blobBytes(image.id, limit: ImageConfig.limit), "image configuration \(image.id)"), manifest)
    }

    /// The directories of the image's snapshots, topmost first.
    package func layerDirectories(of image: ImageRecord) -> [String] {
        image.chain.reversed().map { "\(root)/overlay/layers/\(Self.hex($0))/diff" }
    }

    /// The same directories by the short names that mount options are made of.
    package func layerLinks(of image: ImageRecord) throws(ImageError) -> [String] {
        let links = try records.read("find layers of \(image.displayName)") { try Self.links(of: image.chain, $0) }
        return links.split(separator: " ").map { "\(root)/overlay/l/\($0)" }
    }
}
