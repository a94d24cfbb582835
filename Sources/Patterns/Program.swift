/// The compiled automaton as flat arrays, and the facts about it that matching needs.
///
/// Written once by `init`, read by every worker afterwards, freed with its pattern: matching follows indexes and
/// never counts a reference.
struct Program: @unchecked Sendable {
    // Sendable: nobody writes through these pointers after `init`; `Pattern` owns them and frees them last.

    struct State {
        enum Kind: UInt8 { case consume, split, look, match }
        var kind: Kind
        /// The conditions of a look state.
        var look: UInt8
        /// First transition, first branch, or the state after a look.
        var first: UInt32
        /// Number of transitions, or the second branch.
        var second: UInt32
    }

    let states: UnsafeMutablePointer<State>
    let stateCount: Int
    let transitions: UnsafeMutablePointer<ProgramBuilder.Transition>
    /// Words of a bit set of states.
    let words: Int
    /// The look states, as a bit set.
    let lookStates: UnsafeMutablePointer<UInt64>
    /// All conditions that occur.
    let looks: Look

    /// Bytes that no transition and no condition tells apart share a class.
    let classOf: UnsafeMutablePointer<UInt8>
    let classCount: Int

    /// Bytes that every whole match begins with.
    let prefix: UnsafeMutablePointer<UInt8>
    let prefixCount: Int
    /// A whole match is the prefix and nothing else.
    let isLiteral: Bool

    /// Where a whole match begins, after the literal prefix.
    let wholeStart: UInt16
    /// Where a search begins.
    let findStart: UInt16
    /// A search can only succeed at the beginning of the text.
    let isAnchored: Bool

    /// Compiles a tree.
    init(_ tree: Node) throws(PatternError) {
        let opening = Opening(tree)
        var builder = ProgramBuilder()
        wholeStart = try builder.compile(opening.rest, to: ProgramBuilder.match)
        findStart = try builder.compile(opening.skipped, to: wholeStart)
        isLiteral = opening.isLiteral
        prefixCount = opening.prefix.count
        prefix = .allocate(capacity: max(prefixCount, 1))
        for (index, byte) in opening.prefix.enumerated() { (prefix + index).initialize(to: byte) }
        stateCount = builder.states.count
        words = (stateCount + 63) / 64
        states = .allocate(capacity: stateCount)
        lookStates = .allocate(capacity: words)
        lookStates.initialize(repeating: 0, count: words)
        transitions = .allocate(capacity: max(builder.transitions.count, 1))
        for (index, transition) in builder.transitions.enumerated() {
            (transitions + index).initialize(to: transition)
        }
        var looks: Look = []
        for (index, state) in builder.states.enumerated() {
            let flat: State
            switch state {
            case .match: flat = State(kind: .match, look: 0, first: 0, second: 0)
            case .split(let first, let second):
                flat = State(kind: .split, look: 0, first: UInt32(first), second: UInt32(second))
            case .look(let look, let next):
                flat = State(kind: .look, look: look.rawValue, first: UInt32(next), second: 0)
                lookStates[index >> 6] |= 1 << UInt64(index & 63)
                looks.formUnion(look)
            case .consume(let first, let count):
                flat = State(kind: .consume, look: 0, first: UInt32(first), second: UInt32(count))
            }
            (states + index).initialize(to: flat)
        }
        self.looks = looks
        isAnchored = Self.isAnchored(builder.states, findStart)

        classOf = .allocate(capacity: 256)
        let begins = Self.classBoundaries(builder.transitions, looks)
        var current = -1
        for byte in 0..<256 {
            if begins[byte] { current += 1 }
            (classOf + byte).initialize(to: UInt8(current))
        }
        classCount = current + 1
    }

    func deallocate() {
        states.deallocate()
        transitions.deallocate()
        lookStates.deallocate()
        classOf.deallocate()
        prefix.deallocate()
    }

    /// Whether the text begins with the prefix.
    @inline(__always)
    func hasPrefix(_ text: UnsafeBufferPointer<UInt8>) -> Bool {
        guard text.count >= prefixCount else { return false }
        for index in 0..<prefixCount where text[index] != prefix[index] { return false }
        return true
    }

    /// Whether a whole match may begin with the byte, with all assertions taken to hold.
    func mayBegin(with byte: UInt8) -> Bool {
        if prefixCount > 0 { return prefix[0] == byte }
        var seen: Set<UInt32> = [UInt32(wholeStart)]
        var pending = [UInt32(wholeStart)]
        while let index = pending.popLast() {
            let state = states[Int(index)]
            switch state.kind {
            case .match: continue
            case .consume:
                for offset in 0..<Int(state.second) {
                    let transition = transitions[Int(state.first) + offset]
                    if transition.lo <= byte, byte <= transition.hi { return true }
                }
            case .split:
                for next in [state.first, state.second] where seen.insert(next).inserted { pending.append(next) }
            case .look:
                if seen.insert(state.first).inserted { pending.append(state.first) }
            }
        }
        return false
    }

    /// Which bytes begin a class.
    private static func classBoundaries(_ transitions: [ProgramBuilder.Transition], _ looks: Look) -> [Bool] {
        var begins = [Bool](repeating: false, count: 257)
        begins[0] = true
        func mark(_ lo: UInt8, _ hi: UInt8) {
            begins[Int(lo)] = true
            begins[Int(hi) + 1] = true
        }
        for transition in transitions { mark(transition.lo, transition.hi) }
        if !looks.isDisjoint(with: [.beginLine, .endLine]) { mark(0x0A, 0x0A) }
        if !looks.isDisjoint(with: [.wordBoundary, .notWordBoundary]) {
            for range in NamedClasses.word.ranges { mark(UInt8(range.lo), UInt8(range.hi)) }
        }
        return begins
    }

    /// Whether every path asks for the beginning of the text before it reads a byte.
    private static func isAnchored(_ states: [ProgramBuilder.State], _ start: UInt16) -> Bool {
        var seen: Set<UInt16> = [start]
        var pending = [start]
        while let state = pending.popLast() {
            switch states[Int(state)] {
            case .match, .consume: return false
            case .look(.beginText, _): continue
            case .look(_, let next):
                if seen.insert(next).inserted { pending.append(next) }
            case .split(let first, let second):
                for next in [first, second] where seen.insert(next).inserted { pending.append(next) }
            }
        }
        return true
    }
}
