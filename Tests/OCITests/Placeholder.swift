import Testing
@Suite("OCI") struct Placeholder { @Test("builds") func builds() {} }
