// `/v1/status`: how the process is doing, and the mesh as it serves: gateways, services with their routes and shares, nodes
// with their instances, each with its counters, so that a reader gets rates from two answers.

import DataPlane
import Definitions
import Glibc
import Reactor
import Routing
import Telemetry

enum StatusPage {
    static func json(_ context: AdminContext) -> JSONValue {
        let status = context.state.current
        let proxies = Set(context.proxies.map(\.name))
        return [
            "version": .string(TrellisVersion.text),
            "state": .string(status.phase(of: context.proxy).rawValue),
            "pid": .int(Int(getpid())),
            "uptimeSeconds": .double(Double(context.state.uptime / .milliseconds(1)).rounded() / 1000),
            "generation": .int(Int(clamping: status.generation)),
            "lastReload": status.lastReload?.json ?? nil,
            "lastRefusal": status.lastRefusal?.json ?? nil,
            "findings": .array(status.findings.map(\.json)),
            "discovery": .array(
                status.names.filter { $0.clusters.contains { proxies.contains($0.proxy) } }.map {
                    $0.json(of: proxies)
                }),
            "listeners": .array(
                status.listeners.filter { proxies.contains($0.proxy) }.map { listener in
                    [
                        "proxy": .string(listener.proxy), "listener": .string(listener.listener),
                        "planned": .string(listener.planned.description),
                        "actual": .string(listener.actual.description),
                    ]
                }),
            "accessLog": [
                "lines": .int(Int(clamping: context.plane.logs.totals.lines)),
                "dropped": .int(Int(clamping: context.plane.logs.totals.dropped)),
            ],
            "mesh": MeshTable(context, status).json,
        ]
    }
}

/// The mesh from the plan, with the counters of the moment.
private struct MeshTable {
    let context: AdminContext
    let status: RuntimeState.Status
    private var stats: StatStore { context.state.stats }

    init(_ context: AdminContext, _ status: RuntimeState.Status) {
        self.context = context
        self.status = status
    }

    var json: JSONValue {
        let shown = context.proxies.filter { $0.role != .workload }
        return [
            "proxies": .array(shown.map(proxy)),
            "services": .array(services(shown)),
            "nodes": .array(nodes(shown)),
        ]
    }

    /// Gateways, networks and sidecars with what clients see of them.
    private func proxy(_ proxy: ProxyPlan) -> JSONValue {
        let actual = status.listeners.filter { $0.proxy == proxy.name }
        let listeners = proxy.listeners.map { listener -> JSONValue in
            [
                "listener": .string(listener.name), "direction": .string(listener.direction.rawValue),
                "port": .int(listener.port),
                "addresses": .strings(actual.filter { $0.listener == listener.name }.map(\.actual.description)),
            ]
        }
        let prefixes = Set(proxy.listeners.map(\.statPrefix)).sorted()
        func total(_ counter: HTTPCounter) -> Int {
            prefixes.reduce(0) { $0 + Int(stats.value(.http($1, proxy: proxy.name), counter)) }
        }
        return [
            "name": .string(proxy.name), "role": .string(proxy.role.rawValue), "mesh": .string(proxy.mesh),
            "state": .string(status.phase(of: proxy.name).rawValue), "listeners": .array(listeners),
            "requests": .int(total(.downstreamRqTotal)), "active": .int(total(.downstreamRqActive)),
            "status5xx": .int(total(.downstreamRq5xx)), "connections": .int(total(.downstreamCxActive)),
        ]
    }

    /// Virtual services by mesh and name. Every caller has the same routes, so the first proxy that knows a service stands
    /// for all of its mesh.
    private func services(_ proxies: [ProxyPlan]) -> [JSONValue] {
        struct Key: Hashable, Comparable {
            var mesh: String
            var name: String
            static func < (a: Key, b: Key) -> Bool { (a.mesh, a.name) < (b.mesh, b.name) }
        }
        var services: [Key: JSONValue] = [:]
        for proxy in proxies {
            // The way from a sidecar to its own application is no service.
            let inner = Set(
                proxy.role == .sidecar
                    ? proxy.listeners.filter { $0.direction == .ingress }.flatMap { $0.hosts.map(\.virtualHost) } : [])
            for (index, host) in proxy.virtualHosts.enumerated() {
                let key = Key(mesh: proxy.mesh, name: host.name)
                guard !inner.contains(index), host.routes.contains(where: { $0.action.isForward }),
                    services[key] == nil
                else { continue }
                services[key] = [
                    "name": .string(host.name), "mesh": .string(proxy.mesh),
                    "ports": .array(host.ports.map { .int($0) }),
                    "routes": .array(host.routes.map { route($0, proxy) }),
                ]
            }
        }
        return services.sorted { $0.key < $1.key }.map(\.value)
    }

    private func route(_ route: RoutePlan, _ proxy: ProxyPlan) -> JSONValue {
        var backends: [JSONValue] = []
        if case .forward(let list) = route.action {
            let total = list.reduce(0) { $0 + $1.weight }
            backends = list.map { backend in
                let cluster = proxy.clusters[backend.cluster]
                return [
                    "node": .string(cluster.source.name), "cluster": .string(cluster.name),
                    "weight": .int(backend.weight),
                    "percent": .double(total == 0 ? 0 : (Double(backend.weight) * 1000 / Double(total)).rounded() / 10),
                ]
            }
        }
        return ["name": .string(route.name), "match": route.match.json, "backends": .array(backends)]
    }

    /// Destinations by node, added up over the proxies that call them.
    private func nodes(_ proxies: [ProxyPlan]) -> [JSONValue] {
        struct Node {
            var requests = 0
            var failures = 0
            var active = 0
            var instances: [String: Instance] = [:]
        }
        struct Instance {
            var address: String
            var requests = 0
            var failures = 0
            var active = 0
            var connections = 0
        }
        var nodes: [String: Node] = [:]
        for proxy in proxies {
            // A sidecar's way to its own application is no call of another's.
            for cluster in proxy.clusters where !cluster.name.hasPrefix("cds_ingress_") {
                let key = StatKey.cluster(cluster.name, proxy: proxy.name)
                var node = nodes[cluster.source.name] ?? Node()
                node.requests += Int(stats.value(key, ClusterCounter.upstreamRqTotal))
                node.failures += Int(stats.value(key, ClusterCounter.upstreamRq5xx))
                node.active += Int(stats.value(key, ClusterCounter.upstreamRqActive))
                node.active += Int(stats.value(key, ClusterCounter.upstreamRqPendingActive))
                for endpoint in status.endpoints(of: cluster, proxy: proxy.name) {
                    let key = StatKey.endpoint(
                        cluster.statName(of: endpoint), cluster: cluster.name, proxy: proxy.name)
                    var instance = node.instances[endpoint.name] ?? Instance(address: endpoint.address.description)
                    instance.requests += Int(stats.value(key, EndpointCounter.rqTotal))
                    instance.failures += Int(stats.value(key, EndpointCounter.rqError))
                    instance.active += Int(stats.value(key, EndpointCounter.rqActive))
                    instance.connections += Int(stats.value(key, EndpointCounter.cxActive))
                    node.instances[endpoint.name] = instance
                }
                nodes[cluster.source.name] = node
            }
        }
        return nodes.sorted { $0.key < $1.key }.map { name, node in
            [
                "name": .string(name), "requests": .int(node.requests), "status5xx": .int(node.failures),
                "active": .int(node.active),
                "instances": .array(
                    node.instances.sorted { $0.key < $1.key }.map { name, instance in
                        [
                            "name": .string(name), "address": .string(instance.address),
                            "requests": .int(instance.requests), "errors": .int(instance.failures),
                            "active": .int(instance.active), "connections": .int(instance.connections),
                        ]
                    }),
            ]
        }
    }
}

extension ActionPlan {
    fileprivate var isForward: Bool { if case .forward = self { true } else { false } }
}
