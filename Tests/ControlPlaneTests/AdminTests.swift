import Glibc
import Testing

@testable import ControlPlane

@Suite("Admin listeners answer as Envoy's do, and this machine only")
struct AdminTests {
    struct Case: Sendable, CustomTestStringConvertible {
        var request: String
        var status: Int
        var body: String
        var testDescription: String { request.split(separator: "\r\n").joined(separator: " | ") }

        init(_ line: String, _ headers: String = "host: localhost", status: Int, body: String = "") {
            request = "\(line) HTTP/1.1\r\n\(headers)\r\nconnection: close\r\n\r\n"
            self.status = status
            self.body = body
        }
    }

    static let cases: [Case] = [
        Case("GET /ready", status: 200, body: "LIVE\n"),
        Case("POST /ready", status: 200, body: "LIVE\n"),
        Case("GET /help", status: 200, body: "admin commands are:\n  /: Admin home page\n"),
        Case("GET /", status: 200, body: "admin commands are:\n"),
        Case("GET /nothing", status: 404, body: "invalid path. admin commands are:\n"),
        Case("GET /quitquitquit", status: 405, body: "Method GET not allowed, POST required."),
        Case("GET /v1/reload", status: 405, body: "Method GET not allowed, POST required."),
        Case("DELETE /reopen_logs", status: 405, body: "Method DELETE not allowed, POST required."),
        Case("POST /reopen_logs", status: 200, body: "OK\n"),
        Case("PUT /v1/reload", status: 200, body: "{\n  \"trigger\": \"admin\",\n  \"result\": \"unchanged\""),
        Case("GET /stats?filter=^server.live$", status: 200, body: "server.live: 1\n"),
        Case("GET /stats?filter=server%5C.live", status: 200, body: "server.live: 1\n"),
        Case("GET /stats?filter=(", status: 400, body: "Invalid re2 regex: "),
        Case("GET /stats?format=xml", status: 400, body: "usage: "),
        Case("GET /stats?format=html", status: 400, body: "HTML output is not built in\n"),
        Case("POST /drain_listeners?skip_exit", status: 400, body: "skip_exit requires graceful\n"),
        Case(
            "GET /stats/prometheus?filter=^server.live$", status: 200,
            body: "# TYPE envoy_server_live gauge\nenvoy_server_live{} 1\n"),
        Case(
            "GET /stats?format=prometheus&filter=^server.live$", status: 200,
            body: "# TYPE envoy_server_live gauge\nenvoy_server_live{} 1\n"),
        Case("GET /server_info", status: 200, body: "{\n  \"version\": \"trellis/"),
        Case("GET /config_dump", status: 200, body: "{\n  \"configs\": [\n    {\n      \"@type\": "),
        Case("GET /v1/snapshot", status: 200, body: "{\n  \"generation\": 1,\n  \"proxies\": [\n"),
        Case("GET /v1/status", status: 200, body: "{\n  \"version\": "),
        // Whose requests are answered.
        Case("GET /ready", "host: 127.0.0.1:9901", status: 200),
        Case("GET /ready", "host: 127.1.2.3", status: 200),
        Case("GET /ready", "host: [::1]:9901", status: 200),
        Case("GET /ready", "host: LocalHost:80", status: 200),
        Case("GET /ready", "host: attacker.example", status: 403),
        Case("GET /ready", "host: localhost.attacker.example", status: 403),
        Case("GET /ready", "host: 10.0.0.1", status: 403),
        Case("POST /v1/reload", "host: localhost\r\norigin: http://attacker.example", status: 403),
        Case("POST /v1/reload", "host: localhost\r\norigin: null", status: 403),
        Case("POST /v1/reload", "host: localhost:9901\r\norigin: http://localhost:3000", status: 403),
        Case("POST /v1/reload", "host: localhost:9901\r\norigin: http://localhost", status: 403),
        Case("POST /v1/reload", "host: localhost:9901\r\norigin: http://127.0.0.1:9901", status: 403),
        Case("GET /ready", "host: localhost:9901\r\norigin: http://localhost:3000", status: 403),
        Case("POST /v1/reload", "host: localhost:9901\r\norigin: http://LOCALHOST:9901", status: 200),
        Case("POST /v1/reload", "host: localhost\r\norigin: http://localhost:80", status: 200),
        Case("POST /v1/reload", "host: [::1]:9901\r\norigin: http://[::1]:9901", status: 200),
        Case("GET /ready", "host: [::1]x:9901", status: 400),
        Case("POST /v1/reload", "host: localhost\r\nsec-fetch-site: cross-site", status: 403),
        Case("POST /v1/reload", "host: localhost\r\nsec-fetch-site: same-site", status: 403),
        Case("POST /v1/reload", "host: localhost\r\nsec-fetch-site: same-origin", status: 200),
        Case("POST /v1/reload", "host: localhost\r\nsec-fetch-site: none", status: 200),
        Case("GET /ready", "host: localhost\r\nsec-fetch-site: cross-site", status: 200),
    ]

    @Test("A table of requests over a real socket")
    func table() {
        let scratch = Scratch()
        let mesh = RunningMesh([scratch.write("mesh.yaml", Colors.mesh())]) { $0.watchesFiles = false }
        defer { mesh.stop() }
        for row in Self.cases {
            let answer = Client.send(mesh.admin, row.request)
            #expect(answer.status == row.status, "\(row.testDescription)")
            #expect(answer.body.hasPrefix(row.body), "\(row.testDescription): \(answer.body.prefix(200))")
        }
    }

    @Test("A unix socket answers no page, whatever it calls itself")
    func originOverUnixSocket() {
        let access = AdminAccess(address: .unix(path: "/run/admin.sock"))
        var request = AdminRequest(method: "POST", path: "/v1/reload", authority: "localhost")
        #expect(access.allows(request))
        request.origin = "http://localhost"
        #expect(!access.allows(request))
    }

    @Test("HEAD has the head of GET and no body, and a refused method names the right ones")
    func heads() {
        let scratch = Scratch()
        let mesh = RunningMesh([scratch.write("mesh.yaml", Colors.mesh())])
        defer { mesh.stop() }
        let head = Client.send(mesh.admin, "HEAD /ready HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n")
        #expect(head.status == 200)
        #expect(head.head.lowercased().contains("content-length: 5"))
        #expect(head.body == "")
        let refused = Client.get(mesh.admin, "/v1/reload", host: "localhost")
        #expect(refused.head.lowercased().contains("allow: post, put"))
    }

    @Test("A proxy's own admin listener shows that proxy only, under Envoy's plain names")
    func ownAdmin() throws {
        let scratch = Scratch()
        let mesh = RunningMesh([scratch.write("mesh.yaml", Colors.mesh())])
        defer { mesh.stop() }
        #expect(Client.get(mesh.gateway).status == 200)
        let own = try #require(mesh.address("admin:colors/front"))
        let clusters = Client.get(own, "/clusters", host: "localhost").body
        #expect(clusters.hasPrefix("cds_egress_colors_"))
        #expect(clusters.contains("::rq_success::1\n"))
        #expect(!clusters.contains("cds_ingress_"))
        let stats = Client.get(own, "/stats?usedonly", host: "localhost").body
        #expect(stats.contains("http.ingress.downstream_rq_2xx: 1\n"))
        #expect(!stats.contains("{proxy="))
        let all = Client.get(mesh.admin, "/clusters", host: "localhost").body
        #expect(all.contains("colors/front/cds_egress_colors_blue_http_18080::"))
        #expect(all.contains("colors/blue#0/cds_ingress_colors_blue_http_18080::"))
        let listeners = Client.get(mesh.admin, "/listeners", host: "localhost").body
        #expect(listeners.contains("colors/front/ingress_18080::\(mesh.gateway)\n"))
    }

    @Test("A refused reload answers 422 with the findings")
    func refusedReload() {
        let scratch = Scratch()
        let mesh = RunningMesh([scratch.write("mesh.yaml", Colors.mesh())]) { $0.watchesFiles = false }
        defer { mesh.stop() }
        scratch.write("mesh.yaml", "mesh: [3]\n")
        let request = "POST /v1/reload HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\ncontent-length: 0\r\n\r\n"
        let answer = Client.send(mesh.admin, request)
        #expect(answer.status == 422)
        #expect(answer.body.contains("\"result\": \"refused\""))
        #expect(answer.body.contains("\"severity\": \"error\""))
        #expect(Client.get(mesh.gateway).body == "blue\n")
    }

    @Test("A client that leaves before its reload is done is forgotten")
    func leaves() throws {
        let scratch = Scratch()
        let mesh = RunningMesh([scratch.write("mesh.yaml", Colors.mesh())]) { $0.watchesFiles = false }
        defer { mesh.stop() }
        for _ in 0..<20 {
            let connection = try #require(Client.connect(mesh.admin))
            let request = Array("POST /v1/reload HTTP/1.1\r\nhost: localhost\r\n\r\n".utf8)
            #expect(send(connection, request, request.count, 0) == request.count)
            var reset = linger(l_onoff: 1, l_linger: 0)
            setsockopt(connection, SOL_SOCKET, SO_LINGER, &reset, socklen_t(MemoryLayout<linger>.size))
            close(connection)
        }
        #expect(Client.get(mesh.admin, "/ready", host: "localhost").body == "LIVE\n")
    }
}
