import Images
import LinuxSys
import Messages
import OCI
import Testing

@testable import Plugin

@Suite("a container's life") struct ContainerLifeTests {
    let exit = ContainerExit(code: 3, time: 50, outOfMemory: false)

    @Test("created, started, stopped leave in that order") func order() {
        var life = ContainerLife.created
        let mayStart = life.startAsked()
        #expect(mayStart)
        #expect(life.startAnswered(at: 10) == [.started] && life == .running(since: 10))
        #expect(life.ended(exit) == [.stopped] && life == .exited(started: 10, exit))
        #expect(life.ended(exit) == [], "the exit of the event stream and that of Wait are one")
    }

    @Test("an exit before the answer to start is told after it, and not before its own beginning") func exitOvertakes() {
        var life = ContainerLife.created
        _ = life.startAsked()
        #expect(life.ended(exit) == [])
        #expect(life.startAnswered(at: 60) == [.started, .stopped])
        #expect(life == .exited(started: 50, exit))
    }

    @Test("a start that fails ends the container with what failed") func startFails() {
        var life = ContainerLife.created
        _ = life.startAsked()
        #expect(life.startFailed("exec: no such file", at: 7) == [.stopped])
        #expect(life.exit == ContainerExit(code: 128, time: 7, reason: .startError, message: "exec: no such file"))
        let mayStartAgain = life.startAsked()
        #expect(!mayStartAgain)
    }

    @Test("the reason tells memory from error from completion") func reasons() {
        #expect(ContainerExit(code: 0, time: 1, outOfMemory: false).reason == .completed)
        #expect(ContainerExit(code: 137, time: 1, outOfMemory: true).reason == .outOfMemory)
        #expect(exit.reason == .error)
    }

    @Test(
        "what a container is survives a restart of swiftletd",
        arguments: [
            ContainerLife.created, .running(since: 5), .exited(started: 4, ContainerExit(code: 137, time: 9, outOfMemory: true)),
            .exited(started: nil, ContainerExit(code: 128, time: 9, reason: .startError, message: "x")),
        ])
    func memory(_ life: ContainerLife) throws {
        var config = Runtime_V1_ContainerConfig()
        config.metadata.name = "c"
        config.linux.resources.memoryLimitInBytes = 1 << 40
        var memory = ContainerMemory(config: config, logPath: "/l", stopSignal: 15)
        (memory.life, memory.socket, memory.isComplete) = (life, "/s", true)
        let written = try JSON(parsing: memory.json().encoded())
        #expect(try ContainerMemory(written) == memory)
    }

    @Test("a record of another version is refused") func version() {
        #expect(throws: FieldError.self) { try ContainerMemory(["version": 2]) }
    }
}

@Suite("the board") struct BoardTests {
    static func entry(_ id: String, _ state: Runtime_V1_ContainerState = .containerRunning) -> Board.Entry {
        var status = Runtime_V1_ContainerStatus()
        (status.id, status.state, status.labels) = (id, state, ["a": "b"])
        return Board.Entry(pod: "p1", status: status)
    }

    @Test("every subscriber gets every event from its subscription on, in order, with the state of the whole pod") func events()
        async throws
    {
        let board = Board()
        try board.put(Self.entry("before"), telling: .containerCreatedEvent) { _ in }
        let (one, two) = (board.subscribe().events, board.subscribe().events)
        try board.put(Self.entry("c", .containerRunning), telling: .containerStartedEvent) { _ in }
        try board.put(Self.entry("c", .containerExited), telling: .containerStoppedEvent) { _ in }
        try board.put(Self.entry("c", .containerExited), telling: .containerDeletedEvent) { _ in }
        board.close()
        for stream in [one, two] {
            var types: [Runtime_V1_ContainerEventType] = []
            for try await event in stream {
                types.append(event.containerEventType)
                #expect(event.containersStatuses.contains { $0.id == "before" })
            }
            #expect(types == [.containerStartedEvent, .containerStoppedEvent, .containerDeletedEvent])
        }
    }

    @Test("a subscriber that reads nothing is cut off with an error, not quietly short of events") func lag() async throws {
        let board = Board()
        let stream = board.subscribe().events
        for _ in 0...Board.mostPending { try board.put(Self.entry("c"), telling: .containerStartedEvent) { _ in } }
        var count = 0
        do {
            for try await _ in stream { count += 1 }
            Issue.record("the stream ended well")
        } catch {
            #expect(count == Board.mostPending)
        }
    }

    @Test("numbers of events rise whatever the clock says, and what is told was written down with them first") func numbers() async throws {
        let board = Board()
        let future = realtimeNanoseconds() + 3_600_000_000_000
        board.resume(after: future)
        let (stream, last) = board.subscribe()
        #expect(last == future)
        var stored: [UInt64] = []
        for _ in 0..<3 { try board.put(Self.entry("c"), telling: .containerStartedEvent) { stored.append($0.sequence) } }
        #expect(throws: ImageError.self) {
            try board.put(Self.entry("c"), telling: .containerStoppedEvent) { (_) throws(ImageError) in
                throw ImageError.database(operation: "save", reason: "full")
            }
        }
        board.close()
        var told: [UInt64] = []
        for try await event in stream { told.append(UInt64(event.createdAt)) }
        #expect(stored == [future + 1, future + 2, future + 3] && told == stored + [future + 4])
        #expect(board.subscribe().last == future + 4)
    }

    @Test("filters hold all together and take the beginning of an id") func filters() {
        var filter = Runtime_V1_ContainerFilter()
        #expect(filter.matches(Self.entry("abc")))
        (filter.id, filter.podSandboxID, filter.labelSelector) = ("ab", "p", ["a": "b"])
        #expect(filter.matches(Self.entry("abc")) && !filter.matches(Self.entry("xbc")))
        filter.state.state = .containerExited
        #expect(!filter.matches(Self.entry("abc")))
        filter.labelSelector = ["a": "c"]
        #expect(!filter.matches(Self.entry("abc", .containerExited)))
    }

    @Test("an id is found by a beginning that only one has") func identifiers() throws {
        let all = ["abc": 1, "abd": 2, "xyz": 3]
        #expect(try Identifier.find("x", in: all, .pod) == 3 && Identifier.find("abc", in: all, .pod) == 1)
        #expect(throws: PluginError.ambiguous(.pod, "`ab`")) { try Identifier.find("ab", in: all, .pod) }
        #expect(throws: PluginError.notFound(.pod, "`q`")) { try Identifier.find("q", in: all, .pod) }
        #expect(throws: PluginError.self) { try Identifier.find("", in: all, .pod) }
        #expect(Identifier.make().utf8.count == 64 && Identifier.make() != Identifier.make())
    }
}
