import Messages
import Testing

@testable import Command

@Suite("names of pods and their containers") struct InventoryTests {
    static func pod(_ id: String, _ name: String, _ namespace: String = "default", created: Int64 = 1) -> Runtime_V1_PodSandbox {
        var pod = Runtime_V1_PodSandbox()
        (pod.id, pod.metadata.name, pod.metadata.namespace, pod.createdAt) = (id, name, namespace, created)
        return pod
    }

    static func container(
        _ id: String, _ name: String, in pod: String, _ state: Runtime_V1_ContainerState = .containerRunning, created: Int64 = 1
    )
        -> Runtime_V1_Container
    {
        var container = Runtime_V1_Container()
        (container.id, container.metadata.name, container.podSandboxID) = (id, name, pod)
        (container.state, container.createdAt) = (state, created)
        return container
    }

    static let inventory = Inventory(
        pods: [pod("aa11", "web"), pod("bb22", "db", "shop"), pod("cc33", "twice", "a"), pod("dd44", "twice", "b")],
        containers: [
            container("1100", "app", in: "aa11"), container("1101", "app", in: "aa11", .containerExited, created: 0),
            container("1200", "side", in: "aa11"), container("2200", "db", in: "bb22"),
        ])

    @Test(
        "pod, pod/container, namespace/pod/container and the beginning of an id are found",
        arguments: [
            ("web/app", "1100"), ("default/web/side", "1200"), ("db", "2200"), ("shop/db", "2200"), ("db/db", "2200"), ("12", "1200"),
            ("1101", "1101"), ("bb", "2200"),
        ])
    func found(_ name: String, _ id: String) throws { #expect(try Self.inventory.container(name).id == id) }

    @Test(
        "what is not found, or not one, is said",
        arguments: [
            ("web", "find container web: the pod has several, name one: web/… (app, side)"),
            ("web/none", "find web/none: there is no such pod or container"),
            ("twice", "find twice: is in several namespaces: a, b"), ("11", "find 11: is the beginning of 2 ids"),
            ("a//b", "find a//b: is no name: POD, POD/CONTAINER, NAMESPACE/POD/CONTAINER or an id"),
            ("1", "find 1: there is no such pod or container"),
        ])
    func notFound(_ name: String, _ message: String) {
        let error = #expect(throws: CommandFailure.self) { try Self.inventory.container(name) }
        #expect(error?.description == message)
    }

    @Test("names show the namespace when it is not the usual one") func names() {
        #expect(Set(Self.inventory.names).isSuperset(of: ["web", "shop/db", "web/app", "shop/db/db"]))
    }

    @Test("use of a processor is what two looks differ by") func usage() {
        var stats = Runtime_V1_ContainerStats()
        (stats.cpu.timestamp, stats.cpu.usageCoreNanoSeconds.value) = (1_000, 500)
        let before = Usage(stats, name: "x")
        (stats.cpu.timestamp, stats.cpu.usageCoreNanoSeconds.value) = (2_000, 2_000)
        #expect(Usage(stats, name: "x").percent(since: before) == 150 && before.percent(since: nil) == nil)
    }

    @Test("pairs of ports") func ports() throws {
        #expect(try PortPair("80") == PortPair("80:80") && PortPair(":80").local == 0 && PortPair("8080:80").remote == 80)
        for text in ["", "x", "1:2:3", "0", "80:", "65536", "80:0", "-1:80"] {
            #expect(throws: ArgumentFailure.self) { try PortPair(text) }
        }
    }

    @Test("the keys that leave a container alone, in one chunk or in two") func detachKeys() {
        var keys = DetachKeys()
        let (first, second) = (keys.areComplete(after: [0x10]), keys.areComplete(after: [0x11]))
        #expect(!first && second)
        keys = DetachKeys()
        let (none, both) = (keys.areComplete(after: [0x10, 0x61, 0x11]), keys.areComplete(after: [0x61, 0x10, 0x11]))
        #expect(!none && both)
    }

    @Test("the value of an option is found among the words of a line that is being typed") func words() {
        #expect(Completion.value(of: "--root", in: ["swiftlet", "logs", "--root", "/x", "a"]) == "/x")
        #expect(
            Completion.value(of: "--root", in: ["swiftlet", "--root=/y"]) == "/y" && Completion.value(of: "--root", in: ["--root"]) == nil)
    }
}
