// Virtual gateways: rewrites, time limits, and where they listen.

import Definitions
import Routing
import Testing

@testable import Compiler

@Suite("A gateway route")
struct GatewayTests {
    static func delegate(_ route: GatewayRouteSpec) -> DelegatePlan? {
        var mesh = colors()
        mesh.virtualGateways["front"] = gateway(["r": route])
        guard
            case .delegate(let delegate) = compile(mesh).proxy("colors/front")?.virtualHost("front:8080")?.routes.first?
                .action
        else { return nil }
        return delegate
    }

    typealias Path = DelegatePlan.PathRewrite

    @Test(
        "rewrites the path by its match",
        arguments: [
            (HttpGatewayRouteMatch(prefix: "/"), nil, Path.keep),
            (HttpGatewayRouteMatch(prefix: "/chapter"), nil, .prefix(matched: "/chapter", replacement: "/")),
            (
                HttpGatewayRouteMatch(prefix: "/chapter"),
                HttpGatewayRouteRewrite(prefix: HttpGatewayRoutePrefixRewrite(defaultPrefix: .enabled)),
                .prefix(matched: "/chapter", replacement: "/")
            ),
            (
                HttpGatewayRouteMatch(prefix: "/chapter"),
                HttpGatewayRouteRewrite(prefix: HttpGatewayRoutePrefixRewrite(defaultPrefix: .disabled)), .keep
            ),
            (
                HttpGatewayRouteMatch(prefix: "/"),
                HttpGatewayRouteRewrite(prefix: HttpGatewayRoutePrefixRewrite(value: "/red/")),
                .prefix(matched: "/", replacement: "/red/")
            ),
            // `/ab` becomes `/a/b`: the same prefix is only the same path behind a slash.
            (
                HttpGatewayRouteMatch(prefix: "/a"),
                HttpGatewayRouteRewrite(prefix: HttpGatewayRoutePrefixRewrite(value: "/a")),
                .prefix(matched: "/a", replacement: "/a")
            ),
            (
                HttpGatewayRouteMatch(prefix: "/a/"),
                HttpGatewayRouteRewrite(prefix: HttpGatewayRoutePrefixRewrite(value: "/a/")), .keep
            ),
            (HttpGatewayRouteMatch(path: HttpPathMatch(exact: "/a")), nil, .keep),
            (
                HttpGatewayRouteMatch(path: HttpPathMatch(regex: "/a+")),
                HttpGatewayRouteRewrite(path: HttpGatewayRoutePathRewrite(exact: "/b")), .whole("/b")
            ),
            (
                HttpGatewayRouteMatch(hostname: GatewayRouteHostnameMatch(exact: "a.com")),
                HttpGatewayRouteRewrite(path: HttpGatewayRoutePathRewrite(exact: "/b")), .keep
            ),
        ] as [(HttpGatewayRouteMatch, HttpGatewayRouteRewrite?, Path)])
    func path(match: HttpGatewayRouteMatch, rewrite: HttpGatewayRouteRewrite?, expected: Path) {
        #expect(Self.delegate(gatewayRoute("color.colors.local", match, rewrite: rewrite))?.path == expected)
    }

    @Test("rewrites the host to the service's name, unless that is disabled")
    func host() {
        let kept = HttpGatewayRouteRewrite(hostname: GatewayRouteHostnameRewrite(defaultTargetHostname: .disabled))
        #expect(Self.delegate(gatewayRoute("color.colors.local"))?.host == .literal("color.colors.local"))
        #expect(Self.delegate(gatewayRoute("color.colors.local", rewrite: kept))?.host == .keep)
    }

    @Test("hands over on the target's port")
    func port() {
        #expect(Self.delegate(gatewayRoute("color.colors.local", targetPort: 8080))?.port == 8080)
    }

    @Test(
        "is called by a command that reaches a route of the service",
        arguments: [
            ("/", HttpRouteMatch(prefix: "/"), "/"), ("/color1", HttpRouteMatch(prefix: "/tell"), "/color1/tell"),
            ("/color1/", HttpRouteMatch(path: HttpPathMatch(exact: "/tell")), "/color1/tell"),
            ("/", HttpRouteMatch(prefix: "/tell"), "/tell"), ("/color1", HttpRouteMatch(prefix: "/"), "/color1"),
        ])
    func command(prefix: String, match: HttpRouteMatch, path: String) {
        var mesh = colors()
        mesh.virtualGateways["front"] = gateway([
            "all": gatewayRoute("color.colors.local", HttpGatewayRouteMatch(prefix: prefix))
        ])
        mesh.virtualRouters["colors"]?.routes["canary"] = route(match)
        #expect(compile(mesh).tryCommand == "curl http://127.0.0.1:8080\(path)")
    }

    @Test("allows what the service's slowest route allows")
    func bounds() throws {
        var mesh = colors()
        mesh.virtualRouters["colors"]?.routes = [
            "fast": route(HttpRouteMatch(prefix: "/fast"), timeout: HttpTimeout(perRequest: seconds(1))),
            "slow": route(timeout: HttpTimeout(idle: seconds(600), perRequest: seconds(60))),
        ]
        mesh.virtualNodes["blue"] = node { $0.timeout = .http(HttpTimeout(perRequest: seconds(0))) }
        func timeouts() throws -> TimeoutPlan {
            let front = try #require(compile(mesh).proxy("colors/front"))
            return try #require(front.virtualHost("front:8080")?.routes.first?.timeouts)
        }
        #expect(try timeouts().request.value == .seconds(60))
        #expect(try timeouts().request.origin.name == "colors/colors/slow")
        #expect(try timeouts().idle.value == .seconds(600))
        mesh.virtualRouters["colors"]?.routes["endless"] = route(
            HttpRouteMatch(prefix: "/endless"), timeout: HttpTimeout(perRequest: seconds(0)))
        #expect(try timeouts().request.value == nil)
        mesh.virtualRouters["colors"]?.routes = ["default": route()]
        #expect(try timeouts().request == Timeouts.request)
    }

    @Test("reaches the services of its routes and no others")
    func reach() {
        var mesh = colors()
        mesh.virtualServices["other.local"] = service(node: "green")
        let front = compile(mesh).proxy("colors/front")
        #expect(front?.virtualHosts.map(\.name) == ["color.colors.local", "front:8080"])
    }

    @Test("applies to the listener whose port it matches")
    func ports() {
        var mesh = colors()
        mesh.virtualGateways["front"] = gateway(
            [
                "a": gatewayRoute("color.colors.local", HttpGatewayRouteMatch(port: 8080, prefix: "/a")),
                "b": gatewayRoute("color.colors.local", HttpGatewayRouteMatch(port: 8081, prefix: "/b")),
            ], ports: [8080, 8081])
        let compiled = compile(mesh)
        #expect(compiled.codes == [])
        let front = compiled.proxy("colors/front")
        #expect(front?.virtualHost("front:8080")?.routes.map(\.name) == ["a"])
        #expect(front?.virtualHost("front:8081")?.routes.map(\.name) == ["b"])
        #expect(front?.listeners.map(\.statPrefix) == ["ingress.http.8080", "ingress.http.8081"])
    }
}

@Suite("Ports")
struct PortTests {
    @Test("below the privileged limit are opened, and called, 8000 higher")
    func privileged() throws {
        var mesh = colors()
        mesh.virtualGateways["front"] = gateway(["all": gatewayRoute("color.colors.local")], ports: [80])
        mesh.virtualNodes["blue"] = node([(443, .http)])
        let compiled = compile(mesh)
        let front = try #require(compiled.proxy("colors/front"))
        let listener = try #require(front.listener("ingress_80"))
        #expect(listener.port == 80 && listener.portRule == .fixed(80))
        #expect(listener.binds.map { $0.unprivileged?.port } == [8080, 8080])
        #expect(listener.binds.map(\.address.port) == [80, 80])
        let blue = try #require(compiled.proxy("colors/blue#0")?.listener("ingress_443")?.binds.first)
        #expect(blue.unprivileged?.port == 8443)
        #expect(front.cluster("cds_egress_colors_blue_http_443")?.endpoints.first?.address == blue.unprivileged)
        #expect(compiled.tryCommand == "curl http://127.0.0.1:8080/")

        let privileged = compile(definitions(mesh)) { $0.firstUnprivilegedPort = 0 }
        let bind = try #require(privileged.proxy("colors/front")?.listener("ingress_80")?.binds.first)
        #expect(bind.unprivileged == nil)
        #expect(privileged.tryCommand == "curl http://127.0.0.1:80/")
    }

    @Test("of a gateway are on 127.0.0.1 unless an application, another gateway or the admin has them there")
    func localhost() {
        func local(_ mesh: MeshDefinition, _ placement: MeshPlacement = MeshPlacement(), admin: SocketAddress? = nil)
            -> Bool
        {
            let compiled = compile(definitions(mesh, local: placement)) { $0.admin = admin }
            return compiled.proxy("colors/front")?.listeners.first?.binds.count == 2
        }
        var twoGateways = colors()
        twoGateways.virtualGateways["back"] = gateway([:])
        func app(_ host: String, _ port: Int) -> MeshPlacement {
            MeshPlacement(nodes: [
                "blue": NodePlacement(instances: [NodeInstance(workload: .app(.ip(host, port: port)))])
            ])
        }
        #expect(local(colors()))
        #expect(!local(twoGateways))
        #expect(!local(colors(), app("127.0.0.1", 8080)))
        #expect(!local(colors(), app("0.0.0.0", 8080)))
        #expect(local(colors(), app("127.0.0.1", 9002)))
        #expect(local(colors(), app("127.0.0.9", 8080)))
        #expect(!local(colors(), MeshPlacement(gateways: ["front": GatewayPlacement(address: "127.0.0.1")])))
        #expect(!local(colors(), admin: .ip(host: "127.0.0.1", port: 8080)))
        #expect(
            !local(
                colors(), MeshPlacement(nodes: ["blue": NodePlacement(endpoints: [.ip("127.0.0.1", port: 8080)])])))
    }

    @Test("on the wildcard address leave the source of connections to the kernel and open no admin")
    func wildcard() {
        let local = MeshPlacement(gateways: ["front": GatewayPlacement(address: "0.0.0.0")])
        let front = compile(colors(), local: local).proxy("colors/front")
        #expect(front?.listener("ingress_8080")?.addresses == ["0.0.0.0:8080"])
        #expect(front?.upstreamSourceIP == nil)
        #expect(front?.admin == nil)
    }

    @Test("9901 stays with a listener that uses it")
    func admin() {
        var mesh = colors()
        mesh.virtualNodes["blue"] = node([(9901, .http)])
        let compiled = compile(mesh)
        #expect(compiled.proxy("colors/blue#0")?.admin == nil)
        #expect(compiled.proxy("colors/green#0")?.admin?.port == 9901)
        #expect(compile(definitions(mesh)) { $0.perProxyAdmin = false }.plan.proxies.allSatisfy { $0.admin == nil })
    }
}
