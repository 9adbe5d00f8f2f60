internal import Glibc
internal import LinuxSys

/// Waits for a file to grow, to be replaced, or for a call to stop waiting (inotify(7)).
final class FileWatch: Sendable {
    private let inotify: FD
    private let wake: FDPair

    init() throws(SysError) {
        inotify = FD(owning: try checkErrno("inotify_init1") { inotify_init1(Int32(IN_CLOEXEC | IN_NONBLOCK)) })
        wake = try FD.pipe()
    }

    /// Also watches the path's file: call it before reading to the end, so that nothing written in between goes unseen.
    func add(_ path: String) throws(SysError) {
        let mask = UInt32(IN_MODIFY | IN_MOVE_SELF | IN_DELETE_SELF | IN_ATTRIB)
        try checkErrno("inotify_add_watch", on: path) { unsafe inotify_add_watch(inotify.raw, path, mask) }
    }

    /// Makes `wait` return at once, now and from then on.
    func stop() { _ = try? wake.second.write([1]) }

    /// True when stopped. `milliseconds` bounds the wait: a rename in the directory is noticed by then.
    func wait(milliseconds: Int32) throws(SysError) -> Bool {
        var polled = [
            pollfd(fd: inotify.raw, events: Int16(POLLIN), revents: 0), pollfd(fd: wake.first.raw, events: Int16(POLLIN), revents: 0),
        ]
        try checkErrno("poll") { unsafe poll(&polled, 2, milliseconds) }
        var buffer = [UInt8](repeating: 0, count: 4096)
        if polled[0].revents != 0 { _ = try inotify.read(into: &buffer) }
        return polled[1].revents != 0
    }
}
