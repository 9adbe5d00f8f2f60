import Testing

@testable import Kubelet

@Suite("manifests") struct ManifestTests {
    static let head = "apiVersion: v1\nkind: Pod\nmetadata: {name: p}\nspec:\n"

    func pod(_ spec: String) throws(ManifestError) -> PodManifest {
        guard let pod = try PodManifest.pods(yaml: Self.head + spec).first else { throw .syntax("empty") }
        return pod
    }

    @Test("a manifest becomes a value with the API's defaults") func defaults() throws {
        let pod = try pod("  containers: [{name: app, image: busybox}]\n")
        #expect(pod.namespace == "default" && pod.restartPolicy == .always && pod.terminationGraceSeconds == 30)
        #expect(pod.containers == [ContainerManifest(name: "app", image: "busybox")])
    }

    @Test("commands, environment, mounts, limits and security are read") func container() throws {
        let text = """
              restartPolicy: OnFailure
              volumes: [{name: v, hostPath: {path: /srv, type: Directory}}, {name: e, emptyDir: {}}]
              containers:
              - name: app
                image: busybox
                command: [sh, -c]
                args: ["echo $(A)"]
                env: [{name: A, value: "1"}, {name: B, value: $(A)$$(A)}]
                volumeMounts: [{name: v, mountPath: /v, readOnly: true, subPath: a/b}]
                resources: {limits: {cpu: 500m, memory: 64Mi}, requests: {cpu: 1}}
                securityContext: {runAsUser: 7, capabilities: {drop: [ALL]}, allowPrivilegeEscalation: false}

            """
        let pod = try pod(text)
        let container = try #require(pod.containers.first)
        #expect(container.expandedArgs == ["echo 1"])
        #expect(container.expandedEnvironment.map(\.value) == ["1", "1$(A)"])
        #expect(container.mounts == [VolumeMount(volume: "v", path: "/v", subPath: "a/b", readOnly: true)])
        #expect(container.resources.cpuLimitMillis == 500 && container.resources.cpuRequestMillis == 1000)
        #expect(container.resources.memoryLimitBytes == 64 << 20)
        #expect(container.security.runAsUser == 7 && !container.security.allowPrivilegeEscalation)
        #expect(pod.volumes.map(\.source) == [.hostPath("/srv", .directory), .emptyDirectory])
    }

    @Test(
        "a field that is not honoured is refused by its name",
        arguments: [
            ("  containers: [{name: a, image: b, livenessProbe: {}}]\n", "spec.containers[0].livenessProbe"),
            ("  containers: [{name: a, image: b, env: [{name: X, valueFrom: {}}]}]\n", "spec.containers[0].env[0].valueFrom"),
            ("  containers: [{name: a, image: b, ports: [{containerPort: 1, hostPort: 2}]}]\n", "spec.containers[0].ports[0].hostPort"),
            ("  shareProcessNamespace: true\n  containers: [{name: a, image: b}]\n", "spec.shareProcessNamespace"),
        ])
    func refused(_ spec: String, _ field: String) {
        #expect(throws: ManifestError.unsupported(field: field)) { try pod(spec) }
    }

    @Test(
        "a manifest that is no Pod is refused with the field",
        arguments: [
            ("  containers: []\n", "spec.containers"), ("  containers: [{name: A, image: b}]\n", "spec.containers[].name"),
            ("  containers: [{name: a, image: b, env: [{name: X, value: 3}]}]\n", "spec.containers[0].env[0].value"),
            ("  restartPolicy: Sometimes\n  containers: [{name: a, image: b}]\n", "spec.restartPolicy"),
            ("  containers: [{name: a, image: b, resources: {limits: {memory: 3x}}}]\n", "spec.containers[0].resources.limits.memory"),
            ("  containers: [{name: a, image: b, volumeMounts: [{name: v, mountPath: /x}]}]\n", "spec.containers[].volumeMounts[].name"),
        ])
    func invalid(_ spec: String, _ field: String) throws {
        let error = #expect(throws: ManifestError.self) { try pod(spec) }
        guard case .invalid(field, _) = error else { throw error! }
    }

    @Test("expectations are read from annotations and must name a container") func expectations() throws {
        let text = """
            apiVersion: v1
            kind: Pod
            metadata:
              name: p
              annotations: {swiftlet.dev/expect-exit.a: "3", swiftlet.dev/expect-restarts.a: "2", swiftlet.dev/stop-after: a, other: x}
            spec:
              containers: [{name: a, image: b}]
            """
        let pod = try #require(try PodManifest.pods(yaml: text).first)
        #expect(pod.expectations.exitCodes == ["a": 3] && pod.expectations.restarts == ["a": 2] && pod.expectations.stopAfter == "a")
        #expect(throws: ManifestError.self) { try PodManifest.pods(yaml: text.replacing("stop-after: a", with: "stop-after: z")) }
    }

    @Test("quantities are rounded up and nonsense is none") func quantities() {
        #expect(Quantity.millis("0.5") == 500 && Quantity.millis("250m") == 250 && Quantity.units("1G") == 1_000_000_000)
        #expect(Quantity.units("1.5Ki") == 1536 && Quantity.units("100m") == 1)
        for text in ["", "Mi", "-1", "1e", "0x10", "nan", "1 "] { #expect(Quantity.units(text) == nil, "\(text)") }
    }
}
