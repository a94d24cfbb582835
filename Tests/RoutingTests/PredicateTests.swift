import Patterns
import Routing
import Testing
import Wire

@Suite struct PredicateTests {
    private func accepts(_ match: MatchPlan, _ request: Request) -> Bool {
        Snapshot.single([.to("r", match)]).accepts(request)
    }

    @Test(
        "methods are compared exactly",
        arguments: [
            ("GET", "GET", true), ("GET", "POST", false), ("GET", "get", false), ("BREW", "BREW", true),
            ("BREW", "BREWS", false), ("BREW", "brew", false), ("get", "get", true), ("get", "GET", false),
        ])
    func methods(_ wanted: String, _ sent: String, _ expected: Bool) {
        #expect(accepts(MatchPlan(method: wanted), Request(method: sent)) == expected)
    }

    @Test("schemes are compared") func schemes() {
        #expect(accepts(MatchPlan(scheme: .https), Request(scheme: .https)))
        #expect(!accepts(MatchPlan(scheme: .https), Request(scheme: .http)))
        #expect(!accepts(MatchPlan(scheme: .http), Request(scheme: .https)))
    }

    @Test(
        "host names are compared without port and case; a suffix is a plain string suffix",
        arguments: [
            (HostnameMatch.exact("a.b"), ["a.b", "A.B:80", "a.b."], ["xa.b", "a.b.c", "a"]),
            (.suffix(".b"), ["a.b", "a.B:1", "x.a.b.", ".b"], ["b", "a.c"]),
            (.suffix("b"), ["b", "ab", "a.b"], ["c", ""]),
        ])
    func hostnames(_ match: HostnameMatch, _ accepted: [String], _ refused: [String]) {
        for authority in accepted { #expect(accepts(MatchPlan(hostname: match), Request(authority: authority))) }
        for authority in refused { #expect(!accepts(MatchPlan(hostname: match), Request(authority: authority))) }
    }

    @Test(
        "gRPC is told by its content type",
        arguments: [
            ("application/grpc", true), ("application/grpc+proto", true), (" application/grpc ", true),
            ("application/grpc-web", false), ("application/grp", false), ("text/plain", false), ("", false),
        ])
    func grpc(_ type: String, _ expected: Bool) {
        let request = Request(headers: [("content-type", type)])
        #expect(accepts(MatchPlan(requiresGRPC: true), request) == expected)
        #expect(!accepts(MatchPlan(requiresGRPC: true), Request()))
    }

    @Test("only a request in absolute form goes to its own authority") func absoluteForm() {
        let snapshot = Snapshot.single([.to("out", MatchPlan(), .forwardToAuthority), .to("in", MatchPlan())])
        #expect(snapshot.routeName(Request(isAbsoluteForm: true)) == "out")
        #expect(snapshot.routeName(Request(isAbsoluteForm: false)) == "in")
    }

    // MARK: Headers

    struct HeaderCase: Sendable {
        var condition: HeaderMatch.Condition
        var values: [String]
        var plain: Bool
        var inverted: Bool
        init(_ condition: HeaderMatch.Condition, _ values: [String], _ plain: Bool, inverted: Bool) {
            self.condition = condition
            self.values = values
            self.plain = plain
            self.inverted = inverted
        }
    }

    private static let headerCases: [HeaderCase] = [
        HeaderCase(.present, [], false, inverted: true), HeaderCase(.present, [""], true, inverted: false),
        HeaderCase(.present, ["x"], true, inverted: false),
        HeaderCase(.exact("1"), ["1"], true, inverted: false), HeaderCase(.exact("1"), ["2"], false, inverted: true),
        HeaderCase(.exact("1"), [" 1\t"], true, inverted: false), HeaderCase(.exact("1"), [], false, inverted: false),
        HeaderCase(.exact(""), [""], true, inverted: false), HeaderCase(.exact(""), [], false, inverted: false),
        HeaderCase(.exact("a"), ["A"], false, inverted: true),
        // Several lines, as Envoy 1.40 was seen to treat them: any line may match, inversion negates that.
        HeaderCase(.exact("1"), ["1", "1"], true, inverted: false),
        HeaderCase(.exact("1"), ["1", "2"], true, inverted: false),
        HeaderCase(.exact("2"), ["1", "2"], true, inverted: false),
        HeaderCase(.exact("1,2"), ["1", "2"], false, inverted: true),
        HeaderCase(.exact("1"), ["2", "3"], false, inverted: true),
        HeaderCase(.exact("1,2"), ["1,2"], true, inverted: false),
        HeaderCase(.range(start: 0, end: 10), ["99", "1"], true, inverted: false),
        HeaderCase(.prefix("ab"), ["abc"], true, inverted: false),
        HeaderCase(.prefix("ab"), ["cab"], false, inverted: true),
        HeaderCase(.prefix("ab"), ["a"], false, inverted: true), HeaderCase(.prefix("ab"), [], false, inverted: false),
        HeaderCase(.suffix("bc"), ["abc"], true, inverted: false),
        HeaderCase(.suffix("bc"), ["bcd"], false, inverted: true),
        HeaderCase(.suffix("bc"), [], false, inverted: false),
        HeaderCase(.contains("aab"), ["aaab"], true, inverted: false),
        HeaderCase(.contains("aab"), ["aacaab"], true, inverted: false),
        HeaderCase(.contains("abab"), ["abacabab"], true, inverted: false),
        HeaderCase(.contains("aab"), ["abab"], false, inverted: true),
        HeaderCase(.contains(""), ["x"], true, inverted: false), HeaderCase(.contains("x"), [], false, inverted: false),
        HeaderCase(.range(start: 10, end: 20), ["10"], true, inverted: false),
        HeaderCase(.range(start: 10, end: 20), ["19"], true, inverted: false),
        HeaderCase(.range(start: 10, end: 20), ["20"], false, inverted: true),
        HeaderCase(.range(start: 10, end: 20), ["9"], false, inverted: true),
        HeaderCase(.range(start: 10, end: 20), ["1x"], false, inverted: true),
        HeaderCase(.range(start: 10, end: 20), [""], false, inverted: true),
        HeaderCase(.range(start: 10, end: 20), ["-"], false, inverted: true),
        HeaderCase(.range(start: 10, end: 20), ["+12"], true, inverted: false),
        HeaderCase(.range(start: 10, end: 20), ["012"], true, inverted: false),
        HeaderCase(.range(start: 10, end: 20), ["12 "], true, inverted: false),
        HeaderCase(.range(start: 10, end: 20), [], false, inverted: false),
        HeaderCase(.range(start: -5, end: 0), ["-1"], true, inverted: false),
        HeaderCase(.range(start: 0, end: .max), ["9223372036854775806"], true, inverted: false),
        HeaderCase(.range(start: .min, end: .max), ["-9223372036854775808"], true, inverted: false),
        HeaderCase(.range(start: .min, end: .max), ["9223372036854775808"], false, inverted: true),
    ]

    @Test("header conditions and their inversion, for unknown and for known names", arguments: headerCases)
    func headers(_ example: HeaderCase) {
        for name in ["x-v", "user-agent"] {
            let request = Request(headers: [("x-w", "1")] + example.values.map { (name, $0) } + [("x-vv", "1")])
            let plain = HeaderMatch(name: name, condition: example.condition)
            #expect(accepts(MatchPlan(headers: [plain]), request) == example.plain, "\(name) \(example)")
            let inverted = HeaderMatch(name: name, condition: example.condition, isInverted: true)
            #expect(accepts(MatchPlan(headers: [inverted]), request) == example.inverted, "\(name) \(example)")
        }
    }

    @Test("a header pattern must match the whole value") func headerPatterns() throws {
        let condition = HeaderMatch.Condition.regex(RegexMatch(try Pattern("v[0-9]")))
        let match = MatchPlan(headers: [HeaderMatch(name: "x-v", condition: condition)])
        for (value, expected) in [("v1", true), (" v2 ", true), ("v12", false), ("xv1", false)] {
            #expect(accepts(match, Request(headers: [("x-v", value)])) == expected, "\(value)")
        }
    }

    @Test(
        "values can be compared without case",
        arguments: [
            (HeaderMatch.Condition.exact("aBc"), "AbC", true), (.prefix("aB"), "ABc", true),
            (.suffix("Bc"), "aBC", true),
            (.contains("BB"), "abbc", true), (.contains("BB"), "abxb", false), (.exact("abc"), "abd", false),
        ])
    func folded(_ condition: HeaderMatch.Condition, _ value: String, _ expected: Bool) {
        let match = HeaderMatch(name: "x-v", condition: condition, ignoresCase: true)
        #expect(accepts(MatchPlan(headers: [match]), Request(headers: [("x-v", value)])) == expected)
    }

    @Test(
        "parts of the request line are matched as headers",
        arguments: [
            (":method", "POST"), (":path", "/x?a=1"), (":authority", "h:81"), ("host", "h:81"), (":scheme", "https"),
        ])
    func pseudoHeaders(_ name: String, _ value: String) {
        let request = Request(method: "POST", target: "/x?a=1", authority: "h:81", scheme: .https)
        #expect(accepts(MatchPlan(headers: [HeaderMatch(name: name, condition: .exact(value))]), request))
        #expect(!accepts(MatchPlan(headers: [HeaderMatch(name: name, condition: .exact(value + "x"))]), request))
    }

    @Test("all headers must match, and removed lines do not count") func conjunction() {
        let match = MatchPlan(headers: [
            HeaderMatch(name: "x-a", condition: .exact("1")), HeaderMatch(name: "x-b", condition: .present),
        ])
        let snapshot = Snapshot.single([.to("r", match)])
        #expect(snapshot.accepts(Request(headers: [("x-b", ""), ("x-a", "1")])))
        #expect(!snapshot.accepts(Request(headers: [("x-a", "1")])))
        let head = Request(headers: [("x-b", ""), ("x-a", "1")]).head
        head.remove(at: 0)
        let result = snapshot.match(ListenerID(raw: 0), head, isAbsoluteForm: false, MatchScratch())
        #expect(result == .notFound(.noRoute))
    }

    // MARK: Query

    @Test(
        "the first occurrence of a query parameter counts, byte for byte",
        arguments: [
            (
                QueryMatch(name: "a", exact: "1"), ["/?a=1", "/?a=1&a=2", "/?b&a=1&c"],
                ["/", "/?", "/?a=2&a=1", "/?A=1"]
            ),
            (QueryMatch(name: "a", exact: "1"), ["/?&&a=1"], ["/?a=%31", "/?b=2;a=1", "/?a=1;b=2", "/?a", "/?%61=1"]),
            (QueryMatch(name: "b"), ["/?b", "/?b=", "/?b=x", "/?a&b"], ["/", "/?", "/?bb", "/?B", "/?a=b"]),
            (QueryMatch(name: "b", exact: ""), ["/?b", "/?b=", "/?b&c=1"], ["/?b=1", "/?c"]),
            (QueryMatch(name: "b", exact: "x=y"), ["/?b=x=y"], ["/?b=x"]),
        ])
    func query(_ match: QueryMatch, _ accepted: [String], _ refused: [String]) {
        for target in accepted { #expect(accepts(MatchPlan(query: [match]), Request(target: target)), "\(target)") }
        for target in refused { #expect(!accepts(MatchPlan(query: [match]), Request(target: target)), "\(target)") }
    }
}
