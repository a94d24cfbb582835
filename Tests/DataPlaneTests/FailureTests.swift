import DataPlane
import Glibc
import Routing
import Synchronization
import Telemetry
import Testing

/// What a proxy makes of upstreams and clients that fail, with the status, body and access-log flag of each.
@Suite struct FailureTests {
    private static let log = "%RESPONSE_CODE% %RESPONSE_FLAGS% %RESPONSE_CODE_DETAILS%"
    private static let get = "GET / HTTP/1.1\r\nhost: h\r\n\r\n"
    private static let reset = "upstream connect error or disconnect/reset before headers. reset reason: "

    @Test func nobodyListens() throws {
        let plane = try TestPlane([.forwarding(to: [try Upstream.closedPort()])], log: Self.log)
        let answer = try plane.ask(Self.get)
        #expect(answer.status == 503)
        #expect(answer.body.hasPrefix(Self.reset + "remote connection failure"))
        #expect(plane.logLines().first?.hasPrefix("503 UF ") == true)
    }

    @Test func thereAreNoEndpoints() throws {
        let plane = try TestPlane([.forwarding(to: [])], log: Self.log)
        let answer = try plane.ask(Self.get)
        #expect(answer.status == 503)
        #expect(answer.body == "no healthy upstream")
        #expect(plane.logLines() == ["503 UH no_healthy_upstream"])
    }

    @Test func noRouteMatches() throws {
        let plane = try TestPlane(
            [.proxy([.to(.fixedResponse(status: 200, body: "yes"), path: .exact("/yes"))])], log: Self.log)
        #expect(try plane.ask("GET /yes HTTP/1.1\r\nhost: h\r\n\r\n").body == "yes")
        let answer = try plane.ask("GET /no HTTP/1.1\r\nhost: h\r\n\r\n")
        #expect(answer.status == 404)
        #expect(answer.body == "")
        #expect(plane.logLines() == ["200 - direct_response", "404 NR route_not_found"])
    }

    @Test func aConnectionIsNotAcceptedInTime() throws {
        // A queue of one that nobody empties: the kernel drops further attempts without a word.
        let (fd, port) = try Upstream.listen(backlog: 0)
        defer { close(fd) }
        var held: [Int32] = []
        defer { for socket in held { close(socket) } }
        for _ in 0..<4 {
            let socket = socket(AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_NONBLOCK.rawValue), 0)
            held.append(socket)
            var address = loopback(port: port)
            _ = withUnsafePointer(to: &address) { pointer in
                pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { connect(socket, $0, 16) }
            }
        }
        let plane = try TestPlane(
            [.forwarding(to: [port], connectTimeout: .milliseconds(100))], log: Self.log)
        let answer = try plane.ask(Self.get)
        #expect(answer.status == 503)
        #expect(answer.body == Self.reset + "connection timeout")
        #expect(plane.logLines().first?.hasPrefix("503 UF ") == true)
    }

    @Test(arguments: [
        ("", 503, "connection termination", "503 UC "),
        ("HTTP/1.1 200 OK\r\ncontent-", 502, "protocol error", "502 UPE "),
        ("HTTP/1.1 200 OK\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\n", 502, "protocol error", "502 UPE "),
        ("nonsense\r\n\r\n", 502, "protocol error", "502 UPE "),
    ])
    func anUpstreamEndsOrTalksNonsense(sends: String, status: Int, reason: String, logged: String) throws {
        let upstream = try Upstream { connection, _ in
            _ = try connection.request()
            try connection.send(sends)
        }
        let plane = try TestPlane([.forwarding(to: [upstream.port])], log: Self.log)
        let client = try plane.connect()
        let answer = try client.ask(Self.get)
        #expect(answer.status == status)
        #expect(answer.body == Self.reset + reason)
        // The client's connection survives its upstream's.
        #expect(try client.ask(Self.get).status == status)
        let lines = plane.logLines()
        #expect(lines.count == 2)
        #expect(lines.allSatisfy { $0.hasPrefix(logged) }, "\(lines)")
    }

    @Test(arguments: [
        "HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nabc",
        "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n",
        "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\nzz\r\n",
    ])
    func anAnswerThatBreaksOffIsSeenAsBroken(sends: String) throws {
        let upstream = try Upstream { connection, _ in
            _ = try connection.request()
            try connection.send(sends)
        }
        let plane = try TestPlane([.forwarding(to: [upstream.port])], log: Self.log)
        let client = try plane.connect()
        try client.send(Self.get)
        #expect(try client.head().status == 200)
        let rest = try client.rest()
        #expect(rest.contains("abc"))
        #expect(!rest.hasSuffix("0\r\n\r\n"))
        let lines = plane.logLines()
        #expect(lines.count == 1)
        #expect(lines.first?.hasPrefix("200 U") == true, "\(lines)")
    }

    // MARK: The silent second try

    /// Serves one request on its first connection and ends it when the next arrives; later connections serve all.
    private func forgetful() throws -> Upstream {
        try Upstream { connection, number in
            while true {
                let request = try connection.request()
                try connection.send(
                    "HTTP/1.1 200 OK\r\ncontent-length: \(request.body.utf8.count + 1)\r\n\r\n\(number)\(request.body)")
                if number == 0 {
                    _ = try connection.head()
                    return
                }
            }
        }
    }

    @Test(arguments: [
        "GET / HTTP/1.1\r\nhost: h\r\n\r\n", "PUT / HTTP/1.1\r\nhost: h\r\ncontent-length: 4\r\n\r\nbody",
        "DELETE / HTTP/1.1\r\nhost: h\r\n\r\n",
    ])
    func anIdempotentRequestIsTriedAgain(request: String) throws {
        let upstream = try forgetful()
        let plane = try TestPlane([.forwarding(to: [upstream.port])], log: Self.log)
        let client = try plane.connect()
        #expect(try client.ask(Self.get).body == "0")
        let answer = try client.ask(request)
        #expect(answer.status == 200)
        #expect(answer.body == (request.hasSuffix("body") ? "1body" : "1"))
        #expect(upstream.connections == 2)
        #expect(plane.logLines() == ["200 - via_upstream", "200 - via_upstream"])
    }

    @Test func aPostIsNotTriedAgain() throws {
        let upstream = try forgetful()
        let plane = try TestPlane([.forwarding(to: [upstream.port])], log: Self.log)
        let client = try plane.connect()
        #expect(try client.ask(Self.get).body == "0")
        let answer = try client.ask("POST / HTTP/1.1\r\nhost: h\r\ncontent-length: 4\r\n\r\nbody")
        #expect(answer.status == 503)
        #expect(upstream.connections == 1)
        #expect(try client.ask(Self.get).body == "1")
    }

    @Test func aConnectionThatEndedWhileIdleIsNotUsed() throws {
        let upstream = try Upstream { connection, number in
            _ = try connection.request()
            try connection.send("HTTP/1.1 200 OK\r\ncontent-length: 1\r\n\r\n\(number)")
        }
        let plane = try TestPlane([.forwarding(to: [upstream.port])])
        let client = try plane.connect()
        for number in 0..<3 {
            #expect(try client.ask("POST / HTTP/1.1\r\nhost: h\r\ncontent-length: 1\r\n\r\nx").body == "\(number)")
            #expect(eventually { plane.stats.value(.cluster("c", proxy: "p"), ClusterCounter.upstreamCxActive) == 0 })
        }
    }

    // MARK: Time

    @Test func anAnswerThatTakesTooLong() throws {
        let upstream = try Upstream { connection, _ in
            _ = try connection.request()
            _ = try connection.rest()
        }
        let plane = try TestPlane(
            [.forwarding(to: [upstream.port], timeouts: .limits(.milliseconds(100)))], log: Self.log)
        let start = ContinuousClock.now
        let answer = try plane.ask(Self.get)
        #expect(ContinuousClock.now - start >= .milliseconds(100))
        #expect(answer.status == 504)
        #expect(answer.body == "upstream request timeout")
        #expect(plane.logLines() == ["504 UT response_timeout"])
    }

    @Test func anAnswerThatStopsInTheMiddle() throws {
        let upstream = try Upstream { connection, _ in
            _ = try connection.request()
            try connection.send("HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nabc")
            _ = try connection.rest()
        }
        let plane = try TestPlane(
            [.forwarding(to: [upstream.port], timeouts: .limits(nil, idle: .milliseconds(100)))], log: Self.log)
        let client = try plane.connect()
        try client.send(Self.get)
        _ = try client.head()
        #expect(try client.rest() == "abc")
        #expect(plane.logLines().first?.hasPrefix("200 SI ") == true)
    }

    @Test func aRequestThatStopsInTheMiddle() throws {
        let upstream = try Upstream { connection, _ in _ = try connection.request() }
        let plane = try TestPlane(
            [.forwarding(to: [upstream.port], timeouts: .limits(nil, idle: .milliseconds(100)))], log: Self.log)
        let client = try plane.connect()
        let answer = try client.ask("POST / HTTP/1.1\r\nhost: h\r\ncontent-length: 10\r\n\r\nabc")
        #expect(answer.status == 408)
        #expect(answer.body == "stream timeout")
        #expect(try client.rest() == "")
        #expect(plane.logLines().first?.hasPrefix("408 SI ") == true)
    }

    @Test func timeIsCountedFromTheEndOfTheRequest() throws {
        let upstream = try Upstream.answering { _ in "HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n" }
        let plane = try TestPlane([.forwarding(to: [upstream.port], timeouts: .limits(.milliseconds(150)))])
        let client = try plane.connect()
        try client.send("POST / HTTP/1.1\r\nhost: h\r\ncontent-length: 3\r\n\r\n")
        for byte in "abc" {
            usleep(70_000)
            try client.send(String(byte))
        }
        #expect(try client.answer().status == 200)
    }

    // MARK: Clients

    @Test(arguments: [
        ("GET / HTTP/1.1\r\n\r\n", 400), ("GET / HTTP/1.1\r\nhost: h\r\nhost: i\r\n\r\n", 400),
        ("BREW / HTTP/1.1\r\nhost: h\r\n\r\n", 400), ("GET / HTTP/3.0\r\nhost: h\r\n\r\n", 505),
        ("POST / HTTP/1.1\r\nhost: h\r\ncontent-length: 1\r\ntransfer-encoding: chunked\r\n\r\n", 400),
        ("GET /\(String(repeating: "x", count: 70_000)) HTTP/1.1\r\nhost: h\r\n\r\n", 431),
    ])
    func aMalformedRequestIsAnsweredAndTheConnectionEnds(request: String, status: Int) throws {
        let plane = try TestPlane([.proxy([.to(.fixedResponse(status: 200, body: "ok"))])], log: Self.log)
        let client = try plane.connect()
        let answer = try client.ask(request)
        #expect(answer.status == status)
        #expect(answer["connection"] == "close")
        #expect(try client.rest() == "")
        #expect(plane.answers())
        let lines = plane.logLines()
        #expect(lines.count == 2)
        #expect(lines.first?.hasPrefix("\(status) DPE ") == true, "\(lines)")
    }

    @Test func aClientThatLeavesIsRecordedAndItsUpstreamTold() throws {
        let asked = Atomic(false)
        let told = Atomic(false)
        let upstream = try Upstream { connection, _ in
            _ = try connection.request()
            asked.store(true, ordering: .sequentiallyConsistent)
            try connection.waitForReset()
            told.store(true, ordering: .sequentiallyConsistent)
        }
        let plane = try TestPlane([.forwarding(to: [upstream.port])], log: Self.log)
        let client = try plane.connect()
        try client.send(Self.get)
        #expect(eventually { asked.load(ordering: .sequentiallyConsistent) })
        client.reset()
        #expect(eventually { told.load(ordering: .sequentiallyConsistent) })
        #expect(plane.logLines() == ["0 DC downstream_remote_disconnect"])
    }

    @Test func halfAHeadAndThenTheEndIsNoRequest() throws {
        let plane = try TestPlane([.proxy([.to(.fixedResponse(status: 200, body: "ok"))])], log: Self.log)
        let client = try plane.connect()
        try client.send("GET / HTTP/1.1\r\nho")
        client.finishSending()
        #expect(try client.rest() == "")
        #expect(plane.answers())
        #expect(plane.logLines().count == 1)
    }
}
