// The one kind that a gateway route is, and what the kinds have in common.

import Definitions
import Routing

enum GatewayRouteKind {
    case http(HttpGatewayRoute)
    case http2(HttpGatewayRoute)
    case grpc(GrpcGatewayRoute)

    /// nil unless there is exactly one, which the readers of definitions report.
    init?(_ spec: GatewayRouteSpec) {
        let kinds: [GatewayRouteKind] = [
            spec.httpRoute.map { .http($0) }, spec.http2Route.map { .http2($0) }, spec.grpcRoute.map { .grpc($0) },
        ].compactMap { $0 }
        guard kinds.count == 1, let kind = kinds.first else { return nil }
        self = kind
    }

    var applicationProtocol: ApplicationProtocol {
        switch self {
        case .http: .http
        case .http2: .http2
        case .grpc: .grpc
        }
    }

    var field: String { RouteKind.field(of: applicationProtocol) }

    var port: Int? {
        switch self {
        case .http(let route), .http2(let route): route.match.port
        case .grpc(let route): route.match.port
        }
    }

    var target: GatewayRouteTarget {
        switch self {
        case .http(let route), .http2(let route): route.action.target
        case .grpc(let route): route.action.target
        }
    }

    func match(_ key: ResourceKey, _ findings: Findings) -> MatchPlan? {
        var lowering = MatchLowering(key, "\(field).match", findings)
        switch self {
        case .http(let route), .http2(let route): return lowering.lower(route.match)
        case .grpc(let route): return lowering.lower(route.match)
        }
    }
}
