// Match conditions of routes, one by one.

import Definitions
import Routing
import Testing

@testable import Compiler

@Suite("A match")
struct MatchTests {
    static func lower(_ lower: (inout MatchLowering) -> MatchPlan?) -> (plan: MatchPlan?, findings: [Diagnostic]) {
        let findings = Findings(sources: SourceMap())
        var lowering = MatchLowering(.route("r", router: "x", mesh: "m"), "httpRoute.match", findings)
        return (lower(&lowering), findings.sorted)
    }

    @Test("takes over every condition of an HTTP route")
    func http() throws {
        let match = HttpRouteMatch(
            headers: [
                HttpRouteHeader(name: "X-Present"), HttpRouteHeader(name: "x-exact", match: .exact("A")),
                HttpRouteHeader(name: "x-prefix", invert: true, match: .prefix("p")),
                HttpRouteHeader(name: "x-suffix", match: .suffix("s")),
                HttpRouteHeader(name: "x-range", match: .range(MatchRange(end: 100, start: 1))),
            ], method: .post, port: 8080, prefix: "/api",
            queryParameters: [
                HttpQueryParameter(name: "q"), HttpQueryParameter(name: "v", match: QueryParameterMatch(exact: "1")),
            ], scheme: .https)
        let plan = try #require(Self.lower { $0.lower(match) }.plan)
        #expect(
            plan
                == MatchPlan(
                    path: .prefix("/api"), method: "POST", scheme: .https, port: 8080,
                    headers: [
                        Routing.HeaderMatch(name: "x-present", condition: .present),
                        Routing.HeaderMatch(name: "x-exact", condition: .exact("A")),
                        Routing.HeaderMatch(name: "x-prefix", condition: .prefix("p"), isInverted: true),
                        Routing.HeaderMatch(name: "x-suffix", condition: .suffix("s")),
                        Routing.HeaderMatch(name: "x-range", condition: .range(start: 1, end: 100)),
                    ], query: [QueryMatch(name: "q"), QueryMatch(name: "v", exact: "1")]))
    }

    @Test("compiles regular expressions of paths and headers")
    func regex() throws {
        let match = HttpRouteMatch(
            headers: [HttpRouteHeader(name: "x", match: .regex("a|b"))], path: HttpPathMatch(regex: "/v[0-9]+/.*"))
        let plan = try #require(Self.lower { $0.lower(match) }.plan)
        guard case .regex(let path) = plan.path, case .regex(let header) = plan.headers.first?.condition else {
            Issue.record("no regular expressions")
            return
        }
        #expect(path.pattern.source == "/v[0-9]+/.*")
        #expect(header.pattern.source == "a|b")
    }

    @Test("with regular expressions that are none reports each of them and takes no request")
    func badRegex() {
        let match = HttpRouteMatch(
            headers: [
                HttpRouteHeader(name: "x", match: .regex("(")), HttpRouteHeader(name: "y", match: .regex("[")),
            ], path: HttpPathMatch(regex: "/a**("))
        let (plan, findings) = Self.lower { $0.lower(match) }
        #expect(plan == nil)
        #expect(findings.map(\.code) == ["bad-regex", "bad-regex", "bad-regex"])
        #expect(
            Set(findings.map(\.path))
                == Set(
                    ["path.regex", "headers[0].match.regex", "headers[1].match.regex"].map {
                        "mesh m / virtualRouter x / route r / httpRoute.match.\($0)"
                    }))
    }

    @Test(
        "of gRPC is a path and a content type",
        arguments: [
            (GrpcRouteMatch(methodName: "Get", serviceName: "pkg.Color"), Routing.PathMatch.exact("/pkg.Color/Get")),
            (GrpcRouteMatch(serviceName: "pkg.Color"), .prefix("/pkg.Color/")), (GrpcRouteMatch(), .prefix("/")),
        ])
    func grpc(match: GrpcRouteMatch, path: Routing.PathMatch) throws {
        let plan = try #require(Self.lower { $0.lower(match) }.plan)
        #expect(plan.path == path)
        #expect(plan.requiresGRPC)
    }

    @Test("of a gateway compares hosts in lower case and without a trailing dot")
    func hosts() throws {
        let exact = HttpGatewayRouteMatch(hostname: GatewayRouteHostnameMatch(exact: "WWW.Example.com."))
        #expect(Self.lower { $0.lower(exact) }.plan == MatchPlan(hostname: .exact("www.example.com")))
        let suffix = GrpcGatewayRouteMatch(hostname: GatewayRouteHostnameMatch(suffix: ".Example.com"))
        #expect(Self.lower { $0.lower(suffix) }.plan?.hostname == .suffix(".example.com"))
    }

    @Test(
        "that is no condition takes no request",
        arguments: [
            HttpRouteMatch(), HttpRouteMatch(path: HttpPathMatch()),
            HttpRouteMatch(path: HttpPathMatch(exact: "/"), prefix: "/"),
            HttpRouteMatch(path: HttpPathMatch(exact: "/a", regex: "/a")),
            HttpRouteMatch(
                headers: [HttpRouteHeader(name: "x", match: .range(MatchRange(end: 1, start: 1)))], prefix: "/"),
            HttpRouteMatch(
                prefix: "/", queryParameters: [HttpQueryParameter(name: "q", match: QueryParameterMatch())]),
        ])
    func broken(match: HttpRouteMatch) {
        #expect(Self.lower { $0.lower(match) }.plan == nil)
    }
}
