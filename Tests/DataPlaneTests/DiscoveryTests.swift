import DataPlane
import Routing
import Synchronization
import Telemetry
import Testing

/// Endpoints that are published apart from the plan.
@Suite struct DiscoveryTests {
    private static let get = "GET / HTTP/1.1\r\nhost: h\r\n\r\n"
    private static let key = ClusterKey(proxy: "p", cluster: "c")

    private func discovering(_ answer: DiscoveryPlan.Answer = .everyAddress, prefix: String = "/") -> ProxyPlan {
        let plan = DiscoveryPlan(hostname: "h.test", port: 80, answer: answer, families: .ipv4Only)
        let cluster = ClusterPlan(name: "c", endpoints: [], discovery: plan, source: testSource)
        return .proxy(
            [.to(.forward([BackendPlan(cluster: 0, weight: 1)]), path: .prefix(prefix))], clusters: [cluster])
    }

    private func endpoint(_ upstream: Upstream, name: String? = nil) -> EndpointPlan {
        EndpointPlan(name: name ?? "port \(upstream.port)", address: .ip(host: "127.0.0.1", port: upstream.port))
    }

    private func upstream(_ body: String) throws -> Upstream {
        try .answering { _ in "HTTP/1.1 200 OK\r\ncontent-length: \(body.utf8.count)\r\n\r\n\(body)" }
    }

    private func pending(_ plane: TestPlane) -> Int64 {
        plane.stats.value(.cluster("c", proxy: "p"), ClusterCounter.upstreamRqPendingActive)
    }

    @Test func aRequestWaitsForTheFirstAnswer() throws {
        let upstream = try Upstream.answering { request in
            "HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\n\(request.body)"
        }
        let plane = try TestPlane([discovering()])
        let client = try plane.connect()
        try client.send("POST / HTTP/1.1\r\nhost: h\r\ncontent-length: 4\r\n\r\nab")
        #expect(eventually { pending(plane) == 1 })
        try client.send("cd")
        plane.plane.update(endpoints: [Self.key: [endpoint(upstream)]])
        #expect(try client.answer().body == "abcd")
        #expect(try client.ask("POST / HTTP/1.1\r\nhost: h\r\ncontent-length: 4\r\n\r\nefgh").body == "efgh")
    }

    @Test func anEmptyAnswerEndsTheWait() throws {
        let plane = try TestPlane([discovering()], log: "%RESPONSE_FLAGS%")
        let client = try plane.connect()
        try client.send(Self.get)
        #expect(eventually { pending(plane) == 1 })
        plane.plane.update(endpoints: [Self.key: []])
        let answer = try client.answer()
        #expect(answer.status == 503)
        #expect(answer.body == "no healthy upstream")
        #expect(try client.ask(Self.get).status == 503)
        #expect(plane.logLines() == ["UH", "UH"])
    }

    @Test func aClientMayGoAwayWhileItsRequestWaits() throws {
        let upstream = try upstream("one")
        let plane = try TestPlane([discovering()], log: "%RESPONSE_FLAGS%")
        let client = try plane.connect()
        try client.send(Self.get)
        #expect(eventually { pending(plane) == 1 })
        client.reset()
        #expect(eventually { pending(plane) == 0 })
        plane.plane.update(endpoints: [Self.key: [endpoint(upstream)]])
        #expect(try plane.ask(Self.get).body == "one")
        #expect(plane.logLines() == ["DC", "-"])
    }

    @Test func aRemovedClusterEndsTheWait() throws {
        let plane = try TestPlane([discovering()])
        let client = try plane.connect()
        try client.send(Self.get)
        #expect(eventually { pending(plane) == 1 })
        try plane.publish([.proxy([.to(.fixedResponse(status: 200, body: "new"))])])
        #expect(try client.answer().status == 503)
        #expect(try plane.ask(Self.get).body == "new")
    }

    @Test func endpointsOutliveSnapshots() throws {
        let upstream = try upstream("one")
        let plane = try TestPlane([discovering()], workers: 2)
        plane.plane.update(endpoints: [Self.key: [endpoint(upstream)], ClusterKey(proxy: "p", cluster: "other"): []])
        #expect(try plane.ask(Self.get).body == "one")
        try plane.publish([discovering(prefix: "/x")])
        #expect(try plane.ask(Self.get).status == 404)
        #expect(try plane.ask("GET /x HTTP/1.1\r\nhost: h\r\n\r\n").body == "one")
    }

    @Test func endpointsOfThePlanServeUntilTheFirstAnswer() throws {
        let old = try upstream("old")
        let new = try upstream("new")
        var before = discovering()
        before.clusters[0].discovery = nil
        before.clusters[0].endpoints = [endpoint(old)]
        let plane = try TestPlane([before])
        let client = try plane.connect()
        #expect(try client.ask(Self.get).body == "old")
        try plane.publish([discovering()])
        #expect(try client.ask(Self.get).body == "old")
        plane.plane.update(endpoints: [Self.key: [endpoint(new)]])
        #expect(eventually { (try? client.ask(Self.get).body) == "new" })
    }

    @Test func anEndpointThatIsGoneDrainsAndOneThatStaysKeepsItsConnection() throws {
        let one = try upstream("one")
        let two = try upstream("two")
        let plane = try TestPlane([discovering()])
        let client = try plane.connect()
        plane.plane.update(endpoints: [Self.key: [endpoint(one), endpoint(two)]])
        #expect(Set([try client.ask(Self.get).body, try client.ask(Self.get).body]) == ["one", "two"])
        let cluster = StatKey.cluster("c", proxy: "p")
        plane.plane.update(endpoints: [Self.key: [endpoint(two)]])
        #expect(eventually { plane.stats.value(cluster, ClusterCounter.upstreamCxActive) == 1 })
        #expect(try client.ask(Self.get).body == "two")
        #expect(try client.ask(Self.get).body == "two")
        #expect(plane.stats.value(cluster, ClusterCounter.upstreamCxTotal) == 2)
    }

    @Test func oneLogicalHostMovesWithItsNextConnection() throws {
        // Its connections end after their second answer.
        let one = try Upstream { connection, _ in
            for end in ["", "connection: close\r\n"] {
                _ = try connection.request()
                try connection.send("HTTP/1.1 200 OK\r\ncontent-length: 3\r\n\(end)\r\none")
            }
        }
        let two = try upstream("two")
        let plane = try TestPlane([discovering(.oneLogicalHost)], log: "%UPSTREAM_HOST%")
        let client = try plane.connect()
        plane.plane.update(endpoints: [Self.key: [endpoint(one, name: "h.test:80")]])
        #expect(try client.ask(Self.get).body == "one")
        plane.plane.update(endpoints: [Self.key: [endpoint(two, name: "h.test:80")]])
        // The connection that stands is used as long as it stands.
        #expect(try client.ask(Self.get).body == "one")
        let endpoint = StatKey.endpoint("h.test:80", cluster: "c", proxy: "p")
        #expect(plane.stats.value(endpoint, EndpointCounter.rqTotal) == 2)
        #expect(eventually { (try? client.ask(Self.get).body) == "two" })
        let lines = plane.logLines()
        #expect(lines.prefix(2) == ["127.0.0.1:\(one.port)", "127.0.0.1:\(one.port)"])
        #expect(lines.last == "127.0.0.1:\(two.port)")
    }
}

/// Names that clients call and that the proxy resolves.
@Suite struct AuthorityTests {
    /// Remembers what it was asked; the test answers.
    private final class Names: AuthorityResolver {
        let asked = Mutex<[AuthorityName]>([])
        func resolve(_ name: AuthorityName) { asked.withLock { $0.append(name) } }
        var count: Int { asked.withLock { $0.count } }
    }

    private let names = Names()

    private func plane(_ families: AddressFamilies? = .ipv4Preferred) throws -> TestPlane {
        var proxy = ProxyPlan.proxy([.to(.forwardToAuthority)])
        proxy.authorityFamilies = families
        let plane = try TestPlane([])
        let snapshot = Snapshot(plan: Plan(proxies: [proxy]), generation: 9)
        try plane.plane.publish(Publication(snapshot: snapshot, handlers: [:], logTargets: [[]], names: names))
        return plane
    }

    private func get(_ host: String) -> String { "GET http://\(host)/ HTTP/1.1\r\nhost: \(host)\r\n\r\n" }

    private func answer(_ plane: TestPlane, _ upstream: Upstream?, for lifetime: Duration) throws {
        let name = try #require(names.asked.withLock { $0.last })
        plane.plane.update(authorities: [
            name: AuthorityAnswer(
                address: upstream.map { .ip(host: "127.0.0.1", port: $0.port) }, lifetime: lifetime)
        ])
    }

    @Test func destinationsGoWithTheirProxyAndItsAddress() throws {
        let upstream = try Upstream.answering { _ in "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok" }
        var proxy = ProxyPlan.proxy([.to(.forwardToAuthority)])
        let plane = try TestPlane([proxy])
        let key = StatKey.cluster("cds_egress_m_mesh-allow-all", proxy: "p")
        func requests() -> Int64 { plane.stats.value(key, ClusterCounter.upstreamRqTotal) }
        func open() -> Int64 { plane.stats.value(key, ClusterCounter.upstreamCxActive) }
        #expect(try plane.ask(get("127.0.0.1:\(upstream.port)")).body == "ok")
        #expect(requests() == 1 && open() == 1)
        // From another address there are other connections.
        proxy.upstreamSourceIP = "127.0.0.7"
        try plane.publish([proxy])
        #expect(open() == 0)
        #expect(try plane.ask(get("127.0.0.1:\(upstream.port)")).body == "ok")
        #expect(requests() == 2 && open() == 1)
        // A proxy that comes back has its own counters, not those that were forgotten with it.
        try plane.publish([])
        #expect(open() == 0)
        plane.stats.remove { $0.proxy == "p" }
        try plane.publish([proxy])
        #expect(try plane.ask(get("127.0.0.1:\(upstream.port)")).body == "ok")
        #expect(requests() == 1)
    }

    @Test func aNameIsAskedForOnceAndItsRequestsWait() throws {
        let upstream = try Upstream.answering { _ in "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok" }
        let plane = try plane()
        let clients = try (0..<3).map { _ in try plane.connect() }
        for client in clients { try client.send(get("World.Example:81")) }
        #expect(eventually { names.count > 0 })
        #expect(
            eventually {
                plane.stats.value(
                    .cluster("cds_egress_m_mesh-allow-all", proxy: "p"), ClusterCounter.upstreamRqPendingActive) == 3
            })
        #expect(
            names.asked.withLock { $0 } == [AuthorityName(host: "world.example", port: 81, families: .ipv4Preferred)])
        try answer(plane, upstream, for: .seconds(60))
        for client in clients { #expect(try client.answer().body == "ok") }
        #expect(try clients[0].ask(get("world.example:81")).body == "ok")
        #expect(names.count == 1)
    }

    @Test func anExpiredAnswerServesWhileTheNameIsAskedForAgain() throws {
        let upstream = try Upstream.answering { _ in "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok" }
        let plane = try plane()
        let client = try plane.connect()
        try client.send(get("world.example"))
        #expect(eventually { names.count == 1 })
        try answer(plane, upstream, for: .zero)
        #expect(try client.answer().body == "ok")
        #expect(try client.ask(get("world.example")).body == "ok")
        #expect(try client.ask(get("world.example")).body == "ok")
        #expect(names.count == 2)
        // Nothing learned: the address of before stays.
        try answer(plane, nil, for: .seconds(60))
        #expect(try client.ask(get("world.example")).body == "ok")
    }

    @Test func aNameThatNobodyKnowsHasNoUpstream() throws {
        let plane = try plane()
        let client = try plane.connect()
        try client.send(get("world.example"))
        #expect(eventually { names.count == 1 })
        try answer(plane, nil, for: .seconds(60))
        #expect(try client.answer().body == "no healthy upstream")
        #expect(try client.ask(get("world.example")).body == "no healthy upstream")
        #expect(names.count == 1)
    }

    @Test func aProxyThatResolvesNoNamesAsksForNone() throws {
        let plane = try plane(nil)
        #expect(try plane.ask(get("world.example")).body == "no healthy upstream")
        #expect(names.count == 0)
    }
}
