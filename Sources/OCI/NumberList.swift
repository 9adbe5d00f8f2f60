/// Numbers of processors or memory nodes as cpuset(7) writes them: `0-3,7`.
package struct NumberList: Equatable, Sendable {
    /// Ascending, each once.
    package let numbers: [Int]

    package init(_ numbers: [Int]) { self.numbers = Set(numbers).sorted() }

    /// Nil for anything else than a list with numbers of at most `largest`.
    package init?(_ text: String, largest: Int) {
        var found: Set<Int> = []
        for part in text.split(separator: ",", omittingEmptySubsequences: false) {
            let ends = part.split(separator: "-", maxSplits: 1, omittingEmptySubsequences: false)
            guard let first = Self.number(ends[0], largest), let last = Self.number(ends[ends.count - 1], largest), first <= last else {
                return nil
            }
            found.formUnion(first...last)
        }
        numbers = found.sorted()
    }

    /// One bit for each, in the words of which the kernel's masks consist.
    package var words: [UInt64] {
        var result = [UInt64](repeating: 0, count: (numbers.last ?? -1) / 64 + 1)
        for number in numbers { result[number / 64] |= 1 << UInt64(number % 64) }
        return result
    }

    /// Digits alone: neither a sign nor a space.
    private static func number(_ text: Substring, _ largest: Int) -> Int? {
        guard !text.isEmpty, text.utf8.count <= 6, text.utf8.allSatisfy({ (0x30...0x39).contains($0) }) else { return nil }
        guard let number = Int(text), number <= largest else { return nil }
        return number
    }
}

extension JSONField {
    /// An empty list counts as absent.
    func numberList(largest: Int) throws(FieldError) -> NumberList? {
        guard let text = try optionalText() else { return nil }
        guard let list = NumberList(text, largest: largest) else {
            throw invalid("a list like 0-3,7 with numbers up to \(largest) expected, found \(text)")
        }
        return list
    }
}
