import Resilience
import Routing
import Telemetry
import Wire

/// From a request's head to the destination that serves it.
extension Exchange {
    /// From here to its end the exchange sees one snapshot, whatever is published meanwhile.
    func adoptGeneration(_ listener: ListenerRuntime) -> Generation {
        let current = listener.currentGeneration(worker)
        generation = current
        proxy = current.snapshot.proxyIndex(of: listener.id)
        return current
    }

    /// Requests that no route may see. What is for this hop only is gone before a route can match it.
    func refusal(_ form: RequestForm, _ dialect: Dialect) -> Fault? {
        if request.method == .connect { return .connectMethod }
        if dialect.forwards {
            if form.isAbsolute, request.scheme == .https { return .httpsOnPlaintext }
            if form.isAsterisk { return .asteriskForm }
            if form.asksForUpgrade, !asksForH2C { return .upgradeRefused }
            if let error = HeaderRules.prepareRequest(request) { return .malformed(error) }
            if !PathRules.normalize(request) { return .pathNormalization }
        }
        if dialect.usesEnvoyHeaders {
            HeaderRules.stripClientControl(request, edge: dialect.forwardedFor == .appendPeer)
        }
        return nil
    }

    /// A server may ignore an offer of h2c and answer in HTTP/1.1 (RFC 9110 7.8); Envoy does.
    private var asksForH2C: Bool {
        guard let value = request.value(.upgrade) else { return false }
        return request.bytes(value).elementsEqual("h2c".utf8)
    }

    func route(_ form: RequestForm, _ listener: ListenerRuntime, _ snapshot: Snapshot) {
        guard
            case .matched(let first, _) = snapshot.match(
                listener.id, request, isAbsoluteForm: form.isAbsolute, worker.matchScratch)
        else {
            noRoute(listener)
            return
        }
        var route = first
        var hot = snapshot.hot(route)
        if hot.kind == .delegate {
            record.gatewayLabels = generation?.labels(route)
            deadlines.tighten(requestTimeout: hot.delegateBound)
            rewrite(route, snapshot)
            guard case .matched(let second, _) = snapshot.matchDelegated(route, request, worker.matchScratch) else {
                noRoute(listener)
                return
            }
            route = second
            hot = snapshot.hot(route)
        }
        record.labels = generation?.labels(route)
        deadlines.limit(requestTimeout: hot.requestTimeout, idleTimeout: hot.idleTimeout)
        if form.expectsContinue, hot.kind != .fixedResponse {
            // The proxy answers for the upstream once it knows where the request goes (design section 11).
            downstream?.sendContinue()
        }
        switch hot.kind {
        case .forward:
            let id = snapshot.pick(route, random: worker.random.next())
            forward(to: generation?.clusters[Int(id.raw)], listener.dialect)
        case .forwardToAuthority:
            forward(to: worker.authorityCluster(of: request, listener: listener), listener.dialect)
        case .fixedResponse:
            fixedResponse(route, snapshot)
        case .handler:
            handle(snapshot.route(route))
        case .delegate:
            // Depth is two by construction of the plan.
            noRoute(listener)
        }
    }

    private func noRoute(_ listener: ListenerRuntime) {
        listener.httpCounters.add(HTTPCounter.noRoute)
        reply(.routeNotFound)
    }

    /// Applies a gateway route's rewrites and leaves the originals in the headers that Envoy uses for them.
    private func rewrite(_ route: RouteID, _ snapshot: Snapshot) {
        let oldPath = request.path
        let oldQuery = request.query
        let hadQuery = request.hasQuery
        let oldAuthority = request.authority
        let changed = snapshot.rewrite(route, request)
        if changed.contains(.path) {
            let text = request.append(upTo: Int(oldPath.count) + Int(oldQuery.count) + 1) { space in
                var used = copy(request.bytes(oldPath), to: space, at: 0)
                if hadQuery {
                    space[used] = UInt8(ascii: "?")
                    used = copy(request.bytes(oldQuery), to: space, at: used + 1)
                }
                return used
            }
            request.set(.xEnvoyOriginalPath, text)
            record.originalPath = text
        }
        if changed.contains(.host) { request.set(.xEnvoyOriginalHost, oldAuthority) }
    }

    private func copy(_ bytes: UnsafeBufferPointer<UInt8>, to space: UnsafeMutableBufferPointer<UInt8>, at start: Int)
        -> Int
    {
        for index in 0..<bytes.count { space[start + index] = bytes[index] }
        return start + bytes.count
    }
}
