/// Backslashes (RE2 syntax, "Escape sequences" and "Empty strings").
extension Parser {
    /// Reads an escape outside of a class and pushes what it means.
    mutating func escape() throws(PatternError) {
        switch peek(1) {
        case UInt8(ascii: "b"): try push(look: .wordBoundary)
        case UInt8(ascii: "B"): try push(look: .notWordBoundary)
        case UInt8(ascii: "A"): try push(look: .beginText)
        case UInt8(ascii: "z"): try push(look: .endText)
        case UInt8(ascii: "C"):
            at += 2
            try push(.anyByte)
        case UInt8(ascii: "Q"): try quoted()
        default:
            if let set = try escapedClass() {
                try push(.set(set))
            } else {
                try push(literal: escapedScalar())
            }
        }
    }

    private mutating func push(look: Look) throws(PatternError) {
        at += 2
        try push(.look(look))
    }

    /// `\Q...\E`; without `\E` it reaches to the end.
    private mutating func quoted() throws(PatternError) {
        at += 2
        while at < bytes.count {
            if peek() == UInt8(ascii: "\\"), peek(1) == UInt8(ascii: "E") {
                at += 2
                return
            }
            try push(literal: scalar())
        }
    }

    /// Reads an escape that stands for one code point.
    mutating func escapedScalar() throws(PatternError) -> UInt32 {
        let start = at
        at += 1
        guard let byte = peek() else { throw error(start, "trailing backslash: write \\\\ for the character") }
        switch byte {
        case UInt8(ascii: "0")...UInt8(ascii: "7"): return try octal(start)
        case UInt8(ascii: "x"): return try hexadecimal(start)
        case UInt8(ascii: "a"): return simple(0x07)
        case UInt8(ascii: "t"): return simple(0x09)
        case UInt8(ascii: "n"): return simple(0x0A)
        case UInt8(ascii: "v"): return simple(0x0B)
        case UInt8(ascii: "f"): return simple(0x0C)
        case UInt8(ascii: "r"): return simple(0x0D)
        default:
            let isAlphanumeric = byte != UInt8(ascii: "_") && NamedClasses.word.contains(UInt32(byte))
            if byte < 0x80 && !isAlphanumeric { return simple(UInt32(byte)) }
            throw invalid(start)
        }
    }

    private mutating func simple(_ scalar: UInt32) -> UInt32 {
        at += 1
        return scalar
    }

    /// Up to three octal digits. One digit other than 0 would be a backreference.
    private mutating func octal(_ start: Int) throws(PatternError) -> UInt32 {
        func digit(_ byte: UInt8?) -> UInt32? {
            guard let byte, byte >= UInt8(ascii: "0"), byte <= UInt8(ascii: "7") else { return nil }
            return UInt32(byte - UInt8(ascii: "0"))
        }
        if peek() != UInt8(ascii: "0"), digit(peek(1)) == nil { throw invalid(start) }
        var value: UInt32 = 0
        for _ in 0..<3 {
            guard let next = digit(peek()) else { break }
            value = value * 8 + next
            at += 1
        }
        return value
    }

    /// `\x7F` or `\x{10FFFF}`.
    private mutating func hexadecimal(_ start: Int) throws(PatternError) -> UInt32 {
        let invalid = "invalid hexadecimal escape: supported are two digits, \\x7F, and \\x{10FFFF} up to that value"
        at += 1
        var value: UInt32 = 0
        if peek() == UInt8(ascii: "{") {
            at += 1
            let digits = at
            while let byte = peek(), let digit = Self.hexadecimalDigit(byte) {
                value = value * 16 + digit
                if value > ScalarSet.last { throw error(start, invalid) }
                at += 1
            }
            if at == digits || peek() != UInt8(ascii: "}") { throw error(start, invalid) }
            at += 1
            return value
        }
        for _ in 0..<2 {
            guard let byte = peek(), let digit = Self.hexadecimalDigit(byte) else { throw error(start, invalid) }
            value = value * 16 + digit
            at += 1
        }
        return value
    }

    private static func hexadecimalDigit(_ byte: UInt8) -> UInt32? {
        switch byte {
        case UInt8(ascii: "0")...UInt8(ascii: "9"): UInt32(byte - UInt8(ascii: "0"))
        case UInt8(ascii: "a")...UInt8(ascii: "f"): UInt32(byte - UInt8(ascii: "a")) + 10
        case UInt8(ascii: "A")...UInt8(ascii: "F"): UInt32(byte - UInt8(ascii: "A")) + 10
        default: nil
        }
    }

    private func invalid(_ start: Int) -> PatternError {
        var after = self
        after.at = start + 1
        _ = after.scalar()
        let escape = text(start, after.at)
        let hint: String
        switch bytes[start + 1] {
        case UInt8(ascii: "1")...UInt8(ascii: "9"), UInt8(ascii: "g"), UInt8(ascii: "k"):
            hint = "backreferences are not supported, because they do not match in linear time"
        case UInt8(ascii: "Z"): hint = "use \\z for the end of the text"
        case UInt8(ascii: "e"): hint = "use \\x1B"
        case UInt8(ascii: "b"): hint = "in a class write \\x08 for the backspace; a boundary cannot stand there"
        case UInt8(ascii: "c"): hint = "use \\x01 and so on for control characters"
        case UInt8(ascii: "u"), UInt8(ascii: "U"): hint = "use \\x{20AC} for a code point"
        case UInt8(ascii: "h"): hint = "use [[:blank:]]"
        case UInt8(ascii: "E"): hint = "it ends a \\Q, and none is open"
        default:
            hint =
                "supported are \\d \\s \\w \\pN \\p{Greek} and their capitals, \\b \\B \\A \\z, \\a \\f \\t \\n \\r \\v,"
                + " \\x7F \\x{10FFFF} \\123, \\C, \\Q...\\E and a backslash before punctuation"
        }
        return error(start, "invalid escape '\(escape)': \(hint)")
    }
}
