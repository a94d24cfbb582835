import Glibc
import Testing

@testable import ControlPlane

@Suite("Definitions come through the admin API, and files keep what is theirs")
struct DefinitionStoreTests {
    private static let red = """
        mesh: colors
        virtualNodes:
          red:
            listeners: [{ portMapping: { port: 18080, protocol: http } }]
            serviceDiscovery: { dns: { hostname: red.colors.local } }
        virtualRouters:
          colors:
            routes:
              red:
                priority: 1
                httpRoute: { match: { prefix: /red }, action: { weightedTargets: [{ virtualNode: red, weight: 1 }] } }
        """

    private func put(_ mesh: RunningMesh, _ body: String, _ headers: String = "") -> Exchanged {
        Client.send(
            mesh.admin,
            "PUT /v1/definitions HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\(headers)"
                + "content-length: \(body.utf8.count)\r\n\r\n\(body)")
    }

    private func get(_ mesh: RunningMesh, _ query: String = "") -> Exchanged {
        Client.get(mesh.admin, "/v1/definitions\(query)", host: "localhost")
    }

    @Test("What is put serves, is shown with its owner, and outlives a restart in the state folder")
    func put() {
        let scratch = Scratch()
        let file = scratch.write("mesh.yaml", Colors.mesh())
        var mesh = RunningMesh([file]) { $0.stateFolder = scratch.file("state") }
        #expect(Client.get(mesh.gateway, "/red").body == "blue\n")
        #expect(get(mesh, "?owner=api").body.hasPrefix("#"))

        let answer = put(mesh, Self.red)
        #expect(answer.status == 200)
        #expect(answer.body.contains("\"result\": \"published\""))
        #expect(answer.body.contains("\"generation\": 2"))
        #expect(answer.head.lowercased().contains("etag: \"2\""))
        #expect(Client.get(mesh.gateway, "/red").body == "red\n")
        #expect(get(mesh, "?owner=api").body == Self.red)
        #expect(get(mesh).body.contains("\"red\"") && get(mesh).body.contains("\"blue\""))
        #expect(scratch.read("state/definitions") == Self.red)
        mesh.stop()

        mesh = RunningMesh([file]) { $0.stateFolder = scratch.file("state") }
        defer { mesh.stop() }
        #expect(Client.get(mesh.gateway, "/red").body == "red\n")
        #expect(put(mesh, "# nothing\n").status == 200)
        #expect(Client.get(mesh.gateway, "/red").body == "blue\n")
    }

    @Test("What a file owns is a conflict that names the file, and changes nothing")
    func conflict() {
        let scratch = Scratch()
        let file = scratch.write("mesh.yaml", Colors.mesh())
        let mesh = RunningMesh([file]) { $0.stateFolder = scratch.file("state") }
        defer { mesh.stop() }
        #expect(put(mesh, Self.red).status == 200)
        let answer = put(mesh, "mesh: colors\nvirtualNodes: { blue: { listeners: [] } }\n")
        #expect(answer.status == 409)
        #expect(answer.body.contains("\"error\": \"owned by \(file)"))
        #expect(answer.body.contains("\"resource\": \"mesh colors / virtualNode blue\""))
        #expect(answer.body.contains("first at \(file):"))
        #expect(scratch.read("state/definitions") == Self.red)
        #expect(scratch.read("state/definitions.new") == "")
        #expect(Client.get(mesh.gateway, "/red").body == "red\n")
    }

    @Test("A file that takes what the API owns is refused, and both places are named")
    func taken() {
        let scratch = Scratch()
        let file = scratch.write("mesh.yaml", Colors.mesh())
        let mesh = RunningMesh([file]) { $0.watchesFiles = false }
        defer { mesh.stop() }
        #expect(put(mesh, Self.red).status == 200)
        scratch.write("mesh.yaml", Colors.mesh(extra: "  red: { listeners: [] }"))
        let outcome = mesh.reload()
        #expect(outcome?.result == .refused)
        let texts = outcome?.findings.map(\.description).joined(separator: "\n") ?? ""
        #expect(texts.contains("PUT /v1/definitions:") && texts.contains("first at \(file):"), "\(texts)")
        #expect(Client.get(mesh.gateway, "/red").body == "red\n")
    }

    struct Case: Sendable, CustomTestStringConvertible {
        var body: String
        var headers: String
        var status: Int
        var text: String
        var testDescription: String { "\(status) \(headers)\(body.prefix(30))" }

        init(_ body: String, _ headers: String, _ status: Int, _ text: String) {
            self.body = body
            self.headers = headers
            self.status = status
            self.text = text
        }
    }

    @Test("A table of bodies and preconditions")
    func table() {
        let scratch = Scratch()
        let mesh = RunningMesh([scratch.write("mesh.yaml", Colors.mesh())])
        defer { mesh.stop() }
        let json = """
            {"mesh": "colors", "virtualNodes": {"red": {"listeners": [{"portMapping": {"port": 18080, "protocol": "http"}}],
            "serviceDiscovery": {"dns": {"hostname": "red.colors.local"}}}}}
            """
        let cases = [
            Case("", "", 400, "the body is empty"),
            Case("mesh: [1]\n", "", 422, "\"result\": \"refused\""),
            Case("mesh: colors\nvirtualNodez: {}\n", "", 422, "did you mean"),
            Case("a: b", "if-match: \"9\"\r\n", 412, "generation 1 serves"),
            Case("a: b", "if-match: x\r\n", 400, "no generation"),
            Case(json, "if-match: \"1\"\r\n", 200, "\"generation\": 2"),
            Case(json, "if-match: \"1\"\r\n", 412, "generation 2 serves"),
            Case(json, "if-match: 2\r\n", 200, "\"result\": \"unchanged\""),
            Case("# nothing", "if-match: *\r\n", 200, "\"generation\": 3"),
        ]
        for row in cases {
            let answer = put(mesh, row.body, row.headers)
            #expect(answer.status == row.status, "\(row.testDescription)")
            #expect(answer.body.contains(row.text), "\(row.testDescription): \(answer.body.prefix(300))")
        }
        #expect(get(mesh, "?owner=nobody").status == 400)
    }

    @Test("A refused change is in the log, and in the status until one is published")
    func refusal() {
        let scratch = Scratch()
        let mesh = RunningMesh([scratch.write("mesh.yaml", Colors.mesh())])
        defer { mesh.stop() }
        func status() -> JSONValue? {
            try? JSONValue(parsing: Client.get(mesh.admin, "/v1/status", host: "localhost").body.utf8)
        }
        #expect(status()?["lastRefusal"] == .null)
        #expect(put(mesh, "mesh: [1]\n").status == 422)
        #expect(status()?["lastRefusal"]?["findings"]?.elements.isEmpty == false)
        #expect(mesh.state.current.reloads.last?.result == .refused)
        #expect(put(mesh, Self.red).status == 200)
        #expect(status()?["lastRefusal"] == .null)
    }

    @Test("A text that cannot be kept never serves, and is counted and logged as refused")
    func notKept() {
        let scratch = Scratch()
        let mesh = RunningMesh([scratch.write("mesh.yaml", Colors.mesh())]) { $0.stateFolder = scratch.file("state") }
        defer { mesh.stop() }
        // Nothing can be renamed over a folder.
        scratch.makeFolder("state/definitions")
        let answer = put(mesh, Self.red)
        #expect(answer.status == 500)
        #expect(answer.body.contains("nothing was changed: rename"))
        #expect(Client.get(mesh.gateway, "/red").body == "blue\n")
        #expect(get(mesh, "?owner=api").body.hasPrefix("#"))
        #expect(mesh.state.current.reloads.map(\.generation) == [1])
        #expect(mesh.state.current.reloads.last?.findings.contains { $0.code == "definitions-not-kept" } == true)
        let rejected = Client.get(mesh.admin, "/stats?filter=update_rejected", host: "localhost").body
        #expect(rejected.contains(": 1\n"), "\(rejected)")
        #expect(access(scratch.file("state/definitions.new"), F_OK) != 0)
        // The same text again, where it changes nothing about what serves.
        #expect(put(mesh, "# nothing\n").status == 500)
    }

    @Test("Definitions that are there and cannot be read keep the process from starting")
    func unreadable() {
        let scratch = Scratch()
        scratch.makeFolder("state")
        scratch.makeFolder("state/definitions")
        let mesh = RunningMesh([scratch.write("mesh.yaml", Colors.mesh())]) { $0.stateFolder = scratch.file("state") }
        defer { mesh.stop() }
        guard case .system(let error) = mesh.state.current.failure else {
            Issue.record("started, or failed otherwise: \(String(describing: mesh.state.current.failure))")
            return
        }
        #expect(
            error.description
                == "--state: the definitions in \(scratch.file("state"))/definitions cannot be read: Is a directory")
    }

    @Test("A state folder belongs to one process at a time")
    func locked() throws {
        let scratch = Scratch()
        let file = scratch.write("mesh.yaml", Colors.mesh())
        let first = RunningMesh([file]) { $0.stateFolder = scratch.file("state") }
        defer { first.stop() }
        let second = RunningMesh([scratch.write("other.yaml", Colors.mesh(port: 18_081))]) {
            $0.stateFolder = scratch.file("state")
        }
        defer { second.stop() }
        let failure = try #require(second.state.current.failure)
        guard case .system(let error) = failure else {
            Issue.record("\(failure)")
            return
        }
        #expect("\(error)".contains("used by another process"))
    }
}
