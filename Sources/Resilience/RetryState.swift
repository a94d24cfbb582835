/// The retries of one exchange, as a state machine over events (data plane reference 1.3); it reads no clock and owns no
/// timer.
///
/// Order of life: attempt → outcome (`answered` or `failed`) → `.retry(after:)` → `backOffElapsed` → attempt … → `.passOn` or
/// `.giveUp`, after which nothing is retried any more, for from then on bytes may have gone downstream. The overall timeout
/// is the exchange's own: it runs through attempts and back-offs and ends in `finished`, as a client's departure does.
/// A retry holds one of the cluster's retry permits from its decision to its outcome, as in Envoy; whoever owns the state
/// calls `finished` at the end of the exchange, always with the `limits` of the earlier calls.
public struct RetryState: ~Copyable {
    private enum Phase { case attempting, backingOff, over }

    public private(set) var policy: RetryPolicy
    /// Attempts so far, the current one included: `x-envoy-attempt-count` and `%UPSTREAM_REQUEST_ATTEMPT_COUNT%`.
    public private(set) var attempts: UInt32 = 1
    /// Whether the last outcome shows that a retry helped (Envoy's `upstream_rq_retry_success`): the outcome of a retried
    /// attempt that would not be retried itself.
    public private(set) var isRetrySuccess = false
    private var phase = Phase.attempting
    private var isReplayable = true
    private var answerPassedOn = false
    private var permit: RetryPermit?

    public init(policy: RetryPolicy) { self.policy = policy }

    /// Whether a further attempt is possible, so that the request's body must be kept.
    public var needsBody: Bool { phase != .over && isReplayable && policy.retriesAnything }

    public var isBackingOff: Bool { phase == .backingOff }

    // MARK: Events

    /// The head of a final answer came. On `.retry` it is dropped; otherwise it goes downstream unchanged.
    /// - Parameters:
    ///   - grpcStatus: `grpc-status` of the head (never of trailers), nil if there is none.
    ///   - isRateLimited: the head has `x-envoy-ratelimited`.
    ///   - limits: the cluster's; nil if nothing limits it.
    ///   - random: 64 random bits, drawn only if there is a back-off.
    public mutating func answered(
        status: Int, grpcStatus: Int? = nil, isRateLimited: Bool = false, limits: SharedLimits?,
        random: @autoclosure () -> UInt64
    ) -> RetryAction {
        let action = decide(
            wouldRetry(status: status, grpcStatus: grpcStatus, isRateLimited: isRateLimited), limits, random)
        if case .retry = action {} else { answerPassedOn = true }
        return action
    }

    /// The attempt ended without an answer. On `.retry` nothing is said downstream; otherwise the failure becomes a local
    /// reply, or cuts the answer short if it had begun.
    /// - Parameter requestStarted: some byte of the request had been sent upstream.
    public mutating func failed(
        _ failure: AttemptFailure, requestStarted: Bool = true, limits: SharedLimits?,
        random: @autoclosure () -> UInt64
    ) -> RetryAction {
        decide(wouldRetry(failure, requestStarted: requestStarted), limits, random)
    }

    /// The back-off is over: the next attempt begins.
    public mutating func backOffElapsed() {
        guard phase == .backingOff else { return }
        phase = .attempting
        attempts &+= 1
    }

    /// The request's body outgrew what is kept for replay (of the exchange or of the worker).
    public mutating func bodyExceeded(limits: SharedLimits?) -> BodyVerdict {
        guard needsBody else { return .notKept }
        let wasBackingOff = phase == .backingOff
        isReplayable = false
        returnPermit(limits)
        if wasBackingOff { phase = .over }
        return wasBackingOff ? .refuse : .abandoned
    }

    /// The exchange ended, for whatever reason. May be called more than once.
    public mutating func finished(limits: SharedLimits?) {
        phase = .over
        returnPermit(limits)
    }

    // MARK: Classification

    private func wouldRetry(status: Int, grpcStatus: Int?, isRateLimited: Bool) -> Bool {
        let events = policy.events
        if isRateLimited { return events.contains(.envoyRateLimited) }
        if status >= 400 {
            if events.contains(.serverError), (500..<600).contains(status) { return true }
            if events.contains(.gatewayError), (502...504).contains(status) { return true }
            if events.contains(.retriable4xx), status == 409 { return true }
        }
        if events.contains(.retriableStatusCodes), policy.codes.contains(status) { return true }
        return switch grpcStatus {
        case 1: events.contains(.grpcCancelled)
        case 4: events.contains(.grpcDeadlineExceeded)
        case 8: events.contains(.grpcResourceExhausted)
        case 13: events.contains(.grpcInternal)
        case 14: events.contains(.grpcUnavailable)
        default: false
        }
    }

    private func wouldRetry(_ failure: AttemptFailure, requestStarted: Bool) -> Bool {
        let events = policy.events
        switch failure {
        case .overflow, .noHealthyHost: return false
        case .connectFailure: if events.contains(.connectFailure) { return true }
        case .refusedStream: if events.contains(.refusedStream) { return true }
        case .reset, .perTryTimeout: break
        }
        if !requestStarted, events.contains(.resetBeforeRequest) { return true }
        return !events.isDisjoint(with: [.reset, .serverError, .gatewayError])
    }

    // MARK: Decision

    private mutating func decide(_ wouldRetry: Bool, _ limits: SharedLimits?, _ random: () -> UInt64) -> RetryAction {
        assert(phase != .backingOff, "an outcome without an attempt")
        isRetrySuccess = !wouldRetry && phase == .attempting && isReplayable && attempts > 1
        returnPermit(limits)
        guard wouldRetry else {
            phase = .over
            return .passOn
        }
        guard phase == .attempting else { return answerPassedOn ? .giveUp(.answerStarted) : .passOn }
        phase = .over
        guard isReplayable else { return .giveUp(.bodyNotReplayable) }
        guard attempts <= policy.retriesMax else { return .giveUp(.limitExceeded) }
        if let limits {
            guard let permit = limits.beginRetry() else { return .giveUp(.overflow) }
            self.permit = consume permit
        }
        phase = .backingOff
        return .retry(after: policy.backOff(retry: attempts, random: random()))
    }

    private mutating func returnPermit(_ limits: SharedLimits?) {
        guard let permit = permit.take() else { return }
        if let limits {
            limits.endRetry(permit)
        } else {
            assertionFailure("a retry permit without the limits that gave it")
            permit.forget()
        }
    }
}

/// How an attempt ended without an answer's head.
public enum AttemptFailure: Sendable, Equatable, CaseIterable {
    /// No connection: refused, unreachable, connect timeout, or no local address for it.
    case connectFailure
    /// HTTP/2 REFUSED_STREAM, or a GOAWAY that left the stream out.
    case refusedStream
    /// The upstream closed, reset, or sent what is no answer.
    case reset
    /// The per-try timeout fired.
    case perTryTimeout
    /// A circuit breaker refused the attempt; never retried.
    case overflow
    /// There was no host to send it to; never retried.
    case noHealthyHost
}

/// What to do after an attempt's outcome.
public enum RetryAction: Sendable, Equatable {
    /// Drop the outcome and begin the next attempt after so many nanoseconds (`upstream_rq_retry`,
    /// `upstream_rq_retry_backoff_exponential`).
    case retry(after: Int64)
    /// No retry was called for: the outcome is final.
    case passOn
    /// A retry was called for and is not possible: the outcome is final.
    case giveUp(Reason)

    public enum Reason: Sendable, Equatable, CaseIterable {
        /// All retries are used (`upstream_rq_retry_limit_exceeded`).
        case limitExceeded
        /// Too many retries are under way in the cluster (`upstream_rq_retry_overflow`).
        case overflow
        /// The body was too long to be kept. Counted when that happened, see `BodyVerdict`.
        case bodyNotReplayable
        /// Part of the answer is on its way down.
        case answerStarted

        /// The response flag that the record gains; nil if none.
        public var flag: RetryFlag? {
            switch self {
            case .limitExceeded: .upstreamRetryLimitExceeded
            case .overflow: .upstreamOverflow
            case .bodyNotReplayable, .answerStarted: nil
            }
        }
    }
}

/// Response flags that retries set besides those of the outcome itself.
public enum RetryFlag: Sendable, Equatable {
    /// `URX`
    case upstreamRetryLimitExceeded
    /// `UO`
    case upstreamOverflow
}

/// What follows from a body that outgrew the replay limit.
public enum BodyVerdict: Sendable, Equatable {
    /// Nobody kept it: stream on.
    case notKept
    /// Stream on; there will be no retry (`retry_or_shadow_abandoned`).
    case abandoned
    /// No attempt is under way that it could be streamed to: the request fails. Envoy answers 507 with details
    /// `request_payload_exceeded_retry_buffer_limit`; counted as `retry_or_shadow_abandoned` too. A data plane that stops
    /// reading the body during a back-off never sees this.
    case refuse
}
