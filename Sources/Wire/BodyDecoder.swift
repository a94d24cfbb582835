/// One step of a body decoder; offsets count from the start of the input given to that call.
public enum BodyStep: Equatable, Sendable {
    /// The input is used up to `consumed`, which is all of it, and the message goes on.
    case needMore(consumed: Int)
    /// `count` bytes of body, at least one, start at `skip`; `skip + count` bytes are used.
    case data(skip: Int, count: Int)
    /// The message is complete after `consumed` bytes; its trailer fields, if any, are in the trailers block.
    case end(consumed: Int)
    /// The body is malformed or beyond a limit; the connection cannot be used further.
    case refused(HTTP1Error)
}

/// Finds the body in the bytes behind a head (RFC 9112 6 and 7), without copying it.
///
/// Chunk-size lines are read byte by byte and kept nowhere, trailer lines that arrive in pieces are kept in the
/// trailers block: every call uses all of its input or ends, so that a caller never has to hold bytes back. Outcomes do
/// not depend on how the input is split. Strict: no sign, prefix or blank around a chunk size, CRLF only, bounded
/// extensions (checked and dropped), and trailers that name fields of framing or routing are refused.
public struct BodyDecoder {
    private enum State: UInt8 {
        case length, untilClose
        case sizeStart, size, chunkExtension, sizeLineFeed, data, dataReturn, dataLineFeed, trailers
        case done
    }

    private var state: State
    /// Bytes left of the body or the chunk.
    private var remaining: UInt64 = 0
    private var sizeDigits = 0
    /// Bytes of the current chunk-size line, of all extensions, of the trailer section.
    private var lineBytes = 0
    private var extensionBytes = 0
    private var trailerBytes = 0
    private var trailerCount = 0
    /// Where in the trailers block an unfinished line lies.
    private var pendingStart = 0
    private var pendingCount = 0
    private let limits: HTTP1Limits

    public init(_ framing: BodyFraming, limits: HTTP1Limits = .request) {
        self.limits = limits
        switch framing {
        case .none: state = .done
        case .length(let count):
            state = count == 0 ? .done : .length
            remaining = count
        case .chunked: state = .sizeStart
        case .untilClose: state = .untilClose
        }
    }

    /// Whether the message has come to its end. A body until close has none but the close.
    public var isComplete: Bool { state == .done }

    /// The peer closed its side: whether the message is complete, else it is truncated.
    public func closed() -> Bool { state == .done || state == .untilClose }

    /// The next piece. The caller goes on with the bytes behind those used until the step is `.needMore` with all bytes
    /// used, or `.end`. `trailers` is an empty block that the caller leaves alone until the end.
    public mutating func next(_ input: UnsafeBufferPointer<UInt8>, trailers: HeaderBlock) -> BodyStep {
        if state == .done { return .end(consumed: 0) }
        guard let base = input.baseAddress, input.count > 0 else { return .needMore(consumed: 0) }
        let count = input.count
        if state == .untilClose { return .data(skip: 0, count: count) }

        var position = 0
        while position < count {
            if state == .length || state == .data {
                let size = Int(min(remaining, UInt64(count - position)))
                remaining -= UInt64(size)
                if remaining == 0 { state = state == .length ? .done : .dataReturn }
                return .data(skip: position, count: size)
            }
            if state == .trailers { return unsafe readTrailers(base, from: position, to: count, trailers) }
            if let error = unsafe readFrame(base[position]) { return .refused(error) }
            position += 1
        }
        return .needMore(consumed: count)
    }

    // MARK: Chunk frame

    /// One byte around the chunk data.
    private mutating func readFrame(_ byte: UInt8) -> HTTP1Error? {
        switch state {
        case .sizeStart, .size:
            return readSize(byte)
        case .chunkExtension:
            extensionBytes += 1
            if extensionBytes > limits.chunkExtensionBytesMax { return .chunkExtensionsTooLarge }
            if byte == Bytes.cr {
                state = .sizeLineFeed
            } else if byte == Bytes.lf {
                return .bareLineFeed
            } else if byte < Bytes.space && byte != Bytes.tab || byte == 0x7F {
                return .invalidChunkExtension
            }
            return countLineByte()
        case .sizeLineFeed:
            guard byte == Bytes.lf else { return .bareCarriageReturn }
            state = remaining == 0 ? .trailers : .data
            return nil
        case .dataReturn:
            guard byte == Bytes.cr else { return byte == Bytes.lf ? .bareLineFeed : .chunkNotTerminated }
            state = .dataLineFeed
            return nil
        case .dataLineFeed:
            guard byte == Bytes.lf else { return .bareCarriageReturn }
            state = .sizeStart
            return nil
        case .length, .untilClose, .data, .trailers, .done:
            return nil
        }
    }

    private mutating func readSize(_ byte: UInt8) -> HTTP1Error? {
        if state == .sizeStart {
            guard let digit = Bytes.hexValue(byte) else { return .invalidChunkSize }
            state = .size
            remaining = UInt64(digit)
            sizeDigits = 1
            lineBytes = 1
            return nil
        }
        if let digit = Bytes.hexValue(byte) {
            // Sixteen digits hold every size; a longer row of zeros has no use.
            sizeDigits += 1
            if sizeDigits > 16 || remaining > UInt64(Int.max) >> 4 { return .chunkSizeTooLarge }
            remaining = remaining << 4 | UInt64(digit)
        } else if byte == Bytes.cr {
            state = .sizeLineFeed
        } else if byte == 0x3B {
            state = .chunkExtension
        } else {
            return byte == Bytes.lf ? .bareLineFeed : .invalidChunkSize
        }
        return countLineByte()
    }

    private mutating func countLineByte() -> HTTP1Error? {
        lineBytes += 1
        return lineBytes > limits.chunkLineBytesMax ? .chunkLineTooLong : nil
    }

    // MARK: Trailers

    private mutating func readTrailers(
        _ base: UnsafePointer<UInt8>, from start: Int, to count: Int, _ block: HeaderBlock
    ) -> BodyStep {
        var position = start
        while position < count {
            let end = unsafe Bytes.find(Bytes.lf, base, from: position, to: count)
            let size = (end < count ? end + 1 : count) - position
            trailerBytes += size
            if trailerBytes > limits.trailerBytesMax { return .refused(.trailersTooLarge) }
            if end == count || pendingCount > 0 { unsafe keep(base + position, size, block) }
            if end == count { return .needMore(consumed: count) }
            let line: Result<Bool, HTTP1Error>
            if pendingCount > 0 {
                // Room for the parsed form first: growing the block would move the line that is read.
                block.reserve(pendingCount + 16)
                line = unsafe readTrailer(block.storage + pendingStart, pendingCount, block)
                pendingCount = 0
            } else {
                line = unsafe readTrailer(base + position, size, block)
            }
            position = end + 1
            switch line {
            case .failure(let error): return .refused(error)
            case .success(false): continue
            case .success(true):
                state = .done
                return .end(consumed: position)
            }
        }
        return .needMore(consumed: count)
    }

    private mutating func keep(_ bytes: UnsafePointer<UInt8>, _ count: Int, _ block: HeaderBlock) {
        if pendingCount == 0 { pendingStart = block.used }
        precondition(pendingStart + pendingCount == block.used, "the trailers block was changed within a trailer line")
        _ = unsafe block.append(UnsafeBufferPointer(start: bytes, count: count))
        pendingCount += count
    }

    /// Reads a line, its line end included; whether it was the empty one that ends the section.
    private mutating func readTrailer(
        _ line: UnsafePointer<UInt8>, _ count: Int, _ block: HeaderBlock
    ) -> Result<Bool, HTTP1Error> {
        guard count >= 2, unsafe line[count - 2] == Bytes.cr else { return .failure(.bareLineFeed) }
        if count == 2 { return .success(true) }
        trailerCount += 1
        if trailerCount > limits.fieldsMax { return .failure(.tooManyTrailers) }
        if let error = unsafe FieldLine.read(line, count - 2, into: block) { return .failure(error) }
        let index = block.count - 1
        switch HeaderRules.trailerRule(block.field(index).id) {
        case .pass: break
        case .drop: block.remove(at: index)
        case .refuse: return .failure(.forbiddenTrailer)
        }
        return .success(false)
    }
}
