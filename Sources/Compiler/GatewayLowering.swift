// A virtual gateway: each listener has one virtual host for any name, whose routes hand the request over to a virtual service
// (design section 4 "delegate"). It reaches exactly the services its routes name. A gateway has no timeouts of its own: it
// bounds an exchange by the most that any route of the service allows.

import Definitions
import Routing

struct GatewayLowering {
    let mesh: MeshContext

    func lower(
        _ name: String, _ definition: VirtualGatewayDefinition, address: String, localBinds: LocalBinds,
        into proxy: inout ProxyBuilder
    ) {
        let key = ResourceKey.virtualGateway(name, mesh: mesh.definition.name)
        let listeners = definition.spec.listeners
        let ports = listeners.map { ServicePort($0.portMapping) }
        let routes = routes(name, definition.gatewayRoutes, ports, into: &proxy)
        if definition.gatewayRoutes.isEmpty {
            mesh.findings.warning("no-routes", key, "", "without gateway routes every request is answered 404")
        }
        for (index, port) in ports.enumerated() where port.applicationProtocol.isBuilt {
            let source = mesh.findings.source(key, "listeners[\(index)]")
            let host = proxy.add(
                VirtualHostPlan(
                    name: "\(name):\(port.port)",
                    routes: routes.filter { $0.match.port == nil || $0.match.port == port.port }, source: source))
            proxy.plan.listeners.append(
                ListenerPlan(
                    name: "ingress_\(port.port)", statPrefix: StatPrefix.ingress(port, of: listeners.count),
                    direction: .ingress,
                    binds: [mesh.ports.bind(address, port.port), localBinds.bind(port.port, mesh.ports)].compactMap {
                        $0
                    },
                    port: port.port, applicationProtocol: port.applicationProtocol, portRule: .fixed(port.port),
                    dialect: .gateway, hosts: [HostBinding(.any, virtualHost: host)], source: source))
        }
    }

    private func routes(
        _ gateway: String, _ routes: [String: GatewayRouteSpec], _ ports: [ServicePort], into proxy: inout ProxyBuilder
    ) -> [RoutePlan] {
        var ordered: [(order: RouteOrder, route: RoutePlan)] = []
        for (name, spec) in routes.sortedByName {
            let key = ResourceKey.gatewayRoute(name, gateway: gateway, mesh: mesh.definition.name)
            guard let kind = GatewayRouteKind(spec),
                let route = route(name, kind, gateway, ports, key, into: &proxy)
            else { continue }
            ordered.append((RouteOrder(priority: spec.priority, match: route.match, name: name), route))
        }
        ordered.sort { $0.order < $1.order }
        let sorted = ordered.map(\.route)
        for (index, because) in Reachability.unreachable(sorted.map(\.match)) {
            mesh.findings.warning(
                "unreachable-route",
                .gatewayRoute(sorted[index].name, gateway: gateway, mesh: mesh.definition.name), "",
                "never applies: route '\(sorted[because].name)' is tried before and takes all its requests",
                suggestion: RouteOrder.earlier(
                    than: sorted[because].name, priority: routes[sorted[because].name]?.priority))
        }
        return sorted
    }

    private func route(
        _ name: String, _ kind: GatewayRouteKind, _ gateway: String, _ ports: [ServicePort], _ key: ResourceKey,
        into proxy: inout ProxyBuilder
    ) -> RoutePlan? {
        let match = kind.match(key, mesh.findings)
        let fits = fitsListener(kind, gateway, ports, key)
        guard let service = service(kind, key) else { return nil }
        let port = targetPort(kind, service, key)
        guard let match, fits, kind.applicationProtocol.isBuilt else { return nil }
        let delegate = DelegatePlan(
            virtualHost: proxy.add(service, mesh), port: port, host: RewriteLowering.host(kind, service: service),
            path: RewriteLowering.path(kind))
        return RoutePlan(
            name: name, match: match, action: .delegate(delegate), timeouts: service.bounds,
            source: mesh.findings.source(key))
    }

    private func fitsListener(
        _ kind: GatewayRouteKind, _ gateway: String, _ ports: [ServicePort], _ key: ResourceKey
    ) -> Bool {
        if let port = kind.port, !ports.contains(where: { $0.port == port }) {
            mesh.findings.error(
                "unknown-port", key, "\(kind.field).match.port", "gateway \(gateway) does not listen on \(port)",
                suggestion: "its listeners are \(ports.list)")
            return false
        }
        if kind.port == nil, ports.count > 1 {
            mesh.findings.error(
                "port-required", key, "\(kind.field).match",
                "a gateway route needs 'port' in its match if its gateway has several listeners",
                suggestion: "the listeners of gateway \(gateway) are \(ports.list)")
        }
        let candidates = ports.filter { kind.port == nil || kind.port == $0.port }
        guard let listener = candidates.first else { return false }
        guard candidates.contains(where: { $0.applicationProtocol == kind.applicationProtocol }) else {
            mesh.findings.error(
                "protocol-mismatch", key, kind.field,
                "a gateway route for \(kind.applicationProtocol.rawValue) on a"
                    + " \(listener.applicationProtocol.rawValue) listener of gateway \(gateway)",
                suggestion: "use '\(RouteKind.field(of: listener.applicationProtocol))', or change the listener")
            return false
        }
        return true
    }

    private func service(_ kind: GatewayRouteKind, _ key: ResourceKey) -> LoweredService? {
        let name = kind.target.virtualService.virtualServiceName
        if let service = mesh.services[name] { return service }
        // A service that exists and could not be lowered has its own finding.
        if mesh.definition.virtualServices[name] == nil {
            mesh.findings.error(
                "unknown-virtual-service", key, "\(kind.field).action.target.virtualService.virtualServiceName",
                "mesh \(mesh.definition.name) has no virtual service '\(name)'",
                suggestion: mesh.findings.nearest(to: name, among: mesh.definition.virtualServices.keys))
        }
        return nil
    }

    /// The port of the service that the request is for in its second stage.
    private func targetPort(_ kind: GatewayRouteKind, _ service: LoweredService, _ key: ResourceKey) -> Int? {
        let field = "\(kind.field).action.target"
        let port = kind.target.port
        let named = service.ports.first { $0.port == port }
        if let port, named == nil, !service.ports.isEmpty {
            mesh.findings.error(
                "unknown-port", key, "\(field).port", "virtual service \(service.name) does not listen on \(port)",
                suggestion: "its listeners are \(service.ports.list)")
            return port
        }
        if port == nil, service.ports.count > 1 {
            mesh.findings.error(
                "port-required", key, field,
                "a target needs 'port' if its virtual service has several listeners",
                suggestion: "the listeners of \(service.name) are \(service.ports.list)")
        }
        let fitting = service.ports.filter { port == nil || $0.port == port }.map(\.applicationProtocol)
        if let listener = named ?? service.ports.first, !fitting.contains(kind.applicationProtocol) {
            mesh.findings.error(
                "protocol-mismatch", key, field,
                "a gateway route for \(kind.applicationProtocol.rawValue) to the"
                    + " \(listener.applicationProtocol.rawValue) listener \(listener.port) of \(service.name), so no"
                    + " request could be served",
                suggestion: "the listeners of \(service.name) are \(service.ports.list)")
        }
        return port
    }
}
