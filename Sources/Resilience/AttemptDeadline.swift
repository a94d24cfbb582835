/// The per-try timeout of one attempt, as a state machine over events; it reads no clock.
///
/// The time runs from the moment when the attempt has a connection and the request has been received completely, as in
/// Envoy, so that neither a slow connect (which has its own timeout) nor a slow upload is charged to the upstream. It ends
/// with the answer's head. The first attempt is bounded too (App Mesh reference section 2, "Retry").
public struct AttemptDeadline: Sendable {
    /// Nanoseconds; 0 is "none".
    private let timeout: Int64
    private var requestEnd: Int64 = 0
    private var connected: Int64 = 0

    /// - Parameter timeout: see `RetryPolicy.effectivePerTryTimeout(overall:)`.
    public init(timeout: Int64) { self.timeout = max(0, timeout) }

    /// A new attempt began; it has no connection yet.
    public mutating func attemptBegan() { connected = 0 }

    /// The attempt has its connection, and the request's head is sent. `now` is above zero.
    public mutating func connectionReady(now: Int64) { connected = now }

    /// The request was received completely; holds for all attempts.
    public mutating func requestEnded(now: Int64) { requestEnd = now }

    /// The answer's head came, or the attempt ended otherwise: nothing fires until the next attempt.
    public mutating func attemptEnded() { connected = 0 }

    /// When the attempt's time is over; nil if nothing limits it now.
    public var next: Int64? {
        guard timeout > 0, requestEnd > 0, connected > 0 else { return nil }
        let (end, overflow) = max(requestEnd, connected).addingReportingOverflow(timeout)
        return overflow ? nil : end
    }

    public func isExpired(at now: Int64) -> Bool {
        guard let next else { return false }
        return now >= next
    }
}
