// Objects of the plan as Envoy's resources (envoy.config.cluster.v3, listener.v3, route.v3) in proto3's JSON. The process's
// own dump names an object by its proxy too; `shown` makes that name, for the object and for what refers to it.

import Routing

enum EnvoyResource {
    private static let types = "type.googleapis.com/envoy."

    /// - Parameter hosts: the plan's endpoints, or those that were discovered.
    static func cluster(_ cluster: ClusterPlan, _ hosts: [EndpointPlan], name: String) -> JSONValue {
        let type =
            switch cluster.discovery?.answer {
            case nil: "STATIC"
            case .everyAddress: "STRICT_DNS"
            case .oneLogicalHost: "LOGICAL_DNS"
            }
        return [
            "@type": .string(types + "config.cluster.v3.Cluster"), "name": .string(name), "type": .string(type),
            "connect_timeout": .string(cluster.connectTimeout.secondsText),
            "load_assignment": assignment(hosts, name: name, isTyped: false),
            "metadata": metadata(cluster.source),
        ]
    }

    static func assignment(_ hosts: [EndpointPlan], name: String, isTyped: Bool) -> JSONValue {
        let endpoints = hosts.map { endpoint -> JSONValue in
            ["endpoint": ["address": endpoint.address.envoyJSON, "hostname": .string(endpoint.name)]]
        }
        let type: [JSONValue.Member] =
            isTyped
            ? [.init(key: "@type", value: .string(types + "config.endpoint.v3.ClusterLoadAssignment"))] : []
        return .object(
            type + [
                .init(key: "cluster_name", value: .string(name)),
                .init(key: "endpoints", value: [["lb_endpoints": .array(endpoints)]]),
            ])
    }

    /// App Mesh's names: `rds_ingress_http_8080`.
    static func routeName(_ listener: ListenerPlan) -> String {
        "rds_\(listener.direction.rawValue)_\(listener.applicationProtocol.rawValue)_\(listener.port)"
    }

    static func listener(
        _ listener: ListenerPlan, address: NetworkAddress?, shown: (String) -> String
    ) -> JSONValue {
        let manager: JSONValue = [
            "name": "envoy.filters.network.http_connection_manager",
            "typed_config": [
                "@type": .string(
                    types + "extensions.filters.network.http_connection_manager.v3.HttpConnectionManager"),
                "stat_prefix": .string(listener.statPrefix),
                "rds": ["route_config_name": .string(shown(routeName(listener)))],
                "normalize_path": .bool(listener.dialect.forwards),
                "merge_slashes": .bool(listener.dialect.forwards),
            ],
        ]
        return [
            "@type": .string(types + "config.listener.v3.Listener"), "name": .string(shown(listener.name)),
            "address": (address ?? listener.binds.first?.address)?.envoyJSON ?? nil,
            "filter_chains": [["filters": [manager]]],
            "traffic_direction": .string(listener.direction == .ingress ? "INBOUND" : "OUTBOUND"),
            "metadata": metadata(listener.source),
        ]
    }

    private static func metadata(_ source: SourceRef) -> JSONValue {
        let own: JSONValue = [
            "kind": .string(source.kind), "name": .string(source.name), "place": .optional(source.place),
        ]
        return ["filter_metadata": ["trellis": own]]
    }

    // MARK: Routes

    static func routes(_ listener: ListenerPlan, _ proxy: ProxyPlan, shown: (String) -> String) -> JSONValue {
        var domains: [Int: [String]] = [:]
        var order: [Int] = []
        for host in listener.hosts {
            if domains[host.virtualHost] == nil { order.append(host.virtualHost) }
            let domain =
                switch host.pattern {
                case .exact(let name): name
                case .suffix(let suffix): "*" + suffix
                case .any: "*"
                }
            domains[host.virtualHost, default: []].append(domain)
        }
        // What a gateway route leads to has no name of its own at the gateway; it is found by the service's.
        for route in order.flatMap({ proxy.virtualHosts[$0].routes }) {
            guard case .delegate(let delegate) = route.action, domains[delegate.virtualHost] == nil else { continue }
            order.append(delegate.virtualHost)
            domains[delegate.virtualHost] = [proxy.virtualHosts[delegate.virtualHost].name]
        }
        let hosts = order.map { index -> JSONValue in
            let host = proxy.virtualHosts[index]
            return [
                "name": .string(host.name), "domains": .strings(domains[index] ?? []),
                "routes": .array(host.routes.map { route($0, proxy, shown) }),
            ]
        }
        return [
            "@type": .string(types + "config.route.v3.RouteConfiguration"),
            "name": .string(shown(routeName(listener))),
            "virtual_hosts": .array(hosts),
        ]
    }

    private static func route(_ route: RoutePlan, _ proxy: ProxyPlan, _ shown: (String) -> String) -> JSONValue {
        var members: [JSONValue.Member] = [
            .init(key: "match", value: match(route.match)), .init(key: "name", value: .string(route.name)),
            .init(key: "metadata", value: metadata(route.source)),
        ]
        switch route.action {
        case .fixedResponse(let status, let body):
            let response: JSONValue = ["status": .int(status), "body": ["inline_string": .string(body)]]
            members.append(.init(key: "direct_response", value: response))
        case .forward, .delegate, .forwardToAuthority, .handler:
            members.append(.init(key: "route", value: action(route, proxy, shown)))
        }
        return .object(members)
    }

    private static func action(_ route: RoutePlan, _ proxy: ProxyPlan, _ shown: (String) -> String) -> JSONValue {
        var members: [JSONValue.Member] = []
        func add(_ key: String, _ value: JSONValue) { members.append(.init(key: key, value: value)) }
        switch route.action {
        case .forward(let backends) where backends.count == 1:
            add("cluster", .string(shown(proxy.clusters[backends[0].cluster].name)))
        case .forward(let backends):
            let clusters = backends.map { backend -> JSONValue in
                ["name": .string(shown(proxy.clusters[backend.cluster].name)), "weight": .int(backend.weight)]
            }
            add("weighted_clusters", ["clusters": .array(clusters)])
        case .delegate(let delegate):
            // App Mesh's way of going through the service's own routes (appmesh.md 2, "Proxy shape").
            let service = proxy.virtualHosts[delegate.virtualHost].name
            let gateway = proxy.name.split(separator: "/").last.map(String.init) ?? proxy.name
            add("cluster", .string(shown("cds_ingress_\(proxy.mesh)_\(gateway)_self_redirect_\(service)")))
            if case .literal(let host) = delegate.host { add("host_rewrite_literal", .string(host)) }
            switch delegate.path {
            case .keep: break
            case .prefix(_, let replacement): add("prefix_rewrite", .string(replacement))
            case .whole(let path): add("prefix_rewrite", .string(path))
            }
        case .forwardToAuthority: add("cluster", .string(shown("cds_egress_\(proxy.mesh)_mesh-allow-all")))
        case .handler(let name): add("cluster", .string(shown(name)))
        case .fixedResponse: break
        }
        add("timeout", .string(route.timeouts.request.value?.secondsText ?? "0s"))
        if let idle = route.timeouts.idle.value { add("idle_timeout", .string(idle.secondsText)) }
        return .object(members)
    }

    private static func match(_ match: MatchPlan) -> JSONValue {
        var members: [JSONValue.Member] = []
        func add(_ key: String, _ value: JSONValue) { members.append(.init(key: key, value: value)) }
        switch match.path {
        case .any: add("prefix", "/")
        case .exact(let path, let ignoresCase):
            add("path", .string(path))
            if ignoresCase { add("case_sensitive", false) }
        case .prefix(let path, let ignoresCase):
            add("prefix", .string(path))
            if ignoresCase { add("case_sensitive", false) }
        case .regex(let pattern): add("safe_regex", ["regex": .string(pattern.pattern.source)])
        }
        var headers: [JSONValue] = []
        if let method = match.method { headers.append(exact(":method", method)) }
        if let scheme = match.scheme { headers.append(exact(":scheme", scheme == .https ? "https" : "http")) }
        if let hostname = match.hostname {
            switch hostname {
            case .exact(let name): headers.append(exact(":authority", name))
            case .suffix(let name):
                headers.append(["name": ":authority", "string_match": ["suffix": .string(name)]])
            }
        }
        headers += match.headers.map(header)
        if !headers.isEmpty { add("headers", .array(headers)) }
        if !match.query.isEmpty {
            add(
                "query_parameters",
                .array(
                    match.query.map { query in
                        if let text = query.exact {
                            return ["name": .string(query.name), "string_match": ["exact": .string(text)]]
                        }
                        return ["name": .string(query.name), "present_match": true]
                    }))
        }
        if match.requiresGRPC { add("grpc", [:]) }
        return .object(members)
    }

    private static func exact(_ name: String, _ value: String) -> JSONValue {
        ["name": .string(name), "string_match": ["exact": .string(value)]]
    }

    private static func header(_ match: HeaderMatch) -> JSONValue {
        var members: [JSONValue.Member] = [.init(key: "name", value: .string(match.name))]
        func text(_ key: String, _ value: JSONValue) {
            var string: [JSONValue.Member] = [.init(key: key, value: value)]
            if match.ignoresCase { string.append(.init(key: "ignore_case", value: true)) }
            members.append(.init(key: "string_match", value: .object(string)))
        }
        switch match.condition {
        case .present: members.append(.init(key: "present_match", value: true))
        case .exact(let value): text("exact", .string(value))
        case .prefix(let value): text("prefix", .string(value))
        case .suffix(let value): text("suffix", .string(value))
        case .contains(let value): text("contains", .string(value))
        case .regex(let pattern): text("safe_regex", ["regex": .string(pattern.pattern.source)])
        case .range(let start, let end):
            let range: JSONValue = ["start": .string("\(start)"), "end": .string("\(end)")]
            members.append(.init(key: "range_match", value: range))
        }
        if match.isInverted { members.append(.init(key: "invert_match", value: true)) }
        return .object(members)
    }
}
