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
        ("%COMMON_DURATION(DS_RX_BEG:US_HS_END)%", 27, "not in force yet"),
        ("%DOWNSTREAM_TLS_VERSION%", 0, "DOWNSTREAM_TLS_VERSION is an operator of Envoy that is not in force yet"),
        ("%DYNAMIC_METADATA(a:b)%", 0, "not in force yet"), ("%FILTER_STATE(a)%", 0, "not in force yet"),
        ("%DOWNSTREAM_PEER_SUBJECT%", 0, "not in force yet"), ("%REQUESTED_SERVER_NAME%", 0, "not in force yet"),
        ("é%NOPE%", 2, "unknown operator NOPE"),
    ])
    func aBadPatternSaysWhereAndWhat(_ pattern: String, _ offset: Int, _ message: String) {
        let error = #expect(throws: FormatError.self) { try AccessLogFormat.text(pattern) }
        #expect(error?.offset == offset)
        #expect(error?.message.contains(message) == true, "\(error?.message ?? "")")
        #expect(error?.key == nil)
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
