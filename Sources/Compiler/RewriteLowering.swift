// What a gateway route does to a request before the virtual service's own routes see it (appmesh.md 2 "Gateway rewrites"): the
// host becomes the service's name and a matched prefix becomes `/`, unless the definition says otherwise; a matched path
// stays unless it is replaced. gRPC rewrites the host only.

import Definitions
import Routing

enum RewriteLowering {
    static func host(_ kind: GatewayRouteKind, service: LoweredService) -> DelegatePlan.HostRewrite {
        let rewrite =
            switch kind {
            case .http(let route), .http2(let route): route.action.rewrite?.hostname
            case .grpc(let route): route.action.rewrite?.hostname
            }
        return rewrite?.defaultTargetHostname == .disabled ? .keep : .literal(service.name)
    }

    static func path(
        _ kind: GatewayRouteKind, _ key: ResourceKey, _ findings: Findings
    ) -> DelegatePlan.PathRewrite {
        switch kind {
        case .grpc: .keep
        case .http(let route), .http2(let route): path(route, key, "\(kind.field).action.rewrite", findings)
        }
    }

    private static func path(
        _ route: HttpGatewayRoute, _ key: ResourceKey, _ field: String, _ findings: Findings
    ) -> DelegatePlan.PathRewrite {
        let rewrite = route.action.rewrite
        if rewrite?.prefix != nil, rewrite?.path != nil {
            findings.error("prefix-and-path", key, field, "a rewrite has either 'prefix' or 'path'")
        }
        if let path = rewrite?.path {
            guard let exact = path.exact else {
                findings.error("empty-rewrite", key, "\(field).path", "the rewrite of the path needs 'exact'")
                return .keep
            }
            if !exact.hasPrefix("/") {
                findings.error("rewrite-without-slash", key, "\(field).path.exact", "a path starts with '/'")
            }
            return .whole(exact)
        }
        guard let matched = route.match.prefix else {
            if rewrite?.prefix != nil {
                findings.error(
                    "rewrite-without-prefix", key, "\(field).prefix",
                    "the match has no 'prefix' that could be rewritten",
                    suggestion: "'rewrite.path.exact' replaces a matched path")
            }
            return .keep
        }
        if rewrite?.prefix?.defaultPrefix != nil, rewrite?.prefix?.value != nil {
            findings.error(
                "one-prefix-rewrite", key, "\(field).prefix", "'defaultPrefix' and 'value' exclude each other")
        }
        if rewrite?.prefix?.defaultPrefix == .disabled { return .keep }
        let replacement = rewrite?.prefix?.value ?? "/"
        if !replacement.hasPrefix("/") {
            findings.error("rewrite-without-slash", key, "\(field).prefix.value", "a prefix starts with '/'")
        }
        return matched == replacement ? .keep : .prefix(matched: matched, replacement: replacement)
    }
}
