internal import FoundationEssentials
internal import Glibc
internal import LinuxSys
internal import OCI

/// What is remembered of an attachment until it is deleted, in the form of libcni's cache (`cniCacheV1`): one file each,
/// `NETWORK-CONTAINER-INTERFACE`. DEL gets the configuration of its ADD even when the administrator's file has changed since.
struct NetworkCache: Sendable {
    let directory: String

    struct Entry: Equatable, Sendable {
        var list: NetworkList
        var attachment: NetworkAttachment
        var capabilities: JSONObject
        /// Nil: the ADD has not come to its end.
        var result: JSON?
    }

    private func path(_ network: String, _ container: String, _ interface: String) -> String {
        "\(directory)/\(network)-\(container)-\(interface)"
    }

    func save(_ entry: Entry) throws(SysError) {
        try Directory.make(directory, mode: 0o700)
        let attachment = entry.attachment
        var object: JSONObject = [
            "kind": "cniCacheV1", "containerId": .string(attachment.container),
            "config": .string(Data(entry.list.source.encoded()).base64EncodedString()), "ifName": .string(attachment.interface),
            "networkName": .string(entry.list.name), "netns": .string(attachment.namespace),
            "cniArgs": .array(attachment.arguments.map { .array($0.map { .string($0) }) }), "capabilityArgs": .object(entry.capabilities),
        ]
        object["result"] = entry.result
        try replaceFile(at: path(entry.list.name, attachment.container, attachment.interface), with: JSON.object(object).encoded())
    }

    func remove(_ entry: Entry) throws(SysError) {
        try Directory.removeTree(path(entry.list.name, entry.attachment.container, entry.attachment.interface))
    }

    /// Every attachment of a container: one, unless the network's name was changed while it could not be deleted.
    func entries(of container: String) throws(NetworkError) -> [Entry] { try entries { $0.contains("-\(container)-") } }

    /// All. A file that cannot be read is an error that names it.
    func entries(where wanted: (String) -> Bool = { _ in true }) throws(NetworkError) -> [Entry] {
        let names: [String]
        do throws(SysError) { names = try Directory.names(in: directory) } catch {
            if error.errno == ENOENT { return [] }
            throw .kernel(error)
        }
        var result: [Entry] = []
        // `.new` is a write that a crash cut short: the file before it is whole.
        for name in names.sorted() where !name.hasSuffix(".new") && wanted(name) { result.append(try read("\(directory)/\(name)")) }
        return result
    }

    private func read(_ path: String) throws(NetworkError) -> Entry {
        let bytes: [UInt8]
        do throws(SysError) { bytes = try FD.open(path, O_RDONLY).readAll(limit: 8 << 20) } catch { throw .kernel(error) }
        do {
            let field = JSONField(try JSON(parsing: bytes))
            guard let config = Data(base64Encoded: try field.member("config").string()) else { throw FieldError("config", "is no base64") }
            var attachment = NetworkAttachment(
                container: try field.member("containerId").string(), namespace: try field.member("netns").optionalString() ?? "",
                arguments: try field.member("cniArgs").elements().map { try $0.strings() })
            attachment.interface = try field.member("ifName").string()
            return Entry(
                list: try NetworkList(Array(config), path: path), attachment: attachment,
                capabilities: try field.member("capabilityArgs").value?.object ?? JSONObject(), result: try field.member("result").value)
        } catch let error as NetworkError {
            throw error
        } catch {
            throw .document(path: path, reason: "\(error)")
        }
    }
}
