import Foundation
import Testing

/// The short form of `make fuzz`: seeds, and inputs made from them by a generator that always makes the same.
@Suite("parsers of what others wrote") struct MutationTests {
    @Test("seeds are understood by their own rules", arguments: FuzzTarget.allCases)
    func seeds(_ target: FuzzTarget) throws {
        for seed in target.seeds { try target.run(seed) }
    }

    @Test("two thousand changed inputs of each break nothing", arguments: FuzzTarget.allCases)
    func mutations(_ target: FuzzTarget) throws {
        var random = Generator(state: 0x9e37_79b9_7f4a_7c15)
        let seeds = target.seeds
        for round in 0..<2000 {
            var input = seeds[round % seeds.count]
            for _ in 0...random.below(4) { random.change(&input, with: seeds) }
            if target == .tar, round % 2 == 0, input.count > 513 { Seed.seal(&input, at: 1 + 512 * random.below((input.count - 1) / 512)) }
            do { try target.run(input) } catch {
                Issue.record("\(error): \(Data(input).base64EncodedString())")
                return
            }
        }
    }
}

/// splitmix64 (Steele, Lea, Flood 2014).
private struct Generator {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var word = state
        word = (word ^ (word >> 30)) &* 0xbf58_476d_1ce4_e5b9
        word = (word ^ (word >> 27)) &* 0x94d0_49bb_1331_11eb
        return word ^ (word >> 31)
    }

    mutating func below(_ limit: Int) -> Int { Int(next() % UInt64(max(1, limit))) }

    /// One of: a bit turned, a byte set, a run left out, a run said twice, a run of another seed put in, the end cut off.
    mutating func change(_ input: inout [UInt8], with seeds: [[UInt8]]) {
        guard !input.isEmpty else { return input = [UInt8(truncatingIfNeeded: next())] }
        let at = below(input.count)
        let run = at..<min(input.count, at + 1 + below(16))
        switch below(6) {
        case 0: input[at] ^= 1 << UInt8(below(8))
        case 1: input[at] = [0, 1, 0x7f, 0x80, 0xff, UInt8(ascii: "9"), UInt8(ascii: "\""), UInt8(ascii: "[")][below(8)]
        case 2: input.removeSubrange(run)
        case 3: input.insert(contentsOf: Array(input[run]), at: at)
        case 4:
            let other = seeds[below(seeds.count)]
            let from = below(other.count)
            input.insert(contentsOf: other[from..<min(other.count, from + 1 + below(40))], at: at)
        default: input.removeLast(input.count - at)
        }
    }
}
