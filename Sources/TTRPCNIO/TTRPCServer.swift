import Glibc
import LinuxSys
import NIOCore
import NIOPosix
import Synchronization
package import TTRPC

/// A ttrpc server on a Unix socket, by default of mode 0600. Peers that `SocketAccess` does not let in are turned away.
package final class TTRPCServer: Sendable {
    /// Nil for a socket that was handed over: it stays where it is.
    private let path: String?
    private let listener: any Channel
    private let state: ServerState

    private init(path: String?, listener: any Channel, state: ServerState) {
        self.path = path
        self.listener = listener
        self.state = state
    }

    /// Serves `routes` at `path`. A socket that a dead process left there is replaced; one that answers is an error. `inherited` is a
    /// listening socket that a service manager bound to `path`, with the access that it gave it.
    package static func listen(
        path: String, routes: Routes, limits: StreamLimits = StreamLimits(calls: 1024), mostConnections: Int = 256,
        access: SocketAccess = SocketAccess(), inherited: Int32? = nil
    ) async throws(Status) -> TTRPCServer {
        let socket: CInt
        if let inherited { socket = inherited } else { socket = try bind(path, access) }
        let state = ServerState(mostConnections: mostConnections, owner: effectiveUserID(), users: access.users)
        do {
            let listener = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
                .childChannelInitializer { channel in
                    channel.eventLoop.makeCompletedFuture {
                        try channel.pipeline.syncOperations.addHandler(ServerConnection(routes: routes, limits: limits, tasks: state.tasks))
                    }.flatMap { Self.admit(channel, state) }
                }
                .withBoundSocket(socket).get()
            return TTRPCServer(path: inherited == nil ? path : nil, listener: listener, state: state)
        } catch {
            throw Status(.unavailable, "listen \(path): \(reason(error))")
        }
    }

    private static func bind(_ path: String, _ access: SocketAccess) throws(Status) -> CInt {
        do {
            return try listen(path, access)
        } catch {
            guard error.errno == EADDRINUSE else { throw Status(.unavailable, "\(error)") }
        }
        // Somebody's file is there: replaced only when it is a socket that nobody listens on.
        do {
            _ = try FD.connect(to: path)
        } catch {
            guard error.errno == ECONNREFUSED else { throw Status(.alreadyExists, "listen \(path): \(error.reason)") }
            _ = unsafe unlink(path)
            do { return try listen(path, access) } catch { throw Status(.unavailable, "\(error)") }
        }
        throw Status(.alreadyExists, "listen \(path): another process serves this socket")
    }

    private static func listen(_ path: String, _ access: SocketAccess) throws(SysError) -> CInt {
        let socket = try FD.listen(at: path)
        if let group = access.group { try checkErrno("chown", on: path) { unsafe chown(path, .max, group) } }
        if access.mode != 0o600 { try checkErrno("chmod", on: path) { unsafe chmod(path, access.mode) } }
        return socket.release()
    }

    /// Turns strangers and the connection too many away.
    private static func admit(_ channel: any Channel, _ state: ServerState) -> EventLoopFuture<Void> {
        guard state.add(channel) else {
            return channel.eventLoop.makeFailedFuture(Status(.resourceExhausted, "too many connections"))
        }
        channel.closeFuture.whenComplete { _ in state.remove(channel) }
        guard let options = channel as? any SocketOptionProvider else {
            return channel.eventLoop.makeFailedFuture(Status(.internal, "no socket"))
        }
        let credentials: EventLoopFuture<Credentials> = options.unsafeGetSocketOption(level: .socket, name: .init(rawValue: SO_PEERCRED))
        return credentials.flatMapThrowing { peer in
            guard state.lets(peer.uid) else { throw Status(.permissionDenied, "user \(peer.uid)") }
        }
    }

    package var connectionCount: Int { state.channels.count }

    /// Stops listening, cancels what is in progress, closes every connection, and returns when all handlers have ended.
    package func close() async {
        try? await listener.close().get()
        if let path { _ = unsafe unlink(path) }
        for channel in state.channels { try? await channel.close().get() }
        await state.tasks.drain()
    }
}

/// `struct ucred` of unix(7).
private struct Credentials: Sendable {
    var pid: Int32 = 0, uid: UInt32 = 0, gid: UInt32 = 0
}

/// The open connections of a server.
final class ServerState: Sendable {
    let tasks = TaskRegistry()
    /// The user whose connections are taken, beside root's.
    private let owner: UInt32
    private let users: Set<UInt32>?
    private let mostConnections: Int
    private let open = Mutex<[ObjectIdentifier: any Channel]>([:])

    init(mostConnections: Int, owner: UInt32, users: Set<UInt32>?) {
        (self.mostConnections, self.owner, self.users) = (mostConnections, owner, users)
    }

    func lets(_ user: UInt32) -> Bool { user == 0 || user == owner || users?.contains(user) ?? true }

    var channels: [any Channel] { open.withLock { Array($0.values) } }

    func add(_ channel: any Channel) -> Bool {
        open.withLock {
            guard $0.count < mostConnections else { return false }
            $0[ObjectIdentifier(channel)] = channel
            return true
        }
    }

    func remove(_ channel: any Channel) { _ = open.withLock { $0.removeValue(forKey: ObjectIdentifier(channel)) } }
}

/// Handlers that run; nothing outlives the server's `close`.
package final class TaskRegistry: Sendable {
    private struct Tasks {
        var count: UInt64 = 0
        var running: [UInt64: Task<Void, Never>] = [:]
    }
    private let tasks = Mutex(Tasks())

    package init() {}

    @discardableResult
    package func start(_ body: @escaping @Sendable () async -> Void) -> Task<Void, Never> {
        tasks.withLock { tasks in
            tasks.count += 1
            let number = tasks.count
            let task = Task {
                await body()
                self.ended(number)
            }
            tasks.running[number] = task
            return task
        }
    }

    private func ended(_ number: UInt64) { tasks.withLock { $0.running[number] = nil } }

    package func drain() async {
        while let task = tasks.withLock({ $0.running.values.first }) {
            task.cancel()
            await task.value
        }
    }
}
