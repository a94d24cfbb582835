/// The request head parser (RFC 9112 2, 3, 5, 6; RFC 9110 5 to 9): bytes in, a `HeaderBlock` out.
///
/// It refuses whatever two HTTP implementations could read differently, and is stricter than Envoy in a few places:
/// lines end with CRLF only, exactly one Host field that is a valid host, no comma in a host, versions other than 1.0
/// and 1.1 get 505. The outcome does not depend on how the input is split into calls.
public struct RequestParser {
    private var reader: HeadReader
    private let methods: MethodPolicy
    private var form = RequestTarget.Form.origin

    /// How the body ends; valid after `.complete`, as all that follow.
    public private(set) var framing = BodyFraming.none
    /// Whether the connection may carry a further request (RFC 9112 9.3); HTTP/1.0 clients must ask for it.
    public private(set) var keepAlive = false
    /// The client waits for 100 (Continue) before it sends its content (RFC 9110 10.1.1). Never without content, and
    /// never in HTTP/1.0.
    public private(set) var expectsContinue = false
    /// The client offers to switch protocols (RFC 9110 7.8): Upgrade is there and Connection names it.
    public private(set) var upgradeRequested = false
    /// The target was a whole URI; `authority` comes from it and Host was replaced (RFC 9112 3.2.2).
    public var isAbsoluteForm: Bool { form == .absolute }
    /// The target is the server as a whole, `OPTIONS *` or OPTIONS with a URI without path (RFC 9112 3.2.4).
    public private(set) var isAsteriskForm = false
    /// CONNECT: the target is host and port, `path` is empty (RFC 9112 3.2.3).
    public var isAuthorityForm: Bool { form == .authority }

    public init(limits: HTTP1Limits = .request, methods: MethodPolicy = .known) {
        reader = HeadReader(limits: limits)
        self.methods = methods
    }

    /// Makes the parser ready for the next message of the connection.
    public mutating func reset() {
        reader.restart()
        form = .origin
        framing = .none
        keepAlive = false
        expectsContinue = false
        upgradeRequested = false
        isAsteriskForm = false
    }

    /// Parses the head at the start of `input`, which starts with the same bytes until the head is complete.
    ///
    /// The parser empties the block itself when it starts a head. Up to one empty line before the request line is
    /// skipped (RFC 9112 2.2) and counted in `.complete(bytes:)`.
    public mutating func parse(_ input: UnsafeBufferPointer<UInt8>, into block: HeaderBlock) -> HeadStep {
        guard let base = input.baseAddress, input.count > 0 else { return .incomplete }
        if !reader.continues(block) {
            reset()
            block.reset()
        }
        if !reader.hasStartLine, let step = unsafe parseStart(base, input.count, into: block) { return step }
        if let step = unsafe reader.readFields(base, input.count, into: block) { return step }
        if let error = finish(block) { return .refused(error) }
        let bytes = reader.position
        reader.restart()
        return .complete(bytes: bytes)
    }

    /// `nil` when the request line is done.
    private mutating func parseStart(
        _ base: UnsafePointer<UInt8>, _ count: Int, into block: HeaderBlock
    ) -> HeadStep? {
        while true {
            // Another protocol (TLS above all) is told at its first byte and not after a timeout.
            let first = reader.position
            if first < count, unsafe !Bytes.isTokenCharacter(base[first]) && base[first] != Bytes.cr {
                return unsafe .refused(base[first] == Bytes.lf ? .bareLineFeed : .invalidMethod)
            }
            switch unsafe reader.nextLine(base, count) {
            case .incomplete:
                reader.suspend(block)
                return .incomplete
            case .refused(let error):
                return .refused(error)
            case .found(_, 0):
                if reader.hasEmptyLine { return .refused(.startLineMissing) }
                reader.hasEmptyLine = true
            case .found(let start, let length):
                if let error = unsafe parseRequestLine(base + start, length, into: block) { return .refused(error) }
                reader.hasStartLine = true
                return nil
            }
        }
    }

    private mutating func parseRequestLine(
        _ line: UnsafePointer<UInt8>, _ count: Int, into block: HeaderBlock
    ) -> HTTP1Error? {
        var methodCount = 0
        while methodCount < count, unsafe Bytes.isTokenCharacter(line[methodCount]) { methodCount &+= 1 }
        guard methodCount > 0, methodCount < count else {
            return unsafe methodCount == 0 && line[0] == Bytes.cr ? .bareCarriageReturn : .invalidRequestLine
        }
        guard unsafe line[methodCount] == Bytes.space else {
            return unsafe line[methodCount] == Bytes.cr ? .bareCarriageReturn : .invalidMethod
        }
        let method = unsafe Method.named(line, methodCount)
        if method == .other && methods == .known { return .unknownMethod }

        // `HTTP/1.x` is eight bytes, with a space before it.
        let targetCount = count &- methodCount &- 10
        guard targetCount > 0, unsafe line[count &- 9] == Bytes.space,
            let version = unsafe HTTPVersion.named(line + (count &- 8))
        else { return unsafe RequestParser.versionError(line, from: methodCount + 1, to: count) }

        let whole = unsafe block.append(UnsafeBufferPointer(start: line, count: count &- 9))
        let start = Int(whole.start)
        block.method = method
        block.methodName = HeaderBlock.Range(start: start, count: methodCount)
        block.version = version
        switch RequestTarget.parse(in: block, at: start &+ methodCount &+ 1, count: targetCount, method: method) {
        case .failure(let error):
            return error
        case .success(let target):
            form = target.form
            block.scheme = target.scheme
            block.authority = target.authority
            block.path = target.path
            block.query = target.query
            block.hasQuery = target.hasQuery
            return nil
        }
    }

    /// Why the end of a request line is no version: none at all (HTTP/0.9), another one, or nonsense.
    @inline(never) private static func versionError(
        _ line: UnsafePointer<UInt8>, from start: Int, to count: Int
    ) -> HTTP1Error {
        var end = count
        while end > start, unsafe line[end - 1] != Bytes.space { end -= 1 }
        guard end > start else { return .invalidRequestLine }
        let version = unsafe line + end
        let length = count - end
        if length > 0, unsafe Bytes.find(Bytes.cr, version, from: 0, to: length) < length {
            return .bareCarriageReturn
        }
        guard length == 8, unsafe HTTPVersion.isWellFormed(version) else { return .invalidVersion }
        return unsafe HTTPVersion.named(version) == nil ? .unsupportedVersion : .invalidRequestLine
    }

    /// The rules that concern the head as a whole.
    private mutating func finish(_ block: HeaderBlock) -> HTTP1Error? {
        if let error = checkHost(block) { return error }
        if let length = block.firstIndex(of: .contentLength),
            MessageFraming.isRepeated(.contentLength, from: length, in: block)
        {
            return .duplicateContentLength
        }
        switch MessageFraming.declared(block) {
        case .failure(let error): return error
        case .success(let declared): framing = declared ?? .none
        }
        if form == .authority {
            guard framing == .none || framing == .length(0) else { return .contentInConnect }
            framing = .none
        }
        isAsteriskForm = unsafe block.path.count == 1 && block.bytes(block.path)[0] == 0x2A
        keepAlive = MessageFraming.keepsAlive(block)
        let isModern = block.version == .http11
        expectsContinue =
            isModern && framing != .none && framing != .length(0)
            && TokenList.contains("100-continue", in: block, .expect)
        upgradeRequested =
            isModern && block.contains(.upgrade) && TokenList.contains("upgrade", in: block, .connection)
        return nil
    }

    /// RFC 9112 3.2: one valid Host field, which may be missing only in HTTP/1.0; a target with an authority wins.
    private func checkHost(_ block: HeaderBlock) -> HTTP1Error? {
        guard let index = block.firstIndex(of: .host) else {
            if block.version == .http11 { return .missingHost }
            if form == .absolute || form == .authority { block.set(.host, block.authority) }
            return nil
        }
        if MessageFraming.isRepeated(.host, from: index, in: block) { return .duplicateHost }
        let value = block.field(index).value
        guard unsafe Authority.split(block.bytes(value)) != nil else { return .invalidHost }
        if form == .absolute || form == .authority {
            block.setValue(at: index, block.authority)
        } else {
            block.authority = value
        }
        return nil
    }
}
