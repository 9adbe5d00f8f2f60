internal import Images
internal import LinuxSys
internal import NIOHTTP1
internal import OCI
internal import Synchronization

/// A client of the OCI distribution-spec 1.1: manifests, blobs, tags and uploads, from any number of registries. To be closed.
package final class RegistryClient: Sendable {
    let settings: RegistrySettings
    let patience: Patience
    let wire: Wire
    private let source: any CredentialSource
    private let sessions = Mutex<[Server: Session]>([:])

    /// Proxies are those of the environment.
    package init(settings: RegistrySettings, credentials: any CredentialSource, patience: Patience = Patience()) {
        self.settings = settings
        self.patience = patience
        source = credentials
        wire = Wire(patience, Result { () throws(RegistryError) in try Proxies(environmentValue) })
    }

    package func close() async { await wire.close() }

    /// Runs `body` with a client, and closes that whatever happens.
    package static func with<T: Sendable>(
        _ settings: RegistrySettings, _ credentials: any CredentialSource, patience: Patience = Patience(),
        _ body: (RegistryClient) async throws(RegistryError) -> T
    ) async throws(RegistryError) -> T {
        let client = RegistryClient(settings: settings, credentials: credentials, patience: patience)
        do throws(RegistryError) {
            let result = try await body(client)
            await client.close()
            return result
        } catch {
            await client.close()
            throw error
        }
    }

    func session(_ server: Server) -> Session {
        sessions.withLock { sessions in
            if let session = sessions[server] { return session }
            let session = Session(server, wire, source, patience)
            sessions[server] = session
            return session
        }
    }

    /// The mirrors of a registry and the registry itself, in the order in which they are asked.
    func sessions(for host: String) throws(RegistryError) -> [Session] { try Server.all(for: host, settings).map { session($0) } }

    /// The registry itself.
    func ownSession(for host: String) throws(RegistryError) -> Session {
        guard let own = try sessions(for: host).last else { throw .reference(host, reason: "not the name of a registry") }
        return own
    }

    /// Asks one after the other until one has it. The error is that of the registry itself, which is the last.
    func first<T: Sendable>(
        of sessions: [Session], _ body: (Session) async throws(RegistryError) -> T
    ) async throws(RegistryError) -> (T, Session) {
        for session in sessions.dropLast() {
            do {
                return (try await body(session), session)
            } catch {
                // A mirror need not have everything, nor be there.
                if case .cancelled = error { throw error }
            }
        }
        guard let last = sessions.last else { throw .reference("", reason: "no registry to ask") }
        return (try await body(last), last)
    }
}
