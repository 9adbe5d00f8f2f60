import OCI
import Testing

@testable import Images

@Suite("changes of an image's configuration") struct InstructionTests {
    @Test(
        "instructions are read as a Dockerfile has them",
        arguments: [
            ("CMD [\"a\", \"b c\"]", ImageInstruction.command(["a", "b c"])),
            ("cmd echo $HOME", .command(["/bin/sh", "-c", "echo $HOME"])),
            ("ENTRYPOINT [\"/x\"]", .entrypoint(["/x"])),
            ("ENV A=1 B=\"two words\" C=a\\ b", .environment([.init("A", "1"), .init("B", "two words"), .init("C", "a b")])),
            ("ENV OLD  form of it", .environment([.init("OLD", "form of it")])),
            ("EXPOSE 80 53/udp 8000-8010", .expose(["80/tcp", "53/udp", "8000-8010/tcp"])),
            ("LABEL a='x=y' b=", .label([.init("a", "x=y"), .init("b", "")])), ("USER 1000:1000", .user("1000:1000")),
            ("VOLUME /a /b", .volume(["/a", "/b"])), ("VOLUME [\"/with space\"]", .volume(["/with space"])),
            ("WORKDIR /srv", .workingDirectory("/srv")), ("  STOPSIGNAL SIGINT", .stopSignal("SIGINT")),
        ])
    func good(_ text: String, _ wanted: ImageInstruction) throws { #expect(try ImageInstruction(parsing: text) == wanted) }

    @Test(
        "what is none is refused with its text",
        arguments: [
            "", "CMD", "RUN make", "ONBUILD RUN x", "HEALTHCHECK NONE", "CMD [\"a\", 1]", "CMD [a]", "ENV A", "ENV A=1 B", "ENV =x",
            "EXPOSE 70000",
            "EXPOSE 80/x", "EXPOSE 9-8", "LABEL a='open", "USER root\nCMD x", "VOLUME [1]",
        ])
    func bad(_ text: String) {
        #expect { try ImageInstruction(parsing: text) } throws: { error in
            if case ImageError.invalid(_, let value, _) = error { value == text } else { false }
        }
    }

    @Test("changes leave what they do not name as it was")
    func edit() throws {
        let old: JSON = [
            "architecture": "amd64", "os": "linux", "x-own": [1], "container": "abc",
            "config": [
                "Env": ["A=1", "B=2"], "Cmd": ["old"], "Healthcheck": ["Test": ["NONE"]], "WorkingDir": "/w", "Volumes": ["/v": [:]],
            ],
            "rootfs": ["type": "layers", "diff_ids": []], "history": [["created_by": "x"]],
        ]
        var editor = try ConfigEditor(old.encoded(), "test")
        for text in ["ENV A=3 C=4", "ENTRYPOINT [\"/e\"]", "WORKDIR sub", "VOLUME /u", "LABEL k=v"] {
            editor.apply(try ImageInstruction(parsing: text))
        }
        let digest = StreamHash.digest(.sha256, of: [1])
        editor.add(layer: digest, created: "2020-01-01T00:00:00Z", author: "me", createdBy: "test", comment: nil)
        let new = try JSON(parsing: editor.bytes)
        #expect(new["config"]?["Env"] == ["A=3", "B=2", "C=4"])
        #expect(new["config"]?["Cmd"] == nil)
        #expect(new["config"]?["Healthcheck"] == ["Test": ["NONE"]])
        #expect(new["config"]?["WorkingDir"] == "/w/sub")
        #expect(new["config"]?["Volumes"] == ["/v": [:], "/u": [:]])
        #expect(new["x-own"] == [1])
        #expect(new["container"] == nil)
        #expect(new["history"]?.array?.count == 2)
        #expect(try ImageConfig(json: new).diffIDs == [digest])
        var own = ConfigEditor()
        for text in ["CMD [\"c\"]", "ENTRYPOINT [\"/e\"]"] { own.apply(try ImageInstruction(parsing: text)) }
        #expect(try JSON(parsing: own.bytes)["config"]?["Cmd"] == ["c"])
    }
}
