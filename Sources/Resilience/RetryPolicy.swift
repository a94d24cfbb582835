/// What is retried, how often, how soon, and where: the value that a route carries.
///
/// The vocabulary is Envoy's (data plane reference 1.3), because App Mesh had no other: its events were translated into
/// Envoy's tokens and lists of status codes before any proxy saw them (App Mesh reference section 2, "Retry").
/// Times are nanoseconds. A policy is plain memory: copying one allocates nothing.
public struct RetryPolicy: Sendable, Equatable {
    /// Outcomes that are retried.
    public var events: RetryEvents
    /// Status codes that are retried when `events` has `retriableStatusCodes`.
    public var codes: StatusCodeSet
    /// Retries after the first attempt; 0 is "none", and a failure that would be retried then counts as exhausted.
    public var retriesMax: UInt32
    /// Bounds each attempt, the first one too; 0 is "none".
    public var perTryTimeout: Int64
    /// A retry prefers a host that was not tried before (Envoy's `previous_hosts`), with so many further picks; 0 takes the
    /// first pick. When all are spent the last pick is used anyway.
    public var hostRepicksMax: Int
    /// Back-off before retry N is uniform in `[0, min(backOffMax, (2^N - 1) * backOffUnit))`.
    public var backOffUnit: Int64
    public var backOffMax: Int64

    /// Envoy's back-off: 25 ms, and ten times that at most.
    public static let backOffUnit: Int64 = 25_000_000
    public static let backOffMax: Int64 = 250_000_000
    /// App Mesh set `host_selection_retry_max_attempts: 5`.
    public static let hostRepicksMax = 5

    public init(
        events: RetryEvents, codes: StatusCodeSet = [], retriesMax: UInt32, perTryTimeout: Int64 = 0,
        hostRepicksMax: Int = RetryPolicy.hostRepicksMax, backOffUnit: Int64 = RetryPolicy.backOffUnit,
        backOffMax: Int64 = RetryPolicy.backOffMax
    ) {
        self.events = events
        self.codes = codes
        self.retriesMax = retriesMax
        self.perTryTimeout = max(0, perTryTimeout)
        self.hostRepicksMax = max(0, hostRepicksMax)
        self.backOffUnit = max(0, backOffUnit)
        self.backOffMax = max(0, backOffMax)
    }

    /// Nothing is retried: server proxies, and routes of other dialects.
    public static let none = RetryPolicy(events: [], retriesMax: 0)

    /// What App Mesh gave every http, http2 and grpc route without a policy of its own, invisibly: roadmap issue 229 shows
    /// `retry_on: unavailable,connect-failure,refused-stream,retriable-status-codes` with code 503 and 2 retries; `reset`
    /// was added later.
    public static let appMeshDefault = RetryPolicy(
        events: [.grpcUnavailable, .connectFailure, .refusedStream, .retriableStatusCodes, .reset], codes: [503],
        retriesMax: 2)

    /// A route's own `retryPolicy`.
    /// - Parameters:
    ///   - appMesh: `httpRetryEvents`, `tcpRetryEvents` and `grpcRetryEvents` together.
    ///   - perTryTimeout: `perRetryTimeout` in nanoseconds.
    public init(appMesh: some Sequence<AppMeshRetryEvent>, retriesMax: UInt32, perTryTimeout: Int64) {
        self.init(events: [], retriesMax: retriesMax, perTryTimeout: perTryTimeout)
        for event in appMesh { insert(event) }
    }

    public mutating func insert(_ event: AppMeshRetryEvent) {
        events.formUnion(event.events)
        codes.formUnion(event.codes)
    }

    /// Whether some outcome can lead to a retry, so that a request's body is worth keeping.
    public var retriesAnything: Bool { retriesMax > 0 && !events.isEmpty }

    /// The per-try timeout that acts under an overall timeout (0: none). Envoy ignores one that is not below it.
    public func effectivePerTryTimeout(overall: Int64) -> Int64 {
        overall > 0 && perTryTimeout >= overall ? 0 : perTryTimeout
    }

    /// Fully jittered exponential back-off before retry number `retry`, which counts from 1.
    /// - Parameter random: 64 uniformly random bits.
    /// - Returns: nanoseconds in `[0, backOffMax)`, or 0 if the bound is 0.
    public func backOff(retry: UInt32, random: UInt64) -> Int64 {
        let bound = backOffBound(retry: retry)
        return Int64(UInt64(bound).multipliedFullWidth(by: random).high)
    }

    /// What `backOff` stays below.
    public func backOffBound(retry: UInt32) -> Int64 {
        guard retry > 0 else { return 0 }
        // Far beyond any cap, and free of overflow below.
        guard retry < 40 else { return backOffMax }
        let (product, overflow) = ((Int64(1) << Int64(retry)) - 1).multipliedReportingOverflow(by: backOffUnit)
        return overflow ? backOffMax : min(product, backOffMax)
    }
}

/// Outcomes of an attempt that a policy may retry; Envoy's `retry_on` tokens.
public struct RetryEvents: OptionSet, Sendable, Hashable {
    public let rawValue: UInt32
    public init(rawValue: UInt32) { self.rawValue = rawValue }

    /// `5xx`: any 500 to 599, and no answer at all.
    public static let serverError = RetryEvents(rawValue: 1 << 0)
    /// `gateway-error`: 502, 503, 504, and no answer at all.
    public static let gatewayError = RetryEvents(rawValue: 1 << 1)
    /// `reset`: no answer at all: disconnect, reset, broken answer, per-try timeout, connect failure.
    public static let reset = RetryEvents(rawValue: 1 << 2)
    /// `reset-before-request`: no answer, and no byte of the request had been sent.
    public static let resetBeforeRequest = RetryEvents(rawValue: 1 << 3)
    /// `connect-failure`: no connection, the connect timeout included; not a per-try timeout.
    public static let connectFailure = RetryEvents(rawValue: 1 << 4)
    /// `refused-stream`: HTTP/2 REFUSED_STREAM.
    public static let refusedStream = RetryEvents(rawValue: 1 << 5)
    /// `retriable-4xx`: only 409.
    public static let retriable4xx = RetryEvents(rawValue: 1 << 6)
    /// `retriable-status-codes`: the policy's `codes`; never a reset.
    public static let retriableStatusCodes = RetryEvents(rawValue: 1 << 7)
    /// `envoy-ratelimited`: answers with `x-envoy-ratelimited`, which otherwise are never retried.
    public static let envoyRateLimited = RetryEvents(rawValue: 1 << 8)
    /// gRPC statuses, looked up in the answer's head only.
    public static let grpcCancelled = RetryEvents(rawValue: 1 << 9)
    public static let grpcDeadlineExceeded = RetryEvents(rawValue: 1 << 10)
    public static let grpcInternal = RetryEvents(rawValue: 1 << 11)
    public static let grpcResourceExhausted = RetryEvents(rawValue: 1 << 12)
    public static let grpcUnavailable = RetryEvents(rawValue: 1 << 13)

    /// Envoy's token for each event.
    public static let tokens: [(event: RetryEvents, token: String)] = [
        (.serverError, "5xx"), (.gatewayError, "gateway-error"), (.reset, "reset"),
        (.resetBeforeRequest, "reset-before-request"), (.connectFailure, "connect-failure"),
        (.refusedStream, "refused-stream"), (.retriable4xx, "retriable-4xx"),
        (.retriableStatusCodes, "retriable-status-codes"), (.envoyRateLimited, "envoy-ratelimited"),
        (.grpcCancelled, "cancelled"), (.grpcDeadlineExceeded, "deadline-exceeded"), (.grpcInternal, "internal"),
        (.grpcResourceExhausted, "resource-exhausted"), (.grpcUnavailable, "unavailable"),
    ]

    /// The event of one `retry_on` token; nil if there is no such token.
    public init?(token: some StringProtocol) {
        guard let known = Self.tokens.first(where: { $0.token == token }) else { return nil }
        self = known.event
    }

    /// As Envoy's `retry_on` writes it.
    public var retryOn: String {
        Self.tokens.filter { contains($0.event) }.map(\.token).joined(separator: ",")
    }
}

/// A name in `httpRetryEvents`, `tcpRetryEvents` or `grpcRetryEvents`, and what App Mesh made of it (App Mesh reference
/// section 2, "Retry").
public enum AppMeshRetryEvent: String, Sendable, CaseIterable {
    case serverError = "server-error"
    case gatewayError = "gateway-error"
    case clientError = "client-error"
    case streamError = "stream-error"
    case connectionError = "connection-error"
    case cancelled
    case deadlineExceeded = "deadline-exceeded"
    case `internal`
    case resourceExhausted = "resource-exhausted"
    case unavailable

    /// `server-error` and `gateway-error` take a reset with them: a caller cannot tell it from the 503 that it becomes
    /// (roadmap issue 284, closed as done).
    public var events: RetryEvents {
        switch self {
        case .serverError, .gatewayError: [.retriableStatusCodes, .reset]
        case .clientError: .retriableStatusCodes
        case .streamError: .refusedStream
        case .connectionError: .connectFailure
        case .cancelled: .grpcCancelled
        case .deadlineExceeded: .grpcDeadlineExceeded
        case .internal: .grpcInternal
        case .resourceExhausted: .grpcResourceExhausted
        case .unavailable: .grpcUnavailable
        }
    }

    public var codes: StatusCodeSet {
        switch self {
        case .serverError: [500, 501, 502, 503, 504, 505, 506, 507, 508, 510, 511]
        case .gatewayError: [502, 503, 504]
        case .clientError: [409]
        default: []
        }
    }
}
