// What the tests of the codec share: whole and piecewise feeding, and outcomes that compare.

import Testing

@testable import Wire

/// One line of a table of inputs that must be refused.
struct Refusal: CustomTestStringConvertible, Sendable {
    let input: [UInt8]
    let error: HTTP1Error
    let why: String

    init(_ why: String, _ input: String, _ error: HTTP1Error) {
        self.init(why, Array(input.utf8), error)
    }

    init(_ why: String, _ input: [UInt8], _ error: HTTP1Error) {
        self.input = input
        self.error = error
        self.why = why
    }

    var testDescription: String { why }
}

/// A request with a good request line and Host, and the given further lines.
func get(_ lines: String...) -> String {
    "GET / HTTP/1.1\r\nHost: h\r\n" + lines.map { $0 + "\r\n" }.joined() + "\r\n"
}

func post(_ lines: String...) -> String {
    "POST / HTTP/1.1\r\nHost: h\r\n" + lines.map { $0 + "\r\n" }.joined() + "\r\n"
}

/// A request whose request line is given.
func line(_ requestLine: String) -> String { requestLine + "\r\nHost: h\r\n\r\n" }

/// An answer with status 200 and the given lines.
func answer(_ lines: String...) -> String {
    "HTTP/1.1 200 OK\r\n" + lines.map { $0 + "\r\n" }.joined() + "\r\n"
}

/// A deterministic generator (SplitMix64), so that a failing seed can be run again.
struct SeededGenerator: RandomNumberGenerator {
    var state: UInt64
    init(seed: UInt64) { state = seed }
    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ mixed >> 30) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ mixed >> 27) &* 0x94D0_49BB_1331_11EB
        return mixed ^ mixed >> 31
    }
}

extension HeaderBlock {
    /// The live lines as text.
    var lines: [String] {
        (0..<count).map { field($0) }.filter { $0.id != .removed }.map { "\(text($0.name)): \(text($0.value))" }
    }

    func textOf(_ id: HeaderID) -> String? { value(id).map { text($0) } }
}

/// All that a caller can see of a parsed request.
struct RequestOutcome: Equatable {
    var step: HeadStep
    var start: [String] = []
    var lines: [String] = []
    var framing = BodyFraming.none
    var flags: [Bool] = []

    init(_ step: HeadStep, _ parser: RequestParser, _ block: HeaderBlock) {
        self.step = step
        guard case .complete = step else { return }
        start = [
            "\(block.method)", block.text(block.methodName), "\(block.scheme)", block.text(block.authority),
            block.text(block.path), block.text(block.query), "\(block.hasQuery)", "\(block.version)",
        ]
        lines = block.lines
        framing = parser.framing
        flags = [
            parser.keepAlive, parser.expectsContinue, parser.upgradeRequested, parser.isAbsoluteForm,
            parser.isAsteriskForm, parser.isAuthorityForm,
        ]
    }
}

/// All that a caller can see of a parsed response.
struct ResponseOutcome: Equatable {
    var step: HeadStep
    var start: [String] = []
    var lines: [String] = []
    var framing = BodyFraming.none
    var flags: [Bool] = []

    init(_ step: HeadStep, _ parser: ResponseParser, _ block: HeaderBlock) {
        self.step = step
        guard case .complete = step else { return }
        start = ["\(block.status)", block.text(block.reason), "\(block.version)"]
        lines = block.lines
        framing = parser.framing
        flags = [parser.keepAlive, parser.isInformational]
    }
}

/// Feeds growing prefixes, each in memory of exactly its size, until the step is final or the input is all there.
func grow(_ input: [UInt8], ends: [Int], _ parse: (UnsafeBufferPointer<UInt8>) -> HeadStep) -> HeadStep {
    for end in ends {
        let copy = UnsafeMutableBufferPointer<UInt8>.allocate(capacity: end)
        defer { copy.deallocate() }
        _ = copy.initialize(from: input[..<end])
        let step = parse(UnsafeBufferPointer(copy))
        if step != .incomplete { return step }
    }
    return .incomplete
}

func parseRequest(
    _ input: [UInt8], ends: [Int]? = nil, limits: HTTP1Limits = .request, methods: MethodPolicy = .known
) -> RequestOutcome {
    var parser = RequestParser(limits: limits, methods: methods)
    let block = HeaderBlock(bytes: 64, fields: 8)
    let step = grow(input, ends: ends ?? [input.count]) { parser.parse($0, into: block) }
    return RequestOutcome(step, parser, block)
}

func parseRequest(_ input: String) -> RequestOutcome { parseRequest(Array(input.utf8)) }

func parseResponse(
    _ input: [UInt8], ends: [Int]? = nil, method: Method = .get, limits: HTTP1Limits = .response
) -> ResponseOutcome {
    var parser = ResponseParser(limits: limits)
    let block = HeaderBlock(bytes: 64, fields: 8)
    let step = grow(input, ends: ends ?? [input.count]) { parser.parse($0, requestMethod: method, into: block) }
    return ResponseOutcome(step, parser, block)
}

/// A request head in a block, which must be well formed.
func requestBlock(_ input: String) -> HeaderBlock {
    var parser = RequestParser(methods: .anyToken)
    let block = HeaderBlock()
    let step = Array(input.utf8).withUnsafeBufferPointer { parser.parse($0, into: block) }
    precondition(step == .complete(bytes: input.utf8.count), "\(step)")
    return block
}

func responseBlock(_ input: String, method: Method = .get) -> HeaderBlock {
    var parser = ResponseParser()
    let block = HeaderBlock()
    let step = Array(input.utf8).withUnsafeBufferPointer { parser.parse($0, requestMethod: method, into: block) }
    precondition(step == .complete(bytes: input.utf8.count), "\(step)")
    return block
}

/// A random, ascending list of ends that finishes with `count`.
func randomEnds(_ count: Int, using generator: inout SeededGenerator) -> [Int] {
    let cuts = (0..<Int.random(in: 0...6, using: &generator)).map { _ in Int.random(in: 1...count, using: &generator) }
    return Set(cuts + [count]).sorted()
}

/// What a body decoder made of an input.
struct BodyOutcome: Equatable {
    var body: [UInt8] = []
    var trailers: [String] = []
    var error: HTTP1Error?
    var isComplete = false
    /// Bytes used when the message was complete.
    var used = 0
    var isCompleteWhenClosed = false
}

/// Decodes a body that arrives in pieces ending at `ends`; checks that offsets stay within each piece.
func decode(
    _ framing: BodyFraming, _ input: [UInt8], ends: [Int]? = nil, limits: HTTP1Limits = .request
) -> BodyOutcome {
    var decoder = BodyDecoder(framing, limits: limits)
    let trailers = HeaderBlock(bytes: 64, fields: 8)
    var outcome = BodyOutcome()
    var start = 0
    pieces: for end in ends ?? [input.count] {
        var position = start
        start = end
        while true {
            let copy = UnsafeMutableBufferPointer<UInt8>.allocate(capacity: end - position)
            defer { copy.deallocate() }
            _ = copy.initialize(from: input[position..<end])
            switch decoder.next(UnsafeBufferPointer(copy), trailers: trailers) {
            case .needMore(let consumed):
                precondition(consumed == end - position)
                outcome.used += consumed
                continue pieces
            case .data(let skip, let count):
                precondition(skip >= 0 && count > 0 && skip + count <= end - position)
                outcome.body += input[(position + skip)..<(position + skip + count)]
                position += skip + count
                outcome.used += skip + count
            case .end(let consumed):
                precondition(consumed >= 0 && consumed <= end - position)
                outcome.used += consumed
                outcome.isComplete = true
                break pieces
            case .refused(let error):
                outcome.error = error
                outcome.used = 0
                break pieces
            }
        }
    }
    outcome.isComplete = decoder.isComplete
    outcome.isCompleteWhenClosed = decoder.closed()
    if outcome.isComplete { outcome.trailers = trailers.lines }
    return outcome
}

func written(_ bound: Int, _ write: (UnsafeMutableBufferPointer<UInt8>) -> Int) -> String {
    let buffer = UnsafeMutableBufferPointer<UInt8>.allocate(capacity: bound)
    defer { buffer.deallocate() }
    return String(decoding: buffer[..<write(buffer)], as: UTF8.self)
}
