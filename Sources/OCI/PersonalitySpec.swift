/// config-linux.md, "Personality" (personality(2)).
package struct PersonalitySpec: Equatable, Sendable {
    package enum Domain: String, Sendable, CaseIterable {
        case linux = "LINUX"
        /// uname(2) shows a machine of 32 bits.
        case linux32 = "LINUX32"
    }
    package var domain: Domain

    init(_ field: JSONField) throws(FieldError) {
        domain = try field.member("domain").word()
        for flag in try field.member("flags").elements() { throw flag.unsupported("the specification has no flags yet") }
    }
}
