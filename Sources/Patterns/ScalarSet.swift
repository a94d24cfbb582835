/// A set of code points as sorted, disjoint ranges that do not touch one another.
///
/// It covers 0...0x10FFFF including surrogates, because RE2's classes do: `.` accepts the three bytes that would
/// encode a surrogate, and `\x{D800}` matches them. That ranges never touch matters: whether a class reaches from
/// 0x80 to the last code point in one piece decides how ill-formed text is treated (see `ProgramBuilder`).
struct ScalarRange: Hashable {
    var lo: UInt32
    var hi: UInt32
}

struct ScalarSet: Hashable {
    static let last: UInt32 = 0x10FFFF

    private(set) var ranges: [ScalarRange]

    /// Sorts and joins ranges given in any order.
    init(_ unordered: [ScalarRange] = []) {
        ranges = []
        ranges.reserveCapacity(unordered.count)
        for range in unordered.sorted(by: { $0.lo < $1.lo }) {
            if let end = ranges.last?.hi, range.lo <= end || range.lo == end + 1 {
                if range.hi > end { ranges[ranges.count - 1].hi = range.hi }
            } else {
                ranges.append(range)
            }
        }
    }

    init(_ pairs: (UInt32, UInt32)...) {
        self.init(pairs.map { ScalarRange(lo: $0.0, hi: $0.1) })
    }

    static let all = ScalarSet((0, last))

    var isEmpty: Bool { ranges.isEmpty }

    /// Every code point that is not in the set.
    var inverted: ScalarSet {
        var gaps: [ScalarRange] = []
        var next: UInt32 = 0
        for range in ranges {
            if next < range.lo { gaps.append(ScalarRange(lo: next, hi: range.lo - 1)) }
            next = range.hi + 1
        }
        if next <= Self.last { gaps.append(ScalarRange(lo: next, hi: Self.last)) }
        return ScalarSet(gaps)
    }

    func contains(_ scalar: UInt32) -> Bool {
        var low = 0
        var high = ranges.count
        while low < high {
            let middle = (low + high) / 2
            if scalar > ranges[middle].hi { low = middle + 1 } else { high = middle }
        }
        return low < ranges.count && ranges[low].lo <= scalar
    }
}
