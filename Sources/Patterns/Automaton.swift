/// The deterministic automaton of one pattern in one scratch, built while it is used.
///
/// A state is a set of program states with a context; its row holds, per class of bytes and for the end of the text,
/// the next row. Rows are addressed by their first cell. Three rows are not states: 0 says "not known yet", the
/// next two that the text cannot match and that it does. Memory grows by doubling up to the limits and is then
/// emptied, not extended, so a long-lived worker neither grows without end nor allocates when warm.
struct Automaton {
    struct Member {
        var first: Int
        var count: Int
        var hash: Int
        var context: Simulation.Context
    }

    static let unknown: UInt32 = 0
    private static let reserved = 3

    /// Cells of a row: the classes and the end of the text.
    let stride: Int
    let dead: UInt32
    let accepted: UInt32
    private(set) var rows: UnsafeMutablePointer<UInt32>
    private var members: UnsafeMutablePointer<Member>
    private var rowCapacity: Int
    private(set) var rowCount: Int
    private var pool: UnsafeMutablePointer<UInt16>
    private var poolCapacity: Int
    private var poolCount = 0
    /// Open-addressed hash table of rows, twice as large as the rows.
    private var table: UnsafeMutablePointer<UInt32>
    /// First rows of a whole match and of a search; 0 while unknown.
    var starts: (whole: UInt32, find: UInt32) = (0, 0)
    /// The scratch's sweep in which the automaton was last used.
    var lastUse = 0

    static func bytes(rows: Int, stride: Int, pool: Int) -> Int {
        let cell = MemoryLayout<UInt32>.stride
        return rows * (stride * cell + MemoryLayout<Member>.stride + 2 * cell)
            + pool * MemoryLayout<UInt16>.stride
    }

    /// Bytes a new automaton takes.
    static func initialBytes(_ program: Program) -> Int {
        bytes(rows: 16, stride: program.classCount + 1, pool: max(64, program.stateCount))
    }

    init(_ program: Program) {
        stride = program.classCount + 1
        dead = UInt32(stride)
        accepted = UInt32(2 * stride)
        rowCapacity = 16
        rowCount = Self.reserved
        poolCapacity = max(64, program.stateCount)
        rows = .allocate(capacity: rowCapacity * stride)
        rows.initialize(repeating: Self.unknown, count: rowCapacity * stride)
        members = .allocate(capacity: rowCapacity)
        pool = .allocate(capacity: poolCapacity)
        table = .allocate(capacity: rowCapacity * 2)
        table.initialize(repeating: 0, count: rowCapacity * 2)
    }

    func deallocate() {
        rows.deallocate()
        members.deallocate()
        pool.deallocate()
        table.deallocate()
    }

    var bytes: Int { Self.bytes(rows: rowCapacity, stride: stride, pool: poolCapacity) }

    /// Forgets all states and keeps the memory.
    mutating func empty() {
        rowCount = Self.reserved
        poolCount = 0
        starts = (0, 0)
        table.update(repeating: 0, count: rowCapacity * 2)
    }

    func context(of row: UInt32) -> Simulation.Context {
        members[Int(row) / stride].context
    }

    /// Puts a row's program states into an empty set.
    func load(_ row: UInt32, into set: UnsafeMutablePointer<UInt64>) {
        let member = members[Int(row) / stride]
        for index in member.first..<member.first + member.count {
            set[Int(pool[index] >> 6)] |= 1 << UInt64(pool[index] & 63)
        }
    }

    /// The row of a set, new if need be; nil if there is no room, which `available` bytes more could make.
    mutating func row(
        for set: UnsafeMutablePointer<UInt64>, _ context: Simulation.Context, _ program: Program, available: Int
    ) -> UInt32? {
        var budget = available
        if poolCapacity - poolCount < program.stateCount {
            guard grow(rows: rowCapacity, pool: poolCapacity * 2, &budget) else { return nil }
        }
        if rowCount == rowCapacity {
            guard grow(rows: rowCapacity * 2, pool: poolCapacity, &budget) else { return nil }
        }
        let first = poolCount
        var count = 0
        var hash = UInt(context.rawValue) &+ 0x9E37_79B9_7F4A_7C15
        for word in 0..<program.words {
            var bits = set[word]
            while bits != 0 {
                let state = word << 6 | bits.trailingZeroBitCount
                bits &= bits - 1
                // Splits lead on without a byte: what they reach is in the set.
                if program.states[state].kind == .split { continue }
                pool[first + count] = UInt16(truncatingIfNeeded: state)
                count += 1
                hash = (hash ^ UInt(state)) &* 0x0000_0100_0000_01B3
            }
        }
        let member = Member(
            first: first, count: count, hash: Int(truncatingIfNeeded: hash ^ hash >> 32), context: context)
        var slot = member.hash & (rowCapacity * 2 - 1)
        while table[slot] != 0 {
            if equals(members[Int(table[slot])], member) { return table[slot] * UInt32(stride) }
            slot = (slot + 1) & (rowCapacity * 2 - 1)
        }
        table[slot] = UInt32(rowCount)
        (members + rowCount).initialize(to: member)
        poolCount += count
        let row = UInt32(rowCount * stride)
        (rows + Int(row)).update(repeating: Self.unknown, count: stride)
        rowCount += 1
        return row
    }

    func set(_ row: UInt32, _ cell: Int, to next: UInt32) {
        rows[Int(row) + cell] = next
    }

    private func equals(_ left: Member, _ right: Member) -> Bool {
        guard left.hash == right.hash, left.count == right.count, left.context == right.context else { return false }
        for index in 0..<left.count where pool[left.first + index] != pool[right.first + index] { return false }
        return true
    }

    private mutating func grow(rows newRows: Int, pool newPool: Int, _ budget: inout Int) -> Bool {
        let newBytes = Self.bytes(rows: newRows, stride: stride, pool: newPool)
        let more = newBytes - bytes
        guard more <= budget else { return false }
        budget -= more
        if newPool > poolCapacity {
            let larger = UnsafeMutablePointer<UInt16>.allocate(capacity: newPool)
            larger.update(from: pool, count: poolCount)
            pool.deallocate()
            pool = larger
            poolCapacity = newPool
        }
        guard newRows > rowCapacity else { return true }
        let largerRows = UnsafeMutablePointer<UInt32>.allocate(capacity: newRows * stride)
        largerRows.update(from: rows, count: rowCount * stride)
        rows.deallocate()
        rows = largerRows
        let largerMembers = UnsafeMutablePointer<Member>.allocate(capacity: newRows)
        largerMembers.update(from: members, count: rowCount)
        members.deallocate()
        members = largerMembers
        table.deallocate()
        table = .allocate(capacity: newRows * 2)
        table.initialize(repeating: 0, count: newRows * 2)
        rowCapacity = newRows
        for row in Self.reserved..<rowCount {
            var slot = members[row].hash & (newRows * 2 - 1)
            while table[slot] != 0 { slot = (slot + 1) & (newRows * 2 - 1) }
            table[slot] = UInt32(row)
        }
        return true
    }
}
