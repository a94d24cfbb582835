/// The response head parser (RFC 9112 2, 4, 5, 6; RFC 9110 15): bytes in, a `HeaderBlock` out.
///
/// As strict as the request parser. One leniency: a status line without reason may lack the space before it, which many
/// servers leave out and no one misreads. The outcome does not depend on how the input is split into calls.
public struct ResponseParser {
    private var reader: HeadReader

    /// How the body ends; valid after `.complete`, as all that follow. A response to HEAD, a 1xx, 204 or 304 and a 2xx
    /// to CONNECT have none whatever their fields say (RFC 9112 6.3).
    public private(set) var framing = BodyFraming.none
    /// Whether the connection may carry a further exchange (RFC 9112 9.3); never when the body ends with it.
    public private(set) var keepAlive = false
    /// An interim response, after which the final one follows: 1xx other than 101.
    public private(set) var isInformational = false

    public init(limits: HTTP1Limits = .response) {
        reader = HeadReader(limits: limits)
    }

    /// Makes the parser ready for the next message of the connection.
    public mutating func reset() {
        reader.restart()
        framing = .none
        keepAlive = false
        isInformational = false
    }

    /// Parses the head at the start of `input`, which starts with the same bytes until the head is complete.
    ///
    /// The parser empties the block itself when it starts a head. `requestMethod` is that of the request this answers.
    public mutating func parse(
        _ input: UnsafeBufferPointer<UInt8>, requestMethod: Method, into block: HeaderBlock
    ) -> HeadStep {
        guard let base = input.baseAddress, input.count > 0 else { return .incomplete }
        if !reader.continues(block) {
            reset()
            block.reset()
        }
        if !reader.hasStartLine {
            // Another protocol is told at its first byte.
            if unsafe base[0] != 0x48 { return .refused(.invalidStatusLine) }
            switch unsafe reader.nextLine(base, input.count) {
            case .incomplete:
                reader.suspend(block)
                return .incomplete
            case .refused(let error):
                return .refused(error)
            case .found(let start, let length):
                if let error = unsafe parseStatusLine(base + start, length, into: block) { return .refused(error) }
                reader.hasStartLine = true
            }
        }
        if let step = unsafe reader.readFields(base, input.count, into: block) { return step }
        if let error = finish(block, requestMethod) { return .refused(error) }
        let bytes = reader.position
        reader.restart()
        return .complete(bytes: bytes)
    }

    private func parseStatusLine(
        _ line: UnsafePointer<UInt8>, _ count: Int, into block: HeaderBlock
    ) -> HTTP1Error? {
        guard count >= 9, unsafe line[8] == Bytes.space else { return .invalidStatusLine }
        guard let version = unsafe HTTPVersion.named(line) else {
            return unsafe HTTPVersion.isWellFormed(line) ? .unsupportedVersion : .invalidStatusLine
        }
        guard count >= 12, unsafe Bytes.isDigit(line[9]) && Bytes.isDigit(line[10]) && Bytes.isDigit(line[11]) else {
            return .invalidStatus
        }
        let status = unsafe UInt16(line[9] - 0x30) * 100 + UInt16(line[10] - 0x30) * 10 + UInt16(line[11] - 0x30)
        guard status >= 100 else { return .invalidStatus }
        block.version = version
        block.status = status
        guard count > 12 else { return nil }
        guard unsafe line[12] == Bytes.space else {
            return unsafe Bytes.isDigit(line[12]) ? .invalidStatus : .invalidStatusLine
        }
        if let error = unsafe FieldLine.valueError(line + 13, count - 13) {
            return error == .invalidValue ? .invalidReason : error
        }
        block.reason = unsafe block.append(UnsafeBufferPointer(start: line + 13, count: count - 13))
        return nil
    }

    private mutating func finish(_ block: HeaderBlock, _ requestMethod: Method) -> HTTP1Error? {
        if let length = block.firstIndex(of: .contentLength),
            MessageFraming.isRepeated(.contentLength, from: length, in: block)
        {
            return .duplicateContentLength
        }
        let declared: BodyFraming?
        switch MessageFraming.declared(block) {
        case .failure(let error): return error
        case .success(let value): declared = value
        }
        let status = block.status
        isInformational = status < 200 && status != 101
        keepAlive = MessageFraming.keepsAlive(block)
        let isBodiless =
            requestMethod == .head || status < 200 || status == 204 || status == 304
            || requestMethod == .connect && status < 300
        if isBodiless {
            framing = .none
        } else if let declared {
            framing = declared
        } else {
            framing = .untilClose
            keepAlive = false
        }
        return nil
    }
}
