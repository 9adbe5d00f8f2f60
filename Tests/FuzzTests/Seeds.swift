import Cgroups
import Executor
import OCI
import Shim
import TTRPC
import TaskAPI

/// Inputs that are understood, to start from.
extension FuzzTarget {
    var seeds: [[UInt8]] {
        switch self {
        case .frames: [[0], [3] + Seed.stream, [63] + Seed.stream + Seed.stream]
        case .spdy: [[0], [3] + Seed.spdy, [63] + Seed.spdy]
        case .task: Seed.messages
        case .config: [[3] + Seed.runtime, [0] + Seed.process, [1] + Seed.resources, [2] + Seed.state]
        case .record: [Seed.record]
        case .executor: Seed.executorRecords
        case .tar: [[1] + Seed.archive, [0xff] + Seed.archive]
        case .pax: [Seed.pax]
        case .manifest: [[0] + Seed.manifest, [1] + Seed.index, [2] + Seed.dockerArchive, [3] + Seed.imageConfig]
        }
    }

}

enum Seed {
    fileprivate static var stream: [UInt8] {
        let request = RequestEnvelope(
            service: "containerd.task.v2.Task", method: "State", payload: [10, 1, 97], timeout: 1_000_000,
            metadata: [.init(key: RequestEnvelope.namespaceKey, value: "default")])
        let payload = ProtobufCEnvelope.encode(request)
        return Frame(stream: 1, kind: .request, payload: payload).encoded
            + Frame(stream: 3, kind: .request, flags: .remoteOpen, payload: payload).encoded
            + Frame(stream: 3, kind: .data, flags: .remoteClosed, payload: [1, 2, 3]).encoded
            + Frame(stream: 1, kind: .response, payload: ProtobufCEnvelope.encode(ResponseEnvelope(payload: [1]))).encoded
            + Frame(stream: 5, kind: .data, flags: [.remoteClosed, .noData], payload: []).encoded
    }

    fileprivate static var messages: [[UInt8]] {
        func field(_ number: UInt8, _ text: [UInt8]) -> [UInt8] { [number << 3 | 2, UInt8(text.count)] + text }
        func field(_ number: UInt8, _ text: String) -> [UInt8] { field(number, Array(text.utf8)) }
        let any = field(1, "types.containerd.io/x") + field(2, "{}")
        let mount = field(1, "overlay") + field(2, "overlay") + field(4, "ro") + field(4, "lowerdir=/a")
        let process = field(1, "id") + field(2, "exec")
        let create =
            field(1, "id") + field(2, "/bundle") + field(3, mount) + [32, 1] + field(5, "in") + field(6, "out") + field(7, "err")
            + field(10, any)
        let exec = field(1, "id") + field(2, "exec") + [24, 1] + field(4, "in") + field(5, "out") + field(6, "err") + field(7, any)
        let update = field(1, "id") + field(2, any) + field(3, field(1, "key") + field(2, "value"))
        var result = taskMethods.indices.map { index in
            switch taskMethods[index] {
            case "Create": [UInt8(index)] + create
            case "Exec": [UInt8(index)] + exec
            case "Update": [UInt8(index)] + update
            default: [UInt8(index)] + process + [24, 9, 32, 1]
            }
        }
        let pair = field(1, "k") + field(2, "v")
        result.append([UInt8(taskMethods.count)] + field(1, "s") + field(2, "m") + field(3, "p") + [32, 5] + field(5, pair))
        result.append([UInt8(taskMethods.count + 1)] + field(1, [8, 5] + field(2, "m")) + field(2, "p"))
        result.append([UInt8(taskMethods.count + 2), 8, 1, 16, 1] + field(4, "c") + field(7, "runc") + field(8, "/run/runc") + [72, 1])
        return result
    }

    fileprivate static var record: [UInt8] {
        let cgroup = CgroupPaths([.init(controller: "cpu", path: "/sys/fs/cgroup/cpu/x"), .init(controller: "", path: "/s")])
        return TaskRecord(
            id: "a", pid: 7, startTime: 99, cgroup: cgroup, options: ExecutorOptions(),
            ending: Ending(status: 137, time: 1_700_000_000_000_000_000)
        ).encoded
    }

    fileprivate static var executorRecords: [[UInt8]] {
        let cgroup = CgroupPaths([.init(controller: "cpu", path: "/sys/fs/cgroup/cpu/x")])
        let failure = ExecutorFailure(operation: "mount", subject: "/proc", reason: "no")
        return [.started(pid: 9), .console, .cgroup(cgroup), .ready, .failed(failure), .warning("w"), .done, .start].map(
            \ExecutorRecord.encoded)
    }
}
