import Glibc
import Reactor
import Routing
import Telemetry
import Wire

/// One thread's share of the data plane: an event loop, its listening sockets, connections, pools and buffers.
///
/// Nothing here is shared: other threads reach a worker only through its mailbox. What it must know (snapshots, log
/// targets) comes as immutable values; what others want to know (counters) it writes into blocks that anyone may read.
public final class Worker {
    let index: Int
    public let loop: EventLoop
    let matchScratch = MatchScratch()
    var random: Random
    private(set) var generation: Generation
    private let stats: StatStore

    /// Where receives land; parsed before the next receive, so one is enough for all connections.
    let receiveSpace: UnsafeMutableBufferPointer<UInt8>
    static let receiveBytes = 65_536
    /// Receives for one connection in a row; then the others have their turn.
    static let receivesMax = 16

    var openConnections = 0
    let connectionsMax: Int
    private var connectionCounter: UInt64 = 0
    private var reserveDescriptor: Int32

    private var listeners: [ListenerKey: ListenerRuntime] = [:]
    private var draining: [ObjectIdentifier: (runtime: ListenerRuntime, noted: DrainingListener)] = [:]
    /// Those of all workers, where draining ones are noted.
    private let drainingListeners: DrainingListeners
    /// Processor time that taking over snapshots costs.
    private let adoptTime: Histogram
    /// How long a listener drains at most, nanoseconds.
    private let drainTime: Int64
    private var clusters: [ClusterKey: ClusterUpstreams] = [:]
    private var authorityClusters: [ClusterKey: ClusterUpstreams] = [:]
    private static let authorityClustersMax = 1_024
    /// Where the built-in workloads of this process call.
    lazy var onwardEndpoints = OnwardEndpoints(worker: self)
    private var freeExchanges: [Exchange] = []
    private static let freeExchangesMax = 1_024
    /// Body bytes that exchanges keep for a second try.
    var replayBytes = 0
    static let replayBytesMax = 64 << 20

    /// nil: nothing is traced.
    var tracing: WorkerTracing?

    /// Who wants to see records now (`Tap`).
    var taps: [TapSubscription] = []
    /// The record that is being offered to them.
    lazy var tapLine = LogBuffer()
    /// Listeners that close their connections after each answer (`Discouragement`).
    var discouraged: Set<ListenerTag> = [] {
        didSet { for listener in listeners.values { listener.isDiscouraged = discouraged.contains(listener.tag) } }
    }

    private lazy var logTimer = Timer(owner: housekeeping)
    private lazy var housekeeping = Housekeeping(worker: self)
    static let logBytesMax = 32_768
    static let logInterval: Int64 = 1_000_000_000

    private var dateSecond: Int64 = -1
    private let dateText: UnsafeMutableBufferPointer<UInt8>

    init(
        index: Int, publication: Publication, stats: StatStore, seed: UInt64?, connectionsMax: Int,
        draining: DrainingListeners, drainTime: Duration
    ) throws(SystemError) {
        drainingListeners = draining
        adoptTime = stats.histogram(.server(), .snapshotAdoptMs, worker: index)
        self.drainTime = drainTime.nanoseconds
        self.index = index
        self.stats = stats
        self.connectionsMax = connectionsMax
        loop = try EventLoop()
        random = Random(seed: seed)
        receiveSpace = .allocate(capacity: Self.receiveBytes)
        dateText = .allocate(capacity: 29)
        reserveDescriptor = Glibc.open("/dev/null", O_RDONLY | O_CLOEXEC)
        generation = Generation(publication: publication, clusters: [])
        freeExchanges.reserveCapacity(Self.freeExchangesMax)
    }

    deinit {
        receiveSpace.deallocate()
        dateText.deallocate()
        if reserveDescriptor >= 0 { _ = Glibc.close(reserveDescriptor) }
    }

    // MARK: Snapshots

    /// A listening socket for this worker, made by the control thread.
    struct NewListener: Sendable {
        var key: ListenerKey
        /// Owned by this value until the worker takes it.
        var fd: Int32
        /// One socket for all workers, which the service manager keeps.
        var isInherited = false
    }

    /// Serves `publication` from the next request on. Runs between events, on this worker's thread.
    func adopt(
        _ publication: Publication, newListeners: [NewListener], discovered: [ClusterKey: [EndpointPlan]]
    ) {
        let begin = Clock.thread()
        defer { adoptTime.record(nanoseconds: Clock.thread() - begin) }
        let old = generation
        let snapshot = publication.snapshot
        var kept: [ClusterKey: ClusterUpstreams] = [:]
        let ordered = (0..<snapshot.clusterCount).map { index in
            let id = ClusterID(raw: Int32(index))
            let plan = snapshot.cluster(id)
            let proxy = snapshot.proxy(of: id)
            let key = ClusterKey(proxy: proxy.name, cluster: plan.name)
            let cluster = clusters[key] ?? makeCluster(key)
            cluster.label = publication.clusterLabels[index]
            kept[key] = cluster
            cluster.sourceIP = proxy.upstreamSourceIP
            let endpoints = plan.discovery == nil ? plan.endpoints : discovered[key]
            cluster.adopt(plan, endpoints: endpoints) { makeEndpoint($0, cluster: cluster, plan: plan) }
            return cluster
        }
        generation = Generation(
            publication: publication, clusters: ordered, logBuffers: logBuffers(for: publication))
        if let tracing { generation.tracers = tracing.tracers(of: snapshot.plan, stats, worker: index) }
        let gone = clusters.filter { kept[$0.key] == nil }
        clusters = kept
        adoptListeners(publication, newListeners, old)
        for cluster in gone.values { cluster.drain() }
        dropAuthorities(publication.snapshot.plan)
    }

    /// From now on every turn of the loop is in the statistics.
    func measureLoop() {
        let durations = stats.histogram(.server(), .loopDurationMs, worker: index)
        loop.onTurn = { durations.record(nanoseconds: $0) }
    }

    /// Destinations outside the mesh outlive neither their proxy nor the address that it connects from.
    private func dropAuthorities(_ plan: Plan) {
        guard !authorityClusters.isEmpty else { return }
        let sources = Dictionary(
            plan.proxies.map { ($0.name, $0.upstreamSourceIP) }, uniquingKeysWith: { first, _ in first })
        for (key, cluster) in authorityClusters {
            if let source = sources[key.proxy], source == cluster.sourceIP { continue }
            authorityClusters[key] = nil
            cluster.drain()
        }
    }

    private func adoptListeners(_ publication: Publication, _ new: [NewListener], _ old: Generation) {
        let snapshot = publication.snapshot
        var opened = Dictionary(new.map { ($0.key, $0) }, uniquingKeysWith: { first, _ in first })
        var current: [ListenerKey: ListenerRuntime] = [:]
        for raw in 0..<snapshot.listenerCount {
            let id = ListenerID(raw: Int32(raw))
            let plan = snapshot.listener(id)
            let proxy = snapshot.proxy(of: id)
            for bind in plan.binds {
                let key = ListenerKey(proxy: proxy.name, listener: plan.name, address: bind.address)
                if let known = listeners.removeValue(forKey: key) {
                    known.adopt(id: id, dialect: plan.dialect)
                    current[key] = known
                } else if let socket = opened.removeValue(forKey: key) {
                    let made = try? ListenerRuntime(
                        key: key, socket: Socket(owning: socket.fd), id: id, dialect: plan.dialect,
                        counters: stats.counters(.listener(bind.address.description, proxy: proxy.name), worker: index),
                        httpCounters: stats.counters(.http(plan.statPrefix, proxy: proxy.name), worker: index),
                        requestTime: stats.histogram(
                            .http(plan.statPrefix, proxy: proxy.name), .downstreamRqTime, worker: index),
                        isInherited: socket.isInherited, worker: self)
                    if let made, !discouraged.isEmpty { made.isDiscouraged = discouraged.contains(made.tag) }
                    current[key] = made
                }
            }
        }
        let removed = listeners
        listeners = current
        for listener in removed.values {
            let role = old.snapshot.proxy(of: listener.id).role
            let noted = DrainingListener(
                proxy: listener.key.proxy, listener: listener.key.listener, address: listener.key.address, role: role)
            draining[ObjectIdentifier(listener)] = (listener, noted)
            drainingListeners.add(noted)
            listener.drain(old, deadline: Clock.monotonic() + drainTime)
        }
        for socket in opened.values { _ = Glibc.close(socket.fd) }
    }

    private func makeCluster(_ key: ClusterKey) -> ClusterUpstreams {
        ClusterUpstreams(
            key: key,
            counters: stats.counters(.cluster(key.cluster, proxy: key.proxy), worker: index),
            requestTime: stats.histogram(.cluster(key.cluster, proxy: key.proxy), .upstreamRqTime, worker: index),
            start: UInt32(truncatingIfNeeded: random.next()))
    }

    private func makeEndpoint(
        _ plan: EndpointPlan, cluster: ClusterUpstreams, plan clusterPlan: ClusterPlan
    ) -> EndpointUpstreams? {
        guard let address = SocketAddress(plan.address) else { return nil }
        // A loopback source reaches loopback destinations only.
        var source: SocketAddress?
        if let ip = cluster.sourceIP, case .ip(let host, _) = plan.address, host.hasPrefix("127."), ip.hasPrefix("127.")
        {
            source = SocketAddress(ip: ip, port: 0)
        }
        let isOneLogicalHost = clusterPlan.discovery?.answer == .oneLogicalHost
        // Counters belong to the endpoint, and one logical host stays the same when its address changes.
        let name = isOneLogicalHost ? plan.name : plan.address.hostText
        return EndpointUpstreams(
            key: EndpointUpstreams.Key(plan, isOneLogicalHost: isOneLogicalHost), address: address,
            sourceAddress: source,
            label: EndpointLabel(
                name: plan.name, address: plan.address.hostText, clusterName: clusterPlan.name,
                node: clusterPlan.source.name),
            counters: cluster.endpointCounters
                ?? stats.counters(.endpoint(name, cluster: clusterPlan.name, proxy: cluster.key.proxy), worker: index),
            clusterCounters: cluster.counters, worker: self)
    }

    /// A draining listener's last connection is closed.
    func drained(_ listener: ListenerRuntime) {
        guard let noted = draining.removeValue(forKey: ObjectIdentifier(listener))?.noted else { return }
        drainingListeners.remove(noted)
    }

    /// The deadline passed: what is left is cut.
    func abortAll() {
        for listener in Array(draining.values) { listener.runtime.closeAll() }
        for listener in Array(listeners.values) { listener.closeAll() }
    }

    // MARK: Discovery

    /// Endpoints of clusters that the plan leaves to discovery.
    func adopt(endpoints sets: [ClusterKey: [EndpointPlan]]) {
        for (key, set) in sets {
            guard let cluster = clusters[key], let plan = cluster.plan, plan.discovery != nil else { continue }
            cluster.adopt(plan, endpoints: set) { makeEndpoint($0, cluster: cluster, plan: plan) }
        }
    }

    /// Answers about names that clients called.
    func adopt(authorities answers: [AuthorityName: AuthorityAnswer]) {
        for cluster in Array(authorityClusters.values) {
            guard let name = cluster.authority?.name, let answer = answers[name], let plan = cluster.plan else {
                continue
            }
            cluster.authority?.isAsking = false
            cluster.authority?.freshUntil = loop.now &+ answer.lifetime.nanoseconds
            let endpoints = answer.address.map {
                [EndpointPlan(name: cluster.key.cluster, address: $0)]
            }
            // Nothing learned: those of before, or none.
            if endpoints != nil || cluster.endpoints.isEmpty {
                cluster.adopt(plan, endpoints: endpoints ?? []) { makeEndpoint($0, cluster: cluster, plan: plan) }
            } else {
                cluster.settle()
            }
        }
    }

    // MARK: Egress to an authority of the client's choice

    /// The destination named by an absolute-form request (egress filter ALLOW_ALL): an IP literal, localhost, or a name if the
    /// proxy resolves names. Others have no endpoint, and the request is answered `no healthy upstream`.
    func authorityCluster(of head: HeaderBlock, listener: ListenerRuntime) -> ClusterUpstreams? {
        let authority = head.bytes(head.authority)
        guard let (hostRange, port) = Authority.split(authority) else { return nil }
        var host = String(decoding: authority[hostRange], as: UTF8.self)
        if host.hasPrefix("["), host.hasSuffix("]") { host = String(host.dropFirst().dropLast()) }
        host = host.lowercased()
        if host == "localhost" { host = "127.0.0.1" }
        let number = port ?? (head.scheme == .https ? 443 : 80)
        let address = NetworkAddress.ip(host: host, port: number)
        let key = ClusterKey(proxy: listener.key.proxy, cluster: address.description)
        if SocketAddress(ip: host, port: number) != nil {
            return authorityClusters[key] ?? makeAuthority(key, listener, address, nil)
        }
        // A removed listener's identifier means nothing in the snapshot that removed it.
        let generation = listener.currentGeneration(self)
        let proxy = generation.snapshot.proxy(of: listener.id)
        guard let names = generation.publication.names, let families = proxy.authorityFamilies else { return nil }
        let name = AuthorityName(host: host, port: number, families: families)
        let known = authorityClusters[key].flatMap { $0.authority?.name == name ? $0 : nil }
        let cluster = known ?? makeAuthority(key, listener, address, name)
        refresh(cluster, names)
        return cluster
    }

    /// Asks for the name again once its answer has expired. The old one serves meanwhile, if it is not too old.
    private func refresh(_ cluster: ClusterUpstreams, _ names: any AuthorityResolver) {
        guard let state = cluster.authority, loop.now >= state.freshUntil else { return }
        if !state.isAsking {
            cluster.authority?.isAsking = true
            names.resolve(state.name)
        }
        if cluster.endpoints.isEmpty || loop.now >= state.freshUntil &+ AuthorityState.graceTime {
            cluster.isPending = true
        }
    }

    private func makeAuthority(
        _ key: ClusterKey, _ listener: ListenerRuntime, _ address: NetworkAddress, _ name: AuthorityName?
    ) -> ClusterUpstreams {
        if authorityClusters[key] == nil, authorityClusters.count >= Self.authorityClustersMax {
            // An arbitrary one gives way; its connections in use finish.
            if let victim = authorityClusters.first { authorityClusters.removeValue(forKey: victim.key)?.drain() }
        }
        let proxy = listener.currentGeneration(self).snapshot.proxy(of: listener.id)
        let clusterName = "cds_egress_\(proxy.mesh)_mesh-allow-all"
        let cluster = ClusterUpstreams(
            key: key, counters: stats.counters(.cluster(clusterName, proxy: proxy.name), worker: index),
            requestTime: stats.histogram(
                .cluster(clusterName, proxy: proxy.name), .upstreamRqTime, worker: index),
            start: UInt32(truncatingIfNeeded: random.next()))
        // Clients choose the address: counters that the statistics keep for ever would let them fill the memory.
        cluster.endpointCounters = CounterBlock(count: EndpointCounter.allCases.count)
        var plan = ClusterPlan(name: clusterName, endpoints: [], source: proxy.source)
        if let name {
            cluster.authority = AuthorityState(name: name)
            plan.discovery = DiscoveryPlan(
                hostname: name.host, port: name.port, answer: .oneLogicalHost, families: name.families)
        } else {
            plan.endpoints = [EndpointPlan(name: address.description, address: address)]
        }
        cluster.sourceIP = proxy.upstreamSourceIP
        cluster.adopt(plan, endpoints: name == nil ? plan.endpoints : nil) {
            makeEndpoint($0, cluster: cluster, plan: plan)
        }
        cluster.label = ClusterLabel(name: clusterName, node: proxy.source.name)
        authorityClusters.updateValue(cluster, forKey: key)?.drain()
        return cluster
    }

    // MARK: Exchanges

    func takeExchange() -> Exchange { freeExchanges.popLast() ?? Exchange(worker: self) }

    func giveBack(_ exchange: Exchange) {
        exchange.clear()
        if freeExchanges.count < Self.freeExchangesMax, exchange.isSmall {
            freeExchanges.append(exchange)
        } else {
            exchange.retire()
        }
    }

    func nextConnectionID() -> UInt64 {
        connectionCounter += 1
        return connectionCounter << 8 | UInt64(index & 255)
    }

    /// Takes a waiting connection with the reserve descriptor and closes it; false if there is no reserve.
    func refuseWithReserve(_ fd: Int32) -> Bool {
        // Lost when somebody else was faster; without it the connection would wait, and the loop spin, until others close.
        if reserveDescriptor < 0 { reserveDescriptor = Glibc.open("/dev/null", O_RDONLY | O_CLOEXEC) }
        guard reserveDescriptor >= 0 else { return false }
        _ = Glibc.close(reserveDescriptor)
        var peer = SocketOperations.emptyAddress()
        var refused = false
        if let accepted = try? SocketOperations.accept(fd, peer: &peer) {
            _ = Glibc.close(accepted)
            refused = true
        }
        reserveDescriptor = Glibc.open("/dev/null", O_RDONLY | O_CLOEXEC)
        return refused
    }

    // MARK: Records

    /// Counts and logs a finished exchange.
    func account(
        _ record: Record, listener: ListenerRuntime, cluster: ClusterUpstreams?, generation: Generation, proxy: Int
    ) {
        let http = listener.httpCounters
        http.add(HTTPCounter.downstreamRqActive, -1)
        http.countDownstreamStatus(record.status)
        listener.requestTime.record(nanoseconds: record.finished - record.downstreamRxBegin)
        if let cluster {
            cluster.counters.countUpstreamStatus(record.status)
            // As in Envoy: from the end of the request; an answer that did not wait for it is no measure.
            if record.upstreamRxEnd > 0, record.downstreamRxEnd > 0 {
                cluster.requestTime.record(nanoseconds: record.upstreamRxEnd - record.downstreamRxEnd)
            }
            record.cluster = cluster.label
        }
        if record.labels == nil { record.labels = generation.publication.proxyLabels[proxy] }
        if let span = record.trace, span.isSampled, let tracer = generation.tracers[proxy] {
            tracing?.report(record, span, tracer, now: loop.now)
        }
        if !taps.isEmpty {
            tap(
                record, record.labels ?? generation.publication.proxyLabels[proxy],
                role: generation.snapshot.plan.proxies[proxy].role)
        }
        for target in generation.publication.logTargets[proxy] {
            let buffer = generation.logBuffers[target.slot]
            target.format.append(record, to: buffer)
            // Nobody comes later for the lines of a generation that is going.
            if buffer.count >= Self.logBytesMax || generation !== self.generation { target.file.submit(buffer) }
        }
        if !logTimer.isArmed, !self.generation.logBuffers.isEmpty {
            loop.timers.arm(logTimer, deadline: loop.now + Self.logInterval)
        }
    }

    /// Buffers for the files of a publication that is about to be served: those of files that are in use already stay.
    private func logBuffers(for publication: Publication) -> [LogBuffer] {
        flushLogs()
        var known: [ObjectIdentifier: LogBuffer] = [:]
        for (buffer, file) in zip(generation.logBuffers, generation.publication.logFiles) {
            if let file { known[ObjectIdentifier(file)] = buffer }
        }
        return publication.logFiles.map { file in file.flatMap { known[ObjectIdentifier($0)] } ?? LogBuffer() }
    }

    /// The loop has ended: nothing will be recorded any more, and no connection is used again.
    func ended() {
        for cluster in clusters.values { cluster.drain() }
        for cluster in authorityClusters.values { cluster.drain() }
        flushLogs()
    }

    func flushLogs() {
        for (buffer, file) in zip(generation.logBuffers, generation.publication.logFiles) where !buffer.isEmpty {
            file?.submit(buffer)
        }
    }

    // MARK: Date

    /// The Date field's value (RFC 9110 5.6.7), made once a second.
    var date: UnsafeBufferPointer<UInt8> {
        let second = Clock.realtime() / 1_000_000_000
        if second != dateSecond {
            dateSecond = second
            HTTPDate.write(second, into: dateText)
        }
        return UnsafeBufferPointer(dateText)
    }
}

/// The worker's own timers.
private final class Housekeeping: Handler {
    unowned(unsafe) let worker: Worker
    init(worker: Worker) {
        self.worker = worker
        super.init()
    }
    override func timerFired(_ timer: Timer) { worker.flushLogs() }
}

/// IMF-fixdate (RFC 9110 5.6.7): `Sun, 06 Nov 1994 08:49:37 GMT`.
enum HTTPDate {
    private static let days: StaticString = "SunMonTueWedThuFriSat"
    private static let months: StaticString = "JanFebMarAprMayJunJulAugSepOctNovDec"

    static func write(_ second: Int64, into text: UnsafeMutableBufferPointer<UInt8>) {
        var time = time_t(second)
        var parts = tm()
        gmtime_r(&time, &parts)
        func put(_ source: StaticString, _ from: Int, _ at: Int) {
            for index in 0..<3 { text[at + index] = source.utf8Start[from * 3 + index] }
        }
        func two(_ value: Int32, _ at: Int) {
            text[at] = UInt8(48 + value / 10 % 10)
            text[at + 1] = UInt8(48 + value % 10)
        }
        let template: StaticString = "   , 00 xxx 0000 00:00:00 GMT"
        for index in 0..<29 { text[index] = template.utf8Start[index] }
        put(days, Int(parts.tm_wday), 0)
        two(parts.tm_mday, 5)
        put(months, Int(parts.tm_mon), 8)
        two((parts.tm_year + 1900) / 100, 12)
        two((parts.tm_year + 1900) % 100, 14)
        two(parts.tm_hour, 17)
        two(parts.tm_min, 20)
        two(parts.tm_sec, 23)
    }
}

extension NetworkAddress {
    /// As logs and statistics show it: `127.0.0.1:80`, or the path of a unix socket.
    var hostText: String {
        if case .unix(let path) = self { path } else { description }
    }
}

extension SocketAddress {
    /// nil if the text is no address; the definitions were checked, so that is an error of the caller.
    init?(_ address: NetworkAddress) {
        switch address {
        case .ip(let host, let port): self.init(ip: host, port: port)
        case .unix(let path): self.init(unixPath: path)
        }
    }
}
