import Routing
import Testing
import Wire

@Suite struct DelegationTests {
    /// A gateway whose only route delegates to a service with the given routes.
    private func gateway(
        _ delegate: DelegatePlan, match: MatchPlan = MatchPlan(), ports: [Int] = [], _ routes: [RoutePlan],
        bound: Duration? = .seconds(15)
    ) -> Snapshot {
        let listener = ListenerPlan.of(portRule: .fixed(8080), hosts: [HostBinding(.any, virtualHost: 0)])
        let hosts = [
            VirtualHostPlan.of("gateway", [.to("in", match, .delegate(delegate), timeouts: .limits(bound))]),
            VirtualHostPlan.of("service", ports: ports, routes),
        ]
        return Snapshot(plan: Plan(proxies: [.of(listeners: [listener], hosts: hosts)]), generation: 1)
    }

    private func rewritten(_ delegate: DelegatePlan, _ request: Request) -> (HeaderBlock, RewriteResult) {
        let snapshot = gateway(delegate, [])
        let head = request.head
        let result = snapshot.rewrite(RouteID(raw: 0), head)
        return (head, result)
    }

    @Test(
        "a matched prefix gives way to its replacement and the rest follows after exactly one slash",
        arguments: [
            ("/chapter", "/", "/chapter", "/"), ("/chapter", "/", "/chapter/1", "/1"),
            ("/chapter", "/", "/chapters", "/s"), ("/chapter", "/", "/chapter/", "/"),
            ("/maroon", "/red/", "/maroon/tell", "/red/tell"), ("/maroon", "/red/", "/maroon", "/red/"),
            ("/maroon", "/red", "/maroon", "/red"), ("/maroon", "/red", "/maroon/tell", "/red/tell"),
            ("/maroon/", "/red/", "/maroon/tell", "/red/tell"), ("/maroon/", "/red", "/maroon/", "/red"),
            ("/", "/red/", "/tell", "/red/tell"), ("/", "/", "/tell", "/tell"), ("/", "/", "/", "/"),
            ("/a", "", "/a", "/"), ("/a", "", "/a/b", "/b"), ("/a", "/", "/other", "/other"),
        ])
    func prefix(_ matched: String, _ replacement: String, _ path: String, _ expected: String) {
        let rewrite = DelegatePlan.PathRewrite.prefix(matched: matched, replacement: replacement)
        let delegate = DelegatePlan(virtualHost: 1, port: nil, host: .keep, path: rewrite)
        let (head, result) = rewritten(delegate, Request(target: path + "?q=1"))
        #expect(head.text(head.path) == expected)
        #expect(head.text(head.query) == "q=1" && head.hasQuery)
        #expect(result == (path == expected ? [] : .path))
    }

    @Test("a long path is rewritten although the block has to grow") func growth() {
        let rewrite = DelegatePlan.PathRewrite.prefix(matched: "/a", replacement: "/b")
        let delegate = DelegatePlan(virtualHost: 1, port: nil, host: .literal("service.local"), path: rewrite)
        let rest = String(repeating: "x", count: 5000)
        let request = Request(target: "/a/" + rest).head
        let before = request.path
        #expect(gateway(delegate, []).rewrite(RouteID(raw: 0), request) == [.path, .host])
        #expect(request.text(request.path) == "/b/" + rest)
        #expect(request.text(request.authority) == "service.local")
        #expect(request.text(before) == "/a/" + rest, "what was read before stays readable")
    }

    @Test("the whole path is replaced and the query stays") func whole() {
        let delegate = DelegatePlan(virtualHost: 1, port: nil, host: .keep, path: .whole("/new"))
        let (head, result) = rewritten(delegate, Request(target: "/old?x"))
        #expect(head.text(head.path) == "/new" && head.text(head.query) == "x" && result == .path)
        #expect(rewritten(delegate, Request(target: "/new")).1 == [])
    }

    @Test("the host is replaced, or kept") func host() {
        let literal = DelegatePlan(virtualHost: 1, port: nil, host: .literal("s.local"), path: .keep)
        let (head, result) = rewritten(literal, Request(authority: "front:8080"))
        #expect(head.text(head.authority) == "s.local" && result == .host)
        #expect(rewritten(literal, Request(authority: "s.local")).1 == [])
        let keep = DelegatePlan(virtualHost: 1, port: nil, host: .keep, path: .keep)
        let (kept, nothing) = rewritten(keep, Request(authority: "front:8080"))
        #expect(kept.text(kept.authority) == "front:8080" && nothing == [])
    }

    @Test("the second stage sees the rewritten head and the delegate's port") func secondStage() {
        let rewrite = DelegatePlan.PathRewrite.prefix(matched: "/chapter", replacement: "/")
        let delegate = DelegatePlan(virtualHost: 1, port: 9090, host: .literal("s.local"), path: rewrite)
        let snapshot = gateway(
            delegate, ports: [8080, 9090],
            [
                .to("original path", MatchPlan(path: .prefix("/chapter"))),
                .to("original host", MatchPlan(headers: [HeaderMatch(name: ":authority", condition: .exact("front"))])),
                .to("first port", MatchPlan(port: 8080)),
                .to("hit", MatchPlan(path: .exact("/1"), port: 9090, hostname: .exact("s.local"))),
            ])
        let head = Request(target: "/chapter/1", authority: "front").head
        let scratch = MatchScratch()
        let first = snapshot.match(ListenerID(raw: 0), head, isAbsoluteForm: false, scratch)
        #expect(first == .matched(RouteID(raw: 0), VirtualHostID(raw: 0)))
        _ = snapshot.rewrite(RouteID(raw: 0), head)
        let second = snapshot.matchDelegated(RouteID(raw: 0), head, scratch)
        #expect(second == .matched(RouteID(raw: 4), VirtualHostID(raw: 1)))
    }

    @Test(
        "without a port of its own a delegate uses the service's first, and a foreign port is refused",
        arguments: [
            (nil, [9090, 8080], RouteResult.matched(RouteID(raw: 1), VirtualHostID(raw: 1))),
            (nil, [8080, 9090], .notFound(.noRoute)), (7070, [9090], .notFound(.portNotServed)),
            (9090, [], .matched(RouteID(raw: 1), VirtualHostID(raw: 1))), (nil, [], .notFound(.noRoute)),
        ] as [(Int?, [Int], RouteResult)])
    func port(_ port: Int?, _ ports: [Int], _ expected: RouteResult) {
        let delegate = DelegatePlan(virtualHost: 1, port: port, host: .keep, path: .keep)
        let snapshot = gateway(delegate, ports: ports, [.to("r", MatchPlan(port: 9090))])
        // The authority's port belongs to the gateway and plays no part.
        let head = Request(authority: "front:9090").head
        #expect(snapshot.matchDelegated(RouteID(raw: 0), head, MatchScratch()) == expected)
    }

    @Test(
        "a delegate is bound by its own request timeout as well, and nothing else is",
        arguments: [(.seconds(20), 20_000_000_000), (nil, 0)] as [(Duration?, Int64)])
    func bound(_ limit: Duration?, _ expected: Int64) {
        let delegate = DelegatePlan(virtualHost: 1, port: nil, host: .keep, path: .keep)
        let snapshot = gateway(delegate, [.to("r", MatchPlan(), timeouts: .limits(.seconds(3)))], bound: limit)
        let hot = snapshot.hot(RouteID(raw: 0))
        #expect(hot.kind == .delegate && hot.delegateBound == expected && hot.delegateHost == VirtualHostID(raw: 1))
        #expect(snapshot.hot(RouteID(raw: 1)).delegateBound == 0)
    }
}
