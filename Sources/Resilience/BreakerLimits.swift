/// The limits of one cluster's circuit breaker and the permits that they hand out (data plane reference 1.6, App Mesh
/// reference section 2, "Circuit breakers").
///
/// A permit cannot be copied: whoever takes one stores it with what it stands for and returns it exactly once, which the
/// compiler proves. One that is dropped instead stops debug builds.
public struct BreakerLimits: Sendable, Equatable {
    /// Connections to the cluster, connecting, busy and idle ones together.
    public var connectionsMax: Int
    /// Requests that wait for a connection, those included that wait for their own connection to be established.
    public var pendingMax: Int
    /// Requests under way (HTTP/2 and gRPC).
    public var requestsMax: Int
    /// Retries in back-off or under way.
    public var retriesMax: Int

    /// What App Mesh set when a definition did not: practically no limit.
    public static let unlimited = 2_147_483_647

    public init(
        connectionsMax: Int = Self.unlimited, pendingMax: Int = Self.unlimited, requestsMax: Int = Self.unlimited,
        retriesMax: Int = Self.unlimited
    ) {
        self.connectionsMax = max(0, connectionsMax)
        self.pendingMax = max(0, pendingMax)
        self.requestsMax = max(0, requestsMax)
        self.retriesMax = max(0, retriesMax)
    }

    /// App Mesh accounts since 2020.
    public static let appMeshDefault = BreakerLimits()
    /// Envoy's own defaults, which older App Mesh accounts kept.
    public static let envoyDefault = BreakerLimits(
        connectionsMax: 1_024, pendingMax: 1_024, requestsMax: 1_024, retriesMax: 3)
}

/// The right to hold one connection to a cluster (HTTP/1, TCP), or to run one request through a gateway's own pool.
public struct ConnectionPermit: ~Copyable, Sendable {
    let worker: Int32

    init(worker: Int) { self.worker = Int32(truncatingIfNeeded: worker) }

    deinit { assertionFailure("a connection permit was dropped, not returned") }

    consuming func forget() { discard self }
}

/// The right to run one request (HTTP/2, gRPC).
public struct RequestPermit: ~Copyable, Sendable {
    init() {}

    deinit { assertionFailure("a request permit was dropped, not returned") }

    consuming func forget() { discard self }
}

/// The right to run one retry.
public struct RetryPermit: ~Copyable, Sendable {
    init() {}

    deinit { assertionFailure("a retry permit was dropped, not returned") }

    consuming func forget() { discard self }
}

/// Something to tell a worker: the data plane posts it to that worker's mailbox, or handles it at once if it is its own.
public struct Wake: Sendable, Equatable {
    public enum Reason: Sendable, Equatable {
        /// A permit waits for it: it calls `Admission.collect`.
        case permitGranted
        /// Another worker needs a connection: it calls `Admission.giveUpAsked`.
        case giveUpIdle
    }
    public var worker: Int
    public var reason: Reason
}

/// What a circuit breaker shows at one moment, for statistics, `/clusters` and `status`.
public struct BreakerReading: Sendable, Equatable {
    public var limits: BreakerLimits
    /// Permits given out, those on their way to a waiting worker included.
    public var connections: Int
    /// Requests pending: waiting for a permit or for their connection to be established.
    public var pending: Int
    /// The pending requests that wait for a permit.
    public var waiting: Int
    public var requests: Int
    public var retries: Int
    /// How often a request found no permit for a connection (`upstream_cx_overflow`); it then waits.
    public var connectionOverflows: UInt64
    /// How often a request was refused because too many were pending (`upstream_rq_pending_overflow`).
    public var pendingOverflows: UInt64
    /// How often a request was refused because too many were under way; Envoy counts it as `upstream_rq_pending_overflow`
    /// and `upstream_rq_active_overflow`.
    public var requestOverflows: UInt64
    /// `upstream_rq_retry_overflow`
    public var retryOverflows: UInt64

    /// The gauges `circuit_breakers.default.*_open`: the next one would be refused.
    public var isConnectionsOpen: Bool { connections >= limits.connectionsMax }
    public var isPendingOpen: Bool { pending >= limits.pendingMax }
    public var isRequestsOpen: Bool { requests >= limits.requestsMax }
    public var isRetriesOpen: Bool { retries >= limits.retriesMax }
}
