// The process's own statistics, by Envoy's names (dataplane.md 1.12): what the control thread knows is written when it
// happens, what passes by itself (time, memory, log lines) once a second.

import DataPlane
import Glibc
import Reactor
import Routing
import Telemetry

final class ProcessPulse: Handler {
    private let loop: EventLoop
    private let plane: DataPlane
    private let stats: StatStore
    private let counters: CounterBlock
    private let logs: LogWriter
    private var state: RuntimeState?
    private var beats = 0
    /// The log writer counts on when counters are set back.
    private var logTotalsAtReset: [ProcessCounter: Int64] = [:]
    private lazy var timer = Timer(owner: self)

    private static let interval: Int64 = 1_000_000_000
    /// Histograms show intervals of this many beats, as Envoy's do.
    private static let beatsPerInterval = 5
    private static let beatsPerSweep = 60

    init(loop: EventLoop, plane: DataPlane, logs: LogWriter) {
        self.loop = loop
        self.plane = plane
        self.logs = logs
        stats = plane.stats
        counters = stats.counters(.server(), worker: stats.controlWorker)
    }

    func start(_ state: RuntimeState) {
        self.state = state
        counters.set(ProcessCounter.serverConcurrency, Int64(plane.configuration.workers))
        describe(state.current)
        beat()
    }

    /// A reload happened.
    func counted(_ outcome: ReloadOutcome) {
        switch outcome.result {
        case .published:
            counters.add(ProcessCounter.snapshotUpdateSuccess)
            count(outcome.difference.clusters, .clusterAdded, .clusterModified, .clusterRemoved)
            count(outcome.difference.listeners, .listenerAdded, .listenerModified, .listenerRemoved)
            counters.add(
                ProcessCounter.listenerCreateSuccess, Int64(outcome.difference.listeners.added.count))
        case .refused:
            counters.add(ProcessCounter.snapshotUpdateRejected)
            if outcome.refusal == .addresses { counters.add(ProcessCounter.listenerCreateFailure) }
        case .unchanged: break
        }
        if let state { describe(state.current) }
    }

    private func count(
        _ changes: PlanDifference.Changes, _ added: ProcessCounter, _ modified: ProcessCounter,
        _ removed: ProcessCounter
    ) {
        counters.add(added, Int64(changes.added.count))
        counters.add(modified, Int64(changes.changed.count))
        counters.add(removed, Int64(changes.removed.count))
    }

    private func describe(_ status: RuntimeState.Status) {
        counters.set(ProcessCounter.snapshotGeneration, Int64(clamping: status.generation))
        counters.set(
            ProcessCounter.activeClusters, Int64(status.plan.proxies.reduce(0) { $0 + $1.clusters.count }))
        counters.set(
            ProcessCounter.totalListenersActive, Int64(status.plan.proxies.reduce(0) { $0 + $1.listeners.count }))
        countDraining()
    }

    /// Sets the gauge of listeners that still have connections, each counted once however many sockets it has.
    private func countDraining() {
        let draining = Set(plane.drainingListeners.map { ListenerTag(proxy: $0.proxy, listener: $0.listener) })
        counters.set(ProcessCounter.totalListenersDraining, Int64(draining.count))
    }

    override func timerFired(_ timer: Timer) { beat() }

    /// Lines accepted and dropped, over all files: with those that workers still hold they are all records.
    private func countLogs() {
        for (counter, total) in logTotals { counters.set(counter, total - (logTotalsAtReset[counter] ?? 0)) }
    }

    /// Since the start of the process.
    private var logTotals: [ProcessCounter: Int64] {
        let totals = logs.totals
        let activity = logs.activity
        return [
            .logLines: Int64(clamping: totals.lines), .logDropped: Int64(clamping: totals.dropped),
            .logWriteCompleted: Int64(clamping: activity.writes),
            .logWriteFailed: Int64(clamping: activity.writeFailures),
            .logReopenFailed: Int64(clamping: activity.reopenFailures),
        ]
    }

    /// Sets what this thread counts back to 0.
    func resetCounters() {
        stats.resetCounters(worker: stats.controlWorker)
        logTotalsAtReset = logTotals
    }

    private func beat() {
        loop.timers.arm(timer, deadline: Clock.monotonic() + Self.interval)
        beats += 1
        if beats % Self.beatsPerInterval == 0 { stats.endInterval() }
        countLogs()
        countDraining()
        guard let state else { return }
        // Names may have new addresses all the time, without any reload.
        if beats % Self.beatsPerSweep == 0 {
            StatRetention.forgetOwners(missing: state.current, in: stats, kinds: [.endpoint])
        }
        let isDraining = state.current.phase(of: nil) == .draining
        counters.set(ProcessCounter.serverLive, isDraining ? 0 : 1)
        // Envoy's numbers: 0 live, 1 draining.
        counters.set(ProcessCounter.serverState, isDraining ? 1 : 0)
        counters.set(ProcessCounter.serverUptime, state.uptime.components.seconds)
        if let pages = SystemFile.text("/proc/self/statm")?.split(separator: " ").dropFirst().first.flatMap({
            Int64($0)
        }) {
            counters.set(ProcessCounter.serverMemoryPhysicalSize, pages &* Int64(sysconf(Int32(_SC_PAGESIZE))))
        }
    }
}

/// Which statistics outlive a reload: those whose owner is still there (design section 3, keyed by names).
enum StatRetention {
    /// Forgets what neither the plan nor discovery knows any more.
    static func forgetOwners(
        missing status: RuntimeState.Status, in stats: StatStore,
        kinds: Set<StatKey.Kind> = [.cluster, .endpoint, .http, .listener, .tracing]
    ) {
        var known: Set<StatKey> = []
        // Endpoints of clusters that nobody has discovered yet: those of before serve until then.
        var undiscovered: Set<StatKey> = []
        for proxy in status.plan.proxies {
            known.insert(.tracing(proxy: proxy.name))
            // Egress to any authority has one cluster, which comes with the traffic.
            known.insert(.cluster("cds_egress_\(proxy.mesh)_mesh-allow-all", proxy: proxy.name))
            for cluster in proxy.clusters {
                let key = StatKey.cluster(cluster.name, proxy: proxy.name)
                known.insert(key)
                if cluster.discovery != nil,
                    status.discovered[ClusterKey(proxy: proxy.name, cluster: cluster.name)] == nil
                {
                    undiscovered.insert(key)
                }
                for endpoint in status.endpoints(of: cluster, proxy: proxy.name) {
                    known.insert(
                        .endpoint(cluster.statName(of: endpoint), cluster: cluster.name, proxy: proxy.name))
                }
            }
            for listener in proxy.listeners {
                known.insert(.http(listener.statPrefix, proxy: proxy.name))
                for bind in listener.binds { known.insert(.listener(bind.address.description, proxy: proxy.name)) }
            }
        }
        stats.remove { key in
            guard kinds.contains(key.kind) else { return false }
            return switch key.kind {
            case .listener, .http, .cluster, .tracing: !known.contains(key)
            case .endpoint:
                !known.contains(key) && !undiscovered.contains(.cluster(key.endpointCluster, proxy: key.proxy))
            case .server: false
            }
        }
    }
}

extension StatKey {
    /// The cluster of an endpoint's key, `cluster|endpoint`.
    fileprivate var endpointCluster: String { String(name.prefix { $0 != "|" }) }
}

/// How many endpoints each cluster has, `membership_total` and `membership_healthy`.
enum Membership {
    static func count(_ state: RuntimeState) {
        let status = state.current
        for proxy in status.plan.proxies {
            for cluster in proxy.clusters {
                let counters = state.stats.counters(
                    .cluster(cluster.name, proxy: proxy.name), worker: state.stats.controlWorker)
                let count = Int64(status.endpoints(of: cluster, proxy: proxy.name).count)
                counters.set(ClusterCounter.membershipTotal, count)
                counters.set(ClusterCounter.membershipHealthy, count)
            }
        }
    }
}
