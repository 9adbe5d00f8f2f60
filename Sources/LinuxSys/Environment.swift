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
