/// `-v SOURCE:TARGET[:OPTIONS]`: a directory or file of the host, bound into the container.
package struct Volume: Equatable, Sendable {
    /// Absolute; a relative one was taken from `directory`.
    package let source: String
    package let target: String
    package let isReadOnly: Bool
    /// `rprivate` unless asked for (mount(8)).
    package let propagation: String

    package init(parsing text: String, directory: String) throws(ArgumentFailure) {
        let parts = text.split(separator: ":", omittingEmptySubsequences: false).map(String.init)
        guard (2...3).contains(parts.count), !parts[0].isEmpty, !parts[1].isEmpty else {
            throw ArgumentFailure(text, "SOURCE:TARGET[:OPTIONS] expected")
        }
        guard !text.utf8.contains(0), !text.utf8.contains(0x0a) else { throw ArgumentFailure(text, "a control character in a path") }
        source = try Self.absolute(parts[0], text, directory)
        guard parts[1].hasPrefix("/"), !parts[1].split(separator: "/").contains("..") else {
            throw ArgumentFailure(text, "the target must be an absolute path without ..")
        }
        guard parts[1].contains(where: { $0 != "/" }) else { throw ArgumentFailure(text, "the target must not be the root itself") }
        target = parts[1]
        var readOnly = false
        var propagation = "rprivate"
        for option in parts.count == 3 ? parts[2].split(separator: ",").map(String.init) : [] {
            switch option {
            case "ro": readOnly = true
            case "rw", "bind", "rbind": break
            case "private", "rprivate", "slave", "rslave", "shared", "rshared": propagation = option
            default: throw ArgumentFailure(text, "option \(option) is not supported")
            }
        }
        isReadOnly = readOnly
        self.propagation = propagation
    }

    /// A bare word would be a named volume, which there are none of: refused rather than taken for a directory.
    private static func absolute(_ source: String, _ text: String, _ directory: String) throws(ArgumentFailure) -> String {
        if source.hasPrefix("/") { return source }
        guard source.hasPrefix("./") || source.hasPrefix("../") || source == "." || source == ".." else {
            throw ArgumentFailure(text, "named volumes are not supported: the source must be a path")
        }
        return directory == "/" ? "/\(source)" : "\(directory)/\(source)"
    }
}
