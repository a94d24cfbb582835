// JSON strings from bytes that nobody vouches for. Whatever a client sends, the result is valid JSON (RFC 8259 7) and
// valid UTF-8: control characters, quotes and backslashes are escaped, and a value that is not UTF-8 is read as Latin-1,
// each of its bytes from 0x80 up becoming `\u00XX`, as Envoy does.

enum JSONText {
    /// A complete JSON value: a string with its quotes, or `null`.
    static func value(_ text: String?) -> [UInt8] {
        guard let text else { return Array("null".utf8) }
        return [UInt8(ascii: "\"")] + escaped(text) + [UInt8(ascii: "\"")]
    }

    /// The inside of a JSON string.
    static func escaped(_ text: String) -> [UInt8] {
        var output = Output(capacity: 64)
        defer { output.base.deallocate() }
        output.append(Array(text.utf8))
        escapeTail(of: &output, from: 0)
        return Array(UnsafeBufferPointer(start: output.base, count: output.count))
    }

    /// Escapes the bytes from `start` to the end of the output in place.
    @inline(__always) static func escapeTail(of output: inout Output, from start: Int) {
        var index = start
        let end = output.count
        while index + 8 <= end {
            let word = UnsafeRawPointer(output.base + index).loadUnaligned(as: UInt64.self)
            if hasSpecialByte(word) { return rewrite(&output, from: start) }
            index += 8
        }
        while index < end {
            if isSpecial(output.base[index]) { return rewrite(&output, from: start) }
            index += 1
        }
    }

    @inline(__always) private static func isSpecial(_ byte: UInt8) -> Bool {
        byte < 0x20 || byte >= 0x7F || byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "\\")
    }

    /// `isSpecial` for eight bytes at once. Subtracting carries a bit into the top of a byte that is smaller than the
    /// subtrahend; the carry can spill into the next byte, but only after a byte that is special itself.
    @inline(__always) private static func hasSpecialByte(_ word: UInt64) -> Bool {
        let ones: UInt64 = 0x0101_0101_0101_0101
        let quote = word ^ (ones &* 0x22)
        let backslash = word ^ (ones &* 0x5C)
        let delete = word ^ (ones &* 0x7F)
        let control = (word &- ones &* 0x20) & ~word
        let equal = (quote &- ones) & ~quote | (backslash &- ones) & ~backslash | (delete &- ones) & ~delete
        return (word | control | equal) & (ones &* 0x80) != 0
    }

    /// Makes room first: the tail moves up by the bytes that escaping adds, then is written forwards from `start`.
    @inline(never) private static func rewrite(_ output: inout Output, from start: Int) {
        let size = output.count - start
        let isUTF8 = Self.isUTF8(UnsafeBufferPointer(start: output.base + start, count: size))
        var added = 0
        for index in start..<output.count { added += Self.extra(output.base[index], isUTF8) }
        guard added > 0 else { return }
        output.reserve(added)
        var read = output.count
        var write = output.count + added
        output.count = write
        // Backwards, so that no byte is overwritten before it is read.
        while read > start {
            read -= 1
            let byte = output.base[read]
            let extra = Self.extra(byte, isUTF8)
            write -= 1 + extra
            switch extra {
            case 0:
                output.base[write] = byte
            case 1:
                output.base[write] = UInt8(ascii: "\\")
                output.base[write + 1] = Self.short(byte)
            default:
                output.base[write] = UInt8(ascii: "\\")
                output.base[write + 1] = UInt8(ascii: "u")
                output.base[write + 2] = UInt8(ascii: "0")
                output.base[write + 3] = UInt8(ascii: "0")
                output.base[write + 4] = Self.hex(byte >> 4)
                output.base[write + 5] = Self.hex(byte & 15)
            }
        }
    }

    /// Bytes that escaping adds to one byte.
    private static func extra(_ byte: UInt8, _ isUTF8: Bool) -> Int {
        if byte >= 0x80 { return isUTF8 ? 0 : 5 }
        if short(byte) != 0 { return 1 }
        return byte < 0x20 || byte == 0x7F ? 5 : 0
    }

    /// The letter of a two-character escape; 0 if there is none.
    private static func short(_ byte: UInt8) -> UInt8 {
        switch byte {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"): byte
        case 0x08: UInt8(ascii: "b")
        case 0x09: UInt8(ascii: "t")
        case 0x0A: UInt8(ascii: "n")
        case 0x0C: UInt8(ascii: "f")
        case 0x0D: UInt8(ascii: "r")
        default: 0
        }
    }

    private static func hex(_ digit: UInt8) -> UInt8 {
        digit < 10 ? digit + UInt8(ascii: "0") : digit - 10 + UInt8(ascii: "a")
    }

    /// RFC 3629 4: shortest forms only, no surrogates, nothing above U+10FFFF.
    static func isUTF8(_ bytes: UnsafeBufferPointer<UInt8>) -> Bool {
        var index = 0
        while index < bytes.count {
            let first = bytes[index]
            let length: Int
            var low: UInt8 = 0x80
            var high: UInt8 = 0xBF
            switch first {
            case 0..<0x80: length = 1
            case 0xC2...0xDF: length = 2
            case 0xE0: (length, low) = (3, 0xA0)
            case 0xED: (length, high) = (3, 0x9F)
            case 0xE1...0xEF: length = 3
            case 0xF0: (length, low) = (4, 0x90)
            case 0xF1...0xF3: length = 4
            case 0xF4: (length, high) = (4, 0x8F)
            default: return false
            }
            guard index + length <= bytes.count else { return false }
            if length > 1 {
                guard bytes[index + 1] >= low, bytes[index + 1] <= high else { return false }
                for offset in 2..<max(length, 2) where bytes[index + offset] & 0xC0 != 0x80 { return false }
            }
            index += length
        }
        return true
    }
}
