import OCI
import Testing

@Suite("which image is for which machine")
struct PlatformMatchTests {
    private func best(_ wanted: String, _ offered: [String]) throws -> String? {
        let platform = try #require(Platform(parsing: wanted))
        let ranked = offered.compactMap { text in Platform(parsing: text).flatMap { platform.rank($0) }.map { (text, $0) } }
        return ranked.min { $0.1 < $1.1 }?.0
    }

    @Test("the nearest variant that runs is taken")
    func variants() throws {
        let arm = ["linux/arm/v5", "linux/arm/v6", "linux/arm/v7", "linux/arm64/v8", "linux/amd64"]
        #expect(try best("linux/arm/v7", arm) == "linux/arm/v7")
        #expect(try best("linux/arm/v6", arm) == "linux/arm/v6")
        #expect(try best("linux/arm", ["linux/arm/v6", "linux/arm/v5"]) == "linux/arm/v6")
        #expect(try best("linux/arm/v5", ["linux/arm/v6", "linux/arm/v7"]) == nil)
        #expect(try best("linux/arm64", ["linux/arm64"]) == "linux/arm64")
        #expect(try best("linux/arm64/v8", ["linux/arm64", "linux/arm64/v9"]) == "linux/arm64")
        #expect(try best("linux/amd64", ["linux/amd64/v3", "linux/amd64", "linux/amd64/v2"]) == "linux/amd64")
        #expect(try best("linux/amd64/v3", ["linux/amd64", "linux/amd64/v2", "linux/amd64/v4"]) == "linux/amd64/v2")
        #expect(try best("linux/amd64", ["windows/amd64", "linux/386"]) == nil)
        #expect(try best("linux/riscv64", ["linux/riscv64", "linux/s390x"]) == "linux/riscv64")
    }

    @Test("platforms as people write them")
    func parsing() {
        #expect(Platform(parsing: "linux/x86_64") == Platform(os: "linux", architecture: "amd64"))
        #expect(Platform(parsing: "Linux/AArch64") == Platform(os: "linux", architecture: "arm64"))
        #expect(Platform(parsing: "linux/armhf") == Platform(os: "linux", architecture: "arm", variant: "v7"))
        for bad in ["", "linux", "linux/", "/amd64", "linux/amd64/v1/x", "linux/am d64", "linux/amd64\n"] {
            #expect(Platform(parsing: bad) == nil, "\(bad)")
        }
    }
}
