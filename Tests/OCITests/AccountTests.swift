import OCI
import Testing

@Suite("users of a container") struct AccountTests {
    private let accounts = Accounts(passwd: Array(Self.passwd.utf8), group: Array(Self.group.utf8))

    @Test(
        "users are found by name and by number",
        arguments: [
            ("", Account(uid: 0, gid: 0, groups: [50], home: "/root")), ("0", Account(uid: 0, gid: 0, groups: [50], home: "/root")),
            ("web", Account(uid: 33, gid: 44, groups: [50, 51], home: "/srv/web")),
            ("33", Account(uid: 33, gid: 44, groups: [50, 51], home: "/srv/web")),
            ("web:staff", Account(uid: 33, gid: 50, groups: [], home: "/srv/web")),
            ("web:7", Account(uid: 33, gid: 7, groups: [], home: "/srv/web")),
            // A user whose name is a number is not found by it.
            ("42", Account(uid: 42, gid: 0, groups: [], home: "/")), ("1000", Account(uid: 1000, gid: 0, groups: [], home: "/")),
            ("4294967294:4294967294", Account(uid: 4_294_967_294, gid: 4_294_967_294, groups: [], home: "/")),
        ])
    func users(_ text: String, _ account: Account) throws { #expect(try accounts.resolve(text) == account) }

    @Test(
        "a user that is not there, or an id that is none, is refused and never becomes root",
        arguments: [
            "nobody", "odd", "broken", "web:nogroup", "web:huge", "4294967295", "4294967296", "18446744073709551616", "-1", "+0", "0x0",
            " 0", ":", "web:", ":1", "0:-1", "99999999999999999999999",
        ])
    func badUsers(_ text: String) { #expect(throws: AccountError.self) { try accounts.resolve(text) } }

    @Test("a home directory that is no path, or has a control character, gives way to the root")
    func homes() throws {
        #expect(accounts.home(of: 33) == "/srv/web")
        #expect(accounts.home(of: 34) == "/" && accounts.home(of: 35) == "/" && accounts.home(of: 77) == "/")
        #expect(try accounts.resolve("bell").home == "/")
    }

    private static let passwd = """
        root:x:0:0:root:/root:/bin/sh
        broken
        web:x:33:44:web:/srv/web:/bin/false
        rel:x:34:44::home:/bin/false
        bell:x:35:44::/home/\u{7}:/bin/false
        odd:x:4294967295:1::/:/x
        1000:x:77:77::relative:/x
        42:x:7:7::/named:/x
        """
    private static let group = """
        root:x:0:
        staff:x:50:web,root
        video:x:51:web
        huge:x:4294967296:
        """
}
