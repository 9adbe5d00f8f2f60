import OCI
import Testing

@testable import Cgroups

@Suite("device rules as values") struct CgroupDeviceTests {
    private static let deny = DeviceRule(allow: false, kind: .all, major: nil, minor: nil, access: "rwm")
    private static let allow = DeviceRule(allow: true, kind: .all, major: nil, minor: nil, access: "rwm")
    private static func rule(_ allow: Bool, _ kind: DeviceRule.Kind, _ major: UInt32?, _ minor: UInt32?, _ access: String) -> DeviceRule {
        DeviceRule(allow: allow, kind: kind, major: major, minor: minor, access: access)
    }

    /// Runs a program as the kernel's interpreter does, for the eight instructions that it is made of.
    private static func run(_ program: DeviceProgram, block: Bool, access: UInt32, major: UInt32, minor: UInt32) -> Bool {
        var registers = [UInt64](repeating: 0, count: 11)
        let context: [UInt32] = [access << 16 | (block ? 1 : 2), major, minor]
        var at = 0
        while true {
            let word = program.instructions[at]
            let (destination, source) = (Int(word >> 8 & 0xf), Int(word >> 12 & 0xf))
            let offset = Int(Int16(bitPattern: UInt16(truncatingIfNeeded: word >> 16)))
            let value = UInt64(bitPattern: Int64(Int32(bitPattern: UInt32(truncatingIfNeeded: word >> 32))))
            at += 1
            switch word & 0xff {
            case 0x61: registers[destination] = UInt64(context[offset / 4])
            case 0xbf: registers[destination] = registers[source]
            case 0xb7: registers[destination] = value
            case 0x57: registers[destination] &= value
            case 0x77: registers[destination] >>= value
            case 0x56: if UInt32(truncatingIfNeeded: registers[destination]) != UInt32(truncatingIfNeeded: value) { at += offset }
            case 0x16: if UInt32(truncatingIfNeeded: registers[destination]) == UInt32(truncatingIfNeeded: value) { at += offset }
            case 0x95: return registers[0] != 0
            default:
                Issue.record("unknown instruction \(word)")
                return false
            }
        }
    }

    private static func answer(_ rules: [DeviceRule], _ kind: Character, _ major: UInt32, _ minor: UInt32, _ access: String) -> Bool {
        let bits: UInt32 = (access.contains("m") ? 1 : 0) | (access.contains("r") ? 2 : 0) | (access.contains("w") ? 4 : 0)
        return run(DeviceProgram(DevicePolicy(rules)), block: kind == "b", access: bits, major: major, minor: minor)
    }

    @Test("with no rule at all, what every container has is allowed and nothing else")
    func standard() {
        for rules in [[], [Self.deny]] {
            for (major, minor) in [(1, 3), (1, 5), (1, 7), (1, 8), (1, 9), (5, 0), (5, 1), (5, 2), (136, 77)] as [(UInt32, UInt32)] {
                #expect(Self.answer(rules, "c", major, minor, "rw"))
            }
            #expect(!Self.answer(rules, "c", 1, 1, "r") && !Self.answer(rules, "b", 8, 0, "r") && !Self.answer(rules, "b", 1, 3, "r"))
            #expect(Self.answer(rules, "c", 10, 229, "m") && Self.answer(rules, "b", 8, 0, "m") && !Self.answer(rules, "b", 8, 0, "rm"))
        }
    }

    @Test("a later rule wins, and parts of an access can come from several rules")
    func order() {
        #expect(Self.answer([Self.deny, Self.allow], "b", 8, 0, "rw"))
        #expect(!Self.answer([Self.allow, Self.rule(false, .block, 8, nil, "w")], "b", 8, 0, "rw"))
        #expect(Self.answer([Self.allow, Self.rule(false, .block, 8, nil, "w")], "b", 8, 0, "r"))
        let parts = [Self.rule(true, .block, 8, 0, "r"), Self.rule(true, .block, 8, nil, "w")]
        #expect(Self.answer(parts, "b", 8, 0, "rw") && !Self.answer(parts, "b", 8, 1, "rw") && Self.answer(parts, "b", 8, 1, "w"))
        #expect(!Self.answer([Self.rule(true, .block, 8, 0, "rw"), Self.rule(false, .block, 8, 0, "r")], "b", 8, 0, "r"))
        #expect(
            Self.answer([Self.rule(true, .all, 7, nil, "r")], "b", 7, 1, "r")
                && Self.answer([Self.rule(true, .all, 7, nil, "r")], "c", 7, 1, "r"))
        #expect(Self.answer([Self.rule(true, .character, .max, nil, "r")], "c", .max, 1, "r"))
    }

    @Test("under v1 the rules become one default and a list of exceptions")
    func lists() throws {
        let denied = try Cgroup.deviceWrites(DevicePolicy([Self.deny, Self.rule(true, .character, 10, 229, "rwm")]))
        #expect(denied[0] == .init(file: "devices.deny", value: "a") && denied[1] == .init(file: "devices.allow", value: "c 10:229 rwm"))
        #expect(denied.map(\.value).contains("c 136:* rwm") && denied.dropFirst().allSatisfy { $0.file == "devices.allow" })
        let open = try Cgroup.deviceWrites(DevicePolicy([Self.allow, Self.rule(false, .block, 8, 0, "w")]))
        #expect(open.map(\.value) == ["a", "b 8:0 w"] && open.map(\.file) == ["devices.allow", "devices.deny"])
        let taken = try DevicePolicy([Self.rule(true, .block, 8, 0, "rw"), Self.rule(false, .block, 8, 0, "w")]).exceptions()
        #expect(taken.first?.text == "b 8:0 r")
    }

    @Test("a part that v1 cannot take out of a wider rule is an error, not a hole")
    func holes() {
        let policy = DevicePolicy([Self.rule(true, .block, 8, nil, "rw"), Self.rule(false, .block, 8, 3, "w")])
        #expect(throws: CgroupError.unsupported(field: "linux.resources.devices", reason: "cgroup v1 cannot take b 8:3 w out of b 8:* rw"))
        {
            try policy.exceptions()
        }
    }
}
