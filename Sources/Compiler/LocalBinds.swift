// Gateways also listen on 127.0.0.1 and their port, where people try `curl` first, as long as the port is nobody else's there
// (design section 6): no application's, no other gateway's, not the process's own admin. If two gateways have the same port,
// neither gets it; which one answers must not depend on their names.

import Definitions
import Routing

struct LocalBinds {
    private static let host = "127.0.0.1"
    private let taken: Set<Int>

    init(_ definitions: Definitions, _ placement: Placement, _ options: CompilerOptions) {
        let ports = PortPolicy(firstUnprivilegedPort: options.firstUnprivilegedPort)
        var taken: Set<Int> = []
        func claim(_ address: SocketAddress) {
            guard case .ip(let host, let port) = address, host == Self.host || IPLiteral.isWildcard(host) else {
                return
            }
            taken.insert(port)
        }
        if let admin = options.admin { claim(admin) }
        var gatewayPorts: [Int: Int] = [:]
        for (mesh, definition) in definitions.meshes {
            for (name, gateway) in definition.virtualGateways {
                let address = placement.gateways[mesh]?[name]
                for listener in gateway.spec.listeners {
                    if let address { claim(.ip(host: address, port: listener.portMapping.port)) }
                }
                for port in Set(gateway.spec.listeners.map(\.portMapping.port)) {
                    for number in [port, ports.unprivileged(port)].compactMap({ $0 }) {
                        gatewayPorts[number, default: 0] += 1
                    }
                }
            }
            for (node, spec) in definition.virtualNodes {
                guard let placed = placement.node(node, mesh: mesh) else { continue }
                for endpoint in placed.direct?.endpoints ?? [] { claim(SocketAddress(endpoint.address)) }
                for instance in placed.instances {
                    if let ingress = instance.ingress { claim(ingress) }
                    for listener in spec.listeners ?? [] {
                        let port = listener.portMapping.port
                        claim(instance.application.address(port: port, ports))
                        claim(.ip(host: instance.address, port: port))
                    }
                    claim(.ip(host: instance.egressAddress, port: EgressLowering.port))
                }
            }
        }
        for targets in placement.targetGroups.values {
            for target in targets {
                if case .address(let address) = target.application { claim(address) }
            }
        }
        for address in placement.vpcs.values {
            for listener in definitions.services.values.flatMap(\.listeners.values) {
                claim(.ip(host: address, port: listener.port ?? 80))
            }
        }
        for (port, count) in gatewayPorts where count > 1 { taken.insert(port) }
        self.taken = taken
    }

    /// By listener port: the socket to open beside the gateway's own.
    func bind(_ port: Int, _ ports: PortPolicy) -> ListenerPlan.Bind? {
        let numbers = [port, ports.unprivileged(port)].compactMap { $0 }
        guard !numbers.contains(where: { taken.contains($0) }) else { return nil }
        return ports.bind(Self.host, port, isOptional: true)
    }
}
