import Shim
import Testing

@Suite("event order") final class EventOrderTests {
    private var order = EventOrder<String>()

    @Test("in the plain order every event leaves at once")
    func plainOrder() {
        #expect(order.put(.create, "create") == ["create"])
        order.starting()
        #expect(order.put(.start, "start") == ["start"])
        #expect(order.put(.execAdded("e"), "added") == ["added"])
        order.starting(exec: "e")
        #expect(order.put(.execStarted("e"), "started") == ["started"])
        #expect(order.put(.execExit("e"), "e exit") == ["e exit"])
        #expect(order.put(.oom, "oom") == ["oom"])
        #expect(order.put(.initExit, "exit") == ["exit"])
        #expect(order.put(.delete, "delete") == ["delete"])
        #expect(order.isEmpty)
    }

    @Test("a start never follows its own exit")
    func exitBeforeStart() {
        _ = order.put(.create, "create")
        order.starting()
        #expect(order.put(.initExit, "exit") == [])
        #expect(order.put(.start, "start") == ["start", "exit"])
    }

    @Test("an exec's exit waits for its start")
    func execExitBeforeStart() {
        _ = order.put(.create, "create")
        order.starting(exec: "e")
        #expect(order.put(.execExit("e"), "e exit") == [])
        #expect(order.put(.execStarted("e"), "e started") == ["e started", "e exit"])
    }

    @Test("the init exit is the last exit")
    func initExitIsLast() {
        _ = order.put(.create, "create")
        _ = order.put(.start, "start")
        for exec in ["a", "b"] {
            order.starting(exec: exec)
            _ = order.put(.execStarted(exec), "")
        }
        #expect(order.put(.initExit, "exit") == [])
        #expect(order.put(.oom, "oom") == ["oom"], "before the exit, which is held")
        #expect(order.put(.execExit("b"), "b exit") == ["b exit"])
        #expect(order.put(.delete, "delete") == [])
        #expect(order.put(.execExit("a"), "a exit") == ["a exit", "exit", "delete"])
    }

    @Test("an exec whose start failed holds nothing up")
    func failedStart() {
        _ = order.put(.create, "create")
        order.starting(exec: "e")
        #expect(order.put(.initExit, "exit") == [])
        #expect(order.startFailed(exec: "e") == ["exit"])
    }

    @Test("an OOM event after the exit is not told")
    func lateOOM() {
        _ = order.put(.create, "create")
        _ = order.put(.initExit, "exit")
        #expect(order.put(.oom, "oom") == [])
        #expect(order.isEmpty)
    }

    @Test("nothing leaves before create")
    func createIsFirst() {
        #expect(order.put(.oom, "oom") == [])
        #expect(order.put(.initExit, "exit") == [])
        #expect(order.put(.create, "create") == ["create", "oom", "exit"])
    }
}

@Suite("outbox") struct OutboxTests {
    /// A reference, as the checks below are closures.
    private final class Box {
        var box: Outbox<Int>
        init(capacity: Int = 512) { box = Outbox(capacity: capacity) }
        func put(_ event: Int) -> Outbox<Int>.Action { box.put(event) }
        func sent() -> Outbox<Int>.Action { box.sent() }
        func failed() -> Outbox<Int>.Action { box.failed() }
        func retry() -> Outbox<Int>.Action { box.retry() }
    }

    @Test("events leave one at a time and in order")
    func order() {
        let box = Box()
        #expect(box.put(1) == .send)
        #expect(box.put(2) == .nothing)
        #expect(box.box.first == 1)
        #expect(box.sent() == .send)
        #expect(box.box.first == 2)
        #expect(box.sent() == .nothing)
        #expect(box.box.isEmpty)
        #expect(box.put(3) == .send)
    }

    @Test("a failed try is made again, later each time, and nothing is dropped")
    func retries() {
        let box = Box()
        _ = box.put(1)
        var waits: [Outbox<Int>.Action] = []
        for _ in 0..<8 {
            waits.append(box.failed())
            #expect(box.put(2) == .nothing, "no second try beside the one that waits")
            #expect(box.retry() == .send)
        }
        #expect(waits.first == .wait(Outbox<Int>.shortestWait))
        #expect(waits.last == .wait(Outbox<Int>.longestWait))
        #expect(box.box.first == 1)
        #expect(box.box.count == 9)
        #expect(box.sent() == .send)
        #expect(box.failed() == .wait(Outbox<Int>.shortestWait), "a success starts over")
    }

    @Test("who is about to end tries at once, and soon again")
    func hurry() {
        let box = Box()
        _ = box.put(1)
        for _ in 0..<8 {
            _ = box.failed()
            _ = box.retry()
        }
        _ = box.failed()
        #expect(box.box.hurry() == .send)
        #expect(box.failed() == .wait(Outbox<Int>.shortestWait))
        _ = box.retry()
        #expect(box.box.hurry() == .nothing, "a try is under way")
        _ = box.sent()
        #expect(box.box.hurry() == .nothing, "nothing waits")
    }

    @Test("a full box refuses work but takes the events of what runs")
    func full() {
        let box = Box(capacity: 2)
        _ = box.put(1)
        #expect(!box.box.isFull)
        _ = box.put(2)
        #expect(box.box.isFull)
        _ = box.put(3)
        #expect(box.box.count == 3)
    }
}
