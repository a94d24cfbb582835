/// Parentheses: groups, their names, and the `(?` forms (RE2 syntax, "Grouping" and "Flags").
extension Parser {
    mutating func openGroup() throws(PatternError) {
        let start = at
        at += 1
        guard peek() == UInt8(ascii: "?") else { return try open(start, captures: true, outer: flags) }
        at += 1
        if peek() == UInt8(ascii: "P"), peek(1) == UInt8(ascii: "<") {
            at += 2
            return try named(start)
        }
        if peek() == UInt8(ascii: "<"), let next = peek(1), next != UInt8(ascii: "="), next != UInt8(ascii: "!") {
            at += 1
            return try named(start)
        }
        try setFlags(start)
    }

    mutating func closeGroup() throws(PatternError) {
        guard groups.count > 1, let group = groups.popLast() else {
            throw error(at, "unexpected ')': no group is open; write \\) for the character")
        }
        at += 1
        flags = group.outer
        var piece = finish(group)
        // A captured class stays apart from neighbouring alternatives, as in RE2.
        if group.captures, case .set = piece.node { piece.node = .concatenation([piece.node]) }
        groups[groups.count - 1].pieces.append(piece)
    }

    private mutating func open(_ start: Int, captures: Bool, outer: Flags) throws(PatternError) {
        if groups.count > PatternLimits.nesting {
            throw error(start, "groups are nested deeper than \(PatternLimits.nesting)")
        }
        groups.append(Group(start: start, outer: outer, captures: captures))
    }

    /// Reads the name after `(?P<` or `(?<`: letters, marks, digits and connectors of any script.
    private mutating func named(_ start: Int) throws(PatternError) {
        let nameStart = at
        while let byte = peek(), byte != UInt8(ascii: ">") {
            let scalarStart = at
            guard let scalar = Unicode.Scalar(scalar()), Self.isNameScalar(scalar) else {
                throw error(scalarStart, "invalid group name: it consists of letters, digits and '_'")
            }
        }
        guard peek() != nil else { throw error(start, "the group name is not closed: a '>' is missing") }
        if at == nameStart { throw error(start, "the group name is empty") }
        at += 1
        try open(start, captures: true, outer: flags)
    }

    private static func isNameScalar(_ scalar: Unicode.Scalar) -> Bool {
        if scalar.isASCII {
            return NamedClasses.word.contains(scalar.value)
        }
        switch scalar.properties.generalCategory {
        case .uppercaseLetter, .lowercaseLetter, .titlecaseLetter, .modifierLetter, .otherLetter, .letterNumber,
            .nonspacingMark, .spacingMark, .decimalNumber, .connectorPunctuation:
            return true
        default:
            return false
        }
    }

    /// Reads what follows `(?`: flags to set, `-`, flags to clear, then `:` and a group or `)` and the rest of this one.
    private mutating func setFlags(_ start: Int) throws(PatternError) {
        let outer = flags
        var changed = flags
        var clears = false
        var sawFlag = false
        while let byte = peek() {
            at += 1
            switch byte {
            case UInt8(ascii: "i"): changed.foldsCase = !clears
            case UInt8(ascii: "m"): changed.multiLine = !clears
            case UInt8(ascii: "s"): changed.dotMatchesNewline = !clears
            case UInt8(ascii: "U"): break  // Swaps greediness, which decides what is captured, not whether.
            case UInt8(ascii: "-") where !clears:
                clears = true
                sawFlag = false
                continue
            case UInt8(ascii: ":"), UInt8(ascii: ")"):
                if clears && !sawFlag { throw unsupportedGroup(start) }
                flags = changed
                if byte == UInt8(ascii: ":") { try open(start, captures: false, outer: outer) }
                return
            default:
                throw unsupportedGroup(start)
            }
            sawFlag = true
        }
        throw error(start, "this group is not closed: a ')' is missing")
    }

    private func unsupportedGroup(_ start: Int) -> PatternError {
        let rest = text(start, min(start + 4, bytes.count))
        let supported = "supported are (?:x), (?P<name>x), (?<name>x) and the flags i, m, s, U as in (?i-s:x)"
        let what: String
        if rest.hasPrefix("(?=") || rest.hasPrefix("(?!") {
            what = "look-ahead is not supported, because it does not match in linear time"
        } else if rest.hasPrefix("(?<") {
            what = "look-behind is not supported, because it does not match in linear time"
        } else if rest.hasPrefix("(?P=") {
            what = "backreferences are not supported, because they do not match in linear time"
        } else if rest.hasPrefix("(?>") {
            what = "atomic groups are not supported"
        } else if rest.hasPrefix("(?#") {
            what = "comments are not supported"
        } else {
            what = "unknown group '\(text(start, at))'"
        }
        return error(start, "\(what); \(supported)")
    }
}
