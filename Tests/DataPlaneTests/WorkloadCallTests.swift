import DataPlane
import Routing
import Synchronization
import Testing

/// Onward calls of the built-in workload, against a scripted egress proxy.
@Suite struct WorkloadCallTests {
    private func workload(calling urls: [String], egress port: Int?) -> Workload {
        Workload(
            settings: Workload.Settings(name: "front", calls: urls),
            egress: port.map { .ip(host: "127.0.0.1", port: $0) })
    }

    @Test func aCallGoesToTheEgressWithItsHostAndTraceHeaders() throws {
        let seen = Mutex<[Message]>([])
        let egress = try Upstream.answering { request in
            seen.withLock { $0.append(request) }
            return "HTTP/1.1 200 OK\r\ncontent-length: 6\r\n\r\ngreen\n"
        }
        let plane = try TestPlane(
            workload: workload(calling: ["http://color.local:8080/c?d=e", "http://other.local"], egress: egress.port))
        let answer = try plane.ask(
            "GET / HTTP/1.1\r\nhost: h\r\nx-request-id: r1\r\ntraceparent: t1\r\ntracestate: s1\r\nx-amzn-trace-id: a1\r\n"
                + "b3: b\r\nx-b3-traceid: b1\r\nx-secret: no\r\ncookie: no\r\n\r\n")
        #expect(answer.body == "front\n  http://color.local:8080/c?d=e 200 green\n  http://other.local 200 green\n")
        let requests = seen.withLock { $0 }
        try #require(requests.count == 2)
        #expect(requests[0].start == "GET http://color.local:8080/c?d=e HTTP/1.1")
        #expect(requests[0].values("host") == ["color.local:8080"])
        #expect(requests[1].start == "GET http://other.local/ HTTP/1.1")
        let trace = [
            "x-request-id": "r1", "traceparent": "t1", "tracestate": "s1", "x-amzn-trace-id": "a1", "b3": "b",
            "x-b3-traceid": "b1",
        ]
        for (name, value) in trace { #expect(requests[0].values(name) == [value]) }
        #expect(requests[0]["x-secret"] == nil)
        #expect(requests[0]["cookie"] == nil)
        // The second call used the connection of the first.
        #expect(egress.connections == 1)
    }

    @Test func jsonHasTheResults() throws {
        let egress = try Upstream.answering { _ in "HTTP/1.1 503 No\r\ncontent-length: 4\r\n\r\n\"no\"" }
        let plane = try TestPlane(workload: workload(calling: ["http://a.local/"], egress: egress.port))
        let body = try plane.ask("GET /?format=json HTTP/1.1\r\nhost: h\r\n\r\n").body
        #expect(body.contains(#""calls":[{"url":"http://a.local/","status":503,"body":"\"no\""}]"#))
    }

    @Test func withoutAnEgressAddressesAreCalledAndNamesFail() throws {
        let target = try Upstream.answering { request in
            "HTTP/1.1 200 OK\r\ncontent-length: 3\r\n\r\n\(request.values("host") == [] ? "no" : "yes")"
        }
        let plane = try TestPlane(
            workload: workload(calling: ["http://localhost:\(target.port)/", "http://name.local/"], egress: nil))
        let lines = try plane.ask("GET / HTTP/1.1\r\nhost: h\r\n\r\n").body.split(separator: "\n")
        #expect(lines[1].hasSuffix(" 200 yes"))
        #expect(lines[2] == "  http://name.local/ failed: no egress proxy to find name.local with")
    }

    @Test func failuresAreReportedInTheAnswer() throws {
        let closed = try Upstream.closedPort()
        let ending = try Upstream { connection, _ in _ = try connection.request() }
        let malformed = try Upstream.answering { _ in "HTTP/9 what\r\n\r\n" }
        let cut = try Upstream { connection, _ in
            _ = try connection.request()
            try connection.send("HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nabc")
        }
        let cases = [
            (closed, "Connection refused"), (ending.port, "ended without an answer"), (malformed.port, "malformed"),
            (cut.port, "malformed or was cut"),
        ]
        let urls = cases.map { "http://127.0.0.1:\($0.0)/" }
        let answer = try TestPlane(workload: workload(calling: urls, egress: nil)).ask(
            "GET / HTTP/1.1\r\nhost: h\r\n\r\n")
        #expect(answer.status == 200)
        let lines = answer.body.split(separator: "\n").dropFirst()
        for (line, expected) in zip(lines, cases) {
            #expect(line.contains("failed: ") && line.contains(expected.1), "\(line)")
        }
        #expect(lines.count == cases.count)
    }

    @Test func aCallThatTakesTooLongIsGivenUp() throws {
        let gone = Atomic(false)
        let silent = try Upstream { connection, _ in
            _ = try connection.request()
            try connection.waitForReset()
            gone.store(true, ordering: .sequentiallyConsistent)
        }
        let plane = try TestPlane(workload: workload(calling: ["http://127.0.0.1:\(silent.port)/"], egress: nil))
        let answer = try plane.ask("GET / HTTP/1.1\r\nhost: h\r\nx-trellis-call-timeout: 100ms\r\n\r\n")
        #expect(answer.body.contains("failed: no complete answer within 0.1 seconds"))
        #expect(eventually { gone.load(ordering: .sequentiallyConsistent) })
    }

    @Test func aClientThatLeavesEndsTheCall() throws {
        let called = Atomic(false)
        let gone = Atomic(false)
        let silent = try Upstream { connection, _ in
            _ = try connection.request()
            called.store(true, ordering: .sequentiallyConsistent)
            try connection.waitForReset()
            gone.store(true, ordering: .sequentiallyConsistent)
        }
        let plane = try TestPlane(workload: workload(calling: ["http://127.0.0.1:\(silent.port)/"], egress: nil))
        let client = try plane.connect()
        try client.send("GET / HTTP/1.1\r\nhost: h\r\n\r\n")
        #expect(eventually { called.load(ordering: .sequentiallyConsistent) })
        client.reset()
        #expect(eventually { gone.load(ordering: .sequentiallyConsistent) })
    }

    @Test func aKeptConnectionThatDiedIsReplacedOnce() throws {
        let egress = try Upstream { connection, number in
            _ = try connection.request()
            try connection.send("HTTP/1.1 200 OK\r\ncontent-length: 1\r\n\r\n\(number)")
            // The first connection takes the next request and ends without a word, as a server does that timed it out.
            _ = try connection.request()
            if number > 0 { try connection.send("HTTP/1.1 200 OK\r\ncontent-length: 1\r\n\r\n\(number)") }
        }
        let plane = try TestPlane(workload: workload(calling: ["http://a.local/"], egress: egress.port))
        let client = try plane.connect()
        #expect(try client.ask("GET / HTTP/1.1\r\nhost: h\r\n\r\n").body.hasSuffix("200 0\n"))
        #expect(try client.ask("GET / HTTP/1.1\r\nhost: h\r\n\r\n").body.hasSuffix("200 1\n"))
        #expect(egress.connections == 2)
    }

    @Test func longAnswersAreCutAndCirclesEnd() throws {
        let long = try Upstream.answering { _ in
            "HTTP/1.1 200 OK\r\ncontent-length: 5000\r\n\r\n" + String(repeating: "y", count: 5_000)
        }
        let plane = try TestPlane(workload: workload(calling: ["http://127.0.0.1:\(long.port)/"], egress: nil))
        let body = try plane.ask("GET / HTTP/1.1\r\nhost: h\r\n\r\n").body
        #expect(body.hasSuffix(String(repeating: "y", count: 1_024) + "…\n"))
        #expect(body.utf8.count < 1_200)

        let own = "x-trellis-calls: http://127.0.0.1:\(plane.port())/"
        let circle = try plane.ask("GET / HTTP/1.1\r\nhost: h\r\n\(own)\r\nx-trellis-call-depth: 15\r\n\r\n")
        #expect(circle.body.contains(" 508 front: workloads call each other in a circle"))
    }
}
