// The admin listeners as proxies of the plan (design decision 7): they are served by the same code as traffic, and a reload
// moves them like any other listener. The process has one that shows everything; each proxy has its own, like the Envoy that
// it stands for, on its own address. The latter are a convenience: where the port is taken the proxy runs without.

import Routing

enum AdminProxies {
    /// Admin of the process; `admin:` and the proxy's name for that of a proxy.
    static let processName = "admin"

    static func handlerName(_ proxy: String?) -> String { "admin:\(proxy ?? "")" }
    static func proxyName(_ proxy: String?) -> String { proxy.map { "admin:\($0)" } ?? processName }

    static func adding(to plan: Plan, process: NetworkAddress?) -> Plan {
        var plan = plan
        for proxy in plan.proxies {
            guard let address = proxy.admin else { continue }
            plan.proxies.append(admin(of: proxy.name, mesh: proxy.mesh, at: address, isOptional: true))
        }
        if let process { plan.proxies.append(admin(of: nil, mesh: "", at: process, isOptional: false)) }
        return plan
    }

    private static func admin(
        of proxy: String?, mesh: String, at address: NetworkAddress, isOptional: Bool
    ) -> ProxyPlan {
        let source = SourceRef(kind: "admin", name: proxy ?? "process")
        let none = Sourced<Duration?>(nil, source)
        var admin = ProxyPlan(name: proxyName(proxy), role: .admin, mesh: mesh, source: source)
        let route = RoutePlan(
            name: "admin", match: MatchPlan(), action: .handler(handlerName(proxy)),
            timeouts: TimeoutPlan(request: none, idle: Sourced(.seconds(300), source)), source: source)
        // A stream of live records is quiet when there is no traffic.
        let tap = RoutePlan(
            name: "tap", match: MatchPlan(path: .exact("/v1/tap", ignoresCase: false)), action: route.action,
            timeouts: TimeoutPlan(request: none, idle: none), source: source)
        admin.virtualHosts = [VirtualHostPlan(name: "admin", routes: [tap, route], source: source)]
        let port = address.port ?? 0
        admin.listeners = [
            ListenerPlan(
                name: "admin", statPrefix: "admin", direction: .ingress,
                binds: [ListenerPlan.Bind(address, isOptional: isOptional)], port: port, portRule: .fixed(port),
                dialect: .local, hosts: [HostBinding(.any, virtualHost: 0)], source: source)
        ]
        return admin
    }
}
