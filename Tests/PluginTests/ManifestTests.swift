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
            ("  containers: [{name: a, image: b, volumeDevices: []}]\n", "spec.containers[0].volumeDevices"),
            (
                "  containers: [{name: a, image: b, envFrom: [{secretRef: {name: x}}]}]\n",
                "spec.containers[0].envFrom[0] (only configMapRef)"
            ),
            ("  containers: [{name: a, image: b, ports: [{containerPort: 1, hostPort: 2}]}]\n", "spec.containers[0].ports[0].hostPort"),
            ("  ephemeralContainers: []\n  containers: [{name: a, image: b}]\n", "spec.ephemeralContainers"),
            (
                "  volumes: [{name: v, emptyDir: {sizeLimit: 1Mi}}]\n  containers: [{name: a, image: b}]\n",
                "spec.volumes[0].emptyDir.sizeLimit (only with medium: Memory)"
            ),
            (
                "  containers: [{name: a, image: b, livenessProbe: {httpGet: {port: 1, scheme: HTTPS}}}]\n",
                "spec.containers[0].livenessProbe.httpGet.scheme: HTTPS"
            ),
        ])
    func refused(_ spec: String, _ field: String) {
        #expect(throws: ManifestError.unsupported(field: field)) { try pod(spec) }
    }

    @Test(
        "a manifest that is no Pod is refused with the field",
        arguments: [
            ("  containers: []\n", "spec.containers"), ("  containers: [{name: A, image: b}]\n", "spec.containers[].name"),
            ("  containers: [{name: a, image: b, env: [{name: X, value: 3}]}]\n", "spec.containers[0].env[0].value"),
            ("  containers: [{name: a, image: b, livenessProbe: {}}]\n", "spec.containers[0].livenessProbe"),
            ("  containers: [{name: a, image: b, env: [{name: X, valueFrom: {}}]}]\n", "spec.containers[0].env[0].valueFrom"),
            (
                "  containers: [{name: a, image: b, livenessProbe: {tcpSocket: {port: web}}}]\n",
                "spec.containers[0].livenessProbe.tcpSocket.port"
            ),
            ("  containers: [{name: a, image: b, restartPolicy: Always}]\n", "spec.containers[0].restartPolicy"),
            (
                "  initContainers: [{name: i, image: b, livenessProbe: {exec: {command: [x]}}}]\n  containers: [{name: a, image: b}]\n",
                "spec.initContainers[0].livenessProbe"
            ),
            (
                "  containers: [{name: a, image: b, startupProbe: {exec: {command: [x]}, successThreshold: 2}}]\n",
                "spec.containers[0].startupProbe.successThreshold"
            ),
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

    @Test("probes, hooks and sidecars are read with the API's defaults, ports by their names") func probes() throws {
        let pod = try pod(
            """
              activeDeadlineSeconds: 60
              initContainers: [{name: side, image: b, restartPolicy: Always}]
              containers:
              - name: app
                image: b
                ports: [{name: web, containerPort: 8080}]
                startupProbe: {tcpSocket: {port: web}, periodSeconds: 1}
                livenessProbe: {exec: {command: [check]}, terminationGracePeriodSeconds: 2}
                readinessProbe: {httpGet: {port: 81, path: /ready, httpHeaders: [{name: A, value: b}]}, successThreshold: 2}
                lifecycle: {postStart: {exec: {command: [up]}}, preStop: {sleep: {seconds: 3}}}

            """)
        let app = try #require(pod.containers.first)
        #expect(pod.activeDeadlineSeconds == 60 && pod.initContainers.first?.isSidecar == true)
        #expect(app.probes[.startup]?.check == .tcp(host: nil, port: 8080) && app.probes[.startup]?.periodSeconds == 1)
        #expect(app.probes[.liveness]?.failureThreshold == 3 && app.probes[.liveness]?.terminationGraceSeconds == 2)
        let get = HTTPCheck(port: 81, path: "/ready", headers: [.init(name: "A", value: "b")])
        #expect(app.probes[.readiness]?.check == .http(get) && app.probes[.readiness]?.successThreshold == 2)
        #expect(app.lifecycle.postStart == .command(["up"]) && app.lifecycle.preStop == .sleep(seconds: 3))
        #expect(
            Prober.request(get, "h").hasPrefix("GET /ready HTTP/1.1\r\nHost: h:81\r\n")
                && Prober.request(get, "h").hasSuffix("A: b\r\n\r\n"))
        #expect(Prober.status("HTTP/1.1 204 No Content") == 204 && Prober.status("HTTP/1.0 20") == nil && Prober.status("220 smtp") == nil)
    }

    @Test("variables come from config maps and from the pod's own record, and are not expanded again") func environment() throws {
        var set = ManifestSet()
        try set.add(
            yaml: """
                apiVersion: v1
                kind: ConfigMap
                metadata: {name: settings}
                data: {color: "blue $(A)", size: "3"}
                ---
                apiVersion: v1
                kind: Pod
                metadata: {name: p, labels: {app: web}}
                spec:
                  volumes: [{name: v, configMap: {name: settings, items: [{key: color, path: a/b}]}}]
                  containers:
                  - name: app
                    image: b
                    envFrom: [{configMapRef: {name: settings}, prefix: X_}]
                    env:
                    - {name: A, valueFrom: {configMapKeyRef: {name: settings, key: size}}}
                    - {name: B, valueFrom: {fieldRef: {fieldPath: "metadata.labels['app']"}}}
                    - {name: C, valueFrom: {fieldRef: {fieldPath: status.podIP}}}
                    - {name: D, valueFrom: {configMapKeyRef: {name: other, key: x, optional: true}}}
                    - {name: E, value: "$(A)$(C)"}
                """)
        try set.settle()
        let pod = try #require(set.pods.first)
        let container = try #require(pod.containers.first).resolved(in: pod, maps: set.maps(of: pod), address: "10.0.0.7", nodeName: "n")
        let values = container.expandedEnvironment.map { "\($0.name)=\($0.value)" }
        #expect(values == ["X_color=blue $(A)", "X_size=3", "A=3", "B=web", "C=10.0.0.7", "E=310.0.0.7"])
    }

    @Test("what a pod wants of a config map that is not there is named") func missingMap() throws {
        var set = ManifestSet()
        try set.add(yaml: Self.head + "  containers: [{name: a, image: b, envFrom: [{configMapRef: {name: nowhere}}]}]\n")
        #expect(throws: ManifestError.missing(pod: "p", "config map nowhere")) { try set.settle() }
    }

    @Test("a pod's uid follows from what it asks for") func uid() throws {
        func uid(_ yaml: String) throws -> String {
            var set = ManifestSet()
            try set.add(yaml: yaml)
            try set.settle()
            return try #require(set.pods.first).uid
        }
        let text = Self.head + "  containers: [{name: a, image: b, ports: [{name: x, containerPort: 1}, {name: y, containerPort: 2}]}]\n"
        #expect(try uid(text) == uid(text) && uid(text) != uid(text.replacing("image: b", with: "image: c")))
        #expect(try uid(text).split(separator: "-").map(\.count) == [8, 4, 4, 4, 12])
    }

    @Test("what runs becomes what is wanted; a pod that changed waits for the end of its former self") func reconciliation() {
        let plan = Reconciliation(
            running: ["same": "1", "changed": "2", "gone": "3"], wanted: ["same": "1", "changed": "4", "new": "5", "over": "6"], done: ["6"]
        )
        #expect(plan.stop == ["changed", "gone"] && plan.start == ["new"])
    }

    @Test("quantities are rounded up and nonsense is none") func quantities() {
        #expect(Quantity.millis("0.5") == 500 && Quantity.millis("250m") == 250 && Quantity.units("1G") == 1_000_000_000)
        #expect(Quantity.units("1.5Ki") == 1536 && Quantity.units("100m") == 1)
        for text in ["", "Mi", "-1", "1e", "0x10", "nan", "1 "] { #expect(Quantity.units(text) == nil, "\(text)") }
    }
}
