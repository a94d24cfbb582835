import Patterns
import Wire

/// Compiles a plan into the tables of a snapshot.
///
/// Order of a virtual host's routes is order of their identifiers, so every list in the tables is ascending and the
/// smallest identifier that matches wins.
struct SnapshotBuilder {
    let plan: Plan
    let directory: PlanDirectory

    var listeners: [ListenerRecord] = []
    var virtualHosts: [VirtualHostRecord] = []
    var routes: [RouteRecord] = []
    var headers: [HeaderRecord] = []
    var queries: [QueryRecord] = []
    var backends: [BackendRecord] = []
    var nodes: [RadixNode] = []
    var patterns: [Unmanaged<Pattern>] = []
    var numbers: [Int32] = []
    var bytes: [UInt8] = []

    private static let headerIDs = Dictionary(
        uniqueKeysWithValues: HeaderID.allCases.filter(\.isKnown).map { ("\($0.name)", $0) })

    init(_ plan: Plan, _ directory: PlanDirectory) {
        self.plan = plan
        self.directory = directory
    }

    mutating func compile() {
        for (index, proxy) in plan.proxies.enumerated() {
            for host in proxy.virtualHosts { add(host, of: proxy, index) }
        }
        for (index, proxy) in plan.proxies.enumerated() {
            for listener in proxy.listeners { add(listener, index) }
        }
    }

    // MARK: Storage

    mutating func store(_ text: [UInt8]) -> Run {
        let run = Run(start: Int32(bytes.count), count: Int32(text.count))
        bytes.append(contentsOf: text)
        return run
    }

    mutating func store(_ text: String, folded: Bool = false) -> Run {
        store(folded ? ASCII.lower(text) : Array(text.utf8))
    }

    mutating func store(_ list: [Int32]) -> Run {
        let run = Run(start: Int32(numbers.count), count: Int32(list.count))
        numbers.append(contentsOf: list)
        return run
    }

    private mutating func store(_ regex: RegexMatch) -> Int32 {
        patterns.append(Unmanaged.passUnretained(regex.pattern))
        return Int32(patterns.count - 1)
    }

    // MARK: Listeners and virtual hosts

    private mutating func add(_ listener: ListenerPlan, _ proxy: Int) {
        var record: ListenerRecord
        switch listener.portRule {
        case .fixed(let port): record = ListenerRecord(hasFixedPort: true, port: Int32(clamping: port))
        case .service(let port):
            record = ListenerRecord(hasFixedPort: false, port: port.map { Int32(clamping: $0) } ?? -1)
        }
        var tree = RadixTree()
        for binding in listener.hosts {
            let host = directory.virtualHosts.raw(proxy, binding.virtualHost)
            switch binding.pattern {
            case .exact(let name): tree.addEnd(ASCII.lower(name).reversed(), host)
            case .suffix(let suffix): tree.addPrefix(ASCII.lower(suffix).reversed(), host)
            case .any: if record.anyHost < 0 { record.anyHost = host }
            }
        }
        record.hosts = tree.build(into: &self)
        listeners.append(record)
    }

    private mutating func add(_ host: VirtualHostPlan, of proxy: ProxyPlan, _ proxyIndex: Int) {
        let firstRoute = Int32(routes.count)
        var paths = RadixTree()
        var foldedPaths = RadixTree()
        var patterned: [Int32] = []
        for (index, route) in host.routes.enumerated() {
            let raw = firstRoute + Int32(index)
            switch route.match.path {
            case .any: paths.addPrefix([], raw)
            case .exact(let path, ignoresCase: false): paths.addEnd(Array(path.utf8), raw)
            case .exact(let path, ignoresCase: true): foldedPaths.addEnd(ASCII.lower(path), raw)
            case .prefix(let path, ignoresCase: false): paths.addPrefix(Array(path.utf8), raw)
            case .prefix(let path, ignoresCase: true): foldedPaths.addPrefix(ASCII.lower(path), raw)
            case .regex: patterned.append(raw)
            }
            add(route, of: proxy, proxyIndex)
        }
        var record = VirtualHostRecord(
            ports: store(host.ports.map { Int32(clamping: $0) }), firstRoute: firstRoute)
        record.paths = paths.build(into: &self)
        record.foldedPaths = foldedPaths.build(into: &self)
        record.patterned = store(patterned)
        virtualHosts.append(record)
    }

    // MARK: Routes

    private mutating func add(_ route: RoutePlan, of proxy: ProxyPlan, _ proxyIndex: Int) {
        let hot = HotRoute(
            kind: .forward, status: 0, requestTimeout: Self.nanoseconds(route.timeouts.request.value),
            idleTimeout: Self.nanoseconds(route.timeouts.idle.value), delegateHost: VirtualHostID(raw: -1))
        var record = RouteRecord(hot: hot)
        addPredicates(route.match, to: &record)
        switch route.action {
        case .forward(let list):
            record.backends = Run(start: Int32(backends.count), count: Int32(list.count))
            for backend in list {
                precondition(backend.weight >= 0, "a weight is not negative")
                record.totalWeight += UInt64(backend.weight)
                backends.append(
                    BackendRecord(
                        cluster: directory.clusters.raw(proxyIndex, backend.cluster), cumulative: record.totalWeight))
            }
            precondition(record.totalWeight > 0, "the total weight is above zero")
        case .delegate(let delegate):
            record.hot.kind = .delegate
            addDelegation(delegate, to: &record, of: proxy, proxyIndex)
        case .fixedResponse(let status, let body):
            record.hot.kind = .fixedResponse
            record.hot.status = UInt16(clamping: status)
            record.fixedBody = store(body)
        case .forwardToAuthority:
            record.hot.kind = .forwardToAuthority
            record.needsAbsoluteForm = true
            record.isPathOnly = false
        case .handler:
            record.hot.kind = .handler
        }
        routes.append(record)
    }

    private mutating func addDelegation(
        _ delegate: DelegatePlan, to record: inout RouteRecord, of proxy: ProxyPlan, _ proxyIndex: Int
    ) {
        let target = proxy.virtualHosts[delegate.virtualHost]
        for route in target.routes {
            guard case .delegate = route.action else { continue }
            preconditionFailure("a delegate's virtual host does not delegate again")
        }
        record.hot.delegateHost = VirtualHostID(raw: directory.virtualHosts.raw(proxyIndex, delegate.virtualHost))
        record.delegatePort = (delegate.port ?? target.ports.first).map { Int32(clamping: $0) } ?? -1
        if case .literal(let host) = delegate.host {
            record.rewritesHost = true
            record.hostLiteral = store(host)
        }
        switch delegate.path {
        case .keep: break
        case .whole(let path):
            record.pathRewrite = .whole
            record.replacement = store(path)
        case .prefix(let matched, let replacement):
            record.pathRewrite = .prefix
            record.matchedPrefix = store(matched)
            var base = Array(replacement.utf8)
            record.bareReplacement = store(base.isEmpty ? [0x2F] : base)
            while base.last == 0x2F { base.removeLast() }
            record.replacement = store(base)
        }
    }

    private mutating func addPredicates(_ match: MatchPlan, to record: inout RouteRecord) {
        switch match.path {
        case .any: record.pathKind = .any
        case .exact(let path, let folded):
            record.pathKind = folded ? .exactFolded : .exact
            record.path = store(path, folded: folded)
        case .prefix(let path, let folded):
            record.pathKind = folded ? .prefixFolded : .prefix
            record.path = store(path, folded: folded)
        case .regex(let regex):
            record.pathKind = .regex
            record.pattern = store(regex)
        }
        if let name = match.method {
            let known = Method.allCases.first { $0 != .other && "\($0.name)" == name }
            record.method = (known ?? .other).rawValue
            record.methodName = store(name)
        }
        if let scheme = match.scheme { record.scheme = scheme.rawValue }
        if let port = match.port { record.port = Int32(clamping: port) }
        switch match.hostname {
        case nil: break
        case .exact(let name):
            record.hostnameKind = .exact
            record.hostname = store(name, folded: true)
        case .suffix(let suffix):
            record.hostnameKind = .suffix
            record.hostname = store(suffix, folded: true)
        }
        record.needsGRPC = match.requiresGRPC
        record.headers = Run(start: Int32(headers.count), count: Int32(match.headers.count))
        for header in match.headers { add(header) }
        record.queries = Run(start: Int32(queries.count), count: Int32(match.query.count))
        for query in match.query {
            let name = store(query.name)
            let value = query.exact.map { store($0) }
            queries.append(QueryRecord(name: name, hasValue: value != nil, value: value ?? .empty))
        }
        var rest = match
        rest.path = .any
        record.isPathOnly = rest == MatchPlan()
    }

    private mutating func add(_ header: HeaderMatch) {
        let name = String(decoding: ASCII.lower(header.name), as: UTF8.self)
        var record = HeaderRecord(
            kind: .present, rawID: (Self.headerIDs[name] ?? .other).rawValue, isInverted: header.isInverted,
            ignoresCase: header.ignoresCase, name: store(name))
        switch name {
        case ":method": record.source = .method
        case ":path": record.source = .path
        // Envoy keeps Host in `:authority`, so a predicate on either sees the same text.
        case ":authority", "host": record.source = .authority
        case ":scheme": record.source = .scheme
        default: break
        }
        switch header.condition {
        case .present: break
        case .exact(let value):
            record.kind = .exact
            record.value = store(value, folded: header.ignoresCase)
        case .prefix(let value):
            record.kind = .prefix
            record.value = store(value, folded: header.ignoresCase)
        case .suffix(let value):
            record.kind = .suffix
            record.value = store(value, folded: header.ignoresCase)
        case .contains(let value):
            record.kind = .contains
            record.value = store(value, folded: header.ignoresCase)
            let needle = header.ignoresCase ? ASCII.lower(value) : Array(value.utf8)
            record.auxiliary = store(ASCII.borders(of: needle)).start
        case .regex(let regex):
            record.kind = .regex
            record.auxiliary = store(regex)
        case .range(let start, let end):
            record.kind = .range
            record.lower = Int64(start)
            record.upper = Int64(end)
        }
        headers.append(record)
    }

    /// 0 for none; a limit that was given is at least one nanosecond.
    private static func nanoseconds(_ duration: Duration?) -> Int64 {
        guard let duration else { return 0 }
        let (seconds, attoseconds) = duration.components
        let (whole, overflowed) = seconds.multipliedReportingOverflow(by: 1_000_000_000)
        let (sum, alsoOverflowed) = whole.addingReportingOverflow(attoseconds / 1_000_000_000)
        if overflowed || alsoOverflowed { return seconds < 0 ? 1 : .max }
        return max(sum, 1)
    }
}
