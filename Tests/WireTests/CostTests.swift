import Testing

@testable import Wire

#if canImport(Glibc)
    import Glibc
#endif

/// What a message costs: no allocation once warm, and the time of a typical one (printed in release builds).
@Suite(.serialized) struct CostTests {
    private static let request = Array(
        ("GET /api/v1/users/12345?fields=name,email HTTP/1.1\r\nHost: users.example.local:8080\r\n"
            + "User-Agent: Mozilla/5.0 (X11; Linux x86_64) Chrome/120.0\r\nAccept: application/json\r\n"
            + "Accept-Encoding: gzip, deflate, br\r\nAccept-Language: en-US,en;q=0.9\r\nConnection: keep-alive\r\n"
            + "Cookie: session=0123456789abcdef0123456789abcdef\r\nX-Request-Id: 7b1d9f5e-7a44-4e8c-9d7a-2d3f5b6c7d8e\r\n"
            + "X-Forwarded-For: 10.1.2.3\r\nReferer: https://users.example.local/list\r\n\r\n").utf8)
    private static let response = Array(
        ("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 16\r\nServer: app\r\n"
            + "Date: Wed, 01 Jan 2025 00:00:00 GMT\r\nCache-Control: no-store\r\nConnection: keep-alive\r\n\r\n").utf8)
    private static let chunks = Array("5;a=b\r\nhello\r\n6\r\n world\r\n0\r\nX-Sum: 1\r\n\r\n".utf8)

    /// One exchange as the data plane makes it: both heads parsed, prepared and written, and a chunked body read.
    private struct Exchange {
        var requests = RequestParser()
        var responses = ResponseParser()
        let request = HeaderBlock()
        let response = HeaderBlock()
        let trailers = HeaderBlock()
        let output = UnsafeMutableBufferPointer<UInt8>.allocate(capacity: 4_096)

        mutating func runRequest(_ bytes: UnsafeBufferPointer<UInt8>) -> Int {
            guard case .complete = requests.parse(bytes, into: request), PathRules.normalize(request),
                HeaderRules.prepareRequest(request) == nil
            else { return 0 }
            HeaderRules.stripClientControl(request)
            return HTTP1Writer.writeRequest(request, framing: requests.framing, into: output)
        }

        mutating func runResponse(_ bytes: UnsafeBufferPointer<UInt8>) -> Int {
            guard case .complete = responses.parse(bytes, requestMethod: .get, into: response) else { return 0 }
            HeaderRules.prepareResponse(response)
            return HTTP1Writer.writeResponse(
                response, framing: responses.framing, connection: .none, version: .http11, into: output)
        }

        func runBody(_ bytes: UnsafeBufferPointer<UInt8>) -> Bool {
            var decoder = BodyDecoder(.chunked)
            trailers.reset()
            var position = 0
            while true {
                let rest = UnsafeBufferPointer(rebasing: bytes[position...])
                switch decoder.next(rest, trailers: trailers) {
                case .data(let skip, let count): position += skip + count
                case .end: return true
                case .needMore, .refused: return false
                }
            }
        }
    }

    @Test func anExchangeAllocatesNothingOnceWarm() {
        var exchange = Exchange()
        defer { exchange.output.deallocate() }
        Self.request.withUnsafeBufferPointer { request in
            Self.response.withUnsafeBufferPointer { response in
                Self.chunks.withUnsafeBufferPointer { chunks in
                    func run() -> Bool {
                        exchange.runRequest(request) > 0 && exchange.runResponse(response) > 0
                            && exchange.runBody(chunks)
                    }
                    #expect(run())
                    let capacity = exchange.request.capacity
                    let allocations = AllocationCount.during {
                        for _ in 0..<1_000 { _ = run() }
                    }
                    #expect(allocations == 0)
                    #expect(run())
                    // The hook does not see raw memory; the block's buffer is the only such.
                    #expect(exchange.request.capacity == capacity)
                }
            }
        }
        let one = AllocationCount.during { _ = HeaderBlock() }
        #expect(one >= 1, "the counter does not count")
    }

    @Test func timeOfATypicalExchange() {
        var exchange = Exchange()
        defer { exchange.output.deallocate() }
        func measure(_ name: String, _ body: () -> Bool) {
            #if DEBUG
                #expect(body())
            #else
                let rounds = 200_000
                for _ in 0..<rounds / 10 { _ = body() }
                var best = Double.infinity
                for _ in 0..<5 {
                    let clock = ContinuousClock()
                    let time = clock.measure { for _ in 0..<rounds { _ = body() } }
                    best = min(
                        best,
                        Double(time.components.attoseconds) / 1e9 / Double(rounds)
                            + Double(time.components.seconds) * 1e9 / Double(rounds))
                }
                print("\(name): \(Int(best)) ns")
            #endif
        }
        Self.request.withUnsafeBufferPointer { bytes in
            measure("request head, parse only") {
                if case .complete = exchange.requests.parse(bytes, into: exchange.request) { true } else { false }
            }
            measure("request head, parse, normalise, prepare, strip, write") { exchange.runRequest(bytes) > 0 }
        }
        Self.response.withUnsafeBufferPointer { bytes in
            measure("response head, parse, prepare, write") { exchange.runResponse(bytes) > 0 }
        }
        Self.chunks.withUnsafeBufferPointer { bytes in
            measure("chunked body of two chunks and a trailer") { exchange.runBody(bytes) }
        }
    }
}

/// Counts the objects that the Swift runtime allocates, through the hook that the runtime offers to instruments.
///
/// Once used, the hook changes how the whole process counts references. Therefore the body runs in a forked child, which
/// has this thread only and ends when it has counted.
private enum AllocationCount {
    typealias Allocate = @convention(c) (UnsafeRawPointer?, Int, Int) -> UnsafeMutableRawPointer?
    typealias Fork = @convention(c) () -> pid_t

    nonisolated(unsafe) private static var original: Allocate?
    nonisolated(unsafe) private static var count: Int32 = 0

    /// Objects allocated by the body, at most 200; -1 when the child did not get to its end.
    static func during(_ body: () -> Void) -> Int {
        guard let symbol = dlsym(nil, "_swift_allocObject"), let fork = dlsym(nil, "fork") else { return -1 }
        let hook = symbol.assumingMemoryBound(to: Allocate.self)
        original = hook.pointee
        count = 0
        let child = unsafeBitCast(fork, to: Fork.self)()
        if child == 0 {
            hook.pointee = { metadata, size, alignment in
                AllocationCount.count += 1
                return AllocationCount.original?(metadata, size, alignment)
            }
            body()
            _exit(min(count, 200))
        }
        var status: Int32 = 0
        guard child > 0, waitpid(child, &status, 0) == child, status & 0x7F == 0 else { return -1 }
        return Int(status >> 8 & 0xFF)
    }
}
