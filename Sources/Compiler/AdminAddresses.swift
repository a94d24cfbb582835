// Every proxy has an admin address like an Envoy of its own: its address, port 9901 (design section 7). Where definitions use
// that port, the port is theirs, also for a proxy that takes it on every address. A proxy that was put on the wildcard address
// has none: its admin would be open to the network. Proxies that were put on one address have none either; whose it would be
// must not depend on their names. The process's own admin shows all proxies in any case.

import Routing

struct AdminAddresses {
    static let port = 9901

    let options: CompilerOptions

    func assign(_ plan: inout Plan) {
        guard options.perProxyAdmin else { return }
        let binds = plan.proxies.flatMap { $0.listeners.flatMap(\.binds) }
        var taken = Set(binds.flatMap { [$0.address, $0.unprivileged].compactMap { $0 } })
        if let admin = options.admin { taken.insert(admin) }
        let isTakenEverywhere = taken.contains { address in
            if case .ip(let host, Self.port) = address { IPLiteral.isWildcard(host) } else { false }
        }
        if isTakenEverywhere { return }
        var users: [String: Int] = [:]
        for host in plan.proxies.compactMap(Self.host) { users[host, default: 0] += 1 }
        for index in plan.proxies.indices {
            guard let host = Self.host(plan.proxies[index]), users[host] == 1 else { continue }
            let address = SocketAddress.ip(host: host, port: Self.port)
            if !taken.contains(address) { plan.proxies[index].admin = address }
        }
    }

    /// Where a proxy's admin would be.
    private static func host(_ proxy: ProxyPlan) -> String? {
        [.gateway, .sidecar, .network].contains(proxy.role) ? proxy.upstreamSourceIP : nil
    }
}
