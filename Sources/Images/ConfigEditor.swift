internal import OCI

/// An image configuration (image-spec, config.md) in the making. Members that are not known here stay as they were.
struct ConfigEditor {
    private var document: JSONObject
    /// Whether the command is this image's own.
    private var hasOwnCommand = false

    /// Of an image without anything.
    init() {
        document = ["architecture": .string(Platform.host.architecture), "os": .string(Platform.host.os)]
        if let variant = Platform.host.variant { document["variant"] = .string(variant) }
    }

    /// Of the image that the new one stands on.
    init(_ bytes: [UInt8], _ subject: String) throws(ImageError) {
        guard case .object(let object) = try Archive.parse(bytes, subject) else {
            throw .document(subject: subject, reason: "an object expected")
        }
        document = object
        // What Docker says of the container in which an image was made: that is another one now.
        for name in ["container", "container_config", "id", "parent", "throwaway"] { document[name] = nil }
    }

    /// One layer more, and what is to be known of it.
    mutating func add(layer diffID: Digest, created: String, author: String?, createdBy: String, comment: String?) {
        var rootfs = document["rootfs"]?.object ?? JSONObject()
        rootfs["type"] = "layers"
        rootfs["diff_ids"] = .array((rootfs["diff_ids"]?.array ?? []) + [.string(diffID.description)])
        document["rootfs"] = .object(rootfs)
        document["created"] = .string(created)
        if let author { document["author"] = .string(author) }
        var entry = JSONObject()
        entry["created"] = .string(created)
        if let author { entry["author"] = .string(author) }
        if !createdBy.isEmpty { entry["created_by"] = .string(createdBy) }
        if let comment { entry["comment"] = .string(comment) }
        document["history"] = .array((document["history"]?.array ?? []) + [.object(entry)])
    }

    mutating func apply(_ instruction: ImageInstruction) {
        var config = document["config"]?.object ?? JSONObject()
        switch instruction {
        case .command(let words):
            config["Cmd"] = Self.strings(words)
            hasOwnCommand = true
        case .entrypoint(let words):
            // An entrypoint does not go with the command of another (Dockerfile reference, "Understand how CMD and ENTRYPOINT interact").
            config["Entrypoint"] = Self.strings(words)
            if !hasOwnCommand { config["Cmd"] = nil }
        case .environment(let pairs): config["Env"] = Self.environment(config["Env"]?.array ?? [], pairs)
        case .expose(let ports): config["ExposedPorts"] = Self.set(config["ExposedPorts"], ports)
        case .label(let pairs):
            var labels = config["Labels"]?.object ?? JSONObject()
            for pair in pairs { labels[pair.name] = .string(pair.value) }
            config["Labels"] = .object(labels)
        case .user(let user): config["User"] = .string(user)
        case .volume(let paths): config["Volumes"] = Self.set(config["Volumes"], paths)
        case .workingDirectory(let path):
            let old = config["WorkingDir"]?.string ?? "/"
            config["WorkingDir"] = .string(path.hasPrefix("/") ? path : (old.hasSuffix("/") ? old : old + "/") + path)
        case .stopSignal(let name): config["StopSignal"] = .string(name)
        }
        document["config"] = .object(config)
    }

    var bytes: [UInt8] {
        var result = document
        if result["config"] == nil { result["config"] = [:] }
        return JSON.object(result).encoded()
    }

    private static func strings(_ words: [String]) -> JSON { .array(words.map { .string($0) }) }

    private static func set(_ old: JSON?, _ names: [String]) -> JSON {
        var object = old?.object ?? JSONObject()
        for name in names { object[name] = [:] }
        return .object(object)
    }

    /// A variable that is there keeps its place.
    private static func environment(_ old: [JSON], _ pairs: [ImageInstruction.Pair]) -> JSON {
        var result = old
        for pair in pairs {
            let entry = JSON.string("\(pair.name)=\(pair.value)")
            if let place = result.firstIndex(where: { $0.string?.hasPrefix("\(pair.name)=") == true }) {
                result[place] = entry
            } else {
                result.append(entry)
            }
        }
        return .array(result)
    }
}
