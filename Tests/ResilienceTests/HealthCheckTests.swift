import Testing

@testable import Resilience

@Suite struct HealthCheckTests {
    typealias Failure = HealthCheck.Failure

    static func policy(
        healthy: UInt32 = 2, unhealthy: UInt32 = 3, jitter: Int = 0, noTraffic: Int64 = 60 * second,
        counted: StatusCodeSet = []
    ) -> HealthCheckPolicy {
        HealthCheckPolicy(
            interval: 5 * second, timeout: 2 * second, healthyThreshold: healthy, unhealthyThreshold: unhealthy,
            jitterPercent: jitter, noTrafficInterval: noTraffic, counted: counted)
    }

    /// A check and its time: one probe per step.
    struct Probing {
        var check: HealthCheck
        var now: Int64 = 0

        init(_ policy: HealthCheckPolicy) { check = HealthCheck(policy, now: 0, random: 0) }

        private mutating func begin() -> UInt32? {
            now = check.next
            guard case .probe(let probe) = check.timerFired(now: now, hasTraffic: true, random: 0) else { return nil }
            return probe
        }

        mutating func answer(_ status: Int) -> HealthCheck.Result? {
            guard let probe = begin() else { return nil }
            return check.answered(probe: probe, status: status, now: now, hasTraffic: true, random: 0)
        }

        mutating func fail(_ failure: Failure) -> HealthCheck.Result? {
            guard let probe = begin() else { return nil }
            return check.failed(probe: probe, failure, now: now, hasTraffic: true, random: 0)
        }

        mutating func hang() -> HealthCheck.Result? {
            guard begin() != nil else { return nil }
            now = check.next
            guard case .abandon(_, let result) = check.timerFired(now: now, hasTraffic: true, random: 0) else {
                return nil
            }
            return result
        }
    }

    @Test func theFirstSuccessOfAllMakesAHostHealthyAtOnce() {
        var probing = Probing(Self.policy(healthy: 10))
        #expect(!probing.check.isHealthy)
        #expect(probing.check.flags.description == "/failed_active_hc/pending_active_hc")
        #expect(probing.answer(200) == .init(transition: .changed, event: .becameHealthy(isFirst: true)))
        #expect(probing.check.flags == [])
    }

    @Test func afterAFailedFirstCheckTheThresholdHolds() {
        var probing = Probing(Self.policy(healthy: 2))
        #expect(probing.answer(500) == .init(transition: .unchanged, event: .firstCheckFailed(.status(500))))
        #expect(probing.check.flags == .failedActiveCheck)
        #expect(probing.answer(200)?.transition == .pending)
        #expect(probing.answer(200) == .init(transition: .changed, event: .becameHealthy(isFirst: false)))
    }

    @Test func failedConnectionsAndTimeoutsCountTowardsTheThreshold() {
        var probing = Probing(Self.policy(unhealthy: 3))
        _ = probing.answer(200)
        #expect(probing.fail(.network) == .init(transition: .pending, event: nil))
        #expect(probing.hang() == .init(transition: .pending, event: nil))
        #expect(probing.answer(200)?.transition == .unchanged)
        #expect(probing.check.failures == 0, "a success starts anew")
        for _ in 0..<2 { _ = probing.fail(.network) }
        #expect(probing.check.isHealthy)
        #expect(probing.hang() == .init(transition: .changed, event: .becameUnhealthy(.timeout)))
        #expect(probing.check.flags.description == "/failed_active_hc/active_hc_timeout")
        _ = probing.fail(.network)
        #expect(probing.check.flags == .failedActiveCheck)
    }

    /// Status, whether it passes, whether it fails a healthy host at once.
    static let statuses: [(status: Int, passes: Bool)] = [
        (200, true), (201, false), (204, false), (301, false), (404, false), (500, false), (503, false),
    ]

    @Test(arguments: statuses)
    func only200PassesAndAnyOtherStatusFailsAtOnce(_ row: (status: Int, passes: Bool)) {
        var probing = Probing(Self.policy())
        _ = probing.answer(200)
        let result = probing.answer(row.status)
        #expect(probing.check.isHealthy == row.passes)
        #expect(result?.event == (row.passes ? nil : .becameUnhealthy(.status(row.status))))
    }

    @Test func countedStatusesAreLikeFailedConnections() {
        var probing = Probing(Self.policy(unhealthy: 2, counted: [500]))
        _ = probing.answer(200)
        #expect(probing.answer(500)?.transition == .pending)
        #expect(probing.answer(500)?.transition == .changed)
        var other = Probing(Self.policy(unhealthy: 2, counted: [500]))
        _ = other.answer(200)
        #expect(other.answer(503)?.transition == .changed)
    }

    @Test func aServiceThatSaysItDoesNotServeFailsAtOnce() {
        var probing = Probing(Self.policy())
        _ = probing.answer(200)
        #expect(probing.fail(.notServing)?.event == .becameUnhealthy(.notServing))
    }

    @Test func probesComeAnIntervalAfterTheLastResultAndEndAtTheTimeout() {
        var check = HealthCheck(Self.policy(), now: 7 * second, random: 0)
        #expect(check.next == 7 * second)
        #expect(check.timerFired(now: 7 * second - 1, hasTraffic: true, random: 0) == .none)
        #expect(check.timerFired(now: 7 * second, hasTraffic: true, random: 0) == .probe(1))
        #expect(check.next == 9 * second)
        #expect(check.timerFired(now: 8 * second, hasTraffic: true, random: 0) == .none, "one probe at a time")
        _ = check.passed(probe: 1, now: 8 * second, hasTraffic: true, random: 0)
        #expect(check.next == 13 * second)
        #expect(check.timerFired(now: 13 * second, hasTraffic: true, random: 0) == .probe(2))
        guard case .abandon(2, let result) = check.timerFired(now: 15 * second, hasTraffic: true, random: 0) else {
            Issue.record("the probe has no time left")
            return
        }
        #expect(result.transition == .pending)
        #expect(check.next == 20 * second)
        #expect(check.passed(probe: 2, now: 16 * second, hasTraffic: true, random: 0) == nil, "too late")
        #expect(check.next == 20 * second)
    }

    @Test func jitterOnlyLengthensTheInterval() {
        for (random, expected) in [(UInt64.min, 5 * second), (.max, 5 * second + second / 2 - 1)] {
            var check = HealthCheck(Self.policy(jitter: 10), now: 0, random: 0)
            _ = check.timerFired(now: 0, hasTraffic: true, random: 0)
            _ = check.passed(probe: 1, now: 0, hasTraffic: true, random: random)
            #expect(check.next == expected)
        }
        let spread = HealthCheckPolicy(
            interval: 5 * second, timeout: second, healthyThreshold: 2, unhealthyThreshold: 2, startJitter: 4 * second)
        #expect(HealthCheck(spread, now: 1, random: .max).next == 4 * second)
        #expect(HealthCheck(spread, now: 1, random: 0).next == 1)
    }

    /// Data plane reference 1.8: `no_traffic_interval` 60 s.
    @Test func withoutTrafficHostsAreCheckedRarely() {
        for (noTraffic, expected) in [(60 * second, 60 * second), (second, 5 * second)] {
            var check = HealthCheck(Self.policy(noTraffic: noTraffic), now: 0, random: 0)
            _ = check.timerFired(now: 0, hasTraffic: false, random: 0)
            _ = check.passed(probe: 1, now: 0, hasTraffic: false, random: 0)
            #expect(check.next == expected)
        }
    }

    @Test func numbersWithoutSenseAreBroughtIntoRange() {
        let policy = HealthCheckPolicy(
            interval: .max, timeout: .min, healthyThreshold: 0, unhealthyThreshold: 0, jitterPercent: .max,
            startJitter: .max, noTrafficInterval: .max)
        var check = HealthCheck(policy, now: .max - 1, random: .max)
        #expect(check.next == .max)
        _ = check.timerFired(now: .max, hasTraffic: false, random: .max)
        _ = check.passed(probe: 1, now: .max, hasTraffic: false, random: .max)
        #expect(check.next == .max)
        #expect(policy.healthyThreshold == 1 && policy.unhealthyThreshold == 1 && policy.timeout > 0)
    }

    @Test func aHostTakesOverWhatItsCheckFound() {
        let epoch = HealthEpoch()
        let host = HostHealth(id: 1, epoch: epoch, isChecked: true)
        #expect(!host.isUsable)
        host.set(.failedOutlierCheck)
        var probing = Probing(Self.policy())
        _ = probing.answer(200)
        let before = epoch.current
        host.apply(probing.check)
        #expect(host.flags == .failedOutlierCheck, "ejections are another matter")
        #expect(epoch.current != before)
        let after = epoch.current
        host.apply(probing.check)
        #expect(epoch.current == after, "nothing changed")
    }

    /// Results, late results and timers in any order against the plain rule.
    @Test func aMillionEventsAgreeWithThePlainRule() {
        var random = SeededRandom(99)
        let policy = Self.policy(healthy: 3, unhealthy: 4, jitter: 10, counted: [500])
        var check = HealthCheck(policy, now: 0, random: 0)
        var now: Int64 = 0
        var (isHealthy, isFirst, run) = (false, true, 0)
        var probe: UInt32 = 0
        var isProbing = false
        var (probes, results, changes, wrong) = (0, 0, 0, 0)
        for _ in 0..<1_000_000 {
            now = random.oneIn(3) ? max(now, check.next) : now + Int64(random.below(1_000)) * millisecond
            var result: HealthCheck.Result?
            /// nil: passed; true: fails at once.
            var failure: Bool?
            var isPass = false
            let number = random.oneIn(8) ? probe &- 1 : probe
            let isLate = !isProbing || number != probe
            switch random.below(8) {
            case 0...3:
                let isDue = now >= check.next
                switch check.timerFired(now: now, hasTraffic: true, random: random.next()) {
                case .none: if isDue { wrong += 1 }
                case .probe(let next):
                    if isProbing || next != probe &+ 1 || check.next != now + 2 * second { wrong += 1 }
                    probe = next
                    probes += 1
                    isProbing = true
                case .abandon(let number, let timedOut):
                    if !isProbing || number != probe { wrong += 1 }
                    result = timedOut
                    failure = false
                }
            case 4...5:
                result = check.answered(probe: number, status: 200, now: now, hasTraffic: true, random: random.next())
                if (result == nil) != isLate { wrong += 1 }
                isPass = result != nil
            case 6:
                let status = random.oneIn(3) ? 503 : 500
                result = check.answered(
                    probe: number, status: status, now: now, hasTraffic: true, random: random.next())
                if (result == nil) != isLate { wrong += 1 }
                failure = result == nil ? nil : status == 503
            default:
                result = check.failed(probe: number, .network, now: now, hasTraffic: true, random: random.next())
                if (result == nil) != isLate { wrong += 1 }
                failure = result == nil ? nil : false
            }
            guard let result else { continue }
            results += 1
            isProbing = false
            let wasHealthy = isHealthy
            if isPass == isHealthy {
                run = 0
            } else {
                run += 1
                if isPass ? isFirst || run == 3 : failure == true || run == 4 {
                    isHealthy = isPass
                    run = 0
                    changes += 1
                }
            }
            isFirst = false
            if check.isHealthy != isHealthy { wrong += 1 }
            if (result.transition == .changed) != (wasHealthy != isHealthy) { wrong += 1 }
            if !(now + 5 * second..<now + 5 * second + second / 2).contains(check.next) { wrong += 1 }
        }
        #expect(wrong == 0)
        #expect(probes == results + (isProbing ? 1 : 0))
        #expect(changes > 1_000 && probes > 100_000, "\(changes) \(probes)")
    }
}
