// Every proxy has an admin address like an Envoy of its own: its address, port 9901 (design section 7). A proxy whose
// definitions use that port keeps the port for them. A proxy that was put on the wildcard address has none: its admin would be
// open to the network.

import Definitions
import Routing

struct AdminAddresses {
    static let port = 9901

    let options: CompilerOptions
    let findings: Findings

    func assign(_ plan: inout Plan) {
        guard options.perProxyAdmin else { return }
        for index in plan.proxies.indices {
            let proxy = plan.proxies[index]
            guard [.gateway, .sidecar, .network].contains(proxy.role), let host = proxy.upstreamSourceIP else {
                continue
            }
            let address = SocketAddress.ip(host: host, port: Self.port)
            let isTaken = proxy.listeners.contains { listener in
                listener.binds.contains { $0.address == address || $0.unprivileged == address }
            }
            if isTaken || options.admin == address { continue }
            plan.proxies[index].admin = address
        }
    }
}
