import Glibc
internal import LinuxSys
internal import OCI

/// The directories of a store.
///
///     ROOT/                        mode 0700
///       lock                       flock(2): held while anything is moved into its final place
///       store.sqlite               images, snapshots, containers, pods
///       oci-layout, index.json     the blobs are an OCI image layout
///       blobs/sha256/…
///       overlay/layers/<hex>/      one snapshot, called by its chain ID: diff/, link, lower (as overlay2 has them)
///       overlay/l/<short>          link to a snapshot's diff, for short mount options
///       overlay/containers/<id>/   init/, diff/, work/
///       tmp/<name>/                work in progress, locked by its process; without a lock it is swept away
struct StoreLayout: Sendable {
    let path: String
    let root: FDBox
    let temporary: FDBox
    let layers: FDBox
    let links: FDBox
    let containers: FDBox
    let blobs: FDBox

    /// Makes what is missing.
    init(_ path: String) throws(SysError) {
        self.path = path
        root = FDBox(try Self.makePath(path))
        try root.fd.setMode(0o700)
        temporary = try root.directory("tmp")
        let overlay = try root.directory("overlay")
        layers = try overlay.directory("layers")
        links = try overlay.directory("l")
        containers = try overlay.directory("containers")
        blobs = try root.directory("blobs")
        _ = try blobs.directory("sha256")
    }

    /// `mkdir -p` for the store's own place, which its owner chose.
    private static func makePath(_ path: String) throws(SysError) -> FD {
        var directory = try FD.open("/", O_RDONLY | O_DIRECTORY)
        var done = ""
        for part in path.split(separator: "/") {
            done += "/\(part)"
            if unsafe mkdir(done, 0o755) != 0, Glibc.errno != EEXIST { throw SysError(Glibc.errno, "mkdir", on: done) }
        }
        directory = try FD.open(path, O_RDONLY | O_DIRECTORY)
        return directory
    }

    func blobDirectory(_ algorithm: Digest.Algorithm) throws(SysError) -> FDBox { try blobs.directory(algorithm.rawValue) }

    /// Runs `body` while no other process moves anything into or out of the store.
    func locked<T>(_ body: () throws(ImageError) -> T) throws(ImageError) -> T {
        let lock = try kernel { () throws(SysError) in try root.fd.openEntry(FileName(own: "lock"), O_RDWR | O_CREAT, mode: 0o600) }
        _ = try kernel { () throws(SysError) in try lock.lock(exclusive: true, waiting: true) }
        return try body()
    }

    /// Replaces a small file of the root as a whole.
    func replace(_ name: String, _ bytes: [UInt8]) throws(SysError) {
        let temporaryName = FileName(own: "\(name).new")
        try root.fd.removeEntry(temporaryName, isDirectory: false)
        let file = try root.fd.openEntry(temporaryName, O_WRONLY | O_CREAT | O_EXCL, mode: 0o600)
        try file.writeAll(bytes)
        try file.sync()
        try root.fd.rename(temporaryName, in: root.fd, to: FileName(own: name), replacing: true)
    }
}

extension FDBox {
    /// The directory of that name, made when it is missing.
    func directory(_ name: String) throws(SysError) -> FDBox {
        let name = FileName(own: name)
        do { try fd.makeDirectory(name, mode: 0o700) } catch {
            guard error.errno == EEXIST else { throw error }
        }
        return FDBox(try fd.openDirectory(name))
    }
}

/// A directory for work in progress. It is removed with everything in it when its owner goes, and by the next process if its owner dies.
final class Scratch: Sendable {
    private let parent: FDBox
    private let name: FileName
    let directory: FDBox

    convenience init(_ layout: StoreLayout) throws(ImageError) {
        // Under the store's lock: a sweep must not see the directory before it is locked.
        let (name, directory) = try layout.locked { () throws(ImageError) in try Self.make(layout) }
        self.init(layout.temporary, name, directory)
    }

    /// The store is locked.
    convenience init(held layout: StoreLayout) throws(ImageError) {
        let (name, directory) = try Self.make(layout)
        self.init(layout.temporary, name, directory)
    }

    private init(_ parent: FDBox, _ name: FileName, _ directory: FDBox) {
        (self.parent, self.name, self.directory) = (parent, name, directory)
    }

    private static func make(_ layout: StoreLayout) throws(ImageError) -> (FileName, FDBox) {
        try kernel { () throws(SysError) in
            let name = FileName(own: randomName(16))
            try layout.temporary.fd.makeDirectory(name, mode: 0o700)
            let directory = FDBox(try layout.temporary.fd.openDirectory(name))
            // What a default ACL of the place would hand on is no part of an image.
            try directory.fd.removeAttribute(named: "system.posix_acl_default")
            _ = try directory.fd.lock(exclusive: true, waiting: false)
            return (name, directory)
        }
    }

    deinit { remove() }

    /// Now, and not when the last who knows of it has gone. Nothing is in progress there any more.
    func remove() { try? parent.fd.removeTree(name) }

    /// Whether the process that works there lives.
    static func isAlive(_ name: FileName, _ layout: StoreLayout) throws(ImageError) -> Bool {
        try kernel { () throws(SysError) in
            do throws(SysError) { return !(try layout.temporary.fd.openDirectory(name).lock(exclusive: true, waiting: false)) } catch {
                if error.errno == ENOENT || error.errno == ENOTDIR { return false }
                throw error
            }
        }
    }

    /// Removes what processes left that are no more. The store is locked.
    static func sweep(_ layout: StoreLayout) throws(SysError) {
        for name in try layout.temporary.fd.entries() {
            let directory: FD
            do { directory = try layout.temporary.fd.openDirectory(name) } catch  where error.errno == ENOENT { continue }
            if try directory.lock(exclusive: true, waiting: false) { try layout.temporary.fd.removeTree(name) }
        }
    }
}

/// Lower-case letters and digits.
func randomName(_ length: Int) -> String {
    let alphabet = Array("abcdefghijklmnopqrstuvwxyz0123456789")
    return String((0..<length).map { _ in alphabet[Int.random(in: 0..<alphabet.count)] })
}
