import Routing

/// Short spellings for plans in tests.
let anywhere = SourceRef(kind: "test", name: "test")

extension TimeoutPlan {
    static func limits(_ request: Duration? = .seconds(15), idle: Duration? = .seconds(300)) -> TimeoutPlan {
        TimeoutPlan(request: Sourced(request, anywhere), idle: Sourced(idle, anywhere))
    }
}

extension RoutePlan {
    static func to(
        _ name: String, _ match: MatchPlan, _ action: ActionPlan = .fixedResponse(status: 200, body: ""),
        timeouts: TimeoutPlan = .limits()
    ) -> RoutePlan {
        RoutePlan(
            name: name, match: match, action: action, timeouts: timeouts, source: SourceRef(kind: "route", name: name))
    }
}

extension VirtualHostPlan {
    static func of(_ name: String, ports: [Int] = [], _ routes: [RoutePlan]) -> VirtualHostPlan {
        VirtualHostPlan(name: name, ports: ports, routes: routes, source: SourceRef(kind: "virtualService", name: name))
    }
}

extension ClusterPlan {
    static func of(_ name: String, endpoints: [EndpointPlan] = []) -> ClusterPlan {
        ClusterPlan(name: name, endpoints: endpoints, source: SourceRef(kind: "virtualNode", name: name))
    }
}

extension ListenerPlan {
    static func of(
        _ name: String = "ingress", portRule: PortRule = .fixed(80), hosts: [HostBinding]
    ) -> ListenerPlan {
        ListenerPlan(
            name: name, statPrefix: name, direction: .ingress, binds: [], port: 80, portRule: portRule,
            dialect: .sidecar, hosts: hosts, source: SourceRef(kind: "listener", name: name))
    }
}

extension ProxyPlan {
    static func of(
        _ name: String = "p", listeners: [ListenerPlan], hosts: [VirtualHostPlan], clusters: [ClusterPlan] = []
    ) -> ProxyPlan {
        var proxy = ProxyPlan(name: name, role: .sidecar, mesh: "m", source: SourceRef(kind: "proxy", name: name))
        proxy.listeners = listeners
        proxy.virtualHosts = hosts
        proxy.clusters = clusters
        return proxy
    }
}

extension Snapshot {
    /// One listener with one virtual host for every name.
    static func single(
        _ routes: [RoutePlan], ports: [Int] = [], portRule: ListenerPlan.PortRule = .fixed(80),
        clusters: [ClusterPlan] = []
    ) -> Snapshot {
        let listener = ListenerPlan.of(portRule: portRule, hosts: [HostBinding(.any, virtualHost: 0)])
        let proxy = ProxyPlan.of(
            listeners: [listener], hosts: [.of("service", ports: ports, routes)], clusters: clusters)
        return Snapshot(plan: Plan(proxies: [proxy]), generation: 1)
    }

    /// Matches on the first listener; the explanation must agree.
    func find(_ request: Request) -> RouteResult {
        let head = request.head
        let listener = ListenerID(raw: 0)
        let result = match(listener, head, isAbsoluteForm: request.isAbsoluteForm, MatchScratch())
        let explanation = Explainer.explain(
            self, listener: listener, head: head, isAbsoluteForm: request.isAbsoluteForm)
        precondition(explanation.agreesWithIndex)
        return result
    }

    /// Name of the route that a request on the first listener gets, or why there is none.
    func routeName(_ request: Request) -> String {
        switch find(request) {
        case .matched(let id, _): route(id).name
        case .notFound(let reason): "\(reason)"
        }
    }

    /// Whether a request is matched by a snapshot's only route.
    func accepts(_ request: Request) -> Bool {
        if case .matched = find(request) { true } else { false }
    }
}

/// A small generator with a seed, so that a failure can be repeated (SplitMix64).
struct SeededRandom: RandomNumberGenerator {
    private var state: UInt64
    init(seed: UInt64) { state = seed }

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var value = state
        value = (value ^ (value >> 30)) &* 0xBF58_476D_1CE4_E5B9
        value = (value ^ (value >> 27)) &* 0x94D0_49BB_1331_11EB
        return value ^ (value >> 31)
    }
}
