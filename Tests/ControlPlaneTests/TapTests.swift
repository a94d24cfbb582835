import Glibc
import Telemetry
import Testing

@testable import ControlPlane
@testable import DataPlane

@Suite("Live records reach whoever asks, filtered")
struct TapTests {
    /// A tap on a thread of its own; `lines` grows.
    private final class Listener: Sendable {
        let lines = Awaited<[String]>([])
        let status = Awaited(0)

        init(_ admin: NetworkAddress, _ target: String, until count: Int) {
            let lines = self.lines
            let status = self.status
            _ = onThread {
                var splitter = LineSplitter()
                let end = try? AdminClient(admin).exchange("GET", target, seconds: 20) { _, bytes in
                    let new = splitter.add(bytes).map { String(decoding: $0, as: UTF8.self) }
                    lines.change { $0 += new }
                    return lines.current.count < count
                }
                status.change { $0 = end ?? -1 }
            }
        }
    }

    private func running(_ adjust: (inout RuntimeOptions) -> Void = { _ in }) -> RunningMesh {
        let scratch = Scratch()
        return RunningMesh([scratch.write("mesh.yaml", Colors.mesh(blue: 1, green: 0))], adjust)
    }

    /// Sends requests until the listener has heard enough; which of them it heard does not matter.
    private func hears(_ listener: Listener, _ mesh: RunningMesh, _ send: () -> Void) -> Bool {
        listener.lines.wait { lines in
            if lines.isEmpty { send() }
            return !lines.isEmpty
        }
    }

    @Test("Every hop of a request is a JSON line with the keys of the structured log")
    func lines() throws {
        let mesh = running()
        defer { mesh.stop() }
        let listener = Listener(mesh.admin, "/v1/tap", until: 50)
        // The workers begin to listen one after the other, so that the first request may be heard of at one hop only.
        let proxies = ["colors/front", "colors/blue#0"]
        #expect(
            listener.lines.wait { lines in
                let heard = proxies.allSatisfy { proxy in lines.contains { $0.contains("\"proxy\":\"\(proxy)\"") } }
                if !heard { _ = Client.get(mesh.gateway, "/x?y=1") }
                return heard
            })
        let records = listener.lines.current.compactMap { LogRecord(line: $0.utf8) }
        #expect(Set(records.map(\.proxy)) == ["colors/front", "colors/blue#0"])
        let front = try #require(records.first { $0.proxy == "colors/front" })
        #expect(front.status == 200 && front.route == "canary" && front.destination == "colors/blue")
        #expect(front.json["path"]?.text == "/x?y=1")
    }

    @Test("Server-sent events are asked for by format or accept")
    func events() {
        let mesh = running()
        defer { mesh.stop() }
        let listener = Listener(mesh.admin, "/v1/tap?format=sse&proxy=front", until: 2)
        #expect(hears(listener, mesh) { _ = Client.get(mesh.gateway) })
        #expect(listener.lines.wait { $0.count >= 2 })
        #expect(listener.lines.current[0].hasPrefix("data: {\"time\":"))
        #expect(listener.lines.current[1] == "")
    }

    @Test("Only records that fulfil all conditions are sent")
    func filtered() {
        let mesh = running()
        defer { mesh.stop() }
        let target =
            "/v1/tap?proxy=colors/front&route=canary&node=blue&mesh=colors&status=4xx,503&flags=-,UH&path=/no&header=X-Who:me"
        let listener = Listener(mesh.admin, target, until: 1)
        let requests = ["/no me 200", "/yes me 404", "/nothing you 404", "/nope me 404"].map { text in
            let words = text.split(separator: " ")
            return "GET \(words[0]) HTTP/1.1\r\nhost: a\r\nx-who: \(words[1])\r\nx-trellis-status: \(words[2])"
        }
        #expect(
            hears(listener, mesh) {
                for request in requests { _ = Client.send(mesh.gateway, request + "\r\nconnection: close\r\n\r\n") }
            })
        for line in listener.lines.current { #expect(line.contains("\"path\":\"/nope\"")) }
    }

    @Test(
        "Conditions that mean nothing are refused",
        arguments: ["status=6xx", "status=9-1", "status=x", "flags=XX", "header=x", "header=:x", "format=xml"])
    func refused(_ query: String) {
        let mesh = running()
        defer { mesh.stop() }
        let answer = Client.get(mesh.admin, "/v1/tap?\(query)", host: "localhost")
        #expect(answer.status == 400)
        #expect(answer.body.contains("\"error\""))
    }

    @Test("A proxy's own admin listener hands out that proxy's records only")
    func own() throws {
        let mesh = running()
        defer { mesh.stop() }
        let admin = try #require(mesh.address("admin:colors/front"))
        let listener = Listener(admin, "/v1/tap", until: 3)
        #expect(hears(listener, mesh) { _ = Client.get(mesh.gateway) })
        for _ in 0..<3 { _ = Client.get(mesh.gateway) }
        #expect(listener.lines.wait { $0.count >= 3 })
        #expect(listener.lines.current.allSatisfy { $0.contains("\"proxy\":\"colors/front\"") })
        #expect(Client.get(admin, "/v1/tap?proxy=blue", host: "localhost").status == 400)
    }

    @Test(
        "A client that stops reading for a while hears of every record after all: as a line, or as one of those dropped"
    )
    func slowClient() throws {
        let mesh = running { $0.workers = 1 }
        defer { mesh.stop() }
        let connection = try #require(Client.connect(mesh.admin))
        defer { close(connection) }
        var space: Int32 = 65_536
        setsockopt(connection, SOL_SOCKET, SO_RCVBUF, &space, socklen_t(MemoryLayout<Int32>.size))
        let request = Array("GET /v1/tap?proxy=front HTTP/1.0\r\nhost: localhost\r\n\r\n".utf8)
        #expect(send(connection, request, request.count, 0) == request.count)
        var text = TapText()
        // The worker that serves the answer's head is the one that records, so that it hears of all that follows.
        while !text.hasHead, text.read(connection) {}
        // The first ones fill the way to the client, the others what waits, and still others are dropped.
        let count = 1_000
        let path = "/counted?" + String(repeating: "x", count: 10_000)
        for _ in 0..<count { #expect(Client.get(mesh.gateway, path).status == 200) }
        while text.heard < count, text.read(connection) {}
        #expect(text.heard == count)
        #expect(text.dropped > 0 && text.lines > 0)
        // And it goes on.
        #expect(Client.get(mesh.gateway, path).status == 200)
        while text.heard < count + 1, text.read(connection) {}
        #expect(text.heard == count + 1)
    }

    /// What comes from a tap whose end is the end of the connection.
    private struct TapText {
        private var splitter = LineSplitter()
        private(set) var hasHead = false
        private(set) var lines = 0
        private(set) var dropped = 0
        var heard: Int { lines + dropped }

        /// False if nothing came for ten seconds.
        mutating func read(_ connection: Int32) -> Bool {
            var part = [UInt8](repeating: 0, count: 65_536)
            let count = recv(connection, &part, part.count, 0)
            guard count > 0 else { return false }
            for line in splitter.add(part[..<count]) {
                if line.elementsEqual("\r".utf8) || line.isEmpty { hasHead = true }
                guard hasHead, line.first == UInt8(ascii: "{") else { continue }
                let mark = "{\"dropped\":".utf8
                if line.starts(with: mark) {
                    dropped += Int(String(decoding: line.dropFirst(mark.count).dropLast(), as: UTF8.self)) ?? 0
                } else {
                    lines += 1
                }
            }
            return true
        }
    }

    @Test("What a subscriber does not take is dropped and counted, and taken records make room")
    func bounded() {
        let wakes = Awaited(0)
        let subscription = TapSubscription(filter: TapFilter()) { wakes.change { $0 += 1 } }
        let line = [UInt8](repeating: 97, count: 400_000)
        for _ in 0..<5 { line.withUnsafeBufferPointer { subscription.offer($0) } }
        #expect(wakes.current == 1)
        let (lines, dropped) = subscription.take()
        #expect(lines.count == 800_000 && dropped == 3)
        line.withUnsafeBufferPointer { subscription.offer($0) }
        #expect(wakes.current == 2)
        #expect(subscription.take().dropped == 0)
        #expect(TapStream.text([], dropped: 3, .lines) == Array("{\"dropped\":3}\n".utf8))
        #expect(
            TapStream.text(Array("{}\n".utf8), dropped: 1, .events)
                == Array("data: {}\n\nevent: dropped\ndata: {\"dropped\":1}\n\n".utf8))
    }

    @Test(
        "Names are covered by their ends",
        arguments: [
            ("colors/blue#0", "colors/blue#0", true), ("colors/blue#0", "colors/blue", true),
            ("colors/blue#0", "blue", true), ("colors/blue#0", "blue#0", true), ("colors/blue#0", "blue#1", false),
            ("colors/blue#0", "lue", false), ("colors/blue", "colors", false), ("colors/blue", "", false),
            ("canary", "canary", true), ("colors/sky-blue", "blue", false),
        ])
    func names(_ name: String, _ given: String, _ expected: Bool) {
        #expect(Naming.covers(name, given) == expected)
    }
}

@Suite("Logs are filtered and summed up")
struct LogRecordTests {
    private static func line(
        _ second: Int, _ status: Int, _ milliseconds: Double, flags: String = "", endpoint: String = "\"colors/blue#0\""
    ) -> String {
        "{\"time\":\"2026-02-28T23:59:\(second).500000Z\",\"mesh\":\"colors\",\"proxy\":\"colors/front\",\"node\":\"colors/front\","
            + "\"route\":\"canary\",\"gateway_route\":\"all\",\"cluster\":\"cds\",\"endpoint\":\(endpoint),\"status\":\(status),"
            + "\"flags\":[\(flags)],\"path\":\"/a?b\",\"duration_ms\":\(milliseconds)}"
    }

    private static let records = (0..<10).compactMap { index in
        LogRecord(
            line: line(10 + index, index == 9 ? 503 : 200, Double(index + 1), flags: index == 9 ? "\"UH\"" : "").utf8)
    }

    @Test("A summary has rates, percentiles and shares")
    func summary() throws {
        var summary = LogSummary()
        for record in Self.records { summary.add(record) }
        #expect(Self.records.count == 10)
        #expect(summary.span == 9)
        let (key, group) = try #require(summary.sorted.first)
        #expect(key == LogSummary.Key(proxy: "colors/front", route: "canary", destination: "colors/blue"))
        #expect(group.count == 10 && group.flags == ["UH": 1] && group.statuses == [200: 9, 503: 1])
        #expect(group.percentiles([0.5, 0.9, 0.99, 1]) == [5, 9, 10, 10])
        #expect(group.share(ofClass: 5) == 0.1)
        #expect(summary.json["total"]?["perSecond"] == .double(1.1))
        #expect(LogSummary.Group().percentiles([0.5]) == [nil])
    }

    @Test(
        "The conditions of the tap hold for written records",
        arguments: [
            ([], [], nil, 10), (["5xx"], [], nil, 1), (["200-299"], [], nil, 9), ([], ["UH,UF"], nil, 1),
            ([], ["-"], nil, 9),
            ([], ["-", "UH"], nil, 10), ([], [], "/a", 10), ([], [], "/b", 0),
        ] as [([String], [String], String?, Int)])
    func conditions(_ statuses: [String], _ flags: [String], _ path: String?, _ expected: Int) throws {
        let filter = try TapFilterText(
            mesh: "colors", proxy: "front", node: "blue", route: "all", statuses: statuses, flags: flags,
            pathPrefix: path,
            headers: [])
        #expect(Self.records.count(where: filter.takes) == expected)
    }

    @Test(
        "Times are counted over leap days and months",
        arguments: [
            ("1970-01-01T00:00:00.000000Z", 0), ("2026-11-24T07:41:49.500000Z", 1_795_506_109.5),
            ("2024-02-29T12:00:00.000000Z", 1_709_208_000),
        ])
    func times(_ text: String, _ seconds: Double) { #expect(RecordTime.seconds(text) == seconds) }

    @Test("Lines arrive whole however their bytes are cut")
    func splitting() {
        let text = Array("ab\n\ncdef\ng".utf8)
        for cut in 0...text.count {
            var splitter = LineSplitter()
            let lines = splitter.add(text[..<cut]) + splitter.add(text[cut...])
            #expect(lines.map { String(decoding: $0, as: UTF8.self) } == ["ab", "", "cdef"])
        }
    }
}
