/// Character classes: `[a-z]`, `[[:alpha:]]`, `\d` and `\p{Greek}` (RE2 syntax, "Character class elements").
extension Parser {
    /// Reads a bracketed class from its `[`.
    mutating func characterClass() throws(PatternError) -> ScalarSet {
        let start = at
        at += 1
        let negated = peek() == UInt8(ascii: "^")
        if negated { at += 1 }
        var ranges: [ScalarRange] = []
        var first = true
        while let byte = peek(), byte != UInt8(ascii: "]") || first {
            first = false
            if byte == UInt8(ascii: "["), let posix = try posixClass() {
                ranges += posix.ranges
            } else if byte == UInt8(ascii: "\\"), let escaped = try escapedClass() {
                ranges += escaped.ranges
            } else {
                ranges += try range(classStart: start).ranges
            }
            // `[\pL\pL...]` would otherwise pile up many times what it holds.
            if ranges.count > 20_000 { ranges = ScalarSet(ranges).ranges }
        }
        guard peek() != nil else { throw unclosed(start) }
        at += 1
        let set = ScalarSet(ranges)
        return negated ? set.inverted : set
    }

    /// Reads `\d`, `\pN`, `\p{Greek}` and their negations; nil, with nothing consumed, if another escape follows.
    mutating func escapedClass() throws(PatternError) -> ScalarSet? {
        guard let letter = peek(1) else { return nil }
        switch letter {
        case UInt8(ascii: "d"), UInt8(ascii: "D"): return perlClass(NamedClasses.digit)
        case UInt8(ascii: "s"), UInt8(ascii: "S"): return perlClass(NamedClasses.perlSpace)
        case UInt8(ascii: "w"), UInt8(ascii: "W"): return perlClass(NamedClasses.word)
        case UInt8(ascii: "p"), UInt8(ascii: "P"): return try unicodeClass()
        default: return nil
        }
    }

    private mutating func perlClass(_ set: ScalarSet) -> ScalarSet {
        let negated = bytes[at + 1] < UInt8(ascii: "a")
        at += 2
        return folded(set, negated: negated)
    }

    /// Under `(?i)` a set takes in what equals its members before it is negated, so that `\W` excludes the Kelvin
    /// sign, which equals `k`.
    private func folded(_ set: ScalarSet, negated: Bool) -> ScalarSet {
        let closed = flags.foldsCase ? CaseFolding.closure(of: set) : set
        return negated ? closed.inverted : closed
    }

    private mutating func unicodeClass() throws(PatternError) -> ScalarSet {
        let start = at
        var negated = bytes[at + 1] == UInt8(ascii: "P")
        at += 2
        guard peek() != nil else { throw error(start, "\(text(start, at)) needs a name, as in \\pL or \\p{Greek}") }
        var name: String
        if peek() == UInt8(ascii: "{") {
            at += 1
            let nameStart = at
            while let byte = peek(), byte != UInt8(ascii: "}") { at += 1 }
            guard peek() != nil else { throw error(start, "the class name is not closed: a '}' is missing") }
            name = text(nameStart, at)
            at += 1
        } else {
            let nameStart = at
            _ = scalar()
            name = text(nameStart, at)
        }
        if name.unicodeScalars.first == "^" {
            negated.toggle()
            name = String(name.unicodeScalars.dropFirst())
        }
        guard let set = UnicodeCategories.set(named: name) ?? UnicodeScripts.set(named: name) else {
            throw error(
                start,
                "unknown Unicode class '\(name)': general categories (L, Lu, Nd, ...), scripts (Greek, Han, ...) and"
                    + " Any are supported, spelled exactly so")
        }
        return folded(set, negated: negated)
    }

    /// Reads `[:alpha:]` or `[:^alpha:]`; nil, with nothing consumed, if no `:]` follows.
    private mutating func posixClass() throws(PatternError) -> ScalarSet? {
        guard !posixClassesEnded, peek(1) == UInt8(ascii: ":") else { return nil }
        var end = at + 2
        while end + 1 < bytes.count, bytes[end] != UInt8(ascii: ":") || bytes[end + 1] != UInt8(ascii: "]") { end += 1 }
        guard end + 1 < bytes.count else {
            posixClassesEnded = true
            return nil
        }
        let start = at
        var name = text(start + 2, end)
        let negated = name.utf8.first == UInt8(ascii: "^")
        if negated { name.removeFirst() }
        guard let set = NamedClasses.posix[name] else {
            throw error(
                start,
                "unknown class '\(text(start, end + 2))': supported are "
                    + NamedClasses.posix.keys.sorted().map { "[:\($0):]" }.joined(separator: " "))
        }
        at = end + 2
        return folded(set, negated: negated)
    }

    /// Reads one code point, or two with a hyphen between.
    private mutating func range(classStart: Int) throws(PatternError) -> ScalarSet {
        let start = at
        let low = try classScalar(classStart)
        var high = low
        // `[a-]` is `a` and the hyphen.
        if peek() == UInt8(ascii: "-"), let next = peek(1), next != UInt8(ascii: "]") {
            at += 1
            high = try classScalar(classStart)
            if high < low { throw error(start, "invalid range '\(text(start, at))': it ends before it begins") }
        }
        return folded(ScalarSet((low, high)), negated: false)
    }

    private mutating func classScalar(_ classStart: Int) throws(PatternError) -> UInt32 {
        guard let byte = peek() else { throw unclosed(classStart) }
        return byte == UInt8(ascii: "\\") ? try escapedScalar() : scalar()
    }

    private func unclosed(_ start: Int) -> PatternError {
        error(start, "this class is not closed: a ']' is missing; write \\[ for the character")
    }
}
