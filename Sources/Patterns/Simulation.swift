/// One step of the nondeterministic automaton: from the set of states before a byte to the set after it.
///
/// Both engines are made of this step. The automaton cache remembers its results; the simulation repeats it for
/// every byte, in time proportional to the program's size per byte and without memory beyond these buffers.
///
/// A set is kept before its conditions are decided: a look state in it waits until the next byte is known, when both
/// neighbours of the position are. `Context` carries what matters of the byte before.
struct Simulation {
    /// What a set of states knows of its past, besides the states.
    struct Context: OptionSet {
        var rawValue: UInt8
        static let beginText = Context(rawValue: 1)
        static let beginLine = Context(rawValue: 2)
        static let afterWord = Context(rawValue: 4)
        /// A search: new attempts begin at every byte, and the first match ends it.
        static let searching = Context(rawValue: 8)
    }

    enum Outcome {
        case dead, accepted
        /// `there` holds the next set.
        case alive(Context)

        var isAccepted: Bool {
            if case .accepted = self { true } else { false }
        }
    }

    /// Bit sets of states: before the byte and after it.
    private(set) var here: UnsafeMutablePointer<UInt64>
    private(set) var there: UnsafeMutablePointer<UInt64>
    private var stack: UnsafeMutablePointer<UInt16>
    private var wordCapacity: Int

    init() {
        wordCapacity = 4
        here = .allocate(capacity: wordCapacity)
        there = .allocate(capacity: wordCapacity)
        stack = .allocate(capacity: wordCapacity * 64)
    }

    func deallocate() {
        here.deallocate()
        there.deallocate()
        stack.deallocate()
    }

    /// Makes room for a program and empties both sets.
    mutating func prepare(_ program: Program) {
        if program.words > wordCapacity {
            deallocate()
            wordCapacity = max(program.words, wordCapacity * 2)
            here = .allocate(capacity: wordCapacity)
            there = .allocate(capacity: wordCapacity)
            stack = .allocate(capacity: wordCapacity * 64)
        }
        clear(here, program)
        clear(there, program)
    }

    func clear(_ set: UnsafeMutablePointer<UInt64>, _ program: Program) {
        set.update(repeating: 0, count: program.words)
    }

    mutating func swap() {
        (here, there) = (there, here)
    }

    /// Context before the first byte the program reads. `before` is the last byte of the literal prefix.
    static func initialContext(_ program: Program, searching: Bool, before: UInt8?) -> Context {
        let mode: Context = searching ? .searching : []
        if let before { return mode.union(context(program, after: before)) }
        return mode.union(relevant(program, [.beginText, .beginLine]))
    }

    private static func context(_ program: Program, after byte: UInt8) -> Context {
        var context: Context = []
        if byte == 0x0A { context.insert(.beginLine) }
        if isWord(byte) { context.insert(.afterWord) }
        return relevant(program, context)
    }

    /// Drops what no condition of the program asks for, so that fewer sets differ.
    private static func relevant(_ program: Program, _ context: Context) -> Context {
        var context = context
        if !program.looks.contains(.beginText) { context.remove(.beginText) }
        if !program.looks.contains(.beginLine) { context.remove(.beginLine) }
        if program.looks.isDisjoint(with: [.wordBoundary, .notWordBoundary]) { context.remove(.afterWord) }
        return context
    }

    static func isWord(_ byte: UInt8) -> Bool {
        let lower = byte | 0x20
        return (lower >= 0x61 && lower <= 0x7A) || (byte >= 0x30 && byte <= 0x39) || byte == 0x5F
    }

    /// The conditions that hold between the past in `context` and the byte, or the end of the text.
    private func conditions(_ context: Context, _ byte: UInt8?) -> UInt8 {
        var looks: Look = []
        if context.contains(.beginText) { looks.insert(.beginText) }
        if context.contains(.beginLine) { looks.insert(.beginLine) }
        var word = false
        if let byte {
            if byte == 0x0A { looks.insert(.endLine) }
            word = Self.isWord(byte)
        } else {
            looks.insert(.endText)
            looks.insert(.endLine)
        }
        looks.insert(word == context.contains(.afterWord) ? .notWordBoundary : .wordBoundary)
        return looks.rawValue
    }

    /// Adds a state and all it reaches without a byte, passing look states whose conditions are among `looks`.
    func insert(_ state: UInt16, into set: UnsafeMutablePointer<UInt64>, _ program: Program, looks: UInt8 = 0) {
        guard mark(state, set) else { return }
        var depth = 1
        stack[0] = state
        while depth > 0 {
            depth -= 1
            let current = program.states[Int(stack[depth])]
            switch current.kind {
            case .consume, .match: break
            case .look:
                let next = UInt16(truncatingIfNeeded: current.first)
                if current.look & ~looks == 0, mark(next, set) {
                    stack[depth] = next
                    depth += 1
                }
            case .split:
                // A state is marked before it is pushed, so the stack never holds more than all states.
                let second = UInt16(truncatingIfNeeded: current.second)
                if mark(second, set) {
                    stack[depth] = second
                    depth += 1
                }
                let first = UInt16(truncatingIfNeeded: current.first)
                if mark(first, set) {
                    stack[depth] = first
                    depth += 1
                }
            }
        }
    }

    /// True if the state was not in the set.
    private func mark(_ state: UInt16, _ set: UnsafeMutablePointer<UInt64>) -> Bool {
        let bit = UInt64(1) << UInt64(state & 63)
        let word = set + Int(state >> 6)
        if word.pointee & bit != 0 { return false }
        word.pointee |= bit
        return true
    }

    func hasMatch(_ set: UnsafeMutablePointer<UInt64>) -> Bool {
        set[0] & 1 << UInt64(ProgramBuilder.match) != 0
    }

    private func hasLook(_ set: UnsafeMutablePointer<UInt64>, _ program: Program) -> Bool {
        if program.looks.isEmpty { return false }
        for word in 0..<program.words where set[word] & program.lookStates[word] != 0 { return true }
        return false
    }

    /// Moves from `here`, whose past is `context`, over a byte or the end of the text (nil) to `there`, which is empty
    /// before. `here` is spoilt.
    func step(_ program: Program, _ context: Context, _ byte: UInt8?) -> Outcome {
        if hasLook(here, program) {
            let looks = conditions(context, byte)
            for word in 0..<program.words {
                var bits = here[word] & program.lookStates[word]
                while bits != 0 {
                    let state = program.states[word << 6 | bits.trailingZeroBitCount]
                    bits &= bits - 1
                    if state.look & ~looks == 0 {
                        insert(UInt16(truncatingIfNeeded: state.first), into: here, program, looks: looks)
                    }
                }
            }
        }
        let searching = context.contains(.searching)
        if (searching || byte == nil) && hasMatch(here) { return .accepted }
        guard let byte else { return .dead }
        for word in 0..<program.words {
            var bits = here[word]
            while bits != 0 {
                let state = program.states[word << 6 | bits.trailingZeroBitCount]
                bits &= bits - 1
                if state.kind != .consume { continue }
                var transition = program.transitions + Int(state.first)
                let end = transition + Int(state.second)
                while transition < end, transition.pointee.hi < byte { transition += 1 }
                if transition < end, transition.pointee.lo <= byte {
                    insert(transition.pointee.next, into: there, program)
                }
            }
        }
        if searching {
            if !program.isAnchored { insert(program.findStart, into: there, program) }
            if hasMatch(there) { return .accepted }
        }
        var next: Context = searching ? .searching : []
        if hasLook(there, program) { next.formUnion(Self.context(program, after: byte)) }
        for word in 0..<program.words where there[word] != 0 { return .alive(next) }
        return .dead
    }
}
