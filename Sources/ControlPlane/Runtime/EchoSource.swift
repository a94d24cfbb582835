// `trellis echo`: the built-in workload alone. It runs as in a mesh, a proxy whose only route ends in the workload's handler.

import Compiler
import DataPlane
import Routing

extension MeshSource {
    /// - Parameters:
    ///   - name: what the workload calls itself, and its body unless a setting says otherwise.
    ///   - changes: settings by name in their one notation, as `Workload.Settings.set` and the `x-trellis-…` headers have it.
    ///   - egress: the HTTP proxy for its onward calls.
    public static func echo(
        listen: [NetworkAddress], name: String, changes: [(name: String, value: String)], egress: NetworkAddress?
    ) throws(Workload.ChangeError) -> MeshSource {
        var changed = Workload.Settings(name: name)
        for change in changes { try changed.set(change.name, to: change.value) }
        let settings = WorkloadSettings(changed)
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

extension WorkloadSettings {
    fileprivate init(_ settings: Workload.Settings) {
        let body: Body =
            switch settings.body {
            case .text(let text): .text(text)
            case .bytes(let count): .bytes(count)
            }
        let slowBody: SlowBody? = settings.slowBody.map { slow in
            switch slow {
            case .bytesPerSecond(let rate): .bytesPerSecond(rate)
            case .chunkDelay(let pause): .chunkDelay(pause)
            case .chunks(let bytes, let pause): .chunks(bytes: bytes, pause: pause)
            }
        }
        self.init(
            name: settings.name, body: body, delay: settings.delay, jitter: settings.jitter,
            failShare: settings.failShare, failStatus: settings.failStatus,
            reset: settings.reset.map { $0 == .beforeHead ? .beforeHead : .afterHead }, slowBody: slowBody,
            calls: settings.calls)
    }
}
