// A virtual service with its routes, lowered once per mesh. Client proxies share it: what differs between them is only the
// numbering of their clusters (`ProxyBuilder`).

import Routing

struct LoweredService {
    /// As defined.
    var name: String
    /// As compared with a request's host.
    var host: String
    /// All ports, in the order of the definition.
    var ports: [ServicePort]
    /// In the order in which they are tried, of protocols that are built only.
    var routes: [LoweredRoute]
    var source: SourceRef

    /// What a gateway allows an exchange with this service: the largest of its routes' limits, none if one has none
    /// (design section 4; appmesh.md 2 "Timeouts").
    var bounds: TimeoutPlan {
        guard let first = routes.first else { return Timeouts.standard }
        return routes.dropFirst().reduce(first.timeouts) { bounds, route in
            TimeoutPlan(
                request: Timeouts.longer(bounds.request, route.timeouts.request),
                idle: Timeouts.longer(bounds.idle, route.timeouts.idle))
        }
    }
}

struct LoweredRoute {
    var name: String
    var match: MatchPlan
    /// At least one with a weight above zero.
    var targets: [WeightedDestination]
    var timeouts: TimeoutPlan
    var source: SourceRef
}

struct WeightedDestination {
    var destination: Destination
    var weight: Int
}

/// One port of one node, seen by a client.
struct Destination: Hashable {
    var node: String
    var port: ServicePort
}
