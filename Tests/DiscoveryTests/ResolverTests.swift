import Testing

@testable import Discovery

/// A resolver with servers that the test plays and a clock that it sets.
private final class Bench {
    struct Message {
        var id: Int
        var server: String
        var transport: DNSTransport
        var bytes: [UInt8]
        var dnsID: UInt16 { UInt16(bytes[0]) << 8 | UInt16(bytes[1]) }
        var name: String {
            var reader = DNSReader(bytes)
            reader.offset = 12
            return reader.name()?.description ?? "?"
        }
        var family: IPAddress.Family { bytes[bytes.count - 3] == 28 ? .v6 : .v4 }
    }

    var resolver: Resolver
    var now: Int64 = 1_000_000_000_000
    var open: [Message] = []
    var ended: [LookupResult] = []
    var begun = 0

    init(servers: [String] = ["10.0.0.1"], timeout: Int = 5, attempts: Int = 2, hosts: String = "", seed: UInt64 = 42) {
        var dice = Dice(state: seed)
        resolver = Resolver(
            settings: ResolverSettings(
                servers: servers.compactMap { IPAddress($0) }.map { ResolverSettings.Server(address: $0) },
                timeout: .seconds(timeout), attempts: attempts),
            hosts: HostsTable(hosts), random: { dice.next() })
    }

    func act(_ actions: [Resolver.Action]) {
        for action in actions {
            switch action {
            case .send(let id, let server, let transport, let bytes):
                open.append(Message(id: id, server: server.address.description, transport: transport, bytes: bytes))
            case .abandon(let id): open.removeAll { $0.id == id }
            case .began: begun += 1
            case .ended(_, let result): ended.append(result)
            }
        }
    }

    func watch(_ keys: NameKey...) { act(resolver.watch(Set(keys), now: now)) }

    /// Answers the message that is under way for a family.
    func answer(_ family: IPAddress.Family, _ addresses: [String], ttl: UInt32 = 60, flags: UInt16 = 0x8180) {
        guard let message = open.first(where: { $0.family == family }) else {
            Issue.record("nothing is asked for \(family)")
            return
        }
        let bytes = DiscoveryTests.Message.answer(
            message.name, family, addresses, ttl: ttl, id: message.dnsID, flags: flags)
        act(resolver.received(message.id, bytes, now: now))
    }

    func wait(_ seconds: Double) {
        now += Int64(seconds * 1e9)
        act(resolver.advance(to: now))
    }

    func due(_ key: NameKey) -> Double { Double((resolver.state(of: key)?.due ?? now) - now) / 1e9 }
}

private let blue = NameKey(name: name("blue.test"), preference: .v4Only)
private let either = NameKey(name: name("blue.test"), preference: .v6Preferred)

@Suite("A watched name")
struct ResolverTests {
    @Test("is looked up at once, and again when its time to live is over")
    func refresh() {
        let bench = Bench()
        bench.watch(blue)
        #expect(bench.open.map(\.name) == ["blue.test"])
        bench.answer(.v4, ["10.1.0.1"], ttl: 20)
        #expect(bench.ended == [.addresses(addresses("10.1.0.1"), ttl: 20)])
        #expect(bench.open.isEmpty)
        #expect(bench.resolver.nextWake == bench.now + 20_000_000_000)
        bench.wait(19.9)
        #expect(bench.open.isEmpty)
        bench.wait(0.1)
        #expect(bench.open.count == 1)
        bench.answer(.v4, ["10.1.0.2"])
        #expect(bench.resolver.state(of: blue)?.addresses == addresses("10.1.0.2"))
    }

    @Test("is used for at least a second and at most an hour", arguments: [(UInt32(0), 1.0), (1, 1), (86_400, 3_600)])
    func bounds(ttl: UInt32, seconds: Double) {
        let bench = Bench()
        bench.watch(blue)
        bench.answer(.v4, ["10.1.0.1"], ttl: ttl)
        #expect(bench.due(blue) == seconds)
    }

    @Test("keeps its last answer when it is gone or nobody answers, and is asked for ever more rarely")
    func failures() {
        let bench = Bench(attempts: 1)
        bench.watch(blue)
        bench.answer(.v4, ["10.1.0.1"], ttl: 1)
        var longest = 1.0
        for round in 1...8 {
            bench.wait(bench.due(blue) + 0.001)
            switch round % 3 {
            case 0: bench.answer(.v4, [], flags: 0x8183)
            case 1: bench.answer(.v4, [])
            default: bench.answer(.v4, [], flags: 0x8182)
            }
            #expect(bench.resolver.state(of: blue)?.addresses == addresses("10.1.0.1"))
            #expect(bench.resolver.state(of: blue)?.failures == round)
            #expect(bench.due(blue) >= longest / 2 - 0.001)
            #expect(bench.due(blue) <= longest)
            longest = min(longest * 2, 30)
        }
        #expect(bench.resolver.state(of: blue)?.trouble == "10.0.0.1:53 answered SERVFAIL")
        bench.wait(30)
        bench.answer(.v4, ["10.1.0.2"])
        #expect(bench.resolver.state(of: blue)?.trouble == nil)
        #expect(bench.resolver.state(of: blue)?.failures == 0)
    }

    @Test("spreads its retries")
    func jitter() {
        let waits = (1...20).map { seed in
            let bench = Bench(attempts: 1, seed: UInt64(seed) * 7_919)
            bench.watch(blue)
            bench.answer(.v4, [], flags: 0x8183)
            return bench.due(blue)
        }
        #expect(Set(waits).count > 15)
    }

    @Test("is asked of every server in turn, as often as the settings say, with a new id each time")
    func servers() {
        let bench = Bench(servers: ["10.0.0.1", "10.0.0.2"], timeout: 2, attempts: 2)
        bench.watch(blue)
        var asked: [String] = []
        var ids: Set<UInt16> = []
        while let message = bench.open.first {
            asked.append(message.server)
            ids.insert(message.dnsID)
            #expect(bench.resolver.nextWake == bench.now + 2_000_000_000)
            bench.wait(2)
        }
        #expect(asked == ["10.0.0.1", "10.0.0.2", "10.0.0.1", "10.0.0.2"])
        #expect(ids.count == 4)
        let last = LookupFailure.timeout(ResolverSettings.Server(address: addresses("10.0.0.2")[0]))
        #expect(bench.ended == [.failed(last)])
    }

    @Test("goes to the next server when one refuses, talks nonsense or cannot be reached")
    func nextServer() {
        let bench = Bench(servers: ["10.0.0.1", "10.0.0.2", "10.0.0.3", "10.0.0.4"], attempts: 1)
        bench.watch(blue)
        bench.answer(.v4, [], flags: 0x8185)
        #expect(bench.open.map(\.server) == ["10.0.0.2"])
        let message = bench.open[0]
        let cut = DiscoveryTests.Message.answer("blue.test", .v4, ["10.1.0.1"], id: message.dnsID).dropLast()
        bench.act(bench.resolver.received(message.id, Array(cut), now: bench.now))
        #expect(bench.open.map(\.server) == ["10.0.0.3"])
        bench.act(bench.resolver.broke(bench.open[0].id, "refused", now: bench.now))
        #expect(bench.open.map(\.server) == ["10.0.0.4"])
        bench.answer(.v4, ["10.1.0.1"])
        #expect(bench.ended == [.addresses(addresses("10.1.0.1"), ttl: 60)])
    }

    @Test("is not changed by a forged answer; the real one still counts")
    func forged() {
        let bench = Bench()
        bench.watch(blue)
        let message = bench.open[0]
        let forged = DiscoveryTests.Message.answer("blue.test", .v4, ["6.6.6.6"], id: message.dnsID &+ 1)
        bench.act(bench.resolver.received(message.id, forged, now: bench.now))
        #expect(bench.open.map(\.id) == [message.id])
        bench.answer(.v4, ["10.1.0.1"])
        #expect(bench.ended == [.addresses(addresses("10.1.0.1"), ttl: 60)])
    }

    @Test("is asked for over TCP when the answer was cut")
    func truncated() {
        let bench = Bench()
        bench.watch(blue)
        bench.answer(.v4, [], flags: 0x8380)
        #expect(bench.open.map(\.transport) == [.tcp])
        #expect(bench.open.map(\.server) == ["10.0.0.1"])
        bench.answer(.v4, ["10.1.0.1", "10.1.0.2"])
        #expect(bench.ended == [.addresses(addresses("10.1.0.1", "10.1.0.2"), ttl: 60)])
    }

    @Test("is asked for over UDP again when TCP fails")
    func brokenTCP() {
        let bench = Bench()
        bench.watch(blue)
        bench.answer(.v4, [], flags: 0x8380)
        bench.act(bench.resolver.broke(bench.open[0].id, "refused", now: bench.now))
        #expect(bench.open.map(\.transport) == [.udp])
    }

    private enum Said { case addresses, nothing, failure }

    @Test(
        "has the addresses of the family that is preferred, or else of the other",
        arguments: [
            (FamilyPreference.v6Preferred, ["fd00::1"], ["10.1.0.1"], ["fd00::1"]),
            (.v6Preferred, [], ["10.1.0.1"], ["10.1.0.1"]),
            (.v4Preferred, ["fd00::1"], ["10.1.0.1"], ["10.1.0.1"]), (.v4Preferred, ["fd00::1"], [], ["fd00::1"]),
            (.v4Only, ["fd00::1"], [], []), (.v4Only, ["fd00::1"], ["10.1.0.1"], ["10.1.0.1"]),
            (.v6Only, [], ["10.1.0.1"], []), (.v6Only, ["fd00::1"], ["10.1.0.1"], ["fd00::1"]),
        ])
    func preferences(preference: FamilyPreference, v6: [String], v4: [String], expected: [String]) {
        for order in [[IPAddress.Family.v4, .v6], [.v6, .v4]] {
            let bench = Bench()
            let key = NameKey(name: name("blue.test"), preference: preference)
            bench.watch(key)
            #expect(Set(bench.open.map(\.family)) == Set(preference.families))
            for family in order where bench.open.contains(where: { $0.family == family }) {
                bench.answer(family, family == .v4 ? v4 : v6)
            }
            #expect(bench.ended.count == 1)
            #expect(bench.resolver.state(of: key)?.addresses == expected.compactMap { IPAddress($0) })
            #expect(bench.open.isEmpty)
        }
    }

    @Test("does not lose its preferred family because that question failed once")
    func failedFamily() {
        let bench = Bench(attempts: 1)
        bench.watch(either)
        bench.answer(.v6, ["fd00::1"], ttl: 1)
        bench.wait(1)
        bench.answer(.v6, [], flags: 0x8182)
        bench.answer(.v4, ["10.1.0.1"])
        #expect(bench.resolver.state(of: either)?.addresses == addresses("fd00::1"))
        #expect(bench.resolver.state(of: either)?.failures == 1)
    }

    @Test("takes the other family for a short time when the preferred one was never heard of")
    func fallback() {
        let bench = Bench(attempts: 1)
        bench.watch(either)
        bench.answer(.v4, ["10.1.0.1"], ttl: 3_600)
        #expect(bench.ended.isEmpty)
        bench.answer(.v6, [], flags: 0x8182)
        #expect(bench.resolver.state(of: either)?.addresses == addresses("10.1.0.1"))
        #expect(bench.due(either) == 30)
    }

    @Test("is not asked for if the machine's table knows it, or if it is an address")
    func withoutAsking() {
        let bench = Bench(hosts: "10.9.0.1 blue.test")
        let literal = NameKey(name: name("10.2.0.1"), preference: .v6Preferred)
        bench.watch(blue, literal, NameKey(name: name("10.2.0.1"), preference: .v6Only))
        #expect(bench.open.isEmpty)
        #expect(bench.resolver.state(of: blue)?.addresses == addresses("10.9.0.1"))
        #expect(bench.due(blue) == 5)
        #expect(bench.resolver.state(of: literal)?.addresses == addresses("10.2.0.1"))
        #expect(bench.ended.contains(.empty(.noData)))
    }

    @Test("that is watched no longer is not asked for again, and its answer is forgotten")
    func unwatched() {
        let bench = Bench()
        bench.watch(blue)
        bench.answer(.v4, ["10.1.0.1"], ttl: 1)
        bench.watch()
        bench.wait(100)
        #expect(bench.open.isEmpty)
        #expect(bench.resolver.state(of: blue) == nil)
        #expect(bench.resolver.nextWake == nil)
    }

    @Test("that is asked for once is not asked for again")
    func once() {
        let bench = Bench()
        bench.act(bench.resolver.ask(blue, now: bench.now))
        bench.act(bench.resolver.ask(blue, now: bench.now))
        #expect(bench.open.count == 1)
        bench.answer(.v4, ["10.1.0.1"], ttl: 1)
        #expect(bench.ended.count == 1)
        bench.resolver.tidy()
        bench.wait(100)
        #expect(bench.open.isEmpty)
        #expect(bench.resolver.state(of: blue) == nil)
    }

    @Test("waits for its turn when many are asked for at once")
    func many() {
        let bench = Bench()
        let keys = (0..<300).map { NameKey(name: name("n\($0).test"), preference: .v4Only) }
        bench.act(bench.resolver.watch(Set(keys), now: bench.now))
        var peak = 0
        while !bench.open.isEmpty {
            peak = max(peak, bench.open.count)
            bench.answer(.v4, ["10.1.0.1"])
        }
        #expect(peak == 128)
        #expect(bench.ended.count == 300)
        #expect(bench.begun == 300)
    }

    @Test("always comes to an end, whatever happens in whatever order")
    func anyOrder() {
        for seed in 1...200 {
            var dice = Dice(state: UInt64(seed) &* 0x9E37_79B9_7F4A_7C15)
            let bench = Bench(servers: ["10.0.0.1", "10.0.0.2"], timeout: 1, attempts: 2, seed: UInt64(seed))
            let keys = FamilyPreference.allCases.map { NameKey(name: name("blue.test"), preference: $0) }
            bench.act(bench.resolver.watch(Set(keys), now: bench.now))
            for _ in 0..<100 {
                let message = bench.open.randomElement(using: &dice)
                switch (Int.random(in: 0..<7, using: &dice), message) {
                case (0, let message?):
                    bench.answer(message.family, [message.family == .v4 ? "10.1.0.1" : "::9"], ttl: 0)
                case (1, let message?): bench.answer(message.family, [])
                case (2, let message?): bench.answer(message.family, [], flags: 0x8182)
                case (3, let message?): bench.act(bench.resolver.broke(message.id, "broken", now: bench.now))
                case (4, let message?): bench.act(bench.resolver.received(message.id, [1, 2, 3], now: bench.now))
                case (5, let message?): bench.answer(message.family, [], flags: 0x8380)
                default: bench.wait(Double.random(in: 0..<2, using: &dice))
                }
            }
            // Nobody answers any more: what is under way ends, and only watching goes on.
            for key in keys { #expect(bench.resolver.state(of: key) != nil) }
            bench.watch()
            for _ in 0..<40 { bench.wait(1) }
            #expect(bench.open.isEmpty)
            #expect(bench.resolver.nextWake == nil)
            #expect(bench.begun == bench.ended.count)
        }
    }
}
