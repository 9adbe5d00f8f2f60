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

    /// At most 64 events; an interrupted wait returns none. A timeout of -1 waits without end.
    package static func wait(_ epoll: borrowing FD, milliseconds: Int32) throws(SysError) -> [Event] {
        var events = [UInt32](repeating: 0, count: 64)
        var data = [UInt64](repeating: 0, count: 64)
        let count = unsafe clx_epoll_wait(epoll.raw, &events, &data, 64, milliseconds)
        if count == -EINTR { return [] }
        try check(count, "epoll_wait")
        return (0..<Int(count)).map { Event(events: events[$0], data: data[$0]) }
    }
}
