import CRILog
import OCI
import Testing

@testable import Command
@testable import Images

@Suite("what is shown") struct DisplayTests {
    @Test("columns are as wide as their widest cell; control characters do not reach the terminal")
    func table() {
        var table = Table(["A", "LONG", "C"])
        table.add(["one", "2", "three"])
        table.add(["x", "\u{1b}[31mred", "y\n"])
        #expect(table.lines == ["A     LONG       C", "one   2          three", "x     \u{fffd}[31mred   y\u{fffd}"])
    }

    @Test("a long text ends in an ellipsis")
    func shorten() {
        #expect(shortened("abcdef", to: 6) == "abcdef")
        #expect(shortened("abcdefg", to: 6) == "abcde…")
    }

    @Test(
        "ages are in the largest unit of which there are two",
        arguments: [
            (0, "less than a second"), (1, "1 second"), (59, "59 seconds"), (60, "1 minute"), (119, "1 minute"), (120, "2 minutes"),
            (5400, "90 minutes"),
            (7200, "2 hours"), (86_400, "24 hours"), (172_800, "2 days"), (86_400 * 21, "3 weeks"), (86_400 * 90, "3 months"),
            (86_400 * 800, "2 years"),
        ] as [(Int64, String)])
    func age(seconds: Int64, text: String) {
        #expect(Timestamp(nanoseconds: 0).age(at: Timestamp(nanoseconds: seconds * 1_000_000_000)) == text)
    }

    @Test("the progress bar counts bytes over all layers")
    func progress() {
        let parts = [
            LoadProgress(stage: .unpacking, subject: "a", done: 1 << 20, total: 1 << 20),
            LoadProgress(stage: .unpacking, subject: "b", done: 0, total: 1 << 20),
        ]
        #expect(ProgressDisplay.line(parts) == "unpacking [##########----------] 50% of 2.0 MiB (1 of 2)")
        #expect(ProgressDisplay.line([]) == "")
    }

    @Test("states say since when")
    func states() {
        let start = Timestamp(nanoseconds: 0)
        let now = Timestamp(nanoseconds: 180_000_000_000)
        #expect(ContainerState.running(pid: 1).status(started: start, now: now) == "Up 3 minutes")
        #expect(
            ContainerState.exited(ExitRecord(code: 137, finished: start)).status(started: start, now: now) == "Exited (137) 3 minutes ago")
        #expect(!ContainerState.exited(ExitRecord(code: 0, finished: start)).isAlive)
    }

    @Test("a detail survives being stored")
    func detail() throws {
        var detail = ContainerDetail()
        detail.terminal = true
        detail.socket = "/run/x.sock"
        detail.pid = 7
        detail.stopSignal = 3
        detail.started = Timestamp(nanoseconds: 5)
        detail.exit = ExitRecord(code: 137, finished: Timestamp(nanoseconds: 9))
        detail.config = ["user": "root"]
        #expect(try ContainerDetail(JSON(parsing: detail.json.encoded())) == detail)
        #expect(try ContainerDetail(.null) == ContainerDetail())
        #expect(throws: FieldError.self) { try ContainerDetail(["pid": "x"]) }
    }

    @Test("times stand before lines, not before their continuations")
    func timestamps() {
        var printer = LogPrinter(timestamps: true)
        let time = LogTime(nanoseconds: 0)
        let entries = [
            LogEntry(time: time, stream: .stdout, isPartial: true, content: Array("a".utf8)),
            LogEntry(time: time, stream: .stderr, isPartial: false, content: Array("e".utf8)),
            LogEntry(time: time, stream: .stdout, isPartial: false, content: Array("b".utf8)),
        ].map { String(decoding: printer.stamped($0).output, as: UTF8.self) }
        #expect(entries == ["\(time) a", "\(time) e\n", "b\n"])
    }

    @Test("the tail of a log counts lines, not entries", arguments: [(0, ""), (1, "c d\n"), (2, "b\nc d\n"), (9, "a\nb\nc d\n")])
    func tail(count: Int, wanted: String) {
        let log = ["F a", "P ", "F b", "P c", "F  d"].map { "2026-01-01T00:00:00.000000000Z stdout \($0)\n" }.joined()
        var scan = LogTailScan(count: count)
        for byte in log.utf8 { scan.feed(CollectionOfOne(byte)) }
        var reader = LogReader()
        let shown = reader.feed(Array(log.utf8).dropFirst(Int(scan.offset))).flatMap(\.output)
        #expect(String(decoding: shown, as: UTF8.self) == wanted)
    }
}
