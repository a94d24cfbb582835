import Testing

@testable import Resilience

@Suite struct RetryStateTests {
    /// One outcome of an attempt.
    enum Outcome: Equatable {
        case status(Int)
        case grpc(Int)
        case rateLimited(Int)
        case failure(AttemptFailure)
        /// A reset before any byte of the request was sent.
        case untouched
    }

    static func apply(_ outcome: Outcome, to state: inout RetryState, limits: SharedLimits? = nil, random: UInt64 = 0)
        -> RetryAction
    {
        switch outcome {
        case .status(let status): state.answered(status: status, limits: limits, random: random)
        case .grpc(let status): state.answered(status: 200, grpcStatus: status, limits: limits, random: random)
        case .rateLimited(let status):
            state.answered(status: status, isRateLimited: true, limits: limits, random: random)
        case .failure(let failure): state.failed(failure, limits: limits, random: random)
        case .untouched: state.failed(.reset, requestStarted: false, limits: limits, random: random)
        }
    }

    /// Data plane reference 1.3: which outcomes each token retries, of all that are listed.
    static let all: [Outcome] =
        [200, 302, 400, 404, 409, 429, 500, 501, 502, 503, 504, 511, 599].map(Outcome.status)
        + (0...16).map(Outcome.grpc) + [.rateLimited(429), .rateLimited(503), .untouched]
        + AttemptFailure.allCases.map(Outcome.failure)
    static let noAnswer: [Outcome] = [
        .untouched, .failure(.connectFailure), .failure(.refusedStream), .failure(.reset), .failure(.perTryTimeout),
    ]
    static let tokens: [(token: String, retried: [Outcome])] = [
        ("5xx", [500, 501, 502, 503, 504, 511, 599].map(Outcome.status) + noAnswer),
        ("gateway-error", [502, 503, 504].map(Outcome.status) + noAnswer),
        ("reset", noAnswer),
        ("reset-before-request", [.untouched]),
        ("connect-failure", [.failure(.connectFailure)]),
        ("refused-stream", [.failure(.refusedStream)]),
        ("retriable-4xx", [.status(409)]),
        ("retriable-status-codes", [.status(404), .status(503)]),
        ("envoy-ratelimited", [.rateLimited(429), .rateLimited(503)]),
        ("cancelled", [.grpc(1)]),
        ("deadline-exceeded", [.grpc(4)]),
        ("resource-exhausted", [.grpc(8)]),
        ("internal", [.grpc(13)]),
        ("unavailable", [.grpc(14)]),
    ]

    @Test(arguments: tokens)
    func aTokenRetriesItsOutcomesAndNoOthers(_ row: (token: String, retried: [Outcome])) throws {
        let event = try #require(RetryEvents(token: row.token))
        let policy = RetryPolicy(events: event, codes: [404, 503], retriesMax: 1)
        for outcome in Self.all {
            var state = RetryState(policy: policy)
            let action = Self.apply(outcome, to: &state)
            #expect(action == (row.retried.contains(outcome) ? .retry(after: 0) : .passOn), "\(outcome)")
        }
    }

    @Test func theTableHoldsEveryToken() {
        #expect(Set(Self.tokens.map(\.token)) == Set(RetryEvents.tokens.map(\.token)))
    }

    /// The default policy's table (feature S07): not other 5xx.
    @Test func theDefaultPolicyRetries503AndNoAnswer() {
        let retried = Self.noAnswer + [.status(503), .grpc(14)]
        for outcome in Self.all {
            var state = RetryState(policy: .appMeshDefault)
            let action = Self.apply(outcome, to: &state)
            #expect(action == (retried.contains(outcome) ? .retry(after: 0) : .passOn), "\(outcome)")
        }
    }

    @Test func retriesAreCountedUntilTheyAreUsedUp() {
        var state = RetryState(policy: .appMeshDefault)
        #expect(state.attempts == 1)
        #expect(state.answered(status: 503, limits: nil, random: .max) == .retry(after: 25 * millisecond - 1))
        #expect(state.isBackingOff == true)
        #expect(state.attempts == 1)
        state.backOffElapsed()
        #expect(state.attempts == 2)
        #expect(state.failed(.reset, limits: nil, random: .max) == .retry(after: 75 * millisecond - 1))
        state.backOffElapsed()
        #expect(state.attempts == 3)
        #expect(state.answered(status: 503, limits: nil, random: 0) == .giveUp(.limitExceeded))
        #expect(state.isRetrySuccess == false)
        #expect(state.attempts == 3)
    }

    @Test func aRetryThatHelpsIsCountedAsSuccess() {
        var state = RetryState(policy: .appMeshDefault)
        _ = state.answered(status: 503, limits: nil, random: 0)
        #expect(state.isRetrySuccess == false)
        state.backOffElapsed()
        #expect(state.answered(status: 404, limits: nil, random: 0) == .passOn)
        #expect(state.isRetrySuccess == true)
        var first = RetryState(policy: .appMeshDefault)
        #expect(first.answered(status: 200, limits: nil, random: 0) == .passOn)
        #expect(first.isRetrySuccess == false, "the first attempt is no retry")
    }

    @Test func nothingIsRetriedOnceAnAnswerHasBegun() {
        var state = RetryState(policy: .appMeshDefault)
        #expect(state.answered(status: 200, limits: nil, random: 0) == .passOn)
        #expect(state.failed(.reset, limits: nil, random: 0) == .giveUp(.answerStarted))
        #expect(state.needsBody == false)
    }

    @Test func aPolicyOfNoRetriesIsExhaustedAtOnce() {
        var state = RetryState(policy: RetryPolicy(appMesh: [.serverError], retriesMax: 0, perTryTimeout: second))
        #expect(state.needsBody == false)
        #expect(state.answered(status: 500, limits: nil, random: 0) == .giveUp(.limitExceeded))
        var none = RetryState(policy: .none)
        #expect(none.failed(.connectFailure, limits: nil, random: 0) == .passOn)
    }

    /// Data plane reference 1.3: a POST of 2 MiB got the first 503 with flag `-`.
    @Test func aBodyThatIsTooLongIsNotRetriedAndSetsNoFlag() {
        var state = RetryState(policy: .appMeshDefault)
        #expect(state.needsBody == true)
        #expect(state.bodyExceeded(limits: nil) == .abandoned)
        #expect(state.bodyExceeded(limits: nil) == .notKept, "counted once")
        #expect(state.needsBody == false)
        let action = state.answered(status: 503, limits: nil, random: 0)
        #expect(action == .giveUp(.bodyNotReplayable))
        #expect(RetryAction.Reason.bodyNotReplayable.flag == nil)
        var plain = RetryState(policy: .none)
        #expect(plain.bodyExceeded(limits: nil) == .notKept)
    }

    @Test func aBodyThatOutgrowsTheLimitDuringABackOffIsRefused() {
        let limits = SharedLimits(.appMeshDefault, workers: 1)
        var state = RetryState(policy: .appMeshDefault)
        _ = state.answered(status: 503, limits: limits, random: 0)
        #expect(limits.reading.retries == 1)
        #expect(state.bodyExceeded(limits: limits) == .refuse)
        #expect(limits.reading.retries == 0)
        state.backOffElapsed()
        #expect(state.attempts == 1, "no attempt follows")
        state.finished(limits: limits)
    }

    @Test func retriesUnderWayAreLimitedInTheClusterAndFlagged() {
        let limits = SharedLimits(BreakerLimits(retriesMax: 1), workers: 1)
        var first = RetryState(policy: .appMeshDefault)
        var second = RetryState(policy: .appMeshDefault)
        #expect(first.answered(status: 503, limits: limits, random: 0) == .retry(after: 0))
        #expect(limits.reading.isRetriesOpen)
        #expect(second.answered(status: 503, limits: limits, random: 0) == .giveUp(.overflow))
        #expect(RetryAction.Reason.overflow.flag == .upstreamOverflow)
        #expect(limits.reading.retryOverflows == 1)
        first.backOffElapsed()
        #expect(limits.reading.retries == 1, "held while the retry is under way")
        #expect(first.answered(status: 200, limits: limits, random: 0) == .passOn)
        #expect(limits.reading.retries == 0)
        var third = RetryState(policy: .appMeshDefault)
        #expect(third.failed(.connectFailure, limits: limits, random: 0) == .retry(after: 0))
        third.finished(limits: limits)
        third.finished(limits: limits)
        #expect(limits.reading.retries == 0)
        first.finished(limits: limits)
        second.finished(limits: limits)
    }

    @Test func afterItsEndAnExchangeRetriesNothing() {
        var state = RetryState(policy: .appMeshDefault)
        state.finished(limits: nil)
        #expect(state.failed(.reset, limits: nil, random: 0) == .passOn)
        state.backOffElapsed()
        #expect(state.attempts == 1)
    }

    /// An exchange of the random run: the state and what a plain count says about it.
    final class Exchange {
        var state: RetryState
        var retries: UInt32 = 0
        var attempts: UInt32 = 1
        var isKept = true
        init(_ policy: RetryPolicy) { state = RetryState(policy: policy) }
    }

    /// Exchanges live at once, their events come in any order.
    @Test func aMillionEventsKeepEveryCount() {
        var random = SeededRandom(42)
        let limits = SharedLimits(BreakerLimits(retriesMax: 12), workers: 1)
        let policies = [
            .appMeshDefault, .none, RetryPolicy(appMesh: [.serverError], retriesMax: 5, perTryTimeout: second),
            RetryPolicy(appMesh: [.unavailable, .streamError], retriesMax: 1, perTryTimeout: second),
            RetryPolicy(events: [.serverError, .retriable4xx], retriesMax: 3, backOffUnit: millisecond),
        ]
        var exchanges = (0..<32).map { Exchange(policies[$0 % policies.count]) }
        var (granted, ended, overflows, exhausted, wrong) = (0, 0, 0, 0, 0)
        var isHeld = [Bool](repeating: false, count: exchanges.count)
        var held = 0
        for _ in 0..<1_000_000 {
            let index = random.below(exchanges.count)
            let exchange = exchanges[index]
            let policy = exchange.state.policy
            var isOver = false
            if exchange.state.isBackingOff {
                switch random.below(16) {
                case 0: isOver = true
                case 1:
                    if exchange.state.bodyExceeded(limits: limits) != .refuse { wrong += 1 }
                    isOver = true
                default:
                    exchange.state.backOffElapsed()
                    exchange.attempts += 1
                }
            } else if random.oneIn(16) {
                if exchange.state.needsBody != (exchange.isKept && policy.retriesAnything) { wrong += 1 }
                let verdict = exchange.state.bodyExceeded(limits: limits)
                if verdict != (exchange.isKept && policy.retriesAnything ? .abandoned : .notKept) { wrong += 1 }
                // Giving the body up returns the permit of a retry under way.
                if verdict == .abandoned {
                    exchange.isKept = false
                    if isHeld[index] {
                        isHeld[index] = false
                        held -= 1
                        ended += 1
                    }
                }
            } else {
                let outcome = Self.all[random.below(Self.all.count)]
                if isHeld[index] {
                    isHeld[index] = false
                    held -= 1
                    ended += 1
                }
                let full = held == 12
                switch Self.apply(outcome, to: &exchange.state, limits: limits, random: random.next()) {
                case .retry(let delay):
                    exchange.retries += 1
                    isHeld[index] = true
                    held += 1
                    granted += 1
                    if full || !exchange.isKept || delay < 0 { wrong += 1 }
                    if delay >= policy.backOffBound(retry: exchange.retries) { wrong += 1 }
                case .passOn: isOver = true
                case .giveUp(.limitExceeded):
                    exhausted += 1
                    if exchange.retries != policy.retriesMax { wrong += 1 }
                    isOver = true
                case .giveUp(.overflow):
                    overflows += 1
                    if !full { wrong += 1 }
                    isOver = true
                case .giveUp(.bodyNotReplayable):
                    if exchange.isKept { wrong += 1 }
                    isOver = true
                case .giveUp(.answerStarted): wrong += 1
                }
            }
            if exchange.state.attempts != exchange.attempts { wrong += 1 }
            if exchange.attempts > policy.retriesMax + 1 { wrong += 1 }
            if isOver {
                exchange.state.finished(limits: limits)
                if isHeld[index] {
                    isHeld[index] = false
                    held -= 1
                    ended += 1
                }
                exchanges[index] = Exchange(policies[random.below(policies.count)])
            }
        }
        #expect(wrong == 0)
        #expect(limits.reading.retries == held)
        #expect(granted == ended + held)
        #expect(limits.reading.retryOverflows == UInt64(overflows))
        #expect(overflows > 100 && exhausted > 100 && granted > 10_000, "the run reaches every branch")
        for exchange in exchanges { exchange.state.finished(limits: limits) }
        #expect(limits.reading.retries == 0)
    }
}
