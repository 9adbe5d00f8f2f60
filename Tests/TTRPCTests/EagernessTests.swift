import EventLoop
import Testing

/// When a wait looks instead of sleeping.
@Suite struct EagernessTests {
    private static let short = Eagerness.glance, long = Eagerness.glance + 1

    private func after(_ waits: [UInt64], processors: Int = 2) -> Eagerness {
        var eagerness = Eagerness(processors: processors)
        for wait in waits { eagerness.waited(wait, found: true) }
        return eagerness
    }

    @Test("it looks after many short waits on end, and sleeps after one that was longer or found nothing")
    func trust() {
        let enough = [UInt64](repeating: Self.short, count: Eagerness.trust)
        #expect(!after([]).looks && !after(Array(enough.dropLast())).looks && after(enough).looks && after(enough + enough).looks)
        #expect(!after(enough + [Self.long]).looks && !after(enough + [Self.long, Self.short]).looks)
        var vain = after(enough)
        vain.waited(Self.short, found: false)
        #expect(!vain.looks)
    }

    @Test("a processor that is alone is left to who is waited for")
    func alone() { #expect(!after([UInt64](repeating: 0, count: 100), processors: 1).looks) }
}
