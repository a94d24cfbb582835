// What `run` prints: a row for every listener, one command to try, and the `no_proxy` value for workloads that use an egress
// listener as their HTTP proxy.

import Routing

enum Summary {
    /// Loopback, and the metadata addresses that App Mesh never intercepts (appmesh.md 2 "Traffic capture").
    static let noProxy = "localhost,127.0.0.0/8,::1,169.254.169.254,169.254.170.2"

    static func rows(_ plan: Plan) -> [MeshSummaryRow] {
        plan.proxies.flatMap { proxy in
            proxy.listeners.map { listener in
                MeshSummaryRow(
                    proxy: proxy.name, role: proxy.role, direction: listener.direction, listener: listener.name,
                    port: listener.port, applicationProtocol: listener.applicationProtocol, binds: listener.binds,
                    purpose: purpose(listener, proxy))
            }
        }
    }

    private static func purpose(_ listener: ListenerPlan, _ proxy: ProxyPlan) -> String {
        switch (proxy.role, listener.direction) {
        case (.gateway, _):
            return "gateway to \(list(delegates(listener, proxy)))"
        case (.sidecar, .ingress):
            return "requests to \(proxy.name)"
        case (.sidecar, .egress):
            if case .service(listenerPort: nil) = listener.portRule {
                return "calls of \(proxy.name) to any service by Host"
            }
            return "calls of \(proxy.name) to \(list(exactHosts(listener)))"
        case (.network, _):
            return "services \(list(exactHosts(listener)))"
        case (.workload, _):
            return "built-in workload"
        case (.admin, _):
            return "admin"
        }
    }

    /// Names of the services that a gateway's listener hands requests to, in the order of its routes.
    private static func delegates(_ listener: ListenerPlan, _ proxy: ProxyPlan) -> [String] {
        var names: [String] = []
        for host in listener.hosts {
            for route in proxy.virtualHosts[host.virtualHost].routes {
                guard case .delegate(let delegate) = route.action else { continue }
                let name = proxy.virtualHosts[delegate.virtualHost].name
                if !names.contains(name) { names.append(name) }
            }
        }
        return names
    }

    private static func exactHosts(_ listener: ListenerPlan) -> [String] {
        listener.hosts.compactMap { host in
            if case .exact(let name) = host.pattern { name } else { nil }
        }
    }

    private static func list(_ names: [String]) -> String {
        if names.isEmpty { return "nothing" }
        let shown = names.prefix(3).joined(separator: ", ")
        return names.count > 3 ? "\(shown) and \(names.count - 3) more" : shown
    }

    // MARK: A command to try

    static func tryCommand(_ plan: Plan) -> String? {
        for proxy in plan.proxies where proxy.role == .gateway {
            for listener in proxy.listeners {
                if let command = gatewayCommand(listener, proxy) { return command }
            }
        }
        for proxy in plan.proxies where proxy.role == .network {
            for listener in proxy.listeners {
                // A name that people can type, where there is one.
                let names = exactHosts(listener)
                guard let name = names.first(where: { !$0.hasSuffix(".on.aws") }) ?? names.first,
                    let bind = listener.binds.first
                else { continue }
                return "curl -H 'Host: \(name)' http://\(reached(bind))/"
            }
        }
        for proxy in plan.proxies where proxy.role == .sidecar {
            guard let listener = proxy.listeners.first(where: { $0.direction == .egress }),
                let bind = listener.binds.first,
                let host = listener.hosts.first(where: { !proxy.virtualHosts[$0.virtualHost].routes.isEmpty }),
                case .exact(let name) = host.pattern
            else { continue }
            let port = proxy.virtualHosts[host.virtualHost].ports.first.map { ":\($0)" } ?? ""
            return "curl -x http://\(reached(bind)) http://\(name)\(port)/"
        }
        return nil
    }

    private static func gatewayCommand(_ listener: ListenerPlan, _ proxy: ProxyPlan) -> String? {
        guard let bind = listener.binds.last,
            let route = listener.hosts.lazy.flatMap({ proxy.virtualHosts[$0.virtualHost].routes }).first(where: {
                plainPath($0) != nil
            }), let path = plainPath(route)
        else { return nil }
        var host = ""
        switch route.match.hostname {
        case .exact(let name): host = "-H 'Host: \(name)' "
        case .suffix(let suffix): host = "-H 'Host: \(suffix.hasPrefix(".") ? "www" : "")\(suffix)' "
        case nil: break
        }
        return "curl \(host)http://\(reached(bind))\(continued(path, route, proxy))"
    }

    /// A path that a plain GET can match the route with.
    private static func plainPath(_ route: RoutePlan) -> String? {
        let match = route.match
        guard match.headers.isEmpty, match.query.isEmpty, (match.method ?? "GET") == "GET", !match.requiresGRPC else {
            return nil
        }
        switch match.path {
        case .exact(let text, _), .prefix(let text, _): return text
        case .any: return "/"
        case .regex: return nil
        }
    }

    /// The path of a gateway route, continued so that a route of the service matches what is left after the rewrite.
    private static func continued(_ path: String, _ route: RoutePlan, _ proxy: ProxyPlan) -> String {
        guard case .delegate(let delegate) = route.action,
            let rest = proxy.virtualHosts[delegate.virtualHost].routes.lazy.compactMap({ plainPath($0) }).first
        else { return path }
        switch delegate.path {
        case .keep: return rest.hasPrefix(path) ? rest : path
        case .prefix(let matched, "/") where rest != "/":
            return (matched.hasSuffix("/") ? String(matched.dropLast()) : matched) + rest
        case .prefix, .whole: return path
        }
    }

    private static func reached(_ bind: ListenerPlan.Bind) -> SocketAddress { bind.unprivileged ?? bind.address }
}
