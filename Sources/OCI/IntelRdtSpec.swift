/// config-linux.md, "IntelRdt": a class of service of the resctrl file system.
package struct IntelRdtSpec: Equatable, Sendable {
    /// Nil: a class for this container alone, with its id as the name. `/`: the default class.
    package var closID: String?
    package var l3CacheSchema: String?
    package var memBwSchema: String?
    package var schemata: [String]
    package var enableMonitoring: Bool

    init(_ field: JSONField) throws(FieldError) {
        let name = try field.member("closID")
        closID = try name.plainText()
        if let closID, closID != "/" {
            let reserved = ["info", "mon_groups", "mon_data"]
            guard closID.isFileName, !reserved.contains(closID) else { throw name.invalid("is no name of a class: \(closID)") }
        }
        l3CacheSchema = try field.member("l3CacheSchema").schema()
        let bandwidth = try field.member("memBwSchema")
        memBwSchema = try bandwidth.schema()
        if let memBwSchema, !memBwSchema.hasPrefix("MB:") { throw bandwidth.invalid("`MB:` expected at its head, found \(memBwSchema)") }
        schemata = try field.member("schemata").list { line throws(FieldError) in
            guard let text = try line.schema() else { throw line.invalid("is empty") }
            return text
        }
        enableMonitoring = try field.member("enableMonitoring").optionalBool() ?? false
    }

    /// Whether anything is to be written to the class' `schemata` file.
    package var hasSchemas: Bool { l3CacheSchema != nil || memBwSchema != nil || !schemata.isEmpty }
}

extension JSONField {
    /// One line of a `schemata` file: `L3:0=7f0;1=1f`.
    fileprivate func schema() throws(FieldError) -> String? {
        guard let line = try plainText() else { return nil }
        guard line.utf8.contains(UInt8(ascii: ":")) else { throw invalid("a line like L3:0=7f0;1=1f expected, found \(line)") }
        return line
    }
}
