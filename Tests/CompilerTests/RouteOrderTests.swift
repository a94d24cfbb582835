// The order of routes and what it hides (design section 11).

import Definitions
import Routing
import Testing

@testable import Compiler

@Suite("Routes are tried")
struct RouteOrderTests {
    struct Case: Sendable, CustomTestStringConvertible {
        var testDescription: String
        /// Name and route, in the order expected.
        var expected: [(String, RouteSpec)]
        init(_ description: String, _ expected: [(String, RouteSpec)]) {
            testDescription = description
            self.expected = expected
        }
    }

    static func exact(_ path: String) -> HttpRouteMatch { HttpRouteMatch(path: HttpPathMatch(exact: path)) }
    static func regex(_ path: String) -> HttpRouteMatch { HttpRouteMatch(path: HttpPathMatch(regex: path)) }
    static func header(_ name: String, method: HttpMethod? = nil) -> HttpRouteMatch {
        HttpRouteMatch(headers: [HttpRouteHeader(name: name)], method: method, prefix: "/")
    }

    static let cases = [
        Case(
            "by priority, those without one last",
            [
                ("z", route(HttpRouteMatch(prefix: "/z"), priority: 0)),
                ("y", route(HttpRouteMatch(prefix: "/y"), priority: 1)),
                ("x", route(HttpRouteMatch(prefix: "/x"), priority: 1000)), ("a", route(exact("/a"))),
            ]),
        Case(
            "exact path, then regex, then prefix",
            [("c", route(exact("/"))), ("b", route(regex("/b+"))), ("a", route(HttpRouteMatch(prefix: "/aaaaaaaaaa")))]),
        Case(
            "longer prefix first",
            [("c", route(HttpRouteMatch(prefix: "/a/b"))), ("b", route(HttpRouteMatch(prefix: "/a"))), ("a", route())]),
        Case(
            "more header and query matchers first",
            [
                (
                    "c",
                    route(
                        HttpRouteMatch(
                            headers: [HttpRouteHeader(name: "x")], prefix: "/",
                            queryParameters: [HttpQueryParameter(name: "q")]))
                ), ("b", route(header("x"))), ("a", route(HttpRouteMatch(method: .get, prefix: "/"))),
            ]),
        Case(
            "with a method before those without",
            [("b", route(HttpRouteMatch(method: .get, prefix: "/"))), ("a", route())]),
        Case(
            "by name in the end",
            [("a", route(header("x"))), ("b", route(header("y"))), ("c", route(header("z")))]),
    ]

    @Test(arguments: cases)
    func order(_ example: Case) {
        var mesh = colors()
        mesh.virtualRouters["colors"]?.routes = Dictionary(uniqueKeysWithValues: example.expected)
        let compiled = compile(mesh)
        #expect(
            compiled.proxy("colors/front")?.virtualHost("color.colors.local")?.routes.map(\.name)
                == example.expected.map(\.0))
        #expect(compiled.codes == [])
    }

    @Test("by host on gateways: a host is one matcher, exact before suffix, longer suffix first")
    func gatewayHosts() {
        func host(_ hostname: GatewayRouteHostnameMatch?) -> HttpGatewayRouteMatch {
            HttpGatewayRouteMatch(hostname: hostname, prefix: hostname == nil ? "/" : nil)
        }
        var mesh = colors()
        let name = "color.colors.local"
        mesh.virtualGateways["front"] = gateway([
            "a": gatewayRoute(name, host(nil)),
            "b": gatewayRoute(name, host(GatewayRouteHostnameMatch(suffix: ".com"))),
            "c": gatewayRoute(name, host(GatewayRouteHostnameMatch(suffix: ".example.com"))),
            "d": gatewayRoute(name, host(GatewayRouteHostnameMatch(exact: "www.example.com"))),
            "e": gatewayRoute(name, HttpGatewayRouteMatch(prefix: "/long")),
        ])
        let routes = compile(mesh).proxy("colors/front")?.virtualHost("front:8080")?.routes
        #expect(routes?.map(\.name) == ["e", "d", "c", "b", "a"])
    }
}

@Suite("A route that can never apply")
struct ReachabilityTests {
    typealias Example = (first: MatchPlan, second: MatchPlan, isHidden: Bool)

    static func regex(_ text: String) -> Routing.PathMatch {
        (try? .regex(RegexMatch(.init(text)))) ?? .exact("not a pattern")
    }

    static let examples: [Example] = [
        (MatchPlan(path: .prefix("/")), MatchPlan(path: .prefix("/")), true),
        (MatchPlan(path: .prefix("/a")), MatchPlan(path: .prefix("/ab")), true),
        (MatchPlan(path: .prefix("/a")), MatchPlan(path: .exact("/a")), true),
        (MatchPlan(path: .prefix("/ab")), MatchPlan(path: .prefix("/a")), false),
        (MatchPlan(path: .exact("/a")), MatchPlan(path: .exact("/a")), true),
        (MatchPlan(path: .exact("/a")), MatchPlan(path: .exact("/b")), false),
        (MatchPlan(path: .exact("/a")), MatchPlan(path: .prefix("/a")), false),
        (MatchPlan(), MatchPlan(path: regex("/a.*")), true),
        (MatchPlan(path: .prefix("/a")), MatchPlan(path: regex("/a.*")), false),
        (MatchPlan(path: regex("/.*")), MatchPlan(path: .exact("/a")), true),
        (MatchPlan(path: regex("/a")), MatchPlan(path: regex("/a")), true),
        (MatchPlan(path: .prefix("/"), method: "GET"), MatchPlan(path: .prefix("/"), method: "GET"), true),
        (MatchPlan(path: .prefix("/"), method: "GET"), MatchPlan(path: .prefix("/")), false),
        (MatchPlan(path: .prefix("/"), port: 80), MatchPlan(path: .prefix("/"), port: 81), false),
        (MatchPlan(path: .prefix("/")), MatchPlan(path: .prefix("/"), requiresGRPC: true), true),
        (MatchPlan(path: .prefix("/"), requiresGRPC: true), MatchPlan(path: .prefix("/")), false),
        (
            MatchPlan(path: .prefix("/"), headers: [Routing.HeaderMatch(name: "x", condition: .present)]),
            MatchPlan(
                path: .prefix("/"), headers: [Routing.HeaderMatch(name: "x", condition: .present)],
                query: [QueryMatch(name: "q")]),
            true
        ),
        (
            MatchPlan(path: .prefix("/"), headers: [Routing.HeaderMatch(name: "x", condition: .present)]),
            MatchPlan(path: .prefix("/"), headers: [Routing.HeaderMatch(name: "y", condition: .present)]), false
        ),
        (MatchPlan(path: .any, hostname: .suffix(".com")), MatchPlan(path: .any, hostname: .exact("a.com")), true),
        (MatchPlan(path: .any, hostname: .exact("a.com")), MatchPlan(path: .any, hostname: .suffix(".com")), false),
        (MatchPlan(path: .prefix("/A", ignoresCase: true)), MatchPlan(path: .exact("/ab")), true),
        (MatchPlan(path: .prefix("/a")), MatchPlan(path: .exact("/ab", ignoresCase: true)), false),
        (MatchPlan(path: .exact("/A", ignoresCase: true)), MatchPlan(path: .exact("/a", ignoresCase: true)), true),
    ]

    @Test("is known for certain or not reported", arguments: examples.indices)
    func certain(index: Int) {
        let example = Self.examples[index]
        let found = Reachability.unreachable([example.first, example.second])
        #expect(found.map(\.route) == (example.isHidden ? [1] : []), "\(example)")
    }

    @Test("names the first of those that hide it, also among thousands")
    func many() {
        var matches = (0..<5000).map { MatchPlan(path: .prefix("/service-\($0)/")) }
        matches.append(MatchPlan(path: .exact("/service-4321/x")))
        let found = Reachability.unreachable(matches)
        #expect(found.map(\.route) == [5000])
        #expect(found.map(\.because) == [4321])
    }

    @Test("is found among thousands that share a path and differ in one condition or two")
    func manyConditions() {
        var matches = (0..<10_000).map { index in
            switch index % 4 {
            case 0:
                MatchPlan(
                    path: .prefix("/"), headers: [Routing.HeaderMatch(name: "x-user", condition: .exact("\(index)"))])
            case 1:
                MatchPlan(
                    path: .prefix("/"),
                    headers: [
                        Routing.HeaderMatch(name: "x-a", condition: .exact("\(index % 101)")),
                        Routing.HeaderMatch(name: "x-b", condition: .exact("\(index / 101)")),
                    ])
            case 2: MatchPlan(path: .prefix("/"), query: [QueryMatch(name: "q", exact: "\(index)")])
            default: MatchPlan(path: .prefix("/"), method: "GET", hostname: .suffix(".s\(index).com"))
            }
        }
        matches += [
            MatchPlan(path: .exact("/x"), headers: matches[8].headers + matches[4].headers),
            MatchPlan(path: .prefix("/y"), method: "PUT", headers: matches[5].headers),
            MatchPlan(path: .prefix("/"), method: "GET", hostname: .exact("www.s7.com")),
            MatchPlan(path: .prefix("/"), hostname: .exact("www.s7.com")),
            MatchPlan(path: .prefix("/y"), query: matches[10].query + [QueryMatch(name: "z")]),
        ]
        let elapsed = ContinuousClock().measure {
            let found = Reachability.unreachable(matches)
            #expect(found.map(\.route) == [10_000, 10_001, 10_002, 10_004])
            #expect(found.map(\.because) == [4, 5, 7, 10])
        }
        // Compared pairwise it takes a minute in a debug build.
        #expect(elapsed < .seconds(10), "took \(elapsed)")
    }

    @Test(
        "is moved before the other one as far as priorities go",
        arguments: [
            (5, "give it a priority of at most 4"), (1, "give it a priority of at most 0"),
            (0, "raise the priority number of 'all' first: 0 is the smallest"),
            (nil, "give it a priority, which 'all' has not"),
        ] as [(Int?, String)])
    func suggestion(priority: Int?, text: String) {
        var mesh = colors()
        mesh.virtualRouters["colors"]?.routes = [
            "all": route(HttpRouteMatch(prefix: "/special"), priority: priority),
            "special": route(
                HttpRouteMatch(headers: [], prefix: "/special"), priority: priority),
        ]
        #expect(compile(mesh).finding("unreachable-route")?.suggestion == text)
        mesh = colors()
        mesh.virtualGateways["front"] = gateway([
            "all": gatewayRoute("color.colors.local", priority: priority),
            "special": gatewayRoute("color.colors.local", priority: priority),
        ])
        #expect(compile(mesh).finding("unreachable-route")?.suggestion == text)
    }

    @Test("of a Lattice listener counts priorities from 1")
    func latticeSuggestion() {
        #expect(RouteOrder.earlier(than: "r", priority: 1, minimum: 1).hasPrefix("raise the priority number of 'r'"))
        #expect(RouteOrder.earlier(than: "r", priority: 2, minimum: 1) == "give it a priority of at most 1")
    }

    @Test("is a warning at the route")
    func finding() throws {
        var mesh = colors()
        mesh.virtualRouters["colors"]?.routes = [
            "all": route(priority: 1), "special": route(HttpRouteMatch(prefix: "/special"), priority: 2),
        ]
        let finding = try #require(compile(mesh).finding("unreachable-route"))
        #expect(finding.severity == .warning)
        #expect(finding.path == "mesh colors / virtualRouter colors / route special")
        #expect(finding.message.contains("'all'"))
    }
}
