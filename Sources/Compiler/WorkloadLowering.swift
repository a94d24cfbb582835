// Built-in workloads: each is a proxy of its own whose only route ends in a local handler, so that it is served by the same
// code on real sockets as everything else, and its faults are real ones (design section 4).

import Definitions
import Routing

struct WorkloadLowering {
    let ports: PortPolicy

    /// nil when the application is not ours to run.
    func lower(
        _ application: PlacedInstance.Application, name: String, title: String, mesh: String, listeners: [Int],
        egress: SocketAddress?, source: SourceRef
    ) -> (workload: WorkloadPlan, proxy: ProxyPlan)? {
        guard case .echo(let settings, let host) = application, let first = listeners.first else { return nil }
        let workload = WorkloadPlan(
            name: name, address: ports.reachable(host, first), settings: Self.settings(settings, title: title),
            egress: egress, source: source)
        var proxy = ProxyBuilder(
            ProxyPlan(name: workload.handler, role: .workload, mesh: mesh, source: source))
        let route = RoutePlan(
            name: "workload", match: MatchPlan(), action: .handler(workload.handler), timeouts: Timeouts.unlimited,
            source: source)
        let virtualHost = proxy.add(VirtualHostPlan(name: name, routes: [route], source: source))
        for port in listeners {
            proxy.plan.listeners.append(
                ListenerPlan(
                    name: "workload_\(port)", statPrefix: "workload", direction: .ingress,
                    binds: [ports.bind(host, port)], port: port, portRule: .fixed(port), dialect: .local,
                    hosts: [HostBinding(.any, virtualHost: virtualHost)], source: source))
        }
        return (workload, proxy.plan)
    }

    static func settings(_ echo: EchoSettings, title: String) -> WorkloadSettings {
        let name = echo.name ?? title
        return WorkloadSettings(
            name: name, body: echo.bodyBytes.map { .bytes($0) } ?? .text(echo.body ?? name),
            delay: echo.delay ?? .zero, jitter: echo.jitter ?? .zero, failShare: echo.failShare ?? 0,
            failStatus: echo.failStatus ?? 500,
            reset: echo.reset.map { $0 == .beforeHead ? .beforeHead : .afterHead },
            slowBody: echo.slowBody.map { slow in
                switch slow {
                case .bytesPerSecond(let rate): .bytesPerSecond(rate)
                case .chunkDelay(let pause): .chunkDelay(pause)
                }
            },
            calls: echo.calls)
    }
}
