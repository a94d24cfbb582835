import Telemetry
import Testing

@Suite struct FormatErrors {
    @Test(arguments: [
        // Every one of these is refused by Envoy 1.40, most with a poorer message.
        ("%NOPE%", 0, "unknown operator NOPE"),
        ("x %RESPONSE_COD%", 2, "unknown operator RESPONSE_COD; did you mean RESPONSE_CODE?"),
        ("%RESPONSE_FLAG%", 0, "did you mean RESPONSE_FLAGS?"), ("%REQS(a)%", 0, "did you mean REQ?"),
        ("%UPSTREAM_HOSTS%", 0, "did you mean UPSTREAM_HOST?"),
        ("%DURATION(x)%", 0, "DURATION takes neither argument nor length"),
        ("ab%DURATION:5%", 2, "DURATION takes neither argument nor length"), ("%REQ%", 0, "REQ needs an argument"),
        ("%REQ()%", 0, "REQ needs an argument"), ("%REQ(a?b?c)%", 5, "one alternative header"),
        ("%REQ(a):x%", 7, "is not a number"), ("%REQ(a):99999999999%", 7, "is not a number"),
        ("%START_TIME", 0, "no closing percent sign"), ("%REQ(a", 4, "no closing parenthesis"),
        ("a%b", 1, "no operator after the percent sign"), ("100%", 3, "no operator after the percent sign"),
        ("100% done", 3, "a literal percent sign is written %%"), ("%req(a)%", 0, "capitals: %REQ%"),
        ("%GRPC_STATUS(X)%", 13, "CAMEL_STRING, SNAKE_STRING or NUMBER"), ("%PATH(X)%", 6, "WQ or NQ"),
        ("%PATH(WQ:X)%", 9, "ORIG, PATH or ORIG_OR_PATH"), ("%PATH(WQ:ORIG:Z)%", 9, "two options at most"),
        ("%REQ(a b)%", 6, "no such character"), ("%REQ(a?b\u{7}c)%", 8, "no such character"),
        ("%START_TIME:3%", 0, "START_TIME takes no length"), ("%RESPONSE_CODE_DETAILS:4%", 0, "takes no length"),
        ("%LOCAL_REPLY_BODY:3%", 0, "takes neither argument nor length"),
        ("%ENVIRONMENT%", 0, "ENVIRONMENT needs an argument"), ("%QUERY_PARAM%", 0, "QUERY_PARAM needs an argument"),
        ("%START_TIME(%Y\n)%", 14, "no newline"), ("%START_TIME(a%q)%", 13, "unknown time directive %q"),
        ("%START_TIME(%E7Q)%", 12, "unknown time directive %E7"), ("%START_TIME(a%)%", 13, "unknown time directive %"),
        ("%COMMON_DURATION(DS_RX_BEG:DS_TX_END:s)%", 37, "precision s is none of ms, us, ns"),
        ("%COMMON_DURATION(A:DS_TX_END)%", 17, "unknown point in time A"),
        ("%COMMON_DURATION(DS_RX_BEG:DS_TX_ENDE)%", 27, "did you mean DS_TX_END?"),
        ("%COMMON_DURATION(DS_RX_BEG)%", 17, "takes START:END"),
        ("%RESPONSE_CODE_DETAILS(X)%", 23, "takes ALLOW_WHITESPACES"),
        ("%RESPONSE_CODE_DETAILS()%", 23, "takes ALLOW_WHITESPACES"),
        ("%DOWNSTREAM_PEER_NOPE%", 0, "unknown operator DOWNSTREAM_PEER_NOPE"),
        ("%UPSTREAM_PEER_SERIAL%", 0, "unknown operator UPSTREAM_PEER_SERIAL"),
        ("%DOWNSTREAM_TLS_VERSIN%", 0, "did you mean DOWNSTREAM_TLS_VERSION?"),
        ("%FILTER_STATE%", 0, "FILTER_STATE needs an argument"), ("%CEL%", 0, "CEL needs an argument"),
        ("%VIRTUAL_CLUSTER_NAME:3%", 0, "takes neither argument nor length"),
        ("%TRACE_ID(x)%", 0, "takes neither argument nor length"),
        ("%DOWNSTREAM_PEER_URI_SAN(x)%", 0, "takes neither argument nor length"),
        ("%UPSTREAM_LOCAL_ADDRESS_WITHOUT_PORT(x)%", 37, "length of a prefix, 0 to 128"),
        ("%UPSTREAM_LOCAL_ADDRESS_WITHOUT_PORT(129)%", 37, "length of a prefix, 0 to 128"),
        ("é%NOPE%", 2, "unknown operator NOPE"),
    ])
    func aBadPatternSaysWhereAndWhat(_ pattern: String, _ offset: Int, _ message: String) {
        let error = #expect(throws: FormatError.self) { try AccessLogFormat.text(pattern) }
        #expect(error?.offset == offset)
        #expect(error?.message.contains(message) == true, "\(error?.message ?? "")")
        #expect(error?.key == nil)
        #expect(error?.kind == .invalid)
    }

    @Test(arguments: [
        ("a%DOWNSTREAM_TLS_VERSION%", 1, "DOWNSTREAM_TLS_VERSION"),
        ("%REQUESTED_SERVER_NAME%", 0, "REQUESTED_SERVER_NAME"),
        ("%REQUESTED_SERVER_NAME(SNI_FIRST)%", 0, "REQUESTED_SERVER_NAME"), ("%CEL(request.path)%", 0, "CEL"),
        ("%DOWNSTREAM_PEER_SUBJECT%", 0, "DOWNSTREAM_PEER_SUBJECT"), ("%SPAN_ID%", 0, "SPAN_ID"),
        ("%COMMON_DURATION(DS_RX_BEG:US_HS_END)%", 27, "US_HS_END"),
    ])
    func anOperatorOfEnvoyWithoutAFactIsNotedAndPrintsAsAbsent(_ pattern: String, _ offset: Int, _ name: String) throws
    {
        let format = try AccessLogFormat.text(pattern)
        #expect(format.line(goldenRecord()) == (offset == 1 ? "a-" : "-"))
        #expect(format.notInForce.count == 1)
        #expect(format.notInForce.first?.kind == .notInForce)
        #expect(format.notInForce.first?.offset == offset)
        #expect(format.notInForce.first?.message.hasPrefix("\(name) is ") == true)
        let json = try AccessLogFormat.json([("k", "%PROTOCOL%"), ("tls", "%SPAN_ID%")])
        #expect(json.line(goldenRecord()) == #"{"k":"HTTP/1.1","tls":null}"#)
        #expect(json.notInForce.map(\.key) == ["tls"])
    }

    @Test(arguments: [
        "%VIRTUAL_CLUSTER_NAME%", "%FILTER_CHAIN_NAME%", "%DYNAMIC_METADATA(a:b)%", "%CLUSTER_METADATA(a:b)%",
        "%METADATA(ROUTE:a:b)%", "%FILTER_STATE(k):3%", "%UPSTREAM_FILTER_STATE(k)%", "%ROUNDTRIP_DURATION%",
        "%CONNECTION_TERMINATION_DETAILS%", "%TLS_JA3_FINGERPRINT%",
    ])
    func whatEnvoyUnderAppMeshHasNoValueForEitherIsAbsentWithoutANote(_ pattern: String) throws {
        let format = try AccessLogFormat.text(pattern)
        #expect(format.line(goldenRecord()) == "-")
        #expect(format.notInForce.isEmpty)
    }

    @Test func aBadJSONMemberNamesItsKey() {
        let error = #expect(throws: FormatError.self) {
            try AccessLogFormat.json([("ok", "%PROTOCOL%"), ("bad", "ab%DURATON%")])
        }
        #expect(
            error == FormatError(offset: 2, message: "unknown operator DURATON; did you mean DURATION?", key: "bad"))
        #expect(error.map { "\($0)" } == "bad, offset 2: unknown operator DURATON; did you mean DURATION?")
    }

    @Test func aJSONKeyGivenTwiceIsRefused() {
        let error = #expect(throws: FormatError.self) {
            try AccessLogFormat.json([("a", "1"), ("b", "2"), ("a", "3")])
        }
        #expect(error?.key == "a")
    }
}
