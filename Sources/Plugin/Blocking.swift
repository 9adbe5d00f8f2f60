internal import Images
internal import LinuxSys
internal import NIOPosix

/// Its own threads: what waits for shims' programs has others, and cannot keep records from being written.
private let pool: NIOThreadPool = {
    let pool = NIOThreadPool(numberOfThreads: 8)
    pool.start()
    return pool
}()

/// Runs what may block (database, mounts, files) on a thread of its own pool, not on one that actors share.
func offPool<T: Sendable>(_ body: @escaping @Sendable () throws -> T) async throws(PluginError) -> T {
    do {
        return try await pool.runIfActive(body)
    } catch let error as PluginError {
        throw error
    } catch let error as ImageError {
        throw PluginError(error)
    } catch let error as SysError {
        throw PluginError(error)
    } catch {
        throw .document(subject: "state", reason: "\(error)")
    }
}
