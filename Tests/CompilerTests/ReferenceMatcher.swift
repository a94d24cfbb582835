// What becomes of a request by the documents (appmesh.md 1.3 and 2, design section 11), worked out from the definitions as they
// stand: no plan, no index, no compiled pattern. Only HTTP, and only definitions without errors. Where the documents leave
// something open, the decision that the compiler documents is repeated here with a note.

import Definitions

struct ReferenceMatcher {
    struct Request {
        var method: String
        /// Normalised, without the query.
        var path: String
        var query: String?
        var authority: String
        var headers: [(name: String, value: String)]
        var isAbsoluteForm: Bool
    }

    enum Outcome: Equatable {
        case notFound
        /// Weight by `node:port`, and the request as it goes there.
        case targets([String: Int], path: String, authority: String)
        /// Out of the mesh.
        case authority(String)
    }

    let mesh: MeshDefinition

    // MARK: Gateway

    func atGateway(_ name: String, port: Int, _ request: Request) -> Outcome {
        guard let gateway = mesh.virtualGateways[name] else { return .notFound }
        let ordered = gateway.gatewayRoutes.sorted { place($0).lexicographicallyPrecedes(place($1)) }
        for (_, spec) in ordered {
            guard let route = spec.httpRoute, takes(route.match, port, request) else { continue }
            var request = request
            let service = route.action.target.virtualService.virtualServiceName
            rewrite(&request, route, service)
            return atService(service, port: route.action.target.port ?? ports(service).first, request)
        }
        return .notFound
    }

    private func takes(_ match: HttpGatewayRouteMatch, _ port: Int, _ request: Request) -> Bool {
        let host = hostAndPort(request.authority).host
        if let wanted = match.hostname?.exact, canonical(wanted) != host { return false }
        if let wanted = match.hostname?.suffix, !host.hasSuffix(canonical(wanted)) { return false }
        return (match.port == nil || match.port == port)
            && takes(match.prefix, match.path, match.method, match.headers, match.queryParameters, request)
    }

    /// Host to the service's name, a matched prefix to `/`, unless the route says otherwise; a matched path stays.
    private func rewrite(_ request: inout Request, _ route: HttpGatewayRoute, _ service: String) {
        let rewrite = route.action.rewrite
        if rewrite?.hostname?.defaultTargetHostname != .disabled { request.authority = service }
        if let path = rewrite?.path?.exact { request.path = path }
        guard let prefix = route.match.prefix, rewrite?.prefix?.defaultPrefix != .disabled else { return }
        var rest = request.path.dropFirst(prefix.count)
        var replacement = rewrite?.prefix?.value ?? "/"
        if rest.isEmpty {
            request.path = replacement
            return
        }
        while rest.hasPrefix("/") { rest.removeFirst() }
        while replacement.hasSuffix("/") { replacement.removeLast() }
        request.path = replacement + "/" + rest
    }

    // MARK: Egress of a node

    /// `port` is the port of the egress listener; 15001 takes any service.
    func atEgress(of node: String, port: Int, _ request: Request) -> Outcome {
        let (host, explicit) = hostAndPort(request.authority)
        let backends = (mesh.virtualNodes[node]?.backends ?? []).map { backend in
            switch backend {
            case .virtualService(let service): service.virtualServiceName
            }
        }
        let allowsAll = backends.isEmpty && mesh.spec.egressFilter?.type == .allowAll
        let reachable = allowsAll ? Array(mesh.virtualServices.keys) : backends
        if let service = reachable.first(where: { canonical($0) == host }) {
            let served = ports(service)
            var effective = explicit ?? served.first
            if port != 15001 {
                guard explicit == nil || explicit == port else { return .notFound }
                effective = port
            }
            guard let effective, served.contains(effective) else { return .notFound }
            return atService(service, port: effective, request)
        }
        let isAWS = host.hasSuffix(".amazonaws.com") && host != ".amazonaws.com"
        guard isAWS || allowsAll, request.isAbsoluteForm else { return .notFound }
        guard port == 15001 || explicit == nil || explicit == port else { return .notFound }
        return .authority(request.authority)
    }

    // MARK: Service

    private func atService(_ name: String, port: Int?, _ request: Request) -> Outcome {
        guard let service = mesh.virtualServices[name], let port else { return .notFound }
        switch service.provider {
        case nil: return .notFound
        case .virtualNode(let node):
            return .targets(["\(node.virtualNodeName):\(port)": 1], path: request.path, authority: request.authority)
        case .virtualRouter(let router):
            let routes = mesh.virtualRouters[router.virtualRouterName]?.routes ?? [:]
            for (_, spec) in routes.sorted(by: { place($0).lexicographicallyPrecedes(place($1)) }) {
                guard let route = spec.httpRoute else { continue }
                let match = route.match
                guard match.port == nil || match.port == port,
                    takes(match.prefix, match.path, match.method, match.headers, match.queryParameters, request)
                else { continue }
                return .targets(weights(route.action), path: request.path, authority: request.authority)
            }
            return .notFound
        }
    }

    private func weights(_ action: HttpRouteAction) -> [String: Int] {
        var weights: [String: Int] = [:]
        for target in action.weightedTargets where target.weight > 0 {
            let only = mesh.virtualNodes[target.virtualNode]?.listeners?.first?.portMapping.port ?? 0
            weights["\(target.virtualNode):\(target.port ?? only)", default: 0] += target.weight
        }
        return weights
    }

    private func ports(_ service: String) -> [Int] {
        switch mesh.virtualServices[service]?.provider {
        case nil: []
        case .virtualNode(let node):
            (mesh.virtualNodes[node.virtualNodeName]?.listeners ?? []).map(\.portMapping.port)
        case .virtualRouter(let router):
            (mesh.virtualRouters[router.virtualRouterName]?.spec.listeners ?? []).map(\.portMapping.port)
        }
    }

    // MARK: Order

    /// Priority ascending, none last; exact path, regex, prefix by length descending; more matchers; method set; name.
    private func place(_ entry: (key: String, value: RouteSpec)) -> [Place] {
        let match = entry.value.httpRoute?.match
        return [.number(entry.value.priority ?? 5000)] + place(match?.prefix, match?.path)
            + [
                .number(-((match?.headers ?? []).count + (match?.queryParameters ?? []).count)),
                .number(match?.method == nil ? 1 : 0), .text(entry.key),
            ]
    }

    /// A host name counts as one matcher, and an exact or longer one comes first among equals: decided by the compiler.
    private func place(_ entry: (key: String, value: GatewayRouteSpec)) -> [Place] {
        let match = entry.value.httpRoute?.match
        let host = match?.hostname
        let matchers = (match?.headers ?? []).count + (match?.queryParameters ?? []).count + (host == nil ? 0 : 1)
        let kind = host?.exact != nil ? 0 : host?.suffix != nil ? 1 : 2
        return [.number(entry.value.priority ?? 5000)] + place(match?.prefix, match?.path)
            + [
                .number(-matchers), .number(kind), .number(-(host?.exact ?? host?.suffix ?? "").utf8.count),
                .number(match?.method == nil ? 1 : 0), .text(entry.key),
            ]
    }

    private func place(_ prefix: String?, _ path: HttpPathMatch?) -> [Place] {
        if path?.exact != nil { return [.number(0), .number(0)] }
        if path?.regex != nil { return [.number(1), .number(0)] }
        return [.number(2), .number(-(prefix ?? "/").utf8.count)]
    }

    enum Place: Comparable { case number(Int), text(String) }

    // MARK: Conditions

    private func takes(
        _ prefix: String?, _ path: HttpPathMatch?, _ method: HttpMethod?, _ headers: [HttpRouteHeader]?,
        _ query: [HttpQueryParameter]?, _ request: Request
    ) -> Bool {
        if let prefix, !request.path.hasPrefix(prefix) { return false }
        if let exact = path?.exact, request.path != exact { return false }
        if let regex = path?.regex, !Self.matches(regex, request.path) { return false }
        if let method, method.rawValue != request.method { return false }
        return (headers ?? []).allSatisfy { takes($0, request) } && (query ?? []).allSatisfy { takes($0, request) }
    }

    private func takes(_ header: HttpRouteHeader, _ request: Request) -> Bool {
        let values = request.headers.filter { $0.name.lowercased() == header.name.lowercased() }.map(\.value)
        let isInverted = header.invert ?? false
        guard let condition = header.match else { return values.isEmpty == isInverted }
        guard !values.isEmpty else { return false }
        let holds = values.contains { value in
            switch condition {
            case .exact(let wanted): value == wanted
            case .prefix(let wanted): value.hasPrefix(wanted)
            case .suffix(let wanted): value.hasSuffix(wanted)
            case .regex(let regex): Self.matches(regex, value)
            case .range(let range): Int(value).map { $0 >= range.start && $0 < range.end } ?? false
            }
        }
        return holds != isInverted
    }

    private func takes(_ parameter: HttpQueryParameter, _ request: Request) -> Bool {
        for pair in (request.query ?? "").split(separator: "&") {
            let parts = pair.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            guard parts[0] == parameter.name else { continue }
            return parameter.match?.exact.map { $0 == (parts.count > 1 ? String(parts[1]) : "") } ?? true
        }
        return false
    }

    /// The patterns that random meshes use, spelled out; whole text.
    static let patterns = ["/a.*", "/[ab]+", "a|ab", "[0-9]+"]

    private static func matches(_ pattern: String, _ text: String) -> Bool {
        switch pattern {
        case "/a.*": text.hasPrefix("/a")
        case "/[ab]+": text.hasPrefix("/") && text.count > 1 && text.dropFirst().allSatisfy { "ab".contains($0) }
        case "a|ab": text == "a" || text == "ab"
        case "[0-9]+": !text.isEmpty && text.allSatisfy { "0123456789".contains($0) }
        default: false
        }
    }

    // MARK: Hosts

    /// Without case and trailing dot.
    private func canonical(_ host: String) -> String {
        let lower = host.lowercased()
        return lower.hasSuffix(".") ? String(lower.dropLast()) : lower
    }

    private func hostAndPort(_ authority: String) -> (host: String, port: Int?) {
        let parts = authority.split(separator: ":", maxSplits: 1)
        return (canonical(parts.first.map(String.init) ?? ""), parts.count > 1 ? Int(parts[1]) : nil)
    }
}
