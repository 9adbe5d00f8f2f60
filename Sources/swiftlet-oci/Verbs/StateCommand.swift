import Glibc
import LinuxSys
import OCI

/// `state`: the state of runtime.md with what runc adds to it.
struct StateCommand {
    private let call: Invocation
    private let record: ContainerRecord

    init(_ call: Invocation) throws(CommandError) {
        self.call = call
        record = try call.container(.state)
    }

    func run() -> Int32 {
        write(Self.json(record, call.store).text(pretty: true) + "\n", to: 1)
        return 0
    }

    static func json(_ record: ContainerRecord, _ store: StateStore) -> JSON {
        let status = record.status(store)
        let state = ContainerState(
            id: record.id, status: status, pid: status == .stopped ? nil : record.process.pid, bundle: record.bundle,
            annotations: record.annotations)
        guard case .object(var object) = state.json else { return state.json }
        object["rootfs"] = .string(record.rootfs)
        object["created"] = .string(record.created)
        object["owner"] = .string(owner(record.id, store))
        return .object(object)
    }

    /// Whose state it is: the name of passwd(5), or `#` and the number.
    static func owner(_ id: String, _ store: StateStore) -> String {
        guard let uid = try? FD.open(store.directory(id), openPathOnly | O_DIRECTORY).info().uid else { return "" }
        let accounts = (try? FD.open("/etc/passwd", O_RDONLY).readAll(limit: 4 << 20)) ?? []
        for line in accounts.split(separator: 0x0a) {
            let fields = line.split(separator: UInt8(ascii: ":"), maxSplits: 3, omittingEmptySubsequences: false)
            if fields.count == 4, String(decoding: fields[2], as: UTF8.self) == "\(uid)" {
                return String(decoding: fields[0], as: UTF8.self)
            }
        }
        return "#\(uid)"
    }
}
