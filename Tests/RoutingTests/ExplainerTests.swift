import Patterns
import Routing
import Testing
import Wire

@Suite struct ExplainerTests {
    private func explain(_ snapshot: Snapshot, _ request: Request) -> Explanation {
        Explainer.explain(
            snapshot, listener: ListenerID(raw: 0), head: request.head, isAbsoluteForm: request.isAbsoluteForm)
    }

    @Test("each kind of miss has its reason in words") func reasons() throws {
        let pattern = RegexMatch(try Pattern("/b[0-9]"))
        let header: (HeaderMatch.Condition, Bool) -> MatchPlan = { condition, inverted in
            MatchPlan(headers: [HeaderMatch(name: "x-v", condition: condition, isInverted: inverted)])
        }
        let cases: [(MatchPlan, String)] = [
            (MatchPlan(path: .prefix("/api")), "path /x does not start with /api"),
            (MatchPlan(path: .exact("/y")), "path /x is not /y"),
            (MatchPlan(path: .exact("/Y", ignoresCase: true)), "path /x is not /Y in any case"),
            (MatchPlan(path: .regex(pattern)), "path /x does not match /b[0-9] as a whole"),
            (MatchPlan(method: "POST"), "method GET is not POST"),
            (MatchPlan(scheme: .https), "scheme http is not https"),
            (MatchPlan(port: 9090), "port 80 is not 9090"),
            (MatchPlan(hostname: .exact("b")), "host a is not b"),
            (MatchPlan(hostname: .suffix(".b")), "host a does not end with .b"),
            (MatchPlan(requiresGRPC: true), "header content-type is missing"),
            (MatchPlan(headers: [HeaderMatch(name: "x-w", condition: .exact("1"))]), "header x-w is missing"),
            (
                MatchPlan(headers: [HeaderMatch(name: "x-w", condition: .exact("1"), isInverted: true)]),
                "header x-w is missing"
            ),
            (header(.exact("1"), false), "header x-v: \"2\" is not \"1\""),
            (header(.exact("2"), true), "header x-v: \"2\" is \"2\""),
            (header(.present, true), "header x-v: \"2\" is present"),
            (header(.prefix("1"), false), "header x-v: \"2\" does not start with \"1\""),
            (header(.suffix("2"), true), "header x-v: \"2\" ends with \"2\""),
            (header(.contains("1"), false), "header x-v: \"2\" does not contain \"1\""),
            (header(.regex(pattern), false), "header x-v: \"2\" does not match /b[0-9] as a whole"),
            (header(.range(start: 5, end: 9), false), "header x-v: \"2\" is not in [5,9)"),
            (header(.range(start: 1, end: 9), true), "header x-v: \"2\" is in [1,9)"),
            (
                MatchPlan(headers: [HeaderMatch(name: "x-t", condition: .range(start: 1, end: 2))]),
                "header x-t: \"1x\", \"q\" is not an integer"
            ),
            (
                MatchPlan(headers: [HeaderMatch(name: ":path", condition: .exact("/"))]),
                "header :path: \"/x?a=2\" is not \"/\""
            ),
            (MatchPlan(query: [QueryMatch(name: "b")]), "query parameter b is missing"),
            (MatchPlan(query: [QueryMatch(name: "a", exact: "1")]), "query parameter a: \"2\" is not \"1\""),
        ]
        let routes = cases.enumerated().map { RoutePlan.to("r\($0.offset)", $0.element.0) }
        let request = Request(target: "/x?a=2", headers: [("x-v", "2"), ("x-t", "1x"), ("x-t", "q")])
        let explanation = explain(.single(routes), request)
        #expect(explanation.agreesWithIndex)
        let stage = try #require(explanation.first)
        #expect(stage.routes.map(\.reason) == cases.map(\.1))
        #expect(stage.routes.allSatisfy { !$0.isMatched && !$0.isChosen } && stage.chosen == nil)
        #expect(explanation.outcome == .notFound(.noRoute, "none of the \(cases.count) routes of service matches"))
        let absolute = explain(.single([.to("out", MatchPlan(), .forwardToAuthority)]), request)
        #expect(absolute.first?.routes.map(\.reason) == ["the request target is not in absolute form"])
    }

    @Test("later routes that match are told which comes first, and backends have their shares") func chosen() throws {
        let endpoint = EndpointPlan(name: "m/blue#0", address: .ip(host: "127.0.0.1", port: 8080))
        let routes: [RoutePlan] = [
            .to("no", MatchPlan(path: .prefix("/no"))),
            .to(
                "canary", MatchPlan(path: .prefix("/")),
                .forward([
                    BackendPlan(cluster: 0, weight: 3), BackendPlan(cluster: 1, weight: 1),
                ]), timeouts: .limits(.seconds(2), idle: nil)),
            .to("late", MatchPlan()),
        ]
        let snapshot = Snapshot.single(routes, clusters: [.of("blue", endpoints: [endpoint]), .of("green")])
        let explanation = explain(snapshot, Request(target: "/x"))
        let stage = try #require(explanation.first)
        #expect(stage.chosen == RouteID(raw: 1))
        #expect(stage.routes.map(\.isMatched) == [false, true, true])
        #expect(stage.routes.map(\.isChosen) == [false, true, false])
        #expect(
            stage.routes.map(\.reason) == [
                "path /x does not start with /no", nil, "it matches, but canary comes first",
            ])
        #expect(explanation.backends.map(\.cluster) == ["blue", "green"])
        #expect(explanation.backends.map(\.percent) == [75, 25])
        #expect(explanation.backends.map(\.endpoints) == [[endpoint], []])
        #expect(explanation.timeouts?.request.value == .seconds(2))
        #expect(explanation.timeouts?.idle.value == .some(nil) && explanation.timeouts?.delegateBound == nil)
        #expect(explanation.outcome == .forward)
        let text = explanation.description
        for line in ["* canary [route canary]", "backend 75.0 % blue: m/blue#0 127.0.0.1:8080", "idle timeout none"] {
            #expect(text.contains(line), "\(text)")
        }
    }

    @Test("every name of the listener is considered") func hosts() {
        let patterns: [HostBinding.Pattern] = [
            .any, .suffix(".b.c"), .exact("a.b.c"), .suffix(".c"), .exact("x"), .suffix(".x"),
        ]
        let listener = ListenerPlan.of(hosts: patterns.map { HostBinding($0, virtualHost: 0) })
        let proxy = ProxyPlan.of(listeners: [listener], hosts: [.of("h", [.to("r", MatchPlan())])])
        let snapshot = Snapshot(plan: Plan(proxies: [proxy]), generation: 1)
        let exact = explain(snapshot, Request(authority: "A.b.c:80"))
        #expect(exact.host == "a.b.c")
        #expect(exact.hosts.map(\.isMatched) == [true, true, true, true, false, false])
        #expect(exact.hosts.map(\.isChosen) == [false, false, true, false, false, false])
        #expect(
            exact.hosts.map(\.reason) == [
                "a.b.c is preferred", "a.b.c is preferred", nil, "a.b.c is preferred", "host a.b.c is not x",
                "host a.b.c does not end with .x after at least one character",
            ])
        let suffix = explain(snapshot, Request(authority: "z.b.c"))
        #expect(suffix.hosts.map(\.isChosen) == [false, true, false, false, false, false])
        #expect(suffix.hosts[0].reason == "*.b.c is preferred")
    }

    @Test("misses before the routes have their reasons") func earlyMisses() {
        let listener = ListenerPlan.of(
            "egress", portRule: .service(listenerPort: nil), hosts: [HostBinding(.exact("s"), virtualHost: 0)])
        let hosts = [VirtualHostPlan.of("s.local", ports: [8080, 9090], [.to("r", MatchPlan())])]
        let snapshot = Snapshot(plan: Plan(proxies: [.of(listeners: [listener], hosts: hosts)]), generation: 1)
        let unknown = explain(snapshot, Request(authority: "t"))
        #expect(unknown.outcome == .notFound(.unknownHost, "host t is not a name of listener egress"))
        #expect(unknown.first == nil && unknown.agreesWithIndex)
        let foreign = explain(snapshot, Request(authority: "s:7070"))
        #expect(foreign.outcome == .notFound(.portNotServed, "s.local listens on 8080, 9090, not on port 7070"))
        #expect(foreign.first?.port == nil && foreign.first?.portOrigin == "from the authority")
        let malformed = explain(snapshot, Request(authority: "s:x"))
        #expect(malformed.outcome == .notFound(.portNotServed, "authority s:x has a malformed port"))
        let implied = explain(snapshot, Request(authority: "s"))
        #expect(implied.first?.port == 8080 && implied.first?.portOrigin == "the service's default port")
    }

    @Test("a delegation shows rewrite and second stage, and leaves the head as it was") func delegation() throws {
        let rewrite = DelegatePlan.PathRewrite.prefix(matched: "/chapter", replacement: "/")
        let delegate = DelegatePlan(virtualHost: 1, port: nil, host: .literal("s.local"), path: rewrite)
        let listener = ListenerPlan.of(hosts: [HostBinding(.any, virtualHost: 0)])
        let hosts = [
            VirtualHostPlan.of(
                "gateway",
                [
                    .to(
                        "in", MatchPlan(path: .prefix("/chapter")), .delegate(delegate), timeouts: .limits(.seconds(9)))
                ]),
            VirtualHostPlan.of(
                "s.local", ports: [8080],
                [
                    .to("one", MatchPlan(path: .exact("/1")), timeouts: .limits(.seconds(3))),
                    .to("slow", MatchPlan(path: .exact("/2")), timeouts: .limits(.seconds(9))),
                ]),
        ]
        let snapshot = Snapshot(plan: Plan(proxies: [.of(listeners: [listener], hosts: hosts)]), generation: 1)
        let head = Request(target: "/chapter/1", authority: "front").head
        let explanation = Explainer.explain(snapshot, listener: ListenerID(raw: 0), head: head, isAbsoluteForm: false)
        #expect(explanation.agreesWithIndex)
        let rewritten = try #require(explanation.rewrite)
        #expect(rewritten.pathBefore == "/chapter/1" && rewritten.pathAfter == "/1")
        #expect(rewritten.hostBefore == "front" && rewritten.hostAfter == "s.local")
        #expect(explanation.first?.routes.map(\.name) == ["in"])
        let second = try #require(explanation.second)
        #expect(
            second.virtualHost == "s.local" && second.port == 8080 && second.portOrigin == "the service's only port")
        #expect(second.chosen == RouteID(raw: 1))
        #expect(explanation.timeouts?.request.value == .seconds(3))
        #expect(explanation.timeouts?.delegateBound?.value == .seconds(9))
        #expect(explanation.outcome == .fixedResponse(status: 200, body: ""))
        #expect(head.text(head.path) == "/chapter/1" && head.text(head.authority) == "front")

        let miss = explain(snapshot, Request(target: "/chapter/9"))
        #expect(miss.outcome == .notFound(.noRoute, "none of the 2 routes of s.local matches"))
        #expect(miss.second?.routes.map(\.reason) == ["path /9 is not /1", "path /9 is not /2"])
    }
}
