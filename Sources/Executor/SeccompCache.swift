internal import CSeccomp
import Glibc
internal import LinuxSys
internal import OCI

/// Programs that were compiled before, by their profile, where nothing outlives a reboot.
///
/// libseccomp takes milliseconds for a profile of the usual size, for every container and every exec in one. Best effort: what is not there, or
/// cannot be trusted, is compiled. Only its owner writes in the directory; an entry has the whole profile in it and what compiled it, so
/// that none is taken for another one's, whatever its name.
struct SeccompCache {
    /// Entries; when there are more, all go.
    static let most = 64
    private static let largest = 1 << 20

    private let directory: String
    /// Which build of this program compiled an entry.
    private let compiler: [UInt8]

    init(directory: String, compiler: [UInt8]) {
        self.directory = directory
        self.compiler = compiler
    }

    /// The one of this user. Nil: there is no place for one.
    static func own() -> SeccompCache? {
        let place: String
        if isRootOfTheHost() {
            place = "/run/swiftlet"
        } else {
            guard let own = environmentValue("XDG_RUNTIME_DIR"), own.hasPrefix("/") else { return nil }
            place = "\(own)/swiftlet"
        }
        // libseccomp is a part of this program's file.
        guard let file = try? FD.open("/proc/self/exe", openPathOnly), let status = try? file.status() else { return nil }
        let numbers = [
            status.device, status.inode, status.size, UInt64(bitPattern: status.modify.seconds), UInt64(status.modify.nanoseconds),
        ]
        do throws(SysError) { try makeDirectoryIfMissing(place, mode: 0o700) } catch { return nil }
        return SeccompCache(directory: "\(place)/seccomp", compiler: numbers.flatMap { SeccompKey.bytes(of: $0) })
    }

    /// The program of this profile, which `compile` makes when it is not here.
    func program(_ spec: SeccompSpec, compile: () throws(SeccompError) -> [UInt8]) throws(SeccompError) -> [UInt8] {
        let key = SeccompKey(spec, compiler: compiler)
        if let found = find(key) { return found }
        let program = try compile()
        do throws(SysError) { try keep(program, key) } catch {}
        return program
    }

    private func find(_ key: SeccompKey) -> [UInt8]? {
        guard let place = try? open(), let file = try? place.openEntry(key.name, O_RDONLY | O_NONBLOCK),
            let status = try? file.status(), Self.isOurs(status, .file), let content = try? file.readAll(limit: Self.largest)
        else { return nil }
        guard content.starts(with: key.bytes) else { return nil }
        let program = Array(content[key.bytes.count...])
        return program.isEmpty || program.count % 8 != 0 ? nil : program
    }

    private func keep(_ program: [UInt8], _ key: SeccompKey) throws(SysError) {
        try makeDirectoryIfMissing(directory, mode: 0o700)
        let place = try open()
        let names = try place.entries()
        if names.count >= Self.most { for name in names { try place.removeEntry(name, isDirectory: false) } }
        // Whole or not at all; one that a killed process leaves goes with the others.
        let temporary = FileName(own: "\(key.name).\(getpid())")
        let file = try place.openEntry(temporary, O_WRONLY | O_CREAT | O_EXCL, mode: 0o600)
        do throws(SysError) {
            try file.writeAll(key.bytes + program)
            try place.rename(temporary, in: place, to: key.name, replacing: true)
        } catch {
            _ = try? place.removeEntry(temporary, isDirectory: false)
            throw error
        }
    }

    private func open() throws(SysError) -> FD {
        let place = try FD.open(directory, O_RDONLY | O_DIRECTORY | O_NOFOLLOW)
        guard let status = try place.status(), Self.isOurs(status, .directory) else { throw SysError(EPERM, "open", on: directory) }
        return place
    }

    private static func isOurs(_ status: FileStatus, _ kind: FileStatus.Kind) -> Bool {
        status.kind == kind && status.uid == effectiveUserID() && status.mode & 0o077 == 0
    }
}

/// All of a profile that makes a difference to its program, without ambiguity: each word behind its length.
struct SeccompKey: Equatable {
    private(set) var bytes: [UInt8] = []

    init(_ spec: SeccompSpec, compiler: [UInt8]) {
        add(compiler)
        add(spec.defaultAction.rawValue)
        add(spec.defaultErrnoRet)
        add(spec.architectures.count)
        for architecture in spec.architectures { add(architecture.rawValue) }
        add(spec.rules.count)
        for rule in spec.rules {
            add(rule.action.rawValue)
            add(rule.errnoRet)
            add(rule.args.count)
            for argument in rule.args {
                bytes += Self.bytes(of: UInt64(argument.index)) + Self.bytes(of: argument.value) + Self.bytes(of: argument.valueTwo)
                add(argument.comparison.rawValue)
            }
            add(rule.names.count)
            for name in rule.names { add(name) }
        }
    }

    /// FNV-1a: spreads the names of files, and proves nothing.
    var name: FileName {
        let hash = bytes.reduce(0xcbf2_9ce4_8422_2325 as UInt64) { ($0 ^ UInt64($1)) &* 0x0000_0100_0000_01b3 }
        return FileName(own: String(hash, radix: 16))
    }

    static func bytes(of number: UInt64) -> [UInt8] { (0..<8).map { UInt8(truncatingIfNeeded: number >> (8 * UInt64($0))) } }

    private mutating func add(_ count: Int) { bytes += Self.bytes(of: UInt64(count)) }

    /// None is no number that an errno can have.
    private mutating func add(_ errno: UInt32?) { bytes += Self.bytes(of: errno.map(UInt64.init) ?? .max) }

    private mutating func add(_ text: String) { add(Array(text.utf8)) }

    private mutating func add(_ word: [UInt8]) {
        add(word.count)
        bytes += word
    }
}
