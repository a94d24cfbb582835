import Synchronization

/// One cluster's circuit breaker, shared by all workers: exact where Envoy's is eventually consistent (design section 9).
///
/// Always true: permits given out, those on their way to a worker included, never exceed `connectionsMax` (but after the
/// limit was lowered, until enough connections are closed); while a request waits for a permit, no permit is free. So a
/// worker waits only for another's connection, and gets it in one of three ways: a connection is closed and its permit is
/// granted to the worker whose oldest request waits longest; a connection becomes free and `freed` decides that the other
/// worker's turn has come; or a connection lies idle, and its worker is asked to give it up.
///
/// Requests on idle connections pass without the lock. A worker that keeps a connection idle publishes the count first and
/// then looks whether anybody waits; a worker that begins to wait publishes that first and then looks for idle connections.
/// All four are sequentially consistent, so at least one of the two sees the other.
public final class SharedLimits: Sendable {
    /// How much later a worker's oldest request may have arrived than another's and still be served first with a connection
    /// that its worker has at hand. It bounds both the unfairness and the number of connections that change workers: fast
    /// requests of one worker are served in runs of this length, slow ones strictly in order of arrival.
    public static let handoverSlack: Int64 = 5_000_000

    /// One worker's part.
    private struct Share {
        /// Connections.
        var held = 0
        /// Requests in its queue.
        var waiting = 0
        /// Permits granted to it that it has not collected yet.
        var granted = 0
        /// Idle connections that it has been asked for and has not answered yet.
        var asked = 0
        /// Arrival of its oldest waiting request; meaningless if none waits.
        var head: Int64 = 0
        /// Requests that no granted permit covers.
        var wanting: Int { max(0, waiting - granted) }
    }

    private struct State {
        var limits: BreakerLimits
        var shares: [Share]
        /// Held and granted permits of all workers.
        var used = 0
        var pending = 0
        var connectionOverflows: UInt64 = 0
        var pendingOverflows: UInt64 = 0

        var wanting: Int { shares.reduce(0) { $0 + $1.wanting } }
    }

    /// One worker's idle connections; only that worker writes it.
    final class IdleCount: Sendable {
        let value = Atomic<Int>(0)
    }

    private let state: Mutex<State>
    let idle: [IdleCount]
    /// Above zero while a request waits for a permit or too many connections are open: nobody may keep one unasked.
    let attention = Atomic<Int>(0)
    private let requests = Atomic<Int>(0)
    private let retries = Atomic<Int>(0)
    private let requestsMax: Atomic<Int>
    private let retriesMax: Atomic<Int>
    private let requestOverflows = Atomic<UInt64>(0)
    private let retryOverflows = Atomic<UInt64>(0)

    /// - Parameter workers: how many workers there are; they are numbered from 0.
    public init(_ limits: BreakerLimits, workers: Int) {
        let workers = max(1, workers)
        state = Mutex(State(limits: limits, shares: Array(repeating: Share(), count: workers)))
        idle = (0..<workers).map { _ in IdleCount() }
        requestsMax = Atomic(limits.requestsMax)
        retriesMax = Atomic(limits.retriesMax)
    }

    public var reading: BreakerReading {
        let (requests, retries) = (requests.load(ordering: .relaxed), retries.load(ordering: .relaxed))
        let requestOverflows = requestOverflows.load(ordering: .relaxed)
        let retryOverflows = retryOverflows.load(ordering: .relaxed)
        return state.withLock { state in
            BreakerReading(
                limits: state.limits, connections: state.used, pending: state.pending,
                waiting: state.shares.reduce(0) { $0 + $1.waiting }, requests: requests, retries: retries,
                connectionOverflows: state.connectionOverflows, pendingOverflows: state.pendingOverflows,
                requestOverflows: requestOverflows, retryOverflows: retryOverflows)
        }
    }

    /// A reload changed the limits. What is over a lowered limit runs to its end; idle connections over it are asked for.
    /// - Returns: whom to tell; a worker may be told several times.
    public func update(_ limits: BreakerLimits) -> [Wake] {
        requestsMax.store(limits.requestsMax, ordering: .relaxed)
        retriesMax.store(limits.retriesMax, ordering: .relaxed)
        return state.withLock { state in
            state.limits = limits
            var wakes: [Wake] = []
            while let wake = grant(&state) { wakes.append(wake) }
            publish(state)
            var excess = state.used - limits.connectionsMax
            while excess > 0, let wake = ask(&state, except: nil) {
                wakes.append(wake)
                excess -= 1
            }
            return wakes
        }
    }

    // MARK: Requests and retries

    /// A request begins (HTTP/2, gRPC); nil: too many are under way, and it is refused as Envoy does, without waiting.
    public func beginRequest() -> RequestPermit? {
        if acquire(requests, below: requestsMax.load(ordering: .relaxed)) { return RequestPermit() }
        requestOverflows.wrappingAdd(1, ordering: .relaxed)
        return nil
    }

    public func endRequest(_ permit: consuming RequestPermit) {
        permit.forget()
        requests.wrappingSubtract(1, ordering: .relaxed)
    }

    /// A retry is decided; nil: too many are in back-off or under way.
    public func beginRetry() -> RetryPermit? {
        if acquire(retries, below: retriesMax.load(ordering: .relaxed)) { return RetryPermit() }
        retryOverflows.wrappingAdd(1, ordering: .relaxed)
        return nil
    }

    public func endRetry(_ permit: consuming RetryPermit) {
        permit.forget()
        retries.wrappingSubtract(1, ordering: .relaxed)
    }

    private func acquire(_ counter: borrowing Atomic<Int>, below limit: Int) -> Bool {
        var count = counter.load(ordering: .relaxed)
        while count < limit {
            let (exchanged, original) = counter.weakCompareExchange(
                expected: count, desired: count + 1, ordering: .relaxed)
            if exchanged { return true }
            count = original
        }
        return false
    }

    // MARK: Connections, for `Admission`

    enum RequestStep { case connect, replaceIdle, wait(Wake?), overflow }

    func request(worker: Int, now: Int64) -> RequestStep {
        state.withLock { state in
            guard state.pending < state.limits.pendingMax else {
                state.pendingOverflows &+= 1
                return .overflow
            }
            state.pending += 1
            if state.used < state.limits.connectionsMax {
                state.used += 1
                state.shares[worker].held += 1
                return .connect
            }
            state.connectionOverflows &+= 1
            // Even if it has been asked for: requests and idle connections of one worker never wait side by side, and the
            // other worker's turn comes when this connection is free again.
            if idleCount(worker) > 0 { return .replaceIdle }
            if state.shares[worker].waiting == 0 { state.shares[worker].head = now }
            state.shares[worker].waiting += 1
            publish(state)
            return .wait(ask(&state, except: worker))
        }
    }

    func tryConnect(worker: Int) -> Bool {
        state.withLock { state in
            guard state.used < state.limits.connectionsMax else {
                state.connectionOverflows &+= 1
                return false
            }
            state.used += 1
            state.shares[worker].held += 1
            return true
        }
    }

    enum FreedStep { case keepIdle, serve, giveUp }

    /// - Parameters:
    ///   - head: arrival of the worker's oldest waiting request.
    ///   - nextHead: of the one after it.
    func freed(worker: Int, head: Int64?, nextHead: Int64?) -> FreedStep {
        state.withLock { state in
            if state.used > state.limits.connectionsMax { return .giveUp }
            let other = longestWaiting(state, except: worker)
            guard let head else {
                if other != nil { return .giveUp }
                idle[worker].value.wrappingAdd(1, ordering: .sequentiallyConsistent)
                return .keepIdle
            }
            if let other, state.shares[other].head.addingClamped(Self.handoverSlack) < head { return .giveUp }
            served(&state, worker, nextHead)
            return .serve
        }
    }

    func released(_ permit: consuming ConnectionPermit) -> Wake? {
        let worker = Int(permit.worker)
        permit.forget()
        return state.withLock { state in
            state.shares[worker].held -= 1
            state.used -= 1
            let wake = grant(&state)
            publish(state)
            return wake
        }
    }

    enum CollectStep { case none, connect, passedOn(Wake?) }

    func collect(worker: Int, nextHead: Int64?) -> CollectStep {
        state.withLock { state in
            guard state.shares[worker].granted > 0 else { return .none }
            state.shares[worker].granted -= 1
            if state.shares[worker].waiting > 0, state.used <= state.limits.connectionsMax {
                state.shares[worker].held += 1
                served(&state, worker, nextHead)
                return .connect
            }
            // Its requests left or were served otherwise, or the limit was lowered meanwhile. Then they wait again; idle
            // connections that the grant had left alone have been asked for by `update`.
            state.used -= 1
            let wake = grant(&state)
            publish(state)
            return .passedOn(wake)
        }
    }

    func waiterLeft(worker: Int, head: Int64?) {
        state.withLock { state in
            state.pending -= 1
            served(&state, worker, head)
        }
    }

    func pendingEnded() { state.withLock { $0.pending -= 1 } }

    func giveUpAsked(worker: Int) -> GiveUp {
        state.withLock { state in
            state.shares[worker].asked = max(0, state.shares[worker].asked - 1)
            let isWanted = longestWaiting(state, except: worker) != nil || state.used > state.limits.connectionsMax
            guard isWanted else { return .nothing(nil) }
            if idleCount(worker) > 0 { return .closeOneIdle }
            // It has used the connection since. Another's may lie idle that was not asked for then.
            return .nothing(ask(&state, except: worker))
        }
    }

    // MARK: Under the lock

    private func served(_ state: inout State, _ worker: Int, _ nextHead: Int64?) {
        state.shares[worker].waiting -= 1
        if let nextHead { state.shares[worker].head = nextHead }
        publish(state)
    }

    /// Gives a free permit to the worker whose oldest request waits longest.
    private func grant(_ state: inout State) -> Wake? {
        guard state.used < state.limits.connectionsMax, let worker = longestWaiting(state, except: nil) else {
            return nil
        }
        state.used += 1
        state.shares[worker].granted += 1
        return Wake(worker: worker, reason: .permitGranted)
    }

    /// Asks for one idle connection that nobody has asked for yet.
    private func ask(_ state: inout State, except requester: Int?) -> Wake? {
        let count = state.shares.count
        let start = requester.map { $0 + 1 } ?? 0
        for step in 0..<count {
            let worker = (start + step) % count
            guard worker != requester, idleCount(worker) > state.shares[worker].asked else { continue }
            state.shares[worker].asked += 1
            return Wake(worker: worker, reason: .giveUpIdle)
        }
        return nil
    }

    private func longestWaiting(_ state: State, except worker: Int?) -> Int? {
        var longest: Int?
        for index in state.shares.indices where index != worker && state.shares[index].wanting > 0 {
            if let known = longest, state.shares[known].head <= state.shares[index].head { continue }
            longest = index
        }
        return longest
    }

    private func publish(_ state: State) {
        let value = state.wanting + max(0, state.used - state.limits.connectionsMax)
        attention.store(value, ordering: .sequentiallyConsistent)
    }

    private func idleCount(_ worker: Int) -> Int { idle[worker].value.load(ordering: .sequentiallyConsistent) }
}

/// What a worker does that was asked for an idle connection.
public enum GiveUp: Sendable, Equatable {
    /// It closes one: `Admission.idleTaken`, then `Admission.connectionClosed`.
    case closeOneIdle
    /// Nobody needs it any more, or there is none; tell whom the value names.
    case nothing(Wake?)
}

extension Int64 {
    /// The sum, or the nearest end of the range.
    func addingClamped(_ other: Int64) -> Int64 {
        let (sum, overflow) = addingReportingOverflow(other)
        return overflow ? (other > 0 ? .max : .min) : sum
    }
}
