import Testing
@Suite("Executor") struct Placeholder { @Test("builds") func builds() {} }
