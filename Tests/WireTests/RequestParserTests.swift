import Testing

@testable import Wire

@Suite struct RequestParserTests {
    @Test func aBrowserRequestIsReadWhole() {
        let text =
            "GET /a/b?c=d&e HTTP/1.1\r\nHost: Example.com:8080\r\nUser-Agent: curl/8 (x)\r\nAccept:*/*\r\n"
            + "X-Empty:\r\nX-Padded: \t  spaced out \t \r\nCookie: a=b\r\nCOOKIE: c=d\r\nX-Latin: caf\u{E9}\r\n\r\n"
        let outcome = parseRequest(text)
        #expect(outcome.step == .complete(bytes: text.utf8.count))
        #expect(outcome.start == ["get", "GET", "http", "Example.com:8080", "/a/b", "c=d&e", "true", "http11"])
        #expect(
            outcome.lines == [
                "host: Example.com:8080", "user-agent: curl/8 (x)", "accept: */*", "x-empty: ",
                "x-padded: spaced out", "cookie: a=b", "cookie: c=d", "x-latin: caf\u{E9}",
            ])
        #expect(outcome.framing == .none)
        #expect(outcome.flags == [true, false, false, false, false, false])
    }

    @Test(arguments: requests) func outcomeDoesNotDependOnTheSplit(_ text: String) {
        let input = Array(text.utf8)
        let whole = parseRequest(input)
        #expect(whole.step != .incomplete)
        #expect(parseRequest(input, ends: Array(1...input.count)) == whole)
        var generator = SeededGenerator(seed: 2)
        for _ in 0..<50 {
            #expect(parseRequest(input, ends: randomEnds(input.count, using: &generator)) == whole)
        }
    }

    @Test(arguments: [
        ("/", "/", "", false), ("/?", "/", "", true), ("/a?b?c", "/a", "b?c", true), ("//a", "//a", "", false),
        ("/a|b{}[]\"<>^`\\", "/a|b{}[]\"<>^`\\", "", false), ("/%zz", "/%zz", "", false),
        ("/abcdefghijklmnopqrstuvwxyz?q=0123456789", "/abcdefghijklmnopqrstuvwxyz", "q=0123456789", true),
    ])
    func originFormIsSplitAtTheFirstQuestionMark(_ target: String, _ path: String, _ query: String, _ has: Bool) {
        let outcome = parseRequest(line("GET \(target) HTTP/1.1"))
        #expect(Array(outcome.start[4...6]) == [path, query, "\(has)"])
    }

    @Test(arguments: [
        ("GET http://a.b:81/x?y HTTP/1.1", "http", "a.b:81", "/x", "y"),
        ("GET HTTP://a.b HTTP/1.1", "http", "a.b", "/", ""),
        ("GET https://a.b/ HTTP/1.1", "https", "a.b", "/", ""),
        ("GET http://a.b?y HTTP/1.1", "http", "a.b", "/", "y"),
        ("GET http://[::1]:80/x HTTP/1.1", "http", "[::1]:80", "/x", ""),
        ("GET http://a.b HTTP/1.0", "http", "a.b", "/", ""),
    ])
    func absoluteFormReplacesHost(
        _ requestLine: String, _ scheme: String, _ authority: String, _ path: String, _ query: String
    ) {
        let outcome = parseRequest(requestLine + "\r\nHost: other\r\n\r\n")
        #expect(Array(outcome.start[2...5]) == [scheme, authority, path, query])
        #expect(outcome.lines == ["host: \(authority)"])
        #expect(outcome.flags[3])
    }

    @Test func http10NeedsNoHostAndTakesItFromAnAbsoluteTarget() {
        #expect(parseRequest("GET / HTTP/1.0\r\n\r\n").start[3].isEmpty)
        let absolute = parseRequest("GET http://a/ HTTP/1.0\r\n\r\n")
        #expect(absolute.start[3] == "a")
        #expect(absolute.lines == ["host: a"])
    }

    @Test func asteriskAndAuthorityFormsBelongToTheirMethods() {
        let options = parseRequest("OPTIONS * HTTP/1.1\r\nHost: h\r\n\r\n")
        #expect(options.start[4] == "*")
        #expect(options.flags[4])
        let remote = parseRequest("OPTIONS http://h:80 HTTP/1.1\r\nHost: h:80\r\n\r\n")
        #expect(remote.start[4] == "*")
        #expect(remote.flags[3] && remote.flags[4])
        #expect(!parseRequest("OPTIONS http://h/ HTTP/1.1\r\nHost: h\r\n\r\n").flags[4])
        let connect = parseRequest("CONNECT h:443 HTTP/1.1\r\nHost: evil\r\nContent-Length: 0\r\n\r\n")
        #expect(connect.start[3] == "h:443")
        #expect(connect.start[4].isEmpty)
        #expect(connect.lines.first == "host: h:443")
        #expect(connect.flags[5])
        #expect(connect.framing == .none)
    }

    @Test func anyTokenIsAMethodWhenThePolicySaysSo() {
        for name in ["FOO", "get", "M-SEARCH", "X", "PROPFIND!"] {
            let input = Array(line("\(name) / HTTP/1.1").utf8)
            #expect(parseRequest(input).step == .refused(.unknownMethod))
            let outcome = parseRequest(input, methods: .anyToken)
            #expect(outcome.step == .complete(bytes: input.count))
            #expect(Array(outcome.start[0...1]) == ["other", name])
        }
        for method in Method.allCases where method != .other && method != .connect {
            #expect(parseRequest(line("\(method.name) / HTTP/1.1")).start[0] == "\(method)")
        }
    }

    @Test func namesThatDifferInOneBitAreOtherNames() {
        let outcome = parseRequest(post("Content_Length: 5", "TRANSFER_ENCODING: x", "CONTENT-LENGTH: 7", "h^st: x"))
        #expect(outcome.framing == .length(7))
        #expect(
            outcome.lines == [
                "host: h", "content_length: 5", "transfer_encoding: x", "content-length: 7", "h^st: x",
            ])
    }

    @Test func oneEmptyLineBeforeTheRequestIsSkippedAndCounted() {
        let text = "\r\n" + get()
        #expect(parseRequest(text).step == .complete(bytes: text.utf8.count))
    }

    @Test func bytesBehindTheHeadAreLeftAlone() {
        let head = post("Content-Length: 3")
        let outcome = parseRequest(head + "abcGET / HTTP/1.1\r\n")
        #expect(outcome.step == .complete(bytes: head.utf8.count))
        #expect(outcome.framing == .length(3))
    }

    @Test(arguments: [
        (["Content-Length: 0"], BodyFraming.length(0)), (["Content-Length: 0005"], .length(5)),
        (["Content-Length:\t42 "], .length(42)),
        (["Content-Length: 9223372036854775807"], .length(9_223_372_036_854_775_807)),
        (["Content-Length: " + String(repeating: "0", count: 40) + "7"], .length(7)),
        (["Transfer-Encoding: chunked"], .chunked), (["transfer-encoding:ChUnKeD\t"], .chunked), ([], .none),
    ])
    func framingIsWhatTheFieldsSay(_ lines: [String], _ framing: BodyFraming) {
        #expect(parseRequest(lines.isEmpty ? post() : post(lines[0])).framing == framing)
    }

    @Test(arguments: [
        ("1.1", [], true), ("1.1", ["Connection: close"], false), ("1.1", ["Connection: keep-alive"], true),
        ("1.1", ["Connection: x", "Connection: a , CLOSE"], false), ("1.1", ["Connection: closed, xclose"], true),
        ("1.1", ["Connection: keep-alive, close"], false), ("1.0", [], false),
        ("1.0", ["Connection: Keep-Alive"], true), ("1.0", ["Connection: keep-alive, close"], false),
        ("1.0", ["Keep-Alive: timeout=5"], false),
    ])
    func persistenceFollowsVersionAndConnection(_ version: String, _ lines: [String], _ keepAlive: Bool) {
        let text = "GET / HTTP/\(version)\r\nHost: h\r\n" + lines.map { $0 + "\r\n" }.joined() + "\r\n"
        #expect(parseRequest(text).flags[0] == keepAlive)
    }

    @Test func continueIsExpectedOnlyWithContentAndInHTTP11() {
        let content = "Content-Length: 5\r\n"
        #expect(parseRequest(post("Expect: 100-Continue", "Content-Length: 5")).flags[1])
        #expect(!parseRequest(post("Expect: 100-continue")).flags[1])
        #expect(!parseRequest(post("Expect: 100-continue", "Content-Length: 0")).flags[1])
        #expect(!parseRequest(post("Expect: foo", "Content-Length: 5")).flags[1])
        #expect(!parseRequest("POST / HTTP/1.0\r\nExpect: 100-continue\r\n\(content)\r\n").flags[1])
    }

    @Test func upgradeNeedsBothFieldsAndHTTP11() {
        #expect(parseRequest(get("Connection: keep-alive, Upgrade", "Upgrade: websocket")).flags[2])
        #expect(!parseRequest(get("Upgrade: websocket")).flags[2])
        #expect(!parseRequest(get("Connection: upgrade")).flags[2])
        let old = "GET / HTTP/1.0\r\nHost: h\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n"
        #expect(!parseRequest(old).flags[2])
    }

    @Test func limitsAreExact() {
        let ninetyNine = get((0..<99).map { "X\($0): a" }.joined(separator: "\r\n"))
        #expect(parseRequest(ninetyNine).step == .complete(bytes: ninetyNine.utf8.count))
        var limits = HTTP1Limits.request
        let input = Array(get("X: abc").utf8)
        limits.headBytesMax = input.count
        #expect(parseRequest(input, limits: limits).step == .complete(bytes: input.count))
        limits.headBytesMax = input.count - 1
        #expect(parseRequest(input, limits: limits).step == .refused(.headTooLarge))
        #expect(parseRequest(input, ends: Array(1...input.count), limits: limits).step == .refused(.headTooLarge))
        let large = get("X: " + String(repeating: "a", count: 59_000))
        #expect(parseRequest(large).step == .complete(bytes: large.utf8.count))
    }

    @Test func oneParserReadsManyRequestsOfAConnection() {
        var parser = RequestParser()
        let block = HeaderBlock()
        let first = Array(post("Content-Length: 1", "Connection: close").utf8)
        let second = Array(get("X: a").utf8)
        for _ in 0..<3 {
            #expect(first.withUnsafeBufferPointer { parser.parse($0, into: block) } == .complete(bytes: first.count))
            #expect(parser.framing == .length(1) && !parser.keepAlive)
            parser.reset()
            block.reset()
            #expect(second.withUnsafeBufferPointer { parser.parse($0, into: block) } == .complete(bytes: second.count))
            #expect(parser.framing == .none && parser.keepAlive)
            #expect(block.lines == ["host: h", "x: a"])
            parser.reset()
        }
    }

    @Test func anotherBlockOrAnEmptiedOneStartsTheHeadAgain() {
        let input = Array(get("X: a", "Y: b").utf8)
        var parser = RequestParser()
        let one = HeaderBlock()
        let two = HeaderBlock()
        let half = input.count - 5
        input.withUnsafeBufferPointer { whole in
            #expect(parser.parse(UnsafeBufferPointer(rebasing: whole[..<half]), into: one) == .incomplete)
            one.reset()
            #expect(parser.parse(UnsafeBufferPointer(rebasing: whole[..<half]), into: one) == .incomplete)
            #expect(parser.parse(whole, into: two) == .complete(bytes: input.count))
        }
        #expect(two.lines == ["host: h", "x: a", "y: b"])
    }
}

private let requests: [String] = [
    get(), "\r\n" + get("A: b"), get("A:", "B: \t", "C: d"), post("Content-Length: 10") + "0123456789",
    post("Transfer-Encoding: chunked") + "0\r\n\r\n", line("GET /long/path/with/segments?and=query HTTP/1.1"),
    "GET http://a.b:81/x?y HTTP/1.1\r\nHost: other\r\nX: y\r\n\r\n", "OPTIONS http://h HTTP/1.1\r\nHost: h\r\n\r\n",
    "CONNECT h:443 HTTP/1.1\r\nHost: h\r\n\r\n", "GET http://h/ HTTP/1.0\r\nA: b\r\n\r\n",
    get("Connection: upgrade", "Upgrade: websocket", "X-Long: " + String(repeating: "v", count: 3_000)),
    get((0..<99).map { "X-\($0): value \($0)" }.joined(separator: "\r\n")),
]
