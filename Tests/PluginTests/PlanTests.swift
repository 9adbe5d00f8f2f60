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
        ("config.linux.cgroup_parent", { $0.linux.cgroupParent = "/kube pods.slice" }),
        ("config.linux.cgroup_parent", { $0.linux.cgroupParent = "/a/../b" }),
        ("config.linux.security_context.namespace_options.pid", { $0.linux.securityContext.namespaceOptions.pid = .target }),
        (
            "config.linux.security_context.namespace_options.userns_options.uids",
            { $0.linux.securityContext.namespaceOptions.usernsOptions.mode = .pod }
        ),
        (
            "config.linux.security_context.namespace_options.userns_options",
            { config in
                config.linux.securityContext.namespaceOptions.network = .node
                config.linux.securityContext.namespaceOptions.usernsOptions = users(length: 1)
            }
        ),
        (
            "config.linux.security_context.namespace_options.userns_options.uids[0].length",
            { $0.linux.securityContext.namespaceOptions.usernsOptions = users(length: 0) }
        ),
        (
            "config.linux.security_context.namespace_options.userns_options.uids[0]",
            { $0.linux.securityContext.namespaceOptions.usernsOptions = users(length: .max) }
        ),
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

    static func users(length: UInt32) -> Runtime_V1_UserNamespace {
        var mapping = Runtime_V1_IDMapping()
        (mapping.hostID, mapping.length) = (1 << 20, length)
        var users = Runtime_V1_UserNamespace()
        (users.mode, users.uids, users.gids) = (.pod, [mapping], [mapping])
        return users
    }

    @Test("mappings of ids that overlap on either side are refused") func overlaps() throws {
        var two = Self.users(length: 10)
        two.uids.append(two.uids[0])
        two.uids[1].hostID += 100
        #expect(throws: PluginError.invalid(field: "f[1]", reason: "overlaps another mapping")) { try IDMap.checked(two.uids, "f") }
        two.uids[1].containerID = 10
        #expect(try IDMap.checked(two.uids, "f").count == 2)
        #expect(try IDMap.host(12, in: IDMap.checked(two.uids, "f")) == (1 << 20) + 102)
        #expect(try IDMap.host(20, in: IDMap.checked(two.uids, "f")) == nil)
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
        ("config.stdin_once", { $0.stdinOnce = true }),
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
            "config.mounts[0].recursive_read_only",
            { config in
                config.mounts = [mount("/tmp", "/x")]
                config.mounts[0].recursiveReadOnly = true
            }
        ),
        (
            "config.mounts[0].image_sub_path",
            { config in
                config.mounts = [mount("", "/x")]
                config.mounts[0].image.image = "i"
                config.mounts[0].imageSubPath = "../x"
            }
        ),
        (
            "config.linux.resources.hugepage_limits[0]",
            { config in
                config.linux.resources.hugepageLimits = [.init()]
                config.linux.resources.hugepageLimits[0].limit = 4096
            }
        ),
        ("config.linux.security_context.namespace_options.pid", { $0.linux.securityContext.namespaceOptions.pid = .pod }),
        (
            "config.devices[0].permissions",
            { config in
                var device = Runtime_V1_Device()
                (device.hostPath, device.permissions) = ("/dev/null", "x")
                config.devices = [device]
            }
        ),
    ]

    @Test("limits of huge pages are kept where there is a controller, and \"none\" is nothing to keep where there is not") func hugePages()
        throws
    {
        var wanted = Runtime_V1_LinuxContainerResources()
        wanted.hugepageLimits = [.init(), .init()]
        (wanted.hugepageLimits[0].pageSize, wanted.hugepageLimits[1].pageSize) = ("2MB", "1GB")
        #expect(try ResourceRequest(wanted, field: "f", NodeAbilities()).hugePages == [])
        wanted.hugepageLimits[1].limit = 1 << 30
        #expect(throws: PluginError.self) { try ResourceRequest(wanted, field: "f", NodeAbilities()) }
        let found = try ResourceRequest(wanted, field: "f", NodeAbilities(limitsHugePages: true)).hugePages
        #expect(found == [.init(size: "2MB", limit: 0), .init(size: "1GB", limit: 1 << 30)])
    }

    @Test("an update changes what it says and leaves the rest") func updates() {
        var known = Runtime_V1_LinuxContainerResources()
        (known.cpuShares, known.memoryLimitInBytes, known.unified) = (2, 100, ["a.b": "1"])
        var new = Runtime_V1_LinuxContainerResources()
        (new.memoryLimitInBytes, new.unified) = (200, ["c.d": "2"])
        known.take(new)
        #expect(known.cpuShares == 2 && known.memoryLimitInBytes == 200 && known.unified == ["a.b": "1", "c.d": "2"])
    }

    @Test("a pod with a user namespace gives it to its containers, and an image as a volume is read-only") func users() throws {
        let plan = try Self.plan { (config: inout Runtime_V1_ContainerConfig) in
            config.mounts = [Self.mount("", "/v")]
            config.mounts[0].image.image = "i"
        } pod: {
            $0.linux.securityContext.namespaceOptions.pid = .container
            $0.linux.securityContext.namespaceOptions.usernsOptions = SandboxPlanTests.users(length: 65_536)
        }
        #expect(plan.request.namespaces?.contains(.init(.user, path: "/s/pods/i/user")) ?? false)
        #expect(plan.request.idMap.layerOptions == ["uidmap=0:1048576:65536", "gidmap=0:1048576:65536"])
        #expect(plan.imageVolumes.map(\.bind) == [0] && plan.request.binds[0].readOnly)
    }

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
