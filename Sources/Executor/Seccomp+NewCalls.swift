internal import CSeccomp
import Glibc
internal import LinuxSys
internal import OCI

/// System calls that are newer than the libseccomp that is linked here.
///
/// No profile can name them, so each would get the default action. Where that is an errno (EPERM, nearly always) programs take it for
/// a refusal, while ENOSYS makes a C library fall back to an older call. So those numbers are answered first.
extension SeccompFilter {
    /// Empty when the default action is not to return an errno.
    static func newCallsPrologue(_ spec: SeccompSpec, _ architectures: [UInt32]) -> [UInt8] {
        guard spec.defaultAction == .errno, spec.defaultErrnoRet != UInt32(ENOSYS) else { return [] }
        let answer = SeccompBuilder.action(.errno, UInt32(ENOSYS))
        return architectures.flatMap { architecture -> [UInt8] in
            let range = newCalls(of: architecture)
            return [
                instruction(0x20, 4),  // load the architecture
                instruction(0x15, auditNumber(of: architecture), ifTrue: 0, ifFalse: 4),
                instruction(0x20, 0),  // load the number of the call
                instruction(0x35, range.lowerBound, ifTrue: 0, ifFalse: 2),
                instruction(0x35, range.upperBound, ifTrue: 1, ifFalse: 0),
                instruction(0x06, answer),
            ].flatMap { $0 }
        }
    }

    /// Numbers that the kernel has not given out yet as far as libseccomp knows. From 424 on all architectures count alike, some from a
    /// base of their own; what lies far above is private to an architecture (as on arm).
    private static func newCalls(of architecture: UInt32) -> Range<UInt32> {
        let base: UInt32 =
            switch architecture {
            case Token.x32: 0x4000_0000
            case Token.mips, Token.mipsel: 4000
            case Token.mips64, Token.mipsel64: 5000
            case Token.mips64n32, Token.mipsel64n32: 6000
            default: 0
            }
        // x32 has calls of its own from 512 to 547.
        let first = architecture == Token.x32 ? 548 : newestKnown + 1
        return (base + first)..<(base + 1024)
    }

    /// The newest call of the native architecture that libseccomp has a name for.
    private static let newestKnown: UInt32 = {
        var number: Int32 = 600
        while number > 424 {
            if let name = unsafe seccomp_syscall_resolve_num_arch(seccomp_arch_native(), number) {
                unsafe free(name)
                break
            }
            number -= 1
        }
        return UInt32(number)
    }()

    /// libseccomp tells x32 from x86_64 by its token, the kernel by the number of the call.
    private static func auditNumber(of architecture: UInt32) -> UInt32 { architecture == Token.x32 ? Token.x8664 : architecture }

    /// SCMP_ARCH_* of seccomp.h, made of the ELF machine and the bits of linux/audit.h.
    private enum Token {
        static let x8664: UInt32 = 0xc000_003e, x32: UInt32 = 0x4000_003e
        static let mips: UInt32 = 0x0000_0008, mipsel: UInt32 = 0x4000_0008
        static let mips64: UInt32 = 0x8000_0008, mipsel64: UInt32 = 0xc000_0008
        static let mips64n32: UInt32 = 0xa000_0008, mipsel64n32: UInt32 = 0xe000_0008
    }

    /// One instruction of classic BPF in the machine's byte order, as libseccomp writes them.
    private static func instruction(_ code: UInt16, _ value: UInt32, ifTrue: UInt8 = 0, ifFalse: UInt8 = 0) -> [UInt8] {
        let head = [UInt8(truncatingIfNeeded: code), UInt8(truncatingIfNeeded: code >> 8), ifTrue, ifFalse]
        return head + (0..<4).map { UInt8(truncatingIfNeeded: value >> UInt32(8 * $0)) }
    }
}
