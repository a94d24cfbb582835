import DataPlane
import Foundation
import Testing

/// What the built-in workload answers when nothing goes wrong.
@Suite struct WorkloadTests {
    private let plane: TestPlane
    private let workload = Workload(settings: Workload.Settings(name: "blue"))

    init() throws { plane = try TestPlane(workload: workload) }

    private func get(_ target: String = "/", _ headers: String = "") throws -> Message {
        try plane.ask("GET \(target) HTTP/1.1\r\nhost: h\r\n\(headers)\r\n")
    }

    @Test func itsNameIsALineAndAHeader() throws {
        let answer = try get()
        #expect(answer.status == 200)
        #expect(answer.body == "blue\n")
        #expect(answer["x-trellis-workload"] == "blue")
        #expect(answer["content-type"] == "text/plain")
    }

    /// A 2xx would make the rest of the connection a tunnel (RFC 9110 9.3.6).
    @Test func itMakesNoTunnels() throws {
        #expect(try plane.ask("CONNECT other:80 HTTP/1.1\r\nhost: other:80\r\n\r\n", method: "CONNECT").status == 404)
    }

    @Test(arguments: ["/?format=json", "/"]) func jsonSaysWhatWasSeen(target: String) throws {
        let accept = target == "/" ? "accept: text/html, application/json;q=0.9\r\n" : ""
        let answer = try plane.ask(
            "POST \(target) HTTP/1.1\r\nhost: some.host\r\nX-Twice: a\r\nX-Twice: \"b\"\\\r\n\(accept)content-length: 5\r\n\r\nhello",
            method: "POST")
        #expect(answer["content-type"] == "application/json")
        let report = try #require(
            try JSONSerialization.jsonObject(with: Data(answer.body.utf8)) as? [String: Any])
        #expect(report["name"] as? String == "blue")
        #expect(report["method"] as? String == "POST")
        #expect(report["path"] as? String == target)
        #expect(report["authority"] as? String == "some.host")
        #expect(report["bodyBytes"] as? Int == 5)
        #expect((report["peer"] as? String)?.hasPrefix("127.0.0.1:") == true)
        let headers = try #require(report["headers"] as? [[String]])
        #expect(headers.filter { $0[0] == "x-twice" }.map { $0[1] } == ["a", #""b"\"#])
    }

    @Test func textShowsTheRequestAsItArrived() throws {
        let answer = try get("/a?format=text&b=c", "x-one: 1\r\n")
        #expect(answer.body.contains("\nGET /a?format=text&b=c HTTP/1.1\nhost: h\nx-one: 1\n"))
        #expect(answer.body.hasPrefix("name: blue\n"))
    }

    @Test func aChunkedRequestIsReadToItsEnd() throws {
        let answer = try plane.ask(
            "PUT /?format=json HTTP/1.1\r\nhost: h\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n4\r\ndefg\r\n0\r\n\r\n"
        )
        #expect(answer.body.contains(#""bodyBytes":7"#))
    }

    @Test func headHasTheLengthAndNoBody() throws {
        let connection = try plane.connect()
        let answer = try connection.ask("HEAD / HTTP/1.1\r\nhost: h\r\nx-trellis-bytes: 4096\r\n\r\n", method: "HEAD")
        #expect(answer["content-length"] == "4096")
        #expect(try connection.ask("GET / HTTP/1.1\r\nhost: h\r\n\r\n").body == "blue\n")
    }

    @Test func newSettingsHoldForTheNextRequest() throws {
        let connection = try plane.connect()
        #expect(try connection.ask("GET / HTTP/1.1\r\nhost: h\r\n\r\n").body == "blue\n")
        workload.settings = Workload.Settings(name: "green", body: .text("leaf"))
        let answer = try connection.ask("GET / HTTP/1.1\r\nhost: h\r\n\r\n")
        #expect(answer.body == "leaf\n")
        #expect(answer["x-trellis-workload"] == "green")
    }

    @Test(arguments: [
        ("x-trellis-body: hello", 200, "hello\n"), ("x-trellis-bytes: 5", 200, "xxxxx"),
        ("x-trellis-bytes: 0", 200, ""),
        ("x-trellis-status: 404", 404, "blue\n"), ("x-trellis-name: red", 200, "blue\n"),
        ("x-trellis-fail: 503", 503, "blue fails with 503\n"), ("x-trellis-fail: 100%", 500, "blue fails with 500\n"),
        ("x-trellis-fail: 1\r\nx-trellis-fail-status: 429", 429, "blue fails with 429\n"),
        ("x-trellis-fail: 0", 200, "blue\n"), ("x-trellis-body: b\r\naccept: application/json", 200, "b\n"),
    ])
    func aHeaderChangesOneAnswer(headers: String, status: Int, body: String) throws {
        let answer = try get("/", headers + "\r\n")
        #expect(answer.status == status)
        #expect(answer.body == body)
        #expect(try get().body == "blue\n")
    }

    @Test(arguments: [
        "delay: soon", "delay: 200", "delay: -1s", "delay: 2d", "delay: 1e3s", "delay: 99999999999999999999s",
        "jitter: ms",
        "fail: 130%", "fail: 1.5", "fail: often", "fail: nan", "fail-status: 99", "status: 600", "bytes: -1",
        "bytes: 99999999999999999999", "reset: later", "hang: now", "cut: before-head", "slow: 0", "slow: 0/1s",
        "slow: 1/2/3",
        "calls: ftp://x/", "call-depth: x", "speed: 3", "delay: 1s\r\nx-trellis-delay: 2s",
    ])
    func aWrongHeaderIsNamed(header: String) throws {
        let answer = try get("/", "x-trellis-\(header)\r\n")
        #expect(answer.status == 400)
        let name = header.prefix { $0 != ":" }
        #expect(answer.body.hasPrefix("x-trellis-\(name) "), "\(answer.body)")
    }

    @Test func aShareOfAnswersFails() throws {
        workload.settings.failShare = 0.3
        workload.settings.failStatus = 503
        let connection = try plane.connect()
        var failed = 0
        for _ in 0..<1_000 where try connection.ask("GET / HTTP/1.1\r\nhost: h\r\n\r\n").status == 503 { failed += 1 }
        // Four standard deviations around 300; the seed of the plane makes it repeatable.
        #expect((242...358).contains(failed))
    }
}
