import Testing

@testable import Wire

@Suite struct ResponseParserTests {
    @Test(arguments: responseRefusals)
    func isRefusedHoweverItIsSplit(_ refusal: Refusal) {
        let expected = HeadStep.refused(refusal.error)
        #expect(parseResponse(refusal.input).step == expected)
        #expect(parseResponse(refusal.input, ends: Array(1...refusal.input.count)).step == expected)
        var generator = SeededGenerator(seed: 3)
        for _ in 0..<20 {
            let ends = randomEnds(refusal.input.count, using: &generator)
            #expect(parseResponse(refusal.input, ends: ends).step == expected, "ends \(ends)")
        }
    }

    @Test func theTableIsLargeEnoughToMeanSomething() {
        #expect(responseRefusals.count >= 30)
    }

    @Test(arguments: [
        answer("Content-Length: 3") + "abc", answer("Transfer-Encoding: chunked", "X: y") + "0\r\n\r\n", answer(),
        "HTTP/1.0 404 \r\nA: b\r\n\r\n", "HTTP/1.1 200\r\nContent-Length: 0\r\n\r\n",
        "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 200 OK\r\n\r\n",
        answer("X: " + String(repeating: "a", count: 70_000)),
    ])
    func outcomeDoesNotDependOnTheSplit(_ text: String) {
        let input = Array(text.utf8)
        let whole = parseResponse(input)
        #expect(whole.step != .incomplete)
        #expect(parseResponse(input, ends: Array(stride(from: 1, to: input.count, by: 7)) + [input.count]) == whole)
        var generator = SeededGenerator(seed: 4)
        for _ in 0..<30 {
            #expect(parseResponse(input, ends: randomEnds(input.count, using: &generator)) == whole)
        }
    }

    @Test(arguments: [
        ("HTTP/1.1 200 OK", "200", "OK", "http11"), ("HTTP/1.0 404 Not  Found ", "404", "Not  Found ", "http10"),
        ("HTTP/1.1 200 ", "200", "", "http11"), ("HTTP/1.1 200", "200", "", "http11"),
        ("HTTP/1.1 999 caf\u{E9}\ttab", "999", "caf\u{E9}\ttab", "http11"), ("HTTP/1.1 599 x", "599", "x", "http11"),
    ])
    func statusLineIsSplit(_ line: String, _ status: String, _ reason: String, _ version: String) {
        #expect(parseResponse(Array((line + "\r\nContent-Length: 0\r\n\r\n").utf8)).start == [status, reason, version])
    }

    @Test(arguments: [
        ("200 OK", ["Content-Length: 3"], Method.get, BodyFraming.length(3)),
        ("200 OK", ["Transfer-Encoding: Chunked"], .get, .chunked), ("200 OK", [], .get, .untilClose),
        ("200 OK", ["Content-Length: 3"], .head, .none), ("200 OK", ["Transfer-Encoding: chunked"], .head, .none),
        ("200 OK", [], .head, .none), ("204 No Content", ["Content-Length: 3"], .get, .none),
        ("204 No Content", ["Transfer-Encoding: chunked"], .get, .none),
        ("304 Not Modified", ["Content-Length: 3"], .get, .none), ("100 Continue", [], .post, .none),
        ("101 Switching Protocols", ["Content-Length: 3"], .get, .none), ("103 Early Hints", [], .get, .none),
        ("200 OK", ["Content-Length: 3"], .connect, .none),
        ("403 Forbidden", ["Content-Length: 3"], .connect, .length(3)),
        ("205 Reset Content", ["Content-Length: 0"], .get, .length(0)), ("500 Oops", [], .get, .untilClose),
    ])
    func framingFollowsMethodStatusAndFields(
        _ status: String, _ lines: [String], _ method: Method, _ framing: BodyFraming
    ) {
        let text = "HTTP/1.1 \(status)\r\n" + lines.map { $0 + "\r\n" }.joined() + "\r\n"
        #expect(parseResponse(Array(text.utf8), method: method).framing == framing)
    }

    @Test(arguments: [
        ("1.1", ["Content-Length: 0"], true), ("1.1", ["Content-Length: 0", "Connection: close"], false),
        ("1.1", [], false), ("1.1", ["Transfer-Encoding: chunked"], true), ("1.0", ["Content-Length: 0"], false),
        ("1.0", ["Content-Length: 0", "Connection: keep-alive"], true), ("1.0", ["Connection: keep-alive"], false),
    ])
    func persistenceFollowsVersionConnectionAndFraming(_ version: String, _ lines: [String], _ keepAlive: Bool) {
        let text = "HTTP/\(version) 200 OK\r\n" + lines.map { $0 + "\r\n" }.joined() + "\r\n"
        #expect(parseResponse(Array(text.utf8)).flags[0] == keepAlive)
    }

    @Test func interimAnswersAreAll1xxBut101() {
        for (status, isInterim) in [(100, true), (101, false), (102, true), (103, true), (199, true), (200, false)] {
            let outcome = parseResponse(Array("HTTP/1.1 \(status) x\r\n\r\n".utf8))
            #expect(outcome.flags[1] == isInterim, "\(status)")
        }
    }

    @Test func oneParserReadsInterimAndFinalAnswers() {
        var parser = ResponseParser()
        let block = HeaderBlock()
        let input = Array(("HTTP/1.1 100 Continue\r\n\r\n" + answer("Content-Length: 1")).utf8)
        input.withUnsafeBufferPointer { bytes in
            #expect(parser.parse(bytes, requestMethod: .post, into: block) == .complete(bytes: 25))
            #expect(parser.isInformational)
            parser.reset()
            block.reset()
            let rest = UnsafeBufferPointer(rebasing: bytes[25...])
            #expect(parser.parse(rest, requestMethod: .post, into: block) == .complete(bytes: rest.count))
            #expect(!parser.isInformational && parser.framing == .length(1))
        }
    }
}

let responseRefusals: [Refusal] = [
    Refusal("garbage", "hello\r\n\r\n", .invalidStatusLine),
    Refusal("TLS alert", [0x15, 3, 3, 0, 2, 2, 40], .invalidStatusLine),
    Refusal("SSH banner", "SSH-2.0-OpenSSH_9\r\n", .invalidStatusLine),
    Refusal("HTTP and garbage", "HELLO WORLD\r\n\r\n", .invalidStatusLine),
    Refusal("empty line first", "\r\n" + answer(), .invalidStatusLine),
    Refusal("ICY", "ICY 200 OK\r\n\r\n", .invalidStatusLine),
    Refusal("HTTP/0.9", "HTTP/0.9 200 OK\r\n\r\n", .unsupportedVersion),
    Refusal("HTTP/1.2", "HTTP/1.2 200 OK\r\n\r\n", .unsupportedVersion),
    Refusal("HTTP/2.0", "HTTP/2.0 200 OK\r\n\r\n", .unsupportedVersion),
    Refusal("HTTP/2", "HTTP/2 200 OK\r\n\r\n", .invalidStatusLine),
    Refusal("no version", "HTTP 200 OK\r\n\r\n", .invalidStatusLine),
    Refusal("lower case", "http/1.1 200 OK\r\n\r\n", .invalidStatusLine),
    Refusal("lower case behind the first letter", "Http/1.1 200 OK\r\n\r\n", .invalidStatusLine),
    Refusal("two spaces", "HTTP/1.1  200 OK\r\n\r\n", .invalidStatus),
    Refusal("tab", "HTTP/1.1\t200 OK\r\n\r\n", .invalidStatusLine),
    Refusal("no status", "HTTP/1.1\r\n\r\n", .invalidStatusLine),
    Refusal("empty status", "HTTP/1.1 \r\n\r\n", .invalidStatus),
    Refusal("status 99", "HTTP/1.1 99 x\r\n\r\n", .invalidStatus),
    Refusal("status 099", "HTTP/1.1 099 x\r\n\r\n", .invalidStatus),
    Refusal("status 000", "HTTP/1.1 000 x\r\n\r\n", .invalidStatus),
    Refusal("status 1000", "HTTP/1.1 1000 x\r\n\r\n", .invalidStatus),
    Refusal("status with sign", "HTTP/1.1 +20 x\r\n\r\n", .invalidStatus),
    Refusal("status of letters", "HTTP/1.1 2xx x\r\n\r\n", .invalidStatus),
    Refusal("status and letter", "HTTP/1.1 200x\r\n\r\n", .invalidStatusLine),
    Refusal("NUL in the reason", "HTTP/1.1 200 O\0K\r\n\r\n", .invalidReason),
    Refusal("CR in the reason", "HTTP/1.1 200 O\rK\r\n\r\n", .bareCarriageReturn),
    Refusal("LF ends the status line", "HTTP/1.1 200 OK\n\r\n", .bareLineFeed),
    Refusal("LF ends a field", "HTTP/1.1 200 OK\r\nX: y\n\r\n", .bareLineFeed),
    Refusal("folded line", answer("X: y", " z"), .foldedLine),
    Refusal("blank before the colon", answer("X : y"), .whitespaceBeforeColon),
    Refusal("no colon", answer("X"), .missingColon),
    Refusal("empty name", answer(": y"), .emptyName),
    Refusal("NUL in a value", answer("X: a\0b"), .invalidValue),
    Refusal("CR in a value", answer("X: a\rb"), .bareCarriageReturn),
    Refusal(
        "both lengths", answer("Content-Length: 3", "Transfer-Encoding: chunked"), .contentLengthWithTransferEncoding),
    Refusal("two lengths", answer("Content-Length: 3", "Content-Length: 4"), .duplicateContentLength),
    Refusal("two equal lengths", answer("Content-Length: 3", "Content-Length: 3"), .duplicateContentLength),
    Refusal("list of lengths", answer("Content-Length: 3, 3"), .invalidContentLength),
    Refusal("negative length", answer("Content-Length: -3"), .invalidContentLength),
    Refusal("length too large", answer("Content-Length: 99999999999999999999"), .invalidContentLength),
    Refusal("gzip, chunked", answer("Transfer-Encoding: gzip, chunked"), .unsupportedTransferEncoding),
    Refusal("identity", answer("Transfer-Encoding: identity"), .unsupportedTransferEncoding),
    Refusal("chunked in HTTP/1.0", "HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", .transferEncodingInHTTP10),
    Refusal("101 fields", answer((0..<101).map { "X\($0): a" }.joined(separator: "\r\n")), .tooManyFields),
    Refusal(
        "head of 140,000 bytes",
        answer((0..<14).map { "X\($0): " + String(repeating: "a", count: 10_000) }.joined(separator: "\r\n")),
        .headTooLarge),
]
