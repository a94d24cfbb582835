import CLinux
import Glibc
import Reactor
import Routing
import Synchronization
import Telemetry
import Wire

// Tracing with AWS X-Ray: which proxies trace, where a request's span begins, and how finished ones get to the daemon.
//
// It is on or off for the whole process, from its start. Off, a worker has no `WorkerTracing`, and every trace header passes
// untouched. On, gateways and sidecars of App Mesh trace, each with a name and a sampler of its own, which all workers share;
// listeners of the process itself and Lattice's do not. Each worker has a socket of its own and never waits for it.

public struct XRaySettings: Sendable, Equatable {
    /// UDP address of the daemon.
    public var daemon: NetworkAddress
    public var rules: SamplingRules
    /// Name of the segments; nil takes `mesh/resource` of each proxy.
    public var segmentName: String?

    public init(daemon: NetworkAddress, rules: SamplingRules = SamplingRules(), segmentName: String? = nil) {
        self.daemon = daemon
        self.rules = rules
        self.segmentName = segmentName
    }
}

/// What the workers share.
final class Tracing: Sendable {
    private let settings: XRaySettings
    /// By proxy: samplers count over reloads.
    private let known = Mutex<[String: TracedProxy]>([:])

    init(_ settings: XRaySettings) { self.settings = settings }

    /// By index of the plan's proxies; nil for those that do not trace. Others than the plan's are forgotten.
    func proxies(of plan: Plan) -> [TracedProxy?] {
        known.withLock { known in
            var kept: [String: TracedProxy] = [:]
            let proxies = plan.proxies.map { proxy -> TracedProxy? in
                guard proxy.role == .gateway || proxy.role == .sidecar else { return nil }
                let traced =
                    known[proxy.name]
                    ?? TracedProxy(
                        name: settings.segmentName, mesh: proxy.mesh, resource: Self.resource(proxy),
                        rules: settings.rules)
                kept[proxy.name] = traced
                return traced
            }
            known = kept
            return proxies
        }
    }

    /// `blue` of `colors/blue`.
    private static func resource(_ proxy: ProxyPlan) -> String {
        proxy.source.name.split(separator: "/").last.map(String.init) ?? proxy.name
    }

    /// A datagram socket that sends to the daemon, which need not be there; nil if no way leads to its address.
    func connect() -> Socket? {
        guard let address = SocketAddress(settings.daemon), !address.isUnix else { return nil }
        let descriptor = clinux_datagram_socket(address.family)
        guard descriptor >= 0 else { return nil }
        let socket = Socket(owning: descriptor)
        guard (try? SocketOperations.connect(socket.fd, to: address)) != nil else { return nil }
        return socket
    }
}

/// A traced proxy as one worker sees it.
struct ProxyTracer {
    var proxy: TracedProxy
    var counters: CounterBlock
}

/// One worker's tracing.
final class WorkerTracing {
    private let shared: Tracing
    private var socket: Socket?
    /// When to try again to get a socket.
    private var nextConnect = Int64.min
    private let writer = SegmentWriter()
    private static let connectInterval: Int64 = 1_000_000_000

    init(_ shared: Tracing) { self.shared = shared }

    /// By index of the plan's proxies.
    func tracers(of plan: Plan, _ stats: StatStore, worker: Int) -> [ProxyTracer?] {
        zip(plan.proxies, shared.proxies(of: plan)).map { plan, traced in
            traced.map {
                ProxyTracer(proxy: $0, counters: stats.counters(.tracing(proxy: plan.name), worker: worker))
            }
        }
    }

    /// Sends a finished record's segment, or counts that it could not.
    func report(_ record: Record, _ span: TraceSpan, _ tracer: ProxyTracer, now: Int64) {
        if socket == nil, now >= nextConnect {
            socket = shared.connect()
            nextConnect = now + Self.connectInterval
        }
        guard let fd = socket?.fd else {
            tracer.counters.add(TracingCounter.spansDropped)
            return
        }
        let datagram = writer.datagram(record, span, of: tracer.proxy)
        var sent = SocketOperations.send(fd, datagram)
        if case .failed(ECONNREFUSED) = sent {
            // Says that nobody took an earlier one; this one has not been tried.
            tracer.counters.add(TracingCounter.spansRefused)
            sent = SocketOperations.send(fd, datagram)
        }
        if case .bytes = sent {
            tracer.counters.add(TracingCounter.spansSent)
        } else {
            tracer.counters.add(TracingCounter.spansDropped)
        }
    }
}

extension Exchange {
    /// Gives the record its span, if the proxy traces. The client's headers decide, before anything is rewritten.
    func beginTrace(_ listener: ListenerRuntime, _ generation: Generation) {
        guard proxy < generation.tracers.count, let tracer = generation.tracers[proxy] else { return }
        let isEgress = generation.snapshot.listener(listener.id).direction == .egress
        record.trace = tracer.proxy.begin(
            request, isEgress: isEgress, realtime: record.startRealtime, now: worker.loop.now,
            random: &worker.random)
    }
}
