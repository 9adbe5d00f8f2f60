package import LinuxSys

/// What a watched descriptor is waited for.
package struct Interest: OptionSet, Sendable {
    package let rawValue: UInt32
    package init(rawValue: UInt32) { self.rawValue = rawValue }
    package static let read = Interest(rawValue: 0x001)
    package static let write = Interest(rawValue: 0x004)
    /// EPOLLPRI: cgroup.events, memory.events and other files that announce changes.
    package static let priority = Interest(rawValue: 0x002)
}

/// What epoll said of a descriptor. HUP and ERR come unasked (epoll_ctl(2)).
package struct Readiness: OptionSet, Sendable {
    package let rawValue: UInt32
    package init(rawValue: UInt32) { self.rawValue = rawValue }
    package static let read = Readiness(rawValue: 0x001)
    package static let priority = Readiness(rawValue: 0x002)
    package static let write = Readiness(rawValue: 0x004)
    package static let error = Readiness(rawValue: 0x008)
    package static let hangup = Readiness(rawValue: 0x010)
}

/// One registration: a descriptor number may come back for another file, its generation does not.
package struct Token: Hashable, Sendable {
    let fd: Int32
    let generation: UInt32
    var packed: UInt64 { UInt64(generation) << 32 | UInt64(UInt32(bitPattern: fd)) }

    init(fd: Int32, generation: UInt32) {
        self.fd = fd
        self.generation = generation
    }

    init(packed: UInt64) {
        self.init(fd: Int32(bitPattern: UInt32(truncatingIfNeeded: packed)), generation: UInt32(packed >> 32))
    }
}

/// One timer that was set.
package struct TimerToken: Hashable, Sendable {
    let number: UInt64
}

/// The one thread's wait: descriptors, timers and deferred work, over epoll(7).
///
/// Not Sendable and not reentrant: handlers run on the thread that called `run`, one after the other, and may call
/// everything here. A handler whose registration was cancelled earlier in the same round is not called.
package final class EventLoop {
    private let epoll: FD
    private var registrations: [Int32: Registration] = [:]
    private var generation: UInt32 = 0
    private var timers: [Timer] = []
    private var timerCount: UInt64 = 0
    private var deferred: [() -> Void] = []
    /// The part of it that is being done. Both keep their room.
    private var due: [() -> Void] = []
    private var running = false
    private var found = Epoll.Found()
    private var eagerness = Eagerness(processors: usableProcessors())
    /// Children of this process that somebody waits for, by pid.
    package var awaitedChildren: Set<Int32> = []

    private struct Registration {
        let generation: UInt32
        let handler: (Readiness) -> Void
    }

    private struct Timer {
        let deadline: UInt64
        let number: UInt64
        let handler: () -> Void
    }

    package init() throws(SysError) { epoll = try Epoll.create() }

    /// Calls `handler` whenever `fd` is ready (level-triggered). The caller keeps the descriptor open until `cancel`.
    package func watch(_ fd: Int32, for interest: Interest, _ handler: @escaping (Readiness) -> Void) throws(SysError) -> Token {
        generation &+= 1
        let token = Token(fd: fd, generation: generation)
        try Epoll.add(epoll, fd, events: interest.rawValue, data: token.packed)
        registrations[fd] = Registration(generation: generation, handler: handler)
        return token
    }

    /// Waits for something else from now on. Empty: only hang-up and errors.
    package func update(_ token: Token, for interest: Interest) throws(SysError) {
        guard registrations[token.fd]?.generation == token.generation else { return }
        try Epoll.modify(epoll, token.fd, events: interest.rawValue, data: token.packed)
    }

    /// Forgets the registration; calling it twice does nothing. To be called before the descriptor is closed.
    package func cancel(_ token: Token) {
        guard registrations[token.fd]?.generation == token.generation else { return }
        registrations[token.fd] = nil
        Epoll.remove(epoll, token.fd)
    }

    /// Calls `handler` once, `nanoseconds` from now.
    @discardableResult
    package func after(nanoseconds: UInt64, _ handler: @escaping () -> Void) -> TimerToken {
        timerCount += 1
        let timer = Timer(deadline: monotonicNanoseconds() &+ nanoseconds, number: timerCount, handler: handler)
        let place = timers.firstIndex { $0.deadline > timer.deadline } ?? timers.endIndex
        timers.insert(timer, at: place)
        return TimerToken(number: timer.number)
    }

    package func cancel(_ timer: TimerToken) { timers.removeAll { $0.number == timer.number } }

    /// Calls `work` after the handlers of this round, before the next wait.
    package func soon(_ work: @escaping () -> Void) { deferred.append(work) }

    package func stop() { running = false }

    /// For a dump of a program's state.
    package var summary: String { "\(registrations.count) descriptors watched, \(timers.count) timers" }

    /// Serves until `stop`.
    package func run() throws(SysError) {
        running = true
        while running { try turn(waitAtMost: nil) }
    }

    /// One round: waits for something (at most `waitAtMost` nanoseconds), then serves it.
    package func turn(waitAtMost: UInt64?) throws(SysError) {
        runDeferred()
        guard running || waitAtMost != nil else { return }
        try wait(milliseconds: timeout(atMost: waitAtMost))
        for index in 0..<found.count {
            let event = found[index]
            let token = Token(packed: event.data)
            guard let registration = registrations[token.fd], registration.generation == token.generation else { continue }
            registration.handler(Readiness(rawValue: event.events))
        }
        let now = monotonicNanoseconds()
        while let first = timers.first, first.deadline <= now {
            timers.removeFirst()
            first.handler()
        }
        runDeferred()
    }

    private func wait(milliseconds: Int32) throws(SysError) {
        let begin = monotonicNanoseconds()
        var passed: UInt64 = 0
        while milliseconds != 0 && eagerness.looks && passed < Eagerness.glance {
            try Epoll.wait(epoll, into: &found, milliseconds: 0)
            passed = monotonicNanoseconds() - begin
            if found.count > 0 { return eagerness.waited(passed, found: true) }
        }
        try Epoll.wait(epoll, into: &found, milliseconds: milliseconds)
        eagerness.waited(monotonicNanoseconds() - begin, found: found.count > 0)
    }

    private func runDeferred() {
        while !deferred.isEmpty {
            swap(&deferred, &due)
            for item in due { item() }
            due.removeAll(keepingCapacity: true)
        }
    }

    /// Milliseconds to wait, rounded up so that a timer is due when the wait ends.
    private func timeout(atMost limit: UInt64?) -> Int32 {
        var wait = limit
        if let first = timers.first {
            let now = monotonicNanoseconds()
            let left = first.deadline > now ? first.deadline - now : 0
            wait = min(wait ?? .max, left)
        }
        guard let wait else { return -1 }
        return Int32(min((wait + 999_999) / 1_000_000, 60_000))
    }
}
