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
    let name: String
    /// For records.
    var label: ClusterLabel?

    init(name: String, counters: CounterBlock, requestTime: Histogram, start: UInt32) {
        self.name = name
        self.counters = counters
        self.requestTime = requestTime
        balancer = RoundRobin(start: start)
    }

    /// Takes over the endpoints of a new plan: known ones keep their connections, removed ones drain.
    func adopt(_ plan: ClusterPlan, make: (EndpointPlan) -> EndpointUpstreams?) {
        connectTimeout = plan.connectTimeout.nanoseconds
        requestHeaders = plan.requestHeaders
        var kept = Dictionary(endpoints.map { ($0.key, $0) }, uniquingKeysWith: { first, _ in first })
        endpoints = plan.endpoints.compactMap { endpoint in
            let key = EndpointUpstreams.Key(name: endpoint.name, address: endpoint.address)
            if let known = kept.removeValue(forKey: key) { return known }
            return make(endpoint)
        }
        for removed in kept.values { removed.drain() }
        for endpoint in endpoints { endpoint.keepAliveTimeout = plan.keepAliveTimeout.nanoseconds }
    }

    /// No snapshot has this destination any more. Requests that a draining listener still gets may go to it, on connections
    /// that are not kept.
    func drain() { for endpoint in endpoints { endpoint.drain() } }

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
    }

    let key: Key
    let address: SocketAddress
    /// Connections are made from here; nil leaves it to the kernel.
    let sourceAddress: SocketAddress?
    let label: EndpointLabel
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
