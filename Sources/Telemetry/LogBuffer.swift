// Where finished records become bytes: one growable buffer per worker and log file. It is filled line by line and handed
// to the writer whole, getting a recycled one back, so that a line is neither allocated nor copied after it was written.
// The formatting code works on `Output`, a plain value, and stores it back once per line.

/// Growable bytes with a write position. Owned by exactly one `LogBuffer` or chunk.
struct Output {
    var base: UnsafeMutablePointer<UInt8>
    var count = 0
    var capacity: Int
    /// The last second that was rendered, and its text; see `append(instant:)`.
    var cachedSecond = Int64.min
    var cachedText: (UInt64, UInt64, UInt64) = (0, 0, 0)

    init(capacity: Int) {
        base = .allocate(capacity: capacity)
        self.capacity = capacity
    }

    @inline(__always) mutating func reserve(_ extra: Int) {
        if capacity - count < extra { grow(extra) }
    }

    @inline(never) private mutating func grow(_ extra: Int) {
        let wanted = max(capacity * 2, count + extra)
        let larger = UnsafeMutablePointer<UInt8>.allocate(capacity: wanted)
        larger.update(from: base, count: count)
        base.deallocate()
        base = larger
        capacity = wanted
    }

    @inline(__always) mutating func append(_ byte: UInt8) {
        reserve(1)
        base[count] = byte
        count += 1
    }

    @inline(__always) mutating func append(_ bytes: UnsafePointer<UInt8>, _ size: Int) {
        reserve(size)
        (base + count).update(from: bytes, count: size)
        count += size
    }

    @inline(__always) mutating func append(_ bytes: UnsafeBufferPointer<UInt8>) {
        guard let start = bytes.baseAddress else { return }
        append(start, bytes.count)
    }

    @inline(__always) mutating func append(_ bytes: [UInt8]) {
        bytes.withUnsafeBufferPointer { append($0) }
    }

    @inline(__always) mutating func append(_ text: StaticString) {
        append(text.utf8Start, text.utf8CodeUnitCount)
    }

    mutating func append(decimal value: UInt64) {
        reserve(20)
        var rest = value
        var digits = 1
        var bound: UInt64 = 10
        while rest >= bound {
            digits += 1
            if digits == 20 { break }
            bound &*= 10
        }
        var position = count + digits
        repeat {
            position -= 1
            base[position] = UInt8(truncatingIfNeeded: rest % 10) &+ 0x30
            rest /= 10
        } while position > count
        count += digits
    }

    mutating func append(decimal value: Int64) {
        if value < 0 { append(UInt8(ascii: "-")) }
        append(decimal: value.magnitude)
    }

    @inline(__always) mutating func append(decimal value: Int) { append(decimal: Int64(value)) }

    /// The lowest `width` digits of a number, with leading zeros.
    @inline(__always) mutating func append(padded value: Int, width: Int) {
        reserve(width)
        var rest = UInt64(bitPattern: Int64(value))
        var position = count + width
        while position > count {
            position -= 1
            base[position] = UInt8(truncatingIfNeeded: rest % 10) &+ 0x30
            rest /= 10
        }
        count += width
    }

    /// Nanoseconds as milliseconds with three decimals.
    mutating func append(milliseconds nanoseconds: Int64) {
        let microseconds = nanoseconds / 1000
        append(decimal: microseconds / 1000)
        append(UInt8(ascii: "."))
        append(padded: Int(microseconds % 1000), width: 3)
    }
}

/// Finished lines on their way to one log file. It belongs to one worker.
public final class LogBuffer {
    var output: Output
    /// Records in the buffer.
    public internal(set) var lines = 0

    /// Bytes that one record may add without the buffer growing are part of this first size, as workers hand over at
    /// 32 KiB.
    static let initialCapacity = 64 << 10

    public init() { output = Output(capacity: Self.initialCapacity) }

    deinit { output.base.deallocate() }

    /// Bytes waiting.
    public var count: Int { output.count }
    public var isEmpty: Bool { output.count == 0 }

    /// Forgets the lines, which then belong to no counter.
    public func removeAll(keepingCapacity: Bool = true) {
        output.count = 0
        lines = 0
        guard !keepingCapacity, output.capacity > Self.initialCapacity else { return }
        output.base.deallocate()
        output.base = .allocate(capacity: Self.initialCapacity)
        output.capacity = Self.initialCapacity
    }

    /// Reads the waiting bytes; the pointer is valid inside `body` only.
    public func withBytes<Result>(_ body: (UnsafeBufferPointer<UInt8>) throws -> Result) rethrows -> Result {
        try body(UnsafeBufferPointer(start: output.base, count: output.count))
    }
}
