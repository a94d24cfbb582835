// Where everything of the definitions is on this machine (design section 6), resolved: every instance with the addresses of
// its sidecar and what runs behind it, every gateway, every VPC. This is the same in all processes that read the same
// definitions, whichever part of the mesh they run; only what stands behind a sidecar without an entry depends on that.

import Definitions
import Discovery
import Routing

struct Placement {
    /// By mesh, then by node.
    var nodes: [String: [String: PlacedNode]] = [:]
    /// By mesh, then by gateway: the IP address.
    var gateways: [String: [String: String]] = [:]
    /// By VPC identifier: the IP address.
    var vpcs: [String: String] = [:]
    /// By target group.
    var targetGroups: [String: [PlacedTarget]] = [:]
    /// Meshes with `discovery: definitions`: names outside the mesh are resolved as well.
    var resolvesNames: Set<String> = []

    func node(_ name: String, mesh: String) -> PlacedNode? { nodes[mesh]?[name] }
}

struct PlacedNode {
    /// Instances with a sidecar of ours.
    var instances: [PlacedInstance] = []
    /// Workloads reached directly. A node with these has no instances.
    var direct: EndpointSet?
    /// The name by which clients find the node instead of either (`discovery: definitions`).
    var discovered: DiscoveredNode?
}

/// A node that is found by a name; the port is that of the listener in question, as defined.
struct DiscoveredNode {
    var hostname: String
    var answer: DiscoveryPlan.Answer
    var families: AddressFamilies

    func plan(port: Int) -> DiscoveryPlan {
        DiscoveryPlan(hostname: hostname, port: port, answer: answer, families: families)
    }
}

struct PlacedInstance {
    /// What runs behind the sidecar.
    enum Application: Equatable {
        /// One address for all listeners.
        case address(SocketAddress)
        /// 127.0.0.1 and the port of the listener: somebody runs the workload beside `--node`.
        case localhost
        /// The built-in workload on an address of its own and the port of the listener.
        case echo(EchoSettings, host: String)
    }

    /// Name of the proxy and the endpoint: `colors/blue#0`.
    var name: String
    /// IP address of the sidecar: ingress, admin, and the source of its connections.
    var address: String
    /// IP address of the sidecar's egress.
    var egressAddress: String
    /// Where ingress is instead of `address` and the listener's port.
    var ingress: SocketAddress?
    var application: Application
    /// Field of the placement document, for findings.
    var field: String
}

/// One stand-in for the registered targets of a target group.
struct PlacedTarget {
    /// `targetGroups/blue#0`.
    var name: String
    var application: PlacedInstance.Application
    var field: String
}

/// Which port a socket really has: the defined one, or the one 8000 above where the defined one needs a privilege.
struct PortPolicy {
    var firstUnprivilegedPort: Int

    /// The fallback of a port that this process may not open.
    func unprivileged(_ port: Int) -> Int? {
        port < firstUnprivilegedPort && port + PrivilegedPorts.offset <= 65535 ? port + PrivilegedPorts.offset : nil
    }

    /// Where a listener of ours on a derived address is reached.
    func reachable(_ host: String, _ port: Int) -> SocketAddress {
        .ip(host: host, port: unprivileged(port) ?? port)
    }

    func bind(_ host: String, _ port: Int, isOptional: Bool = false) -> ListenerPlan.Bind {
        ListenerPlan.Bind(
            .ip(host: host, port: port), unprivileged: unprivileged(port).map { .ip(host: host, port: $0) },
            isOptional: isOptional)
    }
}

extension PlacedInstance {
    /// Where the ingress for a listener is reached.
    func ingressAddress(port: Int, _ ports: PortPolicy) -> SocketAddress {
        ingress ?? ports.reachable(address, port)
    }

    func ingressBind(port: Int, _ ports: PortPolicy) -> ListenerPlan.Bind {
        if let ingress { return ListenerPlan.Bind(ingress) }
        return ports.bind(address, port)
    }
}

extension PlacedInstance.Application {
    /// Where the workload for a listener is.
    func address(port: Int, _ ports: PortPolicy) -> SocketAddress {
        switch self {
        case .address(let address): address
        case .localhost: .ip(host: "127.0.0.1", port: port)
        case .echo(_, let host): ports.reachable(host, port)
        }
    }
}
