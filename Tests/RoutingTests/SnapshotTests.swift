import Routing
import Testing

@Suite struct SnapshotTests {
    private static let snapshot: Snapshot = {
        let one = ProxyPlan.of(
            "one", listeners: [.of("l0", hosts: [HostBinding(.any, virtualHost: 1)])],
            hosts: [.of("empty", []), .of("h1", [.to("r0", MatchPlan()), .to("r1", MatchPlan())])],
            clusters: [.of("c0"), .of("c1")])
        let two = ProxyPlan.of("two", listeners: [], hosts: [], clusters: [])
        let three = ProxyPlan.of(
            "three", listeners: [.of("l1", hosts: []), .of("l2", hosts: [HostBinding(.any, virtualHost: 0)])],
            hosts: [.of("h2", [.to("r2", MatchPlan(), .forward([BackendPlan(cluster: 0, weight: 1)]))])],
            clusters: [.of("c2")])
        return Snapshot(plan: Plan(proxies: [one, two, three]), generation: 9)
    }()

    @Test("identifiers are dense over all proxies and lead back") func identifiers() {
        let snapshot = Self.snapshot
        #expect(snapshot.generation == 9)
        #expect(
            [snapshot.listenerCount, snapshot.virtualHostCount, snapshot.routeCount, snapshot.clusterCount] == [
                3, 3, 3, 3,
            ])
        #expect((0..<3).map { snapshot.listener(ListenerID(raw: $0)).name } == ["l0", "l1", "l2"])
        #expect((0..<3).map { snapshot.virtualHost(VirtualHostID(raw: $0)).name } == ["empty", "h1", "h2"])
        #expect((0..<3).map { snapshot.route(RouteID(raw: $0)).name } == ["r0", "r1", "r2"])
        #expect((0..<3).map { snapshot.cluster(ClusterID(raw: $0)).name } == ["c0", "c1", "c2"])
        #expect((0..<3).map { snapshot.proxy(of: ClusterID(raw: $0)).name } == ["one", "one", "three"])
        #expect((0..<3).map { snapshot.proxy(of: RouteID(raw: $0)).name } == ["one", "one", "three"])
        for raw in Int32(0)..<3 {
            let listener = snapshot.location(ListenerID(raw: raw))
            #expect(snapshot.listenerID(proxy: listener.proxy, listener: listener.listener).raw == raw)
            let host = snapshot.location(VirtualHostID(raw: raw))
            #expect(snapshot.virtualHostID(proxy: host.proxy, virtualHost: host.virtualHost).raw == raw)
            let route = snapshot.location(RouteID(raw: raw))
            #expect(
                snapshot.routeID(proxy: route.proxy, virtualHost: route.virtualHost, route: route.route).raw == raw)
            let cluster = snapshot.location(ClusterID(raw: raw))
            #expect(snapshot.clusterID(proxy: cluster.proxy, cluster: cluster.cluster).raw == raw)
        }
    }

    @Test("indexes in a plan are those of its proxy") func owners() {
        let snapshot = Self.snapshot
        let scratch = MatchScratch()
        let last = snapshot.listenerID(proxy: 2, listener: 1)
        let found = snapshot.match(last, Request().head, isAbsoluteForm: false, scratch)
        #expect(found == .matched(RouteID(raw: 2), VirtualHostID(raw: 2)))
        #expect(snapshot.pick(RouteID(raw: 2), random: 5) == ClusterID(raw: 2))
        let nothing = snapshot.match(ListenerID(raw: 1), Request().head, isAbsoluteForm: false, scratch)
        #expect(nothing == .notFound(.unknownHost))
    }

    @Test("an empty plan is a snapshot") func empty() {
        let snapshot = Snapshot(plan: Plan(), generation: 0)
        #expect(snapshot.listenerCount == 0 && snapshot.routeCount == 0)
    }

    @Test("hot routes carry kind, limits and fixed response") func hot() {
        let snapshot = Snapshot.single(
            [
                .to("a", MatchPlan(), .forward([BackendPlan(cluster: 0, weight: 1)])),
                .to("b", MatchPlan(), .fixedResponse(status: 404, body: "gone"), timeouts: .limits(nil, idle: nil)),
                .to("c", MatchPlan(), .forwardToAuthority, timeouts: .limits(.milliseconds(1500), idle: .zero)),
                .to("d", MatchPlan(), .handler("echo"), timeouts: .limits(.seconds(Int64.max))),
            ], clusters: [.of("c")])
        let routes = (0..<4).map { snapshot.hot(RouteID(raw: $0)) }
        #expect(routes.map(\.kind) == [.forward, .fixedResponse, .forwardToAuthority, .handler])
        #expect(routes.map(\.requestTimeout) == [15_000_000_000, 0, 1_500_000_000, .max])
        #expect(routes.map(\.idleTimeout) == [300_000_000_000, 0, 1, 300_000_000_000])
        #expect(routes[1].status == 404)
        #expect(String(decoding: snapshot.fixedBody(RouteID(raw: 1)), as: UTF8.self) == "gone")
        #expect(routes.map(\.delegateBound) == [0, 0, 0, 0])
    }

    // MARK: Weighted choice

    private func weighted(_ weights: [Int]) -> Snapshot {
        Snapshot.single(
            [
                .to(
                    "r", MatchPlan(),
                    .forward(weights.enumerated().map { BackendPlan(cluster: $0.offset, weight: $0.element) }))
            ],
            clusters: weights.indices.map { .of("c\($0)") })
    }

    @Test("the draw is the random number modulo the total weight, walked over the weights") func draw() {
        let snapshot = weighted([0, 2, 0, 3, 1, 0])
        let expected: [Int32] = [1, 1, 3, 3, 3, 4]
        for (random, cluster) in expected.enumerated() {
            #expect(snapshot.pick(RouteID(raw: 0), random: UInt64(random)).raw == cluster)
            #expect(snapshot.pick(RouteID(raw: 0), random: UInt64(random) + 6_000_000).raw == cluster)
        }
        #expect(snapshot.pick(RouteID(raw: 0), random: .max).raw == expected[Int(UInt64.max % 6)])
    }

    @Test("shares follow the weights", arguments: [[90, 10], [1, 1, 1], [75, 25], [1, 0, 99], [5, 10, 20, 65]])
    func shares(_ weights: [Int]) {
        let snapshot = weighted(weights)
        var random = SeededRandom(seed: 42)
        let draws = 100_000
        var counts = [Int](repeating: 0, count: weights.count)
        for _ in 0..<draws { counts[snapshot.pick(RouteID(raw: 0), random: random.next()).index] += 1 }
        let total = Double(weights.reduce(0, +))
        var chiSquare = 0.0
        for (count, weight) in zip(counts, weights) {
            guard weight > 0 else {
                #expect(count == 0)
                continue
            }
            let expected = Double(draws) * Double(weight) / total
            chiSquare += (Double(count) - expected) * (Double(count) - expected) / expected
        }
        // 99.9 % quantile for three degrees of freedom; fewer degrees have a smaller one.
        #expect(chiSquare < 16.27, "\(counts)")
    }
}
