// What only the whole mesh can show: names that lead nowhere, ports and protocols that do not fit (appmesh.md 1.4).

import Definitions
import Routing
import Testing

@testable import Compiler

@Suite("A mesh is refused or doubted")
struct ReferenceTests {
    struct Case: Sendable, CustomTestStringConvertible {
        var testDescription: String
        var expected: [String]
        /// End of the path of the first finding.
        var field: String
        var suggestion: String?
        var change: @Sendable (inout MeshDefinition) -> Void

        init(
            _ description: String, _ expected: [String], at field: String, suggestion: String? = nil,
            _ change: @escaping @Sendable (inout MeshDefinition) -> Void
        ) {
            testDescription = description
            self.expected = expected
            self.field = field
            self.suggestion = suggestion
            self.change = change
        }
    }

    static let routeField = "route canary / httpRoute.action.weightedTargets"

    static let cases: [Case] = [
        Case(
            "when a route leads to no node", ["error unknown-virtual-node"], at: "\(routeField)[0].virtualNode",
            suggestion: "did you mean `green`?"
        ) { $0.virtualRouters["colors"]?.routes["canary"] = route(to: [("gren", 1)]) },
        Case(
            "when all weights are 0", ["error zero-weights"], at: routeField,
            suggestion: "give at least one target a weight above 0"
        ) { $0.virtualRouters["colors"]?.routes["canary"] = route(to: [("blue", 0), ("green", 0)]) },
        Case(
            "when a service has an unknown router", ["error unknown-virtual-router"],
            at: "virtualService color.colors.local / provider.virtualRouter.virtualRouterName",
            suggestion: "did you mean `colors`?"
        ) { $0.virtualServices["color.colors.local"] = service(router: "colrs") },
        Case(
            "when a service has an unknown node", ["error unknown-virtual-node"],
            at: "provider.virtualNode.virtualNodeName", suggestion: "did you mean `blue`?"
        ) { $0.virtualServices["color.colors.local"] = service(node: "bleu") },
        Case(
            "when a gateway route leads to no service", ["error unknown-virtual-service"],
            at: "gatewayRoute all / httpRoute.action.target.virtualService.virtualServiceName",
            suggestion: "did you mean `color.colors.local`?"
        ) { $0.virtualGateways["front"] = gateway(["all": gatewayRoute("colour.colors.local")]) },
        Case(
            "when a backend does not exist", ["warning unknown-virtual-service"],
            at: "virtualNode blue / backends[0].virtualService.virtualServiceName"
        ) { $0.virtualNodes["blue"] = node(backends: ["other.local"]) },
        Case(
            "when a service has no provider", ["warning no-provider"],
            at: "virtualService color.colors.local / provider"
        ) {
            $0.virtualServices["color.colors.local"] = VirtualServiceSpec()
        },
        Case(
            "when a gateway route leads to a service of another protocol", ["error protocol-mismatch"],
            at: "gatewayRoute all / httpRoute.action.target", suggestion: "the listeners of db.local are 3306/tcp"
        ) {
            $0.virtualNodes["db"] = node([(3306, .tcp)])
            $0.virtualServices["db.local"] = service(node: "db")
            $0.virtualGateways["front"] = gateway(["all": gatewayRoute("db.local")])
        },
        Case("when two services mean one host", ["error duplicate-host"], at: "virtualService color.colors.local") {
            $0.virtualServices["Color.colors.local"] = service(node: "blue")
        },
        Case(
            "when a route has no port and its router several", ["error port-required", "note several-ports"],
            at: "route canary / httpRoute.match",
            suggestion: "the listeners of router colors are 8080/http, 9090/http"
        ) {
            $0.virtualRouters["colors"]?.spec = router(8080, 9090)
            $0.virtualGateways["front"] = gateway(["all": gatewayRoute("color.colors.local", targetPort: 8080)])
        },
        Case(
            "when a route matches a port its router has not", ["error unknown-port"],
            at: "route canary / httpRoute.match.port", suggestion: "its listeners are 8080/http"
        ) { $0.virtualRouters["colors"]?.routes["canary"] = route(HttpRouteMatch(port: 9090, prefix: "/")) },
        Case(
            "when a target has no port and its node several", ["error port-required"], at: "\(routeField)[0]"
        ) {
            $0.virtualNodes["blue"] = node([(8080, .http), (9090, .http)])
            $0.virtualRouters["colors"]?.routes["canary"] = route()
        },
        Case("when a target has a port its node has not", ["error unknown-port"], at: "\(routeField)[0].port") {
            $0.virtualRouters["colors"]?.routes["canary"]?.httpRoute?.action.weightedTargets[0].port = 7
        },
        Case("when a target has no listener", ["error no-listener"], at: "\(routeField)[0].virtualNode") {
            $0.virtualNodes["blue"] = VirtualNodeSpec()
        },
        Case(
            "when a gateway route has no port and its gateway several", ["error port-required"],
            at: "gatewayRoute all / httpRoute.match"
        ) { $0.virtualGateways["front"] = gateway(["all": gatewayRoute("color.colors.local")], ports: [8080, 8081]) },
        Case("when a gateway route names an unknown port", ["error unknown-port"], at: "httpRoute.match.port") {
            $0.virtualGateways["front"] = gateway([
                "all": gatewayRoute("color.colors.local", HttpGatewayRouteMatch(port: 1, prefix: "/"))
            ])
        },
        Case("when the target's port is unknown", ["error unknown-port"], at: "httpRoute.action.target.port") {
            $0.virtualGateways["front"] = gateway(["all": gatewayRoute("color.colors.local", targetPort: 1)])
        },
        Case(
            "when the target has several ports and none is named", ["note several-ports", "error port-required"],
            at: "virtualService color.colors.local"
        ) {
            $0.virtualRouters["colors"]?.spec = router(8080, 9090)
            $0.virtualRouters["colors"]?.routes["canary"] = route(HttpRouteMatch(port: 8080, prefix: "/"))
        },
        Case(
            "when a route is of another protocol than its router", ["error protocol-mismatch"],
            at: "route canary / httpRoute", suggestion: "use 'http2Route', or change the listener"
        ) {
            $0.virtualRouters["colors"]?.spec = router(8080, as: .http2)
            $0.virtualGateways["front"] = nil
        },
        Case(
            "when a target is of another protocol than its route", ["error protocol-mismatch"], at: "\(routeField)[0]"
        ) { $0.virtualNodes["blue"] = node([(8080, .grpc)]) },
        Case(
            "when a gateway route is of another protocol than its gateway", ["error protocol-mismatch"],
            at: "gatewayRoute all / httpRoute"
        ) {
            $0.virtualGateways["front"]?.spec.listeners[0].portMapping.protocol = .grpc
        },
        Case("when a router has no routes", ["warning no-routes"], at: "virtualRouter colors") {
            $0.virtualRouters["colors"]?.routes = [:]
        },
        Case("when a gateway has no routes", ["warning no-routes"], at: "virtualGateway front") {
            $0.virtualGateways["front"] = gateway([:])
        },
        Case("when a router has no listener", ["warning no-listener"], at: "virtualRouter colors") {
            $0.virtualRouters["colors"]?.spec = VirtualRouterSpec()
        },
        Case("when a service's name cannot be a host", ["warning not-a-host-name"], at: "virtualService color:80") {
            $0.virtualServices["color:80"] = service(node: "blue")
        },
    ]

    @Test(arguments: cases)
    func finding(_ example: Case) throws {
        var mesh = colors()
        example.change(&mesh)
        let compiled = compile(mesh)
        let relevant = compiled.diagnostics.filter { $0.code != NotInForce.code }
        #expect(relevant.map { "\($0.severity.rawValue) \($0.code)" } == example.expected)
        let first = try #require(relevant.first)
        #expect(first.path.hasSuffix(example.field), "\(first.path)")
        if let suggestion = example.suggestion { #expect(first.suggestion == suggestion) }
        #expect(compiled.blocksRun == example.expected.contains { $0.hasPrefix("error") })
    }

    @Test("all at once, in file order, with positions")
    func positions() {
        var mesh = colors()
        mesh.virtualRouters["colors"]?.routes["canary"] = route(to: [("bleu", 1), ("gren", 1)])
        mesh.virtualServices["other.local"] = VirtualServiceSpec()
        var sources = SourceMap()
        let route = ResourceKey.route("canary", router: "colors", mesh: "colors")
        let field = "httpRoute.action.weightedTargets"
        sources.record(route, "\(field)[1].virtualNode", at: SourcePosition(file: "mesh.yaml", line: 9, column: 4))
        sources.record(route, "\(field)[0]", at: SourcePosition(file: "mesh.yaml", line: 8, column: 2))
        sources.record(
            .virtualService("other.local", mesh: "colors"), at: SourcePosition(file: "mesh.yaml", line: 3, column: 1))
        let compiled = compile(definitions(mesh), sources: sources)
        #expect(
            compiled.diagnostics.map { "\($0.position?.description ?? "-") \($0.code)" } == [
                "mesh.yaml:3:1 no-provider", "mesh.yaml:8:2 unknown-virtual-node", "mesh.yaml:9:4 unknown-virtual-node",
            ])
    }

    @Test("at one of its routes when a router that nothing else describes has no listener")
    func routerWithoutListeners() throws {
        var mesh = colors()
        mesh.virtualRouters["colors"]?.spec = VirtualRouterSpec()
        var sources = SourceMap()
        let position = SourcePosition(file: "routes.yaml", line: 4, column: 1)
        sources.record(.route("canary", router: "colors", mesh: "colors"), at: position)
        let finding = try #require(compile(definitions(mesh), sources: sources).finding("no-listener"))
        #expect(finding.position == position)
        #expect(finding.path == "mesh colors / virtualRouter colors")
        #expect(finding.message.contains("has routes and no `listeners`"))
    }

    @Test("with suggestions for as many names as can be compared in reasonable time")
    func suggestions() throws {
        let nodes = 1_000
        var mesh = colors()
        mesh.virtualNodes = Dictionary(uniqueKeysWithValues: (0..<nodes).map { ("a-rather-long-name-\($0)", node()) })
        mesh.virtualRouters["colors"]?.routes = Dictionary(
            uniqueKeysWithValues: (0..<nodes).map {
                ("r\($0)", route(HttpRouteMatch(prefix: "/\($0)"), to: [("a-rather-lang-name-\($0)", 1)]))
            })
        let findings = compile(mesh).diagnostics.filter { $0.code == "unknown-virtual-node" }
        #expect(findings.count == nodes)
        // A hundred times a thousand names.
        #expect(findings.count { $0.suggestion != nil } == 100)
        let first = try #require(findings.first)
        #expect(first.message.contains("'a-rather-lang-name-0'"))
        #expect(first.suggestion == "did you mean `a-rather-long-name-0`?")
    }

    @Test(
        "with the nearest name, of several the first in order",
        arguments: [
            ("blue", ["bleu", "blud", "glue"], "bleu"), ("gren", ["green", "grey"], "green"), ("abc", ["xyz"], nil),
            ("abcdef", ["badcef", "abcdxy"], "abcdxy"), ("ba", ["ab"], "ab"), ("a", ["b", "abcd"], "b"), ("x", [], nil),
            ("Colors", ["colors-two", "colors"], "colors"),
        ] as [(String, [String], String?)])
    func nearest(name: String, known: [String], expected: String?) {
        let suggestion = expected.map { "did you mean `\($0)`?" }
        #expect(Suggestion.question(for: name, among: known) == suggestion)
        #expect(Suggestion.question(for: name, among: known.reversed()) == suggestion)
    }

    @Test("mesh by mesh: names of one mean nothing in another")
    func meshes() {
        var other = colors()
        other.name = "paints"
        other.virtualNodes = ["red": node()]
        other.virtualRouters["colors"]?.routes["canary"] = route(to: [("red", 1)])
        let both = Definitions(meshes: ["colors": colors(), "paints": other])
        let compiled = compile(both)
        #expect(compiled.codes == [])
        #expect(
            compiled.proxy("paints/front")?.clusters.map(\.name) == ["cds_egress_paints_red_http_8080"])
        #expect(
            compiled.proxy("paints/front")?.upstreamSourceIP != compiled.proxy("colors/front")?.upstreamSourceIP)
    }
}
