import Testing

@testable import Executor
@testable import OCI

@Suite("ids of a user namespace")
struct IDMapTests {
    private func linux(_ uid: [IDMapping], _ gid: [IDMapping]) throws -> LinuxSpec {
        var spec = try LinuxSpec(JSONField([:] as JSON))
        (spec.uidMappings, spec.gidMappings) = (uid, gid)
        return spec
    }
    private let own = IDMapping(containerID: 0, hostID: 1000, size: 1)
    private let others = IDMapping(containerID: 1, hostID: 100_000, size: 65536)

    @Test("the only id of a user is mapped without help, and groups are denied then")
    func alone() throws {
        let maps = try IDMaps(linux([own], [own]), uid: 1000, gid: 1000)
        #expect(maps.uidWriter == .direct && maps.gidWriter == .direct && maps.deniesGroups)
    }

    @Test("more ids, and somebody else's, take the helpers; each kind for itself")
    func helped() throws {
        let more = try IDMaps(linux([own, others], [own]), uid: 1000, gid: 1000)
        #expect(more.uidWriter == .helper("newuidmap") && more.gidWriter == .direct && more.deniesGroups)
        let foreign = try IDMaps(linux([own], [own]), uid: 1001, gid: 1001)
        #expect(foreign.uidWriter == .helper("newuidmap") && foreign.gidWriter == .helper("newgidmap") && !foreign.deniesGroups)
    }

    @Test("with privileges nothing is in the way")
    func privileged() throws {
        let maps = try IDMaps(linux([own, others], [others]))
        #expect(maps.uidWriter == .direct && maps.gidWriter == .direct && !maps.deniesGroups)
    }
}
