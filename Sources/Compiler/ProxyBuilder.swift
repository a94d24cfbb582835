// A proxy's plan while it is being put together: clusters and virtual hosts are added once and then known by their index.

import Definitions
import Discovery
import Routing

/// What a client proxy needs to know about the mesh.
struct MeshContext {
    let definition: MeshDefinition
    let services: [String: LoweredService]
    let nodes: [String: PlacedNode]
    let ports: PortPolicy
    let findings: Findings

    /// Who answers at a destination, seen from outside: the ingress of every instance, or the workloads themselves; nobody
    /// that is known already if they are discovered.
    func endpoints(of destination: Destination) -> EndpointSet {
        guard let node = nodes[destination.node], node.discovered == nil else { return EndpointSet() }
        if let direct = node.direct { return direct }
        return EndpointSet(
            instances: node.instances.map { instance in
                let address = instance.ingressAddress(port: destination.port.port, ports)
                return EndpointSet.Endpoint(name: instance.name, address: address.defined)
            })
    }
}

struct ProxyBuilder {
    var plan: ProxyPlan
    private var clusters: [String: Int] = [:]
    private var services: [String: Int] = [:]

    init(_ plan: ProxyPlan) { self.plan = plan }

    /// The index of a cluster with this name, which is added unless it is there.
    mutating func add(_ cluster: ClusterPlan) -> Int {
        if let index = clusters[cluster.name] { return index }
        plan.clusters.append(cluster)
        clusters[cluster.name] = plan.clusters.count - 1
        return plan.clusters.count - 1
    }

    mutating func add(_ host: VirtualHostPlan) -> Int {
        plan.virtualHosts.append(host)
        return plan.virtualHosts.count - 1
    }

    /// The virtual host of a service, which is added with its clusters unless it is there.
    mutating func add(_ service: LoweredService, _ mesh: MeshContext) -> Int {
        if let index = services[service.name] { return index }
        let routes = service.routes.map { route in
            let backends = route.targets.map { target in
                BackendPlan(cluster: add(target.destination, mesh), weight: target.weight)
            }
            return RoutePlan(
                name: route.name, match: route.match, action: .forward(backends), timeouts: route.timeouts,
                source: route.source)
        }
        let index = add(
            VirtualHostPlan(name: service.name, ports: service.ports.built, routes: routes, source: service.source))
        services[service.name] = index
        return index
    }

    private mutating func add(_ destination: Destination, _ mesh: MeshContext) -> Int {
        let key = ResourceKey.virtualNode(destination.node, mesh: mesh.definition.name)
        return add(
            ClusterPlan(
                name: ClusterName.egress(mesh: mesh.definition.name, node: destination.node, destination.port),
                applicationProtocol: destination.port.applicationProtocol,
                endpoints: mesh.endpoints(of: destination).endpoints.map {
                    EndpointPlan(name: $0.name, address: SocketAddress($0.address))
                },
                discovery: mesh.nodes[destination.node]?.discovered?.plan(port: destination.port.port),
                source: mesh.findings.source(key)))
    }
}
