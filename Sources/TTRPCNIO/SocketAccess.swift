/// Who may call a server on a Unix socket.
package struct SocketAccess: Equatable, Sendable {
    package var mode: UInt32 = 0o600
    /// Of the socket; nil for that of the process.
    package var group: UInt32?
    /// Whose connections are taken (SO_PEERCRED), beside root's and those of the process' own user. Nil: the mode decides alone.
    package var users: Set<UInt32>? = []

    package init() {}
}
