import Testing
import Wire

@testable import Telemetry

/// Numbers in the order in which they are asked for.
private struct Numbers: RandomNumberGenerator {
    var numbers: [UInt64]
    mutating func next() -> UInt64 { numbers.isEmpty ? 0 : numbers.removeFirst() }
}

private func decide(
    _ sampler: TraceSampler, host: String = "h", method: String = "GET", path: String = "/", now: Int64 = 0,
    random: UInt64 = .max
) -> Bool {
    Array(host.utf8).withUnsafeBufferPointer { host in
        Array(method.utf8).withUnsafeBufferPointer { method in
            Array(path.utf8).withUnsafeBufferPointer { path in
                sampler.decide(host: host, method: method, path: path, now: now, random: random)
            }
        }
    }
}

@Suite("Sampling of traces")
struct TraceSamplingTests {
    @Test("The first of each second is taken, of the others a share")
    func standard() {
        let sampler = TraceSampler(SamplingRules())
        let second: Int64 = 1_000_000_000
        #expect(decide(sampler, now: 7 * second + 1))
        #expect(!decide(sampler, now: 7 * second + 2))
        #expect(!decide(sampler, now: 8 * second - 1))
        #expect(decide(sampler, now: 8 * second))
        #expect(!decide(sampler, now: 8 * second))
        // 5 % of all numbers.
        #expect(decide(sampler, now: 8 * second, random: UInt64(0x1p64 * 0.0499)))
        #expect(!decide(sampler, now: 8 * second, random: UInt64(0x1p64 * 0.0501)))
    }

    @Test("Rates of 0 and 1 are never and always", arguments: [UInt64(0), 1 << 63, .max])
    func extremes(_ random: UInt64) {
        #expect(!decide(TraceSampler(SamplingRules(standard: SamplingRule(fixedTarget: 0, rate: 0))), random: random))
        #expect(decide(TraceSampler(SamplingRules(standard: SamplingRule(fixedTarget: 0, rate: 1))), random: random))
    }

    @Test("The first rule that fits decides, each with seconds of its own")
    func order() {
        let sampler = TraceSampler(
            SamplingRules(
                rules: [
                    SamplingRule(path: "/a*", fixedTarget: 2, rate: 0),
                    SamplingRule(path: "/ab", fixedTarget: 9, rate: 1),
                    SamplingRule(host: "*.shop", method: "p?t", fixedTarget: 1, rate: 0),
                ], standard: SamplingRule(fixedTarget: 0, rate: 0)))
        #expect([0, 1, 2].map { _ in decide(sampler, path: "/ab") } == [true, true, false])
        #expect(decide(sampler, host: "www.SHOP", method: "PUT"))
        #expect(!decide(sampler, host: "www.SHOP", method: "PUT"))
        #expect(!decide(sampler, host: "shop", method: "PUT"))
        #expect(!decide(sampler, host: "www.shop", method: "POST"))
    }

    @Test(
        "Patterns",
        arguments: [
            ("*", "", true), ("*", "anything", true), ("", "", true), ("", "a", false), ("?", "", false),
            ("?", "a", true),
            ("a*b*c", "aXbYbZc", true), ("a*b*c", "aXbY", false), ("*a", "banana", true), ("*ana", "banana", true),
            ("b*?a", "ba", false), ("b*?a", "bxa", true), ("**x", "x", true), ("A?c", "aBC", true), ("a", "ab", false),
        ])
    func wildcards(_ pattern: String, _ text: String, _ expected: Bool) {
        #expect(Array(text.utf8).withUnsafeBufferPointer { WildcardPattern(pattern).fits($0) } == expected)
    }

    @Test("A pattern made to be slow is not")
    func bounded() {
        let text = Array(repeating: UInt8(ascii: "a"), count: 4_096)
        let pattern = WildcardPattern(String(repeating: "a*", count: 500) + "b")
        #expect(!text.withUnsafeBufferPointer { pattern.fits($0) })
    }
}

@Suite("Spans and segments")
struct TraceSegmentTests {
    private let proxy = TracedProxy(
        name: nil, mesh: "colors", resource: "blue",
        rules: SamplingRules(standard: SamplingRule(fixedTarget: 0, rate: 0.5)))

    @Test("A new trace has the time in it, identifiers are never zero, and the rate decides")
    func begin() {
        var numbers = Numbers(numbers: [0x1122_3344_5566_7788, 0x99AA_BBCC_DDEE_FF00, 0, 0])
        let span = proxy.begin(
            requestHead(), isEgress: true, realtime: 0x5759_E988 * 1_000_000_000 + 999_999_999, now: 0, random: &numbers
        )
        #expect(
            span
                == TraceSpan(
                    traceID: TraceID(high: 0x5759_E988_1122_3344, low: 0x99AA_BBCC_DDEE_FF00), id: 1, isSampled: true,
                    isEgress: true))
        numbers = Numbers(numbers: [1, 2, .max, 4])
        let unsampled = proxy.begin(requestHead(), isEgress: false, realtime: 0, now: 0, random: &numbers)
        #expect(!unsampled.isSampled && unsampled.id == 4 && unsampled.traceID.low == 2)
    }

    @Test("The client's trace and decision are kept", arguments: [("1", true), ("0", false)])
    func continued(_ said: String, _ isSampled: Bool) {
        let value = "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=\(said)"
        var numbers = Numbers(numbers: [7])
        let span = proxy.begin(
            requestHead("GET", "/", [("x-amzn-trace-id", utf8(value))]), isEgress: false, realtime: 0, now: 0,
            random: &numbers)
        let id = TraceID(high: 0x5759_E988_BD86_2E3F, low: 0xE1BE_46A9_9427_2793)
        #expect(span == TraceSpan(traceID: id, id: 7, parentID: 0x5399_5C3F_42CD_8AD8, isSampled: isSampled))
    }

    private let span = TraceSpan(
        traceID: TraceID(high: 0x5759_E988_BD86_2E3F, low: 0xE1BE_46A9_9427_2793), id: 0xAB, parentID: 0xCD,
        isSampled: true)

    private func document(_ record: Record, _ span: TraceSpan) -> String {
        let writer = SegmentWriter()
        let text = withExtendedLifetime(writer) {
            String(decoding: writer.datagram(record, span, of: proxy), as: UTF8.self)
        }
        let header = "{\"format\":\"json\",\"version\":1}\n"
        #expect(text.hasPrefix(header))
        return String(text.dropFirst(header.count))
    }

    @Test("A segment has everything that Envoy's has")
    func golden() {
        let head = requestHead(
            "GET", "/new", query: "q=1", authority: "colors.local:8080",
            [
                ("user-agent", utf8("curl/8")), ("x-forwarded-for", utf8("198.51.100.7, 10.0.0.1")),
                ("x-request-id", utf8("r-1")), ("x-forwarded-proto", utf8("https")),
                ("x-envoy-original-host", utf8("shop.example")),
            ])
        let record = Record(request: head)
        record.startRealtime = 1_480_615_200_010_999_999
        record.downstreamRxBegin = 5_000_000_000
        record.finished = 5_080_000_000
        record.status = 429
        record.bodyBytesReceived = 12
        record.bodyBytesSent = 34
        record.peer = downstreamPeer
        record.endpoint = endpoint
        record.originalPath = head.append(bytes: "/old?q=1")
        #expect(
            document(record, span)
                == #"{"name":"colors/blue","origin":"AWS::AppMesh::Proxy","aws":{"app_mesh":{"mesh_name":"colors","#
                + #""virtual_node_name":"blue"}},"id":"00000000000000ab","#
                + #""trace_id":"1-5759e988-bd862e3fe1be46a994272793","parent_id":"00000000000000cd","#
                + #""start_time":1480615200.010999,"end_time":1480615200.090999,"error":true,"throttle":true,"#
                + #""http":{"request":{"method":"GET","url":"https://shop.example/old?q=1","user_agent":"curl/8","#
                + #""client_ip":"198.51.100.7","x_forwarded_for":true},"response":{"status":429,"content_length":34}},"#
                + #""annotations":{"direction":"ingress","component":"proxy","http_protocol":"HTTP/1.1","#
                + #""request_size":"12","response_flags":"-","guid_x_request_id":"r-1","#
                + #""upstream_cluster":"cds_egress_colors_blue_http_8080","upstream_address":"127.0.0.1:18121"}}"#)
    }

    @Test(
        "The status decides what is wrong; no answer is a fault",
        arguments: [
            (0, #","fault":true"#), (200, ""), (399, ""), (400, #","error":true"#), (499, #","error":true"#),
            (429, #","error":true,"throttle":true"#), (500, #","fault":true"#), (599, #","fault":true"#),
        ])
    func outcome(_ status: Int, _ flags: String) {
        let record = goldenRecord()
        record.status = status
        let text = document(record, span)
        let end = text.range(of: ",\"http\":")
        #expect(end != nil)
        let before = end.map { String(text[..<$0.lowerBound]) } ?? ""
        #expect(
            ["error", "fault", "throttle"].allSatisfy { before.contains("\"\($0)\"") == flags.contains("\"\($0)\"") })
        #expect(before.hasSuffix(flags))
    }

    @Test("The first of a trace has no parent, and the peer is the client when it forwarded for nobody but itself")
    func root() {
        let record = goldenRecord(requestHead("GET", "/", [("x-forwarded-for", utf8("127.16.0.3"))]))
        record.peer = downstreamPeer
        var span = span
        span.parentID = 0
        span.isEgress = true
        let text = document(record, span)
        #expect(!text.contains("parent_id") && text.contains(#""direction":"egress""#))
        #expect(text.contains(#""client_ip":"127.16.0.3","x_forwarded_for":false"#))
    }

    @Test("Long and strange values are cut between characters and escaped")
    func hostile() {
        let head = requestHead(
            "GET", "/" + String(repeating: "é", count: 9_000), query: String(repeating: "\"", count: 9_000),
            authority: String(repeating: "h", count: 9_000),
            [("user-agent", [0xFF, 0x22, 0x5C, 0x01]), ("x-request-id", utf8(String(repeating: "€", count: 9_000)))])
        let text = document(goldenRecord(head), span)
        #expect(text.utf8.count < 2_500)
        #expect(
            text.contains(
                "http://" + String(repeating: "h", count: 250) + "/" + String(repeating: "é", count: 127) + "\""))
        #expect(text.contains(#""user_agent":"\u00ff\"\\\u0001""#))
        #expect(text.contains("\"guid_x_request_id\":\"" + String(repeating: "€", count: 83) + "\""))
    }
}

extension String {
    fileprivate func range(of text: String) -> Range<Index>? {
        indices.lazy.first { self[$0...].hasPrefix(text) }.map { $0..<index($0, offsetBy: text.count) }
    }
}
