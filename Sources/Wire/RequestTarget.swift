/// The request target in its four forms (RFC 9112 3.2), split into ranges of the block.
///
/// Characters are checked against what travels in practice: every visible ASCII character except `#` passes, because
/// browsers send `|`, `{` or `[` unencoded in queries; controls, blanks, DEL and non-ASCII bytes are refused.
struct RequestTarget {
    enum Form { case origin, absolute, authority, asterisk }

    var form: Form
    var scheme: Scheme = .http
    var authority: HeaderBlock.Range = .empty
    var path: HeaderBlock.Range
    var query: HeaderBlock.Range = .empty
    var hasQuery = false

    /// Splits the target of `count` bytes at `offset` of the block's buffer.
    @inline(__always) static func parse(
        in block: HeaderBlock, at offset: Int, count: Int, method: Method
    ) -> Result<RequestTarget, HTTP1Error> {
        let base = unsafe block.storage + offset
        if let error = unsafe characterError(base, count) { return .failure(error) }
        if method == .connect { return unsafe connect(base, at: offset, count) }
        if unsafe base[0] == 0x2F {
            var target = RequestTarget(form: .origin, path: .empty)
            unsafe target.splitPath(base, at: offset, from: 0, count)
            return .success(target)
        }
        if unsafe count == 1 && base[0] == 0x2A {
            guard method == .options else { return .failure(.invalidTarget) }
            return .success(RequestTarget(form: .asterisk, path: HeaderBlock.Range(start: offset, count: 1)))
        }
        return absolute(block, at: offset, count, method)
    }

    private mutating func splitPath(
        _ base: UnsafePointer<UInt8>, at offset: Int, from start: Int, _ count: Int
    ) {
        let mark = unsafe Bytes.find(0x3F, base, from: start, to: count)
        path = HeaderBlock.Range(start: offset + start, count: mark - start)
        if mark < count {
            hasQuery = true
            query = HeaderBlock.Range(start: offset + mark + 1, count: count - mark - 1)
        }
    }

    /// Authority form: `host:port`, both required (RFC 9112 3.2.3).
    @inline(never) private static func connect(
        _ base: UnsafePointer<UInt8>, at offset: Int, _ count: Int
    ) -> Result<RequestTarget, HTTP1Error> {
        guard let (_, port) = unsafe Authority.split(UnsafeBufferPointer(start: base, count: count)), port != nil else {
            return .failure(.invalidTarget)
        }
        var target = RequestTarget(form: .authority, path: .empty)
        target.authority = HeaderBlock.Range(start: offset, count: count)
        return .success(target)
    }

    /// Absolute form: an http or https URI (RFC 9112 3.2.2, RFC 9110 4.2).
    @inline(never) private static func absolute(
        _ block: HeaderBlock, at offset: Int, _ count: Int, _ method: Method
    ) -> Result<RequestTarget, HTTP1Error> {
        let base = unsafe block.storage + offset
        let colon = unsafe Bytes.find(0x3A, base, from: 0, to: count)
        guard colon + 2 < count, unsafe base[colon + 1] == 0x2F && base[colon + 2] == 0x2F else {
            return .failure(.invalidTarget)
        }
        var target = RequestTarget(form: .absolute, path: .empty)
        if unsafe Bytes.equal(base, colon, ignoringCase: "https") {
            target.scheme = .https
        } else if unsafe !Bytes.equal(base, colon, ignoringCase: "http") {
            return .failure(.invalidScheme)
        }
        let start = colon + 3
        var end = start
        while end < count, unsafe base[end] != 0x2F && base[end] != 0x3F { end += 1 }
        guard unsafe Authority.split(UnsafeBufferPointer(start: base + start, count: end - start)) != nil else {
            return .failure(.invalidHost)
        }
        target.authority = HeaderBlock.Range(start: offset + start, count: end - start)
        if end < count, unsafe base[end] == 0x2F {
            unsafe target.splitPath(base, at: offset, from: end, count)
            return .success(target)
        }
        unsafe target.splitPath(base, at: offset, from: end, count)
        // An empty path is `/`, but for OPTIONS without a query it means the server itself (RFC 9112 3.2.4).
        if method == .options && !target.hasQuery {
            target.path = block.append("*")
        } else {
            target.path = block.append("/")
        }
        return .success(target)
    }

    @inline(__always) private static func characterError(
        _ base: UnsafePointer<UInt8>, _ count: Int
    ) -> HTTP1Error? {
        var suspicious: UInt64 = 0
        if count >= 8 {
            var offset = 0
            while offset < count &- 8 {
                suspicious |= unsafe check(Bytes.word64(base + offset))
                offset &+= 8
            }
            suspicious |= unsafe check(Bytes.word64(base + (count &- 8)))
            if suspicious == 0 { return nil }
        }
        var index = 0
        while index < count {
            let byte = unsafe base[index]
            if byte == 0x23 { return .fragmentInTarget }
            if byte == Bytes.cr { return .bareCarriageReturn }
            if byte < 0x21 || byte > 0x7E { return .invalidTargetCharacter }
            index &+= 1
        }
        return nil
    }

    @inline(__always) private static func check(_ word: UInt64) -> UInt64 {
        Bytes.hasLess(word, than: 0x21) | Bytes.has(0x7F, in: word) | Bytes.has(0x23, in: word)
            | word & 0x8080_8080_8080_8080
    }
}
