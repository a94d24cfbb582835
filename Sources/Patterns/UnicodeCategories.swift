/// The sets behind `\pL`, `\p{Nd}` and the other general categories, by the names RE2 knows.
///
/// Made once, when a pattern first names a category, from the standard library's Unicode data. As in RE2 there are
/// no `Cn`, `LC` and `L&`, and `C` leaves out unassigned code points.
enum UnicodeCategories {
    /// The category's code points, or nil when there is no category of that name.
    static func set(named name: String) -> ScalarSet? {
        if name == "Any" { return .all }
        return sets[name]
    }

    private static let sets: [String: ScalarSet] = {
        var ranges: [String: [ScalarRange]] = [:]
        func add(_ name: String, _ range: ScalarRange) {
            ranges[name, default: []].append(range)
            ranges[String(name.prefix(1)), default: []].append(range)
        }
        // Planes 4 to 13 hold nothing, 15 and 16 private use except their last two code points each (Unicode 2.9).
        var open: (category: Unicode.GeneralCategory, range: ScalarRange)?
        for block in [UInt32(0)..<0x40000, 0xE0000..<0xF0000] {
            for value in block {
                let category = Unicode.Scalar(value)?.properties.generalCategory ?? .surrogate
                if let current = open, current.category == category, current.range.hi + 1 == value {
                    open = (category, ScalarRange(lo: current.range.lo, hi: value))
                    continue
                }
                if let done = open, let name = abbreviation(of: done.category) { add(name, done.range) }
                open = (category, ScalarRange(lo: value, hi: value))
            }
        }
        if let done = open, let name = abbreviation(of: done.category) { add(name, done.range) }
        add("Co", ScalarRange(lo: 0xF0000, hi: 0xFFFFD))
        add("Co", ScalarRange(lo: 0x100000, hi: 0x10FFFD))
        return ranges.mapValues { ScalarSet($0) }
    }()

    private static func abbreviation(of category: Unicode.GeneralCategory) -> String? {
        switch category {
        case .uppercaseLetter: "Lu"
        case .lowercaseLetter: "Ll"
        case .titlecaseLetter: "Lt"
        case .modifierLetter: "Lm"
        case .otherLetter: "Lo"
        case .nonspacingMark: "Mn"
        case .spacingMark: "Mc"
        case .enclosingMark: "Me"
        case .decimalNumber: "Nd"
        case .letterNumber: "Nl"
        case .otherNumber: "No"
        case .connectorPunctuation: "Pc"
        case .dashPunctuation: "Pd"
        case .openPunctuation: "Ps"
        case .closePunctuation: "Pe"
        case .initialPunctuation: "Pi"
        case .finalPunctuation: "Pf"
        case .otherPunctuation: "Po"
        case .mathSymbol: "Sm"
        case .currencySymbol: "Sc"
        case .modifierSymbol: "Sk"
        case .otherSymbol: "So"
        case .spaceSeparator: "Zs"
        case .lineSeparator: "Zl"
        case .paragraphSeparator: "Zp"
        case .control: "Cc"
        case .format: "Cf"
        case .surrogate: "Cs"
        case .privateUse: "Co"
        case .unassigned: nil
        @unknown default: nil
        }
    }
}
