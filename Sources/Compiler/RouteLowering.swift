// The routes of one router: checked against the router's listeners and the nodes they lead to, lowered, and put in the order
// in which they are tried. The rules are those of appmesh.md 1.4 (items 1 to 8): one kind of route, its protocol equal to that
// of the router's listener and of the target's, ports named wherever there are several.

import Definitions
import Routing

struct RouteLowering {
    let mesh: MeshDefinition
    let router: String
    let ports: [ServicePort]
    /// Nodes without a sidecar, whose listener timeouts nobody applies.
    let direct: Set<String>
    let findings: Findings

    func lower(_ routes: [String: RouteSpec]) -> [LoweredRoute] {
        var ordered: [(order: RouteOrder, route: LoweredRoute)] = []
        for (name, spec) in routes.sortedByName {
            let key = ResourceKey.route(name, router: router, mesh: mesh.name)
            guard let kind = RouteKind(spec), let route = lower(name, kind, key) else { continue }
            ordered.append((RouteOrder(priority: spec.priority, match: route.match, name: name), route))
        }
        ordered.sort { $0.order < $1.order }
        let sorted = ordered.map(\.route)
        for (index, because) in Reachability.unreachable(sorted.map(\.match)) {
            findings.warning(
                "unreachable-route", .route(sorted[index].name, router: router, mesh: mesh.name), "",
                "never applies: route '\(sorted[because].name)' is tried before and takes all its requests",
                suggestion: RouteOrder.earlier(
                    than: sorted[because].name, priority: routes[sorted[because].name]?.priority))
        }
        return sorted
    }

    /// nil when the route is wrong, or for a protocol that is not built.
    private func lower(_ name: String, _ kind: RouteKind, _ key: ResourceKey) -> LoweredRoute? {
        var lowering = MatchLowering(key, "\(kind.field).match", findings)
        let match: MatchPlan?
        let timeouts: TimeoutPlan
        let timeoutField = "\(kind.field).timeout"
        switch kind {
        case .http(let route), .http2(let route):
            match = lowering.lower(route.match, comparesScheme: kind.applicationProtocol == .http2)
            timeouts = Timeouts.lower(route.timeout, key, timeoutField, findings)
        case .grpc(let route):
            match = lowering.lower(route.match)
            timeouts = Timeouts.lower(route.timeout, key, timeoutField, findings)
        case .tcp(let route):
            match = MatchPlan(port: route.match?.port)
            timeouts = Timeouts.lower(
                HttpTimeout(idle: route.timeout?.idle), key, timeoutField, findings)
        }
        let port = routerPort(kind, key)
        let targets = targets(kind, key)
        guard let match, port, !targets.isEmpty, kind.applicationProtocol.isBuilt else { return nil }
        reportShorterListener(targets, timeouts, kind, key)
        return LoweredRoute(
            name: name, match: match, targets: targets, timeouts: timeouts, source: findings.source(key))
    }

    /// Whether the route fits a listener of the router.
    private func routerPort(_ kind: RouteKind, _ key: ResourceKey) -> Bool {
        let listener: ServicePort?
        if let port = kind.port {
            listener = ports.first { $0.port == port }
            if listener == nil, !ports.isEmpty {
                findings.error(
                    "unknown-port", key, "\(kind.field).match.port",
                    "router \(router) does not listen on \(port)", suggestion: "its listeners are \(ports.list)")
                return false
            }
        } else {
            if ports.count > 1 {
                findings.error(
                    "port-required", key, "\(kind.field).match",
                    "a route needs 'port' in its match if its virtual router has several listeners",
                    suggestion: "the listeners of router \(router) are \(ports.list)")
            }
            listener = ports.first { $0.applicationProtocol == kind.applicationProtocol } ?? ports.first
        }
        if let listener, listener.applicationProtocol != kind.applicationProtocol {
            findings.error(
                "protocol-mismatch", key, kind.field,
                "a route for \(kind.applicationProtocol.rawValue) on a \(listener.applicationProtocol.rawValue) listener"
                    + " of router \(router)",
                suggestion: "use '\(RouteKind.field(of: listener.applicationProtocol))', or change the listener")
            return false
        }
        return true
    }

    /// The targets that exist, weights of 0 included; empty when no request could be forwarded.
    private func targets(_ kind: RouteKind, _ key: ResourceKey) -> [WeightedDestination] {
        let field = "\(kind.field).action.weightedTargets"
        var targets: [WeightedDestination] = []
        var isComplete = true
        for (index, target) in kind.targets.enumerated() {
            if let destination = destination(target, kind, key, "\(field)[\(index)]") {
                targets.append(WeightedDestination(destination: destination, weight: target.weight))
            } else {
                isComplete = false
            }
        }
        guard isComplete else { return [] }
        guard targets.contains(where: { $0.weight > 0 }) else {
            findings.error(
                "zero-weights", key, field, "all weights are 0, so the route could forward to nobody",
                suggestion: "give at least one target a weight above 0")
            return []
        }
        return targets
    }

    private func destination(
        _ target: WeightedTarget, _ kind: RouteKind, _ key: ResourceKey, _ field: String
    ) -> Destination? {
        guard let node = mesh.virtualNodes[target.virtualNode] else {
            findings.error(
                "unknown-virtual-node", key, "\(field).virtualNode",
                "mesh \(mesh.name) has no virtual node '\(target.virtualNode)'",
                suggestion: findings.nearest(to: target.virtualNode, among: mesh.virtualNodes.keys))
            return nil
        }
        let ports = (node.listeners ?? []).map { ServicePort($0.portMapping) }
        let port: ServicePort?
        if let number = target.port {
            port = ports.first { $0.port == number }
            if port == nil {
                findings.error(
                    "unknown-port", key, "\(field).port",
                    "node \(target.virtualNode) does not listen on \(number)",
                    suggestion: ports.isEmpty ? nil : "its listeners are \(ports.list)")
            }
        } else {
            if ports.count > 1 {
                findings.error(
                    "port-required", key, field,
                    "a weighted target needs 'port' if its virtual node has several listeners",
                    suggestion: "the listeners of node \(target.virtualNode) are \(ports.list)")
            } else if ports.isEmpty {
                findings.error(
                    "no-listener", key, "\(field).virtualNode",
                    "node \(target.virtualNode) has no listener, so nothing can be sent to it")
            }
            port = ports.first { $0.applicationProtocol == kind.applicationProtocol } ?? ports.first
        }
        guard let port else { return nil }
        if port.applicationProtocol != kind.applicationProtocol {
            findings.error(
                "protocol-mismatch", key, field,
                "a route for \(kind.applicationProtocol.rawValue) to the \(port.applicationProtocol.rawValue) listener"
                    + " \(port.port) of node \(target.virtualNode)")
            return nil
        }
        return Destination(node: target.virtualNode, port: port)
    }

    /// The listener of the destination bounds the request as well, by default at 15 s: the most asked question about App
    /// Mesh (appmesh.md 3, "15 s timeouts"). The same is true of silence, by default at 300 s.
    private func reportShorterListener(
        _ targets: [WeightedDestination], _ timeouts: TimeoutPlan, _ kind: RouteKind, _ key: ResourceKey
    ) {
        for target in targets {
            let destination = target.destination
            guard !direct.contains(destination.node) else { continue }
            let listeners = mesh.virtualNodes[destination.node]?.listeners ?? []
            guard let index = listeners.firstIndex(where: { $0.portMapping.port == destination.port.port }) else {
                continue
            }
            let node = ResourceKey.virtualNode(destination.node, mesh: mesh.name)
            let limits = IngressLowering.timeouts(listeners[index], node, "listeners[\(index)]", findings)
            for (asked, limit, member, what) in [
                (timeouts.request, limits.request, "perRequest", "requests"),
                (timeouts.idle, limits.idle, "idle", "exchanges without a byte"),
            ] {
                guard asked.origin.kind != SourceRef.defaultKind, Timeouts.isShorter(limit.value, asked.value),
                    let bound = limit.value
                else { continue }
                findings.warning(
                    "shorter-listener-timeout", key, "\(kind.field).timeout.\(member)",
                    "node \(destination.node) ends \(what) after \(bound) (\(limit.origin)), before this route would",
                    suggestion: "set 'timeout' on its listener \(destination.port.port) as well")
            }
        }
    }
}

/// The one kind that a route is.
enum RouteKind {
    case http(HttpRoute)
    case http2(HttpRoute)
    case grpc(GrpcRoute)
    case tcp(TcpRoute)

    /// nil unless there is exactly one, which the readers of definitions report.
    init?(_ spec: RouteSpec) {
        let kinds: [RouteKind] = [
            spec.httpRoute.map { .http($0) }, spec.http2Route.map { .http2($0) }, spec.grpcRoute.map { .grpc($0) },
            spec.tcpRoute.map { .tcp($0) },
        ].compactMap { $0 }
        guard kinds.count == 1, let kind = kinds.first else { return nil }
        self = kind
    }

    var applicationProtocol: ApplicationProtocol {
        switch self {
        case .http: .http
        case .http2: .http2
        case .grpc: .grpc
        case .tcp: .tcp
        }
    }

    var field: String { Self.field(of: applicationProtocol) }

    static func field(of applicationProtocol: ApplicationProtocol) -> String {
        "\(applicationProtocol.rawValue)Route"
    }

    var port: Int? {
        switch self {
        case .http(let route), .http2(let route): route.match.port
        case .grpc(let route): route.match.port
        case .tcp(let route): route.match?.port
        }
    }

    var targets: [WeightedTarget] {
        switch self {
        case .http(let route), .http2(let route): route.action.weightedTargets
        case .grpc(let route): route.action.weightedTargets
        case .tcp(let route): route.action.weightedTargets
        }
    }
}
