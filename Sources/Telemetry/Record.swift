// What is known of one finished exchange. An exchange owns one record and reuses it: facts are stored as they happen, and
// the record is formatted once, when the exchange ends and before its header blocks are reset. Nothing here is
// formatted, copied or allocated ahead of a consumer. Times are points, not durations: the log operators subtract.

import Wire

/// Everything known of one finished exchange. It belongs to one worker.
public final class Record {
    // MARK: Time

    /// When the request began, in nanoseconds since 1970 (`%START_TIME%`).
    public var startRealtime: Int64 = 0

    // Points on the monotonic clock in nanoseconds; 0 is "not reached". Names are those of `%COMMON_DURATION%`.
    /// DS_RX_BEG: first byte of the request. Every duration counts from here.
    public var downstreamRxBegin: Int64 = 0
    /// DS_RX_END: last byte of the request.
    public var downstreamRxEnd: Int64 = 0
    /// The last attempt got a connection (`%UPSTREAM_CONNECTION_POOL_READY_DURATION%`).
    public var upstreamPoolReady: Int64 = 0
    /// US_CX_BEG and US_CX_END: the last attempt's connection was begun and was established; 0 on a reused one.
    public var upstreamConnectBegin: Int64 = 0
    public var upstreamConnectEnd: Int64 = 0
    /// US_TX_BEG: first byte of the request to the upstream, in the last attempt.
    public var upstreamTxBegin: Int64 = 0
    public var upstreamTxEnd: Int64 = 0
    /// US_RX_BEG: first byte of the answer from the upstream.
    public var upstreamRxBegin: Int64 = 0
    /// US_RX_BODY_BEG: first byte of the answer's body.
    public var upstreamRxBodyBegin: Int64 = 0
    public var upstreamRxEnd: Int64 = 0
    /// DS_TX_BEG: first byte of the answer downstream.
    public var downstreamTxBegin: Int64 = 0
    public var downstreamTxEnd: Int64 = 0
    /// The exchange was over, whatever the reason; if not set, the latest point counts (`%DURATION%`).
    public var finished: Int64 = 0

    // MARK: Outcome

    /// Status sent downstream; 0 is "none was sent".
    public var status = 0
    public var flags: ResponseFlags = []
    public var details: ResponseDetails = .none
    public var version: HTTPVersion = .http11
    /// Version spoken with the upstream; nil if none was reached.
    public var upstreamVersion: HTTPVersion?
    /// Tries sent upstream, the first included; 0 if the request never left.
    public var attempts = 0
    /// Body of an answer that the proxy made itself.
    public var localReplyBody: StaticString?
    /// Why the connection to the upstream failed, in Envoy's words: `delayed connect error: Connection refused`.
    public var upstreamFailureReason: StaticString?

    // MARK: Bytes

    // Bodies without framing, downstream side (`%BYTES_RECEIVED%`, `%BYTES_SENT%`).
    public var bodyBytesReceived: UInt64 = 0
    public var bodyBytesSent: UInt64 = 0
    // Heads, downstream side.
    public var headerBytesReceived: UInt64 = 0
    public var headerBytesSent: UInt64 = 0
    // Everything that crossed the socket for this exchange, framing included.
    public var downstreamWireBytesReceived: UInt64 = 0
    public var downstreamWireBytesSent: UInt64 = 0
    // Upstream side, the last attempt.
    public var upstreamHeaderBytesSent: UInt64 = 0
    public var upstreamHeaderBytesReceived: UInt64 = 0
    public var upstreamWireBytesSent: UInt64 = 0
    public var upstreamWireBytesReceived: UInt64 = 0

    // MARK: Parties

    /// The request's head as it went upstream; names of a client's original target are in `originalPath`.
    public var request: HeaderBlock
    /// The head that went downstream.
    public var response: HeaderBlock?
    public var responseTrailers: HeaderBlock?
    /// Path and query as the client sent them, in `request`'s buffer, if a route rewrote them; otherwise empty. It
    /// stands in for `x-envoy-original-path` where that header was not added.
    public var originalPath: HeaderBlock.Range = .empty
    /// The downstream connection.
    public var peer: PeerInfo?
    /// The last attempt's connection: `remote` is the upstream's end, `local` ours.
    public var upstreamPeer: PeerInfo?
    /// Attempts before the last one that got a connection (`%UPSTREAM_HOSTS_ATTEMPTED%`), in order; see `beginRetry`.
    public private(set) var earlierAttempts: [(endpoint: EndpointLabel, connectionID: UInt64)] = []
    /// The chosen destination; needed where no endpoint was chosen, as the endpoint knows its cluster.
    public var cluster: ClusterLabel?
    public var endpoint: EndpointLabel?
    /// Labels of the gateway route, where a request passed one.
    public var gatewayLabels: RouteLabels?
    /// Labels of the matched route, or of the proxy if none matched.
    public var labels: RouteLabels?
    /// The proxy's part of the trace; nil where nothing is traced.
    public var trace: TraceSpan?

    public init(request: HeaderBlock) {
        self.request = request
    }

    /// A retry begins: what identifies the attempt that ended is kept if it had a connection, and its facts make room
    /// for those of the next.
    public func beginRetry() {
        if let endpoint, let upstreamPeer {
            earlierAttempts.append((endpoint, upstreamPeer.connectionID))
        }
        forgetAttempt()
    }

    /// What is known of the last attempt's connection and times.
    private func forgetAttempt() {
        upstreamPeer = nil
        upstreamVersion = nil
        upstreamPoolReady = 0
        upstreamConnectBegin = 0
        upstreamConnectEnd = 0
        upstreamTxBegin = 0
        upstreamTxEnd = 0
        upstreamRxBegin = 0
        upstreamRxBodyBegin = 0
        upstreamRxEnd = 0
    }

    /// Forgets everything but `request`, whose owner resets it.
    public func reset() {
        startRealtime = 0
        downstreamRxBegin = 0
        downstreamRxEnd = 0
        forgetAttempt()
        downstreamTxBegin = 0
        downstreamTxEnd = 0
        finished = 0
        status = 0
        flags = []
        details = .none
        version = .http11
        attempts = 0
        localReplyBody = nil
        upstreamFailureReason = nil
        bodyBytesReceived = 0
        bodyBytesSent = 0
        headerBytesReceived = 0
        headerBytesSent = 0
        downstreamWireBytesReceived = 0
        downstreamWireBytesSent = 0
        upstreamHeaderBytesSent = 0
        upstreamHeaderBytesReceived = 0
        upstreamWireBytesSent = 0
        upstreamWireBytesReceived = 0
        response = nil
        responseTrailers = nil
        originalPath = .empty
        peer = nil
        if !earlierAttempts.isEmpty { earlierAttempts.removeAll(keepingCapacity: true) }
        cluster = nil
        endpoint = nil
        gatewayLabels = nil
        labels = nil
        trace = nil
    }

    /// End of the exchange on the monotonic clock.
    var end: Int64 {
        if finished != 0 { return finished }
        let points = (downstreamTxEnd, max(upstreamRxEnd, upstreamRxBegin), max(upstreamTxEnd, downstreamRxEnd))
        return max(max(points.0, downstreamTxBegin), max(points.1, points.2), downstreamRxBegin)
    }
}
