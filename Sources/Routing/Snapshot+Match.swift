import Wire

/// The hot half of a snapshot: what runs for every request. No allocation, no reference counting, no lock.
extension Snapshot {
    // MARK: Match

    /// Finds the route for a request that arrived on `listener`.
    ///
    /// The host picks a virtual host: an exact name, else the longest suffix, else `any`. The effective port is that of the
    /// listener's `PortRule`, and must be one of the virtual host's ports if it has any. Of the virtual host's routes the
    /// first that matches wins.
    public func match(
        _ listener: ListenerID, _ head: HeaderBlock, isAbsoluteForm: Bool, _ scratch: MatchScratch
    ) -> RouteResult {
        precondition(listener.raw >= 0 && listener.index < listenerCount, "identifier of another snapshot")
        let record = listeners + listener.index
        let authority = Authority(head.bytes(head.authority))
        var target = Target(
            host: HeaderBlock.Range(start: Int(head.authority.start), count: authority.hostCount), port: -1,
            isAbsoluteForm: isAbsoluteForm)
        let host = virtualHost(record, head.bytes(target.host))
        guard host >= 0 else { return .notFound(.unknownHost) }
        guard let port = effectivePort(record, authority.port, virtualHosts + Int(host)) else {
            return .notFound(.portNotServed)
        }
        target.port = port
        return firstRoute(of: host, head, target, scratch)
    }

    /// Finds the route of the second stage for a head that `rewrite` has already been applied to, in the delegate's virtual
    /// host and for the delegate's port. The authority's own port plays no part.
    public func matchDelegated(_ route: RouteID, _ head: HeaderBlock, _ scratch: MatchScratch) -> RouteResult {
        let record = delegating(route)
        let host = record.pointee.hot.delegateHost.raw
        let authority = Authority(head.bytes(head.authority))
        let target = Target(
            host: HeaderBlock.Range(start: Int(head.authority.start), count: authority.hostCount),
            port: record.pointee.delegatePort, isAbsoluteForm: false)
        guard serves(virtualHosts + Int(host), target.port) else { return .notFound(.portNotServed) }
        return firstRoute(of: host, head, target, scratch)
    }

    /// The virtual host for a host name without port and trailing dot, or -1.
    @inline(__always)
    private func virtualHost(_ listener: UnsafePointer<ListenerRecord>, _ name: Bytes) -> Int32 {
        let hit = walk(listener.pointee.hosts, HostKey(bytes: name))
        if !hit.ends.isEmpty { return numbers[Int(hit.ends.start)] }
        if hit.longest >= 0 { return numbers[Int(nodes[Int(hit.longest)].prefixes.start)] }
        return listener.pointee.anyHost
    }

    /// The port that a request is for, -1 when nothing says it, or nil when the service does not listen on it.
    @inline(__always)
    func effectivePort(
        _ listener: UnsafePointer<ListenerRecord>, _ explicit: Authority.Port, _ host: UnsafePointer<VirtualHostRecord>
    ) -> Int32? {
        var port = listener.pointee.port
        if !listener.pointee.hasFixedPort {
            switch explicit {
            case .malformed: return nil
            case .number(let number):
                guard port < 0 || port == number else { return nil }
                port = number
            case .none:
                if port < 0, !host.pointee.ports.isEmpty { port = numbers[Int(host.pointee.ports.start)] }
            }
        }
        return serves(host, port) ? port : nil
    }

    @inline(__always)
    func serves(_ host: UnsafePointer<VirtualHostRecord>, _ port: Int32) -> Bool {
        let ports = host.pointee.ports
        if ports.isEmpty { return true }
        var index = ports.start
        while index < ports.start + ports.count {
            if numbers[Int(index)] == port { return true }
            index += 1
        }
        return false
    }

    /// Candidates come from the path trees and from the list of patterns. Each list is ascending and is left as soon as it
    /// cannot beat the best route so far.
    @inline(__always)
    private func firstRoute(
        of host: Int32, _ head: HeaderBlock, _ target: Target, _ scratch: MatchScratch
    ) -> RouteResult {
        let record = virtualHosts + Int(host)
        let path = head.bytes(head.path)
        var best = Int32.max
        if record.pointee.paths >= 0 {
            let hit = walk(record.pointee.paths, PathKey(bytes: path))
            best = firstRoute(in: hit, below: best, head, target, scratch)
        }
        if record.pointee.foldedPaths >= 0 {
            let hit = walk(record.pointee.foldedPaths, FoldedPathKey(bytes: path))
            best = firstRoute(in: hit, below: best, head, target, scratch)
        }
        if !record.pointee.patterned.isEmpty {
            best = firstPatterned(record.pointee.patterned, below: best, head, target, scratch)
        }
        guard best != .max else { return .notFound(.noRoute) }
        return .matched(RouteID(raw: best), VirtualHostID(raw: host))
    }

    @inline(__always)
    private func firstRoute(
        in hit: RadixHit, below limit: Int32, _ head: HeaderBlock, _ target: Target, _ scratch: MatchScratch
    ) -> Int32 {
        var best = firstRoute(in: hit.ends, below: limit, head, target, scratch)
        var index = hit.longest
        while index >= 0, nodes[Int(index)].smallest < best {
            best = firstRoute(in: nodes[Int(index)].prefixes, below: best, head, target, scratch)
            index = nodes[Int(index)].shorter
        }
        return best
    }

    @inline(__always)
    private func firstRoute(
        in list: Run, below limit: Int32, _ head: HeaderBlock, _ target: Target, _ scratch: MatchScratch
    ) -> Int32 {
        var index = list.start
        let end = list.start + list.count
        while index < end {
            let route = numbers[Int(index)]
            if route >= limit { return limit }
            if satisfies(routes + Int(route), head, target, scratch) { return route }
            index += 1
        }
        return limit
    }

    @inline(never)
    private func firstPatterned(
        _ list: Run, below limit: Int32, _ head: HeaderBlock, _ target: Target, _ scratch: MatchScratch
    ) -> Int32 {
        var index = list.start
        let end = list.start + list.count
        while index < end {
            let route = numbers[Int(index)]
            if route >= limit { return limit }
            // The cheap predicates go first: a pattern costs more than all of them.
            if satisfies(routes + Int(route), head, target, scratch), pathMatches(routes + Int(route), head, scratch) {
                return route
            }
            index += 1
        }
        return limit
    }

    // MARK: Matched routes

    public func hot(_ route: RouteID) -> HotRoute { record(route).pointee.hot }

    /// Body of a fixed response; valid as long as the snapshot.
    public func fixedBody(_ route: RouteID) -> UnsafeBufferPointer<UInt8> { text(record(route).pointee.fixedBody) }

    /// Draws the backend of a forwarding route: `random` modulo the total weight, then a walk over the cumulative weights
    /// (dataplane.md 1.2). A backend of weight 0 is never drawn.
    public func pick(_ route: RouteID, random: UInt64) -> ClusterID {
        let record = record(route)
        precondition(record.pointee.totalWeight > 0, "only forwarding routes have backends")
        let value = random % record.pointee.totalWeight
        var backend = backends + Int(record.pointee.backends.start)
        while value >= backend.pointee.cumulative { backend += 1 }
        return ClusterID(raw: backend.pointee.cluster)
    }

    // MARK: Rewrite

    /// Applies a delegating route's rewrites: new texts are appended to the block and `path` and `authority` point to them.
    /// Header lines are left alone. Returns what is different afterwards.
    public func rewrite(_ route: RouteID, _ head: HeaderBlock) -> RewriteResult {
        let record = delegating(route)
        var result: RewriteResult = []
        switch record.pointee.pathRewrite {
        case .keep: break
        case .whole:
            if replacePath(head, with: text(record.pointee.replacement)) { result.insert(.path) }
        case .prefix:
            if rewritePrefix(record, head) { result.insert(.path) }
        }
        if record.pointee.rewritesHost {
            let host = text(record.pointee.hostLiteral)
            if !ASCII.equal(head.bytes(head.authority), host) {
                head.authority = head.append(host)
                result.insert(.host)
            }
        }
        return result
    }

    /// The matched prefix gives way to the replacement and the rest follows after exactly one slash (design section 11):
    /// with `/chapter` and `/`, `/chapter` becomes `/`, `/chapter/1` becomes `/1`, `/chapters` becomes `/s`.
    private func rewritePrefix(_ record: UnsafePointer<RouteRecord>, _ head: HeaderBlock) -> Bool {
        let matched = text(record.pointee.matchedPrefix)
        let path = head.bytes(head.path)
        guard ASCII.hasPrefix(path, matched) else { return false }
        guard path.count > matched.count else { return replacePath(head, with: text(record.pointee.bareReplacement)) }
        var skipped = matched.count
        while skipped < path.count, path[skipped] == 0x2F { skipped += 1 }
        let start = Int(head.path.start) + skipped
        let rest = HeaderBlock.Range(start: start, count: path.count - skipped)
        let replacement = text(record.pointee.replacement)
        let old = head.path
        let new = head.append(upTo: replacement.count + 1 + Int(rest.count)) { target in
            for index in replacement.indices { target[index] = replacement[index] }
            target[replacement.count] = 0x2F
            let source = head.bytes(rest)
            for index in source.indices { target[replacement.count + 1 + index] = source[index] }
            return target.count
        }
        guard !ASCII.equal(head.bytes(new), head.bytes(old)) else { return false }
        head.path = new
        return true
    }

    private func replacePath(_ head: HeaderBlock, with text: Bytes) -> Bool {
        guard !ASCII.equal(head.bytes(head.path), text) else { return false }
        head.path = head.append(text)
        return true
    }

    // MARK: Records

    @inline(__always) func record(_ route: RouteID) -> UnsafePointer<RouteRecord> {
        precondition(route.raw >= 0 && route.index < routeCount, "identifier of another snapshot")
        return routes + route.index
    }

    @inline(__always) private func delegating(_ route: RouteID) -> UnsafePointer<RouteRecord> {
        let record = record(route)
        precondition(record.pointee.hot.kind == .delegate, "only delegating routes have a second stage")
        return record
    }
}
