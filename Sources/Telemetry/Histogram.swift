// Distributions of durations in log-linear buckets: 90 to a decade, so that every bound that Envoy's Prometheus output has
// (two significant digits at most) is the bound of a bucket, and a percentile is off by at most a tenth. Recording is one
// bucket and two sums, without a lock; one worker writes and anyone reads.

import Synchronization

/// A distribution of durations on one worker. One thread writes; anyone may read.
///
/// `@unchecked Sendable`: the memory is touched only atomically, and there is one writer by contract.
public final class Histogram: @unchecked Sendable {
    // In microseconds: 0…9 exactly, then ten to the power of 1…10 times 10…99.
    static let exactCount = 10
    static let decades = 10
    static let bucketCount = exactCount + decades * 90

    /// Made when the first value is recorded: most histograms of a mesh never see one.
    private let buckets = Atomic<UInt>(0)
    private let sumNanoseconds = Atomic<Int64>(0)

    public init() {}

    deinit { UnsafeMutableRawPointer(bitPattern: buckets.load(ordering: .relaxed))?.deallocate() }

    /// Records a duration; negative ones count as 0 and those above 27 hours as 27 hours. Owning worker only.
    public func record(nanoseconds: Int64) {
        let value = max(nanoseconds, 0)
        let index = Self.bucket(microseconds: UInt64(value) / 1000)
        let table = self.table()
        table[index].store(table[index].load(ordering: .relaxed) &+ 1, ordering: .relaxed)
        sumNanoseconds.store(sumNanoseconds.load(ordering: .relaxed) &+ value, ordering: .relaxed)
    }

    private func table() -> UnsafeMutablePointer<Atomic<Int64>> {
        if let table = UnsafeMutablePointer<Atomic<Int64>>(bitPattern: buckets.load(ordering: .relaxed)) {
            return table
        }
        let raw = UnsafeMutableRawPointer.allocate(byteCount: Self.bucketCount * 8, alignment: 128)
        let table = raw.bindMemory(to: Atomic<Int64>.self, capacity: Self.bucketCount)
        for index in 0..<Self.bucketCount { (table + index).initialize(to: Atomic(0)) }
        buckets.store(UInt(bitPattern: table), ordering: .releasing)
        return table
    }

    static func bucket(microseconds: UInt64) -> Int {
        if microseconds < 10 { return Int(microseconds) }
        var digits = microseconds
        var decade = 0
        while digits >= 100 {
            digits /= 10
            decade += 1
        }
        guard decade < decades else { return bucketCount - 1 }
        return exactCount + decade * 90 + Int(digits) - 10
    }

    /// Lower bound of a bucket in microseconds; that of the one behind is its upper bound.
    static func lowerBound(_ bucket: Int) -> Double {
        if bucket < exactCount { return Double(bucket) }
        let decade = (bucket - exactCount) / 90
        var bound = Double((bucket - exactCount) % 90 + 10)
        for _ in 0..<decade { bound *= 10 }
        return bound
    }

    /// Adds this worker's values to a distribution.
    func add(to distribution: inout Distribution) {
        guard let table = UnsafeMutablePointer<Atomic<Int64>>(bitPattern: buckets.load(ordering: .acquiring)) else {
            return
        }
        if distribution.buckets.isEmpty { distribution.buckets = Array(repeating: 0, count: Self.bucketCount) }
        for index in 0..<Self.bucketCount {
            distribution.buckets[index] &+= table[index].load(ordering: .relaxed)
        }
        distribution.sumNanoseconds &+= sumNanoseconds.load(ordering: .relaxed)
    }
}

/// The values of all workers at one moment.
public struct Distribution: Sendable, Equatable {
    /// Empty if nothing was recorded.
    var buckets: [Int64] = []
    var sumNanoseconds: Int64 = 0

    public var count: Int64 { buckets.reduce(0, &+) }
    public var sumMilliseconds: Double { Double(sumNanoseconds) / 1_000_000 }

    /// Bounds of Envoy's default buckets, in milliseconds.
    public static let bounds: [Double] = [
        0.5, 1, 5, 10, 25, 50, 100, 250, 500, 1000, 2500, 5000, 10_000, 30_000, 60_000, 300_000, 600_000, 1_800_000,
        3_600_000,
    ]

    /// Values below each of `bounds`.
    public var cumulative: [Int64] {
        var result: [Int64] = []
        var total: Int64 = 0
        var index = 0
        for bound in Self.bounds {
            while index < buckets.count, Histogram.lowerBound(index) < bound * 1000 {
                total &+= buckets[index]
                index += 1
            }
            result.append(total)
        }
        return result
    }

    /// The value in milliseconds below which `percentile` (0…100) of all values lie, spread evenly inside a bucket. Nil if
    /// nothing was recorded.
    public func value(percentile: Double) -> Double? {
        let total = count
        guard total > 0 else { return nil }
        let wanted = Double(total) * min(max(percentile, 0), 100) / 100
        var below = 0.0
        var last = 0.0
        for (index, count) in buckets.enumerated() where count > 0 {
            let low = Histogram.lowerBound(index)
            let width = Histogram.lowerBound(index + 1) - low
            if below + Double(count) >= wanted {
                return (low + width * (wanted - below) / Double(count)) / 1000
            }
            below += Double(count)
            last = low + width
        }
        return last / 1000
    }

    /// What was added since an earlier moment.
    func subtracting(_ earlier: Distribution) -> Distribution {
        guard !earlier.buckets.isEmpty else { return self }
        var result = self
        for index in result.buckets.indices { result.buckets[index] &-= earlier.buckets[index] }
        result.sumNanoseconds &-= earlier.sumNanoseconds
        return result
    }
}
