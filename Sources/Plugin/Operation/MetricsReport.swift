internal import Glibc
internal import Images
internal import LinuxSys
internal import Messages
internal import OCI

/// The page at the moment that somebody asks for it.
struct MetricsReport: Sendable {
    let site: Site

    func page() async -> String {
        let counters = site.metrics.now
        let store = site.store
        let images = try? await offPool { try store.images().count }
        var page = MetricsPage()
        page.family("swiftletd_info", "gauge", "Version.", [([("version", swiftletVersion)], 1)])
        calls(counters, &page)
        page.family("swiftletd_shim_starts_total", "counter", "Shims that were started.", [([], Double(counters.shimStarts))])
        page.family(
            "swiftletd_shim_start_failures_total", "counter", "Shims that did not start.", [([], Double(counters.shimStartFailures))])
        page.histogram(
            "swiftletd_exit_lag_seconds", "From the end of a container's process to the moment that it is known.", [([], counters.exitLag)])
        let pods = site.board.allPods()
        let ready = pods.count { $0.state == .sandboxReady }
        page.family(
            "swiftletd_pods", "gauge", "Pod sandboxes by state.",
            [([("state", "ready")], Double(ready)), ([("state", "notready")], Double(pods.count - ready))])
        let containers = site.board.allContainers()
        let states: [(String, Runtime_V1_ContainerState)] = [
            ("created", .containerCreated), ("running", .containerRunning), ("exited", .containerExited), ("unknown", .containerUnknown),
        ]
        page.family(
            "swiftletd_containers", "gauge", "Containers by state.",
            states.map { state in ([("state", state.0)], Double(containers.count { $0.status.state == state.1 })) })
        if let images { page.family("swiftletd_images", "gauge", "Images in the store.", [([], Double(images))]) }
        process(&page)
        return page.text
    }

    private func calls(_ counters: Metrics.Counters, _ page: inout MetricsPage) {
        let methods = counters.methods.sorted { $0.key < $1.key }.map { entry in
            let parts = entry.key.split(separator: "/").map(String.init)
            return (labels: [("service", parts.first ?? ""), ("method", parts.last ?? "")], value: entry.value)
        }
        page.histogram(
            "swiftletd_call_seconds", "Calls of the orchestrator, from request to answer. Streams: to their end.",
            methods.map { ($0.labels, $0.value.time) })
        page.family(
            "swiftletd_call_errors_total", "counter", "Calls that were answered with an error, by its code.",
            methods.flatMap { method in
                method.value.errors.sorted { $0.key < $1.key }.map { (method.labels + [("code", $0.key)], Double($0.value)) }
            })
    }

    /// As Prometheus' client libraries name them.
    private func process(_ page: inout MetricsPage) {
        let statm = Self.words("/proc/self/statm").compactMap { Double($0) }
        if statm.count > 1 {
            page.family(
                "process_resident_memory_bytes", "gauge", "Resident memory.", [([], statm[1] * Double(sysconf(Int32(_SC_PAGESIZE))))])
            page.family(
                "process_virtual_memory_bytes", "gauge", "Virtual memory.", [([], statm[0] * Double(sysconf(Int32(_SC_PAGESIZE))))])
        }
        var usage = rusage()
        if unsafe getrusage(0 /* RUSAGE_SELF */, &usage) == 0 {
            let seconds = Double(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec)
            let micros = Double(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec)
            page.family("process_cpu_seconds_total", "counter", "Time on a CPU.", [([], seconds + micros / 1e6)])
        }
        if let open = OpenFiles.count() {
            page.family("process_open_fds", "gauge", "Open descriptors.", [([], Double(open))])
        }
        page.family(
            "process_start_time_seconds", "gauge", "Since 1970.", [([], Double(site.metrics.started / 1_000_000) / 1000)])
    }

    private static func words(_ path: String) -> [Substring] {
        do throws(SysError) {
            return String(decoding: try FD.open(path, O_RDONLY).readAll(limit: 4096), as: UTF8.self).split(separator: " ")
        } catch { return [] }
    }
}
