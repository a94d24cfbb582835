// The client side of a sidecar: 15001 takes requests for any service by their host, and each port of the services that the
// node may reach is open as well, so that a workload can keep `http://color.colors.local:8080` and only its resolver changes
// (design section 6). A node reaches its declared backends; without any, the mesh's ALLOW_ALL lets it reach every service and
// the world, and DROP_ALL nothing. AWS endpoints are always allowed (appmesh.md 2 "egressFilter").

import Definitions
import Routing

struct EgressLowering {
    static let port = 15001

    let mesh: MeshContext

    func lower(_ node: String, _ spec: VirtualNodeSpec, _ instance: PlacedInstance, into proxy: inout ProxyBuilder) {
        let name = mesh.definition.name
        let key = ResourceKey.virtualNode(node, mesh: name)
        let source = mesh.findings.source(key)
        let reach = reach(spec)
        let services = reach.services.map { (service: $0, host: proxy.add($0, mesh)) }
        let world = worldHosts(&proxy, allowsAll: reach.allowsAll)
        var ports: [Int] = []
        for port in services.flatMap({ $0.service.ports.built }) where port != Self.port && !ports.contains(port) {
            ports.append(port)
        }
        let open = ports.sorted().filter { !isHidden($0, ports, key) }
        for port in [nil] + open.map({ Optional($0) }) {
            // Where everything is allowed, a service asked for on a port that it does not have is 404, not the outside world.
            let hosts = services.filter { reach.allowsAll || port == nil || $0.service.ports.built.contains(port ?? 0) }
            let number = port ?? Self.port
            proxy.plan.listeners.append(
                ListenerPlan(
                    name: "egress_\(number)", statPrefix: StatPrefix.egress, direction: .egress,
                    binds: [mesh.ports.bind(instance.egressAddress, number)], port: number,
                    portRule: .service(listenerPort: port), dialect: .sidecar,
                    hosts: hosts.map { HostBinding(.exact($0.service.host), virtualHost: $0.host) } + world,
                    source: source))
        }
    }

    /// A port that would have to be opened at port + 8000 (`PrivilegedPorts`) where another service has its own: callers of it
    /// have 15001.
    private func isHidden(_ port: Int, _ ports: [Int], _ key: ResourceKey) -> Bool {
        guard let fallback = mesh.ports.unprivileged(port), ports.contains(fallback) || fallback == Self.port else {
            return false
        }
        mesh.findings.note(
            "egress-port-taken", key, "",
            "port \(port) needs a privilege and \(fallback) is another service's, so calls to services on \(port) go"
                + " through egress port \(Self.port)")
        return true
    }

    private func reach(_ spec: VirtualNodeSpec) -> (services: [LoweredService], allowsAll: Bool) {
        let backends = spec.backends ?? []
        let isOpen = mesh.definition.spec.egressFilter?.type == .allowAll
        if backends.isEmpty {
            return (isOpen ? mesh.services.sortedByName.map(\.value) : [], isOpen)
        }
        var declared: Set<String> = []
        let names = backends.map(\.virtualServiceName).filter { declared.insert($0).inserted }
        // What does not exist is the node's own fault (`NodeRules`).
        return (names.compactMap { mesh.services[$0] }, false)
    }

    /// What lies outside the mesh and may be called by its own name.
    private func worldHosts(_ proxy: inout ProxyBuilder, allowsAll: Bool) -> [HostBinding] {
        func add(_ name: String, _ source: SourceRef) -> Int {
            let route = RoutePlan(
                name: name, match: MatchPlan(), action: .forwardToAuthority, timeouts: Timeouts.standard, source: source
            )
            return proxy.add(VirtualHostPlan(name: name, routes: [route], source: source))
        }
        var hosts = [HostBinding(.suffix(".amazonaws.com"), virtualHost: add("amazonaws", .standard("AWS endpoints")))]
        if allowsAll {
            let source = mesh.findings.source(.mesh(mesh.definition.name), "egressFilter.type")
            hosts.append(HostBinding(.any, virtualHost: add("mesh-allow-all", source)))
        }
        return hosts
    }
}

extension Backend {
    var virtualServiceName: String {
        switch self {
        case .virtualService(let backend): backend.virtualServiceName
        }
    }

    var clientPolicy: ClientPolicy? {
        switch self {
        case .virtualService(let backend): backend.clientPolicy
        }
    }
}
