// Sidecars: what egress reaches and how, what ingress applies.

import Definitions
import Routing
import Testing

@testable import Compiler

@Suite("Egress")
struct EgressTests {
    static let aws = "*.amazonaws.com -> amazonaws"

    static func mesh(_ filter: EgressFilterType?, backends: [String]) -> MeshDefinition {
        var mesh = colors()
        mesh.spec.egressFilter = filter.map { EgressFilter(type: $0) }
        mesh.virtualServices["Green.colors.local."] = service(node: "green")
        mesh.virtualNodes["blue"] = node(backends: backends)
        return mesh
    }

    @Test(
        "reaches declared backends; ALLOW_ALL without any reaches everything",
        arguments: [
            (nil, [], [aws]), (.dropAll, [], [aws]),
            (.dropAll, ["color.colors.local"], ["color.colors.local -> color.colors.local", aws]),
            (
                .allowAll, [],
                [
                    "green.colors.local -> Green.colors.local.", "color.colors.local -> color.colors.local", aws,
                    "* -> mesh-allow-all",
                ]
            ),
            (.allowAll, ["color.colors.local"], ["color.colors.local -> color.colors.local", aws]),
        ] as [(EgressFilterType?, [String], [String])])
    func reach(filter: EgressFilterType?, backends: [String], hosts: [String]) {
        let blue = compile(Self.mesh(filter, backends: backends)).proxy("colors/blue#0")
        #expect(blue?.hosts("egress_15001") == hosts)
    }

    @Test("forwards what is outside of the mesh to the authority of the request")
    func outside() throws {
        let blue = try #require(compile(Self.mesh(.allowAll, backends: [])).proxy("colors/blue#0"))
        for name in ["amazonaws", "mesh-allow-all"] {
            #expect(blue.virtualHost(name)?.routes.map(\.action) == [.forwardToAuthority])
        }
    }

    @Test("listens on 15001 for any service and on each port of the services it reaches")
    func ports() {
        var mesh = colors()
        mesh.virtualNodes["green"] = node([(9090, .http)])
        mesh.virtualServices["green.local"] = service(node: "green")
        mesh.virtualNodes["blue"] = node(backends: ["color.colors.local", "green.local"])
        mesh.virtualRouters["colors"]?.routes["canary"] = route()
        let blue = compile(mesh).proxy("colors/blue#0")
        #expect(blue?.listeners.map(\.name) == ["ingress_8080", "egress_15001", "egress_8080", "egress_9090"])
        #expect(
            blue?.listeners.map(\.portRule) == [
                .fixed(8080), .service(listenerPort: nil), .service(listenerPort: 8080), .service(listenerPort: 9090),
            ])
        #expect(blue?.hosts("egress_8080").first == "color.colors.local -> color.colors.local")
        #expect(blue?.hosts("egress_9090") == ["green.local -> green.local", Self.aws])
        #expect(blue?.listener("egress_8080")?.binds.first?.address.port == 8080)
        #expect(
            blue?.listeners.allSatisfy { $0.direction == ($0.name.hasPrefix("egress") ? .egress : .ingress) } == true)
    }

    @Test("leaves a privileged port to 15001 where its fallback is another service's")
    func hiddenPort() {
        var mesh = colors()
        mesh.virtualNodes["green"] = node([(80, .http)])
        mesh.virtualServices["green.local"] = service(node: "green")
        mesh.virtualNodes["blue"] = node(backends: ["color.colors.local", "green.local"])
        mesh.virtualRouters["colors"]?.routes["canary"] = route()
        let compiled = compile(mesh)
        #expect(compiled.codes == ["note egress-port-taken"])
        #expect(
            compiled.proxy("colors/blue#0")?.listeners.map(\.name) == ["ingress_8080", "egress_15001", "egress_8080"])
    }

    @Test("to a service provided by a node has a fixed limit of 15 s, and a route for each port")
    func nodeProvider() {
        var mesh = colors()
        mesh.virtualNodes["green"] = node([(8080, .http), (9090, .http)]) {
            $0.timeout = .http(HttpTimeout(perRequest: seconds(60)))
        }
        mesh.virtualServices["green.local"] = service(node: "green")
        mesh.virtualNodes["blue"] = node(backends: ["green.local"])
        mesh.virtualRouters["colors"]?.routes["canary"] = route()
        let compiled = compile(mesh)
        let blue = compiled.proxy("colors/blue#0")
        let service = blue?.virtualHost("green.local")
        #expect(service?.ports == [8080, 9090])
        #expect(service?.routes.map(\.match.port) == [8080, 9090])
        #expect(
            service?.routes.flatMap { blue?.backends($0) ?? [] } == [
                "cds_egress_colors_green_http_8080 1", "cds_egress_colors_green_http_9090 1",
            ])
        #expect(service?.routes.allSatisfy { $0.timeouts.request.value == .seconds(15) } == true)
        #expect(compiled.finding("several-ports")?.message.contains("8080") == true)
    }

    @Test("to a service without provider finds no route")
    func noProvider() {
        var mesh = colors()
        mesh.virtualServices["empty.local"] = VirtualServiceSpec()
        mesh.virtualNodes["blue"] = node(backends: ["empty.local"])
        let blue = compile(mesh).proxy("colors/blue#0")
        #expect(blue?.hosts("egress_15001").first == "empty.local -> empty.local")
        #expect(blue?.virtualHost("empty.local")?.routes == [])
    }

    @Test("uses one cluster for one destination, however many routes lead to it")
    func clusters() {
        var mesh = colors()
        mesh.virtualRouters["colors"]?.routes["second"] = route(
            HttpRouteMatch(prefix: "/second"), to: [("green", 1), ("blue", 0)])
        let front = compile(mesh).proxy("colors/front")
        #expect(front?.clusters.count == 2)
        #expect(
            front?.backends(front?.virtualHost("color.colors.local")?.routes.first) == [
                "cds_egress_colors_green_http_8080 1", "cds_egress_colors_blue_http_8080 0",
            ])
    }

    @Test("chooses the target's port where it is named")
    func targetPort() {
        var mesh = colors()
        mesh.virtualNodes["blue"] = node([(8080, .http), (9090, .http)])
        mesh.virtualRouters["colors"]?.routes["canary"] = route()
        mesh.virtualRouters["colors"]?.routes["canary"]?.httpRoute?.action.weightedTargets[0].port = 9090
        let compiled = compile(mesh)
        #expect(compiled.codes == [])
        #expect(compiled.proxy("colors/front")?.clusters.map(\.name) == ["cds_egress_colors_blue_http_9090"])
    }
}

@Suite("Timeouts")
struct TimeoutTests {
    static func request(_ timeout: HttpTimeout?) -> TimeoutPlan {
        Timeouts.lower(timeout, .mesh("m"), "timeout", Findings(sources: SourceMap()))
    }

    @Test("default to 15 s for a request and 300 s of idling, and 0 disables")
    func defaults() {
        #expect(Self.request(nil).request.value == .seconds(15))
        #expect(Self.request(nil).request.origin.kind == "default")
        #expect(Self.request(nil).idle.value == .seconds(300))
        #expect(Self.request(HttpTimeout(perRequest: seconds(0))).request.value == nil)
        #expect(Self.request(HttpTimeout(idle: DurationSpec(unit: .ms, value: 1))).idle.value == .milliseconds(1))
        #expect(Self.request(HttpTimeout(perRequest: DurationSpec(unit: .s))).request.value == .seconds(15))
    }

    @Test("that are absurdly long are cut and never overflow")
    func huge() throws {
        for unit in [DurationUnit.s, .ms] {
            let value = Self.request(HttpTimeout(perRequest: DurationSpec(unit: unit, value: .max))).request.value
            let length = try #require(value.flatMap { $0 })
            #expect(length <= .seconds(4_000_000_000))
        }
    }

    @Test("of a listener apply at ingress, with their place")
    func ingress() throws {
        var mesh = colors()
        mesh.virtualNodes["blue"] = node { $0.timeout = .http(HttpTimeout(idle: seconds(0), perRequest: seconds(2))) }
        var sources = SourceMap()
        sources.record(
            .virtualNode("blue", mesh: "colors"), "listeners[0].timeout.http.perRequest",
            at: SourcePosition(file: "mesh.yaml", line: 4, column: 7))
        let compiled = compile(definitions(mesh), sources: sources)
        let blue = try #require(compiled.proxy("colors/blue#0"))
        let timeouts = try #require(blue.virtualHost("blue_8080")?.routes.first?.timeouts)
        #expect(timeouts.request.value == .seconds(2))
        #expect(timeouts.request.origin.description == "virtualNode colors/blue (mesh.yaml:4:7)")
        #expect(timeouts.idle.value == nil)
        let green = try #require(compiled.proxy("colors/green#0")?.virtualHost("green_8080")?.routes.first?.timeouts)
        #expect(green == Timeouts.standard)
    }

    @Test(
        "of a route that the node's listener cuts short are pointed out",
        arguments: [
            (seconds(60), nil, true), (seconds(10), nil, false), (seconds(0), nil, true),
            (seconds(60), seconds(60), false),
            (seconds(60), seconds(0), false), (seconds(60), seconds(30), true), (nil, seconds(1), false),
        ] as [(DurationSpec?, DurationSpec?, Bool)])
    func shorter(route asked: DurationSpec?, listener: DurationSpec?, isReported: Bool) {
        var mesh = colors()
        mesh.virtualRouters["colors"]?.routes["canary"] = route(timeout: asked.map { HttpTimeout(perRequest: $0) })
        mesh.virtualNodes["blue"] = node { $0.timeout = listener.map { .http(HttpTimeout(perRequest: $0)) } }
        #expect((compile(mesh).finding("shorter-listener-timeout") != nil) == isReported)
        // Without a sidecar nobody applies the listener's limit.
        let direct = MeshPlacement(
            nodes: Dictionary(
                uniqueKeysWithValues: ["blue", "green"].map {
                    ($0, NodePlacement(endpoints: [.ip("10.0.0.1", port: 80)]))
                }
            ))
        #expect(compile(mesh, local: direct).finding("shorter-listener-timeout") == nil)
    }

    @Test(
        "of a route's silence that the node's listener cuts short are pointed out as well",
        arguments: [
            (seconds(600), nil, "300.0 seconds"), (seconds(200), nil, nil), (seconds(0), nil, "300.0 seconds"),
            (seconds(600), seconds(600), nil), (seconds(600), seconds(0), nil),
            (seconds(600), seconds(400), "400.0 seconds"), (nil, seconds(1), nil),
        ] as [(DurationSpec?, DurationSpec?, String?)])
    func shorterIdle(route asked: DurationSpec?, listener: DurationSpec?, bound: String?) {
        var mesh = colors()
        mesh.virtualRouters["colors"]?.routes["canary"] = route(timeout: asked.map { HttpTimeout(idle: $0) })
        mesh.virtualNodes["blue"] = node { $0.timeout = listener.map { .http(HttpTimeout(idle: $0)) } }
        let findings = compile(mesh).diagnostics
        #expect(findings.map(\.code) == (bound == nil ? [] : ["shorter-listener-timeout"]))
        for finding in findings {
            #expect(finding.path == "mesh colors / virtualRouter colors / route canary / httpRoute.timeout.idle")
            #expect(finding.message.hasPrefix("node blue ends exchanges without a byte after \(bound ?? "") ("))
        }
    }
}
