// Nobody should believe in a protection that is not there (design section 8).

import Definitions
import Routing
import Testing

@testable import Compiler

@Suite("What is not in force")
struct NotInForceTests {
    static func tls(_ mode: ListenerTlsMode) -> ListenerTls {
        ListenerTls(
            certificate: .file(ListenerTlsFileCertificate(certificateChain: "/c", privateKey: "/k")), mode: mode)
    }

    static func policy(enforce: Bool?) -> ClientPolicy {
        ClientPolicy(
            tls: ClientPolicyTls(
                validation: TlsValidationContext(trust: .file(TlsValidationContextFileTrust(certificateChain: "/ca"))),
                enforce: enforce))
    }

    typealias Example = (change: @Sendable (inout MeshDefinition) -> Void, code: String, field: String)

    static let examples: [Example] = [
        (
            {
                $0.virtualRouters["colors"]?.routes["canary"]?.httpRoute?.retryPolicy = HttpRetryPolicy(
                    maxRetries: 1, perRetryTimeout: seconds(1))
            }, "warning not-in-force", "httpRoute.retryPolicy"
        ),
        (
            {
                $0.virtualNodes["blue"] = node {
                    $0.connectionPool = .http(VirtualNodeHttpConnectionPool(maxConnections: 1))
                }
            }, "warning not-in-force", "virtualNode blue / listeners[0].connectionPool"
        ),
        (
            {
                $0.virtualNodes["blue"] = node {
                    $0.outlierDetection = OutlierDetection(
                        baseEjectionDuration: seconds(1), interval: seconds(1), maxEjectionPercent: 50,
                        maxServerErrors: 1)
                }
            }, "warning not-in-force", "listeners[0].outlierDetection"
        ),
        (
            {
                $0.virtualNodes["blue"] = node {
                    $0.healthCheck = HealthCheckPolicy(
                        healthyThreshold: 2, intervalMillis: 5000, protocol: .http, timeoutMillis: 2000,
                        unhealthyThreshold: 2)
                }
            }, "warning not-in-force", "listeners[0].healthCheck"
        ),
        (
            { $0.virtualNodes["blue"] = node { $0.tls = tls(.strict) } }, "error unenforced-protection",
            "listeners[0].tls.mode"
        ),
        (
            { $0.virtualNodes["blue"] = node { $0.tls = tls(.permissive) } }, "warning not-in-force",
            "listeners[0].tls.mode"
        ),
        (
            { $0.virtualGateways["front"]?.spec.listeners[0].tls = tls(.strict) }, "error unenforced-protection",
            "virtualGateway front / listeners[0].tls.mode"
        ),
        (
            { $0.virtualNodes["blue"]?.backendDefaults = BackendDefaults(clientPolicy: policy(enforce: nil)) },
            "error unenforced-protection", "backendDefaults.clientPolicy.tls"
        ),
        (
            { $0.virtualNodes["blue"]?.backendDefaults = BackendDefaults(clientPolicy: policy(enforce: false)) },
            "warning not-in-force", "backendDefaults.clientPolicy.tls"
        ),
        (
            {
                $0.virtualNodes["blue"]?.backends = [
                    .virtualService(
                        VirtualServiceBackend(
                            virtualServiceName: "color.colors.local", clientPolicy: policy(enforce: true)))
                ]
            }, "error unenforced-protection", "backends[0].virtualService.clientPolicy.tls"
        ),
        (
            { $0.spec.serviceDiscovery = MeshServiceDiscovery(ipPreference: .ipv6Only) }, "note not-in-force",
            "serviceDiscovery.ipPreference"
        ),
        (
            { $0.virtualNodes["tcp"] = node([(3306, .tcp)]) }, "warning not-in-force",
            "virtualNode tcp / listeners[0].portMapping.protocol"
        ),
    ]

    @Test("is found at its field", arguments: examples.indices)
    func finding(index: Int) throws {
        let example = Self.examples[index]
        var mesh = colors()
        example.change(&mesh)
        let compiled = compile(mesh)
        #expect(compiled.codes == [example.code])
        #expect(try #require(compiled.diagnostics.first).path.hasSuffix(example.field))
        #expect(compiled.blocksRun == example.code.hasPrefix("error"))
        let allowed = compile(definitions(mesh)) { $0.allowUnenforced = true }
        #expect(!allowed.blocksRun)
        #expect(allowed.codes == [example.code.replacing("error", with: "warning")])
    }

    @Test("does not speak of TLS that is disabled")
    func disabled() {
        var mesh = colors()
        mesh.virtualNodes["blue"] = node { $0.tls = Self.tls(.disabled) }
        #expect(compile(mesh).codes == [])
    }

    @Test(
        "is opened for no protocol that is not built, and routed to by nobody",
        arguments: [PortProtocol.http2, .grpc, .tcp])
    func protocols(kind: PortProtocol) {
        var mesh = colors()
        mesh.virtualNodes = ["blue": node([(8080, kind)])]
        let action = targets([("blue", 1)])
        var spec = RouteSpec()
        switch kind {
        case .http2: spec.http2Route = HttpRoute(action: action, match: HttpRouteMatch(prefix: "/"))
        case .grpc: spec.grpcRoute = GrpcRoute(action: action, match: GrpcRouteMatch())
        default: spec.tcpRoute = TcpRoute(action: action)
        }
        mesh.virtualRouters["colors"] = VirtualRouterDefinition(
            spec: router(8080, as: kind), routes: ["canary": spec])
        mesh.virtualGateways = [:]
        mesh.virtualNodes["caller"] = VirtualNodeSpec(backends: [
            .virtualService(VirtualServiceBackend(virtualServiceName: "color.colors.local"))
        ])
        let compiled = compile(mesh)
        #expect(compiled.codes == ["warning not-in-force", "warning not-in-force"])
        #expect(compiled.proxy("colors/blue#0")?.listeners.map(\.name) == ["egress_15001"])
        #expect(compiled.proxy("colors/caller#0")?.listeners.map(\.name) == ["egress_15001"])
        #expect(compiled.proxy("colors/caller#0")?.virtualHost("color.colors.local")?.routes == [])
        #expect(compiled.workloads == [])
    }
}
