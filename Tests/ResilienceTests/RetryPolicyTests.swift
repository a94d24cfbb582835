import Testing

@testable import Resilience

@Suite struct RetryPolicyTests {
    /// App Mesh reference section 2, "Retry".
    static let appMeshEvents: [(name: String, retryOn: String, codes: [Int])] = [
        (
            "server-error", "reset,retriable-status-codes",
            [500, 501, 502, 503, 504, 505, 506, 507, 508, 510, 511]
        ),
        ("gateway-error", "reset,retriable-status-codes", [502, 503, 504]),
        ("client-error", "retriable-status-codes", [409]),
        ("stream-error", "refused-stream", []),
        ("connection-error", "connect-failure", []),
        ("cancelled", "cancelled", []),
        ("deadline-exceeded", "deadline-exceeded", []),
        ("internal", "internal", []),
        ("resource-exhausted", "resource-exhausted", []),
        ("unavailable", "unavailable", []),
    ]

    @Test(arguments: appMeshEvents)
    func anAppMeshEventBecomesEnvoysTokensAndCodes(_ row: (name: String, retryOn: String, codes: [Int])) throws {
        let event = try #require(AppMeshRetryEvent(rawValue: row.name))
        let policy = RetryPolicy(appMesh: [event], retriesMax: 1, perTryTimeout: second)
        #expect(policy.events.retryOn == row.retryOn)
        #expect(policy.codes.sorted == row.codes)
    }

    @Test func theTableHoldsEveryAppMeshEvent() {
        #expect(Set(Self.appMeshEvents.map(\.name)) == Set(AppMeshRetryEvent.allCases.map(\.rawValue)))
        #expect(AppMeshRetryEvent(rawValue: "5xx") == nil)
    }

    @Test func eventsOfOnePolicyAddUp() {
        let policy = RetryPolicy(
            appMesh: [.gatewayError, .clientError, .streamError, .unavailable], retriesMax: 3, perTryTimeout: 2 * second
        )
        #expect(policy.events.retryOn == "reset,refused-stream,retriable-status-codes,unavailable")
        #expect(policy.codes.sorted == [409, 502, 503, 504])
        #expect(policy.retriesMax == 3)
        #expect(policy.perTryTimeout == 2 * second)
        #expect(policy.hostRepicksMax == 5)
    }

    @Test func theInvisibleDefaultIsTheOneOfIssue229() {
        let policy = RetryPolicy.appMeshDefault
        #expect(policy.events == [.grpcUnavailable, .connectFailure, .refusedStream, .retriableStatusCodes, .reset])
        #expect(policy.codes.sorted == [503])
        #expect(policy.retriesMax == 2)
        #expect(policy.hostRepicksMax == 5)
        #expect(policy.perTryTimeout == 0)
    }

    @Test func everyTokenIsReadAsItIsWritten() {
        for (event, token) in RetryEvents.tokens {
            #expect(RetryEvents(token: token) == event)
            #expect(event.retryOn == token)
        }
        #expect(RetryEvents(token: "5XX") == nil)
        #expect(RetryEvents(token: "") == nil)
    }

    /// Data plane reference 1.3: 0 to 24, 74, 174 ms, then the cap.
    static let backOffBounds: [(retry: UInt32, bound: Int64)] = [
        (0, 0), (1, 25), (2, 75), (3, 175), (4, 250), (5, 250), (39, 250), (40, 250), (.max, 250),
    ]

    @Test(arguments: backOffBounds)
    func backOffGrowsToItsCap(_ row: (retry: UInt32, bound: Int64)) {
        let policy = RetryPolicy.appMeshDefault
        #expect(policy.backOffBound(retry: row.retry) == row.bound * millisecond)
        #expect(policy.backOff(retry: row.retry, random: 0) == 0)
        #expect(policy.backOff(retry: row.retry, random: .max) == max(0, row.bound * millisecond - 1))
    }

    @Test func backOffIsSpreadOverItsWholeRange() {
        var random = SeededRandom(7)
        var tenths = [Int](repeating: 0, count: 10)
        let policy = RetryPolicy.appMeshDefault
        for _ in 0..<10_000 {
            let delay = policy.backOff(retry: 2, random: random.next())
            tenths[Int(delay * 10 / (75 * millisecond))] += 1
        }
        #expect(tenths.allSatisfy { (850...1_150).contains($0) }, "\(tenths)")
    }

    @Test func hugeUnitsStayWithinTheCap() {
        let policy = RetryPolicy(events: .reset, retriesMax: 9, backOffUnit: .max, backOffMax: .max)
        #expect(policy.backOffBound(retry: 2) == .max)
        #expect(policy.backOff(retry: 39, random: .max) < .max)
    }

    @Test func aPerTryTimeoutThatIsNotBelowTheOverallOneIsIgnored() {
        let policy = RetryPolicy(events: .reset, retriesMax: 1, perTryTimeout: 2 * second)
        #expect(policy.effectivePerTryTimeout(overall: 0) == 2 * second)
        #expect(policy.effectivePerTryTimeout(overall: 3 * second) == 2 * second)
        #expect(policy.effectivePerTryTimeout(overall: 2 * second) == 0)
        #expect(policy.effectivePerTryTimeout(overall: second) == 0)
    }

    @Test func aSetOfCodesHoldsExactlyWhatWasInserted() {
        var set: StatusCodeSet = [503, 100, 599]
        #expect(set.sorted == [100, 503, 599])
        for code in [-1, 0, 99, 612, .max, .min] {
            let inserted = set.insert(code)
            #expect(!inserted)
            #expect(!set.contains(code))
        }
        #expect(StatusCodeSet(100..<612).sorted == Array(100..<612))
        #expect(StatusCodeSet().isEmpty)
    }

    // MARK: The time of one attempt

    @Test func anAttemptsTimeRunsFromItsConnectionAndTheEndOfTheRequest() {
        var deadline = AttemptDeadline(timeout: 2 * second)
        deadline.connectionReady(now: 10 * second)
        #expect(deadline.next == nil, "the upload is not the upstream's time")
        deadline.requestEnded(now: 14 * second)
        #expect(deadline.next == 16 * second)
        #expect(!deadline.isExpired(at: 16 * second - 1))
        #expect(deadline.isExpired(at: 16 * second))
        deadline.attemptBegan()
        #expect(deadline.next == nil, "connecting has a timeout of its own")
        deadline.connectionReady(now: 20 * second)
        #expect(deadline.next == 22 * second)
        deadline.attemptEnded()
        #expect(!deadline.isExpired(at: .max))
    }

    @Test func noPerTryTimeoutNeverFires() {
        var deadline = AttemptDeadline(timeout: 0)
        deadline.connectionReady(now: 1)
        deadline.requestEnded(now: 1)
        #expect(deadline.next == nil)
        var huge = AttemptDeadline(timeout: .max)
        huge.connectionReady(now: 1)
        huge.requestEnded(now: 1)
        #expect(huge.next == nil)
    }
}
