internal import CLinux
import Glibc

/// epoll(7) with 64-bit data.
package enum Epoll {
    package struct Event: Sendable {
        package let events: UInt32
        package let data: UInt64
    }

    package static func create() throws(SysError) -> FD { FD(owning: try check(clx_epoll_create(), "epoll_create1")) }

    package static func add(_ epoll: borrowing FD, _ fd: Int32, events: UInt32, data: UInt64) throws(SysError) {
        try check(clx_epoll_ctl(epoll.raw, 1 /* EPOLL_CTL_ADD */, fd, events, data), "epoll_ctl", on: "descriptor \(fd)")
    }

    package static func modify(_ epoll: borrowing FD, _ fd: Int32, events: UInt32, data: UInt64) throws(SysError) {
        try check(clx_epoll_ctl(epoll.raw, 3 /* EPOLL_CTL_MOD */, fd, events, data), "epoll_ctl", on: "descriptor \(fd)")
    }

    package static func remove(_ epoll: borrowing FD, _ fd: Int32) { _ = clx_epoll_ctl(epoll.raw, 2 /* EPOLL_CTL_DEL */, fd, 0, 0) }

    /// Room for what one wait finds, to be used again and again.
    package struct Found: Sendable {
        private(set) var events = [UInt32](repeating: 0, count: 64)
        private(set) var data = [UInt64](repeating: 0, count: 64)
        package private(set) var count = 0

        package init() {}

        package subscript(_ index: Int) -> Event { Event(events: events[index], data: data[index]) }

        fileprivate mutating func fill(_ epoll: Int32, _ milliseconds: Int32) throws(SysError) {
            count = 0
            let found = unsafe clx_epoll_wait(epoll, &events, &data, 64, milliseconds)
            if found == -EINTR { return }
            count = Int(try check(found, "epoll_wait"))
        }
    }

    /// At most 64 events; an interrupted wait finds none. A timeout of -1 waits without end.
    package static func wait(_ epoll: borrowing FD, into found: inout Found, milliseconds: Int32) throws(SysError) {
        try found.fill(epoll.raw, milliseconds)
    }
}
