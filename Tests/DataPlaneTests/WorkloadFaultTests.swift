import DataPlane
import Synchronization
import Telemetry
import Testing

/// Faults of the built-in workload, as a client sees them on the socket.
@Suite struct WorkloadFaultTests {
    private let plane: TestPlane

    init() throws { plane = try TestPlane(workload: Workload(settings: Workload.Settings(name: "blue"))) }

    private func open(_ headers: String) throws -> Connection {
        let connection = try plane.connect()
        try connection.send("GET / HTTP/1.1\r\nhost: h\r\n\(headers)\r\n")
        return connection
    }

    @Test func aDelayHoldsUpNobodyElse() throws {
        let start = ContinuousClock.now
        let slow = try open("x-trellis-delay: 300ms\r\n")
        #expect(plane.answers())
        #expect(try slow.answer().body == "blue\n")
        #expect(ContinuousClock.now - start >= .milliseconds(300))
    }

    @Test func jitterAddsToTheDelay() throws {
        // Jitter alone waits up to its value: a second request is needed to see that it is not a fixed delay.
        var times: [Duration] = []
        for _ in 0..<8 {
            let start = ContinuousClock.now
            #expect(try open("x-trellis-delay: 10ms\r\nx-trellis-jitter: 90ms\r\n").answer().status == 200)
            times.append(ContinuousClock.now - start)
        }
        #expect(times.allSatisfy { $0 >= .milliseconds(10) })
        #expect((times.max() ?? .zero) - (times.min() ?? .zero) > .milliseconds(5))
    }

    @Test func aResetBeforeTheHeadSendsNothing() throws {
        let connection = try open("x-trellis-reset: before-head\r\n")
        #expect { try connection.rest() } throws: {
            ($0 as? WireFailure)?.kind == .reset && ($0 as? WireFailure)?.received == ""
        }
        #expect(plane.answers())
    }

    @Test func aResetAfterTheHeadSendsTheHead() throws {
        let connection = try open("x-trellis-reset: after-head\r\n")
        let head = try connection.head()
        #expect(head.status == 200)
        #expect(head["content-length"] == "5")
        #expect { try connection.bytes(1) } throws: { ($0 as? WireFailure)?.kind == .reset }
        #expect(plane.answers())
    }

    @Test func hangingSendsNothingAndKeepsTheConnection() throws {
        let connection = try open("x-trellis-hang: before-head\r\n")
        #expect(plane.answers())
        #expect(connection.isSilent(milliseconds: 100))
    }

    @Test func hangingAfterTheHeadSendsTheHeadAlone() throws {
        let connection = try open("x-trellis-hang: after-head\r\n")
        #expect(try connection.head().status == 200)
        #expect(connection.isSilent(milliseconds: 100))
    }

    @Test func aCutBodyEndsInAnOrderlyWayTooEarly() throws {
        let connection = try open("x-trellis-cut: after-head\r\nx-trellis-bytes: 1000\r\n")
        #expect(try connection.head()["content-length"] == "1000")
        #expect(try connection.rest().count == 500)
        #expect(plane.answers())
    }

    @Test(arguments: [
        // A second for 20 bytes at 20 a second, less the pause that a last chunk does not have after it.
        ("x-trellis-slow: 20\r\nx-trellis-bytes: 6", 200), ("x-trellis-slow: 30ms\r\nx-trellis-bytes: 16", 240),
        ("x-trellis-slow: 4/50ms\r\nx-trellis-bytes: 16", 200),
    ])
    func aSlowBodyTakesItsTime(headers: String, milliseconds: Int) throws {
        let start = ContinuousClock.now
        let connection = try open(headers + "\r\n")
        let head = try connection.head()
        #expect(ContinuousClock.now - start < .seconds(10))
        _ = try connection.bytes(Int(head["content-length"] ?? "") ?? 0)
        #expect(ContinuousClock.now - start >= .milliseconds(milliseconds))
        #expect(connection.isSilent(milliseconds: 20))
    }

    @Test func aReaderThatWaitsGetsEveryByteOfABigBody() throws {
        let size = 32 << 20
        let connection = try plane.connect(receiveBytes: 16_384)
        try connection.send("GET / HTTP/1.1\r\nhost: h\r\nx-trellis-bytes: \(size)\r\n\r\n")
        #expect(try connection.head()["content-length"] == "\(size)")
        // The answer is under way and blocked; others are served meanwhile.
        #expect(plane.answers())
        var received = 0
        while received < size {
            let bytes = try connection.bytes(1 << 20)
            #expect(bytes.allSatisfy { $0 == UInt8(ascii: "x") })
            received += bytes.count
        }
        #expect(try connection.ask("GET / HTTP/1.1\r\nhost: h\r\n\r\n").body == "blue\n")
    }

    @Test(arguments: [
        "x-trellis-delay: 1m", "x-trellis-hang: before-head", "x-trellis-hang: after-head",
        "x-trellis-slow: 1\r\nx-trellis-bytes: 1000", "x-trellis-bytes: 1000000000",
    ])
    func aClientThatLeavesIsForgotten(headers: String) throws {
        try open(headers + "\r\n").reset()
        #expect(plane.answers())
        #expect(
            eventually { plane.stats.value(.http("ingress", proxy: "workload:w"), HTTPCounter.downstreamRqActive) == 0 }
        )
    }
}
