import Glibc
import LinuxSys
import Testing

@Suite("descriptors") struct DescriptorTests {
    @Test("an error says operation, subject and reason with its symbol")
    func errorText() {
        #expect(SysError(EBUSY, "mount overlay", on: "/run/x").description == "mount overlay /run/x: device or resource busy (EBUSY)")
        #expect(SysError(ENOENT, "open").description == "open: no such file or directory (ENOENT)")
    }

    @Test("a descriptor is closed when its owner goes and open after it was released")
    func ownership() throws {
        let number: Int32
        do {
            let fd = try FD.open("/dev/null", O_RDONLY)
            number = fd.raw
            #expect(fcntl(number, F_GETFD) & FD_CLOEXEC == FD_CLOEXEC)
        }
        let kept = try FD.open("/dev/null", O_RDONLY).release()
        #expect(fcntl(kept, F_GETFD) >= 0)
        close(kept)
    }

    private func directory() throws -> String {
        var template = Array("/tmp/swiftlet-test-XXXXXX".utf8CString)
        return try #require(unsafe mkdtemp(&template).map { unsafe String(cString: $0) })
    }

    private func remove(_ path: String) {
        guard let name = FileName(path.split(separator: "/").last?.utf8 ?? "".utf8[...]) else { return }
        try? FD.open("/tmp", O_RDONLY | O_DIRECTORY).removeTree(name)
    }

    @Test("a lookup in a root follows absolute links and dots inside it and never outside")
    func lookupInRoot() throws {
        let root = try directory()
        defer { remove(root) }
        try FD.open(root + "/inside", O_CREAT | O_WRONLY, mode: 0o600).writeAll([42])
        #expect(unsafe symlink("/inside", root + "/absolute") == 0)
        #expect(unsafe symlink("../../../../inside", root + "/up") == 0)
        let directory = try FD.open(root, O_RDONLY | O_DIRECTORY)
        for name in ["inside", "absolute", "up", "../inside"] {
            let fd = try directory.open(name, O_RDONLY, resolve: .inRoot)
            #expect(try fd.readAll(limit: 10) == [42])
        }
        #expect(throws: SysError(EXDEV, "openat2", on: "up")) { _ = try directory.open("up", O_RDONLY, resolve: .beneath) }
        #expect(throws: SysError(ELOOP, "openat2", on: "absolute")) { _ = try directory.open("absolute", O_RDONLY, resolve: .noSymlinks) }
    }

    @Test("a directory has one path without links, however it is written")
    func canonicalPaths() throws {
        let root = try directory()
        defer { remove(root) }
        _ = unsafe mkdir(root + "/a", 0o700)
        _ = unsafe mkdir(root + "/a/b", 0o700)
        _ = unsafe symlink("a", root + "/link")
        _ = try FD.open(root + "/file", O_CREAT | O_WRONLY, mode: 0o600)
        for written in ["/a/b", "//a/./b/", "/link/b", "/a/b/../b", "/link/../a/b/."] {
            #expect(try canonicalDirectory(root + written) == root + "/a/b", "\(written)")
        }
        #expect(try canonicalDirectory("/") == "/")
        #expect(try canonicalDirectory(".") == currentDirectory())
        #expect(throws: SysError(ENOTDIR, "open", on: root + "/file")) { try canonicalDirectory(root + "/file") }
        #expect(throws: SysError(ENOENT, "open", on: root + "/none/..")) { try canonicalDirectory(root + "/none/..") }
        #expect(throws: SysError(ENOENT, "open")) { try canonicalDirectory("") }
    }

    @Test("a record arrives whole, with its descriptors, and the end after it")
    func records() throws {
        let pair = try FD.recordPair()
        let (mine, theirs) = pair.take { (FDBox($0), FDBox($1)) }
        let null = try FD.open("/dev/null", O_RDONLY)
        try mine.fd.send([1, 2, 3], fds: [null.raw])
        try mine.fd.send([4])
        let first = try #require(try theirs.fd.receive())
        #expect(first.bytes == [1, 2, 3])
        #expect(first.fds.count == 1)
        #expect(try theirs.fd.receive()?.bytes == [4])
        #expect(throws: SysError(EMSGSIZE, "recvmsg")) {
            try mine.fd.send([1, 2, 3])
            _ = try theirs.fd.receive(limit: 2)
        }
    }

    @Test("objects are lent with a record in their order, and none is no different from a record without")
    func lending() throws {
        let pair = try FD.recordPair()
        let (mine, theirs) = pair.take { (FDBox($0), FDBox($1)) }
        let lent = [FDBox(try FD.open("/dev/null", O_RDONLY)), FDBox(try FD.open("/dev/zero", O_RDONLY))]
        try mine.fd.send([1], lending: lent)
        try mine.fd.send([2], lending: [])
        let first = try #require(try theirs.fd.receive())
        #expect(first.bytes == [1])
        #expect(try first.fds.map { try $0.fd.info().minor } == [3, 5])
        let second = try #require(try theirs.fd.receive())
        #expect(second.bytes == [2] && second.fds.isEmpty)
    }

    @Test("a process is known by its birth, whatever it calls itself, until it has ended")
    func births() throws {
        let pair = try FD.recordPair()
        let (mine, theirs) = pair.take { (FDBox($0), FDBox($1)) }
        switch try cloneProcess() {
        case .child:
            ProcessControl.setName("a) Z 1 (b) 2")
            _ = try? theirs.fd.send([1])
            while true { pause() }
        case .parent(let pid, let pidfd):
            _ = try mine.fd.receive()
            let text = String(decoding: try FD.open("/proc/\(pid)/stat", O_RDONLY).readAll(limit: 4096), as: UTF8.self)
            let rest = text[text.index(after: try #require(text.lastIndex(of: ")")))...]
            #expect(processStartTime(pid) == UInt64(rest.split(separator: " ")[19]))
            try pidfd.signalProcess(SIGKILL)
            _ = try pollDescriptors([(pidfd.raw, Int16(POLLIN))], milliseconds: 10_000)
            #expect(processStartTime(pid) == nil)
            #expect(try pidfd.reap(blocking: true) == .signal(SIGKILL))
            #expect(processStartTime(pid) == nil)
        }
    }

    @Test("a child is reaped through its pidfd with its code or signal")
    func reaping() throws {
        #expect(ExitStatus.code(7).number == 7)
        #expect(ExitStatus.signal(9).number == 137)
        switch try cloneProcess() {
        case .child: exitNow(7)
        case .parent(_, let pidfd): #expect(try pidfd.reap(blocking: true) == .code(7))
        }
        switch try cloneProcess() {
        case .child: while true { pause() }
        case .parent(_, let pidfd):
            #expect(try pidfd.reap(blocking: false) == nil)
            try pidfd.signalProcess(SIGKILL)
            #expect(try pidfd.reap(blocking: true) == .signal(SIGKILL))
        }
    }

    @Test("a socket path that is too long is refused before anything is made")
    func longSocketPath() {
        let path = "/tmp/" + String(repeating: "x", count: 200)
        #expect(throws: SysError(ENAMETOOLONG, "bind", on: path)) { _ = try FD.listen(at: path) }
    }
}
