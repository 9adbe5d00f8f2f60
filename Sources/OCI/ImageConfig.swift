/// The image configuration (image-spec, config.md; the same document that Docker stores).
package struct ImageConfig: Equatable, Sendable {
    /// Unix nanoseconds are not kept: the text is shown to people as it is (RFC 3339).
    package var created: String?
    package var architecture = ""
    package var os = ""
    package var variant: String?
    /// Of the uncompressed layers, lowest first.
    package var diffIDs: [Digest] = []
    package var run = RunDefaults()

    /// The member `config`: what a container of this image runs as, unless it is told otherwise.
    package struct RunDefaults: Equatable, Sendable {
        package var user = ""
        package var environment: [String] = []
        package var entrypoint: [String] = []
        package var command: [String] = []
        package var workingDirectory = ""
        /// Paths in the container that are to be mount points of their own data.
        package var volumes: [String] = []
        package var exposedPorts: [String] = []
        package var labels: [String: String] = [:]
        package var stopSignal: String?
        package init() {}
    }

    package init() {}

    /// Longest document that is read.
    package static let limit = 8 << 20

    /// Throws when a field has another type than the specification gives it.
    package init(json document: JSON) throws(FieldError) {
        let field = JSONField(document)
        created = try field.member("created").optionalString()
        architecture = try field.member("architecture").optionalString() ?? ""
        os = try field.member("os").optionalString() ?? ""
        variant = try field.member("variant").optionalString()
        let rootfs = try field.member("rootfs")
        let type = try rootfs.member("type").optionalString() ?? "layers"
        guard type == "layers" else { throw FieldError("rootfs.type", "`\(type)` is not supported, only `layers`") }
        for element in try rootfs.member("diff_ids").elements() { diffIDs.append(try element.digest()) }
        run = try RunDefaults(try field.member("config"))
    }
}

extension ImageConfig.RunDefaults {
    init(_ field: JSONField) throws(FieldError) {
        user = try field.member("User").optionalString() ?? ""
        environment = try field.member("Env").strings()
        entrypoint = try Self.words(field.member("Entrypoint"))
        command = try Self.words(field.member("Cmd"))
        workingDirectory = try field.member("WorkingDir").optionalString() ?? ""
        volumes = try field.member("Volumes").memberNames()
        exposedPorts = try field.member("ExposedPorts").memberNames()
        labels = try field.member("Labels").stringMap()
        stopSignal = try field.member("StopSignal").optionalString()
    }

    /// Old Docker images have a lone string in place of the array.
    private static func words(_ field: JSONField) throws(FieldError) -> [String] {
        if let text = field.value?.string { return text.isEmpty ? [] : ["/bin/sh", "-c", text] }
        return try field.strings()
    }
}
