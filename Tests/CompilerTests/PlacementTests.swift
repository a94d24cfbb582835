// Where things are on this machine (design section 6).

import Definitions
import Routing
import Testing

@testable import Compiler

@Suite("A placement")
struct PlacementTests {
    static func local(_ nodes: [String: NodePlacement]) -> MeshPlacement { MeshPlacement(nodes: nodes) }

    static func app(_ host: String, _ port: Int) -> NodeInstance {
        NodeInstance(workload: .app(.ip(host, port: port)))
    }

    static func endpoints(_ compiled: CompiledMesh, _ proxy: String, _ cluster: String) -> [String] {
        (compiled.proxy(proxy)?.cluster(cluster)?.endpoints ?? []).map { "\($0.name) \($0.address)" }
    }

    @Test("with several instances gives each a sidecar, and clients one endpoint for each")
    func instances() {
        let echo = NodeInstance(workload: .echo(EchoSettings(body: "green")))
        let compiled = compile(
            colors(), local: Self.local(["green": NodePlacement(instances: [echo, Self.app("127.0.0.1", 9002)])]))
        #expect(compiled.codes == [])
        let sidecars = compiled.plan.proxies.filter { $0.role == .sidecar }
        #expect(sidecars.map(\.name) == ["colors/blue#0", "colors/green#0", "colors/green#1"])
        #expect(
            Self.endpoints(compiled, "colors/front", "cds_egress_colors_green_http_8080")
                == sidecars.dropFirst().map { "\($0.name) \($0.upstreamSourceIP ?? "")" + ":8080" })
        #expect(
            Self.endpoints(compiled, "colors/green#1", "cds_ingress_colors_green_http_8080") == [
                "colors/green#1 127.0.0.1:9002"
            ])
        #expect(compiled.workloads.map(\.name) == ["colors/blue#0", "colors/green#0"])
    }

    @Test("can be a unix socket")
    func unix() {
        let instance = NodeInstance(workload: .app(.unix(path: "/run/app.sock")))
        let compiled = compile(colors(), local: Self.local(["blue": NodePlacement(instances: [instance])]))
        #expect(
            Self.endpoints(compiled, "colors/blue#0", "cds_ingress_colors_blue_http_8080") == [
                "colors/blue#0 unix:/run/app.sock"
            ])
    }

    @Test("with endpoints is reached directly, without sidecar, and says what is not applied")
    func direct() {
        var mesh = colors()
        mesh.virtualNodes["blue"] = node {
            $0.timeout = .http(HttpTimeout(perRequest: seconds(1)))
            $0.connectionPool = .http(VirtualNodeHttpConnectionPool(maxConnections: 1))
        }
        let compiled = compile(
            mesh,
            local: Self.local([
                "blue": NodePlacement(endpoints: [
                    .ip("10.0.0.1", port: 80), .ip("10.0.0.2", port: 80), .ip("10.0.0.1", port: 80),
                ])
            ]))
        #expect(
            compiled.codes == [
                "warning repeated-endpoint", "warning not-applied", "warning not-applied",
            ])
        #expect(compiled.proxy("colors/blue#0") == nil)
        #expect(
            Self.endpoints(compiled, "colors/front", "cds_egress_colors_blue_http_8080") == [
                "10.0.0.1:80 10.0.0.1:80", "10.0.0.2:80 10.0.0.2:80",
            ])
        #expect(!compiled.blocksRun)
    }

    @Test("with endpoints says that the node's log and backends are nobody's, and checks them all the same")
    func directCaller() throws {
        var mesh = colors()
        mesh.virtualNodes["blue"] = node(backends: ["colour.colors.local"])
        mesh.virtualNodes["blue"]?.logging = Logging(accessLog: .file(FileAccessLog(path: "/dev/stdout")))
        let local = Self.local(["blue": NodePlacement(endpoints: [.ip("10.0.0.1", port: 80)])])
        let compiled = compile(mesh, local: local)
        let notApplied = compiled.diagnostics.filter { $0.code == "not-applied" }
        #expect(notApplied.map(\.severity) == [.warning, .warning])
        #expect(
            notApplied.map(\.path) == [
                "mesh colors / virtualNode blue / logging.accessLog", "mesh colors / virtualNode blue / backends",
            ])
        let unknown = try #require(compiled.finding("unknown-virtual-service"))
        #expect(unknown.path.hasSuffix("virtualNode blue / backends[0].virtualService.virtualServiceName"))
        #expect(compiled.accessLogs.map(\.resource) == [.virtualNode("blue", mesh: "colors")])
        #expect(compile(mesh).finding("not-applied") == nil)
    }

    @Test("may move ingress to a socket")
    func ingress() {
        let instance = NodeInstance(ingress: .ip("127.0.0.1", port: 80))
        let compiled = compile(colors(), local: Self.local(["blue": NodePlacement(instances: [instance])]))
        let listener = compiled.proxy("colors/blue#0")?.listener("ingress_8080")
        #expect(listener?.binds == [ListenerPlan.Bind(.ip(host: "127.0.0.1", port: 80))])
        #expect(
            Self.endpoints(compiled, "colors/front", "cds_egress_colors_blue_http_8080") == [
                "colors/blue#0 127.0.0.1:80"
            ])
    }

    @Test("may move gateways and sidecars to an address")
    func address() {
        var local = Self.local(["blue": NodePlacement(instances: [NodeInstance(address: "127.0.0.20")])])
        local.gateways["front"] = GatewayPlacement(address: "127.0.0.10")
        let compiled = compile(colors(), local: local)
        #expect(compiled.proxy("colors/front")?.listener("ingress_8080")?.addresses.first == "127.0.0.10:8080")
        #expect(compiled.proxy("colors/front")?.admin?.description == "127.0.0.10:9901")
        #expect(compiled.proxy("colors/blue#0")?.upstreamSourceIP == "127.0.0.20")
    }

    @Test("on an address that is not loopback keeps the derived egress")
    func foreignAddress() {
        let local = Self.local(["blue": NodePlacement(instances: [NodeInstance(address: "10.0.0.5")])])
        let compiled = compile(colors(), local: local)
        let plain = compile(colors())
        #expect(compiled.proxy("colors/blue#0")?.upstreamSourceIP == "10.0.0.5")
        #expect(
            compiled.proxy("colors/blue#0")?.listener("egress_15001")?.binds
                == plain.proxy("colors/blue#0")?.listener("egress_15001")?.binds)
    }

    @Test("whose application is one of our own listeners is refused")
    func ownListener() throws {
        let ingress = try #require(compile(colors()).proxy("colors/green#0")?.upstreamSourceIP)
        for (nodes, field) in [
            (["blue": NodePlacement(instances: [Self.app(ingress, 8080)])], "nodes.blue.instances[0].app"),
            (["blue": NodePlacement(endpoints: [.ip(ingress, port: 8080)])], "nodes.blue.endpoints"),
            (["blue": NodePlacement(instances: [Self.app(ingress, 9901)])], "nodes.blue.instances[0].app"),
        ] {
            let finding = try #require(compile(colors(), local: Self.local(nodes)).finding("own-listener"))
            #expect(finding.severity == .error)
            #expect(finding.path.hasSuffix(field))
        }
    }

    @Test("of two listeners on one socket is refused")
    func socketTwice() {
        let instance = NodeInstance(ingress: .ip("127.0.0.7", port: 80))
        let local = Self.local([
            "blue": NodePlacement(instances: [instance]), "green": NodePlacement(instances: [instance]),
        ])
        #expect(compile(colors(), local: local).codes == ["error listener-collision"])
    }

    struct Wildcard: Sendable, CustomTestStringConvertible {
        var testDescription: String
        var message: String
        var field: String
        var code = "listener-collision"
        var suggestion = "give the gateway one address, such as 127.0.0.1, or its listener another port"
        var local: @Sendable (inout LocalPlacement) -> Void
    }

    static func gateway(_ address: String) -> @Sendable (inout LocalPlacement) -> Void {
        { $0.meshes["colors"] = MeshPlacement(gateways: ["front": GatewayPlacement(address: address)]) }
    }

    static func blue(_ instance: NodeInstance, gateway: String? = nil) -> @Sendable (inout LocalPlacement) -> Void {
        { local in
            var mesh = MeshPlacement(nodes: ["blue": NodePlacement(instances: [instance])])
            if let gateway { mesh.gateways["front"] = GatewayPlacement(address: gateway) }
            local.meshes["colors"] = mesh
        }
    }

    /// In the mesh of the design the gateway, both sidecars and both workloads use port 8080.
    static let wildcards: [Wildcard] = [
        Wildcard(
            testDescription: "a gateway on every address meets everybody on its port once",
            message: "gateway colors/front listens on 0.0.0.0:8080, that is on every address, and the sidecar of"
                + " colors/blue#0 (and 3 more) needs port 8080 on its own",
            field: "gateways.front.address", local: gateway("0.0.0.0")),
        Wildcard(
            testDescription: "on every IPv6 address it has the IPv4 ones too",
            message: "gateway colors/front listens on [::]:8080, that is on every address, and the sidecar of"
                + " colors/blue#0 (and 3 more) needs port 8080 on its own",
            field: "gateways.front.address", local: gateway("::")),
        Wildcard(
            testDescription: "a sidecar meets the admin of the process",
            message: "the sidecar of colors/blue#0 listens on 0.0.0.0:9901, that is on every address, and the admin"
                + " listener of the process needs port 9901 on its own",
            field: "nodes.blue.instances[0].ingress",
            suggestion: "give the sidecar one address, such as 127.0.0.1, or its listener another port",
            local: blue(NodeInstance(ingress: .ip("0.0.0.0", port: 9901)))),
        Wildcard(
            testDescription: "an application on a local address is the listener on every address",
            message: "the application 127.0.0.1:7000 is listener ingress_8080 of colors/blue#0, which listens on every"
                + " address, so requests would never leave the mesh",
            field: "nodes.blue.instances[0].app", code: "own-listener",
            suggestion: "give the address on which the workload itself listens",
            local: blue(
                NodeInstance(workload: .app(.ip("127.0.0.1", port: 7000)), ingress: .ip("0.0.0.0", port: 7000)))),
        Wildcard(
            testDescription: "an application on ::1 is, too",
            message: "the application [::1]:7000 is listener ingress_8080 of colors/blue#0, which listens on every"
                + " address, so requests would never leave the mesh",
            field: "nodes.blue.instances[0].app", code: "own-listener",
            suggestion: "give the address on which the workload itself listens",
            local: blue(NodeInstance(workload: .app(.ip("::1", port: 7000)), ingress: .ip("::", port: 7000)))),
        Wildcard(
            testDescription: "an application on every address is called on one",
            message: "0.0.0.0 is a place to listen, not one to call", field: "nodes.blue.instances[0].app",
            code: "wildcard-destination",
            suggestion: "give the address where the application is reached, such as 127.0.0.1:7000",
            local: blue(NodeInstance(workload: .app(.ip("0.0.0.0", port: 7000))))),
        Wildcard(
            testDescription: "and so is an endpoint",
            message: ":: is a place to listen, not one to call", field: "nodes.blue.endpoints",
            code: "wildcard-destination",
            suggestion: "give the address where the endpoint is reached, such as 127.0.0.1:7000",
            local: {
                $0.meshes["colors"] = MeshPlacement(nodes: ["blue": NodePlacement(endpoints: [.ip("::", port: 7000)])])
            }),
    ]

    @Test("on every address is refused where something else needs the port", arguments: wildcards)
    func wildcard(example: Wildcard) throws {
        var definitions = definitions(colors())
        example.local(&definitions.local)
        var sources = SourceMap()
        let position = SourcePosition(file: "local.yaml", line: 3, column: 5)
        sources.record(.local(mesh: "colors"), example.field, at: position)
        let compiled = compile(definitions, sources: sources) { $0.admin = .ip(host: "127.0.0.1", port: 9901) }
        #expect(compiled.codes == ["error \(example.code)"])
        let finding = try #require(compiled.diagnostics.first)
        #expect(finding.message == example.message)
        #expect(finding.path == "mesh colors / local / \(example.field)")
        #expect(finding.suggestion == example.suggestion)
        #expect(finding.position == position)
    }

    @Test("on every address is fine where nothing else needs the port, also for the admin of each proxy")
    func wildcardAlone() throws {
        var mesh = colors()
        mesh.virtualGateways["front"]?.spec.listeners[0].portMapping.port = 9901
        let compiled = compile(mesh, local: MeshPlacement(gateways: ["front": GatewayPlacement(address: "::")]))
        #expect(compiled.codes == [])
        #expect(compiled.plan.proxies.allSatisfy { $0.admin == nil })
        #expect(compiled.proxy("colors/front")?.listeners.first?.addresses == ["[::]:9901"])
        let admin = compile(definitions(colors())) { $0.admin = .ip(host: "0.0.0.0", port: 9901) }
        #expect(admin.codes == [])
        #expect(admin.plan.proxies.allSatisfy { $0.admin == nil })
    }

    @Test("on every address concerns the listeners of the same process only")
    func wildcardOfOnePart() {
        var definitions = definitions(colors())
        Self.gateway("0.0.0.0")(&definitions.local)
        for (gateway, node) in [
            (GatewaySelector("colors/front"), nil), (nil, NodeSelector("colors/blue")),
        ] as [(GatewaySelector?, NodeSelector?)] {
            let part = compile(definitions) {
                $0.gateway = gateway
                $0.node = node
            }
            #expect(part.codes == [])
        }
    }

    @Test("of a collision without a placement points to what listens")
    func collisionPosition() throws {
        var local = Self.local(["blue": NodePlacement(instances: [NodeInstance(ingress: .ip("127.0.0.7", port: 80))])])
        local.nodes["green"] = NodePlacement(instances: [NodeInstance(ingress: .ip("127.0.0.7", port: 80))])
        var sources = SourceMap()
        sources.record(.local(mesh: "colors"), at: SourcePosition(file: "local.yaml", line: 1, column: 1))
        let position = SourcePosition(file: "nodes.yaml", line: 9, column: 1)
        sources.record(.virtualNode("green", mesh: "colors"), at: position)
        let finding = try #require(
            compile(definitions(colors(), local: local), sources: sources).finding("listener-collision"))
        #expect(finding.path == "mesh colors / local / nodes.green.instances[0].ingress")
        #expect(finding.position == position)
    }

    @Test("of gateways on one address is fine if their ports differ")
    func sharedAddress() {
        var mesh = colors()
        mesh.virtualGateways["back"] = CompilerTests.gateway(["all": gatewayRoute("color.colors.local")], ports: [9000])
        var local = MeshPlacement(gateways: [
            "front": GatewayPlacement(address: "127.0.0.1"), "back": GatewayPlacement(address: "127.0.0.1"),
        ])
        let compiled = compile(mesh, local: local)
        #expect(compiled.codes == [])
        #expect(compiled.proxy("colors/front")?.listeners.first?.addresses == ["127.0.0.1:8080"])
        #expect(compiled.proxy("colors/back")?.listeners.first?.addresses == ["127.0.0.1:9000"])
        #expect(compiled.plan.proxies.filter { $0.role == .gateway }.allSatisfy { $0.admin == nil })
        mesh.virtualGateways["back"] = mesh.virtualGateways["front"]
        #expect(compile(mesh, local: local).codes == ["error listener-collision"])
        // The address of somebody who has it from the hash is taken.
        local.gateways["back"] = nil
        local.gateways["front"]?.address =
            AddressRange.standard.address(
                mesh: "colors", kind: "virtualGateway", name: "back", instance: "0"
            ).description
        #expect(compile(mesh, local: local).codes.contains("error address-collision"))
    }

    @Test("of things that do not exist is refused")
    func unknown() {
        var local = Self.local(["bleu": NodePlacement()])
        local.gateways["fron"] = GatewayPlacement()
        var definitions = definitions(colors(), local: local)
        definitions.local.meshes["colours"] = MeshPlacement()
        definitions.local.targetGroups["tg"] = TargetGroupPlacement()
        definitions.local.vpcs["vpc-1"] = VpcPlacement()
        let compiled = compile(definitions)
        #expect(
            compiled.codes == [
                "error unknown-virtual-node", "error unknown-virtual-gateway", "error unknown-mesh",
                "error unknown-target-group", "error unknown-vpc",
            ])
        #expect(
            compiled.diagnostics.prefix(3).map(\.suggestion) == [
                "did you mean `blue`?", "did you mean `front`?", "did you mean `colors`?",
            ])
    }

    @Test("of several instances is doubted where AWS sees one logical host")
    func logicalHost() {
        var mesh = colors()
        mesh.virtualNodes["blue"]?.serviceDiscovery = .dns(DnsServiceDiscovery(hostname: "blue.local"))
        let local = Self.local(["blue": NodePlacement(instances: [NodeInstance(), NodeInstance()])])
        #expect(compile(mesh, local: local).codes == ["warning one-logical-host"])
        mesh.virtualNodes["blue"]?.serviceDiscovery = .dns(
            DnsServiceDiscovery(hostname: "blue.local", responseType: .endpoints))
        #expect(compile(mesh, local: local).codes == [])
    }

    @Test("of one application for several listeners, or of one ingress, is doubted or refused")
    func severalListeners() {
        var mesh = colors()
        mesh.virtualNodes["green"] = node([(8080, .http), (9090, .http)])
        mesh.virtualRouters["colors"]?.routes["canary"] = route()
        var local = Self.local(["green": NodePlacement(instances: [Self.app("127.0.0.1", 7000)])])
        #expect(compile(mesh, local: local).codes == ["warning one-app-for-several-listeners"])
        local = Self.local(["green": NodePlacement(instances: [NodeInstance(ingress: .ip("127.0.0.9", port: 1))])])
        #expect(compile(mesh, local: local).codes.contains("error ingress-needs-one-listener"))
    }

    @Test("carries the settings of the built-in workload")
    func echo() throws {
        let settings = EchoSettings(
            name: "n", body: "b", delay: .seconds(1), jitter: .seconds(2), failShare: 0.5, failStatus: 503,
            reset: .afterHead, slowBody: .bytesPerSecond(10), calls: ["http://color.colors.local/"])
        let local = Self.local(["blue": NodePlacement(instances: [NodeInstance(workload: .echo(settings))])])
        let workload = try #require(compile(colors(), local: local).workloads.first)
        #expect(
            workload.settings
                == WorkloadSettings(
                    name: "n", body: .text("b"), delay: .seconds(1), jitter: .seconds(2), failShare: 0.5,
                    failStatus: 503, reset: .afterHead, slowBody: .bytesPerSecond(10),
                    calls: ["http://color.colors.local/"]))
        #expect(WorkloadLowering.settings(EchoSettings(bodyBytes: 7), title: "t").body == .bytes(7))
        #expect(WorkloadLowering.settings(EchoSettings(name: "n"), title: "t").body == .text("n"))
    }

    @Test("of a node without listeners runs its egress and no workload")
    func clientOnly() {
        var mesh = colors()
        mesh.virtualNodes["client"] = VirtualNodeSpec(backends: [
            .virtualService(VirtualServiceBackend(virtualServiceName: "color.colors.local"))
        ])
        let compiled = compile(mesh)
        #expect(compiled.codes == [])
        #expect(compiled.proxy("colors/client#0")?.listeners.map(\.name) == ["egress_15001", "egress_8080"])
        #expect(compiled.proxy("workload:colors/client#0") == nil)
    }

    @Test("maps prefixes of log paths, the longest first and by whole components")
    func paths() {
        let logs = AccessLogLowering(
            paths: ["/var": "/a", "/var/log": "./logs", "/x/": "/y/"],
            findings: Findings(sources: SourceMap()))
        for (path, mapped) in [
            ("/var/log/front.log", "./logs/front.log"), ("/var/run", "/a/run"), ("/variable", "/variable"),
            ("/var/log", "./logs"), ("/x/z", "/y/z"), ("/dev/stdout", "/dev/stdout"),
        ] {
            #expect(logs.mapped(path) == mapped)
        }
    }

    @Test("keeps the formats of access logs")
    func logs() {
        var mesh = colors()
        let fields = [JsonFormatRef(key: "b", value: "%PROTOCOL%"), JsonFormatRef(key: "a", value: "x")]
        mesh.virtualNodes["blue"]?.logging = Logging(
            accessLog: .file(FileAccessLog(path: "/dev/stdout", format: .json(fields))))
        mesh.virtualNodes["green"]?.logging = Logging(
            accessLog: .file(FileAccessLog(path: "/tmp/g", format: .text("%DURATION%\n"))))
        let compiled = compile(definitions(mesh))
        #expect(
            compiled.proxy("colors/blue#0")?.accessLogs.map(\.format) == [
                .json([.init(key: "b", value: "%PROTOCOL%"), .init(key: "a", value: "x")])
            ])
        #expect(compiled.proxy("colors/green#0")?.accessLogs.map(\.format) == [.text("%DURATION%\n")])
        #expect(compiled.proxy("colors/front")?.accessLogs == [])
        #expect(compiled.proxy("workload:colors/blue#0")?.accessLogs == [])
    }
}

@Suite("A part of the mesh")
struct SelectionTests {
    @Test("is one instance, with everybody's addresses")
    func node() throws {
        let whole = compile(colors())
        let part = compile(definitions(colors())) { $0.node = NodeSelector("colors/blue") }
        #expect(part.codes == [])
        #expect(part.plan.proxies.map(\.name) == ["colors/blue#0"])
        #expect(part.workloads == [])
        let blue = try #require(part.proxy("colors/blue#0"))
        #expect(blue.listeners.map(\.binds) == whole.proxy("colors/blue#0")?.listeners.map(\.binds))
        #expect(
            blue.cluster("cds_ingress_colors_blue_http_8080")?.endpoints.map(\.address.description) == [
                "127.0.0.1:8080"
            ])
    }

    @Test("runs the built-in workload that the placement names")
    func workload() {
        let local = MeshPlacement(nodes: [
            "blue": NodePlacement(instances: [NodeInstance(), NodeInstance(workload: .echo(EchoSettings()))])
        ])
        let part = compile(definitions(colors(), local: local)) { $0.node = NodeSelector("colors/blue#1") }
        #expect(part.plan.proxies.map(\.name) == ["colors/blue#1", "workload:colors/blue#1"])
        #expect(part.workloads.map(\.name) == ["colors/blue#1"])
    }

    @Test("is one gateway, which leaves 127.0.0.1 to the applications of the others")
    func gateway() {
        let part = compile(definitions(colors())) { $0.gateway = GatewaySelector("colors/front") }
        #expect(part.plan.proxies.map(\.name) == ["colors/front"])
        #expect(part.proxy("colors/front")?.listeners.first?.binds.count == 1)
        let whole = compile(colors())
        #expect(part.proxy("colors/front")?.clusters == whole.proxy("colors/front")?.clusters)
    }

    @Test(
        "that does not exist is an error",
        arguments: [
            ("colors/bleu", "unknown-virtual-node", "did you mean `colors/blue`?"),
            ("colour/blue", "unknown-virtual-node", "did you mean `colors/blue`?"),
            ("colors/blue#7", "unknown-instance", "instances count from #0"),
            ("colors/green#0", "unknown-instance", "give it 'instances'"),
        ])
    func unknown(text: String, code: String, suggestion: String) throws {
        let local = MeshPlacement(nodes: ["green": NodePlacement(endpoints: [.ip("10.0.0.1", port: 80)])])
        let part = compile(definitions(colors(), local: local)) { $0.node = NodeSelector(text) }
        let finding = try #require(part.finding(code))
        #expect(finding.suggestion == suggestion)
        #expect(part.plan.proxies.isEmpty)
        #expect(part.blocksRun)
    }

    @Test(
        "is written MESH/NODE or MESH/NODE#N",
        arguments: [
            ("a/b", NodeSelector(mesh: "a", node: "b", instance: 0)),
            ("a/b#12", NodeSelector(mesh: "a", node: "b", instance: 12)),
            ("a", nil), ("a/", nil), ("/b", nil), ("a/b/c", nil), ("a/b#", nil), ("a/b#-1", nil), ("", nil),
        ] as [(String, NodeSelector?)])
    func text(text: String, selector: NodeSelector?) {
        #expect(NodeSelector(text) == selector)
    }
}
