/// Comparisons of byte runs as predicates need them: plain or with ASCII case folded, never locale-aware.
///
/// With folding, the expected side is already lower case (the snapshot stores it so); only the request's side is folded.

typealias Bytes = UnsafeBufferPointer<UInt8>

enum ASCII {
    @inline(__always) static func lower(_ byte: UInt8) -> UInt8 { byte &- 0x41 < 26 ? byte | 0x20 : byte }

    static func lower(_ text: String) -> [UInt8] { text.utf8.map { lower($0) } }

    @inline(__always) static func isSpace(_ byte: UInt8) -> Bool { byte == 0x20 || byte == 0x09 }

    /// Without leading and trailing blanks (optional whitespace of RFC 9110 5.6.3).
    static func trimmed(_ bytes: Bytes) -> Bytes {
        var start = 0
        var end = bytes.count
        while start < end, isSpace(bytes[start]) { start += 1 }
        while end > start, isSpace(bytes[end - 1]) { end -= 1 }
        return Bytes(rebasing: bytes[start..<end])
    }

    static func equal(_ bytes: Bytes, _ expected: Bytes, folding: Bool = false) -> Bool {
        bytes.count == expected.count && hasPrefix(bytes, expected, folding: folding)
    }

    static func hasPrefix(_ bytes: Bytes, _ expected: Bytes, folding: Bool = false) -> Bool {
        guard bytes.count >= expected.count else { return false }
        var index = 0
        if folding {
            while index < expected.count {
                if lower(bytes[index]) != expected[index] { return false }
                index += 1
            }
        } else {
            while index < expected.count {
                if bytes[index] != expected[index] { return false }
                index += 1
            }
        }
        return true
    }

    static func hasSuffix(_ bytes: Bytes, _ expected: Bytes, folding: Bool = false) -> Bool {
        guard bytes.count >= expected.count else { return false }
        return hasPrefix(
            Bytes(rebasing: bytes[(bytes.count - expected.count)...]), expected, folding: folding)
    }

    /// Knuth, Morris and Pratt's search: linear whatever the bytes are. `borders` is `borders(of: expected)`.
    static func contains(_ bytes: Bytes, _ expected: Bytes, borders: UnsafePointer<Int32>, folding: Bool) -> Bool {
        if expected.isEmpty { return true }
        var matched = 0
        for raw in bytes {
            let byte = folding ? lower(raw) : raw
            while matched > 0, expected[matched] != byte { matched = Int(borders[matched - 1]) }
            if expected[matched] == byte { matched += 1 }
            if matched == expected.count { return true }
        }
        return false
    }

    /// For each prefix of `text` the length of its longest proper prefix that is also its suffix.
    static func borders(of text: [UInt8]) -> [Int32] {
        var borders = [Int32](repeating: 0, count: text.count)
        var length = 0
        for index in text.indices.dropFirst() {
            while length > 0, text[index] != text[length] { length = Int(borders[length - 1]) }
            if text[index] == text[length] { length += 1 }
            borders[index] = Int32(length)
        }
        return borders
    }

    /// A base-10 64-bit integer with an optional sign and nothing else (dataplane.md 1.1: `1x` is none).
    static func integer(_ bytes: Bytes) -> Int64? {
        var index = 0
        var isNegative = false
        if bytes.count > 0, bytes[0] == 0x2D || bytes[0] == 0x2B {
            isNegative = bytes[0] == 0x2D
            index = 1
        }
        guard index < bytes.count else { return nil }
        var value: Int64 = 0
        while index < bytes.count {
            let digit = bytes[index] &- 0x30
            guard digit < 10 else { return nil }
            let (product, overflowed) = value.multipliedReportingOverflow(by: 10)
            let step = isNegative ? -Int64(digit) : Int64(digit)
            let (sum, alsoOverflowed) = product.addingReportingOverflow(step)
            guard !overflowed, !alsoOverflowed else { return nil }
            value = sum
            index += 1
        }
        return value
    }
}

/// An authority taken apart: `host [":" port]` (RFC 3986 3.2), where the host may be a bracketed IPv6 literal.
struct Authority {
    enum Port: Equatable { case none, number(Int32), malformed }

    /// Length of the host at the start of the text, without a trailing dot. Brackets belong to it.
    var hostCount: Int
    var port: Port

    init(_ bytes: Bytes) {
        var end = 0
        if bytes.count > 0, bytes[0] == 0x5B {
            while end < bytes.count, bytes[end] != 0x5D { end += 1 }
            if end < bytes.count { end += 1 }
        }
        while end < bytes.count, bytes[end] != 0x3A { end += 1 }
        hostCount = end
        if hostCount > 1, bytes[hostCount - 1] == 0x2E { hostCount -= 1 }
        // `host:` has an empty port, which is as good as none (RFC 3986 3.2.3).
        guard end + 1 < bytes.count else {
            port = .none
            return
        }
        var value: Int32 = 0
        for index in (end + 1)..<bytes.count {
            let digit = bytes[index] &- 0x30
            guard digit < 10, value <= 6553 else {
                port = .malformed
                return
            }
            value = value * 10 + Int32(digit)
        }
        port = value <= 65535 ? .number(value) : .malformed
    }
}
