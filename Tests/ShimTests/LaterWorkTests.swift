import Testing

@testable import Shim

@Suite("what is to be done after Create") struct LaterWorkTests {
    private static let documents: [(String, LaterWork)] = [
        (#"{"hooks":{"prestart":[],"poststart":[{}]}}"#, .poststart), (#"{"hooks" : { "poststop" : []}}"#, .afterEnd),
        (#"{"linux":{"intelRdt":{}}}"#, .afterEnd), (#"{"hooks":{"poststop":[],"poststart":[]}}"#, .all),
        (#"{"process":{"args":["poststart"]},"poststops":1,"xpoststop":2}"#, .poststart), (#"{"hooks":{"createRuntime":[]}}"#, []),
        (#"{"process":{"args":["a\"b","\\"]}}"#, []), (#""poststo"#, []), ("\"", []), ("\\", []),
    ]

    @Test("hooks and processor classes are found by their names", arguments: documents)
    func names(config: String, work: LaterWork) { #expect(LaterWork(config: Array(config.utf8)) == work) }

    @Test("a name that is written with an escape is not passed over") func escapes() {
        #expect(LaterWork(config: Array(#"{"hooks":{"\u0070oststop":[]}}"#.utf8)) == .all)
    }

    @Test("what cannot be read is looked at by an executor") func unreadable() { #expect(LaterWork(in: "/nonexistent") == .all) }
}
