import Patterns
import Wire

/// The predicates of a route, each a plain function of a route's record and a request (dataplane.md 1.1).
///
/// The indexed match and the explanation call the same functions; only how candidates are found differs.

/// What predicates need of a request besides its head, found once.
struct Target {
    /// The host without port and trailing dot, in the head's buffer and spelled as the client did.
    var host: HeaderBlock.Range
    /// The port that the request is for, or -1 when nothing says it.
    var port: Int32
    var isAbsoluteForm: Bool
}

/// A predicate of a route, in the order in which they are tried.
enum Predicate: Equatable {
    case path, method, scheme, port, hostname, absoluteForm, grpc
    case header(Int)
    case query(Int)
}

extension Snapshot {
    /// Whether everything but the path holds.
    @inline(__always)
    func satisfies(
        _ route: UnsafePointer<RouteRecord>, _ head: HeaderBlock, _ target: Target, _ scratch: MatchScratch
    ) -> Bool {
        route.pointee.isPathOnly || satisfiesAll(route, head, target, scratch)
    }

    @inline(never)
    private func satisfiesAll(
        _ route: UnsafePointer<RouteRecord>, _ head: HeaderBlock, _ target: Target, _ scratch: MatchScratch
    ) -> Bool {
        guard methodMatches(route, head), schemeMatches(route, head), portMatches(route, target),
            hostnameMatches(route, head, target), formMatches(route, target), grpcMatches(route, head)
        else { return false }
        var index = route.pointee.headers.start
        let headersEnd = index + route.pointee.headers.count
        while index < headersEnd {
            guard headerMatches(headers + Int(index), head, scratch) else { return false }
            index += 1
        }
        index = route.pointee.queries.start
        let queriesEnd = index + route.pointee.queries.count
        while index < queriesEnd {
            guard queryMatches(queries + Int(index), head) else { return false }
            index += 1
        }
        return true
    }

    /// The first predicate that does not hold, or nil when the route matches.
    func firstFailing(
        _ route: UnsafePointer<RouteRecord>, _ head: HeaderBlock, _ target: Target, _ scratch: MatchScratch
    ) -> Predicate? {
        guard pathMatches(route, head, scratch) else { return .path }
        guard methodMatches(route, head) else { return .method }
        guard schemeMatches(route, head) else { return .scheme }
        guard portMatches(route, target) else { return .port }
        guard hostnameMatches(route, head, target) else { return .hostname }
        guard formMatches(route, target) else { return .absoluteForm }
        guard grpcMatches(route, head) else { return .grpc }
        for index in 0..<Int(route.pointee.headers.count) {
            let header = headers + Int(route.pointee.headers.start) + index
            guard headerMatches(header, head, scratch) else { return .header(index) }
        }
        for index in 0..<Int(route.pointee.queries.count) {
            let query = queries + Int(route.pointee.queries.start) + index
            guard queryMatches(query, head) else { return .query(index) }
        }
        return nil
    }

    // MARK: Request line

    /// On the path without its query; case-sensitive unless the route says otherwise; a prefix is a plain string prefix.
    func pathMatches(_ route: UnsafePointer<RouteRecord>, _ head: HeaderBlock, _ scratch: MatchScratch) -> Bool {
        let path = head.bytes(head.path)
        switch route.pointee.pathKind {
        case .any: return true
        case .exact: return ASCII.equal(path, text(route.pointee.path))
        case .exactFolded: return ASCII.equal(path, text(route.pointee.path), folding: true)
        case .prefix: return ASCII.hasPrefix(path, text(route.pointee.path))
        case .prefixFolded: return ASCII.hasPrefix(path, text(route.pointee.path), folding: true)
        case .regex: return patternMatches(route.pointee.pattern, path, scratch)
        }
    }

    /// Exact and case-sensitive (RFC 9110 9.1).
    @inline(__always)
    func methodMatches(_ route: UnsafePointer<RouteRecord>, _ head: HeaderBlock) -> Bool {
        let wanted = route.pointee.method
        if wanted == RouteRecord.absent { return true }
        guard wanted == head.method.rawValue else { return false }
        return wanted != Method.other.rawValue
            || ASCII.equal(head.bytes(head.methodName), text(route.pointee.methodName))
    }

    @inline(__always)
    func schemeMatches(_ route: UnsafePointer<RouteRecord>, _ head: HeaderBlock) -> Bool {
        route.pointee.scheme == RouteRecord.absent || route.pointee.scheme == head.scheme.rawValue
    }

    /// Compares with the effective port of the listener's `PortRule`, not with the socket's.
    @inline(__always)
    func portMatches(_ route: UnsafePointer<RouteRecord>, _ target: Target) -> Bool {
        route.pointee.port < 0 || route.pointee.port == target.port
    }

    /// On the host without port and trailing dot, in any case; a suffix is a plain string suffix.
    @inline(__always)
    func hostnameMatches(_ route: UnsafePointer<RouteRecord>, _ head: HeaderBlock, _ target: Target) -> Bool {
        switch route.pointee.hostnameKind {
        case .none: true
        case .exact: ASCII.equal(head.bytes(target.host), text(route.pointee.hostname), folding: true)
        case .suffix: ASCII.hasSuffix(head.bytes(target.host), text(route.pointee.hostname), folding: true)
        }
    }

    /// Requests are sent on to their own authority only when they name it in absolute form (design section 11, ALLOW_ALL).
    @inline(__always)
    func formMatches(_ route: UnsafePointer<RouteRecord>, _ target: Target) -> Bool {
        !route.pointee.needsAbsoluteForm || target.isAbsoluteForm
    }

    /// `application/grpc` or `application/grpc+…`, not `application/grpc-web`.
    @inline(__always)
    func grpcMatches(_ route: UnsafePointer<RouteRecord>, _ head: HeaderBlock) -> Bool {
        guard route.pointee.needsGRPC else { return true }
        guard let range = head.value(.contentType) else { return false }
        return Self.isGRPC(ASCII.trimmed(head.bytes(range)))
    }

    private static func isGRPC(_ value: Bytes) -> Bool {
        let type: StaticString = "application/grpc"
        let expected = Bytes(start: type.utf8Start, count: type.utf8CodeUnitCount)
        guard ASCII.hasPrefix(value, expected) else { return false }
        return value.count == expected.count || value[expected.count] == 0x2B
    }

    // MARK: Headers

    /// Several lines of one name are matched one by one: the condition holds if it holds for any of them, and inversion
    /// negates that. Envoy 1.40 does so (seen: with `x-a: 1` and `x-a: 2`, exact `1` and exact `2` match, exact `1,2` and
    /// inverted exact `1` do not); its older versions joined the values with commas.
    ///
    /// A missing header never matches a condition on its value, inverted or not; inverted `present` matches when it is
    /// missing. Blanks around a value do not count.
    func headerMatches(
        _ header: UnsafePointer<HeaderRecord>, _ head: HeaderBlock, _ scratch: MatchScratch
    ) -> Bool {
        guard header.pointee.source == .line else {
            guard let value = pseudoHeader(header.pointee.source, head, scratch) else { return isMissingMatch(header) }
            return conditionHolds(header, value, scratch) != header.pointee.isInverted
        }
        guard var index = nextLine(header, head, from: 0) else { return isMissingMatch(header) }
        while true {
            let value = ASCII.trimmed(head.bytes(head.field(index).value))
            if conditionHolds(header, value, scratch) { return !header.pointee.isInverted }
            guard let next = nextLine(header, head, from: index + 1) else { return header.pointee.isInverted }
            index = next
        }
    }

    @inline(__always) private func isMissingMatch(_ header: UnsafePointer<HeaderRecord>) -> Bool {
        header.pointee.kind == .present && header.pointee.isInverted
    }

    private func conditionHolds(
        _ header: UnsafePointer<HeaderRecord>, _ value: Bytes, _ scratch: MatchScratch
    ) -> Bool {
        let folding = header.pointee.ignoresCase
        let expected = text(header.pointee.value)
        switch header.pointee.kind {
        case .present: return true
        case .exact: return ASCII.equal(value, expected, folding: folding)
        case .prefix: return ASCII.hasPrefix(value, expected, folding: folding)
        case .suffix: return ASCII.hasSuffix(value, expected, folding: folding)
        case .contains:
            let borders = numbers + Int(header.pointee.auxiliary)
            return ASCII.contains(value, expected, borders: borders, folding: folding)
        case .regex: return patternMatches(header.pointee.auxiliary, value, scratch)
        case .range:
            guard let number = ASCII.integer(value) else { return false }
            return number >= header.pointee.lower && number < header.pointee.upper
        }
    }

    /// What a predicate on `:method`, `:path`, `:scheme`, `:authority` or `host` sees, or nil when there is none.
    func pseudoHeader(_ source: HeaderSource, _ head: HeaderBlock, _ scratch: MatchScratch) -> Bytes? {
        switch source {
        case .line: return nil
        case .authority: return head.authority.isEmpty ? nil : head.bytes(head.authority)
        case .method:
            if !head.methodName.isEmpty { return head.bytes(head.methodName) }
            let name = head.method.name
            return Bytes(start: name.utf8Start, count: name.utf8CodeUnitCount)
        case .scheme:
            let name: StaticString = head.scheme == .https ? "https" : "http"
            return Bytes(start: name.utf8Start, count: name.utf8CodeUnitCount)
        case .path:
            // As Envoy's `:path`, which includes the query.
            guard head.hasQuery else { return head.path.isEmpty ? nil : head.bytes(head.path) }
            scratch.begin()
            scratch.append(head.bytes(head.path))
            scratch.append(0x3F)
            scratch.append(head.bytes(head.query))
            return scratch.text
        }
    }

    /// Index of the first line at or after `start` that a header predicate is about.
    func nextLine(_ header: UnsafePointer<HeaderRecord>, _ head: HeaderBlock, from start: Int) -> Int? {
        let id = header.pointee.id
        if id.isKnown {
            guard var index = head.firstIndex(of: id) else { return nil }
            index = max(index, start)
            while index < head.count {
                if head.field(index).id == id { return index }
                index += 1
            }
            return nil
        }
        let name = text(header.pointee.name)
        var index = start
        while index < head.count {
            let field = head.field(index)
            if field.id == .other, Int(field.name.count) == name.count, ASCII.equal(head.bytes(field.name), name) {
                return index
            }
            index += 1
        }
        return nil
    }

    // MARK: Query

    /// The first occurrence of the key counts; raw bytes, case-sensitive, `&` is the only separator; `?b` and `?b=` are present.
    func queryMatches(_ query: UnsafePointer<QueryRecord>, _ head: HeaderBlock) -> Bool {
        guard let value = queryValue(query, head) else { return false }
        return !query.pointee.hasValue || ASCII.equal(value, text(query.pointee.value))
    }

    /// The value of a query predicate's key, or nil when the key is missing.
    func queryValue(_ query: UnsafePointer<QueryRecord>, _ head: HeaderBlock) -> Bytes? {
        guard head.hasQuery else { return nil }
        let name = text(query.pointee.name)
        let text = head.bytes(head.query)
        var start = 0
        while start < text.count {
            var end = start
            while end < text.count, text[end] != 0x26 { end += 1 }
            var split = start
            while split < end, text[split] != 0x3D { split += 1 }
            if ASCII.equal(Bytes(rebasing: text[start..<split]), name) {
                return Bytes(rebasing: text[min(split + 1, end)..<end])
            }
            start = end + 1
        }
        return nil
    }

    // MARK: Patterns

    @inline(__always)
    func patternMatches(_ index: Int32, _ text: Bytes, _ scratch: MatchScratch) -> Bool {
        patterns[Int(index)]._withUnsafeGuaranteedRef { $0.matchesWhole(text, scratch.pattern) }
    }
}
