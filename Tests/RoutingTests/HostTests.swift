import Routing
import Testing

@Suite struct HostTests {
    private static let snapshot: Snapshot = {
        let names: [(String, HostBinding.Pattern)] = [
            ("any", .any), ("com", .suffix(".com")), ("example", .suffix(".example.com")),
            ("exact", .exact("a.example.com")), ("plain", .exact("color.local")), ("six", .exact("[::1]")),
            ("second", .exact("color.local")),
        ]
        let hosts = names.map { VirtualHostPlan.of($0.0, [.to($0.0, MatchPlan())]) }
        let bindings = names.enumerated().map { HostBinding($0.element.1, virtualHost: $0.offset) }
        let known = ListenerPlan.of(hosts: bindings)
        let strict = ListenerPlan.of("strict", hosts: bindings.filter { $0.pattern != .any })
        return Snapshot(
            plan: Plan(proxies: [.of(listeners: [known, strict], hosts: hosts)]), generation: 1)
    }()

    @Test(
        "an exact name wins over the longest suffix, a suffix over any; port, case and trailing dot do not count",
        arguments: [
            ("a.example.com", "exact"), ("A.Example.COM", "exact"), ("a.example.com.", "exact"),
            ("a.example.com:8080", "exact"), ("a.example.com.:8080", "exact"), ("a.example.com:", "exact"),
            ("b.example.com", "example"), ("b.a.example.com", "example"), ("x.a.example.com:1", "example"),
            ("example.com", "com"), (".example.com", "com"), ("com", "any"), (".com", "any"),
            ("color.local", "plain"), ("xcolor.local", "any"), ("color.local.x", "any"), ("olor.local", "any"),
            ("[::1]:80", "six"), ("[::1]", "six"), ("[::2]", "any"), ("", "any"), (".", "any"), ("..", "any"),
            ("\u{FF}.example.com", "example"),
        ])
    func selection(_ authority: String, _ expected: String) {
        #expect(Self.snapshot.routeName(Request(authority: authority)) == expected)
    }

    @Test("a host that no name covers is told apart from a missing route")
    func unknownHost() {
        let strict = Self.snapshot.listenerID(proxy: 0, listener: 1)
        let head = Request(authority: "nowhere").head
        let result = Self.snapshot.match(strict, head, isAbsoluteForm: false, MatchScratch())
        #expect(result == .notFound(.unknownHost))
        let known = Request(authority: "x.com").head
        #expect(
            Self.snapshot.match(strict, known, isAbsoluteForm: false, MatchScratch())
                == .matched(RouteID(raw: 1), VirtualHostID(raw: 1)))
    }
}
