internal import CSeccomp
import Glibc
package import LinuxSys
package import OCI

/// Why a seccomp section cannot become a filter.
package enum SeccompError: Error, Equatable, CustomStringConvertible, Sendable {
    /// libseccomp as it is linked here does not know it, or the kernel does not do it.
    case unsupported(field: String, reason: String)
    /// A call of libseccomp was refused.
    case build(SysError)
    case load(SysError)

    package var description: String {
        switch self {
        case .unsupported(let field, let reason): "\(field): \(reason)"
        case .build(let error), .load(let error): error.description
        }
    }
}

/// A filter of system calls, compiled (config-linux.md, "Seccomp").
///
/// It is compiled by libseccomp early, while nothing is restricted yet, into the bytes that the kernel takes; to load it is then one
/// system call without any allocation, which can come last. A name that libseccomp does not know for any architecture is
/// left out, as in other runtimes: profiles list calls of kernels and architectures that are not this one.
package struct SeccompFilter: Equatable, Sendable {
    /// Classic BPF, eight bytes an instruction.
    package let program: [UInt8]
    /// SECCOMP_FILTER_FLAG_*
    package let flags: UInt32

    /// Compiles it, or takes what was compiled of the same profile before.
    package init(_ spec: SeccompSpec) throws(SeccompError) { try self.init(spec, .own()) }

    init(_ spec: SeccompSpec, _ cache: SeccompCache?) throws(SeccompError) {
        flags = Self.flags(spec)
        if let cache {
            program = try cache.program(spec) { () throws(SeccompError) in try Self.compile(spec) }
        } else {
            program = try Self.compile(spec)
        }
    }

    private static func compile(_ spec: SeccompSpec) throws(SeccompError) -> [UInt8] {
        let architectures = try SeccompBuilder.architectures(spec)
        let nextProgram = SeccompBuilder.unusedAction(spec)
        var whole: [UInt8] = []
        for (number, architecture) in architectures.enumerated() {
            let isLast = number == architectures.count - 1
            let builder = try SeccompBuilder.make(for: architecture, spec, otherwise: isLast ? nil : nextProgram)
            try builder.add(spec)
            let part = try builder.export()
            whole += isLast ? part : falling(through: part, at: nextProgram)
        }
        whole = newCallsPrologue(spec, architectures) + whole
        guard whole.count / 8 <= 4096 else {
            throw .unsupported(field: "linux.seccomp", reason: "makes \(whole.count / 8) instructions, the kernel takes 4096")
        }
        return whole
    }

    /// A program whose answer for other architectures is to go on behind its end.
    ///
    /// libseccomp takes a time that grows with the square of the calls of all architectures together: one program for each,
    /// one behind the other, decides the same in a third of it.
    private static func falling(through part: [UInt8], at nextProgram: UInt32) -> [UInt8] {
        var result = part
        for at in stride(from: 0, to: part.count, by: 8) where UInt16(part[at]) | UInt16(part[at + 1]) << 8 == 0x06 /* return */ {
            let value = (0..<4).reduce(UInt32(0)) { $0 | UInt32(part[at + 4 + $1]) << UInt32(8 * $1) }
            guard value == nextProgram else { continue }
            let distance = UInt32((part.count - at) / 8 - 1)
            result[at] = 0x05  // jump
            for byte in 0..<4 { result[at + 4 + byte] = UInt8(truncatingIfNeeded: distance >> UInt32(8 * byte)) }
        }
        return result
    }

    /// For this thread and what it executes. Needs no_new_privs or CAP_SYS_ADMIN: with no_new_privs it is the last step before exec,
    /// without it comes before capabilities are dropped.
    package func load() throws(SeccompError) {
        do { try loadSeccompFilter(program, flags: flags) } catch { throw .load(error) }
    }

    /// With a listener, which goes to `agent` together with the text (config-linux.md, "The Container Process State").
    package func load(agent: borrowing FD, telling text: [UInt8]) throws(SeccompError) {
        do { try loadSeccompFilter(program, flags: flags, listenerTo: agent, with: text) } catch { throw .load(error) }
    }

    /// SECCOMP_FILTER_FLAG_*
    private static func flags(_ spec: SeccompSpec) -> UInt32 {
        spec.flags.reduce(0) { bits, flag in
            switch flag {
            // One thread executes the program. Only beside a listener there is a second for a moment, which must stay outside the filter.
            case .threadSync: spec.notifies ? bits : bits | 1
            case .log: bits | 2
            case .allowSpeculation: bits | 4
            case .waitKillable: bits | 32
            }
        }
    }
}
