// Rules about virtual nodes and listeners that no other resource is involved in and that the API's shapes cannot say
// (appmesh.md 1.4 items 6 and 9).

import Definitions
import Routing

enum PortRules {
    static func reportRepeated(_ ports: [ServicePort], _ key: ResourceKey, _ findings: Findings) {
        var seen: Set<Int> = []
        for (index, port) in ports.enumerated() where !seen.insert(port.port).inserted {
            findings.error(
                "duplicate-port", key, "listeners[\(index)].portMapping.port",
                "port \(port.port) has a listener already")
        }
    }
}

struct NodeRules {
    let mesh: String
    let findings: Findings

    func check(_ name: String, _ spec: VirtualNodeSpec) {
        let key = ResourceKey.virtualNode(name, mesh: mesh)
        let listeners = spec.listeners ?? []
        PortRules.reportRepeated(listeners.map { ServicePort($0.portMapping) }, key, findings)
        if !listeners.isEmpty, spec.serviceDiscovery == nil {
            findings.warning(
                "discovery-required", key, "", "App Mesh refuses a node with listeners and without 'serviceDiscovery'",
                suggestion: "serviceDiscovery: { dns: { hostname: \(name).local } }")
        }
        for (index, listener) in listeners.enumerated() { check(listener, key, "listeners[\(index)]") }
    }

    private func check(_ listener: Listener, _ key: ResourceKey, _ field: String) {
        // Reports a timeout for another protocol.
        _ = IngressLowering.timeouts(listener, key, field, findings)
        let spoken = listener.portMapping.protocol
        let pool: PortProtocol? =
            switch listener.connectionPool {
            case .http: .http
            case .http2: .http2
            case .grpc: .grpc
            case .tcp: .tcp
            case nil: nil
            }
        if let pool, pool != spoken {
            findings.error(
                "protocol-mismatch", key, "\(field).connectionPool",
                "the connection pool is for \(pool.rawValue), the listener for \(spoken.rawValue)",
                suggestion: "connectionPool: { \(spoken.rawValue): … }")
        }
        if let port = listener.healthCheck?.port, port != listener.portMapping.port {
            findings.error(
                "health-check-port", key, "\(field).healthCheck.port",
                "the port of a health check must be that of its listener, \(listener.portMapping.port)")
        }
    }
}
