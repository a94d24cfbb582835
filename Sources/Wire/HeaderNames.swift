/// The look-up from a header name to its `HeaderID`.
///
/// An open hash table over the names of `HeaderID.allCases`, built once per process and never freed. A look-up costs
/// one multiplication, usually one probe and a word-wise comparison; it allocates nothing. The table is four times as
/// large as the vocabulary, therefore there is always a free slot and a search ends.
enum HeaderNames {
    @unsafe struct Entry {
        var name: UnsafePointer<UInt8>?
        var count: Int
        var id: HeaderID
    }

    static let slots = 256

    /// Immutable once built, and the names are constants of the program: sharing it between threads is safe.
    nonisolated(unsafe) static let table: UnsafePointer<Entry> = unsafe build()

    private static func build() -> UnsafePointer<Entry> {
        let table = UnsafeMutablePointer<Entry>.allocate(capacity: slots)
        unsafe table.initialize(repeating: Entry(name: nil, count: 0, id: .other), count: slots)
        for id in HeaderID.allCases where id.isKnown {
            let name = id.name
            var slot = unsafe hash(name.utf8Start, name.utf8CodeUnitCount)
            while unsafe table[slot].count != 0 { slot = (slot + 1) & (slots - 1) }
            unsafe table[slot] = Entry(name: name.utf8Start, count: name.utf8CodeUnitCount, id: id)
        }
        return unsafe UnsafePointer(table)
    }

    /// Bit 0x20 is set in every byte before it counts, which makes upper-case letters equal to lower-case ones.
    @inline(__always) private static func hash(_ name: UnsafePointer<UInt8>, _ count: Int) -> Int {
        var key: UInt32
        if count >= 4 {
            key = unsafe (Bytes.word32(name + (count &- 4)) | 0x2020_2020) &* 0x9E37_79B1
            key ^= unsafe (Bytes.word32(name) | 0x2020_2020) &* 0x85EB_CA6B
        } else {
            key = unsafe UInt32(name[0] | 0x20) &* 0x9E37_79B1 ^ UInt32(name[count &- 1] | 0x20) &* 0x85EB_CA6B
        }
        return Int(truncatingIfNeeded: (key &+ UInt32(truncatingIfNeeded: count) &* 0xC2B2_AE35) >> 24)
    }

    /// The identifier of a name of `count` bytes, at least one; `other` when it is none of the vocabulary.
    ///
    /// With `folding` the name may have upper-case letters and must be a token: for token characters bit 0x20 makes a
    /// letter lower-case and turns nothing into a character that a name of the vocabulary has. The parser passes the
    /// name as received, because reading back words of the lower-case bytes it has just stored one by one would stall.
    @inline(__always) static func find(
        _ name: UnsafePointer<UInt8>, _ count: Int, folding: Bool, in table: UnsafePointer<Entry>
    ) -> HeaderID {
        let mask: UInt64 = folding ? 0x2020_2020_2020_2020 : 0
        var slot = unsafe hash(name, count)
        while true {
            let entry = unsafe table + slot
            guard let known = unsafe entry.pointee.name else { return .other }
            if unsafe entry.pointee.count == count && Bytes.equal(known, name, count, mask) {
                return unsafe entry.pointee.id
            }
            slot = (slot + 1) & (slots - 1)
        }
    }
}

extension HeaderID {
    /// The identifier of a header name given in lower case; `other` when the proxy has no use for the name.
    public static func named(_ lowercase: UnsafeBufferPointer<UInt8>) -> HeaderID {
        guard let base = lowercase.baseAddress, lowercase.count > 0 else { return .other }
        return unsafe HeaderNames.find(base, lowercase.count, folding: false, in: HeaderNames.table)
    }
}
