import Patterns
import Routing
import Wire

/// A matcher written straight from the documents, on strings and without any index, to hold the snapshot against.
struct PlanOracle {
    let proxy: ProxyPlan

    enum Result: Equatable {
        case route(host: Int, route: Int)
        case miss(NotFound)
    }

    func match(_ listener: ListenerPlan, _ request: Request) -> Result {
        let (host, port) = split(request.authority)
        guard let owner = virtualHost(listener, host) else { return .miss(.unknownHost) }
        let served = proxy.virtualHosts[owner].ports
        var effective: Int?
        switch listener.portRule {
        case .fixed(let fixed): effective = fixed
        case .service(let own):
            guard port != .malformed else { return .miss(.portNotServed) }
            if case .number(let explicit) = port {
                guard own == nil || own == explicit else { return .miss(.portNotServed) }
                effective = explicit
            } else {
                effective = own ?? served.first
            }
        }
        guard served.isEmpty || effective.map(served.contains) == true else { return .miss(.portNotServed) }
        for (index, route) in proxy.virtualHosts[owner].routes.enumerated()
        where matches(route, request, host: host, port: effective) {
            return .route(host: owner, route: index)
        }
        return .miss(.noRoute)
    }

    // MARK: Host and port

    enum Port: Equatable { case none, malformed, number(Int) }

    private func split(_ authority: String) -> (String, Port) {
        var host = authority
        var port = Port.none
        if let colon = authority.firstIndex(of: ":") {
            host = String(authority[..<colon])
            let digits = authority[authority.index(after: colon)...]
            if !digits.isEmpty {
                port =
                    Int(digits).flatMap { digits.allSatisfy(\.isNumber) && $0 < 65536 ? .number($0) : nil }
                    ?? .malformed
            }
        }
        if host.hasSuffix("."), host.count > 1 { host.removeLast() }
        return (host.lowercased(), port)
    }

    private func virtualHost(_ listener: ListenerPlan, _ host: String) -> Int? {
        var best: (rank: Int, host: Int)?
        for binding in listener.hosts {
            let rank: Int
            switch binding.pattern {
            case .exact(let name):
                guard host == name else { continue }
                rank = 1000
            case .suffix(let suffix):
                guard host.hasSuffix(suffix), host != suffix else { continue }
                rank = suffix.count
            case .any: rank = 0
            }
            if best.map({ $0.rank < rank }) ?? true { best = (rank, binding.virtualHost) }
        }
        return best?.host
    }

    // MARK: Predicates

    private func matches(_ route: RoutePlan, _ request: Request, host: String, port: Int?) -> Bool {
        let match = route.match
        let parts = request.target.split(separator: "?", maxSplits: 1, omittingEmptySubsequences: false)
        let path = parts.first.map(String.init) ?? ""
        let query = parts.count > 1 ? String(parts[1]) : nil
        if case .forwardToAuthority = route.action, !request.isAbsoluteForm { return false }
        if let wanted = match.method, wanted != request.method { return false }
        if let wanted = match.scheme, wanted != request.scheme { return false }
        if let wanted = match.port, wanted != port { return false }
        switch match.hostname {
        case nil: break
        case .exact(let name): if host != name { return false }
        case .suffix(let suffix): if !host.hasSuffix(suffix) { return false }
        }
        if match.requiresGRPC {
            let types = request.headers.filter { $0.0 == "content-type" }.map(\.1)
            guard let type = types.first, type == "application/grpc" || type.hasPrefix("application/grpc+") else {
                return false
            }
        }
        return matches(match.path, path) && match.headers.allSatisfy { matches($0, request) }
            && match.query.allSatisfy { matches($0, query) }
    }

    private func matches(_ match: PathMatch, _ path: String) -> Bool {
        switch match {
        case .any: true
        case .exact(let wanted, let folded): folded ? path.lowercased() == wanted.lowercased() : path == wanted
        case .prefix(let wanted, let folded):
            folded ? path.lowercased().hasPrefix(wanted.lowercased()) : path.hasPrefix(wanted)
        case .regex(let regex): regex.pattern.matchesWhole(path)
        }
    }

    private func matches(_ match: HeaderMatch, _ request: Request) -> Bool {
        let values = request.headers.filter { $0.0 == match.name }.map(\.1)
        guard !values.isEmpty else { return match.condition == .present && match.isInverted }
        let holds = values.contains { raw in
            let value = match.ignoresCase ? raw.lowercased() : raw
            func fold(_ text: String) -> String { match.ignoresCase ? text.lowercased() : text }
            switch match.condition {
            case .present: return true
            case .exact(let wanted): return value == fold(wanted)
            case .prefix(let wanted): return value.hasPrefix(fold(wanted))
            case .suffix(let wanted): return value.hasSuffix(fold(wanted))
            case .contains(let wanted):
                let rest = value.indices.map { value[$0...] } + [""]
                return rest.contains { $0.hasPrefix(fold(wanted)) }
            // Patterns have their own flag for case.
            case .regex(let regex): return regex.pattern.matchesWhole(raw)
            case .range(let start, let end): return Int(value).map { $0 >= start && $0 < end } ?? false
            }
        }
        return holds != match.isInverted
    }

    private func matches(_ match: QueryMatch, _ query: String?) -> Bool {
        for pair in query?.split(separator: "&", omittingEmptySubsequences: true) ?? [] {
            let parts = pair.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            guard parts[0] == match.name else { continue }
            return match.exact == nil || match.exact == (parts.count > 1 ? String(parts[1]) : "")
        }
        return false
    }
}
