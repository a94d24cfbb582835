/// What changes from one plan to the next, by names that stay the same over reloads.
///
/// Objects are compared by what they do: positions in files and the indexes by which the plan's objects refer to each
/// other do not count, so that an edit elsewhere in a file changes nothing here.
public struct PlanDifference: Sendable, Equatable {
    public struct Changes: Sendable, Equatable {
        /// Sorted names, as for the other two.
        public var added: [String] = []
        public var removed: [String] = []
        public var changed: [String] = []
        public init() {}
        public var isEmpty: Bool { added.isEmpty && removed.isEmpty && changed.isEmpty }
    }

    /// `proxy`, such as `colors/blue#0`: role, admin address, source address and access logs.
    public var proxies = Changes()
    /// `proxy/listener`.
    public var listeners = Changes()
    /// `proxy/virtualHost/route`; a route whose place among the routes changed is changed.
    public var routes = Changes()
    /// `proxy/cluster`, its endpoints not included.
    public var clusters = Changes()
    /// `proxy/cluster/endpoint`.
    public var endpoints = Changes()

    public init() {}

    public var isEmpty: Bool {
        proxies.isEmpty && listeners.isEmpty && routes.isEmpty && clusters.isEmpty && endpoints.isEmpty
    }

    /// One line, such as `listeners +1; routes +2 -1 ~3`; `no change` if there is none.
    public var summary: String {
        let kinds = [
            ("proxies", proxies), ("listeners", listeners), ("routes", routes), ("clusters", clusters),
            ("endpoints", endpoints),
        ]
        let parts = kinds.filter { !$0.1.isEmpty }.map { name, changes in
            let counts = [("+", changes.added.count), ("-", changes.removed.count), ("~", changes.changed.count)]
            return name + counts.filter { $0.1 > 0 }.map { " \($0.0)\($0.1)" }.joined()
        }
        return parts.isEmpty ? "no change" : parts.joined(separator: "; ")
    }

    public static func between(old: Plan, new: Plan) -> PlanDifference {
        let before = PlanInventory(old)
        let after = PlanInventory(new)
        var difference = PlanDifference()
        difference.proxies = changes(before.proxies, after.proxies)
        difference.listeners = changes(before.listeners, after.listeners)
        difference.clusters = changes(before.clusters, after.clusters)
        difference.endpoints = changes(before.endpoints, after.endpoints)
        difference.routes = changes(before.routes, after.routes)
        let moved = before.moved(to: after).subtracting(difference.routes.changed)
        difference.routes.changed = (difference.routes.changed + moved).sorted()
        return difference
    }

    private static func changes<Value: Equatable>(_ old: [String: Value], _ new: [String: Value]) -> Changes {
        var changes = Changes()
        for (name, value) in new {
            guard let previous = old[name] else {
                changes.added.append(name)
                continue
            }
            if previous != value { changes.changed.append(name) }
        }
        changes.removed = old.keys.filter { new[$0] == nil }.sorted()
        changes.added.sort()
        changes.changed.sort()
        return changes
    }
}

/// The objects of a plan by name, with everything resolved that refers by index and without positions in files.
private struct PlanInventory {
    struct Listener: Equatable {
        struct Host: Equatable {
            var pattern: HostBinding.Pattern
            var virtualHost: String
            var ports: [Int]
        }
        /// Without hosts.
        var plan: ListenerPlan
        var hosts: [Host]
    }

    struct Route: Equatable {
        /// Without what its action refers to by index.
        var plan: RoutePlan
        /// Names of the clusters with weights, or of the virtual host, that the action refers to.
        var references: [String]
    }

    var proxies: [String: ProxyPlan] = [:]
    var listeners: [String: Listener] = [:]
    var clusters: [String: ClusterPlan] = [:]
    var endpoints: [String: NetworkAddress] = [:]
    var routes: [String: Route] = [:]
    /// Names of the routes of each virtual host in order.
    var order: [String: [String]] = [:]

    init(_ plan: Plan) {
        for proxy in plan.proxies {
            var own = ProxyPlan(
                name: proxy.name, role: proxy.role, mesh: proxy.mesh, source: Self.placeless(proxy.source))
            own.upstreamSourceIP = proxy.upstreamSourceIP
            own.admin = proxy.admin
            own.authorityFamilies = proxy.authorityFamilies
            own.accessLogs = proxy.accessLogs.map {
                AccessLogPlan(path: $0.path, format: $0.format, source: Self.placeless($0.source))
            }
            proxies[Self.unused(proxy.name, in: proxies)] = own
            for listener in proxy.listeners { add(listener, proxy) }
            for cluster in proxy.clusters { add(cluster, proxy) }
            for host in proxy.virtualHosts { add(host, proxy) }
        }
    }

    private mutating func add(_ listener: ListenerPlan, _ proxy: ProxyPlan) {
        var plan = listener
        plan.hosts = []
        plan.source = Self.placeless(plan.source)
        let hosts = listener.hosts.map { binding in
            let host = proxy.virtualHosts[binding.virtualHost]
            return Listener.Host(pattern: binding.pattern, virtualHost: host.name, ports: host.ports)
        }
        listeners[Self.unused("\(proxy.name)/\(listener.name)", in: listeners)] = Listener(plan: plan, hosts: hosts)
    }

    private mutating func add(_ cluster: ClusterPlan, _ proxy: ProxyPlan) {
        var plan = cluster
        plan.endpoints = []
        plan.source = Self.placeless(plan.source)
        let name = Self.unused("\(proxy.name)/\(cluster.name)", in: clusters)
        clusters[name] = plan
        for endpoint in cluster.endpoints {
            endpoints[Self.unused("\(name)/\(endpoint.name)", in: endpoints)] = endpoint.address
        }
    }

    private mutating func add(_ host: VirtualHostPlan, _ proxy: ProxyPlan) {
        let owner = Self.unused("\(proxy.name)/\(host.name)", in: order)
        var names: [String] = []
        for route in host.routes {
            var plan = route
            plan.source = Self.placeless(plan.source)
            plan.timeouts.request.origin = Self.placeless(plan.timeouts.request.origin)
            plan.timeouts.idle.origin = Self.placeless(plan.timeouts.idle.origin)
            var references: [String] = []
            switch route.action {
            case .forward(let backends):
                references = backends.map { "\(proxy.clusters[$0.cluster].name)=\($0.weight)" }
                plan.action = .forward([])
            case .delegate(var delegate):
                references = [proxy.virtualHosts[delegate.virtualHost].name]
                delegate.virtualHost = 0
                plan.action = .delegate(delegate)
            case .fixedResponse, .forwardToAuthority, .handler: break
            }
            let name = Self.unused("\(owner)/\(route.name)", in: routes)
            routes[name] = Route(plan: plan, references: references)
            names.append(name)
        }
        order[owner] = names
    }

    /// Routes in both plans whose place among the routes in both plans differs.
    func moved(to other: PlanInventory) -> Set<String> {
        var moved: Set<String> = []
        for (host, names) in order {
            guard let otherNames = other.order[host] else { continue }
            let kept = Set(names).intersection(otherNames)
            for (before, after) in zip(names.filter(kept.contains), otherNames.filter(kept.contains))
            where before != after {
                moved.insert(after)
            }
        }
        return moved
    }

    private static func placeless(_ source: SourceRef) -> SourceRef { SourceRef(kind: source.kind, name: source.name) }

    /// Names are unique by construction; should they not be, the later ones are numbered rather than lost.
    private static func unused<Value>(_ name: String, in taken: [String: Value]) -> String {
        guard taken[name] != nil else { return name }
        var number = 2
        while taken["\(name)~\(number)"] != nil { number += 1 }
        return "\(name)~\(number)"
    }
}
