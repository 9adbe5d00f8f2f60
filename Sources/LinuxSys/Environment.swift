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
    let fields = map.split { $0 == UInt8(ascii: " ") || $0 == UInt8(ascii: "\n") }
    return fields.count == 3 && fields[0].elementsEqual("0".utf8) && fields[1].elementsEqual("0".utf8)
        && fields[2].elementsEqual("4294967295".utf8)
}

/// The words that this program was started with.
///
/// As the C library has them: `CommandLine` looks for them in /proc/self/maps, which the kernel writes out for it.
package func commandLine() -> [String] {
    var words: [String] = []
    while let word = unsafe clx_argument(Int32(words.count)) { words.append(unsafe String(cString: word)) }
    return words
}
