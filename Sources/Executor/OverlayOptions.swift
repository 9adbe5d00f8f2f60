import Glibc
package import LinuxSys

/// The options of an overlay mount as mount(8) writes them, taken apart.
package struct OverlayOptions: Equatable, Sendable {
    private(set) var lower: [String] = []
    /// Layers that hold content alone, behind `::` (overlayfs.rst, "Data-only lower layers"; Linux 6.5).
    private(set) var hasDataLayers = false
    private(set) var others: [MountPlan.Datum] = []
    private(set) var attributes: MountAttributes = []
    /// As one string for mount(2).
    private(set) var page = ""

    package init(_ options: [String]) {
        var words: [String] = []
        for option in options {
            switch option {
            case "ro": attributes.insert(.readonly)
            case "nosuid": attributes.insert(.noSetUID)
            case "nodev": attributes.insert(.noDevices)
            case "noexec": attributes.insert(.noExecute)
            case "rw", "defaults": continue
            default:
                // A label has commas of its own; only in the one string they need to be told apart.
                let label = option.hasPrefix("context=") && option.utf8.contains(UInt8(ascii: ",")) ? option.dropFirst(8) : nil
                words.append(label.map { "context=\"\($0)\"" } ?? option)
                take(option)
            }
        }
        page = words.chained(by: ",")
    }

    private mutating func take(_ option: String) {
        guard let sign = option.utf8.firstIndex(of: UInt8(ascii: "=")) else { return others.append(.init(key: option, value: nil)) }
        let (key, value) = (String(option[..<sign]), String(option[option.utf8.index(after: sign)...]))
        if key == "lowerdir" {
            let layers = Self.layers(value)
            lower = layers.filter { !$0.isEmpty }
            hasDataLayers = layers.dropFirst().dropLast().contains("")
        } else {
            others.append(.init(key: key, value: Self.plain(value)))
        }
    }

    /// An entry of `mounts`, whose attributes are understood already.
    init(_ options: [String], _ attributes: MountAttributes) {
        self.init(options)
        self.attributes.formUnion(attributes)
    }

    /// By one mount(2) with names relative to the directory of the layers where a page holds them: that costs about half of what a call
    /// for each layer with its whole path does. Else, and to say what is wrong, layer by layer with `lowerdir+` (Linux 6.7), for which
    /// no page limits what can be said; without that by mount(2) with whole paths.
    ///
    /// The working directory is another one meanwhile: for a process of one thread.
    package func attach(source: String, to place: borrowing FD, calls: KernelCalls = .all) throws(SysError) {
        let target = "/proc/self/fd/\(place.raw)"
        let source = source.isEmpty ? "overlay" : source
        if hasDataLayers {
            // Only the one string says which they are.
            guard fitsOnePage else { throw SysError(E2BIG, "mount overlay", on: "options with data-only layers") }
            return try mountPath(source, on: target, type: "overlay", flags: attributes.mountFlags, data: page)
        }
        if let short = OverlayPage(self) {
            do throws(SysError) {
                return try short.mount(source, on: target, flags: attributes.mountFlags)
            } catch {
                // Once more in the longer way: it may know why.
            }
        }
        do throws(SysError) {
            guard calls.contains(.overlayLayers) else { throw SysError(EINVAL, "mount overlay", on: "option lowerdir+") }
            try mount().attach(to: place, name: "")
        } catch  where error.errno == EINVAL && fitsOnePage {
            // Also when an option is wrong: then mount(2) says so once more.
            try mountPath(source, on: target, type: "overlay", flags: attributes.mountFlags, data: page)
        }
    }

    /// The kernel's page, less the ending zero.
    var fitsOnePage: Bool { page.utf8.count < OverlayPage.size }

    private func mount() throws(SysError) -> FD {
        let fileSystem = try FileSystemContext(type: "overlay")
        // Open until the mount is made: what is too long for one option goes by its descriptor.
        var opened: [FDBox] = []
        try fileSystem.set("source", "overlay")
        for layer in lower { try fileSystem.set("lowerdir+", try Self.short(layer, &opened)) }
        for option in others {
            let value =
                option.key == "upperdir" || option.key == "workdir"
                ? try option.value.map { text throws(SysError) in try Self.short(text, &opened) } : option.value
            try fileSystem.set(option.key, value)
        }
        let made = try fileSystem.mount(attributes)
        withExtendedLifetime(opened) {}
        return made
    }

    /// fsconfig(2) takes at most 255 bytes a value.
    private static func short(_ path: String, _ opened: inout [FDBox]) throws(SysError) -> String {
        guard path.utf8.count > 255 else { return path }
        let place = FDBox(try FD.open(path, openPathOnly | O_DIRECTORY))
        opened.append(place)
        return "/proc/self/fd/\(place.raw)"
    }

    /// Layers are separated by colons; a backslash takes the next character as it is (overlayfs.rst).
    private static func layers(_ text: String) -> [String] {
        var result: [[UInt8]] = [[]]
        var escaped = false
        for byte in text.utf8 {
            if escaped || (byte != UInt8(ascii: "\\") && byte != UInt8(ascii: ":")) {
                result[result.count - 1].append(byte)
                escaped = false
            } else if byte == UInt8(ascii: "\\") {
                escaped = true
            } else {
                result.append([])
            }
        }
        return result.map { String(decoding: $0, as: UTF8.self) }
    }

    /// With no colon in it that separates, it is one.
    private static func plain(_ text: String) -> String { layers(text.replacingColons)[0] }
}

extension String {
    /// Colons escaped, so that taking layers apart only removes backslashes.
    fileprivate var replacingColons: String {
        var result: [UInt8] = []
        var escaped = false
        for byte in utf8 {
            if byte == UInt8(ascii: ":"), !escaped { result.append(UInt8(ascii: "\\")) }
            escaped = byte == UInt8(ascii: "\\") && !escaped
            result.append(byte)
        }
        return String(decoding: result, as: UTF8.self)
    }
}
