import DataPlane
import Routing
import Synchronization
import Testing

/// What passes through a proxy when everybody behaves.
@Suite struct ForwardingTests {
    /// Answers with what it got: the start line, a bar, the body.
    private func mirror() throws -> Upstream {
        try Upstream.answering { request in
            let text = "\(request.start)|\(request.body)"
            return "HTTP/1.1 200 OK\r\ncontent-length: \(text.utf8.count)\r\n\r\n\(text)"
        }
    }

    @Test func bothConnectionsAreKept() throws {
        let upstream = try mirror()
        let plane = try TestPlane([.forwarding(to: [upstream.port])])
        let client = try plane.connect()
        for index in 0..<5 {
            #expect(try client.ask("GET /\(index) HTTP/1.1\r\nhost: h\r\n\r\n").body == "GET /\(index) HTTP/1.1|")
        }
        #expect(upstream.connections == 1)
    }

    @Test func pipelinedRequestsAreAnsweredInOrder() throws {
        let upstream = try mirror()
        let plane = try TestPlane([.forwarding(to: [upstream.port])])
        let client = try plane.connect()
        let requests = (0..<20).map { "POST /\($0) HTTP/1.1\r\nhost: h\r\ncontent-length: 2\r\n\r\n\($0 + 10)" }
        try client.send(requests.joined())
        for index in 0..<20 { #expect(try client.answer().body == "POST /\(index) HTTP/1.1|\(index + 10)") }
    }

    @Test func aRequestMayComeByteByByte() throws {
        let upstream = try mirror()
        let plane = try TestPlane([.forwarding(to: [upstream.port])])
        let client = try plane.connect()
        for byte in "PUT /a HTTP/1.1\r\nhost: h\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n".utf8 {
            try client.send([byte])
        }
        #expect(try client.answer().body == "PUT /a HTTP/1.1|abc")
    }

    @Test func chunksAndTrailersPassInBothDirections() throws {
        let seen = Mutex<Message?>(nil)
        let upstream = try Upstream.answering { request in
            seen.withLock { $0 = request }
            return "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\ntrailer: x-sum\r\n\r\n"
                + "5\r\nhello\r\n6;ext=1\r\n world\r\n0\r\nx-sum: 11\r\n\r\n"
        }
        let plane = try TestPlane([.forwarding(to: [upstream.port])])
        let client = try plane.connect()
        let answer = try client.ask(
            "POST / HTTP/1.1\r\nhost: h\r\ntransfer-encoding: chunked\r\n\r\n2\r\nab\r\n3\r\ncde\r\n0\r\nx-end: yes\r\n\r\n"
        )
        #expect(answer.body == "hello world")
        #expect(answer.trailers.map { "\($0.name)=\($0.value)" } == ["x-sum=11"])
        let request = try #require(seen.withLock { $0 })
        #expect(request.body == "abcde")
        #expect(request.trailers.map { "\($0.name)=\($0.value)" } == ["x-end=yes"])
        #expect(try client.ask("POST / HTTP/1.1\r\nhost: h\r\ncontent-length: 0\r\n\r\n").body == "hello world")
    }

    @Test(arguments: [
        ("HEAD", "200 OK", "content-length: 7\r\n", "7"), ("GET", "204 No Content", "", nil),
        ("GET", "304 Not Modified", "content-length: 7\r\n", "7"),
    ])
    func answersWithoutABodyKeepTheConnection(
        method: String, status: String, fields: String, length: String?
    ) throws {
        let upstream = try Upstream.answering { _ in "HTTP/1.1 \(status)\r\n\(fields)\r\n" }
        let plane = try TestPlane([.forwarding(to: [upstream.port])])
        let client = try plane.connect()
        for _ in 0..<3 {
            let answer = try client.ask("\(method) / HTTP/1.1\r\nhost: h\r\n\r\n", method: method)
            #expect(answer.start == "HTTP/1.1 \(status)")
            #expect(answer["content-length"] == length)
            #expect(answer["transfer-encoding"] == nil)
        }
        #expect(upstream.connections == 1)
        #expect(upstream.failures.isEmpty)
    }

    @Test func anExpectationIsAnsweredByTheProxy() throws {
        let seen = Mutex<Message?>(nil)
        let upstream = try Upstream.answering { request in
            seen.withLock { $0 = request }
            return "HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n"
        }
        let plane = try TestPlane([.forwarding(to: [upstream.port])])
        let client = try plane.connect()
        try client.send("PUT / HTTP/1.1\r\nhost: h\r\nexpect: 100-continue\r\ncontent-length: 4\r\n\r\n")
        #expect(try client.answer().start == "HTTP/1.1 100 Continue")
        try client.send("body")
        #expect(try client.answer().status == 200)
        let request = try #require(seen.withLock { $0 })
        #expect(request.body == "body")
        #expect(request["expect"] == nil)
    }

    @Test func aHalfClosedClientGetsItsAnswerAndTheEnd() throws {
        let upstream = try mirror()
        let plane = try TestPlane([.forwarding(to: [upstream.port])])
        let client = try plane.connect()
        try client.send("GET /half HTTP/1.1\r\nhost: h\r\n\r\n")
        client.finishSending()
        #expect(try client.answer().body == "GET /half HTTP/1.1|")
        #expect(try client.rest() == "")
    }

    @Test func anAnswerBeforeTheEndOfTheRequestEndsTheConnection() throws {
        let upstream = try Upstream { connection, _ in
            _ = try connection.head()
            try connection.send("HTTP/1.1 413 Too Large\r\ncontent-length: 3\r\n\r\nbig")
            _ = try connection.rest()
        }
        let plane = try TestPlane([.forwarding(to: [upstream.port])])
        let client = try plane.connect()
        try client.send("POST / HTTP/1.1\r\nhost: h\r\ncontent-length: 1000000\r\n\r\nbegin")
        let answer = try client.answer()
        #expect(answer.status == 413)
        #expect(answer.body == "big")
        #expect(try client.rest() == "")
    }

    @Test func anOldClientGetsAnEndInsteadOfChunks() throws {
        let upstream = try Upstream.answering { _ in
            "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n"
        }
        let plane = try TestPlane([.forwarding(to: [upstream.port])])
        let answer = try plane.ask("GET / HTTP/1.0\r\nhost: h\r\n\r\n")
        #expect(answer["transfer-encoding"] == nil)
        #expect(answer.body == "abc")
    }

    @Test func anAnswerThatEndsWithItsConnectionIsComplete() throws {
        let upstream = try Upstream { connection, _ in
            _ = try connection.request()
            try connection.send("HTTP/1.1 200 OK\r\n\r\nuntil the end")
        }
        let plane = try TestPlane([.forwarding(to: [upstream.port])])
        let client = try plane.connect()
        for _ in 0..<2 { #expect(try client.ask("GET / HTTP/1.1\r\nhost: h\r\n\r\n").body == "until the end") }
        #expect(upstream.connections == 2)
    }

    @Test func informationalAnswersAreNotTheAnswer() throws {
        let upstream = try Upstream.answering { _ in
            "HTTP/1.1 103 Early Hints\r\nlink: x\r\n\r\nHTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok"
        }
        let plane = try TestPlane([.forwarding(to: [upstream.port])])
        let answer = try plane.ask("GET / HTTP/1.1\r\nhost: h\r\n\r\n")
        #expect(answer.status == 200)
        #expect(answer["link"] == nil)
        #expect(answer.body == "ok")
    }

    @Test func headersOfTheHopAreDroppedAndThoseOfTheProxyAdded() throws {
        let seen = Mutex<Message?>(nil)
        let upstream = try Upstream.answering { request in
            seen.withLock { $0 = request }
            return
                "HTTP/1.1 200 OK\r\ncontent-length: 0\r\nserver: app\r\nconnection: x-own\r\nx-own: 1\r\nx-kept: 1\r\n\r\n"
        }
        let plane = try TestPlane([.forwarding(to: [upstream.port], dialect: .gateway)])
        let answer = try plane.ask(
            "GET http://h.local:81/p HTTP/1.1\r\nhost: other\r\nconnection: x-hop\r\nx-hop: 1\r\nx-forwarded-for: 9.9.9.9\r\n\r\n"
        )
        #expect(answer["server"] == "envoy")
        #expect(answer["x-own"] == nil)
        #expect(answer["x-kept"] == "1")
        #expect(answer["date"] != nil)
        #expect(answer["x-envoy-upstream-service-time"].flatMap { Int($0) } != nil)
        let request = try #require(seen.withLock { $0 })
        #expect(request.start == "GET /p HTTP/1.1")
        #expect(request.values("host") == ["h.local:81"])
        #expect(request["x-hop"] == nil)
        #expect(request.values("x-forwarded-for") == ["9.9.9.9,127.0.0.1"])
        #expect(request.values("x-forwarded-proto") == ["http"])
        #expect(request["x-request-id"]?.count == 36)
    }

    @Test func endpointsTakeTurns() throws {
        let upstreams = try (0..<3).map { number in
            try Upstream.answering { _ in "HTTP/1.1 200 OK\r\ncontent-length: 1\r\n\r\n\(number)" }
        }
        let plane = try TestPlane([.forwarding(to: upstreams.map(\.port))])
        let client = try plane.connect()
        let answers = try (0..<9).map { _ in try client.ask("GET / HTTP/1.1\r\nhost: h\r\n\r\n").body }
        for number in 0..<3 { #expect(answers.filter { $0 == "\(number)" }.count == 3) }
    }

    /// 24 MiB each way at once through buffers of 64 KiB. The answer ends after the request: else it would end it.
    @Test func bigBodiesPassInBothDirectionsAtOnce() throws {
        let blocks = 24
        let size = 1 << 20
        let received = Atomic(0)
        let upstream = try Upstream { connection, _ in
            _ = try connection.head()
            try connection.send("HTTP/1.1 200 OK\r\ncontent-length: \(blocks * size)\r\n\r\n")
            let sender = Sender(connection, blocks: blocks - 1, of: [UInt8](repeating: 7, count: size))
            for _ in 0..<blocks {
                received.add(try connection.bytes(size).filter { $0 == 9 }.count, ordering: .sequentiallyConsistent)
            }
            guard sender.isDone else { return }
            try connection.send([UInt8](repeating: 7, count: size))
            _ = try connection.rest()
        }
        let plane = try TestPlane([.forwarding(to: [upstream.port])])
        let client = try plane.connect(receiveBytes: 16_384)
        try client.send("POST / HTTP/1.1\r\nhost: h\r\ncontent-length: \(blocks * size)\r\n\r\n")
        let sender = Sender(client, blocks: blocks, of: [UInt8](repeating: 9, count: size))
        #expect(try client.head().status == 200)
        var back = 0
        for _ in 0..<blocks { back += try client.bytes(size).filter { $0 == 7 }.count }
        #expect(sender.isDone)
        #expect(back == blocks * size)
        #expect(received.load(ordering: .sequentiallyConsistent) == blocks * size)
        #expect(upstream.failures.isEmpty)
        #expect(upstream.connections == 1)
    }
}

/// Sends on a thread of its own while the test reads.
private final class Sender: Sendable {
    private let done = Atomic(false)

    init(_ connection: Connection, blocks: Int, of block: [UInt8]) {
        startThread { [self] in
            for _ in 0..<blocks { guard (try? connection.send(block)) != nil else { return } }
            done.store(true, ordering: .sequentiallyConsistent)
        }
    }

    var isDone: Bool { eventually { done.load(ordering: .sequentiallyConsistent) } }
}
