// The server side of a sidecar (design section 4): one listener per port of the node, every request goes to the workload. It
// applies the listener's timeouts and never a retry policy or weights; those belong to the client.

import Definitions
import Routing

struct IngressLowering {
    let mesh: MeshDefinition
    let ports: PortPolicy
    let findings: Findings

    func lower(_ node: String, _ spec: VirtualNodeSpec, _ instance: PlacedInstance, into proxy: inout ProxyBuilder) {
        let key = ResourceKey.virtualNode(node, mesh: mesh.name)
        let listeners = spec.listeners ?? []
        for (index, listener) in listeners.enumerated() {
            let port = ServicePort(listener.portMapping)
            guard port.applicationProtocol.isBuilt else { continue }
            let field = "listeners[\(index)]"
            let source = findings.source(key, field)
            let cluster = proxy.add(
                ClusterPlan(
                    name: ClusterName.ingress(mesh: mesh.name, node: node, port),
                    applicationProtocol: port.applicationProtocol,
                    endpoints: [
                        EndpointPlan(
                            name: instance.name, address: instance.application.address(port: port.port, ports))
                    ],
                    source: source))
            let route = RoutePlan(
                name: "\(node)_\(port.port)", match: MatchPlan(),
                action: .forward([BackendPlan(cluster: cluster, weight: 1)]),
                timeouts: Self.timeouts(listener, key, field, findings), source: source)
            let host = proxy.add(
                VirtualHostPlan(name: "\(node)_\(port.port)", routes: [route], source: source))
            proxy.plan.listeners.append(
                ListenerPlan(
                    name: "ingress_\(port.port)",
                    statPrefix: StatPrefix.ingress(port, of: listeners.count), direction: .ingress,
                    binds: [instance.ingressBind(port: port.port, ports)], port: port.port,
                    applicationProtocol: port.applicationProtocol, portRule: .fixed(port.port), dialect: .sidecar,
                    hosts: [HostBinding(.any, virtualHost: host)], source: source))
        }
    }

    /// The listener's own limits. A timeout keyed by another protocol than the listener's is reported by the readers of
    /// definitions (appmesh.md 1.4 item 6) and says nothing.
    static func timeouts(
        _ listener: Listener, _ node: ResourceKey, _ field: String, _ findings: Findings
    ) -> TimeoutPlan {
        let spoken = listener.portMapping.protocol
        switch (listener.timeout, spoken) {
        case (.http(let timeout), .http), (.http2(let timeout), .http2), (.grpc(let timeout), .grpc):
            return Timeouts.lower(timeout, node, "\(field).timeout.\(spoken.rawValue)", findings)
        case (.tcp(let timeout), .tcp):
            return Timeouts.lower(HttpTimeout(idle: timeout.idle), node, "\(field).timeout.tcp", findings)
        default:
            return Timeouts.standard
        }
    }
}

/// Names of clusters as App Mesh gave them to Envoy (dataplane.md 2).
enum ClusterName {
    static func ingress(mesh: String, node: String, _ port: ServicePort) -> String {
        "cds_ingress_\(mesh)_\(node)_\(port.applicationProtocol.rawValue)_\(port.port)"
    }

    static func egress(mesh: String, node: String, _ port: ServicePort) -> String {
        "cds_egress_\(mesh)_\(node)_\(port.applicationProtocol.rawValue)_\(port.port)"
    }
}

/// Prefixes of statistics (appmesh.md 2 "Proxy shape").
enum StatPrefix {
    static let egress = "egress"
    static let network = "lattice"

    /// With several listeners each has its own.
    static func ingress(_ port: ServicePort, of listeners: Int) -> String {
        listeners > 1 ? "ingress.\(port.applicationProtocol.rawValue).\(port.port)" : "ingress"
    }
}
