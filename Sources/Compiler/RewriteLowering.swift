// What a gateway route does to a request before the virtual service's own routes see it (appmesh.md 2 "Gateway rewrites"): the
// host becomes the service's name and a matched prefix becomes `/`, unless the definition says otherwise; a matched path
// stays unless it is replaced. gRPC rewrites the host only. A rewrite of something that the match does not have does nothing
// (the readers of definitions say so).

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

    static func path(_ kind: GatewayRouteKind) -> DelegatePlan.PathRewrite {
        switch kind {
        case .grpc: .keep
        case .http(let route), .http2(let route): path(route)
        }
    }

    private static func path(_ route: HttpGatewayRoute) -> DelegatePlan.PathRewrite {
        let rewrite = route.action.rewrite
        if let matched = route.match.prefix {
            if rewrite?.prefix?.defaultPrefix == .disabled { return .keep }
            let replacement = rewrite?.prefix?.value ?? "/"
            // Only behind a slash is the same prefix the same path: `/a` for `/a` turns `/ab` into `/a/b`.
            if matched == replacement, matched.hasSuffix("/") { return .keep }
            return .prefix(matched: matched, replacement: replacement)
        }
        guard route.match.path != nil, let exact = rewrite?.path?.exact else { return .keep }
        return .whole(exact)
    }
}
