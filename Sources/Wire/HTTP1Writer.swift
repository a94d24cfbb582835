/// Serialises heads, chunk frames and trailers of HTTP/1.1 (RFC 9112) into memory that the caller provides.
///
/// Lines that lie in the block as they go on the wire, which is how the parser and `HeaderBlock.add` leave them, are
/// copied in runs: a forwarded head is a handful of copies. Host, Content-Length and Transfer-Encoding fields of the
/// block are not sent; the writer makes them from `authority` and `framing`, so that a message has them exactly once.
/// Writing beyond the given memory is a programmer error and traps; `headBound` tells how much is enough.
public enum HTTP1Writer {
    /// Upper bound of the bytes of a request or response head made from the block.
    public static func headBound(_ block: HeaderBlock) -> Int {
        // Start line, status phrase, and the fields that the writer itself adds: below 192 bytes.
        let line =
            Int(block.methodName.count) + Int(block.path.count) + Int(block.query.count)
            + Int(block.authority.count) * 2 + Int(block.reason.count)
        return 192 + line + fieldsBound(block)
    }

    /// Upper bound of the bytes of a trailer section.
    public static func trailersBound(_ block: HeaderBlock) -> Int { 5 + fieldsBound(block) }

    private static func fieldsBound(_ block: HeaderBlock) -> Int {
        let fields = unsafe block.fields
        var bound = 0
        for index in 0..<block.count {
            bound &+= unsafe Int(fields[index].name.count) &+ Int(fields[index].value.count) &+ 4
        }
        return bound
    }

    /// Writes a request head: method, target in origin form, `host` from the authority, the block's fields in order,
    /// then the field that announces the body.
    ///
    /// CONNECT has its authority as target. Without a body, methods other than GET, HEAD, CONNECT and TRACE get
    /// `content-length: 0`, as Envoy sends it (RFC 9110 8.6).
    /// - Returns: bytes written, at most `headBound(block)`.
    public static func writeRequest(
        _ block: HeaderBlock, framing: BodyFraming, into target: UnsafeMutableBufferPointer<UInt8>
    ) -> Int {
        var output = unsafe Output(target)
        if block.methodName.isEmpty {
            output.put(block.method.name)
        } else {
            output.put(block.methodName, of: block)
        }
        output.put(Bytes.space)
        if block.method == .connect {
            output.put(block.authority, of: block)
        } else {
            if block.path.isEmpty { output.put(0x2F) } else { output.put(block.path, of: block) }
            if block.hasQuery {
                output.put(0x3F)
                output.put(block.query, of: block)
            }
        }
        output.put(" HTTP/1.1\r\nhost: ")
        output.put(block.authority, of: block)
        output.putLineEnd()
        output.putFields(block, skipping: Output.rewritten)
        switch (framing, block.method) {
        case (.none, .get), (.none, .head), (.none, .delete), (.none, .connect), (.none, .trace), (.untilClose, _):
            break
        case (.none, _): output.putLength(0)
        case (.length(let count), _): output.putLength(count)
        case (.chunked, _): output.put("transfer-encoding: chunked\r\n")
        }
        output.putLineEnd()
        return output.count
    }

    /// Writes a response head: version, status, the block's reason or else the registered one, the block's fields in
    /// order, then the fields for body and connection.
    ///
    /// With framing `.none` a Content-Length of the block is sent, except in 1xx and 204: it is what a HEAD request
    /// asks for. `untilClose` always says `connection: close`. An HTTP/1.0 client cannot read chunks (RFC 9112 7.1), so
    /// that for it the caller sends a body of unknown length with `untilClose`.
    /// - Returns: bytes written, at most `headBound(block)`.
    public static func writeResponse(
        _ block: HeaderBlock, framing: BodyFraming, connection: ConnectionHeader, version: HTTPVersion,
        into target: UnsafeMutableBufferPointer<UInt8>
    ) -> Int {
        precondition(version != .http10 || framing != .chunked, "HTTP/1.0 has no chunks")
        var output = unsafe Output(target)
        output.put(version == .http10 ? "HTTP/1.0 " : "HTTP/1.1 ")
        output.putStatus(block.status)
        output.put(Bytes.space)
        if block.reason.isEmpty {
            output.put(StatusReasons.phrase(block.status))
        } else {
            output.put(block.reason, of: block)
        }
        output.putLineEnd()
        let hasContentFields = block.status >= 200 && block.status != 204
        let keepsLength = framing == .none && hasContentFields
        output.putFields(block, skipping: keepsLength ? Output.rewrittenButLength : Output.rewritten)
        switch framing {
        case .length(let count) where hasContentFields: output.putLength(count)
        case .chunked where hasContentFields: output.put("transfer-encoding: chunked\r\n")
        case .none, .length, .chunked, .untilClose: break
        }
        switch framing == .untilClose ? .close : connection {
        case .none: break
        case .close: output.put("connection: close\r\n")
        case .keepAlive: output.put("connection: keep-alive\r\n")
        }
        output.putLineEnd()
        return output.count
    }

    /// Writes the line before `size` bytes of chunk data, at most 18 bytes; the data is followed by CRLF. The size is
    /// at least 1, as a chunk of size 0 ends the message.
    public static func writeChunkHeader(_ size: Int, into target: UnsafeMutableBufferPointer<UInt8>) -> Int {
        precondition(size > 0, "a chunk of size 0 ends the message")
        var output = unsafe Output(target)
        var shift = (Int.bitWidth - 1 - size.leadingZeroBitCount) & ~3
        while shift >= 0 {
            let digit = UInt8(truncatingIfNeeded: size >> shift) & 15
            output.put(digit < 10 ? 0x30 + digit : 0x57 + digit)
            shift -= 4
        }
        output.putLineEnd()
        return output.count
    }

    /// Writes the last chunk, the trailer fields of the block and the empty line. The end of the data before it is the
    /// caller's CRLF.
    /// - Returns: bytes written, at most `trailersBound(block)`; 5 without trailers.
    public static func writeTrailers(_ block: HeaderBlock, into target: UnsafeMutableBufferPointer<UInt8>) -> Int {
        var output = unsafe Output(target)
        output.put("0\r\n")
        output.putFields(block, skipping: Output.rewritten)
        output.putLineEnd()
        return output.count
    }
}

/// A place to write to that knows its end.
@safe private struct Output {
    private let target: UnsafeMutablePointer<UInt8>
    private let capacity: Int
    private(set) var count = 0

    /// Fields by identifier, one bit each.
    static let rewrittenButLength: UInt64 = bit(.removed) | bit(.host) | bit(.transferEncoding)
    static let rewritten: UInt64 = rewrittenButLength | bit(.contentLength)

    private static func bit(_ id: HeaderID) -> UInt64 { 1 << UInt64(id.rawValue) }

    init(_ buffer: UnsafeMutableBufferPointer<UInt8>) {
        guard let base = buffer.baseAddress else { preconditionFailure("no memory to write a head to") }
        unsafe target = base
        capacity = buffer.count
    }

    @inline(__always) mutating func put(_ byte: UInt8) {
        precondition(count < capacity)
        unsafe target[count] = byte
        count &+= 1
    }

    @inline(__always) mutating func put(_ bytes: UnsafePointer<UInt8>, _ size: Int) {
        precondition(size <= capacity &- count)
        unsafe (target + count).update(from: bytes, count: size)
        count &+= size
    }

    @inline(__always) mutating func put(_ text: StaticString) {
        unsafe put(text.utf8Start, text.utf8CodeUnitCount)
    }

    @inline(__always) mutating func put(_ range: HeaderBlock.Range, of block: HeaderBlock) {
        precondition(Int(range.start) + Int(range.count) <= block.used)
        unsafe put(block.storage + Int(range.start), Int(range.count))
    }

    @inline(__always) mutating func putLineEnd() {
        put(Bytes.cr)
        put(Bytes.lf)
    }

    mutating func putStatus(_ status: UInt16) {
        put(0x30 + UInt8(truncatingIfNeeded: status / 100 % 10))
        put(0x30 + UInt8(truncatingIfNeeded: status / 10 % 10))
        put(0x30 + UInt8(truncatingIfNeeded: status % 10))
    }

    mutating func putLength(_ length: UInt64) {
        put("content-length: ")
        var divisor: UInt64 = 1
        while length / divisor >= 10 { divisor *= 10 }
        while divisor > 0 {
            put(0x30 + UInt8(truncatingIfNeeded: length / divisor % 10))
            divisor /= 10
        }
        putLineEnd()
    }

    /// Writes the block's live fields whose identifiers are not in `skipped`.
    mutating func putFields(_ block: HeaderBlock, skipping skipped: UInt64) {
        let storage = unsafe block.storage
        let fields = unsafe block.fields
        let used = block.used
        var runStart = 0
        var runEnd = 0
        for index in 0..<block.count {
            let field = unsafe fields[index]
            if skipped & 1 << UInt64(field.id.rawValue) != 0 { continue }
            let start = Int(field.name.start)
            let nameEnd = start &+ Int(field.name.count)
            let valueEnd = Int(field.value.start) &+ Int(field.value.count)
            let isOnWireForm =
                unsafe Int(field.value.start) == nameEnd &+ 2 && valueEnd &+ 2 <= used
                && storage[nameEnd] == 0x3A && storage[nameEnd &+ 1] == Bytes.space
                && storage[valueEnd] == Bytes.cr && storage[valueEnd &+ 1] == Bytes.lf
            if isOnWireForm && start == runEnd {
                runEnd = valueEnd &+ 2
                continue
            }
            unsafe put(storage + runStart, runEnd &- runStart)
            runStart = isOnWireForm ? start : 0
            runEnd = isOnWireForm ? valueEnd &+ 2 : 0
            if !isOnWireForm {
                put(field.name, of: block)
                put(": ")
                put(field.value, of: block)
                putLineEnd()
            }
        }
        unsafe put(storage + runStart, runEnd &- runStart)
    }
}
