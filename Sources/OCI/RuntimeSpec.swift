/// The configuration of a container, config.json of the OCI runtime-spec 1.x (config.md, config-linux.md).
///
/// Decoding is strict about what it knows: a wrong type, a value that makes no sense and a feature that is not done are
/// errors that name the field. Members that the specification does not know are ignored, as it demands.
///
/// Nothing of it changes, and it is handed from hand to hand by reference: a copy of two kilobytes and of a hundred references in each
/// was a twentieth of what a command took to start a container.
package final class RuntimeSpec: Sendable {
    package let version: String
    /// Absent for a container that is created and never started.
    package let process: ProcessSpec?
    package let root: RootSpec
    package let hostname: String?
    package let domainname: String?
    package let mounts: [MountSpec]
    package let hooks: HooksSpec
    package let annotations: [String: String]
    package let linux: LinuxSpec

    package convenience init(json bytes: [UInt8]) throws(SpecError) {
        let document = try SpecError.parse(bytes)
        do { try self.init(JSONField(document)) } catch { throw SpecError(error) }
    }

    package convenience init(document: JSON) throws(SpecError) {
        do { try self.init(JSONField(document)) } catch { throw SpecError(error) }
    }

    /// The same with another process and other mounts.
    package init(_ other: RuntimeSpec, process: ProcessSpec?, mounts: [MountSpec]) {
        version = other.version
        self.process = process
        root = other.root
        hostname = other.hostname
        domainname = other.domainname
        self.mounts = mounts
        hooks = other.hooks
        annotations = other.annotations
        linux = other.linux
    }

    package init(_ document: JSONField) throws(FieldError) {
        version = try Self.version(document.member("ociVersion"))
        try Self.refuseOtherPlatforms(document)
        process = try document.member("process").optional { field throws(FieldError) in try ProcessSpec(field) }
        root = try RootSpec(document.member("root"))
        hostname = try document.member("hostname").hostName()
        domainname = try document.member("domainname").hostName()
        mounts = try document.member("mounts").list { field throws(FieldError) in try MountSpec(field) }
        hooks = try HooksSpec(document.member("hooks"))
        annotations = try document.member("annotations").stringMap()
        linux = try LinuxSpec(document.member("linux"))
        try checkRelations()
    }

    private static func version(_ field: JSONField) throws(FieldError) -> String {
        let text = try field.text()
        let bytes = Array(text.utf8)
        let dot = UInt8(ascii: ".")
        guard let first = bytes.firstIndex(of: dot), let second = bytes[(first + 1)...].firstIndex(of: dot),
            UInt32(String(decoding: bytes[(first + 1)..<second], as: UTF8.self)) != nil
        else { throw field.invalid("a version like 1.2.0 expected, found \(text)") }
        guard text.hasPrefix("1.") else { throw field.unsupported("version \(text) is not supported, 1.x is") }
        return text
    }

    /// A section for another platform is an error unless it is empty beside `linux`; what it asks for would not be done.
    private static func refuseOtherPlatforms(_ document: JSONField) throws(FieldError) {
        let isLinux = try document.member("linux").isPresent
        for name in ["windows", "solaris", "vm", "zos", "freebsd"] {
            let field = try document.member(name)
            guard let value = field.value else { continue }
            if !isLinux || value.asksForSomething { throw field.unsupported() }
        }
    }

    /// What one field says about another.
    private func checkRelations() throws(FieldError) {
        if hostname != nil || domainname != nil, linux.namespace(.uts) == nil {
            throw FieldError(hostname != nil ? "hostname" : "domainname", "needs a uts namespace in linux.namespaces")
        }
        for sysctl in linux.sysctl {
            guard let needed = sysctl.namespace else { continue }
            guard linux.namespace(needed) != nil else {
                throw FieldError("linux.sysctl.\(sysctl.name)", "needs a \(needed.rawValue) namespace in linux.namespaces")
            }
        }
    }
}

/// config.md, "Root".
package struct RootSpec: Equatable, Sendable {
    /// Absolute, or relative to the bundle.
    package var path: String
    package var readonly: Bool

    init(_ field: JSONField) throws(FieldError) {
        guard field.isPresent else { throw field.invalid("is missing") }
        path = try field.member("path").text()
        readonly = try field.member("readonly").optionalBool() ?? false
    }
}

/// config.md, "Mounts".
package struct MountSpec: Equatable, Sendable {
    /// Absolute, or (deprecated) counted from the root.
    package var destination: String
    package var type: String?
    package var source: String?
    package var options: [String]
    /// How the owners of files are seen through this mount; both or neither.
    package var uidMappings: [IDMapping] = []
    package var gidMappings: [IDMapping] = []

    package init(destination: String, type: String?, source: String?, options: [String]) {
        self.destination = destination
        self.type = type
        self.source = source
        self.options = options
    }

    init(_ field: JSONField) throws(FieldError) {
        destination = try field.member("destination").text()
        type = try field.member("type").optionalText()
        source = try field.member("source").optionalText()
        options = try field.member("options").strings()
        let uidField = try field.member("uidMappings")
        let gidField = try field.member("gidMappings")
        uidMappings = try IDMapping.decodeAll(uidField)
        gidMappings = try IDMapping.decodeAll(gidField)
        if uidMappings.isEmpty != gidMappings.isEmpty {
            throw (uidMappings.isEmpty ? uidField : gidField).invalid("is missing beside the other mappings")
        }
    }
}

/// config.md, "POSIX-platform Hooks": in the order in which they run.
package struct HooksSpec: Equatable, Sendable {
    package var prestart: [HookSpec]
    package var createRuntime: [HookSpec]
    package var createContainer: [HookSpec]
    package var startContainer: [HookSpec]
    package var poststart: [HookSpec]
    package var poststop: [HookSpec]

    init(_ field: JSONField) throws(FieldError) {
        func kind(_ name: String) throws(FieldError) -> [HookSpec] {
            try field.member(name).list { hook throws(FieldError) in try HookSpec(hook) }
        }
        prestart = try kind("prestart")
        createRuntime = try kind("createRuntime")
        createContainer = try kind("createContainer")
        startContainer = try kind("startContainer")
        poststart = try kind("poststart")
        poststop = try kind("poststop")
    }
}

package struct HookSpec: Equatable, Sendable {
    /// Absolute.
    package var path: String
    /// With the program's own name as the first; empty means the path alone.
    package var args: [String]
    package var env: [String]
    /// Seconds, more than zero; nil waits without end.
    package var timeout: Int64?

    package init(path: String, args: [String], env: [String], timeout: Int64?) {
        self.path = path
        self.args = args
        self.env = env
        self.timeout = timeout
    }

    init(_ field: JSONField) throws(FieldError) {
        path = try field.member("path").absolutePath()
        args = try field.member("args").strings()
        env = try field.member("env").environment()
        // A day is more than any hook needs; what is beyond would overflow in nanoseconds.
        timeout = try field.member("timeout").optionalInteger(in: 1...31_536_000)
    }
}

extension JSONField {
    /// sethostname(2): at most 64 bytes; control characters and slashes never belong there.
    fileprivate func hostName() throws(FieldError) -> String? {
        guard let name = try plainText() else { return nil }
        guard name.utf8.count <= 64 else { throw invalid("is longer than 64 bytes") }
        guard !name.utf8.contains(UInt8(ascii: "/")) else { throw invalid("a slash is not allowed") }
        return name
    }
}
