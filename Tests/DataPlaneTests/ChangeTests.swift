import DataPlane
import Glibc
import Routing
import Synchronization
import Telemetry
import Testing

/// Publishing, draining and the end, while requests are under way.
@Suite struct ChangeTests {
    private static let get = "GET / HTTP/1.1\r\nhost: h\r\n\r\n"

    private func fixed(_ body: String) -> ProxyPlan { .proxy([.to(.fixedResponse(status: 200, body: body))]) }

    @Test func aKeptConnectionSeesTheNewRoutes() throws {
        let plane = try TestPlane([fixed("old")], workers: 2)
        let client = try plane.connect()
        let port = plane.port()
        #expect(try client.ask(Self.get).body == "old")
        try plane.publish([fixed("new")])
        #expect(plane.port() == port)
        #expect(try client.ask(Self.get).body == "new")
        #expect(try plane.ask(Self.get).body == "new")
    }

    @Test func aRequestUnderWayEndsAsItBegan() throws {
        let asked = Atomic(false)
        let mayAnswer = Atomic(false)
        let upstream = try Upstream.answering { _ in
            asked.store(true, ordering: .sequentiallyConsistent)
            _ = eventually { mayAnswer.load(ordering: .sequentiallyConsistent) }
            return "HTTP/1.1 200 OK\r\ncontent-length: 3\r\n\r\nold"
        }
        let plane = try TestPlane([.forwarding(to: [upstream.port])])
        let client = try plane.connect()
        try client.send(Self.get)
        #expect(eventually { asked.load(ordering: .sequentiallyConsistent) })
        try plane.publish([fixed("new")])
        #expect(try plane.ask(Self.get).body == "new")
        mayAnswer.store(true, ordering: .sequentiallyConsistent)
        #expect(try client.answer().body == "old")
        #expect(try client.ask(Self.get).body == "new")
    }

    @Test func aRemovedListenerFinishesWhatItHasAndCloses() throws {
        let workload = Workload(settings: Workload.Settings(name: "w", delay: .milliseconds(100)))
        let plane = try TestPlane([.workload()], handlers: ["workload:w": workload])
        let port = plane.port()
        let busy = try plane.connect()
        let idle = try plane.connect()
        #expect(try idle.ask(Self.get).status == 200)
        try busy.send(Self.get)
        #expect(
            eventually { plane.stats.value(.http("ingress", proxy: "workload:w"), HTTPCounter.downstreamRqActive) == 1 }
        )
        try plane.publish([])
        #expect(try idle.rest() == "")
        let answer = try busy.answer()
        #expect(answer.body == "w\n")
        #expect(answer["connection"] == "close")
        #expect { try Connection(to: port) } throws: { ($0 as? WireFailure)?.kind == .refused }
    }

    @Test func whatCannotBeOpenedChangesNothing() throws {
        let plane = try TestPlane([fixed("old")])
        let (taken, port) = try Upstream.listen(backlog: 1)
        defer { Connection(owning: taken).close() }
        var second = fixed("new")
        second.listeners[0].name = "second"
        second.listeners[0].binds = [ListenerPlan.Bind(.ip(host: "127.0.0.1", port: port))]
        #expect {
            try plane.publish([fixed("new"), second])
        } throws: { error in
            let failures = (error as? DataPlane.BindFailures)?.failures ?? []
            return failures.count == 1 && failures[0].listener == "second" && failures[0].error.isAddressInUse
        }
        #expect(try plane.ask(Self.get).body == "old")
    }

    @Test func anAddressMayChangeItsOwner() throws {
        let (taken, port) = try Upstream.listen(backlog: 1)
        Connection(owning: taken).close()
        func plan(_ name: String) -> ProxyPlan {
            var plan = fixed(name)
            plan.name = name
            plan.listeners[0].binds = [ListenerPlan.Bind(.ip(host: "127.0.0.1", port: port))]
            return plan
        }
        let plane = try TestPlane([plan("first")], workers: 2)
        #expect(try plane.ask(Self.get).body == "first")
        try plane.publish([plan("second")])
        for _ in 0..<20 { #expect(try plane.ask(Self.get).body == "second") }
    }

    @Test(arguments: ["", "GET / HT"])
    func aRequestThatComesWhileItsListenerEndsIsServed(begun: String) throws {
        let upstream = try Upstream.answering { _ in "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok" }
        let plane = try TestPlane([.forwarding(to: [upstream.port])])
        let client = try plane.connect()
        try client.send(begun)
        #expect(eventually { plane.stats.value(.http("ingress", proxy: "p"), HTTPCounter.downstreamCxActive) == 1 })
        if !begun.isEmpty { usleep(20_000) }
        try plane.publish([])
        try client.send(String(Self.get.dropFirst(begun.count)))
        let answer = try client.answer()
        #expect(answer.body == "ok")
        #expect(answer["connection"] == "close")
        #expect(try client.rest() == "")
    }

    @Test func aFileInPlaceOfASocketStays() throws {
        let path = "/tmp/trellis-test-\(getpid()).sock"
        let file = open(path, O_WRONLY | O_CREAT, 0o600)
        close(file)
        defer { unlink(path) }
        var plan = fixed("new")
        plan.listeners[0].binds = [ListenerPlan.Bind(.unix(path: path))]
        #expect(throws: DataPlane.BindFailures.self) { try TestPlane([plan]) }
        #expect(access(path, F_OK) == 0)
    }

    @Test func whatIsRefusedLeavesNoSocketFile() throws {
        let path = "/tmp/trellis-test-\(getpid())-refused.sock"
        let plane = try TestPlane([fixed("old")])
        var plan = fixed("new")
        let taken = NetworkAddress.ip(host: "127.0.0.1", port: plane.port())
        plan.listeners[0].name = "other"
        plan.listeners[0].binds = [ListenerPlan.Bind(.unix(path: path)), ListenerPlan.Bind(taken)]
        // The port is another listener's, which stays.
        #expect(throws: DataPlane.BindFailures.self) { try plane.publish([fixed("old"), plan]) }
        #expect(access(path, F_OK) != 0)
        #expect(try plane.ask(Self.get).body == "old")
    }

    @Test func aListenerDrainsUntilItsLastAnswer() throws {
        let workload = Workload(settings: Workload.Settings(name: "w", delay: .milliseconds(150)))
        let plane = try TestPlane([.workload()], handlers: ["workload:w": workload], workers: 2)
        let client = try plane.connect()
        try client.send(Self.get)
        #expect(
            eventually { plane.stats.value(.http("ingress", proxy: "workload:w"), HTTPCounter.downstreamRqActive) == 1 }
        )
        try plane.publish([])
        let draining = plane.plane.drainingListeners
        #expect(draining.map(\.proxy) == ["workload:w"] && draining.map(\.role) == [.workload])
        #expect(try client.answer().body == "w\n")
        #expect(eventually { plane.plane.drainingListeners.isEmpty })
    }

    @Test func aLogIsClosedWithItsLastRequestAndHasItsLine() throws {
        let workload = Workload(settings: Workload.Settings(name: "w", delay: .milliseconds(150)))
        let handlers = ["workload:w": workload]
        let plane = try TestPlane([.workload()], handlers: handlers, workers: 2, log: "%RESPONSE_CODE%")
        #expect(plane.openLogs == 1)
        let client = try plane.connect()
        try client.send(Self.get)
        #expect(
            eventually { plane.stats.value(.http("ingress", proxy: "workload:w"), HTTPCounter.downstreamRqActive) == 1 }
        )
        for _ in 0..<3 { try plane.publish([.workload()], handlers: handlers) }
        #expect(try client.answer().body == "w\n")
        #expect(try client.ask(Self.get).body == "w\n")
        #expect(eventually { plane.openLogs == 0 })
        #expect(plane.logLines() == ["200"])
    }

    @Test func aListenerDrainsNoLongerThanItsTime() throws {
        let workload = Workload(settings: Workload.Settings(name: "w"))
        let plane = try TestPlane(
            [.workload()], handlers: ["workload:w": workload], drainTime: .milliseconds(50))
        let client = try plane.connect()
        try client.send("GET / HTTP/1.1\r\nhost: h\r\nx-trellis-hang: before-head\r\n\r\n")
        #expect(
            eventually { plane.stats.value(.http("ingress", proxy: "workload:w"), HTTPCounter.downstreamRqActive) == 1 }
        )
        try plane.publish([])
        #expect((try? client.rest()) ?? "" == "")
        #expect(eventually { plane.plane.drainingListeners.isEmpty })
        #expect(plane.stats.value(.http("ingress", proxy: "workload:w"), HTTPCounter.downstreamRqActive) == 0)
    }

    @Test func theEndCutsWhatStillDrains() throws {
        let plane = try TestPlane(workload: Workload(settings: Workload.Settings(name: "w")))
        let client = try plane.connect()
        try client.send("GET / HTTP/1.1\r\nhost: h\r\nx-trellis-hang: before-head\r\n\r\n")
        #expect(
            eventually { plane.stats.value(.http("ingress", proxy: "workload:w"), HTTPCounter.downstreamRqActive) == 1 }
        )
        try plane.publish([])
        plane.stop()
        #expect((try? client.rest()) ?? "" == "")
    }
}
