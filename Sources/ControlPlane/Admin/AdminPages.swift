// What the admin listeners show of destinations, sockets and the process, made from the state of the runtime and the
// statistics whenever it is asked for. Texts and JSON are Envoy's (dataplane.md 1.12; envoy.admin.v3 in proto3's JSON).

import Definitions
import Glibc
import Routing
import Telemetry

/// `/clusters`: lines `cluster::address::key::value`, the keys and their order Envoy's.
enum ClustersPage {
    private static let counters: [EndpointCounter] = [
        .cxActive, .cxConnectFail, .cxTotal, .rqActive, .rqError, .rqSuccess, .rqTimeout, .rqTotal,
    ]

    /// Limits of a cluster that defines none: App Mesh's (appmesh.md 2, "Circuit breakers").
    private static let unlimited = 2_147_483_647
    private static let thresholds = ["connections", "pending_requests", "requests", "retries"]

    static func text(_ context: AdminContext, _ isShown: (String) -> Bool) -> String {
        var text = ""
        let status = context.state.current
        for proxy in context.proxies {
            for cluster in proxy.clusters where isShown(cluster.name) {
                let name = context.shown(cluster.name, of: proxy.name)
                text += "\(name)::observability_name::\(cluster.name)\n"
                for priority in ["default", "high"] {
                    for limit in thresholds { text += "\(name)::\(priority)_priority::max_\(limit)::\(unlimited)\n" }
                }
                text += "\(name)::added_via_api::true\n"
                for endpoint in status.endpoints(of: cluster, proxy: proxy.name) {
                    let address = endpoint.address.shownHost
                    let key = StatKey.endpoint(
                        cluster.statName(of: endpoint), cluster: cluster.name, proxy: proxy.name)
                    let line = "\(name)::\(address)::"
                    for counter in counters {
                        text += "\(line)\(counter.name)::\(context.state.stats.value(key, counter))\n"
                    }
                    text += "\(line)hostname::\(endpoint.name)\n\(line)health_flags::healthy\n\(line)weight::1\n"
                    text += "\(line)region::\n\(line)zone::\n\(line)sub_zone::\n\(line)canary::false\n"
                    text += "\(line)priority::0\n\(line)success_rate::-1\n\(line)local_origin_success_rate::-1\n"
                }
            }
        }
        return text
    }

    static func json(_ context: AdminContext, _ isShown: (String) -> Bool) -> JSONValue {
        let status = context.state.current
        let clusters = context.proxies.flatMap { proxy in
            proxy.clusters.filter { isShown($0.name) }.map { cluster -> JSONValue in
                let endpoints = status.endpoints(of: cluster, proxy: proxy.name)
                let limits: [JSONValue.Member] = thresholds.map { limit in
                    .init(key: "max_\(limit)", value: .int(unlimited))
                }
                return [
                    "name": .string(context.shown(cluster.name, of: proxy.name)), "added_via_api": true,
                    "host_statuses": .array(endpoints.map { host($0, cluster, proxy, context) }),
                    "circuit_breakers": [
                        "thresholds": [.object(limits), .object([.init(key: "priority", value: "HIGH")] + limits)]
                    ],
                    "observability_name": .string(cluster.name),
                ]
            }
        }
        return ["cluster_statuses": .array(clusters)]
    }

    private static func host(
        _ endpoint: EndpointPlan, _ cluster: ClusterPlan, _ proxy: ProxyPlan, _ context: AdminContext
    ) -> JSONValue {
        let key = StatKey.endpoint(cluster.statName(of: endpoint), cluster: cluster.name, proxy: proxy.name)
        // proto3's JSON writes 64-bit numbers as strings and leaves out zeros.
        let stats = (counters.filter { !$0.isGauge } + counters.filter(\.isGauge)).map { counter -> JSONValue in
            var members: [JSONValue.Member] = []
            if counter.isGauge { members.append(.init(key: "type", value: "GAUGE")) }
            let value = context.state.stats.value(key, counter)
            if value != 0 { members.append(.init(key: "value", value: .string("\(value)"))) }
            members.append(.init(key: "name", value: .string(counter.name)))
            return .object(members)
        }
        return [
            "address": endpoint.address.envoyJSON, "stats": .array(stats),
            "health_status": ["eds_health_status": "HEALTHY"], "weight": 1, "hostname": .string(endpoint.name),
            "locality": [:],
        ]
    }
}

extension NetworkAddress {
    /// `envoy.config.core.v3.Address`.
    var envoyJSON: JSONValue {
        switch self {
        case .ip(let host, let port): ["socket_address": ["address": .string(host), "port_value": .int(port)]]
        case .unix(let path): ["pipe": ["path": .string(path)]]
        }
    }
}

/// `/listeners`: lines `name::address`, the address being the open socket's.
enum ListenersPage {
    private static func listeners(_ context: AdminContext) -> [(name: String, address: NetworkAddress)] {
        let proxies = Set(context.proxies.map(\.name))
        return context.state.current.listeners.filter { proxies.contains($0.proxy) }
            .map { (context.shown($0.listener, of: $0.proxy), $0.actual) }
    }

    static func text(_ context: AdminContext) -> String {
        listeners(context).map { "\($0.name)::\($0.address)\n" }.joined()
    }

    static func json(_ context: AdminContext) -> JSONValue {
        [
            "listener_statuses": .array(
                listeners(context).map { ["name": .string($0.name), "local_address": $0.address.envoyJSON] })
        ]
    }
}

enum ServerInfo {
    static func json(_ context: AdminContext) -> JSONValue {
        let uptime = "\(context.state.uptime.components.seconds)s"
        let status = context.state.current
        return [
            "version": .string("trellis/\(TrellisVersion.text)"),
            "state": .string(status.phase(of: context.proxy).rawValue),
            // One process, one epoch: there is no hot restart.
            "uptime_current_epoch": .string(uptime),
            "uptime_all_epochs": .string(uptime),
            "hot_restart_version": "disabled",
            "command_line_options": [
                "concurrency": .int(context.state.stats.workers), "mode": "Serve",
                "log_level": .string(context.state.levels[.main].name), "disable_hot_restart": true,
                "drain_time": .string("\(context.state.drainTime.secondsText)"),
            ],
            "node": [
                "id": .string(context.proxy ?? "process \(getpid())"),
                "cluster": .string(context.proxies.first { $0.name == context.proxy }?.mesh ?? ""),
                "user_agent_name": "trellis",
            ],
        ]
    }
}
