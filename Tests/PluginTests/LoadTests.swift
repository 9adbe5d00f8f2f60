import Testing

@testable import Kubelet

@Suite("the load generator") struct LoadTests {
    static func settings(pods: Int, rate: Double, deletions: Double = 0) -> LoadRun.Settings {
        LoadRun.Settings(
            pods: pods, rate: rate, duration: .seconds(10), deletions: deletions, kind: .mixed, image: "i", hostNetwork: false, seed: 7)
    }

    @Test("pods begin at their rate, and the rest of the time is waited for") func rate() {
        var schedule = Schedule(Self.settings(pods: 3, rate: 2), start: 0)
        #expect(schedule.next(at: 0) == .begin(1))
        #expect(schedule.next(at: 0) == .wait(200_000_000))
        #expect(schedule.next(at: 375_000_000) == .wait(125_000_000))
        #expect(schedule.next(at: 500_000_000) == .begin(2))
        #expect(schedule.next(at: 1_600_000_000) == .begin(3))
        #expect(!schedule.isOver(at: 9_999_999_999) && schedule.isOver(at: 10_000_000_000))
    }

    @Test("what is deleted at random is made again under a number of its own, the same with the same seed") func deletions() {
        func steps() -> [Schedule.Step] {
            var schedule = Schedule(Self.settings(pods: 4, rate: 1000, deletions: 1), start: 0)
            return (0..<40).map { schedule.next(at: UInt64($0) * 250_000_000) }
        }
        let replaced = steps().compactMap { if case .replace(let old, let new) = $0 { (old, new) } else { nil } }
        #expect(replaced.map(\.1) == Array(5..<(5 + replaced.count)) && replaced.count == 9)
        #expect(Set(replaced.map(\.0)).count == replaced.count, "a pod is deleted once")
        #expect(steps() == steps())
    }

    @Test("percentiles are by nearest rank") func percentiles() {
        let figures = Percentiles((1...200).map { .milliseconds($0) }.shuffled())
        #expect(figures.at(50) == .milliseconds(100) && figures.at(90) == .milliseconds(180) && figures.at(99) == .milliseconds(198))
        #expect(Percentiles([]).at(99) == .zero && Percentiles([.milliseconds(5)]).at(1) == .milliseconds(5))
    }

    @Test("a container that was started and whose end nobody told is named, and so is one with two ends") func account() {
        let account = Account()
        for id in ["a", "b", "c", "d"] { account.made(container: id, "x", attempt: 0, pod: "load/load-1") }
        for id in ["a", "b", "c"] { account.started(id) }
        account.ended("a", .init(code: 0, reason: ""), .event)
        account.ended("b", .init(code: 1, reason: ""), .list)
        account.ended("b", .init(code: 1, reason: ""), .event)
        #expect(account.summary.toldByEvent == 1 && account.summary.foundByList == 1)
        #expect(account.summary.problems == ["container c (x of load/load-1): started, no exit told"])
        account.ended("b", .init(code: 2, reason: ""), .event)
        #expect(account.summary.problems.count == 2)
    }

    @Test("an exit code that no script of the load ends with is found out") func implausible() {
        let account = Account()
        account.made(container: "a", "ends", attempt: 0, pod: "load/load-4")
        account.started("a")
        account.ended("a", .init(code: LoadCheck.code(4), reason: ""), .event)
        account.made(container: "b", "app", attempt: 0, pod: "load/load-5")
        account.started("b")
        account.ended("b", .init(code: 143, reason: ""), .event)
        #expect(account.implausible == ["container b (app of load/load-5): 143, "])
        account.stopping("b")
        #expect(account.implausible == [])
        account.made(container: "c", "app", attempt: 0, pod: "load/load-5")
        account.ended("c", .init(code: 137, reason: ""), .event)
        #expect(account.implausible == [], "it was removed before it was started")
    }

    @Test("a table is cut to the terminal, and says by how much") func screen() {
        let lines = (0..<30).map { "line \($0)" }
        #expect(Screen.fit(lines, rows: 10, columns: 6) == (0..<7).map { "line \($0)" } + ["… and 23 more"])
        #expect(Screen.fit(["abcdef"], rows: 10, columns: 3) == ["abc"])
    }

    @Test("ids are found between whatever separates words") func words() {
        #expect(Leaks.words("0::/kubepods/pod-ab12/cri:ff00.scope") == ["0", "kubepods", "pod", "ab12", "cri", "ff00", "scope"])
    }
}
