import Testing

@testable import Command

@Suite("names and ids") struct NameTests {
    @Test("a name is letters, digits and three marks, not first", arguments: ["a", "A1", "web_1.x-y", String(repeating: "x", count: 128)])
    func good(name: String) throws { try ContainerName.check(name) }

    @Test(
        "anything else is no name",
        arguments: [
            "", "-a", ".a", "_a", "a/b", "a b", "a:b", "ä", "../x", String(repeating: "x", count: 129), String(repeating: "a", count: 64),
        ])
    func bad(name: String) { #expect(throws: ArgumentFailure.self) { try ContainerName.check(name) } }

    @Test("generated names are valid and not taken, even when all plain ones are")
    func generated() throws {
        var random = SystemRandomNumberGenerator()
        var taken: Set<String> = []
        for _ in 0..<3000 {
            let name = ContainerName.generate(taken: taken, using: &random)
            try ContainerName.check(name)
            #expect(taken.insert(name).inserted)
        }
    }

    @Test("an id is 64 hexadecimal digits, shown as twelve")
    func ids() {
        var random = SystemRandomNumberGenerator()
        let id = ContainerID.generate(using: &random)
        #expect(id.utf8.count == 64 && id.utf8.allSatisfy(ContainerName.isHex))
        #expect(id != ContainerID.generate(using: &random))
        #expect(ContainerID.short(id) == String(id.prefix(12)))
        #expect(ContainerID.short("sha256:\(id)") == String(id.prefix(12)))
    }
}
