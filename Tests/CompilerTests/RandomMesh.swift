// Random meshes without errors, and requests to them, over alphabets so small that conditions overlap.

import Definitions

struct RandomMesh {
    var random: SplitMix

    init(seed: UInt64) { random = SplitMix(state: seed) }

    struct SplitMix: RandomNumberGenerator {
        var state: UInt64
        mutating func next() -> UInt64 {
            state &+= 0x9E37_79B9_7F4A_7C15
            var value = state
            value = (value ^ (value >> 30)) &* 0xBF58_476D_1CE4_E5B9
            value = (value ^ (value >> 27)) &* 0x94D0_49BB_1331_11EB
            return value ^ (value >> 31)
        }
    }

    private mutating func chance(_ percent: Int) -> Bool { Int.random(in: 0..<100, using: &random) < percent }
    private mutating func number(_ range: ClosedRange<Int>) -> Int { Int.random(in: range, using: &random) }
    private mutating func one<Value>(_ values: [Value]) -> Value { values[number(0...(values.count - 1))] }
    private mutating func word(_ letters: [String], _ lengths: ClosedRange<Int>) -> String {
        (0..<number(lengths)).map { _ in one(letters) }.joined()
    }

    static let services = ["a.local", "b.local", "B.A.local", "c.local"]
    private static let portSets = [[8080], [9090], [8080, 9090], [9090, 8080]]

    // MARK: Mesh

    mutating func mesh() -> MeshDefinition {
        var mesh = MeshDefinition(name: "m")
        if chance(60) { mesh.spec.egressFilter = EgressFilter(type: one([.allowAll, .dropAll])) }
        for index in 0..<3 {
            mesh.virtualNodes["n\(index)"] = node(one(Self.portSets))
            if index == 0, chance(50) {
                let backends = Self.services.shuffled(using: &random).prefix(number(1...3))
                mesh.virtualNodes["n0"]?.backends = backends.map {
                    .virtualService(VirtualServiceBackend(virtualServiceName: $0))
                }
            }
        }
        for index in 0..<2 {
            let ports = one(Self.portSets)
            var routes: [String: RouteSpec] = [:]
            for _ in 0..<number(0...7) { routes["r\(number(0...30))"] = route(ports, mesh) }
            let listeners = ports.map { VirtualRouterListener(portMapping: PortMapping(port: $0, protocol: .http)) }
            mesh.virtualRouters["router\(index)"] = VirtualRouterDefinition(
                spec: VirtualRouterSpec(listeners: listeners), routes: routes)
        }
        for name in Self.services { mesh.virtualServices[name] = VirtualServiceSpec(provider: provider()) }
        let ports = one(Self.portSets)
        var routes: [String: GatewayRouteSpec] = [:]
        for _ in 0..<number(1...6) { routes["g\(number(0...30))"] = gatewayRoute(ports, mesh) }
        mesh.virtualGateways["front"] = VirtualGatewayDefinition(
            spec: VirtualGatewaySpec(
                listeners: ports.map {
                    VirtualGatewayListener(portMapping: VirtualGatewayPortMapping(port: $0, protocol: .http))
                }), gatewayRoutes: routes)
        return mesh
    }

    private func node(_ ports: [Int]) -> VirtualNodeSpec {
        VirtualNodeSpec(
            listeners: ports.map { Listener(portMapping: PortMapping(port: $0, protocol: .http)) },
            serviceDiscovery: .dns(DnsServiceDiscovery(hostname: "n.local", responseType: .endpoints)))
    }

    private mutating func provider() -> VirtualServiceProvider? {
        switch number(0...9) {
        case 0: nil
        case 1...2: .virtualNode(VirtualNodeServiceProvider(virtualNodeName: "n\(number(0...2))"))
        default: .virtualRouter(VirtualRouterServiceProvider(virtualRouterName: "router\(number(0...1))"))
        }
    }

    private mutating func route(_ ports: [Int], _ mesh: MeshDefinition) -> RouteSpec {
        var match = HttpRouteMatch()
        (match.prefix, match.path) = pathCondition()
        if ports.count > 1 || chance(20) { match.port = one(ports) }
        if chance(20) { match.method = one([.get, .post]) }
        match.headers = headers()
        match.queryParameters = query()
        var targets: [WeightedTarget] = []
        for _ in 0..<number(1...3) {
            let node = "n\(number(0...2))"
            let listeners = (mesh.virtualNodes[node]?.listeners ?? []).map(\.portMapping.port)
            let port = listeners.count > 1 || chance(30) ? one(listeners) : nil
            targets.append(WeightedTarget(virtualNode: node, weight: one([0, 1, 10, 90]), port: port))
        }
        if targets.allSatisfy({ $0.weight == 0 }) { targets[0].weight = 5 }
        return RouteSpec(
            httpRoute: HttpRoute(action: HttpRouteAction(weightedTargets: targets), match: match),
            priority: chance(40) ? number(0...3) : nil)
    }

    private mutating func gatewayRoute(_ ports: [Int], _ mesh: MeshDefinition) -> GatewayRouteSpec {
        var match = HttpGatewayRouteMatch()
        if chance(35) {
            match.hostname = one([
                GatewayRouteHostnameMatch(exact: "a.front"), GatewayRouteHostnameMatch(suffix: ".front"),
                GatewayRouteHostnameMatch(suffix: "front"), GatewayRouteHostnameMatch(exact: "B.front"),
            ])
        }
        if match.hostname == nil || chance(60) { (match.prefix, match.path) = pathCondition() }
        if ports.count > 1 || chance(20) { match.port = one(ports) }
        if chance(20) { match.method = one([.get, .post]) }
        match.headers = headers()
        match.queryParameters = query()
        let service = one(Self.services)
        var target = GatewayRouteTarget(virtualService: GatewayRouteVirtualService(virtualServiceName: service))
        let served = servedPorts(service, mesh)
        if served.count > 1 || !served.isEmpty && chance(30) { target.port = one(served) }
        var rewrite = HttpGatewayRouteRewrite()
        if chance(30) {
            rewrite.hostname = GatewayRouteHostnameRewrite(defaultTargetHostname: one([.enabled, .disabled]))
        }
        if match.prefix != nil, chance(60) {
            rewrite.prefix = one([
                HttpGatewayRoutePrefixRewrite(defaultPrefix: .disabled),
                HttpGatewayRoutePrefixRewrite(defaultPrefix: .enabled),
                HttpGatewayRoutePrefixRewrite(value: "/a/"), HttpGatewayRoutePrefixRewrite(value: "/"),
            ])
        } else if match.path != nil, chance(50) {
            rewrite.path = HttpGatewayRoutePathRewrite(exact: path())
        }
        let action = HttpGatewayRouteAction(target: target, rewrite: chance(20) ? nil : rewrite)
        return GatewayRouteSpec(
            httpRoute: HttpGatewayRoute(action: action, match: match), priority: chance(40) ? number(0...3) : nil)
    }

    private func servedPorts(_ service: String, _ mesh: MeshDefinition) -> [Int] {
        switch mesh.virtualServices[service]?.provider {
        case nil: []
        case .virtualNode(let node):
            (mesh.virtualNodes[node.virtualNodeName]?.listeners ?? []).map(\.portMapping.port)
        case .virtualRouter(let router):
            (mesh.virtualRouters[router.virtualRouterName]?.spec.listeners ?? []).map(\.portMapping.port)
        }
    }

    // MARK: Conditions

    /// Normalised: single slashes.
    private mutating func path() -> String {
        let segments = (0..<number(0...3)).map { _ in word(["a", "b"], 1...2) }
        return "/" + segments.joined(separator: "/") + (segments.isEmpty || chance(80) ? "" : "/")
    }

    private mutating func pathCondition() -> (String?, HttpPathMatch?) {
        switch number(0...9) {
        case 0...1: (nil, HttpPathMatch(exact: path()))
        case 2: (nil, HttpPathMatch(regex: one(Array(ReferenceMatcher.patterns.prefix(2)))))
        case 3...5: ("/", nil)
        default: (path(), nil)
        }
    }

    private mutating func headers() -> [HttpRouteHeader]? {
        var headers: [HttpRouteHeader] = []
        while chance(25) {
            let conditions: [HeaderMatchMethod?] = [
                nil, .exact(one(["a", "1"])), .prefix("a"), .suffix("b"), .regex(one(ReferenceMatcher.patterns)),
                .range(MatchRange(end: 3, start: 1)),
            ]
            headers.append(
                HttpRouteHeader(
                    name: one(["x-a", "X-B"]), invert: one([nil, nil, true, false]), match: one(conditions)))
        }
        return headers.isEmpty ? nil : headers
    }

    private mutating func query() -> [HttpQueryParameter]? {
        guard chance(15) else { return nil }
        return [HttpQueryParameter(name: one(["q", "p"]), match: one([nil, QueryParameterMatch(exact: "1")]))]
    }

    // MARK: Requests

    mutating func request(hosts: [String]) -> ReferenceMatcher.Request {
        var authority = one(hosts)
        if chance(10) { authority = authority.uppercased() }
        if chance(10) { authority += "." }
        if chance(35) { authority += one([":8080", ":9090", ":7070"]) }
        var headers: [(name: String, value: String)] = []
        while chance(45) { headers.append((one(["x-a", "x-b"]), one(["a", "ab", "1", "2", "3", "x", ""]))) }
        return ReferenceMatcher.Request(
            method: one(["GET", "GET", "POST", "PUT"]), path: path(),
            query: one([nil, nil, "q=1", "p&q=2", "q=2&q=1", "p=1&q"]),
            authority: authority, headers: headers, isAbsoluteForm: chance(40))
    }
}
