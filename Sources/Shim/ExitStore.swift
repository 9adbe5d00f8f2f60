internal import Executor
import Glibc
package import LinuxSys
internal import OCI

/// The exits of execs, stored before anyone is told and kept until their Delete (rule 2): one small file each in a directory beside the
/// shim's socket.
///
/// They have to outlive the shim, not the machine, whose end ends what they tell of: the directory is below /run, in memory, where a
/// write waits for no disk, and nothing is synchronised. So the loop itself may do it.
package final class ExitStore {
    private let directory: String
    private var isMade = false

    /// `DIRECTORY/<hash>.sock` has its exits in `DIRECTORY/<hash>.exits`.
    package init(socket path: String) { directory = Self.directory(ofSocket: path) }

    private static func directory(ofSocket path: String) -> String {
        path.hasSuffix(".sock") ? "\(path.dropLast(5)).exits" : "\(path).exits"
    }

    /// Whatever an exec id holds, the name of its file is short and plain.
    private func file(of exec: String) -> String { "\(directory)/\(SocketPath.digits([exec]))" }

    package func put(_ exec: String, _ ending: Ending) throws(SysError) {
        if !isMade {
            if unsafe mkdir(directory, 0o700) != 0, errno != EEXIST { throw SysError(errno, "mkdir", on: directory) }
            isMade = true
        }
        var object = JSONObject()
        object["exec"] = .string(exec)
        object["status"] = .integer(Int64(ending.status))
        object["time"] = .unsigned(ending.time)
        let path = file(of: exec)
        let out = try FD.open(path, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW, mode: 0o600)
        do throws(SysError) { try out.writeAll(JSON.object(object).encoded()) } catch {
            removeFile(path)
            throw error
        }
    }

    package func remove(_ exec: String) { if isMade { removeFile(file(of: exec)) } }

    /// With the container they go.
    package func removeAll() {
        guard isMade else { return }
        Self.remove(directory)
        isMade = false
    }

    private static func remove(_ directory: String) {
        forEachFile(directory) { place, name in _ = try? place.fd.removeEntry(name, isDirectory: false) }
        _ = unsafe rmdir(directory)
    }

    private static func forEachFile(_ directory: String, _ body: (FDBox, FileName) -> Void) {
        guard let opened = try? FD.open(directory, O_RDONLY | O_DIRECTORY | O_NOFOLLOW) else { return }
        let place = FDBox(opened)
        for name in (try? place.fd.entries()) ?? [] { body(place, name) }
    }

    /// Takes what a shim that is gone had stored: exits of execs that nobody deleted, of which perhaps nobody was told.
    package static func take(socket path: String) -> [(exec: String, ending: Ending)] {
        let directory = directory(ofSocket: path)
        var found: [(exec: String, ending: Ending)] = []
        forEachFile(directory) { place, name in
            if let file = try? place.fd.openEntry(name, O_RDONLY), let entry = entry(FDBox(file)) { found.append(entry) }
        }
        remove(directory)
        return found.sorted { $0.ending.time < $1.ending.time }
    }

    /// Nil for what a kill in the middle left: then nobody was told.
    private static func entry(_ file: FDBox) -> (exec: String, ending: Ending)? {
        guard let bytes = try? file.fd.readAll(limit: 65_536), let document = try? JSON(parsing: bytes) else { return nil }
        let field = JSONField(document)
        do throws(FieldError) {
            return (
                try field.member("exec").string(),
                Ending(status: try field.member("status").integer(), time: try field.member("time").integer())
            )
        } catch { return nil }
    }
}
