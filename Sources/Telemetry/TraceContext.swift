// Identifiers of distributed traces and the two headers that Trellis takes part in: W3C Trace Context's `traceparent`
// (Recommendation of 23 November 2021) and AWS X-Ray's `x-amzn-trace-id`. Reading is strict, as what is not a valid
// identifier must not be spread further; writing makes nothing but valid values. All of it is pure: bytes in, values out.

/// A trace's 128 bits. X-Ray writes them as `1-<8 digits>-<24 digits>`, the first being seconds since 1970, W3C as 32 digits.
public struct TraceID: Sendable, Hashable {
    public var high: UInt64
    public var low: UInt64

    public init(high: UInt64, low: UInt64) {
        self.high = high
        self.low = low
    }

    /// A new identifier in X-Ray's form: the time of the first request, then 96 random bits.
    public init(second: Int64, random: inout some RandomNumberGenerator) {
        let time = UInt64(UInt32(truncatingIfNeeded: second))
        self.init(high: time << 32 | random.next() >> 32, low: random.next())
    }

    /// No trace has the identifier that is all zero (W3C 3.2.2.3).
    var isZero: Bool { high | low == 0 }
}

/// One proxy's part of a trace, an X-Ray segment: what it passes on and, if sampled, reports.
public struct TraceSpan: Sendable, Equatable {
    public var traceID: TraceID
    /// The segment's own identifier, never 0; the parent of whatever comes after it.
    public var id: UInt64
    /// The segment or span that caused it; 0 if nobody said so.
    public var parentID: UInt64
    /// Decided once for a trace, by its first participant that decides anything.
    public var isSampled: Bool
    /// The request came from the proxy's own workload.
    public var isEgress: Bool

    public init(traceID: TraceID, id: UInt64, parentID: UInt64 = 0, isSampled: Bool, isEgress: Bool = false) {
        self.traceID = traceID
        self.id = id
        self.parentID = parentID
        self.isSampled = isSampled
        self.isEgress = isEgress
    }
}

/// A valid `traceparent` (W3C 3.2).
public struct TraceParent: Sendable, Equatable {
    public var traceID: TraceID
    public var parentID: UInt64
    public var flags: UInt8

    /// Length in version 00, the one that is written.
    static let bytes = 55
    static let sampled: UInt8 = 0x01
    /// The trace's last 7 bytes are random (Level 2, 3.2.2.5.2); whoever continues a trace keeps this flag.
    static let random: UInt8 = 0x02

    public init(traceID: TraceID, parentID: UInt64, flags: UInt8) {
        self.traceID = traceID
        self.parentID = parentID
        self.flags = flags
    }

    /// nil unless the value is valid: lower-case digits, no identifier zero, not version ff. A version above 00 is read as far
    /// as version 00 goes, if it ends there or goes on with a dash (W3C 3.2.4 and "Versioning of traceparent").
    public init?(_ value: UnsafeBufferPointer<UInt8>) {
        guard value.count >= Self.bytes, value[2] == .dash, value[35] == .dash, value[52] == .dash,
            let version = Hex.value(value, 0, 2, upperCase: false), version != 0xFF,
            version == 0 ? value.count == Self.bytes : value.count == Self.bytes || value[Self.bytes] == .dash,
            let high = Hex.value(value, 3, 16, upperCase: false), let low = Hex.value(value, 19, 16, upperCase: false),
            let parent = Hex.value(value, 36, 16, upperCase: false), parent != 0,
            let flags = Hex.value(value, 53, 2, upperCase: false)
        else { return nil }
        self.init(traceID: TraceID(high: high, low: low), parentID: parent, flags: UInt8(truncatingIfNeeded: flags))
        if traceID.isZero { return nil }
    }

    public var isSampled: Bool { flags & Self.sampled != 0 }

    /// Writes the value in version 00 and returns its length; `space` must have room for 55 bytes.
    func write(to space: UnsafeMutableBufferPointer<UInt8>) -> Int {
        space[0] = UInt8(ascii: "0")
        space[1] = UInt8(ascii: "0")
        space[2] = .dash
        Hex.write(traceID.high, 16, to: space, at: 3)
        Hex.write(traceID.low, 16, to: space, at: 19)
        space[35] = .dash
        Hex.write(parentID, 16, to: space, at: 36)
        space[52] = .dash
        Hex.write(UInt64(flags), 2, to: space, at: 53)
        return Self.bytes
    }
}

/// An `x-amzn-trace-id`: `Root=1-…;Parent=…;Sampled=1` and fields of other participants, in any order.
public struct XRayHeader: Sendable, Equatable {
    public enum Sampling: Sendable, Equatable {
        case unsaid
        /// `Sampled=?`: whoever comes next decides.
        case asked
        case yes, no
    }

    /// nil if the header names no trace.
    public var root: TraceID?
    /// 0 if there is none, or none that is valid.
    public var parentID: UInt64 = 0
    public var sampling = Sampling.unsaid

    /// nil if `Root` is there and is not one valid identifier: nothing in such a header is to be believed.
    public init?(_ value: UnsafeBufferPointer<UInt8>) {
        var fields = Fields(value)
        while let field = fields.next() {
            switch field.key {
            case .root:
                guard root == nil, let found = Self.root(field.value) else { return nil }
                root = found
            case .parent:
                if field.value.count == 16 { parentID = Hex.value(field.value, 0, 16, upperCase: true) ?? 0 }
            case .sampled:
                guard field.value.count == 1 else { continue }
                switch field.value[0] {
                case UInt8(ascii: "1"): sampling = .yes
                case UInt8(ascii: "0"): sampling = .no
                case UInt8(ascii: "?"): sampling = .asked
                default: break
                }
            case .other: break
            }
        }
    }

    private static func root(_ value: UnsafeBufferPointer<UInt8>) -> TraceID? {
        guard value.count == 35, value[0] == UInt8(ascii: "1"), value[1] == .dash, value[10] == .dash,
            let time = Hex.value(value, 2, 8, upperCase: true), let middle = Hex.value(value, 11, 8, upperCase: true),
            let low = Hex.value(value, 19, 16, upperCase: true)
        else { return nil }
        let id = TraceID(high: time << 32 | middle, low: low)
        return id.isZero ? nil : id
    }

    // MARK: Writing

    /// Bytes of `Root=1-…;Parent=…;Sampled=1`.
    static let ownBytes = 74

    /// Writes the header of `span`, then the fields of `old` that are nobody's here, such as `Self` and `Lineage`. Returns the
    /// length; `space` must have room for `ownBytes` and, with a semicolon, all of `old`.
    static func write(
        _ span: TraceSpan, keepingOthersOf old: UnsafeBufferPointer<UInt8>,
        to space: UnsafeMutableBufferPointer<UInt8>
    ) -> Int {
        var used = put("Root=1-", to: space, at: 0)
        used = writeRootDigits(span.traceID, to: space, at: used)
        used = put(";Parent=", to: space, at: used)
        used = Hex.write(span.id, 16, to: space, at: used)
        used = put(span.isSampled ? ";Sampled=1" : ";Sampled=0", to: space, at: used)
        var fields = Fields(old)
        while let field = fields.next() {
            guard case .other = field.key else { continue }
            space[used] = .semicolon
            used += 1
            for byte in field.whole {
                space[used] = byte
                used += 1
            }
        }
        return used
    }

    /// What follows `1-`.
    @discardableResult
    static func writeRootDigits(_ id: TraceID, to space: UnsafeMutableBufferPointer<UInt8>, at start: Int) -> Int {
        Hex.write(id.high >> 32, 8, to: space, at: start)
        space[start + 8] = .dash
        Hex.write(id.high, 8, to: space, at: start + 9)
        return Hex.write(id.low, 16, to: space, at: start + 17)
    }

    private static func put(_ text: StaticString, to space: UnsafeMutableBufferPointer<UInt8>, at start: Int) -> Int {
        for index in 0..<text.utf8CodeUnitCount { space[start + index] = text.utf8Start[index] }
        return start + text.utf8CodeUnitCount
    }

    // MARK: Fields

    private enum Key { case root, parent, sampled, other }

    private struct Field {
        var key: Key
        var value: UnsafeBufferPointer<UInt8>
        var whole: UnsafeBufferPointer<UInt8>
    }

    /// `key=value`, separated by semicolons and any blanks. What has no equals sign is no field.
    private struct Fields {
        private let bytes: UnsafeBufferPointer<UInt8>
        private var position = 0

        init(_ bytes: UnsafeBufferPointer<UInt8>) { self.bytes = bytes }

        mutating func next() -> Field? {
            while position < bytes.count {
                var start = position
                var end = start
                while end < bytes.count, bytes[end] != .semicolon { end += 1 }
                position = end + 1
                while start < end, bytes[start].isBlank { start += 1 }
                while start < end, bytes[end - 1].isBlank { end -= 1 }
                let whole = UnsafeBufferPointer(rebasing: bytes[start..<end])
                guard let equals = whole.firstIndex(of: UInt8(ascii: "=")), equals > 0 else { continue }
                return Field(
                    key: Self.key(whole, equals), value: UnsafeBufferPointer(rebasing: whole[(equals + 1)...]),
                    whole: whole)
            }
            return nil
        }

        private static func key(_ bytes: UnsafeBufferPointer<UInt8>, _ count: Int) -> Key {
            if isWord(bytes, count, "root") { return .root }
            if isWord(bytes, count, "parent") { return .parent }
            return isWord(bytes, count, "sampled") ? .sampled : .other
        }

        private static func isWord(_ bytes: UnsafeBufferPointer<UInt8>, _ count: Int, _ word: StaticString) -> Bool {
            guard count == word.utf8CodeUnitCount else { return false }
            for index in 0..<count where bytes[index] | 0x20 != word.utf8Start[index] { return false }
            return true
        }
    }
}

/// Hexadecimal digits of fixed width.
enum Hex {
    /// The number in `count` digits, at most 16, from `start` on; nil if there is anything else among them.
    static func value(_ bytes: UnsafeBufferPointer<UInt8>, _ start: Int, _ count: Int, upperCase: Bool) -> UInt64? {
        guard start + count <= bytes.count else { return nil }
        var value: UInt64 = 0
        for index in start..<(start + count) {
            let digit: UInt8
            switch bytes[index] {
            case UInt8(ascii: "0")...UInt8(ascii: "9"): digit = bytes[index] - UInt8(ascii: "0")
            case UInt8(ascii: "a")...UInt8(ascii: "f"): digit = bytes[index] - UInt8(ascii: "a") + 10
            case UInt8(ascii: "A")...UInt8(ascii: "F") where upperCase: digit = bytes[index] - UInt8(ascii: "A") + 10
            default: return nil
            }
            value = value << 4 | UInt64(digit)
        }
        return value
    }

    /// Writes the lowest `count` digits and returns where they end.
    @discardableResult
    static func write(
        _ value: UInt64, _ count: Int, to space: UnsafeMutableBufferPointer<UInt8>, at start: Int
    ) -> Int {
        let digits: StaticString = "0123456789abcdef"
        for index in 0..<count {
            let shift = UInt64(4 * (count - 1 - index))
            space[start + index] = digits.utf8Start[Int(truncatingIfNeeded: value >> shift & 15)]
        }
        return start + count
    }
}

extension UInt8 {
    fileprivate static var dash: UInt8 { UInt8(ascii: "-") }
    fileprivate static var semicolon: UInt8 { UInt8(ascii: ";") }
    fileprivate var isBlank: Bool { self == 0x20 || self == 0x09 }
}
