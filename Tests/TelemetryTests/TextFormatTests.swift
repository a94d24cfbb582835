import Glibc
import Telemetry
import Testing
import Wire

@Suite struct TextFormats {
    @Test func theDefaultLineIsEnvoys() {
        let line = AccessLogFormat.standard.line(goldenRecord())
        #expect(
            line == """
                [2026-11-23T18:24:52.489Z] "GET /exact HTTP/1.1" 200 - 0 225 2 1 "-" "-" \
                "2ab11a20-3b5a-4b6f-aa21-0092cca4ac96" "h" "127.0.0.1:18121"
                """)
    }

    @Test func theDefaultLineOfAMissHasDashesForWhatNeverWas() {
        let line = AccessLogFormat.standard.line(unroutedRecord())
        #expect(line == #"[2026-11-23T18:24:52.489Z] "GET /nope HTTP/1.1" 404 NR 0 0 0 - "-" "-" "-" "h" "-""#)
    }

    @Test func theDefaultLineOfAHeadThatCouldNotBeParsedHasNoRequest() {
        let record = unroutedRecord(HeaderBlock())
        record.status = 400
        record.flags = .DPE
        record.details = .codecError
        record.bodyBytesSent = 11
        let line = AccessLogFormat.standard.line(record)
        #expect(line == #"[2026-11-23T18:24:52.489Z] "- - HTTP/1.1" 400 DPE 0 11 0 - "-" "-" "-" "-" "-""#)
    }

    @Test func theDefaultLineShowsTheTargetThatTheClientSent() {
        let record = goldenRecord(requestHead("GET", "/", query: "a=1", authority: "h"))
        record.originalPath = record.request.append(bytes: "/chapter?a=1")
        #expect(AccessLogFormat.standard.line(record).contains(#""GET /chapter?a=1 HTTP/1.1""#))

        let withHeader = goldenRecord(
            requestHead("GET", "/", query: "a=1", authority: "h", [("x-envoy-original-path", utf8("/one?a=1"))]))
        #expect(AccessLogFormat.standard.line(withHeader).contains(#""GET /one?a=1 HTTP/1.1""#))
    }

    @Test(arguments: [
        // Golden values where they stand beside Envoy 1.40's own: see the data plane reference, 1.11.
        ("%REQ(x-a)%", "abcdefg"), ("%REQ(X-A):3%", "abc"), ("%REQ(x-missing?x-a):2%", "ab"), ("%REQ(x-none)%", "-"),
        ("%REQUEST_HEADER(x-a)%", "abcdefg"), ("%REQ(host)%", "h"), ("%REQ(:authority)%", "h"),
        ("%REQ(?x-a)%", "abcdefg"),
        ("%REQ(:method)% %REQ(:path)% %REQ(:scheme)%", "GET /exact http"), ("%REQ(x-a?)%", "abcdefg"),
        ("%REQ(x-a):0%", ""), ("%RESP(x-color)%", "blue"), ("%RESPONSE_HEADER(x-color):2%", "bl"),
        ("%RESP(:status)%", "200"), ("%RESP(x-none?x-color)%", "blue"), ("%TRAILER(x-t)%", "-"),
        ("%PROTOCOL% %UPSTREAM_PROTOCOL%", "HTTP/1.1 HTTP/1.1"), ("%RESPONSE_CODE%", "200"),
        ("%RESPONSE_CODE_DETAILS%", "via_upstream"), ("%RESPONSE_CODE_DETAILS(ALLOW_WHITESPACES)%", "via_upstream"),
        ("%RESPONSE_FLAGS% %RESPONSE_FLAGS_LONG%", "- -"), ("%BYTES_RECEIVED% %BYTES_SENT%", "0 225"),
        ("%REQUEST_HEADERS_BYTES% %RESPONSE_HEADERS_BYTES% %RESPONSE_TRAILERS_BYTES%", "101 51 0"),
        ("%DOWNSTREAM_WIRE_BYTES_RECEIVED% %DOWNSTREAM_WIRE_BYTES_SENT%", "142 330"),
        ("%DOWNSTREAM_HEADER_BYTES_RECEIVED% %DOWNSTREAM_HEADER_BYTES_SENT%", "99 105"),
        ("%UPSTREAM_WIRE_BYTES_RECEIVED% %UPSTREAM_WIRE_BYTES_SENT%", "290 160"),
        ("%UPSTREAM_HEADER_BYTES_RECEIVED% %UPSTREAM_HEADER_BYTES_SENT%", "60 120"),
        ("%DURATION% %REQUEST_DURATION% %RESPONSE_DURATION%", "2 0 1"),
        ("%REQUEST_TX_DURATION% %RESPONSE_TX_DURATION%", "1 1"), ("%UPSTREAM_CONNECTION_POOL_READY_DURATION%", "0"),
        ("%COMMON_DURATION(DS_RX_BEG:DS_TX_END)%", "2"), ("%COMMON_DURATION(DS_RX_BEG:DS_TX_END:us)%", "2734"),
        ("%COMMON_DURATION(US_TX_BEG:US_RX_BEG:ns)%", "1150500"), ("%COMMON_DURATION(US_RX_BEG:DS_RX_BEG:us)%", "-"),
        ("%COMMON_DURATION(US_CX_BEG:US_CX_END:ms)%", "-"), ("%COMMON_DURATION(US_RX_BODY_BEG:US_RX_END:us)%", "400"),
        ("%COMMON_DURATION(DS_RX_END:DS_TX_BEG:us)%", "1450"), ("%UPSTREAM_HOST%", "127.0.0.1:18121"),
        ("%UPSTREAM_HOST_NAME%", "colors/blue#0"), ("%UPSTREAM_CLUSTER%", "cds_egress_colors_blue_http_8080"),
        ("%UPSTREAM_CLUSTER_RAW%", "cds_egress_colors_blue_http_8080"), ("%UPSTREAM_TRANSPORT_FAILURE_REASON%", "-"),
        ("%UPSTREAM_LOCAL_ADDRESS%", "127.16.0.2:50000"), ("%UPSTREAM_LOCAL_ADDRESS_WITHOUT_PORT%", "127.16.0.2"),
        ("%UPSTREAM_LOCAL_PORT%", "50000"), ("%UPSTREAM_REMOTE_ADDRESS%", "127.0.0.1:18121"),
        ("%UPSTREAM_REMOTE_ADDRESS_WITHOUT_PORT% %UPSTREAM_REMOTE_PORT%", "127.0.0.1 18121"),
        ("%DOWNSTREAM_REMOTE_ADDRESS% %DOWNSTREAM_DIRECT_REMOTE_ADDRESS%", "127.16.0.3:40001 127.16.0.3:40001"),
        ("%DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT% %DOWNSTREAM_REMOTE_PORT%", "127.16.0.3 40001"),
        ("%DOWNSTREAM_LOCAL_ADDRESS% %DOWNSTREAM_DIRECT_LOCAL_PORT%", "127.16.0.2:8080 8080"),
        ("%DOWNSTREAM_LOCAL_ADDRESS_WITHOUT_PORT% %DOWNSTREAM_LOCAL_PORT%", "127.16.0.2 8080"),
        ("%CONNECTION_ID% %UPSTREAM_CONNECTION_ID%", "7 9"), ("%STREAM_ID%", "2ab11a20-3b5a-4b6f-aa21-0092cca4ac96"),
        ("%ROUTE_NAME%", "canary"), ("%UPSTREAM_REQUEST_ATTEMPT_COUNT%", "1"), ("[%LOCAL_REPLY_BODY%]", "[]"),
        ("%GRPC_STATUS% %GRPC_STATUS_NUMBER%", "- -"), ("%ACCESS_LOG_TYPE%", "DownstreamEnd"),
        ("%PATH% %PATH(NQ)% %PATH(WQ:PATH)% %PATH(NQ:ORIG)%", "/exact /exact /exact -"), ("%QUERY_PARAM(q)%", "-"),
        ("100%% %RESPONSE_CODE%%%", "100% 200%"), ("no operator", "no operator"), ("", ""),
        ("%UPSTREAM_HOST_NAME_WITHOUT_PORT%", "colors/blue#0"), ("%UPSTREAM_HOSTS_ATTEMPTED%", "127.0.0.1:18121"),
        ("%UPSTREAM_HOSTS_ATTEMPTED_WITHOUT_PORT%", "127.0.0.1"), ("%UPSTREAM_HOST_NAMES_ATTEMPTED%", "colors/blue#0"),
        ("%UPSTREAM_HOST_NAMES_ATTEMPTED_WITHOUT_PORT%", "colors/blue#0"), ("%UPSTREAM_CONNECTION_IDS_ATTEMPTED%", "9"),
        ("[%UPSTREAM_REMOTE_ADDRESS_ENDPOINT_ID%%DOWNSTREAM_LOCAL_ADDRESS_ENDPOINT_ID%%CUSTOM_FLAGS%]", "[]"),
        ("%BYTES_RETRANSMITTED% %PACKETS_RETRANSMITTED%", "0 0"),
        ("%DOWNSTREAM_DECOMPRESSED_HEADER_BYTES_SENT% %UPSTREAM_DECOMPRESSED_HEADER_BYTES_SENT%", "105 120"),
        ("%DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT(24)%", "127.16.0.0/24"),
        ("%DOWNSTREAM_DIRECT_REMOTE_ADDRESS_WITHOUT_PORT(12)%", "127.16.0.0/12"),
        ("%UPSTREAM_REMOTE_ADDRESS_WITHOUT_PORT(0)%", "0.0.0.0/0"),
        ("%UPSTREAM_LOCAL_ADDRESS_WITHOUT_PORT(99)%", "127.16.0.2/32"),
        ("%EMIT_TIME%", "2026-11-23T18:24:52.491Z"), ("%RESPONSE_CODE%\n", "200"),
    ])
    func anOperatorPrintsItsFact(_ pattern: String, _ expected: String) throws {
        #expect(try AccessLogFormat.text(pattern).line(goldenRecord()) == expected)
    }

    @Test func everyAttemptThatGotAConnectionIsListedInOrder() throws {
        let record = goldenRecord()
        record.beginRetry()
        // Its connection failed.
        record.endpoint = EndpointLabel(name: "colors/green#0", address: "127.0.0.1:2", clusterName: "c", node: "green")
        record.beginRetry()
        let format = try AccessLogFormat.text(
            "%UPSTREAM_HOSTS_ATTEMPTED% %UPSTREAM_HOSTS_ATTEMPTED_WITHOUT_PORT% %UPSTREAM_CONNECTION_IDS_ATTEMPTED%")
        #expect(format.line(record) == "127.0.0.1:18121 127.0.0.1 9")
        record.endpoint = EndpointLabel(name: "[::1]:3", address: "[::1]:3", clusterName: "c", node: "red")
        record.upstreamPeer = PeerInfo(
            remote: "[::1]:3", remoteIP: "::1", remotePort: 3, local: "[fd00::1]:4", localIP: "fd00::1", localPort: 4,
            connectionID: 12)
        #expect(format.line(record) == "127.0.0.1:18121,[::1]:3 127.0.0.1,::1 9,12")
        let name = try AccessLogFormat.text("%UPSTREAM_HOST_NAMES_ATTEMPTED_WITHOUT_PORT%")
        #expect(name.line(record) == "colors/blue#0,[::1]")
        let network = try AccessLogFormat.text("%UPSTREAM_LOCAL_ADDRESS_WITHOUT_PORT(8)%")
        #expect(network.line(record) == "fd00::/8")
        record.reset()
        #expect(format.line(record) == "- - -")
    }

    @Test func aUniqueIdIsARandomUUIDForEachLine() throws {
        let format = try AccessLogFormat.text("%UNIQUE_ID%")
        let lines = Set((0..<50).map { _ in format.line(goldenRecord()) })
        #expect(lines.count == 50)
        let shape = /[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}/
        for line in lines { #expect(line.wholeMatch(of: shape) != nil, "\(line)") }
    }

    @Test(arguments: [
        ("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", "0af7651916cd43dd8448eb211c80319c"),
        ("00-00000000000000000000000000000000-b7ad6b7169203331-01", "-"), ("00-0af7", "-"), ("", "-"),
        ("00-0AF7651916CD43DD8448EB211C80319C-b7ad6b7169203331-01", "-"),
        ("00-0af7651916cd43dd8448eb211c80319cxb7ad6b7169203331-01", "-"),
    ])
    func theTraceIdIsThatOfTheTraceparent(_ traceparent: String, _ expected: String) throws {
        let record = goldenRecord(requestHead("GET", "/", [("traceparent", utf8(traceparent))]))
        #expect(try AccessLogFormat.text("%TRACE_ID%").line(record) == expected)
    }

    @Test(arguments: [
        // All observed on Envoy 1.40.
        ("%Y-%m-%dT%H:%M:%S.%3f", "2026-11-24T06:00:33.265"), ("%s", "1795500033"), ("%3f", "265"),
        ("%s%3f", "1795500033265"), ("%6f", "265926"), ("%9f", "265926000"), ("%f", "265926000"), ("%1f", "2"),
        ("%E3S", "33.265"), ("%E*S", "33.265926"), ("%j", "328"), ("%a %A %b %B", "Tue Tuesday Nov November"),
        ("%e", "24"), ("%y", "26"), ("%I %p", "06 AM"), ("%Z", "UTC"), ("%z", "+0000"), ("%Ez", "+00:00"),
        ("%D", "11/24/26"), ("%R", "06:00"), ("%F", "2026-11-24"), ("%T", "06:00:33"), ("%u %w", "2 2"), ("%%", "%"),
        ("%E4Y", "2026"), ("", "2026-11-24T06:00:33.265Z"), ("%d/%b/%Y:%H:%M:%S %z", "24/Nov/2026:06:00:33 +0000"),
        ("%c", "Tue Nov 24 06:00:33 2026"), ("%r", "06:00:33 AM"), ("%h", "Nov"), ("%ET", "T"), ("%E2f", "26"),
    ])
    func aTimeFormatPrintsWhatEnvoyPrints(_ format: String, _ expected: String) throws {
        let record = goldenRecord()
        record.startRealtime = 1_795_500_033_265_926_000
        #expect(try AccessLogFormat.text("%START_TIME(\(format))%").line(record) == expected)
    }

    @Test(
        arguments: [
            (0, "1970-01-01T00:00:00.000Z"), (-1, "1969-12-31T23:59:59.999Z"),
            (951_782_399_999_000_000, "2000-02-28T23:59:59.999Z"),
            (951_782_400_000_000_000, "2000-02-29T00:00:00.000Z"),
            (4_107_542_400_000_000_000, "2100-03-01T00:00:00.000Z"),
            (Int64.max, "2262-04-11T23:47:16.854Z"), (Int64.min, "1677-09-21T00:12:43.145Z"),
        ] as [(Int64, String)])
    func theCalendarIsRightAtItsEdges(_ instant: Int64, _ expected: String) throws {
        let record = goldenRecord()
        record.startRealtime = instant
        #expect(try AccessLogFormat.text("%START_TIME%").line(record) == expected)
        #expect(try AccessLogFormat.text("%START_TIME(%Y-%m-%dT%H:%M:%S.%3fZ)%").line(record) == expected)
    }

    @Test func aLocalTimeNamesItsOffset() throws {
        setenv("TZ", "UTC-05:30", 1)
        tzset()
        defer {
            unsetenv("TZ")
            tzset()
        }
        let record = goldenRecord()
        #expect(try AccessLogFormat.text("%START_TIME_LOCAL%").line(record) == "2026-11-23T23:54:52.489+0530")
        #expect(try AccessLogFormat.text("%START_TIME_LOCAL(%H:%M %Ez)%").line(record) == "23:54 +05:30")
        #expect(try AccessLogFormat.text("%START_TIME(%H:%M)%").line(record) == "18:24")
    }

    @Test func secondsOfSuccessiveLinesDoNotMix() throws {
        let format = try AccessLogFormat.text("%START_TIME%")
        let buffer = LogBuffer()
        let record = goldenRecord()
        for offset: Int64 in [0, 10_876_544, 600_000_000, -489_123_456] {
            record.startRealtime = goldenStart + offset
            format.append(record, to: buffer)
        }
        #expect(
            buffer.withBytes { String(decoding: $0, as: UTF8.self) } == """
                2026-11-23T18:24:52.489Z
                2026-11-23T18:24:52.500Z
                2026-11-23T18:24:53.089Z
                2026-11-23T18:24:52.000Z

                """)
        #expect(buffer.lines == 4)
    }

    @Test(
        arguments: [
            (ResponseFlags([.URX, .UF]), "URX,UF", "UpstreamRetryLimitExceeded,UpstreamConnectionFailure"),
            ([.UT, .URX], "URX,UT", "UpstreamRetryLimitExceeded,UpstreamRequestTimeout"),
            ([.FI, .DI], "DI,FI", "DelayInjected,FaultInjected"), ([.DC], "DC", "DownstreamConnectionTermination"),
            ([.UH], "UH", "NoHealthyUpstream"), ([.unconditionalDropOverload], "UDO", "UnconditionalDropOverload"),
            ([], "-", "-"),
        ] as [(ResponseFlags, String, String)])
    func flagsAreJoinedInTheOrderOfEnvoysRouter(_ flags: ResponseFlags, _ short: String, _ long: String) throws {
        let record = goldenRecord()
        record.flags = flags
        #expect(try AccessLogFormat.text("%RESPONSE_FLAGS%").line(record) == short)
        #expect(try AccessLogFormat.text("%RESPONSE_FLAGS_LONG%").line(record) == long)
        #expect(flags.shortNames == short)
        #expect(flags.longNames == long)
    }

    @Test func everyFlagHasNamesOfItsOwn() {
        let names = (0..<30).map { ResponseFlags(rawValue: 1 << UInt32($0)).shortNames }
        #expect(Set(names).count == 30)
        let long = (0..<30).map { ResponseFlags(rawValue: 1 << UInt32($0)).longNames }
        #expect(Set(long).count == 30)
    }

    @Test(arguments: [
        ("q=a%20b&q=2", "a b"), ("x=1&q=2", "2"), ("q", ""), ("q=", ""), ("qq=1", "-"), ("Q=1", "-"), ("a=q&b=1", "-"),
        ("q=%41%zz%4", "A%zz%4"), ("&&q=1", "1"),
        // Envoy prints the newline itself and so lets a client write log lines.
        ("q=a%0Ab%22%7f%00", "a%0Ab\"%7f%00"),
    ])
    func aQueryParameterIsDecodedUnlessItCouldForgeALine(_ query: String, _ expected: String) throws {
        let record = goldenRecord(requestHead("GET", "/p", query: query))
        #expect(try AccessLogFormat.text("%QUERY_PARAM(q)%").line(record) == expected)
    }

    @Test(arguments: [
        ("%PATH%", "/old?a=1"), ("%PATH(NQ)%", "/old"), ("%PATH(WQ:PATH)%", "/new?a=1"), ("%PATH(NQ:PATH)%", "/new"),
        ("%PATH(WQ:ORIG)%", "/old?a=1"), ("%PATH(NQ:ORIG)%", "/old"), ("%PATH(NQ:ORIG_OR_PATH)%", "/old"),
        ("%REQ(X-ENVOY-ORIGINAL-PATH)%", "/old?a=1"), ("%REQ(:PATH)%", "/new?a=1"), ("%REQ(:PATH):4%", "/new"),
    ])
    func aRewrittenPathIsShownAsAsked(_ pattern: String, _ expected: String) throws {
        let record = goldenRecord(requestHead("GET", "/new", query: "a=1"))
        record.originalPath = record.request.append(bytes: "/old?a=1")
        #expect(try AccessLogFormat.text(pattern).line(record) == expected)
    }

    @Test(
        arguments: [
            // (content type, trailer, header, HTTP status, camel, snake, number)
            ("application/grpc", "14", nil, 200, "Unavailable", "UNAVAILABLE", "14"),
            ("application/grpc+proto", nil, "1", 200, "Canceled", "CANCELLED", "1"),
            ("application/grpc", "0", "14", 200, "OK", "OK", "0"),
            ("application/grpc", nil, nil, 404, "Unimplemented", "UNIMPLEMENTED", "12"),
            ("application/grpc", nil, nil, 503, "Unavailable", "UNAVAILABLE", "14"),
            ("application/grpc", nil, nil, 418, "Unknown", "UNKNOWN", "2"),
            ("application/grpc", "77", nil, 200, "77", "77", "77"),
            ("application/grpc", "x", nil, 200, "InvalidCode", "INVALID_CODE", "-1"),
            ("application/grpc-web", "14", nil, 200, "-", "-", "-"), ("text/plain", "14", nil, 200, "-", "-", "-"),
        ] as [(String, String?, String?, Int, String, String, String)])
    func aGRPCStatusComesFromTrailersThenHeadThenStatus(
        _ type: String, _ trailer: String?, _ header: String?, _ status: Int, _ camel: String, _ snake: String,
        _ number: String
    ) throws {
        let record = goldenRecord(requestHead("POST", "/s/m", [("content-type", utf8(type))]))
        record.status = status
        record.response = responseHead(UInt16(status), header.map { [("grpc-status", utf8($0))] } ?? [])
        if let trailer {
            record.responseTrailers = HeaderBlock()
            record.responseTrailers?.add([("grpc-status", utf8(trailer))])
        }
        let format = try AccessLogFormat.text(
            "%GRPC_STATUS% %GRPC_STATUS(CAMEL_STRING)% %GRPC_STATUS(SNAKE_STRING)% %GRPC_STATUS(NUMBER)% %GRPC_STATUS_NUMBER%"
        )
        #expect(format.line(record) == "\(camel) \(camel) \(snake) \(number) \(number)")
    }

    @Test func onlyTheFirstOfRepeatedHeadersIsPrinted() throws {
        let record = goldenRecord(
            requestHead(
                "GET", "/", [("x-dup", utf8("1")), ("x-dup", utf8("2")), ("via", utf8("a")), ("via", utf8("b"))]))
        #expect(try AccessLogFormat.text("%REQ(x-dup)% %REQ(via)%").line(record) == "1 a")
    }

    @Test func aRemovedHeaderIsMissing() throws {
        let record = goldenRecord(requestHead("GET", "/", [("x-dup", utf8("1")), ("via", utf8("a"))]))
        record.request.remove(.via)
        record.request.remove(at: 0)
        #expect(try AccessLogFormat.text("%REQ(x-dup)% %REQ(via)%").line(record) == "- -")
    }

    @Test func factsOfTheMachineAreFixedWhenTheFormatIsCompiled() throws {
        setenv("TELEMETRY_COLOR", "blue", 1)
        let format = try AccessLogFormat.text("%ENVIRONMENT(TELEMETRY_COLOR)% %ENVIRONMENT(TELEMETRY_NONE)%")
        unsetenv("TELEMETRY_COLOR")
        #expect(format.line(goldenRecord()) == "blue -")
        var name = [CChar](repeating: 0, count: 256)
        try #require(gethostname(&name, 255) == 0)
        let expected = String(decoding: name.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
        #expect(try AccessLogFormat.text("%HOSTNAME%").line(goldenRecord()) == expected)
    }

    @Test func aLocalReplyAndAFailureNameTheirReason() throws {
        let record = unroutedRecord()
        record.status = 503
        record.flags = [.URX, .UF]
        record.details = .upstreamConnectRefused
        record.localReplyBody = "no healthy upstream"
        record.upstreamFailureReason = "delayed connect error: Connection refused"
        record.cluster = ClusterLabel(name: "cds_egress_colors_blue_http_8080", node: "blue")
        let format = try AccessLogFormat.text(
            "%LOCAL_REPLY_BODY%|%RESPONSE_CODE_DETAILS%|%UPSTREAM_TRANSPORT_FAILURE_REASON%|%UPSTREAM_CLUSTER%|%UPSTREAM_HOST%"
        )
        #expect(
            format.line(record) == """
                no healthy upstream|upstream_reset_before_response_started{remote_connection_failure|\
                delayed_connect_error:_Connection_refused}|delayed_connect_error:_Connection_refused|\
                cds_egress_colors_blue_http_8080|-
                """)
    }

    @Test func aDurationWithoutAnEndCountsToTheLatestPoint() throws {
        let record = goldenRecord()
        record.downstreamTxEnd = 0
        #expect(try AccessLogFormat.text("%DURATION% %RESPONSE_TX_DURATION%").line(record) == "2 -")
        record.finished = record.downstreamRxBegin + 9_000_000
        #expect(try AccessLogFormat.text("%DURATION%").line(record) == "9")
        #expect(try AccessLogFormat.text("%EMIT_TIME%").line(record) == "2026-11-23T18:24:52.498Z")
    }

    @Test func aResetRecordPrintsNothingOfItsPast() throws {
        let record = goldenRecord()
        record.flags = .UF
        record.originalPath = record.request.append(bytes: "/old")
        record.localReplyBody = "x"
        record.reset()
        record.request.reset()
        let fresh = Record(request: HeaderBlock())
        let all = OperatorNames.plain.map { "%\($0)%" }.joined(separator: " ")
        let format = try AccessLogFormat.text(all + " %START_TIME% %REQ(:PATH)% %PATH% %RESP(:STATUS)%")
        #expect(format.line(record) == format.line(fresh))
        #expect(AccessLogFormat.structured.line(record) == AccessLogFormat.structured.line(fresh))
    }

    @Test func extremeNumbersArePrintedWhole() throws {
        let record = goldenRecord()
        record.bodyBytesReceived = .max
        record.bodyBytesSent = 10_000_000_000_000_000_000
        record.downstreamRxBegin = 1
        record.finished = .max
        record.startRealtime = .max
        #expect(
            try AccessLogFormat.text("%BYTES_RECEIVED% %BYTES_SENT% %COMMON_DURATION(DS_RX_BEG:DS_TX_END)% %DURATION%")
                .line(record) == "18446744073709551615 10000000000000000000 5002 9223372036854")
        #expect(AccessLogFormat.structured.line(record).contains(#""duration_ms":9223372036854.775,"#))
    }
}

/// Operators without arguments, for tests that go over all of them.
enum OperatorNames {
    static let plain = [
        "PROTOCOL", "UPSTREAM_PROTOCOL", "RESPONSE_CODE", "RESPONSE_FLAGS", "RESPONSE_FLAGS_LONG", "BYTES_RECEIVED",
        "BYTES_SENT", "REQUEST_HEADERS_BYTES", "RESPONSE_HEADERS_BYTES", "RESPONSE_TRAILERS_BYTES",
        "DOWNSTREAM_WIRE_BYTES_RECEIVED", "DOWNSTREAM_WIRE_BYTES_SENT", "DOWNSTREAM_HEADER_BYTES_RECEIVED",
        "DOWNSTREAM_HEADER_BYTES_SENT", "UPSTREAM_WIRE_BYTES_RECEIVED", "UPSTREAM_WIRE_BYTES_SENT",
        "UPSTREAM_HEADER_BYTES_RECEIVED", "UPSTREAM_HEADER_BYTES_SENT", "DURATION", "REQUEST_DURATION",
        "REQUEST_TX_DURATION", "RESPONSE_DURATION", "RESPONSE_TX_DURATION", "UPSTREAM_CONNECTION_POOL_READY_DURATION",
        "UPSTREAM_HOST", "UPSTREAM_HOST_NAME", "UPSTREAM_CLUSTER", "UPSTREAM_TRANSPORT_FAILURE_REASON",
        "UPSTREAM_LOCAL_ADDRESS", "UPSTREAM_REMOTE_ADDRESS", "DOWNSTREAM_REMOTE_ADDRESS", "DOWNSTREAM_LOCAL_PORT",
        "CONNECTION_ID", "UPSTREAM_CONNECTION_ID", "STREAM_ID", "ROUTE_NAME", "UPSTREAM_REQUEST_ATTEMPT_COUNT",
        "LOCAL_REPLY_BODY", "GRPC_STATUS_NUMBER", "RESPONSE_CODE_DETAILS",
    ]
}
