import CRILog
import Testing

@Suite("container logs") struct CRILogTests {
    private func format(_ text: [UInt8]) -> [LogEntry] {
        var out: [UInt8] = []
        LogFormatter.append(text, 0..<text.count, from: .stdout, at: LogTime(nanoseconds: 1), to: &out)
        var reader = LogReader()
        let entries = reader.feed(out)
        #expect(reader.malformed == 0 && reader.isAtLineStart)
        return entries
    }

    @Test(
        "times are written with nine digits",
        arguments: [
            (0, "1970-01-01T00:00:00.000000000Z"), (1_475_713_029_669_794_202, "2016-10-06T00:17:09.669794202Z"),
            (951_782_400_000_000_001, "2000-02-29T00:00:00.000000001Z"), (4_107_542_399_999_999_999, "2100-02-28T23:59:59.999999999Z"),
        ] as [(UInt64, String)])
    func times(_ nanoseconds: UInt64, _ text: String) {
        #expect(LogTime(nanoseconds: nanoseconds).description == text)
        #expect(LogTime(text.utf8)?.nanoseconds == nanoseconds)
    }

    @Test(
        "times of other writers are read",
        arguments: [
            ("2016-10-06T00:17:09Z", 1_475_713_029_000_000_000), ("2016-10-06T02:17:09.5+02:00", 1_475_713_029_500_000_000),
        ] as [(String, UInt64)])
    func foreignTimes(_ text: String, _ nanoseconds: UInt64) { #expect(LogTime(text.utf8)?.nanoseconds == nanoseconds) }

    @Test(
        "what is no time is refused",
        arguments: ["", "2016-10-06", "2016-13-06T00:17:09Z", "2016-10-06T00:17:09.Z", "2016-10-06T00:17:09+0200"])
    func badTimes(_ text: String) { #expect(LogTime(text.utf8) == nil) }

    @Test("whole lines have tag F, the rest tag P")
    func tags() {
        let entries = format(Array("one\n\ntwo".utf8))
        #expect(entries.map { String(decoding: $0.content, as: UTF8.self) } == ["one", "", "two"])
        #expect(entries.map(\.isPartial) == [false, false, true])
    }

    @Test("lines around 16 KiB are cut and put together again", arguments: [16_383, 16_384, 16_385, 32_768, 40_000])
    func longLines(_ length: Int) {
        let line = [UInt8](repeating: 0x61, count: length) + [0x0a]
        let entries = format(line)
        #expect(entries.allSatisfy { $0.content.count <= LogFormatter.mostContent })
        #expect(entries.flatMap(\.output) == line)
        #expect(entries.last?.isPartial == false)
    }

    @Test("a reader takes entries in any pieces and passes over what is none")
    func pieces() {
        let file = "2016-10-06T00:17:09.669794202Z stdout F a b  c\ngarbage\n2016-10-06T00:17:10Z stderr P:x half\n"
        var reader = LogReader()
        var entries: [LogEntry] = []
        for byte in file.utf8 { entries += reader.feed([byte]) }
        #expect(entries.map { String(decoding: $0.content, as: UTF8.self) } == ["a b  c", "half"])
        #expect(entries.map(\.stream) == [.stdout, .stderr])
        #expect(reader.malformed == 1)
    }

    @Test("a line without end does not grow the reader's memory")
    func endlessLine() {
        var reader = LogReader()
        for _ in 0..<100 {
            let entries = reader.feed([UInt8](repeating: 0x41, count: 10_000))
            #expect(entries.isEmpty)
        }
        let entries = reader.feed(Array("\n2016-10-06T00:17:10Z stderr F ok\n".utf8))
        #expect(entries.map { String(decoding: $0.content, as: UTF8.self) } == ["ok"])
        #expect(reader.malformed == 1)
    }
}
