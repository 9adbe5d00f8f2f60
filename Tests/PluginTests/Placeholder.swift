import Testing
@Suite("Plugin") struct Placeholder { @Test("builds") func builds() {} }
