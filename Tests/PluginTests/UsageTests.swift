import Images
import Messages
import SwiftProtobuf
import Testing

@testable import Plugin

@Suite("what containers use") struct UsageTests {
    @Test("metrics of cgroup version 2 become CRI's numbers") func unified() throws {
        var metrics = Io_Containerd_Cgroups_V2_Metrics()
        metrics.cpu.usageUsec = 5
        metrics.cpu.psi.some.avg10 = 1.5
        metrics.pids.current = 3
        (metrics.memory.usage, metrics.memory.inactiveFile, metrics.memory.anon) = (100, 30, 40)
        (metrics.memory.usageLimit, metrics.memory.swapUsage, metrics.memory.swapLimit) = (1000, 7, .max)
        metrics.memoryEvents.oomKill = 2
        let found = try ContainerUsage(Google_Protobuf_Any(message: metrics))
        let usage = try #require(found)
        #expect(usage.cpu == 5000 && usage.workingSet == 70 && usage.rss == 40 && usage.memoryLimit == 1000)
        #expect(usage.swap == 7 && usage.swapLimit == nil && usage.processes == 3 && usage.oomKills == 2)
        #expect(usage.cpuPressure?.some.avg10 == 1.5)
        let memory = Runtime_V1_MemoryUsage(usage, at: 9)
        #expect(memory.availableBytes.value == 930 && memory.timestamp == 9)
    }

    @Test("metrics of version 1 count swap with the memory, and no limit is a huge one") func legacy() throws {
        var metrics = Io_Containerd_Cgroups_V1_Metrics()
        metrics.cpu.usage.total = 5
        (metrics.memory.usage.usage, metrics.memory.usage.limit) = (100, 9_223_372_036_854_771_712)
        (metrics.memory.totalInactiveFile, metrics.memory.totalRss) = (200, 40)
        (metrics.memory.swap.usage, metrics.memory.swap.limit) = (130, 9_223_372_036_854_771_712)
        let found = try ContainerUsage(Google_Protobuf_Any(message: metrics))
        let usage = try #require(found)
        #expect(usage.cpu == 5 && usage.workingSet == 0 && usage.memoryLimit == nil && usage.swap == 30 && usage.swapLimit == nil)
        #expect(!Runtime_V1_MemoryUsage(usage, at: 1).hasAvailableBytes)
    }

    @Test("something else than metrics is nothing") func other() throws {
        #expect(try ContainerUsage(Google_Protobuf_Any(message: Runtime_V1_UInt64Value())) == nil)
    }

    @Test("the rate is known from the second look on, and looks too close together change nothing") func rate() {
        var rate = CPURate()
        rate.look(at: 1_000_000_000, cpu: 500)
        #expect(rate.nanoCores == nil)
        rate.look(at: 1_000_000_001, cpu: 9_000_000)
        #expect(rate.nanoCores == nil)
        rate.look(at: 2_000_000_000, cpu: 500_000_500)
        #expect(rate.nanoCores == 500_000_000)
    }

    @Test("what is unknown of one part is unknown of the whole") func sum() {
        var (one, two) = (ContainerUsage(), ContainerUsage())
        (one.cpu, two.cpu, one.memory) = (1, 2, 3)
        let sum = ContainerUsage(sum: [one, two])
        #expect(sum.cpu == 3 && sum.memory == nil)
    }

    @Test("the kernel's table of network devices, without the loopback") func devices() {
        let text = """
            Inter-|   Receive                                                |  Transmit
             face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets errs drop fifo colls carrier compressed
                lo:     100       1    0    0    0     0          0         0      100       1    0    0    0     0       0          0
              eth0: 2000 20 3 0 0 0 0 0 4000 40 5 0 0 0 0 0
            """
        #expect(
            PodNetworkUsage(procNetDev: text).devices == [
                .init(name: "eth0", received: 2000, receiveErrors: 3, sent: 4000, sendErrors: 5)
            ])
    }
}
