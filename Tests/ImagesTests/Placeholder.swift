import Testing
@Suite("Images") struct Placeholder { @Test("builds") func builds() {} }
