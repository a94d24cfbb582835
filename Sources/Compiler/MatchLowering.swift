// Match conditions of routes and gateway routes. What the API's shapes cannot say is checked here (appmesh.md 1.4): exactly
// one kind of path condition, ranges that hold something, regular expressions that compile. A condition that is wrong makes
// the whole match nil, after all of its conditions were looked at: a route with a condition missing would take requests it
// was never meant for.

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

    mutating func lower(_ match: HttpRouteMatch, isHTTP2: Bool) -> MatchPlan? {
        if match.scheme != nil, !isHTTP2 {
            findings.warning(
                "scheme-needs-http2", resource, "\(field).scheme", "App Mesh knows 'scheme' for http2 routes only")
        }
        if match.prefix == nil, match.path == nil {
            reject("path-required", "", "the match has neither 'prefix' nor 'path'", "'prefix: /' takes every path")
        }
        let plan = MatchPlan(
            path: path(prefix: match.prefix, match.path), method: match.method?.rawValue,
            scheme: match.scheme.map { $0 == .https ? .https : .http }, port: match.port,
            headers: headers(match.headers, "headers"), query: query(match.queryParameters))
        return isValid ? plan : nil
    }

    mutating func lower(_ match: HttpGatewayRouteMatch) -> MatchPlan? {
        if match.prefix == nil, match.path == nil, match.hostname == nil {
            reject(
                "path-required", "", "the match has none of 'prefix', 'path' and 'hostname'",
                "'prefix: /' takes every path")
        }
        for reserved in ["/aws-appmesh", "/aws-app-mesh"] where match.prefix?.hasPrefix(reserved) == true {
            reject("reserved-prefix", ".prefix", "gateways reserve prefixes that start with \(reserved)")
        }
        let plan = MatchPlan(
            path: path(prefix: match.prefix, match.path), method: match.method?.rawValue, port: match.port,
            hostname: hostname(match.hostname), headers: headers(match.headers, "headers"),
            query: query(match.queryParameters))
        return isValid ? plan : nil
    }

    mutating func lower(_ match: GrpcRouteMatch) -> MatchPlan? {
        if match.methodName != nil, match.serviceName == nil {
            reject("service-name-required", ".methodName", "'methodName' needs 'serviceName'")
        }
        let plan = MatchPlan(
            path: Self.grpcPath(match.serviceName, match.methodName), port: match.port,
            headers: headers(match.metadata, "metadata"), requiresGRPC: true)
        return isValid ? plan : nil
    }

    mutating func lower(_ match: GrpcGatewayRouteMatch) -> MatchPlan? {
        if match.serviceName == nil, match.hostname == nil {
            reject("service-name-required", "", "the match has neither 'serviceName' nor 'hostname'")
        }
        for reserved in ["aws.app-mesh", "aws.appmesh"] where match.serviceName?.hasPrefix(reserved) == true {
            reject("reserved-service", ".serviceName", "gateways reserve services that start with \(reserved)")
        }
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
        if prefix != nil, path != nil { reject("prefix-and-path", "", "'prefix' and 'path' exclude each other") }
        if let prefix {
            if !prefix.hasPrefix("/") { reject("prefix-without-slash", ".prefix", "a prefix starts with '/'") }
            return .prefix(prefix)
        }
        guard let path else { return .any }
        switch (path.exact, path.regex) {
        case (let exact?, nil):
            return .exact(exact)
        case (nil, let text?):
            return regex(text, ".path.regex").map { .regex($0) } ?? .any
        default:
            reject("one-path-condition", ".path", "'path' has exactly one of 'exact' and 'regex'")
            return .any
        }
    }

    private mutating func hostname(_ match: GatewayRouteHostnameMatch?) -> HostnameMatch? {
        guard let match else { return nil }
        switch (match.exact, match.suffix) {
        case (let exact?, nil):
            return .exact(HostName.normalized(exact))
        case (nil, let suffix?):
            return .suffix(HostName.normalized(suffix))
        default:
            reject("one-hostname-condition", ".hostname", "'hostname' has exactly one of 'exact' and 'suffix'")
            return nil
        }
    }

    private mutating func headers(_ headers: [HttpRouteHeader]?, _ member: String) -> [Routing.HeaderMatch] {
        var conditions: [Routing.HeaderMatch] = []
        for (index, header) in (headers ?? []).enumerated() {
            if let condition = condition(header.match, ".\(member)[\(index)].match") {
                conditions.append(
                    Routing.HeaderMatch(
                        name: header.name.lowercased(), condition: condition, isInverted: header.invert ?? false))
            }
        }
        return conditions
    }

    private mutating func condition(_ match: HeaderMatchMethod?, _ member: String) -> Routing.HeaderMatch.Condition? {
        switch match {
        case nil: return .present
        case .exact(let text): return .exact(text)
        case .prefix(let text): return .prefix(text)
        case .suffix(let text): return .suffix(text)
        case .regex(let text): return regex(text, "\(member).regex").map { .regex($0) }
        case .range(let range):
            if range.start >= range.end {
                reject(
                    "empty-range", "\(member).range", "no value is at least \(range.start) and below \(range.end)",
                    "'start' is included, 'end' is not")
            }
            return .range(start: range.start, end: range.end)
        }
    }

    private mutating func query(_ parameters: [HttpQueryParameter]?) -> [QueryMatch] {
        var conditions: [QueryMatch] = []
        for (index, parameter) in (parameters ?? []).enumerated() {
            if let match = parameter.match, match.exact == nil {
                reject(
                    "empty-query-match", ".queryParameters[\(index)].match", "'match' needs 'exact'",
                    "leave 'match' out to ask for presence only")
            }
            conditions.append(QueryMatch(name: parameter.name, exact: parameter.match?.exact))
        }
        return conditions
    }

    private mutating func regex(_ text: String, _ member: String) -> RegexMatch? {
        do {
            return RegexMatch(try Pattern(text))
        } catch {
            reject("bad-regex", member, "'\(text)' is not a regular expression in RE2's syntax: \(error)")
            return nil
        }
    }

    private mutating func reject(_ code: String, _ member: String, _ message: String, _ suggestion: String? = nil) {
        findings.error(code, resource, field + member, message, suggestion: suggestion)
        isValid = false
    }
}

/// Host names as they are compared: lower case, without a trailing dot.
enum HostName {
    static func normalized(_ name: String) -> String {
        let lower = name.lowercased()
        return lower.hasSuffix(".") ? String(lower.dropLast()) : lower
    }
}
