// All statistics of the process, by owner and worker. Blocks are made when a snapshot is loaded and found again by key in
// the next one; the lock is taken then and by readers, never while counting.

import Synchronization

/// The owner of a block of counters.
public struct StatKey: Hashable, Sendable {
    public enum Kind: Int, Sendable, CaseIterable { case cluster, http, listener, server, endpoint, tracing }
    public var proxy: String
    public var kind: Kind
    /// The cluster, the statistics prefix, the listener's address, `cluster|endpoint`; empty for the server and the tracer.
    public var name: String

    public init(proxy: String, kind: Kind, name: String) {
        self.proxy = proxy
        self.kind = kind
        self.name = name
    }

    public static func cluster(_ name: String, proxy: String) -> StatKey {
        StatKey(proxy: proxy, kind: .cluster, name: name)
    }
    public static func http(_ prefix: String, proxy: String) -> StatKey {
        StatKey(proxy: proxy, kind: .http, name: prefix)
    }
    public static func listener(_ address: String, proxy: String) -> StatKey {
        StatKey(proxy: proxy, kind: .listener, name: address)
    }
    public static func server(proxy: String = "") -> StatKey { StatKey(proxy: proxy, kind: .server, name: "") }
    public static func endpoint(_ name: String, cluster: String, proxy: String) -> StatKey {
        StatKey(proxy: proxy, kind: .endpoint, name: "\(cluster)|\(name)")
    }
    public static func tracing(proxy: String) -> StatKey { StatKey(proxy: proxy, kind: .tracing, name: "") }
}

extension StatKey.Kind {
    /// Names and kinds of the counters, by index.
    var counters: [(name: String, isGauge: Bool)] {
        switch self {
        case .cluster: Self.clusterCounters
        case .http: Self.httpCounters
        case .listener: Self.listenerCounters
        case .server: Self.processCounters
        case .endpoint: Self.endpointCounters
        case .tracing: Self.tracingCounters
        }
    }

    private static let clusterCounters = ClusterCounter.allCases.map { ($0.name, $0.isGauge) }
    private static let httpCounters = HTTPCounter.allCases.map { ($0.name, $0.isGauge) }
    private static let listenerCounters = ListenerCounter.allCases.map { ($0.name, $0.isGauge) }
    private static let processCounters = ProcessCounter.allCases.map { ($0.name, $0.isGauge) }
    private static let endpointCounters = EndpointCounter.allCases.map { ($0.name, $0.isGauge) }
    private static let tracingCounters = TracingCounter.allCases.map { ($0.name, $0.isGauge) }
}

/// One statistic, added up over the workers.
public struct StatLine: Sendable, Equatable {
    public var proxy: String
    /// As Envoy's text `/stats` has it.
    public var name: String
    public var value: Int64
    public var isGauge: Bool
    /// Whether it was ever written.
    public var isUsed: Bool
}

/// The statistics of the process.
public final class StatStore: Sendable {
    struct HistogramKey: Hashable {
        var owner: StatKey
        var kind: HistogramKind
    }

    struct HistogramEntry {
        var workers: [Histogram]
        /// At the last two ends of an interval; their difference is the interval that `/stats` shows.
        var previous = Distribution()
        var latest = Distribution()
    }

    struct State {
        var counters: [StatKey: [CounterBlock]] = [:]
        var histograms: [HistogramKey: HistogramEntry] = [:]
    }

    let state = Mutex(State())
    /// Writers: the workers, and behind them the control module.
    public let workers: Int
    /// The index that the control module writes under.
    public var controlWorker: Int { workers }

    public init(workers: Int) { self.workers = max(workers, 0) }

    /// The block of one owner on one worker: 0 to `workers`, the last being the control module's. The same key gives the
    /// same block in every snapshot.
    public func counters(_ key: StatKey, worker: Int) -> CounterBlock {
        precondition(worker >= 0 && worker <= workers)
        return state.withLock { state in
            if let blocks = state.counters[key] { return blocks[worker] }
            let count = key.kind.counters.count
            let blocks = (0...workers).map { _ in CounterBlock(count: count) }
            state.counters[key] = blocks
            return blocks[worker]
        }
    }

    /// The histogram of one owner on one worker.
    public func histogram(_ key: StatKey, _ kind: HistogramKind, worker: Int) -> Histogram {
        precondition(worker >= 0 && worker <= workers)
        return state.withLock { state in
            let key = HistogramKey(owner: key, kind: kind)
            if let entry = state.histograms[key] { return entry.workers[worker] }
            let entry = HistogramEntry(workers: (0...workers).map { _ in Histogram() })
            state.histograms[key] = entry
            return entry.workers[worker]
        }
    }

    /// Forgets owners that no snapshot names any more, such as those of a deleted node. Blocks that a worker still holds
    /// stay valid; what they count is no longer shown.
    public func remove(where shouldRemove: (StatKey) -> Bool) {
        state.withLock { state in
            for key in state.counters.keys.filter(shouldRemove) { state.counters[key] = nil }
            for key in state.histograms.keys where shouldRemove(key.owner) { state.histograms[key] = nil }
        }
    }

    /// One counter, added up over the workers; 0 if nobody made it.
    public func value<Counter: CounterSet>(_ key: StatKey, _ counter: Counter) -> Int64 {
        state.withLock { state in
            state.counters[key]?.reduce(0) { $0 &+ $1.value(counter.rawValue) } ?? 0
        }
    }

    /// One histogram, added up over the workers.
    public func distribution(_ key: StatKey, _ kind: HistogramKind) -> Distribution {
        state.withLock { state in
            var result = Distribution()
            for histogram in state.histograms[HistogramKey(owner: key, kind: kind)]?.workers ?? [] {
                histogram.add(to: &result)
            }
            return result
        }
    }

    /// Ends the interval that the text output shows beside the values since the start. Envoy does so every 5 s.
    public func endInterval() {
        state.withLock { state in
            for key in Array(state.histograms.keys) {
                guard var entry = state.histograms[key] else { continue }
                var now = Distribution()
                for histogram in entry.workers { histogram.add(to: &now) }
                entry.previous = entry.latest
                entry.latest = now
                state.histograms[key] = entry
            }
        }
    }

    /// Every counter and gauge of one proxy, or of all, sorted by proxy and name. Endpoints are not among them, as they
    /// are not in Envoy's `/stats`.
    public func lines(proxy: String? = nil) -> [StatLine] {
        let owners = state.withLock { state in
            state.counters.filter { ($0.key.proxy == proxy || proxy == nil) && $0.key.kind != .endpoint }
        }
        var lines: [StatLine] = []
        for (key, blocks) in owners {
            let prefix = key.textPrefix
            for (index, counter) in key.kind.counters.enumerated() {
                lines.append(
                    StatLine(
                        proxy: key.proxy, name: prefix + counter.name,
                        value: blocks.reduce(0) { $0 &+ $1.value(index) }, isGauge: counter.isGauge,
                        isUsed: blocks.contains { $0.isUsed(index) }))
            }
            guard key.kind == .cluster else { continue }
            for status in CounterBlock.firstStatus..<(CounterBlock.firstStatus + CounterBlock.statusCount) {
                let value = blocks.reduce(0) { $0 &+ $1.statusValue(status) }
                guard value != 0 else { continue }
                lines.append(
                    StatLine(
                        proxy: key.proxy, name: "\(prefix)upstream_rq_\(status)", value: value, isGauge: false,
                        isUsed: true))
            }
        }
        return lines.sorted { ($0.proxy, $0.name) < ($1.proxy, $1.name) }
    }
}

extension StatKey {
    /// What stands before a counter's name in the text output.
    var textPrefix: String {
        switch kind {
        case .cluster: "cluster.\(Self.sanitized(name))."
        case .http: "http.\(Self.sanitized(name))."
        case .listener: "listener.\(Self.sanitized(name))."
        case .tracing: "tracing.xray."
        case .server, .endpoint: ""
        }
    }

    /// Envoy writes the colons of addresses as underscores, as its output is `name: value`.
    static func sanitized(_ name: String) -> String { String(name.map { $0 == ":" ? "_" : $0 }) }
}
