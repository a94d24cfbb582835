/// The active health check of one endpoint, as a state machine over events (data plane reference 1.8); it reads no clock and
/// opens no socket.
///
/// Order of life: `timerFired` → `.probe` → `answered`, `passed` or `failed` (or `timerFired` → `.abandon` at the timeout) →
/// the next probe an interval after the result. At any time there is at most one probe, each has a number, and a result of
/// another number is too late and changes nothing. `next` says when to call `timerFired`.
public struct HealthCheck: Sendable {
    public enum Action: Sendable, Equatable {
        case none
        /// Begin this probe.
        case probe(UInt32)
        /// This probe's time is over: close its connection. It counts as `Failure.timeout`.
        case abandon(UInt32, Result)
    }

    public enum Failure: Sendable, Equatable {
        /// No connection, a reset, or no answer that could be read: `unhealthyThreshold` of these in a row.
        case network
        /// As `network`.
        case timeout
        /// An answer whose status is neither expected nor counted: fails at once, whatever the threshold.
        case status(Int)
        /// The gRPC service says that it does not serve: fails at once.
        case notServing
    }

    public enum Transition: Sendable, Equatable {
        case unchanged
        /// Some results in the other direction, not enough of them yet.
        case pending
        case changed
    }

    /// What the health check log says.
    public enum Event: Sendable, Equatable {
        case becameHealthy(isFirst: Bool)
        case becameUnhealthy(Failure)
        /// The first check of a host failed; it was not in use before.
        case firstCheckFailed(Failure)
    }

    public struct Result: Sendable, Equatable {
        public var transition: Transition
        public var event: Event?
    }

    private enum Phase { case waiting, probing }

    public let policy: HealthCheckPolicy
    /// False until the first success.
    public private(set) var isHealthy = false
    /// No result yet.
    public private(set) var isFirst = true
    /// Results in a row against the current state.
    public private(set) var successes: UInt32 = 0
    public private(set) var failures: UInt32 = 0
    /// When to call `timerFired`.
    public private(set) var next: Int64
    private var lastTimedOut = false
    private var phase = Phase.waiting
    private var probe: UInt32 = 0

    /// The first probe is due at once, or within `policy.startJitter`.
    public init(_ policy: HealthCheckPolicy, now: Int64, random: @autoclosure () -> UInt64) {
        self.policy = policy
        next = now.addingClamped(Self.share(of: policy.startJitter, random))
    }

    /// The flags of a host that only this check concerns.
    public var flags: HostHealth.Flags {
        var flags: HostHealth.Flags = isHealthy ? [] : .failedActiveCheck
        if isFirst { flags.insert(.pendingActiveCheck) }
        if lastTimedOut && !isHealthy { flags.insert(.activeCheckTimeout) }
        return flags
    }

    // MARK: Events

    /// - Parameter hasTraffic: the cluster has ever had a connection; see `HealthCheckPolicy.noTrafficInterval`.
    public mutating func timerFired(now: Int64, hasTraffic: Bool, random: @autoclosure () -> UInt64) -> Action {
        guard now >= next else { return .none }
        switch phase {
        case .waiting:
            phase = .probing
            probe &+= 1
            next = now.addingClamped(policy.timeout)
            return .probe(probe)
        case .probing:
            return .abandon(probe, fail(.timeout, now, hasTraffic, random))
        }
    }

    /// The probe was answered with a status (http).
    /// - Returns: nil if the probe is not the current one.
    public mutating func answered(
        probe: UInt32, status: Int, now: Int64, hasTraffic: Bool, random: @autoclosure () -> UInt64
    ) -> Result? {
        guard isCurrent(probe) else { return nil }
        if policy.expected.contains(status) { return pass(now, hasTraffic, random) }
        return fail(.status(status), now, hasTraffic, random)
    }

    /// The probe's connection was established (tcp), or the service says that it serves (grpc).
    public mutating func passed(probe: UInt32, now: Int64, hasTraffic: Bool, random: @autoclosure () -> UInt64)
        -> Result?
    {
        isCurrent(probe) ? pass(now, hasTraffic, random) : nil
    }

    /// The probe failed.
    public mutating func failed(
        probe: UInt32, _ failure: Failure, now: Int64, hasTraffic: Bool, random: @autoclosure () -> UInt64
    ) -> Result? {
        isCurrent(probe) ? fail(failure, now, hasTraffic, random) : nil
    }

    // MARK: Results

    private func isCurrent(_ probe: UInt32) -> Bool { phase == .probing && probe == self.probe }

    private mutating func pass(_ now: Int64, _ hasTraffic: Bool, _ random: () -> UInt64) -> Result {
        failures = 0
        lastTimedOut = false
        var result = Result(transition: .unchanged, event: nil)
        if !isHealthy {
            successes &+= 1
            // The first result of all decides alone, for a quick start.
            if isFirst || successes >= policy.healthyThreshold {
                result = Result(transition: .changed, event: .becameHealthy(isFirst: isFirst))
                isHealthy = true
                successes = 0
            } else {
                result.transition = .pending
            }
        }
        schedule(now, hasTraffic, result.transition, random)
        return result
    }

    private mutating func fail(_ failure: Failure, _ now: Int64, _ hasTraffic: Bool, _ random: () -> UInt64) -> Result {
        successes = 0
        lastTimedOut = failure == .timeout
        var result = Result(transition: .unchanged, event: isFirst ? .firstCheckFailed(failure) : nil)
        if isHealthy {
            failures &+= 1
            if failsAtOnce(failure) || failures >= policy.unhealthyThreshold {
                result = Result(transition: .changed, event: .becameUnhealthy(failure))
                isHealthy = false
                failures = 0
            } else {
                result.transition = .pending
            }
        }
        schedule(now, hasTraffic, result.transition, random)
        return result
    }

    private func failsAtOnce(_ failure: Failure) -> Bool {
        switch failure {
        case .network, .timeout: false
        case .status(let status): !policy.counted.contains(status)
        case .notServing: true
        }
    }

    private mutating func schedule(_ now: Int64, _ hasTraffic: Bool, _ transition: Transition, _ random: () -> UInt64) {
        phase = .waiting
        isFirst = false
        let interval = hasTraffic ? policy.interval : max(policy.interval, policy.noTrafficInterval)
        let jitterMax = interval * Int64(policy.jitterPercent) / 100
        next = now.addingClamped(interval).addingClamped(Self.share(of: jitterMax, random))
    }

    /// Uniform in `[0, bound)`.
    private static func share(of bound: Int64, _ random: () -> UInt64) -> Int64 {
        bound > 0 ? Int64(UInt64(bound).multipliedFullWidth(by: random()).high) : 0
    }
}

/// How an endpoint is checked. Times are nanoseconds.
public struct HealthCheckPolicy: Sendable, Equatable {
    /// From a result to the next probe. App Mesh: 5 to 300 s.
    public var interval: Int64
    /// Of one probe. App Mesh: 2 to 60 s.
    public var timeout: Int64
    /// Successes in a row that make a failed host healthy; at least 1. App Mesh: 2 to 10.
    public var healthyThreshold: UInt32
    /// Failures in a row that fail a healthy host; at least 1. App Mesh: 2 to 10.
    public var unhealthyThreshold: UInt32
    /// Lengthens each interval by up to this share, 0 to 100, so that many checks do not stay in step.
    public var jitterPercent: Int
    /// The first probe comes within this time.
    public var startJitter: Int64
    /// The interval while the cluster has never had a connection, if it is longer: who has no traffic need not know soon.
    public var noTrafficInterval: Int64
    /// Statuses that pass.
    public var expected: StatusCodeSet
    /// Statuses that count towards `unhealthyThreshold`, as a failed connection does (Envoy's `retriable_statuses`). All
    /// others, 503 among them, fail a host at once: it is a host's way of saying "not me".
    public var counted: StatusCodeSet

    public static let jitterPercent = 10
    /// Envoy's default.
    public static let noTrafficInterval: Int64 = 60_000_000_000
    private static let timeMin: Int64 = 1_000_000
    /// So that its hundredfold is a number.
    private static let timeMax: Int64 = .max / 128

    public init(
        interval: Int64, timeout: Int64, healthyThreshold: UInt32, unhealthyThreshold: UInt32,
        jitterPercent: Int = HealthCheckPolicy.jitterPercent, startJitter: Int64 = 0,
        noTrafficInterval: Int64 = HealthCheckPolicy.noTrafficInterval, expected: StatusCodeSet = [200],
        counted: StatusCodeSet = []
    ) {
        self.interval = min(Self.timeMax, max(Self.timeMin, interval))
        self.timeout = min(Self.timeMax, max(Self.timeMin, timeout))
        self.healthyThreshold = max(1, healthyThreshold)
        self.unhealthyThreshold = max(1, unhealthyThreshold)
        self.jitterPercent = min(100, max(0, jitterPercent))
        self.startJitter = min(Self.timeMax, max(0, startJitter))
        self.noTrafficInterval = min(Self.timeMax, max(0, noTrafficInterval))
        self.expected = expected
        self.counted = counted
    }
}
