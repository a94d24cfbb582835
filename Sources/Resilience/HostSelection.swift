/// Which endpoint gets the next attempt: round robin over the usable hosts of a cluster (data plane reference 1.8).
///
/// A value per worker and cluster with its own turn, which begins at random, so that workers and proxies started together
/// do not all begin at the same host. When fewer than `panicPercent` of the hosts are usable, all are used: a few survivors
/// would only fall over next. Allocates only when the membership changes.
public struct HostSelection {
    public struct Pick: Sendable, Equatable {
        /// Index into the hosts.
        public var index: Int
        /// Health was ignored (`lb_healthy_panic`).
        public var isPanic: Bool
    }

    /// Envoy's `healthy_panic_threshold`; App Mesh had no setting for it.
    public static let panicPercent = 50

    public private(set) var hosts: [HostHealth]
    private let epoch: HealthEpoch
    private let panicPercent: Int
    private var usable: [Int32] = []
    /// Of the epoch that `usable` was made in.
    private var seen: UInt64 = 0
    private var isPanicking = false
    // Envoy keeps a turn for each of the two lists: a short panic does not disturb the order among the healthy.
    private var usableTurn: RoundRobin
    private var panicTurn: RoundRobin

    /// - Parameters:
    ///   - start: any number; random in production.
    ///   - panicPercent: below this share of usable hosts all are used; 0: never.
    public init(
        hosts: [HostHealth], epoch: HealthEpoch, start: UInt32, panicPercent: Int = HostSelection.panicPercent
    ) {
        self.hosts = hosts
        self.epoch = epoch
        self.panicPercent = min(100, max(0, panicPercent))
        usableTurn = RoundRobin(start: start)
        panicTurn = RoundRobin(start: start)
        usable.reserveCapacity(hosts.count)
    }

    /// The membership changed; the turn goes on.
    public mutating func replace(hosts: [HostHealth]) {
        self.hosts = hosts
        usable.reserveCapacity(hosts.count)
        seen = 0
    }

    /// The next host, or nil if there is none to choose (503, flag `UH`).
    public mutating func pick() -> Pick? {
        if epoch.current != seen { refresh() }
        if isPanicking { return Pick(index: panicTurn.pick(of: hosts.count), isPanic: true) }
        guard !usable.isEmpty else { return nil }
        return Pick(index: Int(usable[usableTurn.pick(of: usable.count)]), isPanic: false)
    }

    /// The next host for a retry: while the pick was tried before, so many further picks. The last one is used anyway, for a
    /// host that failed is better than none (data plane reference 1.3).
    public mutating func pick(avoiding tried: TriedHosts, repicksMax: Int) -> Pick? {
        guard var picked = pick() else { return nil }
        var repicks = 0
        while repicks < repicksMax, tried.contains(hosts[picked.index].id), let next = pick() {
            picked = next
            repicks += 1
        }
        return picked
    }

    /// Usable hosts now, for `membership_healthy`.
    public mutating func usableCount() -> Int {
        if epoch.current != seen { refresh() }
        return usable.count
    }

    /// Whether all hosts are used because too few are usable.
    public mutating func isInPanic() -> Bool {
        if epoch.current != seen { refresh() }
        return isPanicking
    }

    private mutating func refresh() {
        // Read before the flags: a change in between is seen as a newer epoch on the next pick.
        seen = epoch.current
        usable.removeAll(keepingCapacity: true)
        for index in hosts.indices where hosts[index].isUsable { usable.append(Int32(truncatingIfNeeded: index)) }
        isPanicking = !hosts.isEmpty && usable.count * 100 < panicPercent * hosts.count
    }
}

/// The hosts that an exchange has tried, without memory of their own: the last sixteen.
public struct TriedHosts: Sendable, Equatable {
    private var ids = SIMD16<UInt32>(repeating: .max)
    private var count: UInt32 = 0

    public init() {}

    /// - Parameter id: a host's `id`; `UInt32.max` is nobody's.
    public mutating func insert(_ id: UInt32) {
        ids[Int(count & 15)] = id
        count &+= 1
    }

    public func contains(_ id: UInt32) -> Bool { count > 0 && any(ids .== SIMD16(repeating: id)) }
}
