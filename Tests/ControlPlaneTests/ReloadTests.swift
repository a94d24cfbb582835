import Compiler
import DataPlane
import Definitions
import Glibc
import Routing
import Synchronization
import Telemetry
import Testing

@testable import ControlPlane

@Suite("Definitions become traffic, and changes of them too")
struct ReloadTests {
    @Test("A mesh starts from its files and carries requests through gateway, sidecar and workload")
    func starts() {
        let scratch = Scratch()
        let mesh = RunningMesh([scratch.write("mesh.yaml", Colors.mesh())])
        defer { mesh.stop() }
        #expect(mesh.state.current.failure == nil)
        let answer = Client.get(mesh.gateway)
        #expect(answer.status == 200)
        #expect(answer.body == "blue\n")
        #expect(mesh.state.current.report?.generation == 1)
    }

    @Test("A changed file is noticed, and from the new generation on every request goes the new way")
    func swaps() throws {
        let scratch = Scratch()
        let mesh = RunningMesh([scratch.write("mesh.yaml", Colors.mesh(blue: 1, green: 0))])
        defer { mesh.stop() }
        let gateway = mesh.gateway
        // A client that never stops asking sees every answer before, during and after the swap.
        let answers = Awaited<(bodies: [String], done: Bool)>(([], false))
        let isOver = Awaited(false)
        _ = onThread {
            while !isOver.current {
                let answer = Client.get(gateway)
                answers.change { $0.bodies.append("\(answer.status) \(answer.body)") }
            }
            answers.change { $0.done = true }
        }
        _ = answers.wait { $0.bodies.count > 5 }
        scratch.replace("mesh.yaml", Colors.mesh(blue: 0, green: 1))
        let outcome = try #require(mesh.waitForReload(.published, after: 0))
        let before = answers.current.bodies.count
        _ = answers.wait { $0.bodies.count > before + 5 }
        isOver.change { $0 = true }
        _ = answers.wait { $0.done }

        #expect(outcome.trigger == .fileChange)
        #expect(outcome.generation == 2)
        #expect(outcome.difference.summary == "routes ~1")
        #expect(outcome.difference.routes.changed == ["colors/front/color.colors.local/canary"])
        let bodies = answers.current.bodies
        #expect(Set(bodies) == ["200 blue\n", "200 green\n"])
        // Workers adopt one after the other; once published, all have. One request may have been under way.
        #expect(!bodies[(before + 1)...].contains("200 blue\n"), "a request went the old way after the swap")
    }

    @Test("A bad file leaves the old routes serving and says what is wrong, and a repaired one is served")
    func refuses() throws {
        let scratch = Scratch()
        let mesh = RunningMesh([scratch.write("mesh.yaml", Colors.mesh(blue: 1, green: 0))])
        defer { mesh.stop() }
        scratch.write("mesh.yaml", Colors.mesh(blue: 0, green: 1) + "\nweigth: 3\n")
        let refused = try #require(mesh.waitForReload(.refused, after: 0))
        #expect(refused.refusal == .definitions)
        #expect(refused.generation == 1)
        let finding = try #require(refused.findings.first { $0.severity == .error })
        #expect(finding.code == "unknown-key")
        #expect(finding.message.contains("weigth"))
        #expect(Client.get(mesh.gateway).body == "blue\n")

        scratch.write("mesh.yaml", Colors.mesh(blue: 0, green: 1))
        let published = try #require(mesh.waitForReload(.published, after: 1))
        #expect(published.generation == 2)
        #expect(Client.get(mesh.gateway).body == "green\n")
    }

    @Test(
        "A file without definitions, as one that is just being written, replaces nothing",
        arguments: ["", "# nothing\n", "local: {}\n"])
    func emptied(_ text: String) throws {
        let scratch = Scratch()
        let mesh = RunningMesh([scratch.write("mesh.yaml", Colors.mesh())]) { $0.watchesFiles = false }
        defer { mesh.stop() }
        scratch.write("mesh.yaml", text)
        let outcome = try #require(mesh.reload())
        #expect(outcome.result == .refused)
        #expect(outcome.findings.contains { $0.code == "nothing-defined" })
        #expect(Client.get(mesh.gateway).body == "blue\n")
    }

    @Test("A reload without a change publishes nothing")
    func unchanged() throws {
        let scratch = Scratch()
        let mesh = RunningMesh([scratch.write("mesh.yaml", Colors.mesh())]) { $0.watchesFiles = false }
        defer { mesh.stop() }
        let outcome = try #require(mesh.reload())
        #expect(outcome.result == .unchanged)
        #expect(outcome.generation == 1)
        #expect(outcome.summary == "generation 1 stays: no change (SIGHUP)")
    }

    @Test("Listeners come and go with the definitions")
    func listeners() throws {
        let scratch = Scratch()
        let mesh = RunningMesh([scratch.write("mesh.yaml", Colors.mesh(port: 18_080))]) { $0.watchesFiles = false }
        defer { mesh.stop() }
        let old = mesh.gateway
        scratch.write("mesh.yaml", Colors.mesh(port: 18_081))
        let outcome = try #require(mesh.reload())
        #expect(outcome.result == .published)
        #expect(outcome.difference.listeners.added.contains("colors/front/ingress_18081"))
        #expect(outcome.difference.listeners.removed.contains("colors/front/ingress_18080"))
        guard case .ip(let host, _) = old else { return }
        #expect(Client.get(.ip(host: host, port: 18_081)).body == "blue\n")
        #expect(Client.connect(old) == nil)
    }

    @Test("A change that needs a taken address is refused as a whole, naming who has it")
    func takenOnReload() throws {
        let scratch = Scratch()
        let mesh = RunningMesh([scratch.write("mesh.yaml", Colors.mesh(blue: 1, green: 0))]) { $0.watchesFiles = false }
        defer { mesh.stop() }
        let taken = try #require(OpenPort())
        scratch.write("mesh.yaml", Colors.mesh(blue: 0, green: 1, local: moved(to: taken.port)))
        let outcome = try #require(mesh.reload())
        #expect(outcome.result == .refused)
        #expect(outcome.refusal == .addresses)
        #expect(outcome.generation == 1)
        #expect(Client.get(mesh.gateway).body == "blue\n")
    }

    @Test("A change that is refused for its addresses leaves workloads as they are, and makes no log files")
    func refusedWhole() throws {
        let scratch = Scratch()
        let mesh = RunningMesh([scratch.write("mesh.yaml", Colors.mesh())]) { $0.watchesFiles = false }
        defer { mesh.stop() }
        let taken = try #require(OpenPort())
        let local = """
            local:
              nodes:
                blue: { instances: [{ address: 127.200.77.2, echo: { body: navy } }] }
                green: { instances: [{ ingress: '127.0.0.1:\(taken.port)', echo: { body: green } }] }
            """
        scratch.write(
            "mesh.yaml",
            Colors.mesh(local: local).replacing(
                "gatewayRoutes:",
                with: "logging: { accessLog: { file: { path: \(scratch.file("front.log")) } } }\n    gatewayRoutes:"))
        let outcome = try #require(mesh.reload())
        #expect(outcome.refusal == .addresses)
        #expect(access(scratch.file("front.log"), F_OK) != 0)
        #expect(Client.get(mesh.gateway).body == "blue\n")
        // What serves is still what can be changed.
        let body = #"{"blue": {"body": "changed"}}"#
        let change = Client.send(
            mesh.admin,
            "PUT /v1/workloads HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n"
                + "content-length: \(body.utf8.count)\r\n\r\n\(body)")
        #expect(change.status == 200)
        #expect(Client.get(mesh.gateway).body == "changed\n")
    }

    @Test("What a reload removes has no statistics any more")
    func forgets() throws {
        let scratch = Scratch()
        let text = Colors.mesh(blue: 1, green: 1)
        let mesh = RunningMesh([scratch.write("mesh.yaml", text)]) { $0.watchesFiles = false }
        defer { mesh.stop() }
        for _ in 0..<4 { #expect(Client.get(mesh.gateway).status == 200) }
        func lines(_ word: String) -> Int {
            Client.get(mesh.admin, "/stats?usedonly&filter=\(word)", host: "localhost").body.split(separator: "\n")
                .count
        }
        #expect(lines("green") > 0 && lines("teal") == 0)
        scratch.write(
            "mesh.yaml", text.split(separator: "green", omittingEmptySubsequences: false).joined(separator: "teal"))
        #expect(mesh.reload()?.result == .published)
        #expect(lines("green") == 0 && lines("teal") > 0)
    }

    @Test("Statistics of endpoints stay as long as the plan or discovery knows them")
    func retention() {
        let source = SourceRef(kind: "test", name: "test")
        func endpoint(_ port: Int) -> EndpointPlan {
            EndpointPlan(name: "e", address: .ip(host: "127.0.0.1", port: port))
        }
        func discovered(_ name: String) -> ClusterPlan {
            var plan = ClusterPlan(name: name, endpoints: [], source: source)
            plan.discovery = DiscoveryPlan(hostname: "h", port: 1, answer: .everyAddress, families: .ipv4Preferred)
            return plan
        }
        var proxy = ProxyPlan(name: "m/a#0", role: .sidecar, mesh: "m", source: source)
        proxy.clusters = [
            ClusterPlan(name: "local", endpoints: [endpoint(1)], source: source), discovered("known"),
            discovered("pending"),
        ]
        var status = RuntimeState.Status()
        status.plan = Plan(proxies: [proxy])
        status.discovered = [ClusterKey(proxy: "m/a#0", cluster: "known"): [endpoint(2)]]
        func key(_ name: String, _ port: Int) -> StatKey {
            .endpoint("127.0.0.1:\(port)", cluster: name, proxy: "m/a#0")
        }
        let staying: [StatKey] = [
            .cluster("local", proxy: "m/a#0"), .cluster("cds_egress_m_mesh-allow-all", proxy: "m/a#0"), key("local", 1),
            key("known", 2), key("pending", 3), .server(),
        ]
        let going: [StatKey] = [
            .cluster("gone", proxy: "m/a#0"), .cluster("local", proxy: "m/b#0"), key("local", 2), key("known", 1),
            key("gone", 1), .http("ingress", proxy: "m/a#0"),
            .cluster("cds_egress_m_mesh-allow-all", proxy: "m/b#0"),
        ]
        let stats = StatStore(workers: 1)
        for key in staying + going { stats.counters(key, worker: 0).add(0, 7) }
        StatRetention.forgetOwners(missing: status, in: stats, kinds: [.endpoint])
        for key in staying + going where key.kind != .endpoint {
            #expect(stats.counters(key, worker: 0).value(0) == 7, "\(key)")
        }
        StatRetention.forgetOwners(missing: status, in: stats)
        // A block that was forgotten is made anew.
        for key in staying { #expect(stats.counters(key, worker: 0).value(0) == 7, "\(key)") }
        for key in going { #expect(stats.counters(key, worker: 0).value(0) == 0, "\(key)") }
    }

    @Test("A process whose address is taken does not start: the message names the owner and both remedies")
    func takenOnStart() throws {
        let scratch = Scratch()
        let taken = try #require(OpenPort())
        let mesh = RunningMesh([scratch.write("mesh.yaml", Colors.mesh(local: moved(to: taken.port)))])
        defer { mesh.stop() }
        guard case .addresses(let findings) = mesh.state.current.failure else {
            Issue.record("started, or failed otherwise: \(String(describing: mesh.state.current.failure))")
            return
        }
        let finding = try #require(findings.first { $0.code == "address-taken" })
        #expect(finding.message.contains("127.0.0.1:\(taken.port) is taken by"))
        #expect(finding.message.contains("(pid \(getpid()))"))
        let suggestion = try #require(finding.suggestion)
        #expect(suggestion.contains("stop that program"))
        #expect(suggestion.contains("nodes: blue: instances: [{ ingress: ADDR:PORT }]"))
        #expect(finding.path == "proxy colors/blue#0 / listener ingress_18080")
    }

    private func moved(to port: Int) -> String {
        """
        local:
          nodes:
            blue: { instances: [{ ingress: '127.0.0.1:\(port)', echo: { body: blue } }] }
            green: { instances: [{ echo: { body: green } }] }
        """
    }

    @Test("A protection that is not in force keeps the mesh from starting, unless that is accepted")
    func unenforced() throws {
        let scratch = Scratch()
        let strict = Colors.mesh().replacing(
            "    listeners: [{ portMapping: { port: 18080, protocol: http } }]\n    serviceDiscovery: { dns: { hostname: blue",
            with: """
                    listeners:
                      - portMapping: { port: 18080, protocol: http }
                        tls: { mode: STRICT, certificate: { file: { certificateChain: /c.pem, privateKey: /k.pem } } }
                    serviceDiscovery: { dns: { hostname: blue
                """)
        let path = scratch.write("mesh.yaml", strict)
        let refused = RunningMesh([path])
        defer { refused.stop() }
        guard case .definitions(let findings) = refused.state.current.failure else {
            Issue.record("started without the protection")
            return
        }
        #expect(findings.contains { $0.code == "unenforced-protection" && $0.severity == .error })
        let accepted = RunningMesh([path]) { $0.compiler.allowUnenforced = true }
        defer { accepted.stop() }
        #expect(accepted.state.current.failure == nil)
        #expect(accepted.state.current.startFindings.contains { $0.code == "unenforced-protection" })
    }
}

/// A listening socket of this process on 127.0.0.1.
final class OpenPort {
    let port: Int
    private let descriptor: Int32

    init?() {
        descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        inet_pton(AF_INET, "127.0.0.1", &address.sin_addr)
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let descriptor = self.descriptor
        let opened = withUnsafeMutablePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(descriptor, $0, length) == 0 && listen(descriptor, 1) == 0
                    && getsockname(descriptor, $0, &length) == 0
            }
        }
        guard opened else { return nil }
        port = Int(UInt16(bigEndian: address.sin_port))
    }

    deinit { close(descriptor) }
}

extension String {
    /// With the first occurrence replaced; a test that changes nothing would test nothing.
    func replacing(_ text: String, with other: String) -> String {
        guard let range = utf8.firstRange(of: Array(text.utf8)) else { preconditionFailure("'\(text)' is not there") }
        return String(self[..<range.lowerBound]) + other + self[range.upperBound...]
    }
}
