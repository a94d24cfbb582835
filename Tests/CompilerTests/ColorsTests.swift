// The example of the design, from the gateway to the workload.

import Definitions
import Routing
import Testing

@testable import Compiler

@Suite("The colors mesh")
struct ColorsTests {
    let compiled = compile(colors())

    @Test("has no errors, a gateway, two sidecars and two workloads")
    func proxies() {
        #expect(compiled.diagnostics.map(\.description) == [])
        #expect(!compiled.blocksRun)
        #expect(
            compiled.plan.proxies.map(\.name) == [
                "colors/front", "colors/blue#0", "workload:colors/blue#0", "colors/green#0", "workload:colors/green#0",
            ])
        #expect(compiled.plan.proxies.map(\.role) == [.gateway, .sidecar, .workload, .sidecar, .workload])
    }

    @Test("routes from the gateway through the service to both nodes by weight")
    func gateway() throws {
        let front = try #require(compiled.proxy("colors/front"))
        let listener = try #require(front.listener("ingress_8080"))
        #expect(listener.portRule == .fixed(8080))
        #expect(listener.dialect == .gateway)
        #expect(front.hosts("ingress_8080") == ["* -> front:8080"])
        let first = try #require(front.virtualHost("front:8080")?.routes.first)
        guard case .delegate(let delegate) = first.action else {
            Issue.record("the gateway route does not delegate")
            return
        }
        #expect(front.virtualHosts[delegate.virtualHost].name == "color.colors.local")
        #expect(delegate.host == .literal("color.colors.local"))
        #expect(delegate.path == .keep)
        #expect(delegate.port == nil)
        let service = try #require(front.virtualHost("color.colors.local"))
        #expect(service.ports == [8080])
        #expect(
            front.backends(service.routes.first) == [
                "cds_egress_colors_blue_http_8080 90", "cds_egress_colors_green_http_8080 10",
            ])
    }

    @Test("reaches a node at its sidecar, and the sidecar its workload, each from its own address")
    func chain() throws {
        let front = try #require(compiled.proxy("colors/front"))
        let blue = try #require(compiled.proxy("colors/blue#0"))
        let workload = try #require(compiled.proxy("workload:colors/blue#0"))
        let ingress = try #require(blue.listener("ingress_8080"))
        let cluster = try #require(front.cluster("cds_egress_colors_blue_http_8080"))
        #expect(cluster.endpoints.map(\.address) == ingress.binds.map(\.address))
        #expect(cluster.endpoints.map(\.name) == ["colors/blue#0"])
        let local = try #require(blue.cluster("cds_ingress_colors_blue_http_8080"))
        #expect(local.endpoints.map(\.address) == workload.listeners.flatMap { $0.binds.map(\.address) })
        #expect(blue.upstreamSourceIP.map { .ip(host: $0, port: 8080) } == ingress.binds.first?.address)
        #expect(front.upstreamSourceIP.map { .ip(host: $0, port: 9901) } == front.admin)
        #expect(front.listener("ingress_8080")?.addresses.last == "127.0.0.1:8080")
    }

    @Test("runs the built-in workload under the node's name")
    func workload() throws {
        let workload = try #require(compiled.workloads.first)
        #expect(workload.name == "colors/blue#0")
        #expect(workload.settings.body == .text("blue"))
        #expect(workload.settings.failStatus == 500)
        let proxy = try #require(compiled.proxy("workload:colors/blue#0"))
        #expect(proxy.virtualHosts.first?.routes.first?.action == .handler("workload:colors/blue#0"))
        #expect(proxy.listeners.first?.dialect == .local)
        #expect(proxy.listeners.first?.binds.first?.address == workload.address)
        #expect(workload.egress == compiled.proxy("colors/blue#0")?.listener("egress_15001")?.binds.first?.address)
    }

    @Test("is summed up in a table and a command to try")
    func summary() {
        #expect(compiled.tryCommand == "curl http://127.0.0.1:8080/")
        #expect(
            compiled.summary.map { "\($0.proxy) \($0.listener): \($0.purpose)" } == [
                "colors/front ingress_8080: gateway to color.colors.local",
                "colors/blue#0 ingress_8080: requests to colors/blue#0",
                "colors/blue#0 egress_15001: calls of colors/blue#0 to any service by Host",
                "workload:colors/blue#0 workload_8080: built-in workload",
                "colors/green#0 ingress_8080: requests to colors/green#0",
                "colors/green#0 egress_15001: calls of colors/green#0 to any service by Host",
                "workload:colors/green#0 workload_8080: built-in workload",
            ])
    }

    @Test("can be indexed: every index of the plan is in range")
    func indexes() {
        for proxy in compiled.plan.proxies {
            for listener in proxy.listeners {
                #expect(listener.hosts.allSatisfy { proxy.virtualHosts.indices.contains($0.virtualHost) })
            }
            for route in proxy.virtualHosts.flatMap(\.routes) {
                switch route.action {
                case .forward(let backends):
                    #expect(backends.allSatisfy { proxy.clusters.indices.contains($0.cluster) })
                case .delegate(let delegate):
                    #expect(proxy.virtualHosts.indices.contains(delegate.virtualHost))
                case .fixedResponse, .forwardToAuthority, .handler: break
                }
            }
        }
    }
}
