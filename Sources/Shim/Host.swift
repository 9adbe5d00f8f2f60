import Glibc
internal import LinuxSys

func currentPID() -> Int32 { getpid() }

/// A variable of the environment; nil when it is not set or empty.
func environment(_ name: String) -> String? {
    guard let value = unsafe getenv(name) else { return nil }
    let text = unsafe String(cString: value)
    return text.isEmpty ? nil : text
}

func workingDirectory() throws(SysError) -> String {
    guard let path = unsafe getcwd(nil, 0) else { throw SysError(errno, "getcwd") }
    defer { unsafe free(path) }
    return unsafe String(cString: path)
}

/// Every directory on the way, private to root.
func makePrivateDirectory(_ path: String) throws(SysError) {
    var current = ""
    for part in path.split(separator: "/") {
        current += "/\(part)"
        if unsafe mkdir(current, 0o700) != 0, errno != EEXIST { throw SysError(errno, "mkdir", on: current) }
    }
}

/// No write there waits for a disk. False where the kernel does not say.
func isInMemory(_ directory: String) -> Bool { (try? FD.open(directory, openPathOnly | O_DIRECTORY).fileSystem())?.isInMemory == true }

func removeFile(_ path: String) { _ = unsafe unlink(path) }

/// Standard output or error of this process, to the end. Nothing can be told of a failure.
package func printOut(_ bytes: [UInt8], to number: Int32) {
    var done = 0
    while done < bytes.count {
        let count = unsafe bytes.withUnsafeBytes { unsafe Glibc.write(number, $0.baseAddress.map { unsafe $0 + done }, $0.count - done) }
        if count < 0 && errno == EINTR { continue }
        guard count > 0 else { return }
        done += count
    }
}
