internal import LinuxSys

/// What a service manager is told, and what it hands over (sd_notify(3), sd_listen_fds(3)); without one both do nothing.
package enum ServiceNotice {
    /// `READY=1`, `STOPPING=1`, `STATUS=…`; lines of one message. Nobody to tell when it fails: the manager has its own deadline.
    package static func send(_ lines: String...) {
        guard let path = environmentValue("NOTIFY_SOCKET"), path.hasPrefix("/") || path.hasPrefix("@") else { return }
        do throws(SysError) {
            let socket = try FD.connectForDatagrams(to: path)
            _ = try socket.write(Array(lines.joined(separator: "\n").utf8))
        } catch { return }
    }

    /// Descriptors that were handed over at the start: from 3 on, for this process only. More than one is not meant for us.
    package static func inheritedSocket(processID: Int32) throws(ConfigurationError) -> Int32? {
        guard let count = environmentValue("LISTEN_FDS"), environmentValue("LISTEN_PID") == "\(processID)" else { return nil }
        guard count == "1", isInherited(3) else {
            throw ConfigurationError(file: "LISTEN_FDS", reason: "\(count) sockets were handed over instead of one")
        }
        return 3
    }
}
