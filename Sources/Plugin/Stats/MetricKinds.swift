internal import Images
internal import Messages

/// The metrics by the names that Kubernetes' own agents (cAdvisor) give them. CRI carries whole numbers: seconds are cut.
struct MetricKind<Source: Sendable>: Sendable {
    let name: String
    let help: String
    let type: Runtime_V1_MetricType
    /// Nil where it is not known.
    let value: @Sendable (Source) -> UInt64?

    func descriptor(labels: [String]) -> Runtime_V1_MetricDescriptor {
        var descriptor = Runtime_V1_MetricDescriptor()
        (descriptor.name, descriptor.help, descriptor.labelKeys) = (name, help, labels)
        return descriptor
    }

    func metric(_ source: Source, labels: [String]) -> Runtime_V1_Metric? {
        guard let value = value(source) else { return nil }
        var metric = Runtime_V1_Metric()
        (metric.name, metric.metricType, metric.labelValues, metric.value) = (name, type, labels, .init(value))
        return metric
    }
}

extension MetricKind where Source == ContainerSample {
    static let labels = ["container", "id", "image", "namespace", "pod"]

    static let all: [MetricKind] = [
        .init(name: "container_cpu_usage_seconds_total", help: "Processor time used, in seconds", type: .counter) {
            $0.usage?.cpu.map { $0 / 1_000_000_000 }
        },
        .init(name: "container_memory_usage_bytes", help: "Memory in use, page cache included", type: .gauge) { $0.usage?.memory },
        .init(name: "container_memory_working_set_bytes", help: "Memory in use without inactive page cache", type: .gauge) {
            $0.usage?.workingSet
        },
        .init(name: "container_memory_rss", help: "Anonymous memory", type: .gauge) { $0.usage?.rss },
        .init(name: "container_memory_swap", help: "Swap in use, in bytes", type: .gauge) { $0.usage?.swap },
        .init(name: "container_spec_memory_limit_bytes", help: "Limit of memory, in bytes; 0 is none", type: .gauge) {
            $0.usage.map { $0.memoryLimit ?? 0 }
        },
        .init(name: "container_memory_major_page_faults_total", help: "Page faults that had to read from a disk", type: .counter) {
            $0.usage?.majorPageFaults
        },
        .init(name: "container_oom_events_total", help: "Processes killed for want of memory", type: .counter) { $0.usage?.oomKills },
        .init(name: "container_processes", help: "Processes and threads", type: .gauge) { $0.usage?.processes },
        .init(name: "container_fs_usage_bytes", help: "Bytes of files that the container has written", type: .gauge) { $0.written.bytes },
        .init(name: "container_fs_inodes_used", help: "Files and directories that the container has written", type: .gauge) {
            $0.written.inodes
        },
        .init(name: "container_start_time_seconds", help: "Start of the container, in seconds since 1970", type: .gauge) {
            UInt64(clamping: $0.status.startedAt / 1_000_000_000)
        },
    ]
}

extension MetricKind where Source == PodNetworkUsage.Device {
    static let labels = ["interface", "namespace", "pod"]

    static let all: [MetricKind] = [
        .init(name: "container_network_receive_bytes_total", help: "Bytes received", type: .counter) { $0.received },
        .init(name: "container_network_receive_errors_total", help: "Errors while receiving", type: .counter) { $0.receiveErrors },
        .init(name: "container_network_transmit_bytes_total", help: "Bytes sent", type: .counter) { $0.sent },
        .init(name: "container_network_transmit_errors_total", help: "Errors while sending", type: .counter) { $0.sendErrors },
    ]
}
