// The plan as JSON, complete: `/v1/snapshot`. Indexes are replaced by names, durations are written as Envoy's JSON writes them
// (`15s`, `0.25s`; `null` is none), and every object says where it was defined.

import Routing

enum PlanDump {
    static func json(_ context: AdminContext) -> JSONValue {
        [
            "generation": .int(Int(clamping: context.state.current.generation)),
            "proxies": .array(context.proxies.map(\.json)),
        ]
    }
}

extension Duration {
    /// Seconds with at most nine decimals and the unit.
    public var secondsText: String {
        let parts = components
        let nanoseconds = parts.attoseconds / 1_000_000_000
        guard nanoseconds != 0 else { return "\(parts.seconds)s" }
        let digits = String(nanoseconds.magnitude)
        var fraction = String(repeating: "0", count: max(0, 9 - digits.count)) + digits
        while fraction.hasSuffix("0") { fraction.removeLast() }
        let sign = nanoseconds < 0 && parts.seconds == 0 ? "-" : ""
        return "\(sign)\(parts.seconds).\(fraction)s"
    }
}

extension SourceRef {
    var json: JSONValue { ["kind": .string(kind), "name": .string(name), "place": .optional(place)] }
}

extension Sourced<Duration?> {
    var json: JSONValue { ["value": .optional(value?.secondsText), "origin": origin.json] }
}

extension NetworkAddress {
    var json: JSONValue { .string(description) }
}

extension ProxyPlan {
    fileprivate var json: JSONValue {
        [
            "name": .string(name), "role": .string(role.rawValue), "mesh": .string(mesh), "source": source.json,
            "upstreamSourceIP": .optional(upstreamSourceIP), "admin": admin?.json ?? nil,
            "accessLogs": .array(accessLogs.map(\.json)),
            "listeners": .array(listeners.map { $0.json(in: self) }),
            "virtualHosts": .array(virtualHosts.map { $0.json(in: self) }),
            "clusters": .array(clusters.map(\.json)),
        ]
    }
}

extension AccessLogPlan {
    fileprivate var json: JSONValue {
        let format: JSONValue =
            switch self.format {
            case .standard: "standard"
            case .text(let pattern): ["text": .string(pattern)]
            case .json(let fields):
                ["json": .object(fields.map { JSONValue.Member(key: $0.key, value: .string($0.value)) })]
            }
        return ["path": .string(path), "format": format, "source": source.json]
    }
}

extension ListenerPlan {
    fileprivate func json(in proxy: ProxyPlan) -> JSONValue {
        let rule: JSONValue =
            switch portRule {
            case .fixed(let port): ["fixed": .int(port)]
            case .service(let port): ["service": port.map { .int($0) } ?? nil]
            }
        return [
            "name": .string(name), "statPrefix": .string(statPrefix), "direction": .string(direction.rawValue),
            "binds": .array(
                binds.map { bind in
                    [
                        "address": bind.address.json, "unprivileged": bind.unprivileged?.json ?? nil,
                        "optional": .bool(bind.isOptional),
                    ]
                }),
            "port": .int(port), "protocol": .string(applicationProtocol.rawValue), "portRule": rule,
            "dialect": .string(dialect.name),
            "hosts": .array(
                hosts.map { host in
                    [
                        "pattern": .string(host.pattern.description),
                        "virtualHost": .string(proxy.virtualHosts[host.virtualHost].name),
                    ]
                }),
            "source": source.json,
        ]
    }
}

extension VirtualHostPlan {
    fileprivate func json(in proxy: ProxyPlan) -> JSONValue {
        [
            "name": .string(name), "ports": .array(ports.map { .int($0) }),
            "routes": .array(routes.map { $0.json(in: proxy) }), "source": source.json,
        ]
    }
}

extension RoutePlan {
    fileprivate func json(in proxy: ProxyPlan) -> JSONValue {
        [
            "name": .string(name), "match": match.json, "action": action.json(in: proxy),
            "timeouts": ["request": timeouts.request.json, "idle": timeouts.idle.json], "source": source.json,
        ]
    }
}

extension ActionPlan {
    fileprivate func json(in proxy: ProxyPlan) -> JSONValue {
        switch self {
        case .forward(let backends):
            let list = backends.map { backend -> JSONValue in
                ["cluster": .string(proxy.clusters[backend.cluster].name), "weight": .int(backend.weight)]
            }
            return ["forward": .array(list)]
        case .delegate(let delegate): return ["delegate": delegate.json(in: proxy)]
        case .fixedResponse(let status, let body):
            return ["fixedResponse": ["status": .int(status), "body": .string(body)]]
        case .forwardToAuthority: return "forwardToAuthority"
        case .handler(let name): return ["handler": .string(name)]
        }
    }
}

extension DelegatePlan {
    fileprivate func json(in proxy: ProxyPlan) -> JSONValue {
        let host: JSONValue =
            switch self.host {
            case .keep: "keep"
            case .literal(let name): ["literal": .string(name)]
            }
        let path: JSONValue =
            switch self.path {
            case .keep: "keep"
            case .prefix(let matched, let replacement):
                ["prefix": ["matched": .string(matched), "replacement": .string(replacement)]]
            case .whole(let path): ["whole": .string(path)]
            }
        return [
            "virtualHost": .string(proxy.virtualHosts[virtualHost].name), "port": port.map { .int($0) } ?? nil,
            "host": host, "path": path,
        ]
    }
}

extension ClusterPlan {
    fileprivate var json: JSONValue {
        [
            "name": .string(name), "protocol": .string(applicationProtocol.rawValue),
            "endpoints": .array(
                endpoints.map { ["name": .string($0.name), "address": $0.address.json] }),
            "discovery": .optional(discovery?.description),
            "connectTimeout": .string(connectTimeout.secondsText),
            "keepAliveTimeout": .string(keepAliveTimeout.secondsText),
            "requestHeaders": .array(
                requestHeaders.map { ["name": .string($0.name), "value": .string($0.value)] }),
            "source": source.json,
        ]
    }
}
