// Match conditions of routes and gateway routes. Rules about one resource by itself (appmesh.md 1.4 items 1 to 5) belong to the
// readers of definitions and are not reported twice; here a match that breaks one is nil, as is one with a regular expression
// that does not compile, which only this module can tell. A route with a condition missing would take requests it was never
// meant for, so there is nothing in between.

import Definitions
import Patterns
import Routing

struct MatchLowering {
    private let findings: Findings
    private let resource: ResourceKey
    /// Field of the match, such as `httpRoute.match`.
    private let field: String
    private var isValid = true

    init(_ resource: ResourceKey, _ field: String, _ findings: Findings) {
        self.resource = resource
        self.field = field
        self.findings = findings
    }

    /// - Parameter comparesScheme: whether the scheme is a condition: of HTTP/2 routes only (appmesh.md 1.3, R13; the readers
    ///   of definitions say so where another route has one).
    mutating func lower(_ match: HttpRouteMatch, comparesScheme: Bool) -> MatchPlan? {
        if match.prefix == nil, match.path == nil { isValid = false }
        let plan = MatchPlan(
            path: path(prefix: match.prefix, match.path), method: method(match.method),
            scheme: comparesScheme ? match.scheme.map { $0 == .https ? .https : .http } : nil, port: match.port,
            headers: headers(match.headers, "headers"), query: query(match.queryParameters))
        return isValid ? plan : nil
    }

    mutating func lower(_ match: HttpGatewayRouteMatch) -> MatchPlan? {
        if match.prefix == nil, match.path == nil, match.hostname == nil { isValid = false }
        let plan = MatchPlan(
            path: path(prefix: match.prefix, match.path), method: method(match.method), port: match.port,
            hostname: hostname(match.hostname), headers: headers(match.headers, "headers"),
            query: query(match.queryParameters))
        return isValid ? plan : nil
    }

    mutating func lower(_ match: GrpcRouteMatch) -> MatchPlan? {
        if match.methodName != nil, match.serviceName == nil { isValid = false }
        let plan = MatchPlan(
            path: Self.grpcPath(match.serviceName, match.methodName), port: match.port,
            headers: headers(match.metadata, "metadata"), requiresGRPC: true)
        return isValid ? plan : nil
    }

    mutating func lower(_ match: GrpcGatewayRouteMatch) -> MatchPlan? {
        if match.serviceName == nil, match.hostname == nil { isValid = false }
        let plan = MatchPlan(
            path: Self.grpcPath(match.serviceName, nil), port: match.port, hostname: hostname(match.hostname),
            headers: headers(match.metadata, "metadata"), requiresGRPC: true)
        return isValid ? plan : nil
    }

    // MARK: Conditions

    /// gRPC calls `/package.Service/Method`.
    private static func grpcPath(_ service: String?, _ method: String?) -> Routing.PathMatch {
        guard let service else { return .prefix("/") }
        return method.map { .exact("/\(service)/\($0)") } ?? .prefix("/\(service)/")
    }

    private mutating func path(prefix: String?, _ path: HttpPathMatch?) -> Routing.PathMatch {
        switch (prefix, path?.exact, path?.regex) {
        case (let prefix?, nil, nil):
            report(PossibleMatch.prefix(prefix), ".prefix")
            return .prefix(prefix)
        case (nil, let exact?, nil):
            report(PossibleMatch.path(exact), ".path.exact")
            return .exact(exact)
        case (nil, nil, let text?):
            guard let regex = regex(text, ".path.regex") else { return .any }
            report(PossibleMatch.path(regex.pattern), ".path.regex")
            return .regex(regex)
        case (nil, nil, nil) where path == nil: return .any
        default:
            isValid = false
            return .any
        }
    }

    private mutating func hostname(_ match: GatewayRouteHostnameMatch?) -> HostnameMatch? {
        guard let match else { return nil }
        switch (match.exact, match.suffix) {
        case (let exact?, nil):
            report(PossibleMatch.host(exact, isSuffix: false), ".hostname.exact")
            return .exact(HostName.normalized(exact))
        case (nil, let suffix?):
            report(PossibleMatch.host(suffix, isSuffix: true), ".hostname.suffix")
            return .suffix(HostName.normalized(suffix))
        default:
            isValid = false
            return nil
        }
    }

    private mutating func headers(_ headers: [HttpRouteHeader]?, _ member: String) -> [Routing.HeaderMatch] {
        var conditions: [Routing.HeaderMatch] = []
        for (index, header) in (headers ?? []).enumerated() {
            // Only what asks for the absence of a name holds for a name that no request can have.
            if header.match != nil || header.invert != true {
                report(PossibleMatch.headerName(header.name), ".\(member)[\(index)].name")
            }
            if let condition = condition(header.match, ".\(member)[\(index)].match") {
                conditions.append(
                    Routing.HeaderMatch(
                        name: header.name.lowercased(), condition: condition, isInverted: header.invert ?? false))
            }
        }
        return conditions
    }

    private mutating func condition(
        _ match: HeaderMatchMethod?, _ member: String
    ) -> Routing.HeaderMatch.Condition? {
        switch match {
        case nil: return .present
        case .exact(let text): return .exact(text)
        case .prefix(let text): return .prefix(text)
        case .suffix(let text): return .suffix(text)
        case .regex(let text): return regex(text, "\(member).regex").map { .regex($0) }
        case .range(let range):
            if range.start >= range.end { isValid = false }
            return .range(start: range.start, end: range.end)
        }
    }

    private mutating func query(_ parameters: [HttpQueryParameter]?) -> [QueryMatch] {
        (parameters ?? []).map { parameter in
            if parameter.match != nil, parameter.match?.exact == nil { isValid = false }
            return QueryMatch(name: parameter.name, exact: parameter.match?.exact)
        }
    }

    private func method(_ method: HttpMethod?) -> String? {
        report(method.flatMap { PossibleMatch.method($0.rawValue) }, ".method")
        return method?.rawValue
    }

    /// Says that no request can meet a condition.
    private func report(_ impossible: PossibleMatch.Impossible?, _ member: String) {
        guard let impossible else { return }
        findings.warning(
            "never-matches", resource, field + member, impossible.message, suggestion: impossible.suggestion)
    }

    private mutating func regex(_ text: String, _ member: String) -> RegexMatch? {
        do {
            return RegexMatch(try Pattern(text))
        } catch {
            isValid = false
            findings.error(
                "bad-regex", resource, field + member, "'\(text)' is not a regular expression in RE2's syntax: \(error)"
            )
            return nil
        }
    }
}

/// Host names as they are compared: lower case, without a trailing dot.
enum HostName {
    static func normalized(_ name: String) -> String {
        let lower = name.lowercased()
        return lower.hasSuffix(".") ? String(lower.dropLast()) : lower
    }
}
