/// Turns the tree into a nondeterministic automaton over bytes.
///
/// Compilation goes backwards: every part is compiled knowing the state that follows it, so nothing is patched
/// except loops. Code points become their UTF-8 bytes; a class becomes a small tree of byte ranges, whose equal
/// parts are shared.
///
/// Ill-formed text is treated as RE2 treats it. A class matches exactly the encodings of its code points, surrogates
/// included; only a class that holds everything from 0x80 up (`.`, `[^a]`, `\W`) is loose and takes any lead byte
/// C2-DF, E0-EF or F0-F4 with its number of continuation bytes, overlong and too large ones included.
struct ProgramBuilder {
    struct Transition: Hashable {
        var lo: UInt8
        var hi: UInt8
        var next: UInt16
    }

    enum State {
        case match
        case split(UInt16, UInt16)
        case look(Look, next: UInt16)
        case consume(first: Int, count: Int)
    }

    /// The only accepting state.
    static let match: UInt16 = 0

    private(set) var states: [State] = [.match]
    private(set) var transitions: [Transition] = []

    /// Byte ranges, branches, assertions and the accepting state.
    private(set) var instructions = 1

    // MARK: States

    private mutating func add(_ state: State, cost: Int = 1) throws(PatternError) -> UInt16 {
        instructions += cost
        if instructions > PatternLimits.instructions {
            throw PatternError(
                offset: 0,
                message: "the pattern needs more than \(PatternLimits.instructions) instructions: use smaller counts"
                    + " or classes")
        }
        states.append(state)
        return UInt16(states.count - 1)
    }

    private mutating func consume(_ list: [Transition]) throws(PatternError) -> UInt16 {
        let first = transitions.count
        let state = try add(.consume(first: first, count: list.count), cost: max(list.count, 1))
        transitions += list
        return state
    }

    private mutating func split(_ first: UInt16, _ second: UInt16) throws(PatternError) -> UInt16 {
        first == second ? first : try add(.split(first, second))
    }

    // MARK: Nodes

    /// Returns the state from which the node's matches lead to `next`.
    mutating func compile(_ node: Node, to next: UInt16) throws(PatternError) -> UInt16 {
        switch node {
        case .empty: return next
        case .scalar(let scalar): return try compile(encoding: scalar, to: next)
        case .set(let set): return try compile(set, to: next)
        case .anyByte: return try consume([Transition(lo: 0, hi: 0xFF, next: next)])
        case .look(let look): return try add(.look(look, next: next))
        case .concatenation(let nodes): return try compile(nodes[...], to: next)
        case .alternation(let nodes):
            var entry: UInt16?
            for node in nodes.reversed() {
                let branch = try compile(node, to: next)
                if let rest = entry { entry = try split(branch, rest) } else { entry = branch }
            }
            return entry ?? next
        case .repetition(let body, let min, let max):
            return try compile(body, min: min, max: max, to: next)
        }
    }

    mutating func compile(_ nodes: ArraySlice<Node>, to next: UInt16) throws(PatternError) -> UInt16 {
        var entry = next
        for node in nodes.reversed() { entry = try compile(node, to: entry) }
        return entry
    }

    private mutating func compile(
        _ body: Node, min: Int, max: Int?, to next: UInt16
    ) throws(PatternError) -> UInt16 {
        var entry = next
        var required = min
        if let max {
            for _ in min..<Swift.max(min, max) {
                entry = try split(compile(body, to: entry), next)
            }
        } else {
            let loop = try add(.split(next, next))
            let once = try compile(body, to: loop)
            states[Int(loop)] = .split(once, next)
            entry = min == 0 ? loop : once
            required = Swift.max(min - 1, 0)
        }
        for _ in 0..<required { entry = try compile(body, to: entry) }
        return entry
    }

    // MARK: UTF-8

    /// The bytes of a code point, surrogates encoded like their neighbours.
    static func encoding(_ scalar: UInt32) -> [UInt8] {
        func tail(_ shift: UInt32) -> UInt8 { 0x80 | UInt8(scalar >> shift & 0x3F) }
        if scalar < 0x80 { return [UInt8(scalar)] }
        if scalar < 0x800 { return [0xC0 | UInt8(scalar >> 6), tail(0)] }
        if scalar < 0x10000 { return [0xE0 | UInt8(scalar >> 12), tail(6), tail(0)] }
        return [0xF0 | UInt8(scalar >> 18 & 0x07), tail(12), tail(6), tail(0)]
    }

    private mutating func compile(encoding scalar: UInt32, to next: UInt16) throws(PatternError) -> UInt16 {
        var entry = next
        for byte in Self.encoding(scalar).reversed() {
            entry = try consume([Transition(lo: byte, hi: byte, next: entry)])
        }
        return entry
    }

    private mutating func compile(_ set: ScalarSet, to next: UInt16) throws(PatternError) -> UInt16 {
        var shared = Tails(next: next)
        var list: [Transition] = []
        for range in set.ranges where range.lo < 0x80 {
            list.append(Transition(lo: UInt8(range.lo), hi: UInt8(min(range.hi, 0x7F)), next: next))
        }
        if let last = set.ranges.last, last.lo <= 0x80, last.hi == ScalarSet.last {
            for (lead, lastLead, length) in [(0xC2, 0xDF, 1), (0xE0, 0xEF, 2), (0xF0, 0xF4, 3)] as [(UInt8, UInt8, Int)]
            {
                list.append(Transition(lo: lead, hi: lastLead, next: try tail(whole: length, &shared)))
            }
            return try consume(list)
        }
        let lengths: [(lo: UInt32, hi: UInt32, lead: UInt8)] = [
            (0x80, 0x7FF, 0xC0), (0x800, 0xFFFF, 0xE0), (0x10000, ScalarSet.last, 0xF0),
        ]
        for (index, length) in lengths.enumerated() {
            let ranges = set.ranges.filter { $0.hi >= length.lo && $0.lo <= length.hi }
                .map { ScalarRange(lo: max($0.lo, length.lo), hi: min($0.hi, length.hi)) }
            list += try blocks(ranges, length: index + 1, base: length.lead, &shared)
        }
        return try consume(list)
    }

    /// Continuations already compiled for one class.
    private struct Tails {
        var next: UInt16
        /// By length, the state that takes that many continuation bytes whatever they are.
        var whole: [Int: UInt16] = [:]
        var states: [[Transition]: UInt16] = [:]
    }

    private mutating func tail(whole length: Int, _ shared: inout Tails) throws(PatternError) -> UInt16 {
        if length == 0 { return shared.next }
        if let known = shared.whole[length] { return known }
        let rest = try tail(whole: length - 1, &shared)
        let list = [Transition(lo: 0x80, hi: 0xBF, next: rest)]
        let state = try consume(list)
        shared.whole[length] = state
        shared.states[list] = state
        return state
    }

    /// Transitions on one byte, `base` plus the bits above the last `length` continuations, for sorted ranges of values.
    private mutating func blocks(
        _ ranges: [ScalarRange], length: Int, base: UInt8, _ shared: inout Tails
    ) throws(PatternError) -> [Transition] {
        let shift = UInt32(6 * length)
        let mask = (UInt32(1) << shift) - 1
        // Runs of blocks: wholly covered ones together, each partly covered one alone with what it holds.
        var runs: [(lo: UInt32, hi: UInt32, part: [ScalarRange])] = []
        for range in ranges {
            var cursor = range.lo
            while cursor <= range.hi {
                let block = cursor >> shift
                let end = block << shift | mask
                if cursor & mask == 0, range.hi >= end {
                    let last = (range.hi + 1) >> shift - 1
                    runs.append((block, last, []))
                    cursor = (last + 1) << shift
                } else {
                    let part = ScalarRange(lo: cursor & mask, hi: min(range.hi, end) & mask)
                    if let last = runs.last, last.lo == block, !last.part.isEmpty {
                        runs[runs.count - 1].part.append(part)
                    } else {
                        runs.append((block, block, [part]))
                    }
                    cursor = min(range.hi, end) + 1
                }
            }
        }
        var list: [Transition] = []
        for run in runs {
            let next: UInt16
            if run.part.isEmpty {
                next = try tail(whole: length, &shared)
            } else {
                let rest = try blocks(run.part, length: length - 1, base: 0x80, &shared)
                if let known = shared.states[rest] {
                    next = known
                } else {
                    next = try consume(rest)
                    shared.states[rest] = next
                }
            }
            // The prefix bits of lead and continuation bytes leave room for the block's number below them.
            let lo = base | UInt8(truncatingIfNeeded: run.lo)
            let hi = base | UInt8(truncatingIfNeeded: run.hi)
            if let last = list.last, last.next == next, last.hi + 1 == lo {
                list[list.count - 1].hi = hi
            } else {
                list.append(Transition(lo: lo, hi: hi, next: next))
            }
        }
        return list
    }
}
