import DataPlane
import Routing
import Synchronization
import Telemetry
import Testing

/// What the access log knows of an exchange beyond its outcome.
@Suite struct RecordTests {
    private func fields(_ line: String) -> [String: String] {
        Dictionary(
            line.split(separator: " ").compactMap { part in
                let pair = part.split(separator: "=", maxSplits: 1)
                return pair.count == 2 ? (String(pair[0]), String(pair[1])) : nil
            }, uniquingKeysWith: { first, _ in first })
    }

    @Test func bytesAreCountedOnBothSides() throws {
        let sizes = Mutex((request: 0, answer: 0))
        let answer = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\nx-sum: 1\r\n\r\n"
        let upstream = try Upstream { connection, _ in
            let request = try connection.request()
            let head = request.fields.reduce(request.start.utf8.count + 4) {
                $0 + $1.name.utf8.count + $1.value.utf8.count + 4
            }
            sizes.withLock { $0 = (head, answer.utf8.count) }
            try connection.send(answer)
            _ = try connection.rest()
        }
        let plane = try TestPlane(
            [.forwarding(to: [upstream.port])],
            log:
                "dr=%DOWNSTREAM_WIRE_BYTES_RECEIVED% ds=%DOWNSTREAM_WIRE_BYTES_SENT% ur=%UPSTREAM_WIRE_BYTES_RECEIVED% "
                + "us=%UPSTREAM_WIRE_BYTES_SENT% uh=%UPSTREAM_HEADER_BYTES_SENT% ah=%UPSTREAM_HEADER_BYTES_RECEIVED% "
                + "t=%RESPONSE_TRAILERS_BYTES% host=%UPSTREAM_HOST% remote=%UPSTREAM_REMOTE_ADDRESS% "
                + "local=%UPSTREAM_LOCAL_ADDRESS_WITHOUT_PORT% version=%UPSTREAM_PROTOCOL%")
        let client = try plane.connect()
        let request = "POST / HTTP/1.1\r\nhost: h\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n"
        try client.send(request)
        client.finishSending()
        let received = try client.rest()
        let line = fields(try #require(plane.logLines().first))
        #expect(line["dr"] == "\(request.utf8.count)")
        #expect(line["ds"] == "\(received.utf8.count)")
        #expect(line["ur"] == "\(answer.utf8.count)")
        let head = sizes.withLock { $0.request }
        #expect(line["uh"] == "\(head)")
        #expect(line["us"] == "\(head + "3\r\nabc\r\n0\r\n\r\n".utf8.count)")
        #expect(line["ah"] == "\("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n".utf8.count)")
        #expect(line["t"] == "\("x-sum1".utf8.count)")
        #expect(line["host"] == line["remote"])
        #expect(line["local"] == "127.0.0.1")
        #expect(line["version"] == "HTTP/1.1")
    }

    @Test func aFailureToConnectHasItsReason() throws {
        let plane = try TestPlane(
            [.forwarding(to: [try Upstream.closedPort()])],
            log: "%UPSTREAM_TRANSPORT_FAILURE_REASON% %UPSTREAM_PROTOCOL% %LOCAL_REPLY_BODY%")
        let body = try plane.ask("GET / HTTP/1.1\r\nhost: h\r\n\r\n").body
        #expect(plane.logLines() == ["delayed_connect_error:_Connection_refused - \(body)"])
    }

    @Test func timesOfAnUpstreamConnectionAreThoseOfTheFirstUse() throws {
        let upstream = try Upstream.answering { _ in "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok" }
        let plane = try TestPlane(
            [.forwarding(to: [upstream.port])],
            log: "%COMMON_DURATION(US_CX_BEG:US_CX_END:us)% %COMMON_DURATION(DS_TX_BEG:DS_TX_END:us)% "
                + "%COMMON_DURATION(US_RX_BEG:US_RX_BODY_BEG:us)% %UPSTREAM_CONNECTION_POOL_READY_DURATION%")
        let client = try plane.connect()
        for _ in 0..<2 { #expect(try client.ask("GET / HTTP/1.1\r\nhost: h\r\n\r\n").body == "ok") }
        let lines = plane.logLines().map { $0.split(separator: " ") }
        #expect(lines.count == 2)
        #expect(lines[0].allSatisfy { Int($0) != nil }, "\(lines)")
        #expect(lines[1][0] == "-")
        #expect(lines[1].dropFirst().allSatisfy { Int($0) != nil }, "\(lines)")
    }
}
