// The statistics that Trellis keeps, by Envoy's names (data plane reference 1.12). Each set is an enum whose raw values
// index a `CounterBlock`. What can happen is counted where it happens. Statistics of retries, circuit breakers, outlier
// detection and health checks stay at 0, which is the number of their events, until those policies are in force.

/// A set of counters and gauges that one `CounterBlock` holds.
public protocol CounterSet: RawRepresentable, CaseIterable, Sendable where RawValue == Int {
    /// Envoy's name, without the prefix of its owner.
    var name: String { get }
    var isGauge: Bool { get }
}

/// `cluster.<name>.…`
public enum ClusterCounter: Int, CounterSet {
    case upstreamCxTotal, upstreamCxActive, upstreamCxHTTP1Total
    case upstreamCxConnectFail, upstreamCxConnectTimeout, upstreamCxIdleTimeout
    case upstreamCxOverflow, upstreamCxProtocolError, upstreamCxNoneHealthy, upstreamCxCloseNotify
    case upstreamCxDestroy, upstreamCxDestroyLocal, upstreamCxDestroyRemote
    case upstreamCxDestroyWithActiveRq, upstreamCxDestroyLocalWithActiveRq, upstreamCxDestroyRemoteWithActiveRq
    case upstreamCxRxBytesTotal, upstreamCxTxBytesTotal
    case upstreamRqTotal, upstreamRqActive, upstreamRqCompleted
    case upstreamRq1xx, upstreamRq2xx, upstreamRq3xx, upstreamRq4xx, upstreamRq5xx
    case upstreamRqPendingTotal, upstreamRqPendingActive, upstreamRqPendingOverflow, upstreamRqPendingFailureEject
    case upstreamRqCancelled, upstreamRqTimeout, upstreamRqPerTryTimeout, upstreamRqRxReset, upstreamRqTxReset
    case upstreamRqRetry, upstreamRqRetrySuccess, upstreamRqRetryOverflow, upstreamRqRetryLimitExceeded
    case upstreamRqRetryBackoffExponential, retryOrShadowAbandoned
    case upstreamFlowControlPausedReadingTotal, upstreamFlowControlResumedReadingTotal, bindErrors
    case lbHealthyPanic, membershipChange, membershipTotal, membershipHealthy, membershipDegraded, membershipExcluded
    case breakerCxOpen, breakerRqOpen, breakerRqPendingOpen, breakerRqRetryOpen
    case outlierActive, outlierTotal, outlierOverflow, outlierEnforcedTotal, outlierEnforcedConsecutive5xx
    case outlierDetectedConsecutive5xx
    case updateAttempt, updateSuccess, updateFailure, updateEmpty, updateNoRebuild
    case healthAttempt, healthSuccess, healthFailure, healthPassiveFailure, healthNetworkFailure, healthHealthy

    public var isGauge: Bool {
        switch self {
        case .upstreamCxActive, .upstreamRqActive, .upstreamRqPendingActive, .membershipTotal, .membershipHealthy,
            .membershipDegraded, .membershipExcluded, .breakerCxOpen, .breakerRqOpen, .breakerRqPendingOpen,
            .breakerRqRetryOpen, .outlierActive, .healthHealthy:
            true
        default: false
        }
    }

    public var name: String {
        switch self {
        case .upstreamCxHTTP1Total: "upstream_cx_http1_total"
        case .upstreamRq1xx: "upstream_rq_1xx"
        case .upstreamRq2xx: "upstream_rq_2xx"
        case .upstreamRq3xx: "upstream_rq_3xx"
        case .upstreamRq4xx: "upstream_rq_4xx"
        case .upstreamRq5xx: "upstream_rq_5xx"
        case .breakerCxOpen: "circuit_breakers.default.cx_open"
        case .breakerRqOpen: "circuit_breakers.default.rq_open"
        case .breakerRqPendingOpen: "circuit_breakers.default.rq_pending_open"
        case .breakerRqRetryOpen: "circuit_breakers.default.rq_retry_open"
        case .outlierActive: "outlier_detection.ejections_active"
        case .outlierTotal: "outlier_detection.ejections_total"
        case .outlierOverflow: "outlier_detection.ejections_overflow"
        case .outlierEnforcedTotal: "outlier_detection.ejections_enforced_total"
        case .outlierEnforcedConsecutive5xx: "outlier_detection.ejections_enforced_consecutive_5xx"
        case .outlierDetectedConsecutive5xx: "outlier_detection.ejections_detected_consecutive_5xx"
        case .healthAttempt: "health_check.attempt"
        case .healthSuccess: "health_check.success"
        case .healthFailure: "health_check.failure"
        case .healthPassiveFailure: "health_check.passive_failure"
        case .healthNetworkFailure: "health_check.network_failure"
        case .healthHealthy: "health_check.healthy"
        default: snakeCase("\(self)")
        }
    }
}

/// `listener.<address>.…`
public enum ListenerCounter: Int, CounterSet {
    case downstreamCxTotal, downstreamCxActive, downstreamCxDestroy, downstreamCxOverflow

    public var isGauge: Bool { self == .downstreamCxActive }
    public var name: String { snakeCase("\(self)") }
}

/// `http.<prefix>.…`
public enum HTTPCounter: Int, CounterSet {
    case downstreamCxTotal, downstreamCxActive, downstreamCxHTTP1Total, downstreamCxHTTP1Active
    case downstreamCxDestroy, downstreamCxDestroyLocal, downstreamCxDestroyRemote
    case downstreamCxDestroyActiveRq, downstreamCxDestroyLocalActiveRq, downstreamCxDestroyRemoteActiveRq
    case downstreamCxIdleTimeout, downstreamCxDrainClose, downstreamCxProtocolError, downstreamCxDelayedCloseTimeout
    case downstreamCxRxBytesTotal, downstreamCxTxBytesTotal
    case downstreamFlowControlPausedReadingTotal, downstreamFlowControlResumedReadingTotal
    case downstreamRqTotal, downstreamRqActive, downstreamRqCompleted, downstreamRqHTTP1Total
    case downstreamRq1xx, downstreamRq2xx, downstreamRq3xx, downstreamRq4xx, downstreamRq5xx
    case downstreamRqIdleTimeout, downstreamRqHeaderTimeout, downstreamRqTooLarge
    case downstreamRqRxReset, downstreamRqTxReset, downstreamRqResponseBeforeRqComplete
    case downstreamRqNonRelativePath, downstreamRqFailedPathNormalization, downstreamRqWsOnNonWsRoute
    case noRoute, noCluster, rqDirectResponse, rqTotal, rqResetAfterDownstreamResponseStarted

    public var isGauge: Bool {
        switch self {
        case .downstreamCxActive, .downstreamCxHTTP1Active, .downstreamRqActive: true
        default: false
        }
    }

    public var name: String {
        switch self {
        case .downstreamCxHTTP1Total: "downstream_cx_http1_total"
        case .downstreamCxHTTP1Active: "downstream_cx_http1_active"
        case .downstreamRqHTTP1Total: "downstream_rq_http1_total"
        case .downstreamRq1xx: "downstream_rq_1xx"
        case .downstreamRq2xx: "downstream_rq_2xx"
        case .downstreamRq3xx: "downstream_rq_3xx"
        case .downstreamRq4xx: "downstream_rq_4xx"
        case .downstreamRq5xx: "downstream_rq_5xx"
        default: snakeCase("\(self)")
        }
    }
}

/// One endpoint of a cluster, as `/clusters` shows it.
public enum EndpointCounter: Int, CounterSet {
    case cxActive, cxConnectFail, cxTotal, rqActive, rqError, rqSuccess, rqTimeout, rqTotal

    public var isGauge: Bool { self == .cxActive || self == .rqActive }
    public var name: String { snakeCase("\(self)") }
}

/// `tracing.xray.…`: the segments of one traced proxy. Envoy counts none of its X-Ray tracer's; the names are those of its
/// other tracers.
public enum TracingCounter: Int, CounterSet {
    /// Given to the daemon's socket, or not, because there was no room or no way.
    case spansSent, spansDropped
    /// Of those sent: nobody was there to take them.
    case spansRefused

    public var isGauge: Bool { false }
    public var name: String { snakeCase("\(self)") }
}

/// The process: names with their whole prefix.
public enum ProcessCounter: Int, CounterSet {
    case serverLive, serverState, serverUptime, serverConcurrency, serverTotalConnections, serverMemoryPhysicalSize
    case activeClusters, clusterAdded, clusterModified, clusterRemoved
    case listenerAdded, listenerModified, listenerRemoved, listenerCreateSuccess, listenerCreateFailure
    case totalListenersActive, totalListenersDraining
    case logWriteCompleted, logWriteFailed, logReopenFailed, logLines, logDropped
    case snapshotGeneration, snapshotUpdateSuccess, snapshotUpdateRejected

    public var isGauge: Bool {
        switch self {
        case .serverLive, .serverState, .serverUptime, .serverConcurrency, .serverTotalConnections,
            .serverMemoryPhysicalSize, .activeClusters, .totalListenersActive, .totalListenersDraining,
            .snapshotGeneration:
            true
        default: false
        }
    }

    public var name: String {
        switch self {
        case .serverLive: "server.live"
        case .serverState: "server.state"
        case .serverUptime: "server.uptime"
        case .serverConcurrency: "server.concurrency"
        case .serverTotalConnections: "server.total_connections"
        case .serverMemoryPhysicalSize: "server.memory_physical_size"
        case .activeClusters: "cluster_manager.active_clusters"
        case .clusterAdded: "cluster_manager.cluster_added"
        case .clusterModified: "cluster_manager.cluster_modified"
        case .clusterRemoved: "cluster_manager.cluster_removed"
        case .listenerAdded: "listener_manager.listener_added"
        case .listenerModified: "listener_manager.listener_modified"
        case .listenerRemoved: "listener_manager.listener_removed"
        case .listenerCreateSuccess: "listener_manager.listener_create_success"
        case .listenerCreateFailure: "listener_manager.listener_create_failure"
        case .totalListenersActive: "listener_manager.total_listeners_active"
        case .totalListenersDraining: "listener_manager.total_listeners_draining"
        case .logWriteCompleted: "filesystem.write_completed"
        case .logWriteFailed: "filesystem.write_failed"
        case .logReopenFailed: "filesystem.reopen_failed"
        case .logLines: "access_log.lines"
        case .logDropped: "access_log.dropped"
        case .snapshotGeneration: "snapshot.generation"
        case .snapshotUpdateSuccess: "snapshot.update_success"
        case .snapshotUpdateRejected: "snapshot.update_rejected"
        }
    }
}

/// Envoy's histograms, in milliseconds.
public enum HistogramKind: Int, CaseIterable, Sendable {
    case upstreamRqTime, upstreamCxConnectMs, upstreamCxLengthMs
    case downstreamRqTime, downstreamCxLengthMs
    /// Processor time of a worker that takes over a snapshot. Ours alone.
    case snapshotAdoptMs
    /// From the end of a worker's waiting to its next: Envoy's `dispatcher.loop_duration_us`, in milliseconds here.
    case loopDurationMs

    public var name: String {
        switch self {
        case .snapshotAdoptMs: "snapshot.adopt_ms"
        case .loopDurationMs: "dispatcher.loop_duration_ms"
        default: snakeCase("\(self)")
        }
    }
}

/// `upstreamRqTotal` → `upstream_rq_total`.
func snakeCase(_ name: String) -> String {
    var result = ""
    for character in name {
        if character.isUppercase { result += "_" + character.lowercased() } else { result.append(character) }
    }
    return result
}
