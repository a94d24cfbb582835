import Reactor
import Routing
import Telemetry
import Wire

// Endpoints that somebody discovers are published apart from the plan (design section 5): a new answer moves a few
// connections and compiles no route. They are kept by the names of proxy and cluster, so that they survive every snapshot that
// still has the cluster as one to be discovered.
//
// Until the first set of a cluster is published its requests wait, for at most 5 s; then, and when the set is empty, they are
// answered `no healthy upstream`. (Envoy keeps the whole listener, or the cluster's new version, warming for that time.) When a
// cluster is to be discovered in another way than before, its old endpoints serve until the new ones are known.

/// Names a cluster over all snapshots.
public struct ClusterKey: Hashable, Sendable {
    public var proxy: String
    public var cluster: String
    public init(proxy: String, cluster: String) {
        self.proxy = proxy
        self.cluster = cluster
    }
}

/// A destination outside the mesh that a client named: host (lower case, no literal) and port.
public struct AuthorityName: Hashable, Sendable {
    public var host: String
    public var port: Int
    public var families: AddressFamilies
    public init(host: String, port: Int, families: AddressFamilies) {
        self.host = host
        self.port = port
        self.families = families
    }
}

/// What became of an authority's name.
public struct AuthorityAnswer: Sendable {
    /// nil if nothing was learned: what was known before stays.
    public var address: NetworkAddress?
    /// When the name is asked for again, if somebody still calls it.
    public var lifetime: Duration
    public init(address: NetworkAddress?, lifetime: Duration) {
        self.address = address
        self.lifetime = lifetime
    }
}

/// Finds the addresses of names that clients call. Asked on workers' threads; must not block. The answer is given to
/// `DataPlane.update(authorities:)`, in any case.
public protocol AuthorityResolver: Sendable {
    func resolve(_ name: AuthorityName)
}

extension DataPlane {
    /// Publishes endpoint sets of clusters that the plan leaves to discovery; each replaces the cluster's set before. Sets for
    /// other clusters are ignored. Known endpoints keep their connections, those that are gone drain. Returns before the
    /// workers have adopted them. To be called on the thread that publishes.
    public func update(endpoints: [ClusterKey: [EndpointPlan]]) {
        remember(endpoints)
        for thread in threads { thread.post { $0.adopt(endpoints: endpoints) } }
    }

    /// Answers what an `AuthorityResolver` was asked.
    public func update(authorities: [AuthorityName: AuthorityAnswer]) {
        for thread in threads { thread.post { $0.adopt(authorities: authorities) } }
    }
}

extension Publication {
    /// The clusters whose endpoints are discovered.
    var discoveredClusters: Set<ClusterKey> {
        var keys: Set<ClusterKey> = []
        for proxy in snapshot.plan.proxies {
            for cluster in proxy.clusters where cluster.discovery != nil {
                keys.insert(ClusterKey(proxy: proxy.name, cluster: cluster.name))
            }
        }
        return keys
    }
}

/// What a cluster of a client-named authority is about.
struct AuthorityState {
    var name: AuthorityName
    /// Not asked for again before; monotonic nanoseconds.
    var freshUntil: Int64 = 0
    var isAsking = false

    /// How long an answer that has expired still serves while the next one is under way.
    static let graceTime: Int64 = 30_000_000_000
}

/// The upstream of an exchange while its destination is being looked up: keeps the body until there is a connection.
final class DiscoveryWait: UpstreamStream {
    private unowned(unsafe) let exchange: Exchange
    private weak var cluster: ClusterUpstreams?
    let body: ByteQueue
    /// When the wait is over without an answer.
    let deadline: Int64

    init(_ exchange: Exchange, cluster: ClusterUpstreams, pool: BufferPool, deadline: Int64) {
        self.exchange = exchange
        self.cluster = cluster
        self.deadline = deadline
        body = ByteQueue(pool: pool)
    }

    override func sendBody(_ bytes: UnsafeBufferPointer<UInt8>) { body.append(bytes) }
    override var hasRoom: Bool { body.count < Watermark.high }

    override func cancel() {
        body.removeAll()
        cluster?.waiting?.remove(self)
    }

    func ended() {
        exchange.discoveryEnded(self)
        body.removeAll()
    }
}

/// The exchanges that wait for one cluster on one worker, in the order of their deadlines. A cluster that is let go has ended
/// all waits before.
final class DiscoveryWaits: Handler {
    private unowned(unsafe) let loop: EventLoop
    private var waits: [DiscoveryWait] = []
    private lazy var timer = Timer(owner: self)

    static let limit: Int64 = 5_000_000_000

    init(loop: EventLoop) { self.loop = loop }

    func add(_ wait: DiscoveryWait) {
        waits.append(wait)
        if !timer.isArmed { loop.timers.arm(timer, deadline: wait.deadline) }
    }

    func remove(_ wait: DiscoveryWait) {
        waits.removeAll { $0 === wait }
        // The wheel must know no timer of a list that may be let go.
        if waits.isEmpty { loop.timers.cancel(timer) }
    }

    /// The cluster's endpoints are known, or will not be.
    func endAll() {
        let ended = waits
        waits = []
        loop.timers.cancel(timer)
        for wait in ended { wait.ended() }
    }

    override func timerFired(_ timer: Timer) {
        while let first = waits.first, first.deadline <= loop.now {
            waits.removeFirst()
            first.ended()
        }
        if let next = waits.first { loop.timers.arm(timer, deadline: next.deadline) }
    }
}
