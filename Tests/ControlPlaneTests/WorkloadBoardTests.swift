import Testing

@testable import ControlPlane

@Suite("Built-in workloads change while they run")
struct WorkloadBoardTests {
    private func put(_ mesh: RunningMesh, _ body: String) -> Exchanged {
        Client.send(
            mesh.admin,
            "PUT /v1/workloads HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\ncontent-length: \(body.utf8.count)\r\n\r\n"
                + body)
    }

    @Test("A change holds from the next request on, over reloads, and until it is taken back")
    func changes() {
        let scratch = Scratch()
        let mesh = RunningMesh([scratch.write("mesh.yaml", Colors.mesh())]) { $0.watchesFiles = false }
        defer { mesh.stop() }
        #expect(put(mesh, #"{"blue": {"body": "changed", "fail": 0}}"#).status == 200)
        #expect(Client.get(mesh.gateway).body == "changed\n")
        scratch.write(
            "mesh.yaml",
            Colors.mesh(local: Colors.standardLocal.replacing("body: blue", with: "body: navy, failStatus: 418")))
        #expect(mesh.reload()?.result == .published)
        #expect(Client.get(mesh.gateway).body == "changed\n")
        // The definition's own change shows where nothing was laid over it.
        #expect(put(mesh, #"{"colors/blue#0": {"fail": "100%"}}"#).status == 200)
        #expect(Client.get(mesh.gateway).status == 418)
        #expect(put(mesh, #"{"colors/blue": {"fail": null}}"#).status == 200)
        #expect(Client.get(mesh.gateway).body == "changed\n")
        #expect(put(mesh, #"{"blue": null}"#).status == 200)
        #expect(Client.get(mesh.gateway).body == "navy\n")
    }

    @Test(
        "What cannot be understood changes nothing and is named",
        arguments: [
            ("", "not JSON"), ("[]", "expected an object"), (#"{"blue": 1}"#, "must be an object or null"),
            (#"{"blue": {"fail": "30%", "delay": "soon"}}"#, "delay is `soon`"),
            (#"{"blue": {"colour": "red"}}"#, "`colour` is no setting"), (#"{"pink": {"fail": "30%"}}"#, "`pink`"),
            (#"{"blue": {"body": "x"}, "pink": null}"#, "`pink`"), (#"{"blue": {"fail": [1]}}"#, "must be a text"),
        ])
    func refused(_ body: String, _ text: String) {
        let scratch = Scratch()
        let mesh = RunningMesh([scratch.write("mesh.yaml", Colors.mesh())])
        defer { mesh.stop() }
        let answer = put(mesh, body)
        #expect(answer.status == 400)
        #expect(answer.body.contains(text), "\(answer.body)")
        #expect(Client.get(mesh.gateway).body == "blue\n")
        let shown = Client.get(mesh.admin, "/v1/workloads", host: "localhost").body
        #expect(shown.contains("\"changed\": {}") && !shown.contains("\"fail\": \"30%\""))
    }
}
