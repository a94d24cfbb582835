import Testing

@testable import ControlPlane

@Suite("Values as people write them")
struct ArgumentTests {
    @Test(
        "Addresses",
        arguments: [
            ("127.0.0.1:80", .ip(host: "127.0.0.1", port: 80)), ("9901", .ip(host: "127.0.0.1", port: 9901)),
            (":0", nil), ("0.0.0.0:0", .ip(host: "0.0.0.0", port: 0)), ("[::1]:80", .ip(host: "::1", port: 80)),
            ("::1:80", nil), ("localhost:80", .ip(host: "127.0.0.1", port: 80)), ("example.com:80", nil),
            ("127.0.0.1:65536", nil), ("127.0.0.1:", nil), ("127.0.0.1:+1", nil), ("", nil), ("[127.0.0.1]:80", nil),
            ("unix:/run/x.sock", .unix(path: "/run/x.sock")), ("unix:", nil),
        ] as [(String, NetworkAddress?)])
    func addresses(_ text: String, _ expected: NetworkAddress?) {
        #expect(NetworkAddress(argument: text) == expected)
    }

    @Test(
        "Durations",
        arguments: [
            ("250ms", .milliseconds(250)), ("1.5s", .milliseconds(1500)), ("2m", .seconds(120)), ("0s", .zero),
            ("100us", .microseconds(100)), ("1h", .seconds(3600)), ("24h", .seconds(86_400)), ("25h", nil), ("5", nil),
            ("s", nil),
            ("-1s", nil), ("1e3s", nil), ("1..2s", nil), ("nans", nil), ("", nil),
        ] as [(String, Duration?)])
    func durations(_ text: String, _ expected: Duration?) {
        #expect(Duration(argument: text) == expected)
    }

    @Test(
        "Durations as Envoy's JSON writes them",
        arguments: [
            (.seconds(15), "15s"), (.milliseconds(250), "0.25s"), (.nanoseconds(1), "0.000000001s"), (.zero, "0s"),
            (.milliseconds(1500), "1.5s"),
        ] as [(Duration, String)])
    func written(_ duration: Duration, _ expected: String) {
        #expect(duration.secondsText == expected)
    }

    @Test("JSON keeps the order of members and escapes what must be escaped")
    func json() {
        let value: JSONValue = [
            "b": 1, "a": [true, nil, .double(2.5), .double(90), .double(.infinity)], "t\"\\\n\u{1}é": "ü\t",
            "e": .object([]),
            "l": .array([]),
        ]
        #expect(
            value.text(pretty: false)
                == #"{"b":1,"a":[true,null,2.5,90,null],"t\"\\\n\u0001é":"ü\t","e":{},"l":[]}"#)
        #expect((["a": ["b"]] as JSONValue).text() == "{\n  \"a\": [\n    \"b\"\n  ]\n}")
        #expect(value["b"] == 1)
        #expect(value["c"] == nil)
    }
}
