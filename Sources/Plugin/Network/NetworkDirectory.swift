internal import Glibc
internal import LinuxSys

/// The directory with network configurations. Read anew for every call: what an administrator changes is true from then on.
struct NetworkDirectory: Sendable {
    let path: String

    private static let mostBytes = 1 << 20

    /// The network of the file that comes first by name, as other runtimes have it. A first file that is wrong is an error: the second
    /// would be a network that nobody chose.
    func list() throws(NetworkError) -> NetworkList {
        let names: [String]
        do throws(SysError) { names = try Directory.names(in: path) } catch {
            guard error.errno == ENOENT else { throw .kernel(error) }
            throw .noConfig(directory: path)
        }
        guard let first = names.filter(Self.isConfig).min() else { throw .noConfig(directory: path) }
        let file = "\(path)/\(first)"
        let bytes: [UInt8]
        do throws(SysError) { bytes = try FD.open(file, O_RDONLY).readAll(limit: Self.mostBytes) } catch { throw .kernel(error) }
        return try NetworkList(bytes, path: file)
    }

    static func isConfig(_ name: String) -> Bool {
        !name.hasPrefix(".") && [".conflist", ".conf", ".json"].contains { name.hasSuffix($0) }
    }
}
