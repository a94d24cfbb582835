// What is known of one name, and when it is looked up again.
//
// An answer is used for its time to live, at least 1 s and at most 1 h; one from the hosts table for 5 s. A lookup that fails
// or finds nothing changes nothing: the last answer stays in use, and the next lookup comes after 1 s, doubling up to 30 s with
// every one in a row, of which a random part of up to one half is taken off so that many names do not ask together. "Does not
// exist" counts as nothing found: whoever takes the last record away takes the service away, and a stale address then fails as
// surely as none, while a fault of the name server must not end a service that runs.

/// Limits of how long an answer is used, and how soon a question is repeated.
public enum RefreshLimits {
    /// Of a time to live.
    public static let ttl: ClosedRange<Duration> = .seconds(1) ... .seconds(3600)
    /// Between failures: the first wait, and the longest.
    public static let retry: ClosedRange<Duration> = .seconds(1) ... .seconds(30)
    /// How long the hosts table's answer is used.
    public static let hosts: Duration = .seconds(5)
}

public struct NameState: Sendable, Equatable {
    /// Of the last answer that had any, in its order.
    public internal(set) var addresses: [IPAddress] = []
    /// A lookup has ended, whatever it came to.
    public internal(set) var isKnown = false
    /// What was wrong with the last lookup; nil if it found addresses.
    public internal(set) var trouble: String?
    /// Lookups in a row that found nothing or failed.
    public internal(set) var failures = 0
    /// Monotonic nanoseconds; nil before the first answer.
    public internal(set) var answeredAt: Int64?
    /// When the name is looked up next; nil while it is being looked up, and if nobody asks for it regularly.
    public internal(set) var due: Int64?
    /// Used this long from its arrival: the time to live within its limits.
    public internal(set) var lifetime: Duration = .zero

    public init() {}

    /// - Parameter random: spreads retries.
    mutating func ended(_ result: LookupResult, now: Int64, random: UInt64) {
        isKnown = true
        switch result {
        case .addresses(let found, let ttl):
            let seconds = Duration.seconds(Int64(ttl))
            lifetime = min(max(seconds, RefreshLimits.ttl.lowerBound), RefreshLimits.ttl.upperBound)
            addresses = found
            trouble = nil
            failures = 0
            answeredAt = now
            due = now &+ lifetime.nanoseconds
        case .empty(let reason):
            trouble = reason.rawValue
            failed(now, random)
        case .failed(let failure):
            trouble = failure.description
            failed(now, random)
        }
    }

    private mutating func failed(_ now: Int64, _ random: UInt64) {
        failures += 1
        let doublings = min(failures - 1, 5)
        let wait = min(RefreshLimits.retry.lowerBound * (1 << doublings), RefreshLimits.retry.upperBound).nanoseconds
        lifetime = .nanoseconds(wait - Int64(random % UInt64(wait / 2 + 1)))
        due = now &+ lifetime.nanoseconds
    }
}

extension Duration {
    var nanoseconds: Int64 {
        let (seconds, attoseconds) = components
        let (product, overflow) = seconds.multipliedReportingOverflow(by: 1_000_000_000)
        return overflow ? Int64.max / 4 : product &+ attoseconds / 1_000_000_000
    }
}
