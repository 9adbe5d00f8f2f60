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

@Suite("users of a container") struct AccountTests {
    let accounts = Accounts(
        passwd: Array("root:x:0:0:root:/root:/bin/sh\nbroken\nuser:x:1000:100::/:\n42:x:7:7::/:\nbig:x:4294967296:0::/:\n".utf8),
        group: Array("root:x:0:\nusers:x:100:user\nwheel:x:10:root,user\n".utf8))

    @Test("a name brings its group and its further groups")
    func name() throws { #expect(try accounts.resolve("user") == ProcessUser(uid: 1000, gid: 100, additional: [10])) }

    @Test("digits are a number, never a name")
    func number() throws {
        #expect(try accounts.resolve("42") == ProcessUser(uid: 42, gid: 0, additional: []))
        #expect(try accounts.resolve("1000") == ProcessUser(uid: 1000, gid: 100, additional: [10]))
    }

    @Test("a group given takes the place of all others")
    func group() throws {
        #expect(try accounts.resolve("user:wheel") == ProcessUser(uid: 1000, gid: 10, additional: []))
        #expect(try accounts.resolve("1:2") == ProcessUser(uid: 1, gid: 2, additional: []))
    }

    @Test(
        "what is not there or out of range is refused, never root",
        arguments: [
            "", ":", "user:", ":1", "nobody", "user:nobody", "4294967295", "4294967296", "99999999999999999999", "big", "-1", "1:-1",
        ])
    func refused(text: String) { #expect(throws: ArgumentFailure.self) { try accounts.resolve(text) } }
}
