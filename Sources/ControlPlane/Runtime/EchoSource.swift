// `trellis echo`: the built-in workload alone. It runs as in a mesh, a proxy whose only route ends in the workload's handler.

import Compiler
import Routing

extension MeshSource {
    /// - Parameter egress: the HTTP proxy for its onward calls.
    public static func echo(
        listen: [NetworkAddress], settings: WorkloadSettings, egress: NetworkAddress?
    ) -> MeshSource {
        let source = SourceRef(kind: "workload", name: settings.name)
        let workload = WorkloadPlan(
            name: settings.name, address: listen.first ?? .ip(host: "127.0.0.1", port: 0), settings: settings,
            egress: egress, source: source)
        let none = Sourced<Duration?>(nil, source)
        let route = RoutePlan(
            name: "workload", match: MatchPlan(), action: .handler(workload.handler),
            timeouts: TimeoutPlan(request: none, idle: none), source: source)
        var proxy = ProxyPlan(name: workload.handler, role: .workload, mesh: "", source: source)
        proxy.virtualHosts = [VirtualHostPlan(name: settings.name, routes: [route], source: source)]
        proxy.listeners = listen.enumerated().map { index, address in
            ListenerPlan(
                name: "workload_\(index)", statPrefix: "workload", direction: .ingress,
                binds: [ListenerPlan.Bind(address)], port: address.port ?? 0, portRule: .fixed(address.port ?? 0),
                dialect: .local, hosts: [HostBinding(.any, virtualHost: 0)], source: source)
        }
        return .workload(plan: Plan(proxies: [proxy]), workloads: [workload])
    }
}
