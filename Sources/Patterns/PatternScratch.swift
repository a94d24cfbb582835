/// One worker's memory for matching: the automata of the patterns it uses and the sets of the simulation.
///
/// It grows while patterns are new and is then reused; `PatternLimits` bounds it. A scratch belongs to one thread. It
/// does not keep patterns alive: automata of patterns that are no longer used make room when room is needed.
public final class PatternScratch {
    /// Outside of the object, so that matching pays for no exclusivity checks.
    let core: UnsafeMutablePointer<Core>

    public convenience init() {
        self.init(automatonBytes: PatternLimits.automatonBytes, scratchBytes: PatternLimits.scratchBytes)
    }

    /// With other limits, so that tests reach them.
    init(automatonBytes: Int, scratchBytes: Int) {
        core = .allocate(capacity: 1)
        core.initialize(to: Core(automatonBytes: automatonBytes, scratchBytes: scratchBytes))
    }

    deinit {
        core.pointee.deallocate()
        core.deinitialize(count: 1)
        core.deallocate()
    }

    /// Bytes that automata occupy now.
    var automatonBytes: Int { core.pointee.bytes }

    struct Core {
        private struct Slot {
            /// Of the pattern; 0 in an empty slot.
            var identity: UInt64
            var automaton: UnsafeMutablePointer<Automaton>?
        }

        var simulation = Simulation()
        private let automatonBytes: Int
        private let scratchBytes: Int
        private(set) var bytes = 0
        /// Open-addressed hash table, at most half full.
        private var slots: UnsafeMutablePointer<Slot>
        private var slotCapacity = 16
        private var slotCount = 0
        private var sweep = 1
        private var refusals = 0
        /// Requests refused before another look for unused automata.
        private static let refusalsPerSweep = 1_000

        init(automatonBytes: Int, scratchBytes: Int) {
            self.automatonBytes = automatonBytes
            self.scratchBytes = scratchBytes
            slots = .allocate(capacity: slotCapacity)
            slots.initialize(repeating: Slot(identity: 0, automaton: nil), count: slotCapacity)
        }

        func deallocate() {
            for index in 0..<slotCapacity { Self.deallocate(slots[index].automaton) }
            slots.deallocate()
            simulation.deallocate()
        }

        private static func deallocate(_ automaton: UnsafeMutablePointer<Automaton>?) {
            guard let automaton else { return }
            automaton.pointee.deallocate()
            automaton.deallocate()
        }

        /// Bytes by which an automaton that has `bytes` of them may grow.
        func available(_ bytes: Int) -> Int { min(scratchBytes - self.bytes, automatonBytes - bytes) }

        /// The pattern's automaton, or nil when there is no room for a new one.
        @inline(__always)
        mutating func automaton(_ identity: UInt64, _ program: Program) -> UnsafeMutablePointer<Automaton>? {
            var index = Self.home(identity, slotCapacity)
            while slots[index].identity != 0 {
                if slots[index].identity == identity {
                    slots[index].automaton?.pointee.lastUse = sweep
                    return slots[index].automaton
                }
                index = (index + 1) & (slotCapacity - 1)
            }
            return makeAutomaton(identity, program)
        }

        private static func home(_ identity: UInt64, _ capacity: Int) -> Int {
            Int(truncatingIfNeeded: (identity &* 0x9E37_79B9_7F4A_7C15) >> 32) & (capacity - 1)
        }

        @inline(never)
        private mutating func makeAutomaton(
            _ identity: UInt64, _ program: Program
        ) -> UnsafeMutablePointer<Automaton>? {
            let needed = Automaton.initialBytes(program)
            if needed > available(0) {
                refused(keeping: nil)
                if needed > available(0) { return nil }
            }
            let automaton = UnsafeMutablePointer<Automaton>.allocate(capacity: 1)
            automaton.initialize(to: Automaton(program))
            automaton.pointee.lastUse = sweep
            bytes += automaton.pointee.bytes
            if (slotCount + 1) * 2 > slotCapacity { rebuild(capacity: slotCapacity * 2) }
            place(Slot(identity: identity, automaton: automaton))
            return automaton
        }

        private mutating func place(_ slot: Slot) {
            var index = Self.home(slot.identity, slotCapacity)
            while slots[index].identity != 0 { index = (index + 1) & (slotCapacity - 1) }
            slots[index] = slot
            slotCount += 1
        }

        private mutating func rebuild(capacity: Int) {
            let old = slots
            let oldCapacity = slotCapacity
            slots = .allocate(capacity: capacity)
            slots.initialize(repeating: Slot(identity: 0, automaton: nil), count: capacity)
            slotCapacity = capacity
            slotCount = 0
            for index in 0..<oldCapacity where old[index].automaton != nil { place(old[index]) }
            old.deallocate()
        }

        /// Called when memory was asked for and there is none. From time to time it frees the automata that were not
        /// used since the time before. The one that asks is in use, however long ago its run looked it up: one run over
        /// a long text may be refused often enough for several sweeps.
        mutating func refused(keeping running: UnsafeMutablePointer<Automaton>?) {
            running?.pointee.lastUse = sweep
            refusals += 1
            guard refusals % Self.refusalsPerSweep == 1 else { return }
            var freed = false
            for index in 0..<slotCapacity {
                guard let automaton = slots[index].automaton, automaton.pointee.lastUse < sweep else { continue }
                freed = true
                bytes -= automaton.pointee.bytes
                Self.deallocate(automaton)
                slots[index].automaton = nil
            }
            sweep += 1
            if freed { rebuild(capacity: slotCapacity) }
        }

        /// Accounts for an automaton that has grown.
        mutating func grew(by more: Int) {
            bytes += more
        }
    }
}
