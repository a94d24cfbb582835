// Virtual services by their providers: a router gives its routes and ports, a node one route per port, nobody gives nothing
// (every request is then answered 404).

import Definitions
import Routing

struct ServiceLowering {
    let mesh: MeshDefinition
    /// Nodes that are reached without a sidecar.
    let direct: Set<String>
    let findings: Findings

    /// By name as defined.
    func lower() -> [String: LoweredService] {
        var routers: [String: (ports: [ServicePort], routes: [LoweredRoute])] = [:]
        for (name, router) in mesh.virtualRouters.sortedByName {
            let ports = (router.spec.listeners ?? []).map { ServicePort($0.portMapping) }
            if ports.isEmpty {
                // A router that only its routes mention has no place of its own.
                let first = router.routes.keys.min().map { ResourceKey.route($0, router: name, mesh: mesh.name) }
                findings.warning(
                    "no-listener", .virtualRouter(name, mesh: mesh.name), "",
                    router.routes.isEmpty
                        ? "the router has no `listeners`, so its services have no port"
                        : "the router has routes and no `listeners`, so its services have no port",
                    suggestion: "listeners: [{ portMapping: { port: 8080, protocol: http } }]", orAt: first)
            }
            let lowering = RouteLowering(
                mesh: mesh, router: name, ports: ports, direct: direct, findings: findings)
            routers[name] = (ports, lowering.lower(router.routes))
        }
        var services: [String: LoweredService] = [:]
        var hosts: [String: String] = [:]
        for (name, spec) in mesh.virtualServices.sortedByName {
            let key = ResourceKey.virtualService(name, mesh: mesh.name)
            let host = HostName.normalized(name)
            if let other = hosts[host] {
                findings.error(
                    "duplicate-host", key, "", "the name means the same host as virtual service '\(other)'",
                    suggestion: "host names are compared without case and trailing dot")
                continue
            }
            hosts[host] = name
            if name.contains(":") || name.contains("/") {
                findings.warning(
                    "not-a-host-name", key, "", "no request can have the host '\(name)'",
                    suggestion: "a virtual service is named as the host of its requests, without a port")
            }
            var service = LoweredService(name: name, host: host, ports: [], routes: [], source: findings.source(key))
            provide(&service, spec.provider, key, routers)
            if service.ports.built.count > 1 {
                findings.note(
                    "several-ports", key, "",
                    "a request that names no port arrives on \(service.ports.built[0]), the first listener")
            }
            services[name] = service
        }
        return services
    }

    private func provide(
        _ service: inout LoweredService, _ provider: VirtualServiceProvider?, _ key: ResourceKey,
        _ routers: [String: (ports: [ServicePort], routes: [LoweredRoute])]
    ) {
        switch provider {
        case nil:
            findings.warning(
                "no-provider", key, "provider", "without a provider every request to the service is answered 404")
        case .virtualRouter(let provider):
            guard let router = routers[provider.virtualRouterName] else {
                findings.error(
                    "unknown-virtual-router", key, "provider.virtualRouter.virtualRouterName",
                    "mesh \(mesh.name) has no virtual router '\(provider.virtualRouterName)'",
                    suggestion: findings.nearest(to: provider.virtualRouterName, among: routers.keys))
                return
            }
            if mesh.virtualRouters[provider.virtualRouterName]?.routes.isEmpty == true {
                findings.warning(
                    "no-routes", .virtualRouter(provider.virtualRouterName, mesh: mesh.name), "",
                    "without routes every request is answered 404")
            }
            service.ports = router.ports
            service.routes = router.routes
        case .virtualNode(let provider):
            let name = provider.virtualNodeName
            guard let node = mesh.virtualNodes[name] else {
                findings.error(
                    "unknown-virtual-node", key, "provider.virtualNode.virtualNodeName",
                    "mesh \(mesh.name) has no virtual node '\(name)'",
                    suggestion: findings.nearest(to: name, among: mesh.virtualNodes.keys))
                return
            }
            service.ports = (node.listeners ?? []).map { ServicePort($0.portMapping) }
            if service.ports.isEmpty {
                findings.error(
                    "no-listener", key, "provider.virtualNode.virtualNodeName",
                    "node \(name) has no listener, so it cannot provide a service")
            }
            service.routes = routes(of: name, service.ports)
        }
    }

    /// Everything to the node; by port where there are several.
    private func routes(of node: String, _ ports: [ServicePort]) -> [LoweredRoute] {
        ports.filter { $0.applicationProtocol.isBuilt }.map { port in
            LoweredRoute(
                name: ports.count > 1 ? "\(node)_\(port.port)" : node,
                match: MatchPlan(port: ports.count > 1 ? port.port : nil),
                targets: [WeightedDestination(destination: Destination(node: node, port: port), weight: 1)],
                timeouts: Timeouts.nodeProvider, source: findings.source(.virtualNode(node, mesh: mesh.name)))
        }
    }
}
