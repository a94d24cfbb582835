import Foundation
import Synchronization
import Testing

@testable import Resilience

/// The circuit breaker with a thread for each worker.
@Suite struct BreakerThreadTests {
    struct Case: Sendable, CustomTestStringConvertible {
        var connections: Int
        var workers: Int
        var clients: Int
        var requests: Int
        var testDescription: String { "\(connections) connections, \(workers) workers of \(clients) clients" }
    }

    /// What the threads share beside the limits.
    final class Hall: Sendable {
        let shared: SharedLimits
        let upstream = SceneUpstream()
        let mail: [Mailbox]
        let completed: [Counter]
        let deadline = ContinuousClock.now.advanced(by: .seconds(60))

        init(_ limits: BreakerLimits, workers: Int) {
            shared = SharedLimits(limits, workers: workers)
            mail = (0..<workers).map { _ in Mailbox() }
            completed = (0..<workers).map { _ in Counter() }
        }
    }

    final class Mailbox: Sendable { let mutex = Mutex<[Wake.Reason]>([]) }

    final class Counter: Sendable { let value = Atomic<Int>(0) }

    /// Closed-loop clients: each sends its next request when the last one is answered, until every worker has served
    /// `requests` of them.
    private static func run(_ hall: Hall, worker index: Int, _ row: Case) {
        var random = SeededRandom(UInt64(index) + 1)
        let worker = SceneWorker(hall.shared, worker: index, upstream: hall.upstream) { wake in
            hall.mail[wake.worker].mutex.withLock { $0.append(wake.reason) }
        }
        let started = ContinuousClock.now
        var turns = 0
        while ContinuousClock.now < hall.deadline {
            turns += 1
            let mail = hall.mail[index].mutex.withLock { mail in
                defer { mail.removeAll() }
                return mail
            }
            for reason in mail { worker.handle(reason) }
            if hall.completed.allSatisfy({ $0.value.load(ordering: .relaxed) >= row.requests }) { break }
            let now = Int64((ContinuousClock.now - started) / .nanoseconds(1))
            while worker.pendingRequests + worker.busy.count < row.clients { worker.begin(endpoint: 0, now: now) }
            while !worker.connecting.isEmpty { worker.established(0) }
            if !worker.busy.isEmpty { worker.finish(random.below(worker.busy.count), keepAlive: !random.oneIn(50)) }
            hall.completed[index].value.store(worker.completed, ordering: .relaxed)
            if turns & 15 == 0 { sched_yield() }
        }
        // Nothing new; what waits is given up, what is open ends.
        while ContinuousClock.now < hall.deadline.advanced(by: .seconds(5)) {
            let mail = hall.mail[index].mutex.withLock { mail in
                defer { mail.removeAll() }
                return mail
            }
            for reason in mail { worker.handle(reason) }
            while let request = worker.waiting.first { worker.cancel(request) }
            while !worker.connecting.isEmpty { worker.established(0) }
            while !worker.busy.isEmpty { worker.finish(0, keepAlive: false) }
            while !worker.idle.isEmpty { worker.closeIdle(0) }
            let reading = hall.shared.reading
            if reading.connections == 0, reading.pending == 0 { break }
            sched_yield()
        }
    }

    /// The third point: both progress, and the upstream never sees two connections.
    @Test(arguments: [
        Case(connections: 1, workers: 2, clients: 1, requests: 4_000),
        Case(connections: 1, workers: 2, clients: 8, requests: 4_000),
        Case(connections: 3, workers: 4, clients: 5, requests: 2_000),
    ])
    func workersShareALimitExactlyAndNoneStarves(_ row: Case) async {
        let hall = Hall(BreakerLimits(connectionsMax: row.connections), workers: row.workers)
        await withCheckedContinuation { (done: CheckedContinuation<Void, Never>) in
            let left = Counter()
            left.value.store(row.workers, ordering: .relaxed)
            for index in 0..<row.workers {
                Thread.detachNewThread {
                    Self.run(hall, worker: index, row)
                    if left.value.wrappingSubtract(1, ordering: .sequentiallyConsistent).newValue == 0 { done.resume() }
                }
            }
        }
        for counter in hall.completed { #expect(counter.value.load(ordering: .relaxed) >= row.requests) }
        #expect(hall.upstream.peak == row.connections)
        #expect(hall.upstream.connections == 0)
        #expect(hall.shared.reading.connections == 0 && hall.shared.reading.pending == 0)
    }

    @Test func requestAndRetryPermitsAreExactUnderContention() async {
        let shared = SharedLimits(BreakerLimits(requestsMax: 3, retriesMax: 1), workers: 4)
        let (requests, retries, most, mostRetries) = (Counter(), Counter(), Counter(), Counter())
        let granted = Counter()
        await withCheckedContinuation { (done: CheckedContinuation<Void, Never>) in
            let left = Counter()
            left.value.store(4, ordering: .relaxed)
            for _ in 0..<4 {
                Thread.detachNewThread {
                    for turn in 0..<20_000 {
                        if let permit = shared.beginRequest() {
                            _ = most.value.max(
                                requests.value.wrappingAdd(1, ordering: .sequentiallyConsistent).newValue,
                                ordering: .relaxed)
                            if let retry = shared.beginRetry() {
                                granted.value.wrappingAdd(1, ordering: .relaxed)
                                _ = mostRetries.value.max(
                                    retries.value.wrappingAdd(1, ordering: .sequentiallyConsistent).newValue,
                                    ordering: .relaxed)
                                if turn & 63 == 0 { sched_yield() }
                                retries.value.wrappingSubtract(1, ordering: .sequentiallyConsistent)
                                shared.endRetry(retry)
                            }
                            requests.value.wrappingSubtract(1, ordering: .sequentiallyConsistent)
                            shared.endRequest(permit)
                        }
                    }
                    if left.value.wrappingSubtract(1, ordering: .sequentiallyConsistent).newValue == 0 { done.resume() }
                }
            }
        }
        let reading = shared.reading
        #expect(reading.requests == 0 && reading.retries == 0)
        #expect(most.value.load(ordering: .relaxed) <= 3)
        #expect(mostRetries.value.load(ordering: .relaxed) <= 1)
        #expect(granted.value.load(ordering: .relaxed) > 0)
    }
}
