// Small definitions for the tests, and the questions that tests ask of a plan.

import Definitions
import Routing

@testable import Compiler

/// Compiles with a fixed idea of privileged ports, so that nothing depends on who runs the tests.
func compile(
    _ definitions: Definitions, sources: SourceMap = SourceMap(), _ change: (inout CompilerOptions) -> Void = { _ in }
) -> CompiledMesh {
    var options = CompilerOptions(firstUnprivilegedPort: 1024)
    change(&options)
    return MeshCompiler.compile(definitions, sources: sources, options: options)
}

func compile(_ mesh: MeshDefinition, local: MeshPlacement = MeshPlacement()) -> CompiledMesh {
    compile(definitions(mesh, local: local))
}

func definitions(_ mesh: MeshDefinition, local: MeshPlacement? = nil) -> Definitions {
    Definitions(
        meshes: [mesh.name: mesh], local: LocalPlacement(meshes: local.map { [mesh.name: $0] } ?? [:]))
}

/// The mesh of the design: gateway `front`, service `color.colors.local`, router `colors`, nodes `blue` and `green`.
func colors() -> MeshDefinition {
    MeshDefinition(
        name: "colors",
        virtualNodes: ["blue": node(), "green": node()],
        virtualRouters: [
            "colors": VirtualRouterDefinition(
                spec: router(8080), routes: ["canary": route(to: [("blue", 90), ("green", 10)])])
        ],
        virtualServices: ["color.colors.local": service(router: "colors")],
        virtualGateways: ["front": gateway(["all": gatewayRoute("color.colors.local")])])
}

func node(
    _ ports: [(Int, PortProtocol)] = [(8080, .http)], backends: [String] = [],
    change: (inout Listener) -> Void = { _ in }
) -> VirtualNodeSpec {
    VirtualNodeSpec(
        backends: backends.isEmpty
            ? nil : backends.map { .virtualService(VirtualServiceBackend(virtualServiceName: $0)) },
        listeners: ports.map { port in
            var listener = Listener(portMapping: PortMapping(port: port.0, protocol: port.1))
            change(&listener)
            return listener
        },
        serviceDiscovery: .dns(DnsServiceDiscovery(hostname: "node.local", responseType: .endpoints)))
}

func router(_ ports: Int..., as kind: PortProtocol = .http) -> VirtualRouterSpec {
    VirtualRouterSpec(
        listeners: ports.map { VirtualRouterListener(portMapping: PortMapping(port: $0, protocol: kind)) })
}

func service(router: String) -> VirtualServiceSpec {
    VirtualServiceSpec(provider: .virtualRouter(VirtualRouterServiceProvider(virtualRouterName: router)))
}

func service(node: String) -> VirtualServiceSpec {
    VirtualServiceSpec(provider: .virtualNode(VirtualNodeServiceProvider(virtualNodeName: node)))
}

func targets(_ targets: [(String, Int)]) -> HttpRouteAction {
    HttpRouteAction(weightedTargets: targets.map { WeightedTarget(virtualNode: $0.0, weight: $0.1) })
}

func route(
    _ match: HttpRouteMatch = HttpRouteMatch(prefix: "/"), to nodes: [(String, Int)] = [("blue", 1)],
    priority: Int? = nil, timeout: HttpTimeout? = nil
) -> RouteSpec {
    RouteSpec(httpRoute: HttpRoute(action: targets(nodes), match: match, timeout: timeout), priority: priority)
}

func gateway(_ routes: [String: GatewayRouteSpec], ports: [Int] = [8080]) -> VirtualGatewayDefinition {
    VirtualGatewayDefinition(
        spec: VirtualGatewaySpec(
            listeners: ports.map {
                VirtualGatewayListener(portMapping: VirtualGatewayPortMapping(port: $0, protocol: .http))
            }), gatewayRoutes: routes)
}

func gatewayRoute(
    _ service: String, _ match: HttpGatewayRouteMatch = HttpGatewayRouteMatch(prefix: "/"),
    rewrite: HttpGatewayRouteRewrite? = nil, targetPort: Int? = nil, priority: Int? = nil
) -> GatewayRouteSpec {
    let target = GatewayRouteTarget(
        virtualService: GatewayRouteVirtualService(virtualServiceName: service), port: targetPort)
    return GatewayRouteSpec(
        httpRoute: HttpGatewayRoute(action: HttpGatewayRouteAction(target: target, rewrite: rewrite), match: match),
        priority: priority)
}

func seconds(_ value: Int) -> DurationSpec { DurationSpec(unit: .s, value: value) }

extension CompiledMesh {
    func proxy(_ name: String) -> ProxyPlan? { plan.proxies.first { $0.name == name } }

    /// Severity and code of every finding: `error unknown-virtual-node`.
    var codes: [String] { diagnostics.map { "\($0.severity.rawValue) \($0.code)" } }

    func finding(_ code: String) -> Diagnostic? { diagnostics.first { $0.code == code } }
}

extension ProxyPlan {
    func listener(_ name: String) -> ListenerPlan? { listeners.first { $0.name == name } }

    func virtualHost(_ name: String) -> VirtualHostPlan? { virtualHosts.first { $0.name == name } }

    func cluster(_ name: String) -> ClusterPlan? { clusters.first { $0.name == name } }

    /// Names of the clusters a route forwards to, with their weights.
    func backends(_ route: RoutePlan?) -> [String] {
        guard case .forward(let backends) = route?.action else { return [] }
        return backends.map { "\(clusters[$0.cluster].name) \($0.weight)" }
    }

    /// Host patterns of a listener with the virtual hosts they lead to.
    func hosts(_ listener: String) -> [String] {
        (self.listener(listener)?.hosts ?? []).map { binding in
            let name = virtualHosts[binding.virtualHost].name
            return switch binding.pattern {
            case .exact(let host): "\(host) -> \(name)"
            case .suffix(let suffix): "*\(suffix) -> \(name)"
            case .any: "* -> \(name)"
            }
        }
    }
}

extension ListenerPlan {
    var addresses: [String] { binds.map(\.address.description) }
}
