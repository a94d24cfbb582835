import Compiler
import DataPlane
import Glibc
import Reactor
import Routing
import Telemetry
import Testing

@testable import ControlPlane

@Suite("Admin pages have Envoy's parameters, formats and effects")
struct AdminPageTests {
    private func json(_ mesh: RunningMesh, _ path: String, at address: NetworkAddress? = nil) throws -> JSONValue {
        try JSONValue(parsing: Client.get(address ?? mesh.admin, path, host: "localhost").body.utf8)
    }

    private func post(_ mesh: RunningMesh, _ path: String, at address: NetworkAddress? = nil) -> Exchanged {
        Client.send(
            address ?? mesh.admin,
            "POST \(path) HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\ncontent-length: 0\r\n\r\n")
    }

    @Test("Statistics come by type and as JSON")
    func stats() throws {
        let scratch = Scratch()
        let mesh = RunningMesh([scratch.write("mesh.yaml", Colors.mesh())])
        defer { mesh.stop() }
        #expect(Client.get(mesh.gateway).status == 200)
        let own = try #require(mesh.address("admin:colors/front"))
        let counters = try json(mesh, "/stats?format=json&type=Counters&usedonly&filter=downstream_rq_2xx", at: own)
        #expect(counters == ["stats": [["name": "http.ingress.downstream_rq_2xx", "value": 1]]])
        let gauges = Client.get(own, "/stats?type=Gauges", host: "localhost").body
        #expect(gauges.contains("downstream_rq_active: 0\n") && !gauges.contains("downstream_rq_total"))
        let histograms = try json(mesh, "/stats?format=json&type=Histograms&usedonly", at: own)
        let computed = histograms["stats"]?.elements.first?["histograms"]?["computed_quantiles"]?.elements
        #expect(computed?.contains { $0["name"]?.text == "http.ingress.downstream_rq_time" } == true)
        #expect(computed?.allSatisfy { $0["values"]?.elements.count == 10 } == true)
        #expect(Client.get(own, "/stats?type=TextReadouts", host: "localhost").body == "")
        #expect(Client.get(own, "/stats?type=Some", host: "localhost").status == 400)
        let inverted = Client.get(own, "/stats?filter=downstream&invert_filter", host: "localhost").body
        #expect(inverted.contains("upstream_rq_total") && !inverted.contains("downstream_rq_total"))
        let prometheus = Client.get(own, "/stats/prometheus?type=Histograms", host: "localhost").body
        #expect(
            prometheus.contains("_bucket{") && !prometheus.contains("# TYPE envoy_http_downstream_rq_total counter"))
    }

    @Test("Counters go back to zero on request, and gauges stay")
    func reset() throws {
        let scratch = Scratch()
        let mesh = RunningMesh([scratch.write("mesh.yaml", Colors.mesh())])
        defer { mesh.stop() }
        for _ in 0..<5 { #expect(Client.get(mesh.gateway).status == 200) }
        let own = try #require(mesh.address("admin:colors/front"))
        func value(_ filter: String) -> String {
            Client.get(own, "/stats?filter=\(filter)", host: "localhost").body
        }
        #expect(value("downstream_rq_2xx") == "http.ingress.downstream_rq_2xx: 5\n")
        #expect(value("upstream_rq_200").contains(": 5\n"))
        #expect(post(mesh, "/reset_counters", at: own).body == "OK\n")
        let isReset = Awaited(())
        #expect(isReset.wait { _ in value("downstream_rq_2xx") == "http.ingress.downstream_rq_2xx: 0\n" })
        #expect(!value("upstream_rq_200").contains(": 5\n"))
        // Another proxy's are its own.
        let blue = try #require(mesh.address("admin:colors/blue#0"))
        #expect(Client.get(blue, "/stats?filter=downstream_rq_2xx", host: "localhost").body.contains(": 5\n"))
        let active = Client.get(
            mesh.admin, "/stats?filter=membership_total|listener_manager.total_listeners_active", host: "localhost")
        #expect(post(mesh, "/reset_counters").status == 200)
        #expect(
            Client.get(
                mesh.admin, "/stats?filter=membership_total|listener_manager.total_listeners_active", host: "localhost"
            ).body
                == active.body)
    }

    @Test("Totals that the log writer keeps start again at a reset, and stay there")
    func resetLogTotals() {
        let scratch = Scratch()
        let mesh = RunningMesh([scratch.write("mesh.yaml", Colors.mesh())]) { $0.accessLog = scratch.file("log") }
        defer { mesh.stop() }
        func values() -> (lines: Int, uptime: Int) {
            let text = Client.get(mesh.admin, "/stats?filter=^(access_log.lines|server.uptime)$", host: "localhost")
                .body
            let numbers = text.split(separator: "\n").compactMap { line in
                line.split(separator: " ").last.flatMap { Int($0) }
            }
            return numbers.count == 2 ? (numbers[0], numbers[1]) : (-1, -1)
        }
        for _ in 0..<3 { #expect(Client.get(mesh.gateway).status == 200) }
        #expect(Awaited(()).wait { _ in values().lines == 6 })
        #expect(post(mesh, "/reset_counters").status == 200)
        let beat = values().uptime + 2
        #expect(Awaited(()).wait { _ in values().uptime >= beat })
        #expect(values().lines == 0)
        #expect(Client.get(mesh.gateway).status == 200)
        #expect(Awaited(()).wait { _ in values().lines == 2 })
    }

    @Test("Every cluster says how many endpoints it has")
    func membership() throws {
        let scratch = Scratch()
        let local = """
            local:
              nodes:
                blue: { instances: [{ echo: { body: blue } }, { echo: { body: blue } }] }
                green: { instances: [{ echo: { body: green } }] }
            """
        let mesh = RunningMesh([scratch.write("mesh.yaml", Colors.mesh(green: 1, local: local))]) {
            $0.watchesFiles = false
        }
        defer { mesh.stop() }
        let own = try #require(mesh.address("admin:colors/front"))
        func values(_ color: String) -> [String] {
            Client.get(own, "/stats?filter=egress_colors_\(color).*membership_(total|healthy)", host: "localhost").body
                .split(separator: "\n").map { String($0.suffix(3)) }
        }
        #expect(values("blue") == [": 2", ": 2"])
        #expect(values("green") == [": 1", ": 1"])
        scratch.write("mesh.yaml", Colors.mesh(green: 1))
        #expect(mesh.reload()?.result == .published)
        #expect(values("blue") == [": 1", ": 1"])
    }

    @Test("Histograms come by buckets as Envoy's do")
    func buckets() throws {
        let scratch = Scratch()
        let mesh = RunningMesh([scratch.write("mesh.yaml", Colors.mesh())])
        defer { mesh.stop() }
        for _ in 0..<3 { #expect(Client.get(mesh.gateway).status == 200) }
        let own = try #require(mesh.address("admin:colors/front"))
        let name = "http.ingress.downstream_rq_time"
        func stats(_ query: String) -> Exchanged {
            Client.get(own, "/stats?filter=^\(name)$&\(query)", host: "localhost")
        }
        let bounds =
            "B0.5 B1 B5 B10 B25 B50 B100 B250 B500 B1000 B2500 B5000 B10000 B30000 B60000 B300000 B600000 B1.8e+06 "
            + "B3.6e+06"
        func totals(_ text: String) -> [Int] {
            text.split(separator: ",").dropFirst().compactMap { Int($0.prefix { $0 != ")" }) }
        }
        let cumulative = stats("histogram_buckets=cumulative").body
        #expect(cumulative.hasPrefix("\(name): B0.5("))
        #expect(
            cumulative.dropFirst(name.count + 2).split(separator: " ").map { $0.prefix { $0 != "(" } }
                .joined(separator: " ") == bounds)
        #expect(totals(cumulative) == totals(cumulative).sorted() && totals(cumulative).last == 3)
        let disjoint = stats("histogram_buckets=disjoint").body
        #expect(totals(disjoint).count == 19 && totals(disjoint).reduce(0, +) == 3)
        let detailed = stats("histogram_buckets=detailed").body.split(separator: "\n")
        #expect(detailed.map { $0.prefix { $0 != "=" } } == ["\(name):", "  totals", "  intervals", "  summary"])
        for plain in ["none", "summary", ""] {
            #expect(stats("histogram_buckets=\(plain)").body.hasPrefix("\(name): P0("))
        }
        #expect(stats("histogram_buckets=some").status == 400)
        #expect(stats("histogram_buckets=cumulative&type=Counters").body == "")

        func json(_ mode: String) throws -> JSONValue? {
            let text = stats("format=json&histogram_buckets=\(mode)").body
            return try JSONValue(parsing: text.utf8)["stats"]?.elements.first?["histograms"]
        }
        let first = try #require(try json("cumulative")?.elements.first)
        #expect(first["name"]?.text == name)
        #expect(first["buckets"]?.elements.count == 19)
        #expect(first["buckets"]?.elements.last?["upper_bound"] == 3_600_000)
        #expect(first["buckets"]?.elements.last?["cumulative"] == 3)
        let apart = try json("disjoint")?.elements.first?["buckets"]?.elements
        #expect(apart?.compactMap { $0["cumulative"]?.int }.reduce(0, +) == 3)
        let details = try #require(try json("detailed"))
        #expect(details["supported_percentiles"]?.elements.count == 10)
        let detail = details["details"]?.elements.first
        #expect(detail?["totals"]?.elements.compactMap { $0["count"]?.int }.reduce(0, +) == 3)
        #expect(detail?["percentiles"]?.elements.count == 10)
        // Counters before the histograms make one list with them.
        let whole = Client.get(own, "/stats?format=json&usedonly&histogram_buckets=disjoint", host: "localhost").body
        let entries = try JSONValue(parsing: whole.utf8)["stats"]?.elements ?? []
        #expect(entries.count > 2 && entries.last?["histograms"] != nil && entries.first?["value"] != nil)

        func prometheus(_ query: String) -> Exchanged {
            Client.get(own, "/stats/prometheus?filter=^\(name)$&\(query)", host: "localhost")
        }
        let summary = prometheus("histogram_buckets=summary&text_readouts").body
        #expect(summary.hasPrefix("# TYPE envoy_http_downstream_rq_time summary\n"))
        #expect(summary.contains("quantile=\"0.995\"") && summary.contains("_count{") && !summary.contains("_bucket"))
        #expect(prometheus("histogram_buckets=cumulative").body.contains("_bucket{"))
        #expect(prometheus("histogram_buckets=disjoint").status == 400)
    }

    @Test("Destinations and listeners have JSON of Envoy's form")
    func lists() throws {
        let scratch = Scratch()
        let mesh = RunningMesh([scratch.write("mesh.yaml", Colors.mesh())])
        defer { mesh.stop() }
        #expect(Client.get(mesh.gateway).status == 200)
        let own = try #require(mesh.address("admin:colors/front"))
        let clusters = try json(mesh, "/clusters?format=json", at: own)
        let blue = clusters["cluster_statuses"]?.elements.first { $0["name"]?.text?.contains("_blue_") == true }
        let host = try #require(blue?["host_statuses"]?.elements.first)
        #expect(host["hostname"]?.text == "colors/blue#0")
        #expect(host["address"]?["socket_address"]?["port_value"] == 18_080)
        #expect(host["stats"]?.elements.contains(["value": "1", "name": "rq_total"]) == true)
        let text = Client.get(own, "/clusters", host: "localhost").body
        #expect(text.contains("_blue_http_18080::default_priority::max_connections::2147483647\n"))
        let listeners = try json(mesh, "/listeners?format=json", at: own)
        #expect(
            listeners["listener_statuses"]?.elements.first?["local_address"]?["socket_address"]?["port_value"] == 18_080
        )
        #expect(Client.get(own, "/clusters?format=xml", host: "localhost").status == 400)
        let filtered = Client.get(own, "/clusters?filter=_green_", host: "localhost").body
        #expect(filtered.contains("_green_") && !filtered.contains("_blue_"))
        // An answer of 5xx is an error of its host.
        let failing = "GET / HTTP/1.1\r\nhost: a\r\nx-trellis-status: 500\r\nconnection: close\r\n\r\n"
        #expect(Client.send(mesh.gateway, failing).status == 500)
        #expect(Client.get(own, "/clusters?filter=_blue_", host: "localhost").body.contains("::rq_error::1\n"))
        #expect(try json(mesh, "/certs") == ["certificates": []])
    }

    @Test("What a dump of the whole process refers to is in it, by the same name")
    func references() throws {
        let scratch = Scratch()
        let mesh = RunningMesh([scratch.write("mesh.yaml", Colors.mesh(blue: 3, green: 1))])
        defer { mesh.stop() }
        func texts(_ key: String, in value: JSONValue) -> [String] {
            switch value {
            case .array(let elements): elements.flatMap { texts(key, in: $0) }
            case .object(let members):
                members.flatMap { $0.key == key ? $0.value.text.map { [$0] } ?? [] : texts(key, in: $0.value) }
            default: []
            }
        }
        let dump = try json(mesh, "/config_dump")
        let sections = dump["configs"]?.elements ?? []
        let clusters = Set(
            sections[0]["dynamic_active_clusters"]?.elements.compactMap { $0["cluster"]?["name"]?.text } ?? [])
        let routes = sections[2]["dynamic_route_configs"]?.elements ?? []
        let weighted = routes.flatMap { route in
            (route["route_config"]?["virtual_hosts"]?.elements ?? []).flatMap { $0["routes"]?.elements ?? [] }
        }.flatMap { $0["route"]?["weighted_clusters"]?["clusters"]?.elements ?? [] }.compactMap { $0["name"]?.text }
        #expect(weighted.contains("colors/front/cds_egress_colors_blue_http_18080"))
        #expect(clusters.isSuperset(of: weighted))
        // App Mesh's names for what leaves the mesh and what goes on to a service's own routes are no clusters here.
        let single = texts("cluster", in: .array(routes)).filter {
            !$0.contains("_self_redirect_") && !$0.hasSuffix("_mesh-allow-all")
        }
        #expect(single.contains { $0.hasPrefix("colors/blue#0/") })
        // Workloads are answered inside the process; their handlers are no clusters.
        #expect(clusters.isSuperset(of: single.filter { $0.contains("/cds_") }))
        let tables = Set(routes.compactMap { $0["route_config"]?["name"]?.text })
        let named = texts("route_config_name", in: sections[1])
        #expect(!named.isEmpty && tables.isSuperset(of: named))
    }

    @Test("Services of one name in two meshes are two rows")
    func twoMeshes() throws {
        let scratch = Scratch()
        let second = Colors.mesh(port: 18_081).replacing("mesh: colors", with: "mesh: shades")
        let paths = [scratch.write("a.yaml", Colors.mesh()), scratch.write("b.yaml", second)]
        let mesh = RunningMesh(paths)
        defer { mesh.stop() }
        let status = try json(mesh, "/v1/status")
        let services = status["mesh"]?["services"]?.elements ?? []
        #expect(services.map { $0["name"]?.text } == ["color.colors.local", "color.colors.local"])
        #expect(services.map { $0["mesh"]?.text } == ["colors", "shades"])
        #expect(services.map { $0["ports"] } == [[18_080], [18_081]])
        let instances = status["mesh"]?["nodes"]?.elements.flatMap { $0["instances"]?.elements ?? [] } ?? []
        #expect(instances.count == 4)
        // Nothing checks health yet, so nothing is said of it.
        #expect(instances.allSatisfy { $0["health"] == nil })
    }

    @Test("A dump of the configuration can be narrowed by resource, name and mask")
    func dump() throws {
        let scratch = Scratch()
        let mesh = RunningMesh([scratch.write("mesh.yaml", Colors.mesh(blue: 3, green: 1))])
        defer { mesh.stop() }
        let own = try #require(mesh.address("admin:colors/front"))
        let whole = try json(mesh, "/config_dump", at: own)
        #expect(
            whole["configs"]?.elements.map { $0["@type"]?.text?.split(separator: ".").last } == [
                "ClustersConfigDump", "ListenersConfigDump", "RoutesConfigDump",
            ])
        #expect(try json(mesh, "/config_dump?include_eds", at: own)["configs"]?.elements.count == 4)
        let cluster = "cds_egress_colors_blue_http_18080"
        let named = try json(
            mesh, "/config_dump?resource=dynamic_active_clusters&name_regex=_blue_&mask=cluster.name", at: own)
        #expect(
            named["configs"] == [
                [
                    "@type": "type.googleapis.com/envoy.admin.v3.ClustersConfigDump.DynamicCluster",
                    "cluster": [
                        "@type": "type.googleapis.com/envoy.config.cluster.v3.Cluster", "name": .string(cluster),
                    ],
                ]
            ])
        let routes = try json(mesh, "/config_dump?resource=dynamic_route_configs", at: own)
        let hosts = routes["configs"]?.elements.first?["route_config"]?["virtual_hosts"]?.elements
        #expect(hosts?.first?["routes"]?.elements.first?["match"] == ["prefix": "/"])
        let service = hosts?.first { $0["domains"] == ["color.colors.local"] }
        let weights = service?["routes"]?.elements.first?["route"]?["weighted_clusters"]?["clusters"]?.elements
        #expect(weights?.map { $0["weight"] } == [3, 1])
        #expect(
            hosts?.first?["routes"]?.elements.first?["route"]?["host_rewrite_literal"]?.text == "color.colors.local")
        #expect(Client.get(own, "/config_dump?resource=nothing", host: "localhost").status == 404)
        #expect(Client.get(own, "/config_dump?name_regex=(", host: "localhost").status == 400)
        let snapshot = try json(mesh, "/v1/snapshot", at: own)
        #expect(snapshot["proxies"]?.elements.first?["name"] == "colors/front")
    }

    @Test("Levels of logging change what is said")
    func logging() {
        let scratch = Scratch()
        let mesh = RunningMesh([scratch.write("mesh.yaml", Colors.mesh())])
        defer { mesh.stop() }
        #expect(post(mesh, "/logging").body == "active loggers:\n  admin: info\n  config: info\n  main: info\n")
        #expect(Client.get(mesh.admin, "/logging", host: "localhost").status == 405)
        #expect(post(mesh, "/logging?level=loud").status == 400)
        #expect(post(mesh, "/logging?other=info").status == 400)
        #expect(post(mesh, "/logging?level=&group=http:debug").body.hasPrefix("error: group parameter requires"))
        #expect(post(mesh, "/logging?level=&paths=&group=").status == 200)
        #expect(post(mesh, "/logging?level=info&main=info").status == 400)
        #expect(post(mesh, "/logging?paths=config:off,admin:debug").body.contains("admin: debug\n  config: off\n"))
        _ = Client.get(mesh.admin, "/ready", host: "localhost")
        #expect(mesh.state.wait { $0.events.contains("GET /ready") })
        let before = mesh.state.current.reloads.count
        #expect(mesh.reload()?.result == .unchanged)
        #expect(post(mesh, "/logging?level=error").body.contains("config: error\n"))
        #expect(mesh.reload()?.result == .unchanged)
        #expect(mesh.state.current.reloads.count == before)
        #expect(post(mesh, "/logging?config=info").body.contains("config: info\n"))
        #expect(mesh.reload()?.result == .unchanged)
        #expect(mesh.state.current.reloads.count == before + 1)
    }

    @Test("A failed health check turns readiness, and asks clients to go until it is mended")
    func health() throws {
        let scratch = Scratch()
        let mesh = RunningMesh([scratch.write("mesh.yaml", Colors.mesh())])
        defer { mesh.stop() }
        let own = try #require(mesh.address("admin:colors/front"))
        let request = "GET / HTTP/1.1\r\nhost: color.colors.local\r\n\r\n"
        func closes() -> Bool {
            guard let connection = Client.connect(mesh.gateway) else { return false }
            defer { close(connection) }
            let bytes = Array(request.utf8)
            guard send(connection, bytes, bytes.count, 0) == bytes.count else { return false }
            var answer = [UInt8](repeating: 0, count: 4096)
            let count = recv(connection, &answer, answer.count, 0)
            let text = String(decoding: answer[..<max(count, 0)], as: UTF8.self).lowercased()
            return text.contains("connection: close") && text.hasPrefix("http/1.1 200")
        }
        #expect(!closes())
        #expect(post(mesh, "/healthcheck/fail", at: own).body == "OK\n")
        let awaited = Awaited(())
        #expect(awaited.wait { _ in closes() })
        let ready = Client.get(own, "/ready", host: "localhost")
        #expect(ready.status == 503 && ready.body == "DRAINING\n")
        // The other proxies and the process are well.
        #expect(Client.get(mesh.admin, "/ready", host: "localhost").body == "LIVE\n")
        // A reload does not mend it.
        scratch.write("mesh.yaml", Colors.mesh(blue: 0, green: 1))
        #expect(mesh.reload()?.result != .refused)
        #expect(closes())
        #expect(post(mesh, "/healthcheck/ok", at: own).status == 200)
        #expect(awaited.wait { _ in !closes() })
        #expect(Client.get(own, "/ready", host: "localhost").body == "LIVE\n")
    }

    @Test("Listeners close on request and stay closed, and requests under way finish")
    func drain() throws {
        let scratch = Scratch()
        let mesh = RunningMesh([scratch.write("mesh.yaml", Colors.mesh())]) { $0.watchesFiles = false }
        defer { mesh.stop() }
        let own = try #require(mesh.address("admin:colors/front"))
        let egress = try #require(
            mesh.state.current.report?.rows.first { $0.proxy == "colors/blue#0" && $0.direction == .egress }?.actual)
        #expect(post(mesh, "/drain_listeners", at: own).body == "OK\n")
        let awaited = Awaited(())
        #expect(awaited.wait { _ in Client.connect(mesh.gateway).map { close($0) } == nil })
        #expect(mesh.state.wait { $0.events.contains("withdrawn colors/front/ingress_18080") })
        scratch.write("mesh.yaml", Colors.mesh(blue: 0, green: 1))
        #expect(mesh.reload()?.result == .published)
        #expect(Client.get(mesh.gateway).status == 0)
        #expect(post(mesh, "/drain_listeners?inboundonly").status == 200)
        let blue = try #require(mesh.address("colors/blue#0"))
        #expect(awaited.wait { _ in Client.get(blue).status == 0 })
        #expect(Client.connect(egress).map { close($0) } == 0)
        // Admin listeners and workloads are no listeners of a proxy's traffic.
        #expect(Client.get(mesh.admin, "/ready", host: "localhost").body == "LIVE\n")
    }

    @Test("A graceful drain asks clients to go before listeners close")
    func graceful() throws {
        let scratch = Scratch()
        let mesh = RunningMesh([scratch.write("mesh.yaml", Colors.mesh())]) { $0.drainTime = .milliseconds(700) }
        defer { mesh.stop() }
        let own = try #require(mesh.address("admin:colors/front"))
        #expect(post(mesh, "/drain_listeners?graceful", at: own).status == 200)
        #expect(Client.get(mesh.gateway).status == 200)
        let awaited = Awaited(())
        #expect(awaited.wait { _ in Client.get(mesh.gateway).status == 0 })
    }

    @Test("Quitting one proxy of several leaves the others; quitting the process ends it")
    func quit() throws {
        let scratch = Scratch()
        let mesh = RunningMesh([scratch.write("mesh.yaml", Colors.mesh())])
        let own = try #require(mesh.address("admin:colors/green#0"))
        #expect(post(mesh, "/quitquitquit", at: own).status == 200)
        let green = try #require(mesh.address("colors/green#0"))
        let awaited = Awaited(())
        #expect(awaited.wait { _ in Client.get(green).status == 0 })
        #expect(Client.get(own, "/ready", host: "localhost").status == 503)
        #expect(Client.get(mesh.gateway).body == "blue\n")
        #expect(post(mesh, "/quitquitquit").body == "OK\n")
        #expect(mesh.state.wait { $0.ending == .drained })
    }

    @Test("With a token nobody else is answered, but for readiness")
    func token() {
        let scratch = Scratch()
        let token = scratch.write("token", "s3cret\nsecond line\n")
        let mesh = RunningMesh([scratch.write("mesh.yaml", Colors.mesh())]) { $0.adminTokenFile = token }
        defer { mesh.stop() }
        func status(_ path: String, _ headers: String) -> Int {
            Client.send(mesh.admin, "GET \(path) HTTP/1.1\r\n\(headers)connection: close\r\n\r\n").status
        }
        let local = "host: localhost\r\n"
        #expect(status("/stats", local) == 401)
        #expect(status("/ready", local) == 200)
        #expect(status("/ready", "host: attacker.example\r\n") == 403)
        for wrong in ["s3cre", "s3cret2", "second", "Basic s3cret", ""] {
            #expect(status("/stats", local + "authorization: Bearer \(wrong)\r\n") == 401, "\(wrong)")
        }
        #expect(status("/stats", local + "authorization: Basic s3cret\r\n") == 401)
        #expect(status("/stats", local + "authorization: bearer s3cret\r\n") == 200)
        #expect(status("/stats", "host: mesh.example\r\nauthorization: Bearer s3cret\r\n") == 200)
        let refused = Client.get(mesh.admin, "/stats", host: "localhost")
        #expect(refused.head.lowercased().contains("www-authenticate: bearer"))
        scratch.write("token", "other\n")
        _ = mesh.reload()
        #expect(status("/stats", local + "authorization: Bearer s3cret\r\n") == 401)
        #expect(status("/stats", local + "authorization: Bearer other\r\n") == 200)
    }

    @Test(
        "A token is the first line's bytes, however the line ends",
        arguments: [
            ("t0ken", "t0ken"), ("t0ken\nsecond", "t0ken"), ("t0ken\r\nsecond\r\n", "t0ken"),
            ("t0ken\rsecond", "t0ken"), (" t0ken\t\r\n", "t0ken"), ("\u{FEFF}t0ken\r\n", "t0ken"), ("", nil),
            ("\r\nt0ken", nil), (" \n", nil),
        ] as [(String, String?)])
    func tokenLine(_ text: String, _ expected: String?) {
        let path = Scratch().write("token", text)
        #expect((try? TokenFile.firstLine(path)).map { String(decoding: $0, as: UTF8.self) } == expected)
        #expect((try? AdminToken(path: path))?.allows("Bearer t0ken") == (expected == nil ? nil : true))
    }

    @Test("A token file that is not there is named")
    func tokenFileMissing() {
        let path = Scratch().file("token")
        let error = #expect(throws: SystemError.self) { try AdminToken(path: path) }
        #expect(error?.description == "--admin-token-file: open \(path): No such file or directory")
    }

    @Test("An open admin address without a token is warned of")
    func open() {
        let scratch = Scratch()
        let mesh = RunningMesh([scratch.write("mesh.yaml", Colors.mesh())]) {
            $0.admin = .ip(host: "0.0.0.0", port: 0)
        }
        defer { mesh.stop() }
        #expect(mesh.state.current.startFindings.contains { $0.code == "admin-open" })
    }

    @Test("Requests are explained by what serves now")
    func explain() throws {
        let scratch = Scratch()
        let mesh = RunningMesh([scratch.write("mesh.yaml", Colors.mesh())]) { $0.watchesFiles = false }
        defer { mesh.stop() }
        func backends() throws -> [Int?] {
            let answer = try json(mesh, "/v1/explain?request=GET%20/x&header=a:%20b")
            return answer["entry"]?["backends"]?.elements.map { $0["percent"]?.int } ?? []
        }
        #expect(try backends() == [100, 0])
        scratch.write("mesh.yaml", Colors.mesh(blue: 1, green: 3))
        #expect(try backends() == [100, 0])
        #expect(mesh.reload()?.result == .published)
        #expect(try backends() == [25, 75])
        #expect(Client.get(mesh.admin, "/v1/explain", host: "localhost").status == 400)
        #expect(Client.get(mesh.admin, "/v1/explain?request=ftp:x", host: "localhost").status == 400)
        let text = Client.get(mesh.admin, "/v1/explain?request=/x&format=text", host: "localhost").body
        #expect(text.contains("listener ingress_18080 of colors/front"))
        #expect(Client.get(mesh.admin, "/v1/explain?request=/x&format=xml", host: "localhost").status == 400)
    }

    @Test("An explanation names the endpoints that discovery found, and follows them")
    func explainDiscovered() throws {
        let scratch = Scratch()
        let source = MeshSource.files(paths: [scratch.write("mesh.yaml", Colors.mesh())], variables: [:])
        var plan = source.load(CompilerOptions(addressBase: Colors.addressBase())).plan
        let front = try #require(plan.proxies.firstIndex { $0.name == "colors/front" })
        let blue = try #require(plan.proxies[front].clusters.firstIndex { $0.name.contains("blue") })
        let endpoints = plan.proxies[front].clusters[blue].endpoints
        #expect(!endpoints.isEmpty)
        plan.proxies[front].clusters[blue].endpoints = []
        plan.proxies[front].clusters[blue].discovery = DiscoveryPlan(
            hostname: "blue.colors.local", port: 18_080, answer: .everyAddress, families: .ipv4Preferred)
        let key = ClusterKey(proxy: "colors/front", cluster: plan.proxies[front].clusters[blue].name)
        let snapshot = Snapshot(plan: plan, generation: 7)
        let request = try RequestDescription("/x", headers: [])
        let known = try MeshExplainer.explain(snapshot, request, from: "front") { $0 == key ? endpoints : nil }
        #expect(known.entry.backends.first?.endpoints == endpoints)
        #expect(known.destinations.map(\.proxy) == ["colors/blue#0", "colors/green#0"])
        let unknown = try MeshExplainer.explain(snapshot, request, from: "front") { _ in nil }
        #expect(unknown.entry.backends.first?.endpoints == [])
        #expect(unknown.destinations.map(\.proxy) == ["colors/green#0"])
    }

    @Test("Who may not is refused by the head of a request, however much body there would be")
    func refusedByHead() {
        let scratch = Scratch()
        let mesh = RunningMesh([scratch.write("mesh.yaml", Colors.mesh())]) {
            $0.adminTokenFile = scratch.write("token", "t0ken\n")
        }
        defer { mesh.stop() }
        // No byte of the body is ever sent.
        func status(_ line: String, _ headers: String) -> Int {
            Client.send(
                mesh.admin, "\(line) HTTP/1.1\r\nhost: localhost\r\n\(headers)content-length: 16000000\r\n\r\n"
            ).status
        }
        let token = "authorization: Bearer t0ken\r\n"
        #expect(status("PUT /v1/definitions", "") == 401)
        #expect(status("PUT /v1/nothing", token) == 404)
        #expect(status("DELETE /v1/definitions", token) == 405)
        // A connection whose request had no body can be used again.
        let two = "GET /stats HTTP/1.1\r\nhost: localhost\r\n\r\n"
        let both = Client.send(mesh.admin, two + "GET /stats HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n")
        #expect(both.body.contains("HTTP/1.1 401"))
        // A body that no command asked for is no reason to refuse.
        let body = String(repeating: "x", count: 1 << 20)
        let reload = "POST /reset_counters HTTP/1.1\r\nhost: localhost\r\n\(token)connection: close\r\n"
        #expect(Client.send(mesh.admin, reload + "content-length: \(body.utf8.count)\r\n\r\n\(body)").body == "OK\n")
    }

    @Test("The status shows services with shares, nodes with instances, and their requests")
    func status() throws {
        let scratch = Scratch()
        let mesh = RunningMesh([scratch.write("mesh.yaml", Colors.mesh())])
        defer { mesh.stop() }
        for _ in 0..<3 { #expect(Client.get(mesh.gateway).status == 200) }
        let shown = try #require(try json(mesh, "/v1/status")["mesh"])
        let front = shown["proxies"]?.elements.first { $0["name"] == "colors/front" }
        #expect(front?["requests"] == 3)
        #expect(front?["listeners"]?.elements.first?["addresses"]?.elements.isEmpty == false)
        #expect(shown["services"]?.elements.map { $0["name"]?.text } == ["color.colors.local"])
        let canary = shown["services"]?.elements.first?["routes"]?.elements.first
        #expect(canary?["backends"]?.elements.map { $0["percent"] } == [100, 0])
        let blue = shown["nodes"]?.elements.first { $0["name"] == "colors/blue" }
        #expect(blue?["requests"] == 3)
        #expect(blue?["instances"]?.elements.first?["name"] == "colors/blue#0")
    }
}

@Suite("Field masks")
struct FieldMaskTests {
    @Test(
        "Paths go through lists and keep what they name",
        arguments: [
            ("a", ["a": ["b": 1, "c": 2]]), ("a.b", ["a": ["b": 1]]), ("d.e", ["d": [["e": 1], ["e": 2]]]),
            ("x", [:]), ("a.b,d.f", ["a": ["b": 1], "d": [["f": 3], [:]]]), ("a,a.b", ["a": ["b": 1, "c": 2]]),
        ] as [(String, JSONValue)])
    func masks(_ mask: String, _ expected: JSONValue) {
        let value: JSONValue = ["a": ["b": 1, "c": 2], "d": [["e": 1, "f": 3], ["e": 2]]]
        #expect(FieldMask(mask).applied(to: value) == expected)
    }
}
