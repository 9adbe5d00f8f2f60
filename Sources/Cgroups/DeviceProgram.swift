import OCI

/// A device policy as a BPF program (kernel: bpf/prog_cgroup_device; `struct bpf_cgroup_dev_ctx`), for v2, which has no files for it.
///
/// The rules are asked from the last to the first. r3 holds the kinds of access that are still to be decided: an allowing rule
/// takes its own away, a denying one ends with no when any of its own is left. Wanted and decided: yes.
struct DeviceProgram: Equatable {
    private(set) var instructions: [UInt64] = []

    private enum Code: UInt8 {
        case load = 0x61  // dst = *(u32 *)(src + offset)
        case move = 0xbf  // dst = src
        case set = 0xb7  // dst = value
        case and = 0x57  // dst &= value
        case shiftRight = 0x77  // dst >>= value
        case skipIfNot = 0x56  // if (u32)dst != value, skip `offset` instructions
        case skipIf = 0x16  // if (u32)dst == value, skip `offset` instructions
        case exit = 0x95
    }

    init(_ policy: DevicePolicy) {
        emit(.load, 2, source: 1, offset: 0)
        emit(.move, 3, source: 2)
        emit(.shiftRight, 3, value: 16)
        emit(.and, 2, value: 0xffff)
        emit(.load, 4, source: 1, offset: 4)
        emit(.load, 5, source: 1, offset: 8)
        for rule in policy.rules.reversed() { emit(rule) }
        end(policy.allowsByDefault)
    }

    private mutating func emit(_ rule: DeviceRule) {
        var tests: [(register: UInt8, value: UInt32)] = []
        switch rule.kind {
        case .all: break
        case .block: tests.append((2, 1))
        case .character: tests.append((2, 2))
        }
        if let major = rule.major { tests.append((4, major)) }
        if let minor = rule.minor { tests.append((5, minor)) }
        var body = DeviceProgram(rule)
        for (number, test) in tests.enumerated() {
            // Past the tests that follow and the body.
            emit(.skipIfNot, test.register, offset: Int16(tests.count - number - 1 + body.instructions.count), value: test.value)
        }
        instructions += body.instructions
        body.instructions = []
    }

    /// What a rule does once it matches the device.
    private init(_ rule: DeviceRule) {
        let mask = Self.mask(rule.access)
        if rule.allow {
            emit(.and, 3, value: ~mask)
            emit(.skipIfNot, 3, offset: 2, value: 0)
        } else {
            emit(.move, 6, source: 3)
            emit(.and, 6, value: mask)
            emit(.skipIf, 6, offset: 2, value: 0)
        }
        end(rule.allow)
    }

    private mutating func end(_ answer: Bool) {
        emit(.set, 0, value: answer ? 1 : 0)
        emit(.exit, 0)
    }

    /// BPF_DEVCG_ACC_MKNOD, _READ, _WRITE.
    private static func mask(_ access: String) -> UInt32 {
        (access.contains("m") ? 1 : 0) | (access.contains("r") ? 2 : 0) | (access.contains("w") ? 4 : 0)
    }

    /// `struct bpf_insn`: code, registers (source high), offset, value.
    private mutating func emit(_ code: Code, _ destination: UInt8, source: UInt8 = 0, offset: Int16 = 0, value: UInt32 = 0) {
        let registers = UInt64(destination | source << 4) << 8
        let jump = UInt64(UInt16(bitPattern: offset)) << 16
        instructions.append(UInt64(code.rawValue) | registers | jump | UInt64(value) << 32)
    }
}
