import Images
import Messages
import OCI
import TTRPC
import Testing

@testable import Plugin

@Suite("sandbox plans") struct SandboxPlanTests {
    static func config(_ change: (inout Runtime_V1_PodSandboxConfig) -> Void = { _ in }) -> Runtime_V1_PodSandboxConfig {
        var config = Runtime_V1_PodSandboxConfig()
        (config.metadata.name, config.metadata.namespace, config.metadata.uid) = ("p", "default", "u")
        config.hostname = "p"
        change(&config)
        return config
    }

    @Test("without a word on namespaces network and ipc are the pod's and processes the container's") func defaults() throws {
        let plan = try SandboxPlan(Self.config())
        #expect(plan.network == .pod && plan.ipc == .pod && plan.pid == .container && plan.key == "default/p/u/0")
    }

    typealias Change = @Sendable (inout Runtime_V1_PodSandboxConfig) -> Void
    static let refusals: [(String, Change)] = [
        ("config.metadata", { $0.metadata.uid = "" }),
        ("config.hostname", { $0.hostname = "" }),
        ("config.hostname", { $0.hostname = "a b" }),
        ("config.log_directory", { $0.logDirectory = "logs" }),
        ("config.log_directory", { $0.logDirectory = "/a/../b" }),
        ("config.windows", { $0.windows = .init() }),
        ("config.linux.cgroup_parent", { $0.linux.cgroupParent = "kubepods.slice" }),
        ("config.linux.cgroup_parent", { $0.linux.cgroupParent = "/a/../b" }),
        ("config.linux.security_context.namespace_options.pid", { $0.linux.securityContext.namespaceOptions.pid = .pod }),
        (
            "config.linux.security_context.namespace_options.network",
            { options in
                options.linux.securityContext.namespaceOptions.pid = .container
                options.linux.securityContext.namespaceOptions.network = .container
            }
        ),
        ("config.linux.security_context.selinux_options", { $0.linux.securityContext.selinuxOptions.type = "t" }),
        ("config.linux.security_context.apparmor", { $0.linux.securityContext.apparmor = .init() }),
        ("config.dns_config", { $0.dnsConfig.servers = ["1.1.1.1\nnameserver 6.6.6.6"] }),
        ("config.linux.sysctls[`kernel.core_pattern`]", { $0.linux.sysctls = ["kernel.core_pattern": "|/bin/sh"] }),
        ("config.linux.sysctls[`net.a`]", { $0.linux.sysctls = ["net.a": "1\n2"] }),
        ("config.linux.sysctls[`net.../../kernel`]", { $0.linux.sysctls = ["net.../../kernel": "1"] }),
    ]

    @Test("what is not done or makes no sense is refused by the name of its field", arguments: refusals)
    func refused(_ field: String, _ change: Change) {
        let error = #expect(throws: PluginError.self) { try SandboxPlan(Self.config(change)) }
        #expect(error.map { $0.description.hasPrefix(field + ":") } ?? false, "\(String(describing: error))")
        #expect(error.map { [.invalidArgument, .unimplemented].contains($0.status.code) } ?? false)
    }

    @Test("a pod's sysctl needs a namespace of the pod") func sysctls() throws {
        #expect(try SandboxPlan(Self.config { $0.linux.sysctls = ["net.ipv4.ip_forward": "1"] }).sysctls.count == 1)
        #expect(throws: PluginError.self) {
            try SandboxPlan(
                Self.config {
                    $0.linux.sysctls = ["net.ipv4.ip_forward": "1"]
                    $0.linux.securityContext.namespaceOptions.network = .node
                    $0.linux.securityContext.namespaceOptions.pid = .container
                })
        }
    }

    @Test("a DNS configuration becomes resolv.conf") func dns() throws {
        var dns = Runtime_V1_DNSConfig()
        (dns.servers, dns.searches, dns.options) = (["10.0.0.1"], ["a.b", "c"], ["ndots:5"])
        #expect(try SandboxPlan.resolvConf(dns) == "search a.b c\nnameserver 10.0.0.1\noptions ndots:5\n")
    }
}

@Suite("container plans") struct ContainerPlanTests {
    typealias Change = @Sendable (inout Runtime_V1_ContainerConfig) -> Void

    static func plan(
        _ change: Change = { _ in }, image: ImageConfig = ImageConfig(), pod: (inout Runtime_V1_PodSandboxConfig) -> Void = { _ in }
    ) throws -> ContainerPlan {
        var config = Runtime_V1_ContainerConfig()
        config.metadata.name = "c"
        change(&config)
        let sandbox = try SandboxPlan(
            SandboxPlanTests.config {
                $0.logDirectory = "/logs"
                pod(&$0)
            })
        return try ContainerPlan(config, image: image, in: .init(sandbox: sandbox, paths: SandboxPaths(state: "/s", id: "i")))
    }

    @Test("a container joins the pod's network, names and shared memory and has processes of its own") func namespaces() throws {
        let plan = try Self.plan()
        let found = Dictionary(uniqueKeysWithValues: (plan.request.namespaces ?? []).map { ($0.kind, $0.path) })
        #expect(found[.network] == "/s/pods/i/net" && found[.uts] == "/s/pods/i/uts" && found[.ipc] == "/s/pods/i/ipc")
        #expect(found[.pid] == .some(nil) && found[.mount] == .some(nil) && found[.cgroup] == .some(nil) && found.count == 6)
        #expect(plan.request.binds.map(\.destination) == ["/dev/shm"])
    }

    @Test("the node's network brings the node's name with it") func hostNetwork() throws {
        let pod: (inout Runtime_V1_PodSandboxConfig) -> Void = {
            $0.linux.securityContext.namespaceOptions.network = .node
            $0.linux.securityContext.namespaceOptions.pid = .node
        }
        let kinds = try Self.plan(pod: pod).request.namespaces?.map(\.kind) ?? []
        #expect(Set(kinds) == [.mount, .cgroup, .ipc])
    }

    @Test("a command replaces the entrypoint and arguments the command") func command() throws {
        let plan = try Self.plan { (config: inout Runtime_V1_ContainerConfig) in
            config.command = ["sh"]
            config.args = ["-c", "x"]
            config.logPath = "c/0.log"
        }
        #expect(plan.request.entrypoint == ["sh"] && plan.request.arguments == ["-c", "x"] && plan.logPath == "/logs/c/0.log")
    }

    @Test("zero in resources is nothing said") func resources() throws {
        let plan = try Self.plan { (config: inout Runtime_V1_ContainerConfig) in
            config.linux.resources.memoryLimitInBytes = 1 << 20
            config.linux.resources.cpuShares = 2
        }
        #expect(plan.request.resources.memory == 1 << 20 && plan.request.resources.cpuShares == 2)
        #expect(plan.request.resources.cpuQuota == nil && plan.request.oomScoreAdjustment == nil)
    }

    static let refusals: [(String, Change)] = [
        ("config.metadata.name", { $0.metadata.name = "" }),
        ("config.working_dir", { $0.workingDir = "x" }),
        ("config.log_path", { $0.logPath = "../x" }),
        ("config.stdin", { $0.stdin = true }),
        ("config.CDI_devices", { $0.cdiDevices = [.init()] }),
        ("config.linux.resources.unified", { $0.linux.resources.unified = ["a": "b"] }),
        ("config.linux.resources.oom_score_adj", { $0.linux.resources.oomScoreAdj = 1001 }),
        ("config.linux.resources.cpu_shares", { $0.linux.resources.cpuShares = -1 }),
        ("config.linux.security_context.privileged", { $0.linux.securityContext.privileged = true }),
        ("config.linux.security_context.run_as_group", { $0.linux.securityContext.runAsGroup.value = 1 }),
        ("config.linux.security_context.run_as_user", { $0.linux.securityContext.runAsUser.value = -1 }),
        ("config.linux.security_context.run_as_user", { $0.linux.securityContext.runAsUser.value = 4_294_967_295 }),
        (
            "config.linux.security_context.run_as_username",
            { config in
                config.linux.securityContext.runAsUser.value = 1
                config.linux.securityContext.runAsUsername = "x"
            }
        ),
        (
            "config.linux.security_context.capabilities.add_ambient_capabilities",
            {
                $0.linux.securityContext.capabilities.addAmbientCapabilities = ["SYS_TIME"]
            }
        ),
        ("config.linux.security_context.supplemental_groups_policy", { $0.linux.securityContext.supplementalGroupsPolicy = .strict }),
        ("config.linux.security_context.apparmor_profile", { $0.linux.securityContext.apparmorProfile = "runtime/default" }),
        ("config.mounts[0].host_path", { $0.mounts = [mount("/nothing/is/here", "/x")] }),
        ("config.mounts[0].container_path", { $0.mounts = [mount("/tmp", "x")] }),
        (
            "config.mounts[0].mount_options",
            { config in
                config.mounts = [mount("/tmp", "/x")]
                config.mounts[0].mountOptions = ["lowerdir=/etc"]
            }
        ),
        (
            "config.devices[0].permissions",
            { config in
                var device = Runtime_V1_Device()
                (device.hostPath, device.permissions) = ("/dev/null", "x")
                config.devices = [device]
            }
        ),
    ]

    static func mount(_ source: String, _ destination: String) -> Runtime_V1_Mount {
        var mount = Runtime_V1_Mount()
        (mount.hostPath, mount.containerPath) = (source, destination)
        return mount
    }

    @Test("what is not done or makes no sense is refused by the name of its field", arguments: refusals)
    func refused(_ field: String, _ change: Change) {
        let error = #expect(throws: PluginError.self) { try Self.plan(change) }
        #expect(error.map { $0.description.hasPrefix(field + ":") } ?? false, "\(String(describing: error))")
    }

    @Test("the stop signal is CRI's, else the image's, else TERM") func stopSignal() throws {
        var image = ImageConfig()
        #expect(try Self.plan(image: image).stopSignal == 15)
        image.run.stopSignal = "SIGRTMIN+3"
        #expect(try Self.plan(image: image).stopSignal == 37)
        #expect(try Self.plan({ $0.stopSignal = .sigusr1 }, image: image).stopSignal == 10)
        image.run.stopSignal = "SIGNONE"
        #expect(throws: PluginError.self) { try Self.plan(image: image) }
    }

    @Test("every signal of CRI has the kernel's number") func signals() throws {
        #expect(try StopSignal.number(.sighup) == 1 && StopSignal.number(.sigkill) == 9 && StopSignal.number(.sigxfsz) == 25)
        #expect(try StopSignal.number(.sigrtmin) == 34 && StopSignal.number(.sigrtmax) == 64 && StopSignal.number(.runtimeDefault) == nil)
        #expect(StopSignal.number("15") == 15 && StopSignal.number("usr2") == 12 && StopSignal.number("SIG15") == nil)
        #expect(StopSignal.number("0") == nil && StopSignal.number("65") == nil && StopSignal.number("RTMAX-30") == 34)
    }
}
