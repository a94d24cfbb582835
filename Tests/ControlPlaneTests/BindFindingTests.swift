import Definitions
import Glibc
import Reactor
import Routing
import Testing

@testable import ControlPlane
@testable import DataPlane

@Suite("An address that is taken")
struct BindFindingTests {
    private func gateway(_ name: String, on address: NetworkAddress) -> ProxyPlan {
        let source = SourceRef(kind: "virtualGateway", name: "m/\(name)", place: "mesh.yaml:3:5")
        var proxy = ProxyPlan(name: "m/\(name)", role: .gateway, mesh: "m", source: source)
        proxy.listeners = [
            ListenerPlan(
                name: "ingress_80", statPrefix: "ingress", direction: .ingress, binds: [ListenerPlan.Bind(address)],
                port: 80, portRule: .fixed(80), dialect: .gateway, hosts: [], source: source)
        ]
        return proxy
    }

    @Test("by a listener of this process names that listener, also where every address was wanted")
    func ours() throws {
        let port = try #require(OpenPort())
        for host in ["127.0.0.1", "0.0.0.0", "::"] {
            let wanted = NetworkAddress.ip(host: host, port: port.port)
            let plan = Plan(proxies: [
                gateway("back", on: wanted), gateway("front", on: .ip(host: "127.0.0.1", port: port.port)),
            ])
            let failure = DataPlane.BindFailure(
                proxy: "m/back", listener: "ingress_80", address: wanted, error: SystemError("bind", code: EADDRINUSE))
            let finding = try #require(BindFindings.findings([failure], plan).first)
            let taken = "127.0.0.1:\(port.port)"
            #expect(
                finding.message
                    == "\(wanted) is taken by listener ingress_80 of m/front on \(taken), in this process")
            #expect(finding.suggestion == "move the gateway: local: gateways: back: address: ADDR")
            #expect(finding.code == "address-taken")
            #expect(finding.position == SourcePosition(file: "mesh.yaml", line: 3, column: 5))
        }
    }

    @Test("by nobody who can be found is another process's")
    func unknown() {
        let failure = DataPlane.BindFailure(
            proxy: "m/front", listener: "ingress_80", address: .ip(host: "127.0.0.1", port: 1),
            error: SystemError("bind", code: EADDRINUSE))
        let plan = Plan(proxies: [gateway("front", on: .ip(host: "127.0.0.1", port: 1))])
        #expect(
            BindFindings.findings([failure], plan).map(\.message) == ["127.0.0.1:1 is taken by another process"])
    }
}
