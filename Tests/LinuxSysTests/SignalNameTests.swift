import LinuxSys
import Testing

@Suite("signal names") struct SignalNameTests {
    @Test(
        "signals are known by number and by name, with or without SIG, in any case",
        arguments: [
            ("1", 1), ("9", 9), ("64", 64), ("KILL", 9), ("SIGKILL", 9), ("sigkill", 9), ("Term", 15), ("IOT", 6), ("POLL", 29),
            ("CLD", 17),
            ("RTMIN", 34), ("SIGRTMIN+3", 37), ("RTMAX", 64), ("RTMAX-30", 34), ("rtmin+30", 64),
        ] as [(String, Int32)])
    func known(_ text: String, _ number: Int32) { #expect(SignalNames.number(text) == number) }

    @Test(
        "anything else is no signal",
        arguments: [
            "", "0", "65", "100", "-9", "+9", "9 ", " 9", "0x9", "9.0", "9a", "SIG", "SIG9", "SIGSIGKILL", "KILL ", "KILLER", "RTMIN+31",
            "RTMIN-1", "RTMAX+1", "RTMIN+", "RTMIN+003", "RTMIN+ 1", "RTMINX", "４", "99999999999999999999",
        ])
    func unknown(_ text: String) { #expect(SignalNames.number(text) == nil) }

    @Test("every signal has one name, which leads back to it")
    func names() {
        for number in Int32(1)...64 { #expect(SignalNames.number(SignalNames.name(number)) == number) }
        #expect(SignalNames.name(6) == "ABRT" && SignalNames.name(34) == "RTMIN" && SignalNames.name(37) == "RTMIN+3")
    }
}
