package import TaskAPI

extension RuncOptions {
    /// What a type URL beside TOML may say it is.
    private static let documentTypes = ["", RuncOptions.typeName, ConfiguredOptions.typeName, "io.containerd.swiftlet.v2.options"]

    static func checkDocumentType(_ url: String) throws(TaskError) {
        let name = url.split(separator: "/", omittingEmptySubsequences: false).last.map(String.init) ?? ""
        guard documentTypes.contains(name) else { throw .invalid("runtime options", "TypeUrl \(url): not understood") }
    }

    /// The options table of containerd's configuration: the fields of the message by the names that containerd gives them there.
    ///
    /// - Parameter source: a path, or what else to call the document.
    package init(toml bytes: [UInt8], source: String) throws(TaskError) {
        self.init()
        let document: TOML
        do { document = try TOML(parsing: bytes) } catch { throw .invalid("runtime options in \(source)", "\(error)") }
        for entry in document.entries {
            do throws(TOML.Failure) { try take(entry) } catch { throw .invalid("runtime options in \(source)", "\(error)") }
        }
    }

    private mutating func take(_ entry: TOML.Entry) throws(TOML.Failure) {
        switch entry.key {
        case "BinaryName": binaryName = try entry.string()
        case "Root": root = try entry.string()
        case "SystemdCgroup": systemdCgroup = try entry.bool()
        case "NoPivotRoot": noPivotRoot = try entry.bool()
        case "NoNewKeyring": noNewKeyring = try entry.bool()
        case "ShimCgroup": shimCgroup = try entry.string()
        case "IoUid": ioUID = try entry.number()
        case "IoGid": ioGID = try entry.number()
        case "CriuPath": criuPath = try entry.string()
        case "CriuImagePath": criuImagePath = try entry.string()
        case "CriuWorkPath": criuWorkPath = try entry.string()
        case "TaskApiAddress": taskAPIAddress = try entry.string()
        case "TaskApiVersion": taskAPIVersion = try entry.number()
        case "TypeUrl":
            let url = try entry.string()
            do throws(TaskError) { try Self.checkDocumentType(url) } catch {
                throw TOML.Failure(line: entry.line, reason: error.description)
            }
        default: throw TOML.Failure(line: entry.line, reason: "\(entry.key): no such option")
        }
    }
}

extension TOML.Entry {
    fileprivate func string() throws(TOML.Failure) -> String {
        guard case .string(let text) = value else { throw TOML.Failure(line: line, reason: "\(key): a string expected") }
        guard !text.utf8.contains(where: { $0 < 0x20 }) else { throw TOML.Failure(line: line, reason: "\(key): a control character") }
        return text
    }

    fileprivate func bool() throws(TOML.Failure) -> Bool {
        guard case .bool(let flag) = value else { throw TOML.Failure(line: line, reason: "\(key): true or false expected") }
        return flag
    }

    /// As everywhere, 2^32-1 is nobody's id.
    fileprivate func number() throws(TOML.Failure) -> UInt32 {
        guard case .integer(let number) = value, let small = UInt32(exactly: number), small != .max else {
            throw TOML.Failure(line: line, reason: "\(key): a number from 0 to 4294967294 expected")
        }
        return small
    }
}
