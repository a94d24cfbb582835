/// Which code points `(?i)` holds equal: the classes of simple case folding (Unicode CaseFolding.txt, status C and
/// S), as in RE2. `k` equals `K` and the Kelvin sign; `s` equals `S` and the long s; dotted capital I and dotless i
/// equal only themselves, because their foldings are language-specific (status T).
///
/// ASCII is decided without the table; the table is made from the standard library's case mappings when a pattern
/// first folds something beyond ASCII.
enum CaseFolding {
    /// The scalar and everything equal to it.
    static func closure(of scalar: UInt32) -> ScalarSet {
        closure(of: ScalarSet((scalar, scalar)))
    }

    /// The set and everything equal to a member of it.
    static func closure(of set: ScalarSet) -> ScalarSet {
        var found = set.ranges
        for range in set.ranges {
            if range.lo < 0x80 { addASCII(range.lo, min(range.hi, 0x7F), to: &found) }
            if range.hi >= 0x80 { addBeyondASCII(max(range.lo, 0x80), range.hi, to: &found) }
        }
        return ScalarSet(found)
    }

    private static let kelvinSign: UInt32 = 0x212A
    private static let longS: UInt32 = 0x17F
    private static let dotlessI: UInt32 = 0x131
    /// Equal by status S though each maps to several scalars in upper case: two ways to encode one letter.
    private static let twins: [UInt32: UInt32] = [0x1FD3: 0x390, 0x1FE3: 0x3B0, 0xFB05: 0xFB06]

    private static func addASCII(_ lo: UInt32, _ hi: UInt32, to found: inout [ScalarRange]) {
        for scalar in lo...hi {
            let lower = scalar | 0x20
            guard lower >= 0x61, lower <= 0x7A else { continue }
            found.append(ScalarRange(lo: scalar ^ 0x20, hi: scalar ^ 0x20))
            if lower == 0x6B { found.append(ScalarRange(lo: kelvinSign, hi: kelvinSign)) }
            if lower == 0x73 { found.append(ScalarRange(lo: longS, hi: longS)) }
        }
    }

    private static func addBeyondASCII(_ lo: UInt32, _ hi: UInt32, to found: inout [ScalarRange]) {
        let table = orbits
        var low = 0
        var high = table.count
        while low < high {
            let middle = (low + high) / 2
            if table[middle].member < lo { low = middle + 1 } else { high = middle }
        }
        while low < table.count, table[low].member <= hi {
            found.append(ScalarRange(lo: table[low].equal, hi: table[low].equal))
            low += 1
        }
    }

    /// Every ordered pair of different, equal scalars, sorted by the first.
    private static let orbits: [(member: UInt32, equal: UInt32)] = {
        var classes: [UInt32: [UInt32]] = [:]
        // Scalars with case live in the first two planes.
        for value in UInt32(0)..<0x20000 {
            guard let scalar = Unicode.Scalar(value), scalar.properties.changesWhenCaseMapped else { continue }
            classes[representative(of: scalar), default: []].append(value)
        }
        var pairs: [(member: UInt32, equal: UInt32)] = []
        for members in classes.values where members.count > 1 {
            for member in members {
                for equal in members where equal != member { pairs.append((member, equal)) }
            }
        }
        return pairs.sorted { ($0.member, $0.equal) < ($1.member, $1.equal) }
    }()

    /// Lower case of upper case, ignoring mappings to several scalars: simple folding has only one-to-one pairs.
    private static func representative(of scalar: Unicode.Scalar) -> UInt32 {
        if scalar.value == dotlessI { return scalar.value }
        if let twin = twins[scalar.value] { return twin }
        let upper = single(scalar.properties.uppercaseMapping) ?? scalar
        return (single(upper.properties.lowercaseMapping) ?? upper).value
    }

    private static func single(_ mapping: String) -> Unicode.Scalar? {
        let scalars = mapping.unicodeScalars
        guard let first = scalars.first, scalars.count == 1 else { return nil }
        return first
    }
}
