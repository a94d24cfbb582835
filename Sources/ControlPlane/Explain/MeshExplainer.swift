// `explain`: what becomes of a request in the mesh that the definitions describe. The first proxy is a gateway, a Lattice network
// or the egress of a node's sidecar; from there the request is followed to the sidecars in front of its destinations, because
// some limits are theirs (design section 4, "Which proxy applies what").

import DataPlane
import Routing
import Wire

public struct MeshExplanation: Sendable {
    /// How the listener was chosen, if there was a choice.
    public var note: String?
    /// At the first proxy.
    public var entry: Explanation
    /// At the sidecar of each destination, one instance standing for all of a node.
    public var destinations: [Explanation]
}

public enum MeshExplainer {
    /// - Parameter from: a proxy by its name (`colors/front`, `colors/blue#0`), or the name of its gateway or node if that is
    ///   unique; nil is the only gateway.
    public static func explain(
        _ plan: Plan, _ request: RequestDescription, from: String?
    ) throws(ExplainFailure) -> MeshExplanation {
        try explain(Snapshot(plan: plan, generation: 1), request, from: from) { _ in nil }
    }

    /// - Parameter discovered: the endpoints that a cluster was given by discovery; nil if nobody knows them yet.
    static func explain(
        _ snapshot: Snapshot, _ request: RequestDescription, from: String?,
        discovered: (ClusterKey) -> [EndpointPlan]?
    ) throws(ExplainFailure) -> MeshExplanation {
        let plan = snapshot.plan
        let proxy = try entry(plan, named: from)
        let (listener, note) = try self.listener(plan.proxies[proxy], request)
        let entryListener = plan.proxies[proxy].listeners[listener]
        let isAbsolute = entryListener.direction == .egress
        let authority = try self.authority(request, entryListener, isAbsolute)
        let head = try request.head(authority: authority, isAbsoluteForm: isAbsolute, dialect: entryListener.dialect)
        var explanation = Explainer.explain(
            snapshot, listener: snapshot.listenerID(proxy: proxy, listener: listener), head: head,
            isAbsoluteForm: isAbsolute)
        explanation.complete(discovered)
        return MeshExplanation(
            note: note, entry: explanation,
            destinations: try destinations(snapshot, request, after: explanation, discovered))
    }

    // MARK: Where the request begins

    private static func entry(_ plan: Plan, named name: String?) throws(ExplainFailure) -> Int {
        let entries = plan.proxies.indices.filter { [.gateway, .sidecar, .network].contains(plan.proxies[$0].role) }
        guard let name else {
            for role in [ProxyPlan.Role.gateway, .network] {
                let found = entries.filter { plan.proxies[$0].role == role }
                if found.count == 1 { return found[0] }
                if found.count > 1 { throw choice("there are several places to start from", plan, found) }
            }
            throw choice("there is no gateway to start from", plan, entries)
        }
        if let exact = entries.first(where: { plan.proxies[$0].name == name }) { return exact }
        let found = entries.filter { Naming.covers(plan.proxies[$0].name, name) }
        // The instances of a node are alike.
        if Set(found.map { Naming.withoutInstance(plan.proxies[$0].name) }).count == 1, let first = found.first {
            return first
        }
        throw choice(
            found.isEmpty ? "there is no '\(name)'" : "'\(name)' is not unique", plan, found.isEmpty ? entries : found)
    }

    private static func choice(_ problem: String, _ plan: Plan, _ indexes: [Int]) -> ExplainFailure {
        let names = indexes.map { plan.proxies[$0].name }
        return ExplainFailure(
            names.isEmpty ? problem : "\(problem); choose with --from one of \(names.joined(separator: ", "))")
    }

    private static func listener(
        _ proxy: ProxyPlan, _ request: RequestDescription
    ) throws(ExplainFailure) -> (Int, String?) {
        if proxy.role == .sidecar {
            let general = proxy.listeners.firstIndex { listener in
                listener.direction == .egress && listener.portRule == .service(listenerPort: nil)
            }
            guard let general else { throw ExplainFailure("\(proxy.name) has no egress listener") }
            return (general, nil)
        }
        guard !proxy.listeners.isEmpty else { throw ExplainFailure("\(proxy.name) has no listener that is built yet") }
        if let port = request.port, let index = proxy.listeners.firstIndex(where: { $0.port == port }) {
            return (index, nil)
        }
        guard proxy.listeners.count > 1 else { return (0, nil) }
        let ports = proxy.listeners.map { "\($0.port)" }.joined(separator: ", ")
        return (0, "\(proxy.name) listens on ports \(ports); the URL names none of them, so the first is taken")
    }

    private static func authority(
        _ request: RequestDescription, _ listener: ListenerPlan, _ isAbsolute: Bool
    ) throws(ExplainFailure) -> String {
        if !isAbsolute, let host = request.hostHeader { return host }
        if let authority = request.authority { return authority }
        if let host = request.hostHeader { return host }
        guard !isAbsolute, let bind = listener.binds.first else {
            throw ExplainFailure("a request through a node's egress needs a host: give a whole URL")
        }
        // What a client sends that was given nothing but the listener's address.
        if case .ip = bind.address { return bind.address.description }
        return "localhost"
    }

    // MARK: Where it arrives

    private static func destinations(
        _ snapshot: Snapshot, _ request: RequestDescription, after entry: Explanation,
        _ discovered: (ClusterKey) -> [EndpointPlan]?
    ) throws(ExplainFailure) -> [Explanation] {
        var explanations: [Explanation] = []
        for backend in entry.backends {
            guard let address = backend.endpoints.first?.address,
                let (proxy, listener) = ingress(snapshot.plan, at: address)
            else { continue }
            var next = request
            let path = entry.rewrite?.pathAfter
            let query = request.target.firstIndex(of: "?").map { String(request.target[$0...]) } ?? ""
            if let path { next.target = path + query }
            let authority = entry.rewrite?.hostAfter ?? entry.request.authority
            let plan = snapshot.plan.proxies[proxy].listeners[listener]
            let head = try next.head(authority: authority, isAbsoluteForm: false, dialect: plan.dialect)
            var explanation = Explainer.explain(
                snapshot, listener: snapshot.listenerID(proxy: proxy, listener: listener), head: head,
                isAbsoluteForm: false)
            explanation.complete(discovered)
            explanations.append(explanation)
        }
        return explanations
    }

    private static func ingress(_ plan: Plan, at address: NetworkAddress) -> (Int, Int)? {
        for (proxy, owner) in plan.proxies.enumerated() where owner.role == .sidecar {
            for (listener, candidate) in owner.listeners.enumerated() where candidate.direction == .ingress {
                if candidate.binds.contains(where: { $0.address == address || $0.unprivileged == address }) {
                    return (proxy, listener)
                }
            }
        }
        return nil
    }
}

extension Explanation {
    /// Puts the endpoints that discovery found where the plan has none.
    fileprivate mutating func complete(_ discovered: (ClusterKey) -> [EndpointPlan]?) {
        for index in backends.indices where backends[index].discovery != nil {
            let key = ClusterKey(proxy: proxy, cluster: backends[index].cluster)
            if let endpoints = discovered(key) { backends[index].endpoints = endpoints }
        }
    }
}
