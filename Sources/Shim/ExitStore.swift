internal import Executor
import Glibc
package import LinuxSys
internal import OCI

/// The exits of execs, stored before anyone is told and kept until their Delete (rule 2): one small file each in a directory beside the
/// shim's socket.
///
/// They have to outlive the shim, not the machine, whose end ends what they tell of: the directory is below /run, in memory, where a
/// write waits for no disk, and nothing is synchronised. So the loop itself may do it. The containers of a sandbox share it: an exec's id is
/// one only beside its container's.
package final class ExitStore {
    private let directory: String
    private var isMade = false

    /// `DIRECTORY/<hash>.sock` has its exits in `DIRECTORY/<hash>.exits`.
    package init(socket path: String) { directory = Self.directory(ofSocket: path) }

    private static func directory(ofSocket path: String) -> String {
        path.hasSuffix(".sock") ? "\(path.dropLast(5)).exits" : "\(path).exits"
    }

    /// Whatever the ids hold, the name of the file is short and plain.
    private func file(of exec: String, in container: String) -> String {
        "\(directory)/\(Self.prefix(container))\(SocketPath.digits([exec]))"
    }

    private static func prefix(_ container: String) -> String { "\(SocketPath.digits([container]))-" }

    package func put(_ exec: String, of container: String, _ ending: Ending) throws(SysError) {
        if !isMade {
            if unsafe mkdir(directory, 0o700) != 0, errno != EEXIST { throw SysError(errno, "mkdir", on: directory) }
            isMade = true
        }
        var object = JSONObject()
        object["container"] = .string(container)
        object["exec"] = .string(exec)
        object["status"] = .integer(Int64(ending.status))
        object["time"] = .unsigned(ending.time)
        let path = file(of: exec, in: container)
        let out = try FD.open(path, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW, mode: 0o600)
        do throws(SysError) { try out.writeAll(JSON.object(object).encoded()) } catch {
            removeFile(path)
            throw error
        }
    }

    package func remove(_ exec: String, of container: String) { if isMade { removeFile(file(of: exec, in: container)) } }

    /// With the container they go; without one, all.
    package func removeAll(of container: String? = nil) {
        guard isMade else { return }
        isMade = !Self.remove(directory, beginningWith: container.map(Self.prefix) ?? "")
    }

    /// Whether the directory is gone with them.
    @discardableResult
    private static func remove(_ directory: String, beginningWith prefix: String = "") -> Bool {
        let wanted = Array(prefix.utf8)
        forEachFile(directory) { place, name in
            if name.bytes.starts(with: wanted) { _ = try? place.fd.removeEntry(name, isDirectory: false) }
        }
        return unsafe rmdir(directory) == 0
    }

    private static func forEachFile(_ directory: String, _ body: (FDBox, FileName) -> Void) {
        guard let opened = try? FD.open(directory, O_RDONLY | O_DIRECTORY | O_NOFOLLOW) else { return }
        let place = FDBox(opened)
        for name in (try? place.fd.entries()) ?? [] { body(place, name) }
    }

    /// Takes what a shim that is gone had stored: exits of execs that nobody deleted, of which perhaps nobody was told.
    package static func take(socket path: String) -> [(container: String, exec: String, ending: Ending)] {
        let directory = directory(ofSocket: path)
        var found: [(container: String, exec: String, ending: Ending)] = []
        forEachFile(directory) { place, name in
            if let file = try? place.fd.openEntry(name, O_RDONLY), let entry = entry(FDBox(file)) { found.append(entry) }
        }
        remove(directory)
        return found.sorted { $0.ending.time < $1.ending.time }
    }

    /// Nil for what a kill in the middle left: then nobody was told.
    private static func entry(_ file: FDBox) -> (container: String, exec: String, ending: Ending)? {
        guard let bytes = try? file.fd.readAll(limit: 65_536), let document = try? JSON(parsing: bytes) else { return nil }
        let field = JSONField(document)
        do throws(FieldError) {
            return (
                try field.member("container").string(), try field.member("exec").string(),
                Ending(status: try field.member("status").integer(), time: try field.member("time").integer())
            )
        } catch { return nil }
    }
}
