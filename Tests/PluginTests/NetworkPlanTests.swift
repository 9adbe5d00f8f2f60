import Messages
import OCI
import TTRPC
import Testing

@testable import LinuxSys
@testable import Plugin

@Suite("network plans") struct NetworkPlanTests {
    static func list(_ text: String) throws(NetworkError) -> NetworkList { try NetworkList(Array(text.utf8), path: "/n/10.conflist") }

    static let bridge = """
        {"cniVersion": "1.0.0", "name": "pods", "plugins": [
          {"type": "bridge", "ipam": {"type": "host-local"}},
          {"type": "portmap", "capabilities": {"portMappings": true, "other": false}}]}
        """

    @Test("a list keeps its plugins in order with the capabilities that are true") func parsing() throws {
        let list = try Self.list(Self.bridge)
        #expect(list.name == "pods" && list.version == CNIVersion(1, 0, 0))
        #expect(list.plugins.map(\.type) == ["bridge", "portmap"])
        #expect(list.plugins.map(\.capabilities) == [[], ["portMappings"]])
    }

    @Test("a file of one plugin is a list of one; of several versions the highest that is known counts; a flag may be text") func forms()
        throws
    {
        let one = try Self.list(#"{"cniVersion": "0.3.1", "name": "a", "type": "ptp"}"#)
        #expect(one.plugins.map(\.type) == ["ptp"] && one.version == CNIVersion(0, 3, 1))
        let many = try Self.list(
            #"{"cniVersion": "1.0.0", "cniVersions": ["1.1.0", "2.0.0"], "disableCheck": "true", "name": "a", "plugins": [{"type": "x"}]}"#)
        #expect(many.version == CNIVersion(1, 1, 0) && many.disableCheck && !many.disableGC)
    }

    @Test(
        "a wrong file says what is wrong with it",
        arguments: [
            ("{", "invalid JSON"), ("[]", "an object expected"), (#"{"cniVersion": "1.0.0"}"#, "name: is missing"),
            (#"{"name": "a", "type": "x"}"#, "cniVersion: is missing"),
            (#"{"cniVersion": "0.2.0", "name": "a", "type": "x"}"#, "cniVersion `0.2.0` is not supported"),
            (#"{"cniVersion": "1.0.0", "name": "a/b", "type": "x"}"#, "name: `a/b`"),
            (#"{"cniVersion": "1.0.0", "name": "a", "plugins": []}"#, "plugins: is empty"),
            (#"{"cniVersion": "1.0.0", "name": "a", "plugins": [{"type": "../x"}]}"#, "plugins[0].type: `../x`"),
            (#"{"cniVersion": "1.0.0", "name": "a", "plugins": [{}]}"#, "plugins[0].type: is missing"),
            (#"{"cniVersion": "1.0.0", "name": "a", "type": "x", "capabilities": {"a": 1}}"#, "capabilities.a: a boolean expected"),
        ]) func refusals(_ text: String, _ reason: String) throws
    {
        let error = #expect(throws: NetworkError.self) { try Self.list(text) }
        #expect(error?.description.contains("/n/10.conflist") ?? false)
        #expect(error?.description.contains(reason) ?? false, "\(error.map { "\($0)" } ?? "")")
    }

    @Test("a plugin gets its configuration with name, version, previous result and what it can take; nothing for the runtime") func calls()
        throws
    {
        let list = try Self.list(Self.bridge)
        var attachment = NetworkAttachment(container: "c1", namespace: "/run/net", arguments: [["A", "1"], ["B", "2"]])
        attachment.interface = "eth1"
        let call = PluginCall(
            .add, list.plugins[1], of: list, for: attachment, ["portMappings": []], previous: ["ips": []], path: ["/a", "/b"])
        #expect(
            call.environment == [
                "CNI_COMMAND=ADD", "CNI_PATH=/a:/b", "CNI_CONTAINERID=c1", "CNI_NETNS=/run/net", "CNI_IFNAME=eth1", "CNI_ARGS=A=1;B=2",
            ])
        #expect(
            call.input == [
                "type": "portmap", "name": "pods", "cniVersion": "1.0.0", "runtimeConfig": ["portMappings": []], "prevResult": ["ips": []],
            ])
        let sweep = PluginCall(.gc, list.plugins[0], of: list, valid: [attachment], path: ["/a"])
        #expect(sweep.environment == ["CNI_COMMAND=GC", "CNI_PATH=/a"])
        #expect(sweep.input.object?["cni.dev/valid-attachments"] == [["containerID": "c1", "ifname": "eth1"]])
    }

    @Test("ports, bandwidth, DNS, hardware address and subnets become the arguments of capabilities") func requests() throws {
        let config = SandboxPlanTests.config {
            for (host, inside) in [(8080, 80), (0, 81)] {
                var port = Runtime_V1_PortMapping()
                (port.hostPort, port.containerPort, port.hostIp) = (Int32(host), Int32(inside), "127.0.0.1")
                $0.portMappings.append(port)
            }
            $0.annotations = ["kubernetes.io/ingress-bandwidth": "1.5M", "swiftlet.dev/mac": "0a:00:00:00:00:01"]
            $0.dnsConfig.servers = ["10.0.0.10"]
        }
        let request = try NetworkRequest(config, podSubnets: ["10.1.0.0/24", "fd00::/64"]).capabilities
        #expect(request["portMappings"] == [["hostPort": 8080, "containerPort": 80, "protocol": "tcp", "hostIP": "127.0.0.1"]])
        #expect(request["bandwidth"] == ["ingressRate": 1_500_000, "ingressBurst": 2_147_483_647])
        #expect(request["mac"] == "0a:00:00:00:00:01")
        #expect(request["dns"] == ["servers": ["10.0.0.10"], "searches": [], "options": []])
        #expect(request["ipRanges"] == [[["subnet": "10.1.0.0/24"]], [["subnet": "fd00::/64"]]])
    }

    @Test("a host port on a network without a plugin for it is an error; bandwidth without one is not") func capabilities() throws {
        let plain = try Self.list(#"{"cniVersion": "1.0.0", "name": "a", "type": "ptp"}"#)
        let wish = SandboxPlanTests.config { $0.annotations = ["kubernetes.io/egress-bandwidth": "10M"] }
        try NetworkRequest(wish).check(plain)
        let need = SandboxPlanTests.config {
            var port = Runtime_V1_PortMapping()
            (port.hostPort, port.containerPort) = (80, 80)
            $0.portMappings = [port]
        }
        let error = #expect(throws: NetworkError.self) { try NetworkRequest(need).check(plain) }
        #expect(error == .incapable(field: "config.port_mappings", network: "a", capability: "portMappings"))
    }

    @Test("rates that are none are refused", arguments: ["", "x", "-1M", "1", "999", "2P", "1e6", "9999999999999999999"]) func rates(
        _ text: String
    ) {
        let config = SandboxPlanTests.config { $0.annotations = ["kubernetes.io/ingress-bandwidth": text] }
        #expect(throws: NetworkError.self) { try NetworkRequest(config) }
    }

    @Test("the pod's addresses are those inside its namespace, of both families") func results() throws {
        let text = """
            {"cniVersion": "1.0.0", "interfaces": [{"name": "cni0"}, {"name": "veth1"}, {"name": "eth0", "sandbox": "/run/net"}],
             "ips": [{"address": "10.1.0.5/24", "interface": 2}, {"address": "10.1.0.1/24", "interface": 0}, {"address": "fd00::5/64", "interface": 2}]}
            """
        #expect(try NetworkResult(JSON(parsing: Array(text.utf8))).addresses == ["10.1.0.5", "fd00::5"])
        for bad in [#"{"ips": [{"address": "x"}]}"#, #"{"ips": [{"address": "1.2.3.4/8", "interface": 1}]}"#, "[]"] {
            #expect(throws: FieldError.self) { try NetworkResult(JSON(parsing: Array(bad.utf8))) }
        }
    }

    @Test("what a plugin says about its failure is the message; one that says nothing is told by its end") func failures() throws {
        let list = try Self.list(Self.bridge)
        let call = PluginCall(.status, list.plugins[0], of: list, valid: [], path: [])
        func failure(_ out: String, _ err: String = "", _ status: LinuxSys.ExitStatus = .code(1)) -> String {
            do throws(NetworkError) {
                return "\(try PluginRunner.answer(ProgramOutput(stdout: Array(out.utf8), stderr: Array(err.utf8), status: status), call))"
            } catch { return error.description }
        }
        let start = "STATUS network pods by bridge: "
        #expect(failure(#"{"code": 11, "msg": "later", "details": "line\nline"}"#) == start + "later; line line")
        #expect(failure("", "first\nlast\n") == start + "last")
        #expect(failure("", "", .signal(9)) == start + "ended with signal(9)")
        #expect(failure("what", "", .code(0)) == start + "the answer cannot be used: it is no JSON")
        #expect(NetworkError.plugin(.add, type: "", network: "", code: 11, message: "").code == .unavailable)
    }

    @Test("what the cache wrote it reads, with and without a result") func cache() throws {
        let directory = try ScratchDirectory()
        let cache = NetworkCache(directory: directory.path + "/networks")
        #expect(try cache.entries().isEmpty)
        var entry = NetworkCache.Entry(
            list: try Self.list(Self.bridge), attachment: .init(container: "abc", namespace: "/n", arguments: [["K", "v"]]),
            capabilities: ["portMappings": []], result: nil)
        try cache.save(entry)
        #expect(try cache.entries(of: "abc") == [entry])
        entry.result = ["ips": []]
        try cache.save(entry)
        #expect(try cache.entries() == [entry] && cache.entries(of: "ab").isEmpty)
        try cache.remove(entry)
        #expect(try cache.entries().isEmpty)
    }
}

/// A directory that goes with its owner.
final class ScratchDirectory {
    let path: String
    init() throws {
        path = "/tmp/swl-net-\(Identifier.make().prefix(12))"
        try Plugin.Directory.make(path, mode: 0o700)
    }
    deinit { try? Plugin.Directory.removeTree(path) }
}
