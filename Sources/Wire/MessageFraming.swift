/// Where a message's body ends and whether its connection lives on (RFC 9112 6.3 and 9.3).
///
/// Everything ambiguous is refused instead of repaired: a second Content-Length even when equal, both length fields,
/// any transfer coding but `chunked`. Two parties that disagree about a body's end are how requests are smuggled.
enum MessageFraming {
    /// The framing that the fields declare; `nil` when they declare none.
    @inline(__always) static func declared(_ block: HeaderBlock) -> Result<BodyFraming?, HTTP1Error> {
        let length = block.firstIndex(of: .contentLength)
        guard let coding = block.firstIndex(of: .transferEncoding) else {
            guard let length else { return .success(nil) }
            guard let value = unsafe decimal(block.bytes(block.field(length).value)) else {
                return .failure(.invalidContentLength)
            }
            return .success(.length(value))
        }
        if length != nil { return .failure(.contentLengthWithTransferEncoding) }
        if block.version == .http10 { return .failure(.transferEncodingInHTTP10) }
        let value = unsafe block.bytes(block.field(coding).value)
        guard !isRepeated(.transferEncoding, from: coding, in: block), let base = value.baseAddress,
            unsafe Bytes.equal(base, value.count, ignoringCase: "chunked")
        else { return .failure(.unsupportedTransferEncoding) }
        return .success(.chunked)
    }

    /// Whether a field that may appear only once appears again behind its first line.
    static func isRepeated(_ id: HeaderID, from first: Int, in block: HeaderBlock) -> Bool {
        var index = first + 1
        while index < block.count {
            if block.field(index).id == id { return true }
            index += 1
        }
        return false
    }

    /// A decimal number up to `Int.max`, digits only.
    static func decimal(_ value: UnsafeBufferPointer<UInt8>) -> UInt64? {
        guard value.count > 0 else { return nil }
        var number: UInt64 = 0
        for index in 0..<value.count {
            let byte = unsafe value[index]
            guard Bytes.isDigit(byte) else { return nil }
            let (product, overflow) = number.multipliedReportingOverflow(by: 10)
            let (sum, carry) = product.addingReportingOverflow(UInt64(byte - 0x30))
            if overflow || carry || sum > UInt64(Int.max) { return nil }
            number = sum
        }
        return number
    }

    /// RFC 9112 9.3: `close` ends the connection, else HTTP/1.1 keeps it, else `keep-alive` does.
    static func keepsAlive(_ block: HeaderBlock) -> Bool {
        guard block.contains(.connection) else { return block.version != .http10 }
        if TokenList.contains("close", in: block, .connection) { return false }
        return block.version != .http10 || TokenList.contains("keep-alive", in: block, .connection)
    }
}
