/// Running a program over a text: the automaton's loop, its slow path when a row is not known yet, and the
/// simulation when rows cannot be kept.
extension PatternScratch.Core {
    private enum Extension {
        case row(UInt32)
        /// There is no room for the row; the simulation's `here` holds its set.
        case noRoom(Simulation.Context)
    }

    /// A whole match begins after the program's prefix, which the caller has checked.
    mutating func run(
        _ program: Program, _ identity: UInt64, _ text: UnsafeBufferPointer<UInt8>, searching: Bool
    ) -> Bool {
        var position = searching ? 0 : program.prefixCount
        guard let automaton = automaton(identity, program) else {
            return simulate(program, load(program, searching), text, from: position)
        }
        var row = searching ? automaton.pointee.starts.find : automaton.pointee.starts.whole
        if row == Automaton.unknown {
            switch firstRow(automaton, program, searching) {
            case .row(let first): row = first
            case .noRoom(let context): return simulate(program, context, text, from: position)
            }
        }
        let accepted = automaton.pointee.accepted
        let classOf = program.classOf
        let count = text.count
        // Where this run last emptied the automaton; nil before the first time.
        var emptied: Int?
        while true {
            // Rows move when the automaton grows, hence the pointer is taken again after every extension.
            let rows = automaton.pointee.rows
            var next = row
            while next > accepted, position < count {
                row = next
                next = rows[Int(row) &+ Int(classOf[Int(text[position])])]
                position &+= 1
            }
            if next > accepted {
                row = next
                next = rows[Int(row) &+ program.classCount]
                if next == Automaton.unknown {
                    return atEnd(automaton, program, row)
                }
            }
            if next != Automaton.unknown { return next == accepted }
            switch extend(automaton, program, row, text[position - 1], position, &emptied) {
            case .row(let known): row = known
            case .noRoom(let context): return simulate(program, context, text, from: position)
            }
        }
    }

    /// Makes the simulation's `here` the set before the first byte.
    private mutating func load(_ program: Program, _ searching: Bool) -> Simulation.Context {
        simulation.prepare(program)
        simulation.insert(searching ? program.findStart : program.wholeStart, into: simulation.here, program)
        let before = searching || program.prefixCount == 0 ? nil : program.prefix[program.prefixCount - 1]
        return Simulation.initialContext(program, searching: searching, before: before)
    }

    @inline(never)
    private mutating func firstRow(
        _ automaton: UnsafeMutablePointer<Automaton>, _ program: Program, _ searching: Bool
    ) -> Extension {
        let context = load(program, searching)
        if searching && simulation.hasMatch(simulation.here) { return .row(automaton.pointee.accepted) }
        let extended = row(automaton, program, context)
        if case .row(let first) = extended {
            if searching {
                automaton.pointee.starts.find = first
            } else {
                automaton.pointee.starts.whole = first
            }
        }
        return extended
    }

    /// The row of the simulation's `here`.
    private mutating func row(
        _ automaton: UnsafeMutablePointer<Automaton>, _ program: Program, _ context: Simulation.Context
    ) -> Extension {
        let before = automaton.pointee.bytes
        let row = automaton.pointee.row(for: simulation.here, context, program, available: available(before))
        grew(by: automaton.pointee.bytes - before)
        if let row { return .row(row) }
        return .noRoom(context)
    }

    /// Finds out where the row leads on the byte before `position`.
    @inline(never)
    private mutating func extend(
        _ automaton: UnsafeMutablePointer<Automaton>, _ program: Program, _ from: UInt32, _ byte: UInt8,
        _ position: Int, _ emptied: inout Int?
    ) -> Extension {
        let cell = Int(program.classOf[Int(byte)])
        let outcome = step(automaton, program, from, byte)
        guard case .alive(let context) = outcome else {
            let end = outcome.isAccepted ? automaton.pointee.accepted : automaton.pointee.dead
            automaton.pointee.set(from, cell, to: end)
            return .row(end)
        }
        simulation.swap()
        if case .row(let next) = row(automaton, program, context) {
            automaton.pointee.set(from, cell, to: next)
            return .row(next)
        }
        refused(keeping: automaton)
        let states = automaton.pointee.rowCount
        if let last = emptied, position - last < states * PatternLimits.bytesPerStateMin {
            simulation.clear(simulation.there, program)
            return .noRoom(context)
        }
        emptied = position
        automaton.pointee.empty()
        let again = row(automaton, program, context)
        simulation.clear(simulation.there, program)
        return again
    }

    @inline(never)
    private mutating func atEnd(
        _ automaton: UnsafeMutablePointer<Automaton>, _ program: Program, _ row: UInt32
    ) -> Bool {
        let accepts = step(automaton, program, row, nil).isAccepted
        let end = accepts ? automaton.pointee.accepted : automaton.pointee.dead
        automaton.pointee.set(row, program.classCount, to: end)
        return accepts
    }

    private mutating func step(
        _ automaton: UnsafeMutablePointer<Automaton>, _ program: Program, _ row: UInt32, _ byte: UInt8?
    ) -> Simulation.Outcome {
        simulation.prepare(program)
        automaton.pointee.load(row, into: simulation.here)
        return simulation.step(program, automaton.pointee.context(of: row), byte)
    }

    /// Decides the rest of the text from the set in the simulation's `here`, with `there` empty.
    @inline(never)
    private mutating func simulate(
        _ program: Program, _ context: Simulation.Context, _ text: UnsafeBufferPointer<UInt8>, from start: Int
    ) -> Bool {
        var context = context
        for position in start..<text.count {
            switch simulation.step(program, context, text[position]) {
            case .dead: return false
            case .accepted: return true
            case .alive(let next): context = next
            }
            simulation.swap()
            simulation.clear(simulation.there, program)
        }
        return simulation.step(program, context, nil).isAccepted
    }
}
