import Testing

/// Runs every test that is linked in, as `swift test` does.
@main
struct SanitizedTests {
    static func main() async { await Testing.__swiftPMEntryPoint() as Never }
}
