/// The time limits of one exchange, as a state machine over events; it reads no clock.
///
/// Request timeout: from the end of the request to the end of the answer (dataplane.md 1.4: it starts when the request is
/// fully received). Idle timeout: no byte in either direction. Both are lower bounds only: the caller arms one timer for
/// `next` and asks `expired(at:)` when it fires, so that activity costs a store and no timer operation.
public struct ExchangeDeadlines: Sendable {
    public enum Expiry: Equatable, Sendable {
        case request
        case idle
    }

    /// Nanoseconds; 0 is "none".
    private var requestTimeout: Int64 = 0
    private var idleTimeout: Int64 = 0
    private var requestEnd: Int64 = 0
    private var lastActivity: Int64 = 0

    public init() {}

    /// The exchange began; no limit but these holds until `limit` is called.
    public init(now: Int64, idleTimeout: Int64) {
        lastActivity = now
        self.idleTimeout = idleTimeout
    }

    /// The route is known. Several limits may hold at once (a gateway's bound and the route's own): the smallest acts.
    public mutating func limit(requestTimeout: Int64, idleTimeout: Int64) {
        self.idleTimeout = idleTimeout
        tighten(requestTimeout: requestTimeout)
    }

    public mutating func tighten(requestTimeout: Int64) {
        guard requestTimeout > 0 else { return }
        self.requestTimeout = self.requestTimeout == 0 ? requestTimeout : min(self.requestTimeout, requestTimeout)
    }

    public mutating func requestEnded(now: Int64) { requestEnd = now }

    public mutating func active(now: Int64) { lastActivity = now }

    /// When to look next; nil if nothing limits the exchange now.
    public var next: Int64? {
        let request = requestTimeout > 0 && requestEnd > 0 ? requestEnd &+ requestTimeout : Int64.max
        let idle = idleTimeout > 0 ? lastActivity &+ idleTimeout : Int64.max
        let first = min(request, idle)
        return first == .max ? nil : first
    }

    public func expired(at now: Int64) -> Expiry? {
        if requestTimeout > 0, requestEnd > 0, now >= requestEnd &+ requestTimeout { return .request }
        if idleTimeout > 0, now >= lastActivity &+ idleTimeout { return .idle }
        return nil
    }

    /// The effective request timeout in milliseconds, for `x-envoy-expected-rq-timeout-ms`; 0 if none.
    public var requestTimeoutMilliseconds: Int64 { requestTimeout / 1_000_000 }
}
