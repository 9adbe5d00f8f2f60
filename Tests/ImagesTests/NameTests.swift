import OCI
import Testing

@testable import Images

@Suite("image names") struct NameTests {
    @Test(
        "a short name stands for its full one",
        arguments: [
            ("busybox", "docker.io/library/busybox:latest"), ("busybox:1.36", "docker.io/library/busybox:1.36"),
            ("a/b", "docker.io/a/b:latest"),
            ("localhost/x", "localhost/x:latest"), ("localhost:5000/x:y", "localhost:5000/x:y"),
            ("reg.example.org/a/b/c", "reg.example.org/a/b/c:latest"),
            ("index.docker.io/library/x", "docker.io/library/x:latest"), ("docker.io/busybox", "docker.io/library/busybox:latest"),
            ("a__b", "docker.io/library/a__b:latest"),
            ("x@sha256:" + String(repeating: "a", count: 64), "docker.io/library/x@sha256:" + String(repeating: "a", count: 64)),
        ])
    func full(_ short: String, _ long: String) {
        #expect(ImageName.full(short) == long)
        #expect(ImageName.full(long) == long)
    }

    @Test(
        "what is no reference has no full name",
        arguments: [
            "", ":", "Upper", "a b", "a:", "a:b:c", "a//b", "/a", "a/", "-a", "a..b", "x@sha256:1", "a:.b", "http://x/y", "a\u{e9}",
            "a:" + String(repeating: "t", count: 129),
        ])
    func none(_ text: String) { #expect(ImageName.full(text) == nil) }

    @Test("people see the short form")
    func familiar() {
        #expect(ImageName.familiar("docker.io/library/busybox:1") == "busybox:1")
        #expect(ImageName.familiar("docker.io/a/b:1") == "a/b:1")
        #expect(ImageName.familiar("quay.io/a/b:1") == "quay.io/a/b:1")
    }
}

@Suite("image documents") struct DocumentTests {
    private let digest = "sha256:" + String(repeating: "0", count: 64)

    @Test(
        "digests are exactly digests",
        arguments: [
            "", "sha256", "sha256:", "md5:00", "sha256:" + String(repeating: "G", count: 64), "sha256:" + String(repeating: "0", count: 63),
            "SHA256:" + String(repeating: "0", count: 64),
        ])
    func digests(_ text: String) { #expect(Digest(text) == nil) }

    @Test("a manifest is not an index and an index not a manifest")
    func confusion() {
        let config: JSON = ["mediaType": .string(MediaType.config), "digest": .string(digest), "size": 1]
        let both: JSON = ["schemaVersion": 2, "config": config, "layers": [], "manifests": []]
        #expect(throws: FieldError.self) { try Manifest(json: both) }
        #expect(throws: FieldError.self) { try Index(json: both) }
        #expect(throws: FieldError.self) { try Manifest(json: ["schemaVersion": 1, "config": config, "layers": []]) }
        #expect(throws: FieldError.self) { try Descriptor(JSONField(["mediaType": "x", "digest": .string(digest), "size": -1])) }
    }

    @Test("a configuration names the field that is wrong")
    func config() {
        #expect { try ImageConfig(json: ["config": ["Env": [1]]]) } throws: { "\($0)".contains("config.Env[0]") }
        #expect { try ImageConfig(json: ["rootfs": ["diff_ids": ["x"]]]) } throws: { "\($0)".contains("rootfs.diff_ids[0]") }
    }
}
