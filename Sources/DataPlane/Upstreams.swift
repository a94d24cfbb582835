import Reactor
import Resilience
import Routing
import Telemetry

/// One worker's view of a destination: its endpoints in balancing order. Outlives snapshots by its key.
final class ClusterUpstreams {
    let counters: CounterBlock
    let requestTime: Histogram
    private(set) var endpoints: [EndpointUpstreams] = []
    private(set) var connectTimeout: Int64 = 0
    /// Set on every request that goes here.
    private(set) var requestHeaders: [Dialect.ConstantHeader] = []
    private var balancer: RoundRobin
    let key: ClusterKey
    /// For records.
    var label: ClusterLabel?
    /// As adopted last, for endpoints that are published later.
    private(set) var plan: ClusterPlan?
    /// Where the proxy connects to loopback destinations from.
    var sourceIP: String?
    /// Of all endpoints, where they are not to be found in the statistics.
    var endpointCounters: CounterBlock?
    /// Set for clusters of authorities that clients name.
    var authority: AuthorityState?
    /// Nobody knows the endpoints yet: requests wait for them.
    var isPending = false
    /// The exchanges that wait.
    private(set) var waiting: DiscoveryWaits?

    init(key: ClusterKey, counters: CounterBlock, requestTime: Histogram, start: UInt32) {
        self.key = key
        self.counters = counters
        self.requestTime = requestTime
        balancer = RoundRobin(start: start)
    }

    /// Takes over a new plan. Its endpoints are the plan's own, or the ones discovered; nil if they are not known yet: then
    /// those of before serve on, and without any, requests wait.
    func adopt(_ plan: ClusterPlan, endpoints: [EndpointPlan]?, make: (EndpointPlan) -> EndpointUpstreams?) {
        self.plan = plan
        connectTimeout = plan.connectTimeout.nanoseconds
        requestHeaders = plan.requestHeaders
        if let endpoints {
            replaceEndpoints(endpoints, isOneLogicalHost: plan.discovery?.answer == .oneLogicalHost, make: make)
        } else if self.endpoints.isEmpty {
            isPending = true
        }
        for endpoint in self.endpoints { endpoint.keepAliveTimeout = plan.keepAliveTimeout.nanoseconds }
    }

    /// Known endpoints keep their connections, those that are gone drain.
    private func replaceEndpoints(
        _ plans: [EndpointPlan], isOneLogicalHost: Bool, make: (EndpointPlan) -> EndpointUpstreams?
    ) {
        var kept = Dictionary(endpoints.map { ($0.key, $0) }, uniquingKeysWith: { first, _ in first })
        endpoints = plans.compactMap { endpoint in
            let key = EndpointUpstreams.Key(endpoint, isOneLogicalHost: isOneLogicalHost)
            guard let known = kept.removeValue(forKey: key) else { return make(endpoint) }
            if isOneLogicalHost, let now = make(endpoint) { known.move(like: now) }
            return known
        }
        for removed in kept.values { removed.drain() }
        settle()
    }

    /// Nothing more will be known for now: whoever waits goes on with what there is.
    func settle() {
        isPending = false
        waiting?.endAll()
    }

    /// No snapshot has this destination any more. Requests that a draining listener still gets may go to it, on connections
    /// that are not kept.
    func drain() {
        for endpoint in endpoints { endpoint.drain() }
        settle()
    }

    /// The place of an exchange among those that wait.
    func wait(for exchange: Exchange, _ loop: EventLoop) -> DiscoveryWait {
        let wait = DiscoveryWait(exchange, cluster: self, pool: loop.pool, deadline: loop.now + DiscoveryWaits.limit)
        let waits = waiting ?? DiscoveryWaits(loop: loop)
        waiting = waits
        waits.add(wait)
        return wait
    }

    func pick() -> EndpointUpstreams? {
        guard !endpoints.isEmpty else { return nil }
        return endpoints[balancer.pick(of: endpoints.count)]
    }
}

/// One worker's connections to one endpoint.
final class EndpointUpstreams {
    struct Key: Hashable {
        var name: String
        var address: NetworkAddress

        /// One logical host is the same whatever its address is.
        init(_ plan: EndpointPlan, isOneLogicalHost: Bool) {
            name = plan.name
            address = isOneLogicalHost ? .unix(path: "") : plan.address
        }

        init(name: String, address: NetworkAddress) {
            self.name = name
            self.address = address
        }
    }

    let key: Key
    /// Of new connections.
    private(set) var address: SocketAddress
    /// Connections are made from here; nil leaves it to the kernel.
    private(set) var sourceAddress: SocketAddress?
    private(set) var label: EndpointLabel
    let counters: CounterBlock
    let clusterCounters: CounterBlock
    var keepAliveTimeout: Int64 = 3_600_000_000_000
    private unowned(unsafe) let worker: Worker
    /// Idle connections; the last one used is used next, so that the others can age out.
    private var idle: [HTTP1ClientConnection] = []
    private var isDraining = false

    init(
        key: Key, address: SocketAddress, sourceAddress: SocketAddress?, label: EndpointLabel, counters: CounterBlock,
        clusterCounters: CounterBlock, worker: Worker
    ) {
        self.key = key
        self.address = address
        self.sourceAddress = sourceAddress
        self.label = label
        self.counters = counters
        self.clusterCounters = clusterCounters
        self.worker = worker
    }

    /// An idle connection, or a new one on its way. Throws if not even an attempt can be made.
    func connection(fresh: Bool, connectTimeout: Int64) throws(SystemError) -> HTTP1ClientConnection {
        if !fresh, let connection = idle.popLast() { return connection }
        let connection = HTTP1ClientConnection(endpoint: self, worker: worker)
        try connection.connect(timeout: connectTimeout)
        return connection
    }

    /// A finished connection comes back; false if it is not wanted any more.
    func keep(_ connection: HTTP1ClientConnection) -> Bool {
        if isDraining { return false }
        idle.append(connection)
        return true
    }

    /// New connections go where another endpoint's would; those that stand stay.
    func move(like other: EndpointUpstreams) {
        address = other.address
        sourceAddress = other.sourceAddress
        label = other.label
    }

    func forget(_ connection: HTTP1ClientConnection) {
        // Dead connections are rare and tend to be the oldest.
        if let index = idle.firstIndex(where: { $0 === connection }) { idle.remove(at: index) }
    }

    func drain() {
        isDraining = true
        let connections = idle
        idle = []
        for connection in connections { connection.cancel() }
    }

    var idleCount: Int { idle.count }
}

extension Duration {
    var nanoseconds: Int64 {
        let (seconds, attoseconds) = components
        let (product, overflow) = seconds.multipliedReportingOverflow(by: 1_000_000_000)
        return overflow ? Int64.max / 4 : product &+ attoseconds / 1_000_000_000
    }
}
