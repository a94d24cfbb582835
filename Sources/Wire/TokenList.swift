/// The members of a comma-separated list in all lines of one known field (RFC 9110 5.6.1), blanks trimmed, empty
/// members skipped. Used for Connection, TE and Upgrade; it reads in place and allocates nothing.
struct TokenList {
    private let block: HeaderBlock
    private let id: HeaderID
    private var line: Int
    private var offset = 0

    init(_ block: HeaderBlock, _ id: HeaderID) {
        self.block = block
        self.id = id
        line = block.firstIndex(of: id) ?? block.count
    }

    /// The next member as a range of the block.
    mutating func next() -> HeaderBlock.Range? {
        while line < block.count {
            let field = block.field(line)
            guard field.id == id else {
                line += 1
                continue
            }
            let value = unsafe block.bytes(field.value)
            guard let base = value.baseAddress, offset < value.count else {
                line += 1
                offset = 0
                continue
            }
            var start = offset
            var end = unsafe Bytes.find(0x2C, base, from: start, to: value.count)
            offset = end + 1
            while start < end, unsafe Bytes.isBlank(base[start]) { start += 1 }
            while end > start, unsafe Bytes.isBlank(base[end - 1]) { end -= 1 }
            if start < end { return HeaderBlock.Range(start: Int(field.value.start) + start, count: end - start) }
        }
        return nil
    }

    /// Whether the list has a member, given in lower case; letter case is ignored.
    static func contains(_ word: StaticString, in block: HeaderBlock, _ id: HeaderID) -> Bool {
        var list = TokenList(block, id)
        while let member = list.next() {
            if unsafe Bytes.equal(block.storage + Int(member.start), Int(member.count), ignoringCase: word) {
                return true
            }
        }
        return false
    }
}
