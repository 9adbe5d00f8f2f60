import Testing
@Suite("Shim") struct Placeholder { @Test("builds") func builds() {} }
