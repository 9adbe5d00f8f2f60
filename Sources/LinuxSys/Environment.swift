internal import CLinux
import Glibc

/// This process' environment as `NAME=value` strings.
package func currentEnvironment() -> [String] {
    var result: [String] = []
    var entry = unsafe environ
    while let text = unsafe entry.pointee {
        result.append(unsafe String(cString: text))
        unsafe entry = entry.advanced(by: 1)
    }
    return result
}

/// The value of a variable.
package func environmentValue(_ name: String) -> String? {
    guard let value = unsafe getenv(name) else { return nil }
    return unsafe String(cString: value)
}

/// Root in the initial user namespace, where every id stands for itself (user_namespaces(7)); false for root of any other.
package func isRootOfTheHost() -> Bool {
    guard geteuid() == 0, let map = try? FD.open("/proc/self/uid_map", O_RDONLY).readAll(limit: 4096) else { return false }
    // One line of three numbers, set in columns.
    var numbers = ""
    for byte in map where byte != UInt8(ascii: " ") || numbers.utf8.last != byte { numbers.unicodeScalars.append(Unicode.Scalar(byte)) }
    return numbers == " 0 0 4294967295\n"
}

/// The words that this program was started with.
///
/// As the C library has them: `CommandLine` looks for them in /proc/self/maps, which the kernel writes out for it.
package func commandLine() -> [String] {
    var words: [String] = []
    while let word = unsafe clx_argument(Int32(words.count)) { words.append(unsafe String(cString: word)) }
    return words
}
