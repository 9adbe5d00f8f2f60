import Testing
@Suite("LinuxSys") struct Placeholder { @Test("builds") func builds() {} }
