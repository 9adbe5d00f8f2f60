import Glibc
internal import LinuxSys
internal import OCI

/// What the init layer of every container of one image is made of. It depends on the image's layers (where links in them lead, what
/// directories look like), which are looked at once; from then on a container costs the same over ten layers and over two hundred.
struct InitPlan: Equatable, Sendable {
    /// A file that differs from container to container.
    enum Slot: String, Sendable, CaseIterable {
        case hostname, hosts, resolver

        var path: String {
            switch self {
            case .hostname: "etc/hostname"
            case .hosts: "etc/hosts"
            case .resolver: "etc/resolv.conf"
            }
        }
    }

    struct Node: Equatable, Sendable {
        /// Without links; empty for the root.
        var path: TreePath
        /// Nil: a directory.
        var slot: Slot?
        var mode: UInt32, uid: UInt32, gid: UInt32
        var access: FileTime, modify: FileTime
        var attributes: [ExtendedAttribute] = []
    }
    /// Each directory in front of what is in it, the root first.
    private(set) var nodes: [Node] = []

    /// Finds out over `lower` what is needed, with `scratch` for a try.
    init(over lower: MergedTree, scratch: FDBox) throws(ImageError) {
        let name = FileName(own: "prototype")
        let layer = try kernel { () throws(SysError) in
            try scratch.fd.removeTree(name)
            return try scratch.layer("prototype", over: lower)
        }
        var unpacker = LayerUnpacker(into: layer, lower: lower, subject: "init layer", limits: UnpackLimits())
        for path in ["dev/pts", "dev/shm", "dev/mqueue", "proc", "sys"] { try unpacker.place(directory: path) }
        for slot in Slot.allCases { try unpacker.place(file: slot.path, slot.rawValue) }
        let trace = unpacker.trace
        _ = try kernel { () throws(SysError) in try trace.finish(layer.fd, lower: lower) }
        try add([], try MergedDirectory(MergedTree(layers: [layer])), layer)
        try kernel { () throws(SysError) in try scratch.fd.removeTree(name) }
    }

    private mutating func add(_ path: TreePath, _ directory: MergedDirectory, _ layer: FDBox) throws(ImageError) {
        if path.isEmpty, let root = try kernel({ () throws(SysError) in try MergedTree(layers: [layer]).lookup([]) }) {
            try add(path, root, slot: nil)
        }
        for entry in try directory.entries() {
            let place = path + [entry.name]
            guard entry.found.status.kind == .directory else {
                let text = try kernel { () throws(SysError) in try entry.found.openFile().readAll(limit: 64) }
                try add(place, entry.found, slot: Slot(rawValue: String(decoding: text, as: UTF8.self)))
                continue
            }
            try add(place, entry.found, slot: nil)
            try add(place, try directory.enter(entry), layer)
        }
    }

    private mutating func add(_ path: TreePath, _ found: MergedTree.Found, slot: Slot?) throws(ImageError) {
        let status = found.status
        nodes.append(
            Node(
                path: path, slot: slot, mode: status.mode, uid: status.uid, gid: status.gid, access: status.access, modify: status.modify,
                attributes: try kernel { () throws(SysError) in try found.attributes().filter { !$0.isOfHost } }))
    }

    /// Makes the directory `init` in `home`.
    func make(in home: FDBox, _ content: (Slot) -> String) throws(SysError) -> FDBox {
        let top = try home.directory("init")
        var trail = [top]
        var directories: [(Node, FDBox)] = []
        for node in nodes {
            guard let name = node.path.last else {
                directories.append((node, top))
                continue
            }
            trail.removeSubrange(node.path.count...)
            let parent = trail[node.path.count - 1]
            if let slot = node.slot {
                let file = try parent.fd.openEntry(name, O_WRONLY | O_CREAT | O_EXCL, mode: 0o644)
                try file.writeAll(Array(content(slot).utf8))
                try file.setMode(node.mode)
            } else {
                try parent.fd.makeDirectory(name, mode: 0o700)
                trail.append(FDBox(try parent.fd.openDirectory(name)))
                directories.append((node, trail[trail.count - 1]))
            }
        }
        // Last: what is put into a directory changes its times, and would inherit from its default ACL.
        for (node, directory) in directories { try Self.describe(directory.fd, node) }
        return top
    }

    /// Makes a directory look like the image's root.
    func describeRoot(_ directory: borrowing FD) throws(SysError) {
        if let root = nodes.first { try Self.describe(directory, root) }
    }

    private static func describe(_ directory: borrowing FD, _ node: Node) throws(SysError) {
        try directory.setOwner(uid: node.uid, gid: node.gid)
        try directory.setMode(node.mode)
        for attribute in node.attributes { try directory.setAttribute(attribute) }
        try directory.setTimes(access: node.access, modify: node.modify)
    }
}

// How it is kept: names and values in hexadecimal, because they need not be text.
extension InitPlan {
    var json: JSON { .array(nodes.map(\.json)) }

    init(stored text: String) throws(ImageError) {
        let field = JSONField(try JSON(stored: text, "init layer"))
        nodes = try Archive.fields("init layer") { () throws(FieldError) in
            var nodes: [Node] = []
            for element in try field.elements() { nodes.append(try Node(element)) }
            return nodes
        }
    }
}

extension InitPlan.Node {
    var json: JSON {
        [
            "path": .array(path.map { .string(hexadecimal($0.bytes)) }), "slot": slot.map { .string($0.rawValue) } ?? .null,
            "mode": .unsigned(UInt64(mode)), "uid": .unsigned(UInt64(uid)), "gid": .unsigned(UInt64(gid)),
            "times": [
                .integer(access.seconds), .integer(Int64(access.nanoseconds)), .integer(modify.seconds),
                .integer(Int64(modify.nanoseconds)),
            ],
            "attributes": .array(attributes.map { [.string($0.name), .string(hexadecimal($0.value[...]))] }),
        ]
    }

    init(_ field: JSONField) throws(FieldError) {
        path = []
        for text in try field.member("path").strings() {
            guard let bytes = bytes(hexadecimal: text), let name = FileName(bytes[...]) else { throw FieldError("path", "no name") }
            path.append(name)
        }
        slot = try field.member("slot").optionalString().flatMap(InitPlan.Slot.init(rawValue:))
        (mode, uid, gid) = (try field.member("mode").integer(), try field.member("uid").integer(), try field.member("gid").integer())
        var times: [Int64] = []
        for element in try field.member("times").elements() { times.append(try element.integer()) }
        guard times.count == 4, let accessed = UInt32(exactly: times[1]), let modified = UInt32(exactly: times[3]) else {
            throw FieldError("times", "four numbers expected")
        }
        access = FileTime(seconds: times[0], nanoseconds: accessed)
        modify = FileTime(seconds: times[2], nanoseconds: modified)
        for element in try field.member("attributes").elements() {
            let pair = try element.strings()
            guard pair.count == 2, let value = bytes(hexadecimal: pair[1]) else {
                throw FieldError("attributes", "name and value expected")
            }
            attributes.append(ExtendedAttribute(name: pair[0], value: value))
        }
    }
}

private func hexadecimal(_ bytes: ArraySlice<UInt8>) -> String {
    let digits = Array("0123456789abcdef".utf8)
    return String(decoding: bytes.flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] }, as: UTF8.self)
}

private func bytes(hexadecimal text: String) -> [UInt8]? {
    let digits = text.utf8.compactMap { Character(Unicode.Scalar($0)).hexDigitValue }
    guard digits.count == text.utf8.count, digits.count % 2 == 0 else { return nil }
    return stride(from: 0, to: digits.count, by: 2).map { UInt8(digits[$0] << 4 | digits[$0 + 1]) }
}
