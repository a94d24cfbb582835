import Synchronization

/// Outlier detection of one cluster in one client proxy, fed by all its workers (data plane reference 1.7).
///
/// Errors in a row are counted per host over all workers; the count that reaches the policy's limit ejects the host at once,
/// on the worker that saw it. Hosts return only at a sweep, each interval. A result costs one or two atomic operations and
/// takes no lock unless the limit is reached. Each ejection in a row lasts one `firstEjection` longer, and each healthy
/// interval shortens the next one again.
public final class OutlierDetector: Sendable {
    private struct Member {
        var host: HostHealth
        var isEjected = false
        /// Factor of the next return time; grows with ejections, shrinks with healthy intervals.
        var multiplier: Int64 = 0
        var ejectedAt: Int64 = 0
        var returnedAt: Int64?
        var ejections: UInt64 = 0
    }

    private struct State {
        var policy: OutlierPolicy?
        var members: [Member]
        var reading = Reading()
    }

    /// Envoy's `outlier_detection.*` statistics.
    public struct Reading: Sendable, Equatable {
        /// `ejections_active`
        public var ejected = 0
        /// `ejections_detected_consecutive_5xx`
        public var detected: UInt64 = 0
        /// `ejections_enforced_total`, `ejections_enforced_consecutive_5xx`
        public var enforced: UInt64 = 0
        /// `ejections_overflow`
        public var heldBack: UInt64 = 0
    }

    private let state: Mutex<State>
    /// The policy's limit; `UInt32.max` without a policy.
    private let errorsMax: Atomic<UInt32>

    /// - Parameter policy: nil detects nothing.
    public init(_ policy: OutlierPolicy?, hosts: [HostHealth]) {
        state = Mutex(State(policy: policy, members: hosts.map { Member(host: $0) }))
        errorsMax = Atomic(policy?.consecutiveErrorsMax ?? .max)
    }

    public var reading: Reading { state.withLock(\.reading) }

    /// The time between sweeps; nil if there is nothing to sweep.
    public var interval: Int64? { state.withLock { $0.policy?.interval } }

    /// An attempt's result. Any worker; each attempt is reported once.
    /// - Returns: what happened, to be logged; nil nearly always.
    public func report(_ result: OutlierResult, of host: HostHealth, now: Int64) -> EjectionEvent? {
        if !result.isError {
            // Loaded first, so that healthy hosts do not bounce a cache line between workers.
            if host.errors.load(ordering: .relaxed) != 0 { host.errors.store(0, ordering: .relaxed) }
            return nil
        }
        let errors = host.errors.wrappingAdd(1, ordering: .relaxed).newValue
        if errors < errorsMax.load(ordering: .relaxed) { return nil }
        return detected(host, now)
    }

    private func detected(_ host: HostHealth, _ now: Int64) -> EjectionEvent? {
        state.withLock { state in
            // A late result of a host that has left.
            guard let policy = state.policy, let index = state.members.firstIndex(where: { $0.host === host }) else {
                return nil
            }
            let errors = host.errors.load(ordering: .relaxed)
            // Another worker's error was just before this one, or the host is out already and only in panic use.
            guard errors >= policy.consecutiveErrorsMax, !state.members[index].isEjected else { return nil }
            // Begins a new run, whether or not the host is ejected.
            host.errors.store(0, ordering: .relaxed)
            state.reading.detected &+= 1
            let ejected = state.reading.ejected
            guard ejected == 0 || 100 * (ejected + 1) <= policy.ejectedPercentMax * state.members.count else {
                state.reading.heldBack &+= 1
                return event(state, index, .heldBack(.consecutiveErrors(errors)), duration: 0)
            }
            state.reading.ejected += 1
            state.reading.enforced &+= 1
            state.members[index].isEjected = true
            state.members[index].ejectedAt = now
            state.members[index].ejections &+= 1
            if policy.mayGrow(multiplier: state.members[index].multiplier) { state.members[index].multiplier += 1 }
            host.set(.failedOutlierCheck)
            let duration = policy.ejection(multiplier: state.members[index].multiplier)
            return event(state, index, .ejected(.consecutiveErrors(errors)), duration: duration)
        }
    }

    /// Called each `interval`, by one thread: hosts return whose time is over, and healthy ones are forgiven a little.
    public func sweep(now: Int64) -> [EjectionEvent] {
        state.withLock { state in
            guard let policy = state.policy else { return [] }
            var events: [EjectionEvent] = []
            for index in state.members.indices {
                let member = state.members[index]
                if member.isEjected {
                    guard policy.ejection(multiplier: member.multiplier) <= now &- member.ejectedAt else { continue }
                    events.append(takeBack(&state, index, .timeElapsed, now))
                } else if let returnedAt = member.returnedAt, now &- returnedAt >= policy.interval,
                    member.multiplier > 0
                {
                    state.members[index].multiplier -= 1
                }
            }
            return events
        }
    }

    /// An active health check of the host passed: it returns at once (Envoy's
    /// `successful_active_health_check_uneject_host`, on by default).
    public func healthCheckPassed(_ host: HostHealth, now: Int64) -> EjectionEvent? {
        guard host.flags.contains(.failedOutlierCheck), !host.flags.contains(.failedActiveCheck) else { return nil }
        return state.withLock { state in
            guard let index = state.members.firstIndex(where: { $0.host === host }), state.members[index].isEjected
            else { return nil }
            return takeBack(&state, index, .healthCheckPassed, now)
        }
    }

    /// A reload or discovery changed the policy or the membership. Hosts that stay keep their state; hosts that go are
    /// ejected no more, and neither is anybody without a policy.
    public func update(_ policy: OutlierPolicy?, hosts: [HostHealth], now: Int64) -> [EjectionEvent] {
        errorsMax.store(policy?.consecutiveErrorsMax ?? .max, ordering: .relaxed)
        return state.withLock { state in
            var events: [EjectionEvent] = []
            if policy == nil {
                for index in state.members.indices where state.members[index].isEjected {
                    events.append(takeBack(&state, index, .detectionEnded, now))
                }
            }
            state.policy = policy
            var known: [ObjectIdentifier: Member] = [:]
            for member in state.members { known[ObjectIdentifier(member.host)] = member }
            state.members = hosts.map { known.removeValue(forKey: ObjectIdentifier($0)) ?? Member(host: $0) }
            for gone in known.values where gone.isEjected {
                gone.host.clear(.failedOutlierCheck)
                state.reading.ejected -= 1
            }
            return events
        }
    }

    private func takeBack(_ state: inout State, _ index: Int, _ reason: EjectionEvent.Return, _ now: Int64)
        -> EjectionEvent
    {
        state.members[index].isEjected = false
        state.members[index].returnedAt = now
        state.reading.ejected -= 1
        let host = state.members[index].host
        // Errors of its time in panic do not count against its return.
        host.errors.store(0, ordering: .relaxed)
        host.clear(.failedOutlierCheck)
        return event(state, index, .returned(reason), duration: 0)
    }

    private func event(_ state: State, _ index: Int, _ kind: EjectionEvent.Kind, duration: Int64) -> EjectionEvent {
        EjectionEvent(
            host: state.members[index].host.id, kind: kind, ejections: state.members[index].ejections,
            duration: duration, ejectedCount: state.reading.ejected, hostCount: state.members.count)
    }
}
