import Foundation
import Messages
import SwiftProtobuf
import TTRPC
import TaskAPI
import Testing

private let moment: UInt64 = 1_700_000_000_123_456_789

private func read<M: Message>(_ bytes: [UInt8], as type: M.Type = M.self) throws -> M { try M(serializedBytes: bytes) }

private func isMoment(_ stamp: Google_Protobuf_Timestamp) -> Bool { stamp.seconds == 1_700_000_000 && stamp.nanos == 123_456_789 }

@Suite("task replies, events and metrics as swift-protobuf reads them") struct TaskReplyTests {
    @Test("State tells everything about a process; a running one has no exit time")
    func state() throws {
        let io = TaskIO(stdin: "i", stdout: "o", stderr: "e", terminal: true)
        var state = ProcessState(
            id: "c", execID: "x", bundle: "/b", pid: 42, status: .stopped, io: io, exitStatus: 137, exitedAt: moment)
        var message: Containerd_Task_V2_StateResponse = try read(TaskReply.state(state).encoded)
        #expect(message.id == "c" && message.execID == "x" && message.bundle == "/b" && message.pid == 42 && message.status == .stopped)
        #expect(message.stdin == "i" && message.stdout == "o" && message.stderr == "e" && message.terminal && message.exitStatus == 137)
        #expect(isMoment(message.exitedAt))
        state.exitedAt = nil
        state.status = .running
        message = try read(TaskReply.state(state).encoded)
        #expect(!message.hasExitedAt && message.status == .running)
    }

    @Test("Create, Start, Delete, Wait, Connect and Empty")
    func small() throws {
        #expect(try read(TaskReply.create(pid: 7).encoded, as: Containerd_Task_V2_CreateTaskResponse.self).pid == 7)
        #expect(try read(TaskReply.start(pid: 8).encoded, as: Containerd_Task_V2_StartResponse.self).pid == 8)
        let deleted: Containerd_Task_V2_DeleteResponse = try read(DeletedProcess(pid: 9, exitStatus: 3, exitedAt: moment).encoded)
        #expect(deleted.pid == 9 && deleted.exitStatus == 3 && isMoment(deleted.exitedAt))
        let wait: Containerd_Task_V2_WaitResponse = try read(TaskReply.wait(exitStatus: 255, exitedAt: moment).encoded)
        #expect(wait.exitStatus == 255 && isMoment(wait.exitedAt))
        let connect: Containerd_Task_V2_ConnectResponse = try read(TaskReply.connect(shimPID: 1, taskPID: 2, version: "v").encoded)
        #expect(connect.shimPid == 1 && connect.taskPid == 2 && connect.version == "v")
        #expect(TaskReply.empty.encoded.isEmpty)
    }

    @Test("Pids name the exec that started a process")
    func pids() throws {
        let message: Containerd_Task_V2_PidsResponse = try read(
            TaskReply.pids([ProcessEntry(pid: 1), ProcessEntry(pid: 2, execID: "sh")]).encoded)
        #expect(message.processes.map(\.pid) == [1, 2])
        #expect(!message.processes[0].hasInfo)
        #expect(message.processes[1].info.typeURL == "containerd.runc.v1.ProcessDetails")
        #expect(try read(Array(message.processes[1].info.value), as: Containerd_Runc_V1_ProcessDetails.self).execID == "sh")
    }

    @Test("an event goes to its topic in a Forward call with namespace, time and type")
    func forward() throws {
        let event = TaskEvent.exit(id: "c", process: "e", pid: 5, exitStatus: 7, exitedAt: moment)
        let request = event.forward(namespace: "ns", at: moment, timeout: 9)
        #expect(request.service == "containerd.services.events.ttrpc.v1.Events" && request.method == "Forward" && request.timeout == 9)
        #expect(request.metadata == [.init(key: "containerd-namespace-ttrpc", value: "ns")])
        let envelope = try read(request.payload, as: Containerd_Services_Events_Ttrpc_V1_ForwardRequest.self).envelope
        #expect(envelope.namespace == "ns" && envelope.topic == "/tasks/exit" && isMoment(envelope.timestamp))
        #expect(envelope.event.typeURL == "containerd.events.TaskExit")
        let exit: Containerd_Events_TaskExit = try read(Array(envelope.event.value))
        #expect(exit.containerID == "c" && exit.id == "e" && exit.pid == 5 && exit.exitStatus == 7 && isMoment(exit.exitedAt))
    }

    @Test("every event reads back under its own type")
    func events() throws {
        let mounts = [TaskMount(type: "bind", source: "/s", options: ["ro"])]
        let create: Containerd_Events_TaskCreate = try read(
            TaskEvent.create(id: "c", bundle: "/b", rootfs: mounts, io: TaskIO(stdin: "i", terminal: true), checkpoint: "k", pid: 3).encoded
        )
        #expect(create.containerID == "c" && create.bundle == "/b" && create.rootfs.first?.options == ["ro"] && create.io.stdin == "i")
        #expect(create.io.terminal && create.checkpoint == "k" && create.pid == 3)
        let start: Containerd_Events_TaskStart = try read(TaskEvent.start(id: "c", pid: 3).encoded)
        #expect(start.containerID == "c" && start.pid == 3)
        let added: Containerd_Events_TaskExecAdded = try read(TaskEvent.execAdded(id: "c", execID: "e").encoded)
        #expect(added.containerID == "c" && added.execID == "e")
        let started: Containerd_Events_TaskExecStarted = try read(TaskEvent.execStarted(id: "c", execID: "e", pid: 4).encoded)
        #expect(started.containerID == "c" && started.execID == "e" && started.pid == 4)
        #expect(try read(TaskEvent.oom(id: "c").encoded, as: Containerd_Events_TaskOOM.self).containerID == "c")
        #expect(try read(TaskEvent.paused(id: "c").encoded, as: Containerd_Events_TaskPaused.self).containerID == "c")
        #expect(try read(TaskEvent.resumed(id: "c").encoded, as: Containerd_Events_TaskResumed.self).containerID == "c")
        #expect(
            try read(TaskEvent.checkpointed(id: "c", checkpoint: "k").encoded, as: Containerd_Events_TaskCheckpointed.self).checkpoint
                == "k")
        let delete: Containerd_Events_TaskDelete = try read(
            TaskEvent.delete(id: "c", process: "c", pid: 5, exitStatus: 7, exitedAt: moment).encoded)
        #expect(delete.containerID == "c" && delete.id == "c" && delete.pid == 5 && delete.exitStatus == 7 && isMoment(delete.exitedAt))
    }

    @Test("each event's type URL is the full name of its message")
    func typeURLs() {
        let events: [(TaskEvent, any Message.Type)] = [
            (.create(id: "", bundle: "", rootfs: [], io: TaskIO(), checkpoint: "", pid: 0), Containerd_Events_TaskCreate.self),
            (.start(id: "", pid: 0), Containerd_Events_TaskStart.self),
            (.execAdded(id: "", execID: ""), Containerd_Events_TaskExecAdded.self),
            (.execStarted(id: "", execID: "", pid: 0), Containerd_Events_TaskExecStarted.self),
            (.oom(id: ""), Containerd_Events_TaskOOM.self),
            (.exit(id: "", process: "", pid: 0, exitStatus: 0, exitedAt: 0), Containerd_Events_TaskExit.self),
            (.paused(id: ""), Containerd_Events_TaskPaused.self), (.resumed(id: ""), Containerd_Events_TaskResumed.self),
            (.checkpointed(id: "", checkpoint: ""), Containerd_Events_TaskCheckpointed.self),
            (.delete(id: "", process: "", pid: 0, exitStatus: 0, exitedAt: nil), Containerd_Events_TaskDelete.self),
        ]
        for (event, type) in events { #expect(event.typeURL == type.protoMessageName) }
    }

    @Test("v1 metrics carry every group")
    func metricsV1() throws {
        var metrics = MetricsV1()
        metrics.pids = PidsMetrics(current: 3, limit: 10)
        var cpu = MetricsV1.CPU()
        (cpu.total, cpu.kernel, cpu.user, cpu.perCPU, cpu.periods, cpu.throttledPeriods, cpu.throttledTime) = (1, 2, 3, [4, 5], 6, 7, 8)
        metrics.cpu = cpu
        var memory = MetricsV1.Memory()
        memory.stat = ["cache": 1, "pgpgin": 2, "total_rss": 3, "total_pgmajfault": 4, "hierarchical_memsw_limit": 5]
        memory.usage = .init(limit: 1, usage: 2, max: 3, failures: 4)
        metrics.memory = memory
        metrics.oom = .init(killDisabled: 1, underOOM: 0, kills: 2)
        var block = MetricsV1.Block()
        block.serviceBytes = [.init(operation: "Read", major: 8, minor: 1, value: 99)]
        metrics.block = block
        metrics.hugetlb = [HugetlbMetrics(pageSize: "2MB", usage: 1, max: 2, failures: 3)]
        metrics.rdmaLimit = [RdmaMetrics(device: "d", handles: 1, objects: 2)]
        let stats = try read(TaskReply.stats(.v1(metrics)).encoded, as: Containerd_Task_V2_StatsResponse.self).stats
        #expect(stats.typeURL == Io_Containerd_Cgroups_V1_Metrics.protoMessageName)
        let message: Io_Containerd_Cgroups_V1_Metrics = try read(Array(stats.value))
        #expect(message.pids.current == 3 && message.pids.limit == 10)
        #expect(message.cpu.usage.total == 1 && message.cpu.usage.perCpu == [4, 5] && message.cpu.throttling.throttledTime == 8)
        #expect(
            message.memory.cache == 1 && message.memory.pgPgIn == 2 && message.memory.totalRss == 3 && message.memory.totalPgMajFault == 4)
        #expect(message.memory.hierarchicalSwapLimit == 5 && message.memory.usage.failcnt == 4 && !message.memory.hasSwap)
        #expect(message.memoryOomControl.oomKill == 2)
        #expect(message.blkio.ioServiceBytesRecursive.first?.value == 99 && message.blkio.ioServiceBytesRecursive.first?.op == "Read")
        #expect(message.hugetlb.first?.pagesize == "2MB" && message.rdma.limit.first?.hcaObjects == 2)
    }

    @Test("v2 metrics carry every group, and an empty one is left out")
    func metricsV2() throws {
        var metrics = MetricsV2()
        metrics.pids = PidsMetrics(current: 3, limit: .max)
        metrics.cpu = ["usage_usec": 1, "nr_throttled": 2, "burst_usec": 3]
        metrics.cpuPressure = .init(some: .init(avg10: 0.5, avg60: 1, avg300: 2, total: 9), full: nil)
        var memory = MetricsV2.Memory()
        memory.stat = ["anon": 1, "workingset_refault_file": 2, "slab": 3]
        (memory.usage, memory.usageLimit, memory.peak, memory.swapUsage, memory.swapLimit, memory.swapPeak) = (4, 5, 6, 7, 8, 9)
        metrics.memory = memory
        metrics.memoryEvents = ["oom_kill": 2, "high": 1]
        metrics.io = [.init(major: 8, minor: 0, readBytes: 1, writtenBytes: 2, reads: 3, writes: 4)]
        metrics.hugetlb = [HugetlbMetrics(pageSize: "1GB", usage: 1, max: 2, failures: 3)]
        let stats = try read(TaskReply.stats(.v2(metrics)).encoded, as: Containerd_Task_V2_StatsResponse.self).stats
        #expect(stats.typeURL == Io_Containerd_Cgroups_V2_Metrics.protoMessageName)
        let message: Io_Containerd_Cgroups_V2_Metrics = try read(Array(stats.value))
        #expect(message.pids.limit == .max && message.cpu.usageUsec == 1 && message.cpu.nrThrottled == 2 && message.cpu.burstUsec == 3)
        #expect(message.cpu.psi.some.avg10 == 0.5 && message.cpu.psi.some.total == 9 && !message.cpu.psi.hasFull)
        #expect(message.memory.anon == 1 && message.memory.workingsetRefaultFile == 2 && message.memory.slab == 3)
        #expect(message.memory.usage == 4 && message.memory.usageLimit == 5 && message.memory.maxUsage == 6)
        #expect(message.memory.swapUsage == 7 && message.memory.swapLimit == 8 && message.memory.swapMaxUsage == 9)
        #expect(message.memoryEvents.oomKill == 2 && message.memoryEvents.high == 1 && message.memoryEvents.low == 0)
        #expect(message.io.usage.first?.wios == 4 && message.hugetlb.first?.failcnt == 3)
        let empty: Io_Containerd_Cgroups_V2_Metrics = try read(Metrics.v2(MetricsV2()).any.value)
        #expect(!empty.hasCpu && !empty.hasMemory && !empty.hasIo && !empty.hasPids)
    }
}
