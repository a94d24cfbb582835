import Compiler
import Glibc
import Testing

@testable import ControlPlane

@Suite("A process ends without losing what is under way")
struct EndTests {
    private static let slow = """
        local:
          nodes:
            blue: { instances: [{ echo: { body: blue, delay: 400ms } }] }
            green: { instances: [{ echo: { body: green } }] }
        """

    @Test("A request under way is answered, new connections are not taken, and /ready says DRAINING meanwhile")
    func drains() throws {
        let scratch = Scratch()
        let mesh = RunningMesh([scratch.write("mesh.yaml", Colors.mesh(local: Self.slow))])
        let gateway = mesh.gateway
        #expect(Client.get(mesh.admin, "/ready", host: "localhost").body == "LIVE\n")
        let connection = try #require(Client.connect(gateway))
        let request = Array("GET / HTTP/1.1\r\nhost: h\r\n\r\n".utf8)
        #expect(send(connection, request, request.count, 0) == request.count)
        let stats = Awaited("")
        // The workload has the request once its listener counts it.
        let arrived = stats.wait { _ in
            let text = Client.get(mesh.admin, "/stats?filter=^http.ingress.downstream_rq_active", host: "localhost")
                .body
            return text.contains("{proxy=\"colors/blue#0\"}: 1")
        }
        #expect(arrived)
        mesh.handle?.stop()
        _ = mesh.state.wait { $0.events.contains("draining") }
        let refused = stats.wait { _ in
            let ready = Client.get(mesh.admin, "/ready", host: "localhost")
            return ready.status == 503 && ready.body == "DRAINING\n"
        }
        #expect(refused)
        let isClosed = stats.wait { _ in
            guard let other = Client.connect(gateway) else { return true }
            close(other)
            return false
        }
        #expect(isClosed)
        var answer = [UInt8](repeating: 0, count: 4096)
        let count = recv(connection, &answer, answer.count, 0)
        close(connection)
        #expect(count > 0)
        #expect(String(decoding: answer[..<max(count, 0)], as: UTF8.self).hasPrefix("HTTP/1.1 200"))
        #expect(mesh.state.wait { $0.ending == .drained })
        #expect(!mesh.state.current.events.contains("cut"))
    }

    @Test("A request whose listeners an earlier reload took away is answered too")
    func drainsEarlierOnes() throws {
        let scratch = Scratch()
        let text = Colors.mesh(local: Self.slow.replacing("400ms", with: "1s"))
        let mesh = RunningMesh([scratch.write("mesh.yaml", text)]) { $0.watchesFiles = false }
        defer { mesh.stop() }
        let connection = try #require(Client.connect(mesh.gateway))
        defer { close(connection) }
        let request = Array("GET / HTTP/1.1\r\nhost: h\r\n\r\n".utf8)
        #expect(send(connection, request, request.count, 0) == request.count)
        let arrived = Awaited(()).wait { _ in
            Client.get(mesh.admin, "/stats?filter=^http.ingress.downstream_rq_active", host: "localhost").body
                .contains("{proxy=\"colors/blue#0\"}: 1")
        }
        #expect(arrived)
        scratch.write("mesh.yaml", text.replacing("mesh: colors", with: "mesh: paints"))
        func draining() -> String {
            Client.get(mesh.admin, "/stats?filter=total_listeners_draining", host: "localhost").body
        }
        #expect(draining().hasSuffix(": 0\n"))
        #expect(mesh.reload()?.result == .published)
        #expect(draining() != "" && !draining().hasSuffix(": 0\n"))
        mesh.handle?.stop()
        var answer = [UInt8](repeating: 0, count: 4096)
        let count = recv(connection, &answer, answer.count, 0)
        #expect(String(decoding: answer[..<max(count, 0)], as: UTF8.self).hasPrefix("HTTP/1.1 200"))
        #expect(mesh.state.wait { $0.ending == .drained })
        #expect(!mesh.state.current.events.contains("cut"))
    }

    @Test("What does not finish within the drain time is cut")
    func cuts() throws {
        let scratch = Scratch()
        let mesh = RunningMesh([
            scratch.write("mesh.yaml", Colors.mesh(local: Self.slow.replacing("400ms", with: "9s")))
        ]) {
            $0.drainTime = .milliseconds(50)
        }
        let connection = try #require(Client.connect(mesh.gateway))
        defer { close(connection) }
        let request = Array("GET / HTTP/1.1\r\nhost: h\r\n\r\n".utf8)
        #expect(send(connection, request, request.count, 0) == request.count)
        let stats = Awaited("")
        _ = stats.wait { _ in
            Client.get(mesh.admin, "/stats?filter=downstream_rq_active", host: "localhost").body
                .contains("http.ingress.downstream_rq_active{proxy=\"colors/blue#0\"}: 1")
        }
        #expect(mesh.stop())
        #expect(mesh.state.current.events.contains("cut"))
        #expect(mesh.state.current.ending == .drained)
    }

    @Test("Asked twice, a process ends at once")
    func forced() throws {
        let scratch = Scratch()
        let mesh = RunningMesh([
            scratch.write("mesh.yaml", Colors.mesh(local: Self.slow.replacing("400ms", with: "9s")))
        ])
        let connection = try #require(Client.connect(mesh.gateway))
        defer { close(connection) }
        let request = Array("GET / HTTP/1.1\r\nhost: h\r\n\r\n".utf8)
        #expect(send(connection, request, request.count, 0) == request.count)
        let stats = Awaited("")
        _ = stats.wait { _ in
            Client.get(mesh.admin, "/stats?filter=downstream_rq_active", host: "localhost").body
                .contains("http.ingress.downstream_rq_active{proxy=\"colors/front\"}: 1")
        }
        mesh.handle?.stop()
        mesh.handle?.stop()
        #expect(mesh.state.wait(.seconds(2)) { $0.ending == .forced })
    }

    @Test("A unix socket's file is gone when the process has ended")
    func socketFile() {
        let scratch = Scratch()
        let path = scratch.file("admin.sock")
        let mesh = RunningMesh([scratch.write("mesh.yaml", Colors.mesh())]) { $0.admin = .unix(path: path) }
        #expect(mesh.state.current.report?.admin == .unix(path: path))
        #expect(access(path, F_OK) == 0)
        #expect(mesh.stop())
        #expect(access(path, F_OK) != 0)
    }
}
