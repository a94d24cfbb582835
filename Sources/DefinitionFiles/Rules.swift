// What the App Mesh API demands of several fields together (the reference: `appmesh` 1.4; the numbers are its rules). A rule runs
// when each field is sound by itself and reports at the field that has to change.

import Definitions

enum Rules {
    /// Rule 1.
    static let routeHasOneType: Rule<RouteSpec> = { spec, reader in
        reader.exactlyOne([
            ("httpRoute", spec.httpRoute != nil), ("http2Route", spec.http2Route != nil),
            ("grpcRoute", spec.grpcRoute != nil), ("tcpRoute", spec.tcpRoute != nil),
        ])
    }

    /// Rule 1.
    static let gatewayRouteHasOneType: Rule<GatewayRouteSpec> = { spec, reader in
        reader.exactlyOne([
            ("httpRoute", spec.httpRoute != nil), ("http2Route", spec.http2Route != nil),
            ("grpcRoute", spec.grpcRoute != nil),
        ])
    }

    /// The reference: `appmesh` 1.3 and case R13, the scheme is for HTTP/2 routes.
    static let schemeNeedsHttp2: Rule<RouteSpec> = { spec, reader in
        if spec.httpRoute?.match.scheme != nil {
            reader.report(
                "scheme-needs-http2", field: "httpRoute.match.scheme", severity: .warning,
                "App Mesh compares the scheme in `\(reader.key("http2Route"))` only; it has no effect here")
        }
    }

    /// Rule 2.
    static let routeMatchHasPath: Rule<HttpRouteMatch> = { match, reader in
        reader.exactlyOne([("prefix", match.prefix != nil), ("path", match.path != nil)])
    }

    /// Rule 2.
    static let pathMatchHasOne: Rule<HttpPathMatch> = { match, reader in
        reader.exactlyOne([("exact", match.exact != nil), ("regex", match.regex != nil)])
    }

    /// Rule 2.
    static let gatewayMatchHasCriterion: Rule<HttpGatewayRouteMatch> = { match, reader in
        if match.prefix != nil, match.path != nil {
            reader.exclusive(["prefix", "path"])
        } else if match.prefix == nil, match.path == nil, match.hostname == nil {
            reader.missingOne(of: ["prefix", "path", "hostname"])
        }
    }

    /// Rule 2.
    static let grpcGatewayMatchHasCriterion: Rule<GrpcGatewayRouteMatch> = { match, reader in
        if match.serviceName == nil, match.hostname == nil { reader.missingOne(of: ["serviceName", "hostname"]) }
    }

    /// Rule 2.
    static let hostnameMatchHasOne: Rule<GatewayRouteHostnameMatch> = { match, reader in
        reader.exactlyOne([("exact", match.exact != nil), ("suffix", match.suffix != nil)])
    }

    /// Rule 3.
    static let rangeIsNotEmpty: Rule<MatchRange> = { range, reader in
        if range.start >= range.end {
            reader.report(
                "empty-range", field: "end",
                "the range from \(range.start) up to but without \(range.end) holds no value",
                suggestion: "`\(reader.key("start"))` must be less than `\(reader.key("end"))`")
        }
    }

    /// Rule 3.
    static let queryMatchHasExact: Rule<QueryParameterMatch> = { match, reader in
        if match.exact == nil {
            reader.report(
                "missing-key", "`\(reader.key("exact"))` is missing",
                suggestion: "to ask for presence only, leave `\(reader.key("match"))` out")
        }
    }

    /// Rule 4.
    static let methodNeedsService: Rule<GrpcRouteMatch> = { match, reader in
        if match.methodName != nil, match.serviceName == nil {
            reader.report(
                "method-needs-service", field: "methodName",
                "`\(reader.key("methodName"))` needs `\(reader.key("serviceName"))` beside it")
        }
    }

    /// Rule 4.
    static let gatewayPathIsNotReserved: Rule<HttpGatewayRouteMatch> = { match, reader in
        let paths = [("prefix", match.prefix), ("path.exact", match.path?.exact)]
        for case (let field, let path?) in paths
        where ["/aws-appmesh", "/aws-app-mesh"].contains(where: path.hasPrefix) {
            reader.report(
                "reserved-name", field: field, "paths that start with `/aws-appmesh` or `/aws-app-mesh` are reserved")
        }
    }

    /// Rule 4.
    static let grpcServiceIsNotReserved: Rule<GrpcGatewayRouteMatch> = { match, reader in
        if let name = match.serviceName, name.hasPrefix("aws.app-mesh") || name.hasPrefix("aws.appmesh") {
            reader.report(
                "reserved-name", field: "serviceName", "services named `aws.appmesh…` and `aws.app-mesh…` are reserved")
        }
    }

    /// Rule 5.
    static let rewritesExclude: Rule<HttpGatewayRouteRewrite> = { rewrite, reader in
        if rewrite.prefix != nil, rewrite.path != nil { reader.exclusive(["prefix", "path"]) }
    }

    /// Rule 5.
    static let prefixRewriteHasOne: Rule<HttpGatewayRoutePrefixRewrite> = { rewrite, reader in
        reader.exactlyOne([("defaultPrefix", rewrite.defaultPrefix != nil), ("value", rewrite.value != nil)])
    }

    /// A rewrite of the prefix or the path needs something that matched it; what happens without it is in the reference,
    /// `appmesh` 2, "Gateway rewrites".
    static let rewriteFitsMatch: Rule<HttpGatewayRoute> = { route, reader in
        let matched =
            route.match.prefix != nil ? "a prefix" : route.match.path != nil ? "a path" : "neither a prefix nor a path"
        let report = { (field: String, outcome: String, suggestion: String?, reader: inout Reader) in
            let shown = reader.spelling.spelled(path: "rewrite.\(field)")
            reader.report(
                "rewrite-without-match", field: "action.rewrite.\(field)", severity: .warning,
                "`\(shown)` does nothing, because the route matches \(matched); \(outcome)", suggestion: suggestion)
        }
        if let prefix = route.action.rewrite?.prefix, route.match.prefix == nil {
            let isWanted = prefix.value != nil && route.match.path != nil
            let remedy = "use `\(reader.spelling.spelled(path: "rewrite.path.exact"))`"
            report("prefix", "the path stays as it is", isWanted ? remedy : nil, &reader)
        }
        if route.action.rewrite?.path != nil, route.match.path == nil {
            if route.match.prefix != nil {
                let remedy = "use `\(reader.spelling.spelled(path: "rewrite.prefix.value"))`"
                report("path", "the prefix becomes `/`", remedy, &reader)
            } else {
                report("path", "the path stays as it is", nil, &reader)
            }
        }
    }

    /// The model requires neither member; a number without a unit says nothing.
    static let durationIsComplete: Rule<DurationSpec> = { duration, reader in
        if (duration.unit == nil) != (duration.value == nil) {
            let (missing, given) = duration.unit == nil ? ("unit", "value") : ("value", "unit")
            reader.report("missing-key", "`\(reader.key(missing))` is missing beside `\(reader.key(given))`")
        } else if duration.unit == nil {
            reader.report(
                "empty-duration", severity: .warning,
                "the time has neither `\(reader.key("value"))` nor `\(reader.key("unit"))`, the default holds")
        }
    }
}

extension Rules {
    /// Rule 6: the one key of a listener's union is the protocol of the listener.
    static func keysFitProtocol<Listener, Protocol, Union>(
        _ port: KeyPath<Listener, MappedPort<Protocol>> & Sendable, _ union: KeyPath<Listener, Union?> & Sendable,
        _ field: String, _ shape: Shape<Union>
    ) -> Rule<Listener> {
        { listener, reader in
            let spoken = listener[keyPath: port].protocol.rawValue
            guard let key = listener[keyPath: union].flatMap(shape.unionKey(of:)), key != spoken else { return }
            reader.report(
                "protocol-mismatch", field: "\(field).\(key)",
                "the listener speaks `\(spoken)`, but `\(reader.key(field))` is for `\(key)`",
                suggestion: "write `\(reader.key(spoken))` instead of `\(reader.key(key))`")
        }
    }

    /// Rule 6.
    static func checkIsOfListener<Listener, Protocol>(
        _ check: KeyPath<Listener, ActiveCheck<Protocol>?> & Sendable,
        _ port: KeyPath<Listener, MappedPort<Protocol>> & Sendable
    ) -> Rule<Listener> {
        { listener, reader in
            let listenerPort = listener[keyPath: port].port
            guard let port = listener[keyPath: check]?.port, port != listenerPort else { return }
            reader.report(
                "health-check-port", field: "healthCheck.port",
                "is \(port), but must be the port of the listener, \(listenerPort)",
                suggestion: "write \(listenerPort), or leave it out")
        }
    }

    /// Rule 6.
    static let backendsDiffer: Rule<VirtualNodeSpec> = { spec, reader in
        var first: [String: Int] = [:]
        for (index, backend) in (spec.backends ?? []).enumerated() {
            guard case .virtualService(let service) = backend else { continue }
            if let other = first[service.virtualServiceName] {
                reader.report(
                    "duplicate-backend", field: "backends[\(index)].virtualService.virtualServiceName",
                    "`\(service.virtualServiceName)` is a backend already, as `\(reader.key("backends"))[\(other)]`",
                    suggestion: "remove one of the two")
            } else {
                first[service.virtualServiceName] = index
            }
        }
    }

    /// Two listeners cannot share a port.
    static func portsDiffer<Owner>(_ ports: @escaping @Sendable (Owner) -> [Int]) -> Rule<Owner> {
        { owner, reader in
            var first: [Int: Int] = [:]
            for (index, port) in ports(owner).enumerated() {
                if let other = first[port] {
                    reader.report(
                        "duplicate-port", field: "listeners[\(index)].portMapping.port",
                        "port \(port) belongs to `\(reader.key("listeners"))[\(other)]` already")
                } else {
                    first[port] = index
                }
            }
        }
    }
}

extension Reader {
    /// Exactly one of some optional keys.
    mutating func exactlyOne(_ keys: [(name: String, isGiven: Bool)]) {
        let given = keys.filter(\.isGiven).map(\.name)
        if given.isEmpty { missingOne(of: keys.map(\.name)) }
        if given.count > 1 { exclusive(given) }
    }

    mutating func missingOne(of keys: [String]) {
        report("missing-key", "one of \(Suggestion.list(keys.map(key(_:)))) is missing")
    }

    mutating func exclusive(_ keys: [String]) {
        report(
            "exclusive-keys", field: keys.last ?? "", "\(Suggestion.list(keys.map(key(_:)))) exclude each other",
            suggestion: "keep one of them")
    }
}
