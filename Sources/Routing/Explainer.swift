import Wire

/// Runs a request's way through a snapshot again, slowly: the same predicate functions, tried one after another over all
/// names and routes, with a reason for each miss. The result is compared with that of the indexed match.
public enum Explainer {
    /// Explains what becomes of a request that arrives on `listener`. The head is the same afterwards.
    public static func explain(
        _ snapshot: Snapshot, listener: ListenerID, head: HeaderBlock, isAbsoluteForm: Bool
    ) -> Explanation {
        let path = head.path
        let authority = head.authority
        defer {
            head.path = path
            head.authority = authority
        }
        var run = ExplanationRun(snapshot, listener, head, isAbsoluteForm)
        run.explain()
        assert(run.explanation.agreesWithIndex, "linear and indexed matching differ: \(run.explanation)")
        return run.explanation
    }
}

private struct ExplanationRun {
    let snapshot: Snapshot
    let listener: ListenerID
    let head: HeaderBlock
    let isAbsoluteForm: Bool
    let scratch = MatchScratch()
    /// The host in lower case, as bytes: it need not be UTF-8.
    let host: [UInt8]
    var explanation: Explanation

    init(_ snapshot: Snapshot, _ listener: ListenerID, _ head: HeaderBlock, _ isAbsoluteForm: Bool) {
        self.snapshot = snapshot
        self.listener = listener
        self.head = head
        self.isAbsoluteForm = isAbsoluteForm
        let method = head.method == .other ? head.text(head.methodName) : "\(head.method.name)"
        let query = head.hasQuery ? "?\(head.text(head.query))" : ""
        let authority = Authority(head.bytes(head.authority))
        host = head.bytes(HeaderBlock.Range(start: Int(head.authority.start), count: authority.hostCount))
            .map { ASCII.lower($0) }
        explanation = Explanation(
            proxy: snapshot.proxy(of: listener).name, listener: snapshot.listener(listener).name,
            request: Explanation.Request(
                method: method, scheme: head.scheme == .https ? "https" : "http",
                authority: head.text(head.authority), target: head.text(head.path) + query,
                isAbsoluteForm: isAbsoluteForm),
            host: String(decoding: host, as: UTF8.self), hosts: [], backends: [],
            outcome: .notFound(.unknownHost, ""), agreesWithIndex: false)
    }

    mutating func explain() {
        let indexed = snapshot.match(listener, head, isAbsoluteForm: isAbsoluteForm, scratch)
        let linear = matchFirst()
        explanation.agreesWithIndex = linear == indexed
        guard case .matched(let route, _) = linear else { return }
        guard case .delegate(let delegate) = snapshot.route(route).action else { return conclude(route) }

        let before = (path: head.text(head.path), host: head.text(head.authority))
        _ = snapshot.rewrite(route, head)
        explanation.rewrite = Explanation.Rewrite(
            pathBefore: before.path, pathAfter: head.text(head.path), hostBefore: before.host,
            hostAfter: head.text(head.authority))
        let indexedSecond = snapshot.matchDelegated(route, head, scratch)
        let second = matchSecond(route, delegate)
        if second != indexedSecond { explanation.agreesWithIndex = false }
        guard case .matched(let last, _) = second else { return }
        conclude(last, delegatedBy: route)
    }

    // MARK: Stages

    private mutating func matchFirst() -> RouteResult {
        guard let host = chooseHost() else {
            let listenerName = explanation.listener
            return miss(.unknownHost, "host \(explanation.host) is not a name of listener \(listenerName)")
        }
        let plan = snapshot.virtualHost(host)
        let record = snapshot.virtualHosts + host.index
        let explicit = Authority(head.bytes(head.authority)).port
        let port = snapshot.effectivePort(snapshot.listeners + listener.index, explicit, record)
        explanation.first = Explanation.Stage(
            virtualHost: plan.name, source: plan.source, port: port.flatMap { $0 < 0 ? nil : Int($0) },
            portOrigin: portOrigin(explicit), routes: [])
        guard let port else {
            return miss(.portNotServed, portRefusal(explicit, plan))
        }
        return chooseRoute(of: host, port: port, isAbsoluteForm: isAbsoluteForm, \.first)
    }

    private mutating func matchSecond(_ route: RouteID, _ delegate: DelegatePlan) -> RouteResult {
        let record = snapshot.record(route)
        let host = record.pointee.hot.delegateHost
        let plan = snapshot.virtualHost(host)
        let port = record.pointee.delegatePort
        let origin =
            delegate.port == nil ? "the service's \(plan.ports.count > 1 ? "first" : "only") port" : "the target's port"
        explanation.second = Explanation.Stage(
            virtualHost: plan.name, source: plan.source, port: port < 0 ? nil : Int(port), portOrigin: origin,
            routes: [])
        guard plan.ports.isEmpty || plan.ports.contains(Int(port)) else {
            return miss(.portNotServed, "\(plan.name) does not listen on port \(port)")
        }
        return chooseRoute(of: host, port: port, isAbsoluteForm: false, \.second)
    }

    private mutating func miss(_ reason: NotFound, _ words: String) -> RouteResult {
        explanation.outcome = .notFound(reason, words)
        return .notFound(reason)
    }

    // MARK: Host

    private mutating func chooseHost() -> VirtualHostID? {
        let bindings = snapshot.listener(listener).hosts
        let place = snapshot.location(listener)
        var chosen: Int?
        for (index, binding) in bindings.enumerated() where covers(binding.pattern) {
            guard let best = chosen, rank(bindings[best].pattern) >= rank(binding.pattern) else {
                chosen = index
                continue
            }
        }
        for (index, binding) in bindings.enumerated() {
            let owner = snapshot.virtualHostID(proxy: place.proxy, virtualHost: binding.virtualHost)
            let isMatched = covers(binding.pattern)
            let plan = snapshot.virtualHost(owner)
            var step = Explanation.HostStep(
                pattern: binding.pattern, virtualHost: plan.name, source: plan.source, isMatched: isMatched,
                isChosen: index == chosen)
            if let chosen, isMatched, index != chosen {
                step.reason = "\(bindings[chosen].pattern) is preferred"
            } else if !isMatched {
                step.reason = hostReason(binding.pattern)
            }
            explanation.hosts.append(step)
        }
        return chosen.map { snapshot.virtualHostID(proxy: place.proxy, virtualHost: bindings[$0].virtualHost) }
    }

    private func covers(_ pattern: HostBinding.Pattern) -> Bool {
        switch pattern {
        case .exact(let name): host == ASCII.lower(name)
        case .suffix(let suffix):
            host.count > suffix.utf8.count && host.suffix(suffix.utf8.count).elementsEqual(ASCII.lower(suffix))
        case .any: true
        }
    }

    /// An exact name before any suffix, a longer suffix before a shorter one.
    private func rank(_ pattern: HostBinding.Pattern) -> Int {
        switch pattern {
        case .exact: .max
        case .suffix(let suffix): suffix.utf8.count
        case .any: -1
        }
    }

    private func hostReason(_ pattern: HostBinding.Pattern) -> String {
        switch pattern {
        case .exact(let name): "host \(explanation.host) is not \(name)"
        case .suffix(let suffix): "host \(explanation.host) does not end with \(suffix) after at least one character"
        case .any: ""
        }
    }

    // MARK: Port

    private func portOrigin(_ explicit: Authority.Port) -> String {
        switch (snapshot.listener(listener).portRule, explicit) {
        case (.fixed, _): "the listener's port"
        case (.service, .number): "from the authority"
        case (.service, .malformed): "the authority's port is malformed"
        case (.service(.some), .none): "the listener's port"
        case (.service(nil), .none): "the service's default port"
        }
    }

    private func portRefusal(_ explicit: Authority.Port, _ host: VirtualHostPlan) -> String {
        let ports = host.ports.map(String.init).joined(separator: ", ")
        let rule = snapshot.listener(listener).portRule
        switch (explicit, rule) {
        case (.malformed, .service): return "authority \(explanation.request.authority) has a malformed port"
        case (.number(let port), .service(let listenerPort?)) where Int(port) != listenerPort:
            return "port \(port) is not that of the listener, \(listenerPort)"
        case (.number(let port), .service): return "\(host.name) listens on \(ports), not on port \(port)"
        case (_, .fixed(let port)), (.none, .service(let port?)):
            return "\(host.name) listens on \(ports), not on port \(port)"
        case (.none, .service(nil)): return "\(host.name) has no port"
        }
    }

    // MARK: Routes

    private mutating func chooseRoute(
        of host: VirtualHostID, port: Int32, isAbsoluteForm: Bool,
        _ stage: WritableKeyPath<Explanation, Explanation.Stage?>
    ) -> RouteResult {
        let authority = Authority(head.bytes(head.authority))
        let target = Target(
            host: HeaderBlock.Range(start: Int(head.authority.start), count: authority.hostCount), port: port,
            isAbsoluteForm: isAbsoluteForm)
        let words = ReasonWords(snapshot: snapshot, head: head, target: target, scratch: scratch)
        let first = (snapshot.virtualHosts + host.index).pointee.firstRoute
        let plan = snapshot.virtualHost(host)
        var chosen: RouteID?
        for (index, route) in plan.routes.enumerated() {
            let id = RouteID(raw: first + Int32(index))
            let failing = snapshot.firstFailing(snapshot.routes + id.index, head, target, scratch)
            var step = Explanation.RouteStep(
                name: route.name, source: route.source, isMatched: failing == nil, isChosen: false)
            if let failing {
                step.reason = words.reason(failing, route.match, snapshot.routes + id.index)
            } else if let chosen {
                step.reason = "it matches, but \(snapshot.route(chosen).name) comes first"
            } else {
                step.isChosen = true
                chosen = id
            }
            explanation[keyPath: stage]?.routes.append(step)
        }
        explanation[keyPath: stage]?.chosen = chosen
        guard let chosen else {
            let count = plan.routes.count
            return miss(.noRoute, "none of the \(count) routes of \(plan.name) matches")
        }
        return .matched(chosen, host)
    }

    // MARK: Conclusion

    private mutating func conclude(_ id: RouteID, delegatedBy delegating: RouteID? = nil) {
        let route = snapshot.route(id)
        explanation.timeouts = Explanation.Timeouts(
            request: route.timeouts.request, idle: route.timeouts.idle,
            delegateBound: delegating.map { snapshot.route($0).timeouts.request })
        switch route.action {
        case .forward(let list):
            let total = Double(list.reduce(0) { $0 + $1.weight })
            let proxy = snapshot.proxy(of: id)
            explanation.backends = list.map { backend in
                let cluster = proxy.clusters[backend.cluster]
                return Explanation.Backend(
                    cluster: cluster.name, source: cluster.source, weight: backend.weight,
                    percent: 100 * Double(backend.weight) / total, endpoints: cluster.endpoints,
                    discovery: cluster.discovery)
            }
            explanation.outcome = .forward
        case .fixedResponse(let status, let body): explanation.outcome = .fixedResponse(status: status, body: body)
        case .forwardToAuthority: explanation.outcome = .forwardToAuthority(explanation.request.authority)
        case .handler(let name): explanation.outcome = .handler(name)
        case .delegate: break
        }
    }
}
