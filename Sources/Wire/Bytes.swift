// Byte-level tools of the codec: character tables, word-at-a-time tests and comparisons.
//
// The tables are constant strings, indexed by byte, so that a look-up is one load from read-only memory: no lazy
// initialisation, no bounds check. Each has exactly 256 entries, and an index is always a `UInt8`.

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

enum Bytes {
    static let cr: UInt8 = 0x0D
    static let lf: UInt8 = 0x0A
    static let space: UInt8 = 0x20
    static let tab: UInt8 = 0x09

    /// For a token character (RFC 9110 5.6.2) its lower-case form, for any other byte a space.
    @inline(__always) static var lowerToken: UnsafePointer<UInt8> {
        let table: StaticString = """
                                            \
             ! #$%&'  *+ -. 0123456789      \
             abcdefghijklmnopqrstuvwxyz   ^_\
            `abcdefghijklmnopqrstuvwxyz | ~ \
                                            \
                                            \
                                            \
                                            \

            """
        return unsafe table.utf8Start
    }

    /// `h` for a character of a registered host name (RFC 3986 3.2.2) except the comma, which no real name has and
    /// which would make two merged Host fields look like one; `%` for the percent sign, `x` for other bytes.
    @inline(__always) static var hostCharacter: UnsafePointer<UInt8> {
        let table: StaticString = """
            xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx\
            xhxxh%hhhhhhxhhxhhhhhhhhhhxhxhxx\
            xhhhhhhhhhhhhhhhhhhhhhhhhhhxxxxh\
            xhhhhhhhhhhhhhhhhhhhhhhhhhhxxxhx\
            xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx\
            xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx\
            xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx\
            xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx\

            """
        return unsafe table.utf8Start
    }

    @inline(__always) static func isTokenCharacter(_ byte: UInt8) -> Bool {
        unsafe lowerToken[Int(byte)] != space
    }

    /// Lower-case form of an ASCII letter; other bytes are unchanged.
    @inline(__always) static func lower(_ byte: UInt8) -> UInt8 {
        byte &- 0x41 < 26 ? byte | 0x20 : byte
    }

    @inline(__always) static func isDigit(_ byte: UInt8) -> Bool { byte &- 0x30 < 10 }

    @inline(__always) static func isBlank(_ byte: UInt8) -> Bool { byte == space || byte == tab }

    /// The value of a hexadecimal digit.
    @inline(__always) static func hexValue(_ byte: UInt8) -> UInt8? {
        let digit = byte &- 0x30
        if digit < 10 { return digit }
        let letter = (byte | 0x20) &- 0x61
        return letter < 6 ? letter &+ 10 : nil
    }

    // MARK: Words

    @inline(__always) static func word32(_ bytes: UnsafePointer<UInt8>) -> UInt32 {
        unsafe UnsafeRawPointer(bytes).loadUnaligned(as: UInt32.self)
    }

    @inline(__always) static func word64(_ bytes: UnsafePointer<UInt8>) -> UInt64 {
        unsafe UnsafeRawPointer(bytes).loadUnaligned(as: UInt64.self)
    }

    /// The byte repeated eight times.
    @inline(__always) static func spread(_ byte: UInt8) -> UInt64 { 0x0101_0101_0101_0101 &* UInt64(byte) }

    /// Non-zero when a byte of the word is below `limit`, which is at most 128.
    @inline(__always) static func hasLess(_ word: UInt64, than limit: UInt8) -> UInt64 {
        (word &- spread(limit)) & ~word & 0x8080_8080_8080_8080
    }

    /// Non-zero when a byte of the word equals `byte`.
    @inline(__always) static func has(_ byte: UInt8, in word: UInt64) -> UInt64 {
        hasLess(word ^ spread(byte), than: 1)
    }

    /// Whether the bytes are equal once the bits of `mask` are set in those of `right`.
    @inline(__always) static func equal(
        _ left: UnsafePointer<UInt8>, _ right: UnsafePointer<UInt8>, _ count: Int, _ mask: UInt64 = 0
    ) -> Bool {
        if count >= 8 {
            var offset = 0
            while offset < count &- 8 {
                if unsafe word64(left + offset) != word64(right + offset) | mask { return false }
                offset &+= 8
            }
            // The last word overlaps the one before, so that no byte behind the end is read.
            return unsafe word64(left + (count &- 8)) == word64(right + (count &- 8)) | mask
        }
        if count >= 4 {
            let mask = UInt32(truncatingIfNeeded: mask)
            return unsafe word32(left) == word32(right) | mask
                && word32(left + (count &- 4)) == word32(right + (count &- 4)) | mask
        }
        var index = 0
        while index < count {
            if unsafe left[index] != right[index] | UInt8(truncatingIfNeeded: mask) { return false }
            index &+= 1
        }
        return true
    }

    /// Whether the bytes equal a lower-case word when letter case is ignored.
    static func equal(_ bytes: UnsafePointer<UInt8>, _ count: Int, ignoringCase word: StaticString) -> Bool {
        guard count == word.utf8CodeUnitCount else { return false }
        var index = 0
        while index < count {
            if unsafe lower(bytes[index]) != word.utf8Start[index] { return false }
            index &+= 1
        }
        return true
    }

    /// Offset of the first `byte` in `start..<end`, or `end`.
    @inline(__always) static func find(
        _ byte: UInt8, _ bytes: UnsafePointer<UInt8>, from start: Int, to end: Int
    ) -> Int {
        guard start < end, let hit = unsafe memchr(bytes + start, Int32(byte), end - start) else { return end }
        return unsafe hit - UnsafeMutableRawPointer(mutating: bytes)
    }

    @inline(__always) static func copy(
        _ count: Int, from source: UnsafePointer<UInt8>, to target: UnsafeMutablePointer<UInt8>
    ) {
        unsafe target.update(from: source, count: count)
    }
}
