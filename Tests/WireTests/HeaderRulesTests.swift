import Testing

@testable import Wire

@Suite struct HeaderRulesTests {
    @Test func requestLosesWhatIsForOneHop() {
        let block = requestBlock(
            get(
                "Connection: close, X-Drop , keep-alive,,te", "Keep-Alive: 5", "Proxy-Connection: keep-alive",
                "Upgrade: h2c", "X-DROP: a", "x-drop: b", "TE: gzip, Trailers;q=0.5", "Via: 1.0 v", "Trailer: X-Sum",
                "Proxy-Authorization: p", "Forwarded: for=x", "Content-Length: 5", "X-Keep: c"))
        #expect(HeaderRules.prepareRequest(block) == nil)
        #expect(
            block.lines == [
                "host: h", "via: 1.0 v", "trailer: X-Sum", "proxy-authorization: p", "forwarded: for=x", "x-keep: c",
            ])
    }

    @Test func teStaysOnlyForTrailers() {
        let trailers = requestBlock(get("TE: gzip", "Connection: TE", "TE: Trailers"))
        #expect(HeaderRules.prepareRequest(trailers) == nil)
        #expect(trailers.lines == ["host: h", "te: trailers"])
        let gzip = requestBlock(get("TE: gzip"))
        #expect(HeaderRules.prepareRequest(gzip) == nil)
        #expect(gzip.lines == ["host: h"])
    }

    @Test func continueIsForThisHopOtherExpectationsPass() {
        let block = requestBlock(post("Expect: 100-Continue", "Transfer-Encoding: chunked"))
        #expect(HeaderRules.prepareRequest(block) == nil)
        #expect(block.lines == ["host: h"])
        let other = requestBlock(post("Expect: foo"))
        #expect(HeaderRules.prepareRequest(other) == nil)
        #expect(other.lines == ["host: h", "expect: foo"])
    }

    @Test(arguments: [
        "host", "Host", "close, HOST", "Content-Length", "transfer-encoding", "X-Forwarded-For", "x-forwarded-host",
        "x-forwarded-proto", "x-forwarded-port", "authorization", "cookie", "cache-control", "content-type",
        "content-encoding",
    ])
    func connectionMayNotNameWhatTheNextHopNeeds(_ option: String) {
        #expect(HeaderRules.prepareRequest(requestBlock(get("Connection: \(option)"))) == .protectedConnectionOption)
    }

    @Test(arguments: [":authority", "a b", "a;b", "\"a\"", "é", (0..<40).map { "x\($0)" }.joined(separator: ",")])
    func connectionOptionsAreTokensAndFew(_ option: String) {
        #expect(HeaderRules.prepareRequest(requestBlock(get("Connection: \(option)"))) == .invalidConnectionOption)
    }

    @Test func responseLosesWhatIsForOneHop() {
        let block = responseBlock(
            answer(
                "Connection: X-Drop, content-length, close", "X-Drop: a", "Keep-Alive: 5", "Upgrade: h2", "TE: a",
                "Content-Length: 5", "Proxy-Connection: x", "Server: s"))
        HeaderRules.prepareResponse(block)
        #expect(block.lines == ["content-length: 5", "server: s"])
    }

    @Test func switchingProtocolsKeepsItsUpgrade() {
        let block = responseBlock(
            "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nKeep-Alive: 1\r\n\r\n")
        HeaderRules.prepareResponse(block)
        #expect(block.lines == ["connection: Upgrade", "upgrade: websocket"])
    }

    @Test func clientsDoNotControlTheProxy() {
        let controls = [
            "retry-on", "retry-grpc-on", "max-retries", "retriable-status-codes", "retriable-header-names",
            "upstream-rq-timeout-ms", "upstream-rq-per-try-timeout-ms", "upstream-rq-timeout-alt-response",
            "expected-rq-timeout-ms", "force-trace", "ip-tags", "internal", "external-address", "original-url",
            "hedge-on-per-try-timeout", "upstream-alt-stat-name", "is-timeout-retry", "immediate-health-check-fail",
        ]
        let marks = [
            "original-path", "original-host", "attempt-count", "decorator-operation", "downstream-service-cluster",
            "downstream-service-node",
        ]
        let text = get((controls + marks).map { "X-Envoy-\($0): 1" }.joined(separator: "\r\n"), "X-Envoy-Mine: 1")
        let inner = requestBlock(text)
        HeaderRules.stripClientControl(inner)
        #expect(inner.lines == ["host: h"] + marks.map { "x-envoy-\($0): 1" } + ["x-envoy-mine: 1"])
        let edge = requestBlock(text)
        HeaderRules.stripClientControl(edge, edge: true)
        #expect(edge.lines == ["host: h", "x-envoy-mine: 1"])
    }
}
