import Testing

@testable import Wire

@Suite struct HTTP1WriterTests {
    private func request(_ block: HeaderBlock, _ framing: BodyFraming = .none) -> String {
        written(HTTP1Writer.headBound(block)) { HTTP1Writer.writeRequest(block, framing: framing, into: $0) }
    }

    private func response(
        _ block: HeaderBlock, _ framing: BodyFraming, _ connection: ConnectionHeader = .none,
        _ version: HTTPVersion = .http11
    ) -> String {
        written(HTTP1Writer.headBound(block)) {
            HTTP1Writer.writeResponse(block, framing: framing, connection: connection, version: version, into: $0)
        }
    }

    @Test func forwardedRequestKeepsOrderAndLowerCaseNames() {
        let block = requestBlock(
            "POST http://a.b:81/x?y=z HTTP/1.0\r\nX-One: 1\r\nHost: other\r\nX-Two:2  \r\nContent-Length: 5\r\n\r\n")
        #expect(HeaderRules.prepareRequest(block) == nil)
        block.add(.xRequestID, "id")
        block.set(.xForwardedProto, block.append("http"))
        #expect(
            request(block, .length(5))
                == "POST /x?y=z HTTP/1.1\r\nhost: a.b:81\r\nx-one: 1\r\nx-two: 2\r\nx-request-id: id\r\n"
                + "x-forwarded-proto: http\r\ncontent-length: 5\r\n\r\n")
    }

    @Test(arguments: [
        (Method.get, BodyFraming.none, ""), (.head, .none, ""), (.trace, .none, ""),
        (.post, .none, "content-length: 0\r\n"), (.options, .none, "content-length: 0\r\n"),
        (.delete, .none, ""), (.options, .none, "content-length: 0\r\n"), (.get, .length(0), "content-length: 0\r\n"),
        (.put, .length(1_234_567_890), "content-length: 1234567890\r\n"),
        (.put, .length(UInt64.max), "content-length: 18446744073709551615\r\n"),
        (.post, .chunked, "transfer-encoding: chunked\r\n"),
    ])
    func requestBodyIsAnnouncedOnce(_ method: Method, _ framing: BodyFraming, _ line: String) {
        let block = requestBlock("\(method.name) /p HTTP/1.1\r\nHost: h\r\n\r\n")
        // Lines that the caller forgot to remove are not sent beside the writer's own.
        block.add(.contentLength, "77")
        block.add(.transferEncoding, "gzip")
        block.add(.host, "evil")
        #expect(request(block, framing) == "\(method.name) /p HTTP/1.1\r\nhost: h\r\n\(line)\r\n")
    }

    @Test func requestMadeFromNothingHasMethodAndRootPath() {
        let block = HeaderBlock()
        block.authority = block.append("h:1")
        #expect(request(block) == "GET / HTTP/1.1\r\nhost: h:1\r\n\r\n")
        let connect = requestBlock("CONNECT h:443 HTTP/1.1\r\nHost: h:443\r\n\r\n")
        #expect(request(connect) == "CONNECT h:443 HTTP/1.1\r\nhost: h:443\r\n\r\n")
        let options = requestBlock("OPTIONS * HTTP/1.1\r\nHost: h\r\n\r\n")
        #expect(request(options) == "OPTIONS * HTTP/1.1\r\nhost: h\r\ncontent-length: 0\r\n\r\n")
        let custom = requestBlock("M-SEARCH /? HTTP/1.1\r\nHost: h\r\n\r\n")
        #expect(request(custom, .chunked) == "M-SEARCH /? HTTP/1.1\r\nhost: h\r\ntransfer-encoding: chunked\r\n\r\n")
    }

    @Test func removedChangedAndAddedLinesAreSentAsTheyAreNow() {
        let block = requestBlock(get("A: 1", "B: 2", "C: 3", "D: 4"))
        block.remove(at: 2)
        block.setValue(at: 3, block.append("changed"))
        block.add(id: .other, name: block.append("e"), value: block.append("5"))
        block.add(.via, "1.1 x")
        #expect(
            request(block) == "GET / HTTP/1.1\r\nhost: h\r\na: 1\r\nc: changed\r\nd: 4\r\ne: 5\r\nvia: 1.1 x\r\n\r\n")
    }

    @Test(arguments: [
        (
            "200 OK", BodyFraming.length(3), ConnectionHeader.none, HTTPVersion.http11,
            "HTTP/1.1 200 OK\r\ncontent-length: 3\r\n\r\n"
        ),
        ("200 ", .chunked, .none, .http11, "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n"),
        ("418 ", .length(0), .close, .http11, "HTTP/1.1 418 Unknown\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"),
        ("404 Nope", .untilClose, .none, .http11, "HTTP/1.1 404 Nope\r\nconnection: close\r\n\r\n"),
        (
            "200 OK", .length(3), .keepAlive, .http10,
            "HTTP/1.0 200 OK\r\ncontent-length: 3\r\nconnection: keep-alive\r\n\r\n"
        ),
        ("200 OK", .untilClose, .keepAlive, .http10, "HTTP/1.0 200 OK\r\nconnection: close\r\n\r\n"),
        ("204 No Content", .none, .none, .http11, "HTTP/1.1 204 No Content\r\n\r\n"),
        ("204 No Content", .length(0), .none, .http11, "HTTP/1.1 204 No Content\r\n\r\n"),
        ("103 Early Hints", .none, .none, .http11, "HTTP/1.1 103 Early Hints\r\n\r\n"),
        ("304 Not Modified", .none, .none, .http11, "HTTP/1.1 304 Not Modified\r\ncontent-length: 9\r\n\r\n"),
        ("200 OK", .none, .none, .http11, "HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\n"),
    ])
    func responseHeadFollowsStatusFramingAndClient(
        _ status: String, _ framing: BodyFraming, _ connection: ConnectionHeader, _ version: HTTPVersion,
        _ expected: String
    ) {
        let block = responseBlock("HTTP/1.1 \(status)\r\nContent-Length: 9\r\n\r\n")
        HeaderRules.prepareResponse(block)
        #expect(response(block, framing, connection, version) == expected)
    }

    @Test(arguments: [1, 9, 10, 15, 16, 255, 256, 6_699, 65_536, Int.max])
    func chunkHeaderIsHexadecimal(_ size: Int) {
        let text = written(18) { HTTP1Writer.writeChunkHeader(size, into: $0) }
        #expect(text == String(size, radix: 16) + "\r\n")
    }

    @Test func trailersEndTheMessage() {
        let block = HeaderBlock()
        #expect(written(HTTP1Writer.trailersBound(block)) { HTTP1Writer.writeTrailers(block, into: $0) } == "0\r\n\r\n")
        block.add(.grpcStatus, "0")
        block.add(.grpcMessage, "")
        let text = written(HTTP1Writer.trailersBound(block)) { HTTP1Writer.writeTrailers(block, into: $0) }
        #expect(text == "0\r\ngrpc-status: 0\r\ngrpc-message: \r\n\r\n")
    }

    @Test func whatIsWrittenIsReadBackUnchanged() {
        var generator = SeededGenerator(seed: 7)
        let names = ["A", "x-request-id", "Cookie", "Via", "X-Envoy-Attempt-Count", "accept", "Date", "x"]
        for _ in 0..<500 {
            var lines: [String] = []
            for _ in 0..<Int.random(in: 0...30, using: &generator) {
                let value = String(repeating: "v", count: Int.random(in: 0...40, using: &generator))
                lines.append(
                    "\(names.randomElement(using: &generator) ?? "A"):\(Bool.random(using: &generator) ? " " : "")\(value)"
                )
            }
            let text = "PUT /p?q HTTP/1.1\r\nHost: h\r\n" + lines.map { $0 + "\r\n" }.joined() + "\r\n"
            let first = requestBlock(text)
            let again = request(first, .length(42))
            let second = parseRequest(again)
            #expect(second.step == .complete(bytes: again.utf8.count))
            #expect(second.framing == .length(42))
            #expect(second.lines == first.lines + ["content-length: 42"])
            #expect(second.start == parseRequest(text).start)
        }
    }

    @Test func bodyWrittenInChunksIsReadBack() {
        var generator = SeededGenerator(seed: 8)
        for _ in 0..<100 {
            var wire: [UInt8] = []
            var body: [UInt8] = []
            for _ in 0..<Int.random(in: 0...5, using: &generator) {
                let data = (0..<Int.random(in: 1...600, using: &generator)).map { _ in
                    UInt8.random(in: 0...255, using: &generator)
                }
                wire += written(18) { HTTP1Writer.writeChunkHeader(data.count, into: $0) }.utf8
                wire += data + [13, 10]
                body += data
            }
            let trailers = HeaderBlock()
            trailers.add(.grpcStatus, "0")
            wire += written(HTTP1Writer.trailersBound(trailers)) { HTTP1Writer.writeTrailers(trailers, into: $0) }.utf8
            let outcome = decode(.chunked, wire, ends: randomEnds(wire.count, using: &generator))
            #expect(outcome.body == body)
            #expect(outcome.trailers == ["grpc-status: 0"])
            #expect(outcome.used == wire.count)
        }
    }
}
