// Counters without contention: every worker has a block of its own for each owner, so that counting is a plain load and
// store on a cache line that no other core writes. Readers add the workers up. A block lives as long as its
// `StatStore`, whatever snapshots come and go: counters outlive reloads.

import Synchronization

/// Counters and gauges of one owner on one worker. One thread writes; anyone may read.
///
/// `@unchecked Sendable`: the pointers are set once, the memory behind them is only touched atomically, and there is one
/// writer per block by contract.
public final class CounterBlock: @unchecked Sendable {
    /// Each slot holds the value shifted left by one and, in bit 0, whether it was ever written: "used" in Envoy's sense.
    @usableFromInline let slots: UnsafeMutablePointer<Atomic<Int64>>
    @usableFromInline let count: Int
    /// Answers by exact status, made when the first answer is counted.
    private let statuses = Atomic<UInt>(0)

    static let firstStatus = 100
    static let statusCount = 500

    /// `count` is the number of cases of the owner's `CounterSet`.
    public init(count: Int) {
        self.count = count
        slots = Self.allocate(count)
    }

    deinit {
        UnsafeMutableRawPointer(slots).deallocate()
        UnsafeMutableRawPointer(bitPattern: statuses.load(ordering: .relaxed))?.deallocate()
    }

    /// Whole cache lines (pairs, as processors fetch them), so that no two workers' counters share one.
    private static func allocate(_ count: Int) -> UnsafeMutablePointer<Atomic<Int64>> {
        let size = (max(count, 1) * 8 + 127) & ~127
        let raw = UnsafeMutableRawPointer.allocate(byteCount: size, alignment: 128)
        let slots = raw.bindMemory(to: Atomic<Int64>.self, capacity: size / 8)
        for index in 0..<(size / 8) { (slots + index).initialize(to: Atomic(0)) }
        return slots
    }

    /// Adds to the counter at `index`, which is a raw value of the owner's `CounterSet`. Owning worker only.
    @inlinable @inline(__always) public func add(_ index: Int, _ n: Int64 = 1) {
        precondition(index >= 0 && index < count)
        let old = slots[index].load(ordering: .relaxed)
        slots[index].store((old &+ (n &<< 1)) | 1, ordering: .relaxed)
    }

    /// Adds to a counter or, with a negative number, takes from a gauge. Owning worker only.
    @inlinable @inline(__always) public func add<Counter: CounterSet>(_ counter: Counter, _ n: Int64 = 1) {
        add(counter.rawValue, n)
    }

    /// Sets a gauge. Owning worker only; readers add the workers up, so one worker sets what is not per worker.
    @inlinable public func set<Counter: CounterSet>(_ counter: Counter, _ value: Int64) {
        precondition(counter.rawValue >= 0 && counter.rawValue < count)
        slots[counter.rawValue].store((value &<< 1) | 1, ordering: .relaxed)
    }

    @inlinable public func value(_ index: Int) -> Int64 {
        precondition(index >= 0 && index < count)
        return slots[index].load(ordering: .relaxed) &>> 1
    }

    @inlinable public func value<Counter: CounterSet>(_ counter: Counter) -> Int64 { value(counter.rawValue) }

    /// Whether the counter was ever written, even if a gauge is back at 0.
    @inlinable public func isUsed(_ index: Int) -> Bool {
        precondition(index >= 0 && index < count)
        return slots[index].load(ordering: .relaxed) & 1 != 0
    }

    /// Sets a counter back to 0; it stays "used". Owning worker only.
    func reset(_ index: Int) {
        let old = slots[index].load(ordering: .relaxed)
        slots[index].store(old & 1, ordering: .relaxed)
    }

    /// Sets the answers by status back to 0. Owning worker only.
    func resetStatuses() {
        let bits = statuses.load(ordering: .acquiring)
        guard let table = UnsafeMutablePointer<Atomic<Int64>>(bitPattern: bits) else { return }
        for index in 0..<Self.statusCount { table[index].store(0, ordering: .relaxed) }
    }

    // MARK: Answers by status

    /// Counts an answer of a cluster: `upstream_rq_completed`, `upstream_rq_2xx`, `upstream_rq_200`. A status outside 100 to 599
    /// says that there was no answer: nothing is counted.
    public func countUpstreamStatus(_ status: Int) {
        guard status >= Self.firstStatus, status < Self.firstStatus + Self.statusCount else { return }
        add(ClusterCounter.upstreamRqCompleted)
        add(ClusterCounter.upstreamRq1xx.rawValue + status / 100 - 1)
        let table = statusTable()
        let slot = status - Self.firstStatus
        table[slot].store((table[slot].load(ordering: .relaxed) &+ 2) | 1, ordering: .relaxed)
    }

    /// Counts an answer sent downstream: `downstream_rq_completed`, `downstream_rq_2xx`; as above, nothing for no answer.
    public func countDownstreamStatus(_ status: Int) {
        guard status >= Self.firstStatus, status < Self.firstStatus + Self.statusCount else { return }
        add(HTTPCounter.downstreamRqCompleted)
        add(HTTPCounter.downstreamRq1xx.rawValue + status / 100 - 1)
    }

    private func statusTable() -> UnsafeMutablePointer<Atomic<Int64>> {
        if let table = UnsafeMutablePointer<Atomic<Int64>>(bitPattern: statuses.load(ordering: .relaxed)) {
            return table
        }
        let table = Self.allocate(Self.statusCount)
        statuses.store(UInt(bitPattern: table), ordering: .releasing)
        return table
    }

    /// Answers with exactly this status.
    func statusValue(_ status: Int) -> Int64 {
        let bits = statuses.load(ordering: .acquiring)
        guard let table = UnsafeMutablePointer<Atomic<Int64>>(bitPattern: bits) else { return 0 }
        return table[status - Self.firstStatus].load(ordering: .relaxed) &>> 1
    }
}
