import Glibc
import Testing

@testable import Shim

@Suite("exits of execs on record")
struct ExitStoreTests {
    @Test("two containers of one shim may have an exec of the same id, and each goes with its own container")
    func shared() throws {
        var template = Array("/tmp/swl-exits-XXXXXX\0".utf8CString)
        let directory = try #require(
            unsafe template.withUnsafeMutableBufferPointer { unsafe mkdtemp($0.baseAddress!).map { unsafe String(cString: $0) } })
        defer { _ = unsafe rmdir(directory) }
        let socket = "\(directory)/s.sock"
        let store = ExitStore(socket: socket)
        try store.put("probe", of: "one", Ending(status: 1, time: 10))
        try store.put("probe", of: "two", Ending(status: 2, time: 20))
        try store.put("other", of: "two", Ending(status: 3, time: 30))
        store.remove("other", of: "two")
        store.removeAll(of: "one")
        let left = ExitStore.take(socket: socket)
        #expect(left.map(\.container) == ["two"] && left.map(\.exec) == ["probe"] && left.map(\.ending.status) == [2])
        #expect(unsafe access("\(directory)/s.exits", F_OK) == -1)
    }
}
