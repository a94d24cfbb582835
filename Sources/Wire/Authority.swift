/// The grammar of `host[:port]` (RFC 3986 3.2, RFC 9110 4.2), as the Host field and request targets carry it.
public enum Authority {
    /// Host and port of an authority.
    ///
    /// The host is a range of the given bytes: letter case and a trailing dot are kept, an IPv6 address keeps its
    /// brackets. The port is `nil` when there is none or it is empty, as RFC 3986 3.2.3 allows.
    /// - Returns: `nil` for an empty host, user information, a comma, an invalid IPv6 literal, a zone, or a port that
    ///   is not a number of at most five digits up to 65535.
    public static func split(_ authority: UnsafeBufferPointer<UInt8>) -> (host: Range<Int>, port: Int?)? {
        guard let base = authority.baseAddress, authority.count > 0 else { return nil }
        let count = authority.count
        let hostEnd = unsafe base[0] == 0x5B ? literalEnd(base, count) : nameEnd(base, count)
        guard hostEnd > 0 else { return nil }
        if hostEnd == count { return (0..<hostEnd, nil) }
        guard unsafe base[hostEnd] == 0x3A, count - hostEnd <= 6 else { return nil }
        var port = 0
        var index = hostEnd + 1
        while index < count {
            let byte = unsafe base[index]
            guard Bytes.isDigit(byte) else { return nil }
            port = port * 10 + Int(byte - 0x30)
            index += 1
        }
        guard port <= 65_535 else { return nil }
        return (0..<hostEnd, hostEnd + 1 == count ? nil : port)
    }

    /// End of a registered name or IPv4 address; 0 when a percent sign does not start an encoded byte.
    @inline(__always) private static func nameEnd(_ base: UnsafePointer<UInt8>, _ count: Int) -> Int {
        let table = unsafe Bytes.hostCharacter
        var index = 0
        while index < count {
            let kind = unsafe table[Int(base[index])]
            if kind == 0x78 { break }
            if kind == 0x25 {
                guard index + 2 < count, let high = unsafe Bytes.hexValue(base[index + 1]),
                    let low = unsafe Bytes.hexValue(base[index + 2])
                else { return 0 }
                // An encoded control character, slash or delimiter would change the meaning once decoded.
                let byte = high << 4 | low
                if byte < 0x80, unsafe table[Int(byte)] != 0x68 { return 0 }
                index += 2
            }
            index += 1
        }
        return index
    }

    /// End of `[` IPv6 address `]`; 0 when it is none.
    private static func literalEnd(_ base: UnsafePointer<UInt8>, _ count: Int) -> Int {
        var index = 1
        var groups = 0
        var digits = 0
        var compressed = false
        while index < count {
            let byte = unsafe base[index]
            if byte == 0x5D {
                if digits > 0 { groups += 1 }
                return groups == 8 && !compressed || compressed && groups < 8 ? index + 1 : 0
            } else if byte == 0x3A {
                guard index + 1 < count else { return 0 }
                // Without a group before it a colon may only be the first of `::` at the start.
                guard unsafe digits > 0 || index == 1 && base[2] == 0x3A else { return 0 }
                if digits > 0 { groups += 1 }
                digits = 0
                if unsafe base[index + 1] == 0x3A {
                    if compressed { return 0 }
                    compressed = true
                    index += 1
                } else if unsafe base[index + 1] == 0x5D {
                    return 0
                }
            } else if byte == 0x2E {
                // A dotted quad takes the place of the last two groups.
                let quad = unsafe quadEnd(base, from: index - digits, count)
                guard digits > 0, quad > 0, unsafe base[quad] == 0x5D else { return 0 }
                groups += 2
                return groups == 8 && !compressed || compressed && groups < 8 ? quad + 1 : 0
            } else {
                guard Bytes.hexValue(byte) != nil, digits < 4 else { return 0 }
                digits += 1
            }
            index += 1
        }
        return 0
    }

    /// Offset behind a dotted quad that is followed by a further byte; 0 when there is none.
    private static func quadEnd(_ base: UnsafePointer<UInt8>, from start: Int, _ count: Int) -> Int {
        var index = start
        for part in 0..<4 {
            var value = 0
            let first = index
            while index < count, index - first < 4, unsafe Bytes.isDigit(base[index]) {
                value = unsafe value * 10 + Int(base[index] - 0x30)
                index += 1
            }
            guard index > first, value <= 255, index < count else { return 0 }
            if part < 3 {
                guard unsafe base[index] == 0x2E else { return 0 }
                index += 1
            }
        }
        return index
    }
}
