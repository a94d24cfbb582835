import Testing

@testable import Resilience

@Suite struct HostSelectionTests {
    static func hosts(_ count: Int, _ epoch: HealthEpoch, failed: Int = 0) -> [HostHealth] {
        let hosts = (0..<count).map { HostHealth(id: UInt32(100 + $0), epoch: epoch) }
        for host in hosts.prefix(failed) { host.set(.failedActiveCheck) }
        return hosts
    }

    /// Hosts, how many are out, whether all are used: below half, not at half (data plane reference 1.8).
    static let panic: [(hosts: Int, failed: Int, isPanic: Bool)] = [
        (1, 0, false), (1, 1, true), (2, 1, false), (2, 2, true), (3, 1, false), (3, 2, true), (4, 2, false),
        (4, 3, true), (5, 2, false), (5, 3, true), (100, 50, false), (100, 51, true), (100, 100, true),
    ]

    @Test(arguments: panic)
    func belowHalfAllHostsAreUsed(_ row: (hosts: Int, failed: Int, isPanic: Bool)) {
        let epoch = HealthEpoch()
        let hosts = Self.hosts(row.hosts, epoch, failed: row.failed)
        var selection = HostSelection(hosts: hosts, epoch: epoch, start: 5)
        var picked: [Int: Int] = [:]
        for _ in 0..<row.hosts * (row.hosts - row.failed + 1) * 4 {
            guard let pick = selection.pick() else { continue }
            #expect(pick.isPanic == row.isPanic)
            picked[pick.index, default: 0] += 1
        }
        #expect(picked.count == (row.isPanic ? row.hosts : row.hosts - row.failed))
        if !row.isPanic { #expect(picked.keys.allSatisfy { $0 >= row.failed }) }
        #expect(selection.usableCount() == row.hosts - row.failed)
        #expect(selection.isInPanic() == row.isPanic)
    }

    @Test func withoutHostsThereIsNothingToPick() {
        var selection = HostSelection(hosts: [], epoch: HealthEpoch(), start: 1)
        #expect(selection.pick() == nil)
        #expect(selection.pick(avoiding: TriedHosts(), repicksMax: 5) == nil)
    }

    @Test func withoutPanicNoHealthyHostIsNone() {
        let epoch = HealthEpoch()
        let hosts = Self.hosts(3, epoch, failed: 3)
        var selection = HostSelection(hosts: hosts, epoch: epoch, start: 0, panicPercent: 0)
        #expect(selection.pick() == nil)
        hosts[1].clear(.failedActiveCheck)
        #expect(selection.pick() == .init(index: 1, isPanic: false))
    }

    @Test func everyUsableHostGetsItsTurnFromAnyStart() {
        for start: UInt32 in [0, 1, 2, 77, .max] {
            let epoch = HealthEpoch()
            let hosts = Self.hosts(5, epoch, failed: 2)
            var selection = HostSelection(hosts: hosts, epoch: epoch, start: start)
            var counts = [Int](repeating: 0, count: 5)
            for _ in 0..<300 { if let pick = selection.pick() { counts[pick.index] += 1 } }
            #expect(counts[0] == 0 && counts[1] == 0)
            // The turn's wrap may shift one visit.
            #expect(counts[2...].allSatisfy { (99...101).contains($0) }, "\(counts)")
        }
    }

    @Test func aRetryAvoidsTriedHostsWhileItsPicksLast() {
        let epoch = HealthEpoch()
        var selection = HostSelection(hosts: Self.hosts(3, epoch), epoch: epoch, start: 0)
        var tried = TriedHosts()
        #expect(selection.pick()?.index == 0)
        tried.insert(100)
        tried.insert(101)
        #expect(selection.pick(avoiding: tried, repicksMax: 5)?.index == 2)
        #expect(selection.pick(avoiding: tried, repicksMax: 0)?.index == 0, "the first pick, tried or not")
        #expect(selection.pick(avoiding: tried, repicksMax: 1)?.index == 2)
        tried.insert(102)
        // All are tried: the sixth pick is used anyway.
        #expect(selection.pick(avoiding: tried, repicksMax: 5)?.index == 2)
        #expect(selection.pick()?.index == 0)
    }

    @Test func aSingleHostIsRetriedOnItself() {
        let epoch = HealthEpoch()
        var selection = HostSelection(hosts: Self.hosts(1, epoch), epoch: epoch, start: 9)
        var tried = TriedHosts()
        tried.insert(100)
        #expect(selection.pick(avoiding: tried, repicksMax: 5)?.index == 0)
    }

    @Test func triedHostsRemembersTheLastSixteen() {
        var tried = TriedHosts()
        #expect(!tried.contains(0) && !tried.contains(.max))
        for id: UInt32 in 0..<20 { tried.insert(id) }
        for id: UInt32 in 0..<4 { #expect(!tried.contains(id)) }
        for id: UInt32 in 4..<20 { #expect(tried.contains(id)) }
    }

    @Test func changesOfHealthAndMembershipActOnTheNextPick() {
        let epoch = HealthEpoch()
        let hosts = Self.hosts(2, epoch)
        var selection = HostSelection(hosts: hosts, epoch: epoch, start: 0)
        #expect(selection.pick()?.index == 0)
        hosts[1].set(.failedOutlierCheck)
        for _ in 0..<3 { #expect(selection.pick()?.index == 0) }
        hosts[1].clear(.failedOutlierCheck)
        #expect(Set((0..<2).compactMap { _ in selection.pick()?.index }) == [0, 1])
        selection.replace(hosts: [hosts[1]])
        #expect(selection.pick() == .init(index: 0, isPanic: false))
        #expect(selection.hosts[0].id == 101)
    }

    /// Flags change at random; every pick is one that the rules allow, and over a stretch without changes nobody is left
    /// out.
    @Test func aMillionPicksFollowTheRules() {
        var random = SeededRandom(3)
        let epoch = HealthEpoch()
        let hosts = Self.hosts(7, epoch)
        var selection = HostSelection(hosts: hosts, epoch: epoch, start: UInt32(truncatingIfNeeded: random.next()))
        var tried = TriedHosts()
        var (wrong, panics, repicked) = (0, 0, 0)
        var usable = [Bool](repeating: true, count: hosts.count)
        var visits = [Int](repeating: 0, count: hosts.count)
        for step in 0..<1_000_000 {
            if step % 50 == 0 {
                let count = usable.count { $0 }
                // A stretch of 50 plain picks is an even share for each.
                if step > 0, step % 100 == 0 {
                    let inUse = 2 * count < hosts.count ? hosts.count : count
                    for visited in visits where visited > 0 && abs(visited - 50 / inUse) > 1 { wrong += 1 }
                    if visits.count(where: { $0 > 0 }) != inUse { wrong += 1 }
                }
                visits = Array(repeating: 0, count: hosts.count)
                let index = random.below(hosts.count)
                let flag: HostHealth.Flags = random.oneIn(2) ? .failedActiveCheck : .failedOutlierCheck
                if random.oneIn(2) { hosts[index].set(flag) } else { hosts[index].clear(flag) }
                usable[index] = hosts[index].flags.isDisjoint(with: .unusable)
                tried = TriedHosts()
            }
            let isPanic = usable.count { $0 } * 2 < hosts.count
            // Stretches of plain picks take turns with stretches of retries.
            let isRetry = step % 100 < 50
            let pick = isRetry ? selection.pick(avoiding: tried, repicksMax: 6) : selection.pick()
            guard let pick, pick.isPanic == isPanic, isPanic || usable[pick.index] else {
                wrong += 1
                continue
            }
            visits[pick.index] += 1
            if isPanic { panics += 1 }
            if isRetry, step % 100 < 7 {
                // Six further picks visit all seven, so an untried one is found while there is one.
                let candidates = hosts.indices.filter { isPanic || usable[$0] }
                let fresh = candidates.contains { !tried.contains(hosts[$0].id) }
                if fresh, tried.contains(hosts[pick.index].id) { wrong += 1 }
                if fresh { repicked += 1 }
                tried.insert(hosts[pick.index].id)
            }
        }
        #expect(wrong == 0)
        #expect(panics > 50_000 && repicked > 10_000)
    }
}
