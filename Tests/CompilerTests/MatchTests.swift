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
        let plan = try #require(Self.lower { $0.lower(match, comparesScheme: true) }.plan)
        #expect(Self.lower { $0.lower(match, comparesScheme: false) }.plan?.scheme == nil)
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
        let plan = try #require(Self.lower { $0.lower(match, comparesScheme: false) }.plan)
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
        let (plan, findings) = Self.lower { $0.lower(match, comparesScheme: false) }
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
        #expect(Self.lower { $0.lower(match, comparesScheme: false) }.plan == nil)
    }

    struct Impossible: Sendable {
        var match: HttpRouteMatch
        var field: String
        var suggestion: String

        init(_ match: HttpRouteMatch, _ field: String, _ suggestion: String) {
            self.match = match
            self.field = field
            self.suggestion = suggestion
        }

        static func exact(_ text: String, _ suggestion: String) -> Impossible {
            Impossible(HttpRouteMatch(path: HttpPathMatch(exact: text)), "path.exact", suggestion)
        }

        static func prefix(_ text: String, _ suggestion: String) -> Impossible {
            Impossible(HttpRouteMatch(prefix: text), "prefix", suggestion)
        }

        static func regex(_ text: String) -> Impossible {
            Impossible(
                HttpRouteMatch(path: HttpPathMatch(regex: text)), "path.regex", "begin it with '/', as in '/.*'")
        }
    }

    static let names = "a name has letters, digits, '-' and '_', and no colon behind it"

    @Test(
        "that no request can meet is doubted, and says what to write instead",
        arguments: [
            .exact("/a?x=1", "'/a', and 'queryParameters' for the rest"), .exact("/a#top", "'/a'"),
            .exact("/a/../b", "'/b'"), .exact("/a//b", "'/a/b'"), .exact("/%41", "'/A'"), .exact("/a/.", "'/a/'"),
            .exact("/ä", "write bytes outside ASCII, blanks and control characters as %XX"),
            .prefix("/a?", "'/a', and 'queryParameters' for the rest"), .prefix("/a/../b", "'/b'"),
            .prefix("/a//", "'/a/'"),
            .prefix("/a b", "write bytes outside ASCII, blanks and control characters as %XX"),
            .regex("api/.*"), .regex("[a-z]+"), .regex("^v1|v2$"), .regex("(?:\\bx)?y"), .regex("[^/].*"), .regex(""),
            Impossible(
                HttpRouteMatch(headers: [HttpRouteHeader(name: "x-user:", match: .exact("1"))], prefix: "/"),
                "headers[0].name", names),
            Impossible(
                HttpRouteMatch(headers: [HttpRouteHeader(name: "a"), HttpRouteHeader(name: "x user")], prefix: "/"),
                "headers[1].name", names),
            Impossible(HttpRouteMatch(method: .connect, prefix: "/"), "method", "leave 'method' out"),
        ])
    func impossible(example: Impossible) {
        let (plan, findings) = Self.lower { $0.lower(example.match, comparesScheme: false) }
        #expect(plan != nil)
        #expect(findings.map(\.code) == ["never-matches"])
        #expect(findings.map(\.severity) == [.warning])
        #expect(findings.map(\.path) == ["mesh m / virtualRouter x / route r / httpRoute.match.\(example.field)"])
        #expect(findings.map(\.suggestion) == [example.suggestion])
    }

    @Test(
        "that some request can meet is not doubted",
        arguments: [
            HttpRouteMatch(path: HttpPathMatch(exact: "/a%2Fb/.well-known")), HttpRouteMatch(prefix: "/"),
            // With what may follow these are `/a/.x`, `/a/..x`, `/%2F` and `/%ab`.
            HttpRouteMatch(prefix: "/a/."), HttpRouteMatch(prefix: "/a/.."), HttpRouteMatch(prefix: "/%"),
            HttpRouteMatch(prefix: "/%a"), HttpRouteMatch(path: HttpPathMatch(regex: ".*")),
            HttpRouteMatch(path: HttpPathMatch(regex: "(?:x|/a)b")), HttpRouteMatch(path: HttpPathMatch(regex: "x?/")),
            HttpRouteMatch(path: HttpPathMatch(regex: "\\W.*")), HttpRouteMatch(path: HttpPathMatch(regex: "^/a$")),
            HttpRouteMatch(headers: [HttpRouteHeader(name: ":authority", match: .exact("a"))], prefix: "/"),
            HttpRouteMatch(headers: [HttpRouteHeader(name: "x:", invert: true)], prefix: "/"),
        ])
    func possible(match: HttpRouteMatch) {
        #expect(Self.lower { $0.lower(match, comparesScheme: false) }.findings == [])
    }

    @Test(
        "of hosts is doubted with a port or a placeholder",
        arguments: [
            (GatewayRouteHostnameMatch(exact: "a.com:8080"), "exact", "'a.com', and 'port: 8080'"),
            (GatewayRouteHostnameMatch(exact: "[::1]:80"), "exact", "'[::1]', and 'port: 80'"),
            (GatewayRouteHostnameMatch(exact: "*.a.com"), "exact", "'suffix: .a.com'"),
            (GatewayRouteHostnameMatch(suffix: "*.a.com"), "suffix", "'.a.com'"),
            (GatewayRouteHostnameMatch(suffix: ".a.com:80"), "suffix", "'.a.com', and 'port: 80'"),
            (GatewayRouteHostnameMatch(exact: "a.com"), "", ""), (GatewayRouteHostnameMatch(suffix: ".a.com"), "", ""),
            (GatewayRouteHostnameMatch(exact: "[::1]"), "", ""),
        ])
    func impossibleHost(match: GatewayRouteHostnameMatch, member: String, suggestion: String) {
        let findings = Self.lower { $0.lower(HttpGatewayRouteMatch(hostname: match)) }.findings
        #expect(findings.map(\.code) == (member.isEmpty ? [] : ["never-matches"]))
        #expect(findings.allSatisfy { $0.path.hasSuffix("match.hostname.\(member)") && $0.suggestion == suggestion })
    }
}
