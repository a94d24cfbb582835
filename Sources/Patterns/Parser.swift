/// Reads RE2's syntax (https://github.com/google/re2/wiki/Syntax) into a tree, accepting what RE2 accepts with its
/// default options and refusing the rest with the place and the supported way to say it.
///
/// There is no recursion: open groups are a stack in `groups`, so a pattern cannot exhaust the machine's stack. The
/// source is a Swift string and therefore well-formed UTF-8. Groups, names, greediness and `(?U)` are checked and
/// then forgotten, because they cannot change whether a text matches.
struct Parser {
    /// What `(?ims)` switches; restored at the end of the group it was written in.
    struct Flags {
        var foldsCase = false
        var multiLine = false
        var dotMatchesNewline = false
    }

    /// A finished part.
    struct Piece {
        var node: Node
        /// Largest product of nested repetition counts in it.
        var copies = 1
        /// Repetitions inside one another. They nest without groups, too: `a*(?i)*` repeats a repetition.
        var depth = 0
    }

    /// An open group: what was written before it, and the alternatives read so far.
    struct Group {
        var start: Int
        var outer: Flags
        var captures: Bool
        var alternatives: [Piece] = []
        var pieces: [Piece] = []
    }

    let bytes: [UInt8]
    var at = 0
    var flags = Flags()
    var groups: [Group]
    /// No `:]` follows any more, so no `[:` can begin a class and none need be looked for.
    var posixClassesEnded = false
    private var pieceCount = 0
    /// Where the repetition operator just read begins, when the next one would stack on it.
    private var repetitionStart: Int?

    static func parse(_ source: String) throws(PatternError) -> Node {
        var parser = Parser(source)
        return try parser.pattern()
    }

    private init(_ source: String) {
        bytes = Array(source.utf8)
        groups = [Group(start: 0, outer: Flags(), captures: false)]
    }

    private mutating func pattern() throws(PatternError) -> Node {
        if bytes.count > PatternLimits.sourceBytes {
            throw error(0, "the pattern is longer than \(PatternLimits.sourceBytes) bytes")
        }
        while at < bytes.count {
            let previous = repetitionStart
            repetitionStart = nil
            switch bytes[at] {
            case UInt8(ascii: "("): try openGroup()
            case UInt8(ascii: ")"): try closeGroup()
            case UInt8(ascii: "|"):
                at += 1
                endAlternative()
            case UInt8(ascii: "^"):
                at += 1
                try push(.look(flags.multiLine ? .beginLine : .beginText))
            case UInt8(ascii: "$"):
                at += 1
                try push(.look(flags.multiLine ? .endLine : .endText))
            case UInt8(ascii: "."):
                at += 1
                try push(.set(flags.dotMatchesNewline ? .all : ScalarSet((0x0A, 0x0A)).inverted))
            case UInt8(ascii: "["): try push(.set(characterClass()))
            case UInt8(ascii: "*"): try repetition(min: 0, max: nil, start: at, after: previous)
            case UInt8(ascii: "+"): try repetition(min: 1, max: nil, start: at, after: previous)
            case UInt8(ascii: "?"): try repetition(min: 0, max: 1, start: at, after: previous)
            case UInt8(ascii: "{"): try brace(after: previous)
            case UInt8(ascii: "\\"): try escape()
            default: try push(literal: scalar())
            }
        }
        if groups.count > 1 {
            throw error(groups[groups.count - 1].start, "this group is not closed: a ')' is missing")
        }
        return finish(groups[0]).node
    }

    // MARK: Reading

    /// The byte `distance` further on, or nil beyond the end.
    func peek(_ distance: Int = 0) -> UInt8? {
        at + distance < bytes.count ? bytes[at + distance] : nil
    }

    /// Consumes one code point. The caller has checked that there is one.
    mutating func scalar() -> UInt32 {
        let first = bytes[at]
        let length = first < 0x80 ? 1 : first < 0xE0 ? 2 : first < 0xF0 ? 3 : 4
        var value = length == 1 ? UInt32(first) : UInt32(first) & (0x7F >> UInt32(length))
        at += 1
        for _ in 1..<length where at < bytes.count {
            value = value << 6 | UInt32(bytes[at] & 0x3F)
            at += 1
        }
        return value
    }

    func error(_ offset: Int, _ message: String) -> PatternError {
        PatternError(offset: offset, message: message)
    }

    func text(_ start: Int, _ end: Int) -> String {
        String(decoding: bytes[start..<min(end, bytes.count)], as: UTF8.self)
    }

    // MARK: Building

    mutating func push(literal scalar: UInt32) throws(PatternError) {
        guard flags.foldsCase else { return try push(.scalar(scalar)) }
        let equal = CaseFolding.closure(of: scalar)
        try push(equal.ranges == [ScalarRange(lo: scalar, hi: scalar)] ? .scalar(scalar) : .set(equal))
    }

    mutating func push(_ node: Node) throws(PatternError) {
        pieceCount += 1
        if pieceCount > PatternLimits.instructions {
            throw error(at, "the pattern needs more than \(PatternLimits.instructions) instructions")
        }
        groups[groups.count - 1].pieces.append(Piece(node: node))
    }

    mutating func endAlternative() {
        let last = groups.count - 1
        let pieces = groups[last].pieces
        groups[last].pieces = []
        groups[last].alternatives.append(concatenate(pieces))
    }

    /// The group's contents as one piece.
    func finish(_ group: Group) -> Piece {
        let alternatives = group.alternatives + [concatenate(group.pieces)]
        guard alternatives.count > 1 else { return alternatives[0] }
        let copies = alternatives.reduce(1) { max($0, $1.copies) }
        let depth = alternatives.reduce(0) { max($0, $1.depth) }
        // Neighbouring single code points become one class, as in RE2. That saves branches, and it decides whether
        // `[^x]|x` counts as "any code point", which is matched loosely (see `ProgramBuilder`).
        var merged: [Node] = []
        var ranges: [ScalarRange] = []
        for alternative in alternatives {
            if let single = Self.single(alternative.node) {
                ranges += single
                continue
            }
            if !ranges.isEmpty { merged.append(.set(ScalarSet(ranges))) }
            ranges = []
            merged.append(alternative.node)
        }
        if !ranges.isEmpty { merged.append(.set(ScalarSet(ranges))) }
        return Piece(node: merged.count == 1 ? merged[0] : .alternation(merged), copies: copies, depth: depth)
    }

    private static func single(_ node: Node) -> [ScalarRange]? {
        switch node {
        case .scalar(let scalar): [ScalarRange(lo: scalar, hi: scalar)]
        case .set(let set) where !set.isEmpty: set.ranges
        default: nil
        }
    }

    private func concatenate(_ pieces: [Piece]) -> Piece {
        let copies = pieces.reduce(1) { max($0, $1.copies) }
        let depth = pieces.reduce(0) { max($0, $1.depth) }
        let nodes = pieces.map(\.node).filter { if case .empty = $0 { false } else { true } }
        if nodes.count <= 1 { return Piece(node: nodes.first ?? .empty, copies: copies, depth: depth) }
        return Piece(node: .concatenation(nodes), copies: copies, depth: depth)
    }

    // MARK: Repetition

    /// `{` begins a counted repetition only if all of `{n}`, `{n,}` or `{n,m}` follows; else it is a literal.
    private mutating func brace(after previous: Int?) throws(PatternError) {
        let start = at
        guard let (low, high) = counts() else {
            at = start
            return try push(literal: scalar())
        }
        let tooLarge = low > PatternLimits.repetitions || (high ?? 0) > PatternLimits.repetitions
        if tooLarge || (high ?? low) < low {
            let why = tooLarge ? "counts go up to \(PatternLimits.repetitions)" : "the counts are in the wrong order"
            throw error(start, "invalid repetition '\(text(start, at))': \(why)")
        }
        at -= 1
        try repetition(min: low, max: high, start: start, after: previous)
    }

    /// Reads `{n,m}` up to and including the brace; nil if it is something else.
    private mutating func counts() -> (low: Int, high: Int?)? {
        at += 1
        guard let low = count(), let next = peek() else { return nil }
        var high: Int? = low
        if next == UInt8(ascii: ",") {
            at += 1
            high = nil
            if peek() != UInt8(ascii: "}") {
                guard let count = count() else { return nil }
                high = count
            }
        }
        guard peek() == UInt8(ascii: "}") else { return nil }
        at += 1
        return (low, high)
    }

    /// A decimal number without leading zeros. RE2 takes more than nine digits for literal text.
    private mutating func count() -> Int? {
        let start = at
        var value = 0
        while let digit = peek(), digit >= UInt8(ascii: "0"), digit <= UInt8(ascii: "9") {
            if value >= 100_000_000 { return nil }
            value = value * 10 + Int(digit - UInt8(ascii: "0"))
            at += 1
        }
        if at == start || (at > start + 1 && bytes[start] == UInt8(ascii: "0")) { return nil }
        return value
    }

    /// Applies an operator that begins at `start` and whose last byte is at `at` to the piece before it.
    private mutating func repetition(
        min low: Int, max high: Int?, start: Int, after previous: Int?
    ) throws(PatternError) {
        at += 1
        if peek() == UInt8(ascii: "?") { at += 1 }
        if let previous {
            throw error(
                previous,
                "'\(text(previous, at))' stacks repetition operators: put the inner repetition in a group, (?:x*)*"
                    + " (possessive forms are not supported)")
        }
        guard var piece = groups[groups.count - 1].pieces.popLast() else {
            throw error(
                start, "'\(text(start, at))' has nothing to repeat: write \\\(text(start, start + 1)) for itself")
        }
        // RE2 counts an endless repetition as its minimum and skips zero.
        piece.copies *= max(high ?? low, 1)
        if piece.copies > PatternLimits.repetitions {
            throw error(
                start,
                "invalid repetition '\(text(start, at))': nested counts multiply to more than"
                    + " \(PatternLimits.repetitions)")
        }
        piece.depth += 1
        if piece.depth > PatternLimits.nesting {
            throw error(start, "repetitions are nested deeper than \(PatternLimits.nesting)")
        }
        if case .empty = piece.node {
        } else {
            piece.node = high == 0 ? .empty : .repetition(piece.node, min: low, max: high)
        }
        groups[groups.count - 1].pieces.append(piece)
        repetitionStart = start
    }
}
