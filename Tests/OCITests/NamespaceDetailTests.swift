import Testing

@testable import OCI

@Suite("details of namespaces and mounts in config.json")
struct NamespaceDetailTests {
    private func linux(_ members: JSONObject) throws -> LinuxSpec {
        try RuntimeSpec(json: JSON.object(["ociVersion": "1.3.0", "root": ["path": "r"], "linux": .object(members)]).encoded()).linux
    }

    private func mount(_ members: JSONObject) throws -> MountSpec {
        let document = JSON.object(["ociVersion": "1.3.0", "root": ["path": "r"], "mounts": [.object(members)]])
        return try #require(RuntimeSpec(json: document.encoded()).mounts.first)
    }

    private func refused(_ field: String, _ body: () throws -> Void) {
        do {
            try body()
            Issue.record("\(field) was taken")
        } catch { #expect("\(error)".hasPrefix("\(field): "), "\(error)") }
    }

    @Test("offsets of clocks arrive as values")
    func offsets() throws {
        let spec = try linux([
            "namespaces": [["type": "time"]],
            "timeOffsets": ["monotonic": ["secs": -5], "boottime": ["secs": 7, "nanosecs": 999_999_999]],
        ])
        #expect(
            spec.timeOffsets == [
                TimeOffset(clock: .monotonic, seconds: -5, nanoseconds: 0),
                TimeOffset(clock: .boottime, seconds: 7, nanoseconds: 999_999_999),
            ])
    }

    @Test("offsets that make no sense are refused by their field")
    func badOffsets() {
        let time: JSON = [["type": "time"]]
        refused("linux.timeOffsets.realtime") { _ = try linux(["namespaces": time, "timeOffsets": ["realtime": ["secs": 1]]]) }
        refused("linux.timeOffsets.monotonic.nanosecs") {
            _ = try linux(["namespaces": time, "timeOffsets": ["monotonic": ["nanosecs": 1_000_000_000]]])
        }
        refused("linux.timeOffsets.monotonic.secs") { _ = try linux(["namespaces": time, "timeOffsets": ["monotonic": ["secs": "1"]]]) }
        refused("linux.timeOffsets") { _ = try linux(["timeOffsets": ["monotonic": ["secs": 1]]]) }
        refused("linux.timeOffsets") {
            _ = try linux(["namespaces": [["type": "time", "path": "/t"]], "timeOffsets": ["monotonic": ["secs": 1]]])
        }
    }

    @Test("network devices keep their name or get another")
    func netDevices() throws {
        let spec = try linux(["netDevices": ["eth0": [:], "ens4": ["name": "net%d"]]])
        #expect(spec.netDevices == [NetDeviceSpec(hostName: "eth0", name: "eth0"), NetDeviceSpec(hostName: "ens4", name: "net%d")])
    }

    @Test("names that no network device can have, or two would have, are refused by their field")
    func badNetDevices() {
        refused("linux.netDevices.a/b") { _ = try linux(["netDevices": ["a/b": [:]]]) }
        refused("linux.netDevices.sixteen-letters.name") {
            _ = try linux(["netDevices": ["sixteen-letters": ["name": "sixteen-letters-"]]])
        }
        refused("linux.netDevices.eth0.name") { _ = try linux(["netDevices": ["eth0": ["name": ".."]]]) }
        refused("linux.netDevices.eth1.name") { _ = try linux(["netDevices": ["eth0": ["name": "x"], "eth1": ["name": "x"]]]) }
        refused("linux.mountLabel") { _ = try linux(["mountLabel": "a\nb"]) }
    }

    @Test("mappings of a mount arrive, both or neither")
    func mappings() throws {
        let map: JSON = [["containerID": 0, "hostID": 1000, "size": 10]]
        let spec = try mount(["destination": "rel", "source": "/s", "uidMappings": map, "gidMappings": map, "options": ["bind", "idmap"]])
        #expect(spec.uidMappings == [IDMapping(containerID: 0, hostID: 1000, size: 10)] && spec.gidMappings == spec.uidMappings)
        refused("mounts[0].gidMappings") { _ = try mount(["destination": "/d", "source": "/s", "uidMappings": map]) }
        refused("mounts[0].uidMappings") { _ = try mount(["destination": "/d", "source": "/s", "gidMappings": map]) }
        refused("mounts[0].uidMappings[0].size") {
            _ = try mount(["destination": "/d", "uidMappings": [["containerID": 0, "hostID": 1, "size": 0]], "gidMappings": map])
        }
    }
}
