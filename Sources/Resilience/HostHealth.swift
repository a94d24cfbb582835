import Synchronization

/// One endpoint as one proxy's cluster sees it: the flags that keep it from being chosen, and its run of errors.
///
/// All workers, the outlier detector and the health prober share it. Flags change rarely; each change moves the process's
/// `HealthEpoch`, so that a worker sees with one load whether its list of usable hosts is still right.
public final class HostHealth: Sendable {
    /// Why a host is not chosen; Envoy's `health_flags` in `/clusters` (data plane reference 1.7).
    public struct Flags: OptionSet, Sendable, Hashable, CustomStringConvertible {
        public let rawValue: UInt32
        public init(rawValue: UInt32) { self.rawValue = rawValue }

        /// The active health check failed, or has not passed yet.
        public static let failedActiveCheck = Flags(rawValue: 1 << 0)
        /// Ejected by outlier detection.
        public static let failedOutlierCheck = Flags(rawValue: 1 << 1)
        /// No active health check has been answered yet; says nothing about use by itself.
        public static let pendingActiveCheck = Flags(rawValue: 1 << 2)
        /// The last active health check timed out; says nothing about use by itself.
        public static let activeCheckTimeout = Flags(rawValue: 1 << 3)

        /// Hosts with one of these are chosen only in panic.
        public static let unusable: Flags = [.failedActiveCheck, .failedOutlierCheck]

        private static let names: [(Flags, String)] = [
            (.failedActiveCheck, "/failed_active_hc"), (.failedOutlierCheck, "/failed_outlier_check"),
            (.pendingActiveCheck, "/pending_active_hc"), (.activeCheckTimeout, "/active_hc_timeout"),
        ]

        /// As `/clusters` shows them: `/failed_active_hc/failed_outlier_check`, or `healthy`.
        public var description: String {
            isEmpty ? "healthy" : Self.names.filter { contains($0.0) }.map(\.1).joined()
        }
    }

    /// The caller's name for the endpoint, unique in its cluster and stable over changes of membership.
    public let id: UInt32
    private let epoch: HealthEpoch
    private let bits: Atomic<UInt32>
    /// Server errors since the last success; see `OutlierDetector`.
    let errors = Atomic<UInt32>(0)

    /// - Parameter isChecked: an active health check decides; the host is not used before its first success.
    public init(id: UInt32, epoch: HealthEpoch, isChecked: Bool = false) {
        self.id = id
        self.epoch = epoch
        bits = Atomic(isChecked ? Flags([.failedActiveCheck, .pendingActiveCheck]).rawValue : 0)
    }

    public var flags: Flags { Flags(rawValue: bits.load(ordering: .acquiring)) }
    public var isUsable: Bool { flags.isDisjoint(with: .unusable) }
    /// Server errors in a row, for `/clusters`.
    public var consecutiveErrors: UInt32 { errors.load(ordering: .relaxed) }

    /// Any thread.
    public func set(_ flags: Flags) {
        let (old, new) = bits.bitwiseOr(flags.rawValue, ordering: .acquiringAndReleasing)
        if old != new { epoch.advance() }
    }

    /// Any thread.
    public func clear(_ flags: Flags) {
        let (old, new) = bits.bitwiseAnd(~flags.rawValue, ordering: .acquiringAndReleasing)
        if old != new { epoch.advance() }
    }

    /// Takes over what an active check found.
    public func apply(_ check: HealthCheck) {
        let flags = check.flags
        set(flags)
        clear(Flags([.failedActiveCheck, .pendingActiveCheck, .activeCheckTimeout]).subtracting(flags))
    }
}

/// Moves whenever a flag of any host changes; one for the process.
public final class HealthEpoch: Sendable {
    private let counter = Atomic<UInt64>(1)

    public init() {}

    /// Equal values: no flag has changed in between. Never 0.
    public var current: UInt64 { counter.load(ordering: .acquiring) }

    func advance() { counter.wrappingAdd(1, ordering: .releasing) }
}
