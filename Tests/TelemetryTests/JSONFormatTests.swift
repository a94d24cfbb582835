import Foundation
import Telemetry
import Testing
import Wire

@Suite struct JSONFormats {
    private static let fields: [(key: String, value: String)] = [
        ("zz", "%RESPONSE_CODE%"), ("code_text", "c=%RESPONSE_CODE%"), ("flags", "%RESPONSE_FLAGS%"),
        ("det", "%RESPONSE_CODE_DETAILS%"), ("start", "%START_TIME%"), ("s3", "%START_TIME(%s)%"),
        ("dur", "%DURATION%"),
        ("xa", "%REQ(x-a)%"), ("xat", "%REQ(x-a):3%"), ("mixmiss", "x%REQ(x-none)%y"), ("miss", "%REQ(x-none)%"),
        ("two", "%PROTOCOL%%RESPONSE_CODE%"), ("port", "%DOWNSTREAM_LOCAL_PORT%"), ("cid", "%CONNECTION_ID%"),
        ("att", "%UPSTREAM_REQUEST_ATTEMPT_COUNT%"), ("grpc", "%GRPC_STATUS%"), ("grpcn", "%GRPC_STATUS_NUMBER%"),
        ("cd", "%COMMON_DURATION(DS_RX_BEG:DS_TX_END:us)%"), ("bytes", "%BYTES_SENT%"), ("q", "%QUERY_PARAM(q)%"),
        ("lit", "plain \"q\" \\ %%"), ("empty", ""), ("uh", "%UPSTREAM_HOST%"), ("rn", "%ROUTE_NAME%"),
    ]

    @Test func aLineIsEnvoysWithSortedKeysAndTypes() throws {
        let record = goldenRecord(requestHead("GET", "/ok", query: "q=a%0Ab%22&q=2", [("x-a", utf8("abcdefg"))]))
        let line = try AccessLogFormat.json(Self.fields).line(record)
        #expect(
            line == #"""
                {"att":1,"bytes":225,"cd":2734,"cid":7,"code_text":"c=200","det":"via_upstream","dur":2,"empty":"",\#
                "flags":"-","grpc":null,"grpcn":null,"lit":"plain \"q\" \\ %","miss":null,"mixmiss":"x-y","port":8080,\#
                "q":"a\nb\"","rn":"canary","s3":"1795458292","start":"2026-11-23T18:24:52.489Z","two":"HTTP/1.1200",\#
                "uh":"127.0.0.1:18121","xa":"abcdefg","xat":"abc","zz":200}
                """#)
    }

    @Test func noFieldsAreAnEmptyObject() throws {
        #expect(try AccessLogFormat.json([]).line(goldenRecord()) == "{}")
    }

    @Test(
        arguments: [
            (utf8("plain"), #""plain""#), (utf8("éé"), #""éé""#), (utf8("\u{1F600}"), "\"\u{1F600}\""),
            (utf8("a\"b\\c"), #""a\"b\\c""#), ([0x09, 0x0A, 0x0D, 0x08, 0x0C], #""\t\n\r\b\f""#),
            ([0x00, 0x1B, 0x7F], #""\u0000\u001b\u007f""#), ([], #""""#),
            // Not UTF-8: every byte from 0x80 up is escaped, as Envoy does.
            ([0x63, 0x61, 0x66, 0xE9, 0x20, 0xC3, 0xA9], #""caf\u00e9 \u00c3\u00a9""#),
            ([0xC3], #""\u00c3""#), ([0xC0, 0x80], #""\u00c0\u0080""#), ([0xED, 0xA0, 0x80], #""\u00ed\u00a0\u0080""#),
            ([0xF4, 0x90, 0x80, 0x80], #""\u00f4\u0090\u0080\u0080""#), ([0xE0, 0x9F, 0x80], #""\u00e0\u009f\u0080""#),
            ([0xF0, 0x9F, 0x98], #""\u00f0\u009f\u0098""#),
        ] as [([UInt8], String)])
    func aValueIsEscaped(_ value: [UInt8], _ expected: String) throws {
        let record = goldenRecord(requestHead("GET", "/", [("x-a", value)]))
        #expect(try AccessLogFormat.json([("v", "%REQ(x-a)%")]).line(record) == "{\"v\":\(expected)}")
        #expect(
            try AccessLogFormat.json([("v", "<%REQ(x-a)%>")]).line(record)
                == "{\"v\":\"<\(expected.dropFirst().dropLast())>\"}")
    }

    @Test func aTruncatedCharacterStaysValid() throws {
        let record = goldenRecord(requestHead("GET", "/", [("x-a", utf8("éé"))]))
        #expect(try AccessLogFormat.json([("v", "%REQ(x-a):3%")]).line(record) == #"{"v":"\u00c3\u00a9\u00c3"}"#)
    }

    @Test func keysAreEscapedToo() throws {
        #expect(try AccessLogFormat.json([("a\"\n", "x\u{1}")]).line(goldenRecord()) == #"{"a\"\n":"x\u0001"}"#)
    }

    @Test func everyByteIsEscapedWhereverItStands() throws {
        let format = try AccessLogFormat.json([("v", "%REQ(x-a)%")])
        for byte in UInt8.min...UInt8.max {
            let alone = format.line(goldenRecord(requestHead("GET", "/", [("x-a", [byte])])))
            let escaped = alone.dropFirst(6).dropLast(2)
            for position in 0..<17 {
                let value = [UInt8](repeating: 0x61, count: position) + [byte] + utf8("bbbbbbbb")
                let line = format.line(goldenRecord(requestHead("GET", "/", [("x-a", value)])))
                #expect(line == "{\"v\":\"\(String(repeating: "a", count: position))\(escaped)bbbbbbbb\"}")
            }
        }
    }

    @Test func hostileBytesNeverBreakALine() throws {
        // Every single byte, then a fixed pseudo-random mix of nasty ones.
        var values = (0...255).map { [UInt8($0)] }
        var state: UInt64 = 42
        let nasty: [UInt8] = [0x00, 0x0A, 0x0D, 0x22, 0x5C, 0x7F, 0x80, 0xC3, 0xA9, 0xE2, 0x82, 0xED, 0xF0, 0xFF, 0x25]
        for _ in 0..<2000 {
            var value: [UInt8] = []
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            for _ in 0..<Int(state >> 60) + 1 {
                state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
                value.append(nasty[Int(state >> 33) % nasty.count])
            }
            values.append(value)
        }
        let format = try AccessLogFormat.json([
            ("h", "%REQ(x-a)%"), ("m", "<%REQ(x-a):5%>"), ("p", "%REQ(:PATH)%"), ("q", "%QUERY_PARAM(q)%"),
            ("r", "%RESP(x-a)%"),
        ])
        for value in values {
            let head = HeaderBlock()
            head.methodName = head.append(bytes: value)
            head.path = head.append(bytes: [UInt8(ascii: "/")] + value)
            head.query = head.append(bytes: utf8("q=") + value.filter { $0 != UInt8(ascii: "&") })
            head.hasQuery = true
            head.authority = head.append(bytes: value)
            head.add([("x-a", value), ("x-request-id", value), ("traceparent", value)])
            let record = goldenRecord(head)
            record.response = responseHead(200, [("x-a", value)])
            record.originalPath = head.append(bytes: value)
            for log in [format, .structured] {
                let line = log.bytes(record)
                #expect(line.last == 10 && line.filter { $0 == 10 }.count == 1)
                let object = try JSONSerialization.jsonObject(with: Data(line)) as? [String: Any]
                #expect(object != nil, "\(value)")
            }
        }
    }

    @Test func theStructuredLineHoldsEveryKeyInOrder() throws {
        let record = goldenRecord(
            requestHead("GET", "/", query: "a=1", authority: "color.colors.local", [("x-request-id", utf8("id-1"))]))
        record.originalPath = record.request.append(bytes: "/chapter?a=1")
        record.flags = [.URX, .UF]
        #expect(
            AccessLogFormat.structured.line(record) == #"""
                {"time":"2026-11-23T18:24:52.489123Z","mesh":"colors","proxy":"colors/front","node":"front",\#
                "service":"color.colors.local","route":"canary","gateway_route":"all",\#
                "cluster":"cds_egress_colors_blue_http_8080","endpoint":"colors/blue#0","upstream":"127.0.0.1:18121",\#
                "method":"GET","authority":"color.colors.local","path":"/chapter?a=1","upstream_path":"/?a=1",\#
                "protocol":"HTTP/1.1","status":200,"flags":["URX","UF"],"details":"via_upstream","attempts":1,\#
                "bytes_received":0,"bytes_sent":225,"duration_ms":2.734,"request_ms":0.250,"upstream_ms":1.500,\#
                "peer":"127.16.0.3:40001","local":"127.16.0.2:8080","connection":7,"request_id":"id-1","trace":null}
                """#)
    }

    @Test func theStructuredLineOfAnUnknownRequestHasTheSameKeys() throws {
        let full = try #require(
            JSONSerialization.jsonObject(with: Data(AccessLogFormat.structured.bytes(goldenRecord()))) as? [String: Any]
        )
        let empty = AccessLogFormat.structured.bytes(Record(request: HeaderBlock()))
        let object = try #require(JSONSerialization.jsonObject(with: Data(empty)) as? [String: Any])
        #expect(Set(object.keys) == Set(full.keys))
        #expect(object["flags"] as? [String] == [])
        #expect(object["mesh"] is NSNull)
        #expect(object["status"] as? Int == 0)
    }
}
