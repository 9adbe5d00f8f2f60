internal import CLinux
import Glibc

/// An extended attribute (xattr(7)).
package struct ExtendedAttribute: Equatable, Sendable {
    package let name: String
    package let value: [UInt8]
    package init(name: String, value: [UInt8]) {
        self.name = name
        self.value = value
    }
}

extension FD {
    package func setAttribute(of name: FileName? = nil, _ attribute: ExtendedAttribute) throws(SysError) {
        let key = Array(attribute.name.utf8) + [0]
        let result = unsafe attribute.value.withUnsafeBytes {
            unsafe clx_set_xattr(raw, name?.terminated ?? [0], key, $0.baseAddress, $0.count)
        }
        try check(result, "setxattr \(attribute.name)", on: name?.description ?? "")
    }

    /// Fine when it is not set.
    package func removeAttribute(of name: FileName? = nil, named attribute: String) throws(SysError) {
        let result = unsafe clx_remove_xattr(raw, name?.terminated ?? [0], Array(attribute.utf8) + [0])
        if result != -ENODATA, result != -EOPNOTSUPP { try check(result, "removexattr \(attribute)", on: name?.description ?? "") }
    }

    /// Nil when it is not set.
    package func attribute(of name: FileName? = nil, named attribute: String) throws(SysError) -> [UInt8]? {
        var value = [UInt8](repeating: 0, count: 65_536)
        let count = unsafe clx_get_xattr(raw, name?.terminated ?? [0], Array(attribute.utf8) + [0], &value, value.count)
        if count == -Int(ENODATA) || count == -Int(EOPNOTSUPP) { return nil }
        try check(count, "getxattr \(attribute)", on: name?.description ?? "")
        return Array(value[..<count])
    }

    /// All of them; none where the file system has no such thing.
    package func attributes(of name: FileName? = nil) throws(SysError) -> [ExtendedAttribute] {
        // Nearly always there is none, so ask for the size first.
        let size = unsafe clx_list_xattr(raw, name?.terminated ?? [0], nil, 0)
        if size == 0 || size == -Int(EOPNOTSUPP) { return [] }
        var names = [UInt8](repeating: 0, count: 65_536)
        let count = try check(
            unsafe clx_list_xattr(raw, name?.terminated ?? [0], &names, names.count), "listxattr", on: name?.description ?? "")
        var result: [ExtendedAttribute] = []
        for bytes in names[..<count].split(separator: 0) {
            let key = String(decoding: bytes, as: UTF8.self)
            if let value = try attribute(of: name, named: key) { result.append(ExtendedAttribute(name: key, value: value)) }
        }
        return result
    }

    /// flock(2). False when another open file holds the lock and `waiting` is false. Ends with the last descriptor of this open file.
    package func lock(exclusive: Bool, waiting: Bool) throws(SysError) -> Bool {
        try check(clx_lock(raw, exclusive ? 1 : 0, waiting ? 0 : 1), "flock") == 1
    }

    package func unlock() throws(SysError) { try check(clx_unlock(raw), "flock") }

    /// Writes the whole file system that this file is on to disk.
    package func syncFileSystem() throws(SysError) { try check(clx_syncfs(raw), "syncfs") }

    package func sync() throws(SysError) { try check(clx_fsync(raw), "fsync") }

    package func truncate(to size: Int64) throws(SysError) { try check(clx_truncate(raw, size), "ftruncate") }

    /// Writes all of `bytes` at `offset`.
    package func writeAll(_ bytes: ArraySlice<UInt8>, at offset: Int64) throws(SysError) {
        var done = 0
        while done < bytes.count {
            let count = unsafe bytes.withUnsafeBytes {
                unsafe clx_write_at(raw, $0.baseAddress! + done, $0.count - done, offset + Int64(done))
            }
            if count == -Int(EINTR) { continue }
            done += try check(count, "write")
        }
    }

    /// Up to `count` bytes from `offset`; fewer only at the end of the file.
    package func read(at offset: Int64, count: Int) throws(SysError) -> [UInt8] {
        var failure: Int = 0
        let bytes = unsafe [UInt8](unsafeUninitializedCapacity: count) { buffer, filled in
            while filled < count {
                let got = unsafe clx_read_at(raw, buffer.baseAddress! + filled, count - filled, offset + Int64(filled))
                if got == -Int(EINTR) { continue }
                if got < 0 { failure = got }
                if got <= 0 { break }
                filled += got
            }
        }
        try check(failure, "read")
        return bytes
    }
}
