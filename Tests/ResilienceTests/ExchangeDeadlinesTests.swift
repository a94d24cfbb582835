import Testing

@testable import Resilience

@Suite struct ExchangeDeadlinesTests {
    static let second: Int64 = 1_000_000_000

    @Test func theRequestTimeoutCountsFromTheEndOfTheRequest() {
        var deadlines = ExchangeDeadlines(now: 10, idleTimeout: 0)
        deadlines.limit(requestTimeout: 15 * Self.second, idleTimeout: 0)
        #expect(deadlines.next == nil)
        #expect(deadlines.expired(at: 1_000 * Self.second) == nil)
        deadlines.requestEnded(now: 100 * Self.second)
        #expect(deadlines.next == 115 * Self.second)
        #expect(deadlines.expired(at: 115 * Self.second - 1) == nil)
        #expect(deadlines.expired(at: 115 * Self.second) == .request)
    }

    @Test func ofSeveralRequestTimeoutsTheSmallestActsAndZeroIsNone() {
        var deadlines = ExchangeDeadlines(now: 0, idleTimeout: 0)
        deadlines.tighten(requestTimeout: 20 * Self.second)
        deadlines.limit(requestTimeout: 15 * Self.second, idleTimeout: 0)
        deadlines.tighten(requestTimeout: 0)
        deadlines.requestEnded(now: 1)
        #expect(deadlines.next == 1 + 15 * Self.second)
        #expect(deadlines.requestTimeoutMilliseconds == 15_000)
    }

    @Test func activityMovesTheIdleLimitAndNotTheRequestLimit() {
        var deadlines = ExchangeDeadlines(now: 0, idleTimeout: 5 * Self.second)
        deadlines.limit(requestTimeout: 8 * Self.second, idleTimeout: 5 * Self.second)
        deadlines.requestEnded(now: 1)
        #expect(deadlines.expired(at: 5 * Self.second) == .idle)
        deadlines.active(now: 4 * Self.second)
        #expect(deadlines.expired(at: 5 * Self.second) == nil)
        #expect(deadlines.next == 1 + 8 * Self.second)
        #expect(deadlines.expired(at: 9 * Self.second) == .request)
    }

    @Test func roundRobinVisitsEveryEndpointEquallyFromAnyStart() {
        for start: UInt32 in [0, 1, 7, .max, .max - 1] {
            var balancer = RoundRobin(start: start)
            var counts = [0, 0, 0]
            for _ in 0..<300 { counts[balancer.pick(of: 3)] += 1 }
            // The counter's wrap may shift one visit.
            #expect(counts.allSatisfy { (99...101).contains($0) })
        }
    }
}
