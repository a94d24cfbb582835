import Glibc
import Testing

@testable import ControlPlane

@Suite("Access logs go where definitions and options say")
struct AccessLogTests {
    private func logged(_ path: String, _ format: String = "") -> String {
        Colors.mesh().replacing(
            "    listeners: [{ portMapping: { port: 18080, protocol: http } }]\n    gatewayRoutes:",
            with: """
                    listeners: [{ portMapping: { port: 18080, protocol: http } }]
                    logging: { accessLog: { file: { path: \(path)\(format) } } }
                    gatewayRoutes:
                """)
    }

    @Test("--access-log writes one JSON line per record and hop, and none for workloads and admin listeners")
    func structured() {
        let scratch = Scratch()
        let mesh = RunningMesh([scratch.write("mesh.yaml", Colors.mesh())]) { $0.accessLog = scratch.file("all.json") }
        #expect(Client.get(mesh.gateway).status == 200)
        #expect(Client.get(mesh.admin, "/ready", host: "localhost").status == 200)
        #expect(mesh.stop())
        let lines = scratch.read("all.json").split(separator: "\n")
        #expect(lines.count == 2)
        #expect(lines.contains { $0.contains("\"proxy\":\"colors/front\"") })
        #expect(lines.contains { $0.contains("\"proxy\":\"colors/blue#0\"") })
    }

    @Test("A log that the definitions name no more is closed: reopening does not bring its file back")
    func removed() {
        let scratch = Scratch()
        let mesh = RunningMesh([scratch.write("mesh.yaml", logged(scratch.file("front.log")))]) {
            $0.accessLog = scratch.file("all.json")
            $0.watchesFiles = false
        }
        defer { mesh.stop() }
        #expect(Client.get(mesh.gateway, "/one").status == 200)
        #expect(Awaited(()).wait { _ in scratch.read("front.log").contains("/one") })
        scratch.write("mesh.yaml", Colors.mesh())
        #expect(mesh.reload()?.result == .published)
        #expect(scratch.rename("front.log", "front.old") == 0)
        #expect(scratch.rename("all.json", "all.old") == 0)
        mesh.handle?.reopenLogs()
        #expect(mesh.state.wait { $0.events.contains("reopened") })
        // When a line stands in the one, the other would be there too.
        #expect(
            Awaited(()).wait { _ in
                _ = Client.get(mesh.gateway, "/two")
                return scratch.read("all.json").contains("/two")
            })
        #expect(access(scratch.file("front.log"), F_OK) != 0)
    }

    @Test("A gateway's log has the default format, and moving it away and reopening starts a new file")
    func rotated() {
        let scratch = Scratch()
        let mesh = RunningMesh([scratch.write("mesh.yaml", logged(scratch.file("front.log")))])
        #expect(Client.get(mesh.gateway, "/one").status == 200)
        // Lines that are still on their way may go to either file; these are not.
        let written = Awaited(0).wait { _ in scratch.read("front.log").contains("/one") }
        #expect(written)
        #expect(scratch.rename("front.log", "old.log") == 0)
        mesh.handle?.reopenLogs()
        _ = mesh.state.wait { $0.events.contains("reopened") }
        let opened = Awaited(0).wait { _ in access(scratch.file("front.log"), F_OK) == 0 }
        #expect(opened)
        #expect(Client.get(mesh.gateway, "/two").status == 200)
        #expect(mesh.stop())
        #expect(scratch.read("old.log").contains("\"GET /one HTTP/1.1\" 200 - 0 5 "))
        let new = scratch.read("front.log")
        #expect(new.contains("\"GET /two HTTP/1.1\" 200 - 0 5 "))
        #expect(!new.contains("/one"))
    }

    @Test("A path that cannot be written is a warning, and the proxy runs")
    func unwritable() {
        let scratch = Scratch()
        let mesh = RunningMesh([scratch.write("mesh.yaml", logged(scratch.file("no/such/folder/front.log")))])
        defer { mesh.stop() }
        let finding = mesh.state.current.startFindings.first { $0.code == "log-not-writable" }
        #expect(finding?.severity == .warning)
        #expect(finding?.message.contains("No such file or directory") == true)
        #expect(finding?.position?.line == 5)
        #expect(Client.get(mesh.gateway).status == 200)
    }

    @Test("A format that cannot be compiled is an error with its place")
    func badFormat() {
        let scratch = Scratch()
        let path = scratch.write("mesh.yaml", logged("/dev/null", ", format: { text: '%NO_SUCH_THING%' }"))
        let mesh = MeshSource.files(paths: [path], variables: [:]).load(.init())
        let finding = mesh.diagnostics.first { $0.code == "bad-log-format" }
        #expect(finding?.severity == .error)
        #expect(finding?.position?.file == path)
        #expect(finding?.position?.line == 5)
        #expect(finding?.path == "mesh colors / virtualGateway front / logging.accessLog.file.format")
        #expect(!mesh.isRunnable)
    }

    @Test("The format of a node without a sidecar is checked like any other, and names the nearest operator")
    func badFormatWithoutSidecar() {
        let scratch = Scratch()
        let path = scratch.write(
            "mesh.yaml",
            """
            mesh: colors
            virtualNodes:
              blue:
                listeners: [{ portMapping: { port: 8080, protocol: http } }]
                serviceDiscovery: { dns: { hostname: blue.local } }
                logging: { accessLog: { file: { path: /dev/null, format: { text: '%DURATIO%' } } } }
            local:
              nodes:
                blue: { endpoints: [127.0.0.1:1] }
            """)
        let mesh = MeshSource.files(paths: [path], variables: [:]).load(.init())
        let finding = mesh.diagnostics.first { $0.code == "bad-log-format" }
        #expect(finding?.path == "mesh colors / virtualNode blue / logging.accessLog.file.format")
        #expect(finding?.message.contains("did you mean DURATION?") == true)
        #expect(mesh.diagnostics.contains { $0.code == "not-applied" && $0.path.hasSuffix("logging.accessLog") })
    }

    @Test("An operator of Envoy that has no fact yet is a warning with its place, and the mesh runs")
    func operatorNotInForce() {
        let scratch = Scratch()
        let format = ", format: { text: '%DOWNSTREAM_TLS_VERSION% %RESPONSE_CODE%' }"
        let path = scratch.write("mesh.yaml", logged(scratch.file("front.log"), format))
        let mesh = RunningMesh([path])
        let findings = mesh.state.current.startFindings.filter { $0.code == "not-in-force" }
        #expect(findings.count == 1)
        #expect(findings.first?.severity == .warning)
        #expect(findings.first?.position?.line == 5)
        #expect(findings.first?.message.contains("DOWNSTREAM_TLS_VERSION") == true)
        #expect(Client.get(mesh.gateway).status == 200)
        #expect(mesh.stop())
        #expect(scratch.read("front.log") == "- 200\n")
    }
}
