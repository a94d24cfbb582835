import Patterns
import Routing
import Wire

/// Random plans and requests over alphabets so small that everything collides with everything.
struct RandomPlans {
    var random: SeededRandom
    private let patterns: [RegexMatch]

    init(seed: UInt64) throws {
        random = SeededRandom(seed: seed)
        patterns = try ["/a.*", "/[ab]/?", "/(a|b)+", "/ab?", "a+", ".*"].map { RegexMatch(try Pattern($0)) }
    }

    private mutating func chance(_ percent: Int) -> Bool { Int.random(in: 0..<100, using: &random) < percent }

    private mutating func one<Value>(_ values: [Value]) -> Value {
        values[Int.random(in: 0..<values.count, using: &random)]
    }

    private mutating func text(_ alphabet: [String], _ lengths: ClosedRange<Int>) -> String {
        (0..<Int.random(in: lengths, using: &random)).map { _ in one(alphabet) }.joined()
    }

    mutating func path() -> String { "/" + text(["a", "b", "A", "/"], 0...4) }

    // MARK: Plans

    mutating func proxy() -> ProxyPlan {
        let hostCount = Int.random(in: 1...4, using: &random)
        let hosts = (0..<hostCount).map { number in
            let routes = (0..<Int.random(in: 0...9, using: &random)).map { route("r\($0)") }
            return VirtualHostPlan.of("h\(number)", ports: one([[], [], [1], [1, 2]]), routes)
        }
        let bindings = (0..<Int.random(in: 0...6, using: &random)).map { _ in
            HostBinding(pattern(), virtualHost: Int.random(in: 0..<hostCount, using: &random))
        }
        let rule: ListenerPlan.PortRule = one([
            .fixed(1), .fixed(2), .service(listenerPort: nil), .service(listenerPort: 1),
        ])
        let listener = ListenerPlan.of(
            portRule: rule, hosts: bindings + [HostBinding(.any, virtualHost: 0)].filter { _ in chance(70) })
        return .of(listeners: [listener], hosts: hosts)
    }

    private mutating func host() -> String { text(["a", "b", "."], 1...4) }

    private mutating func pattern() -> HostBinding.Pattern {
        switch Int.random(in: 0..<3, using: &random) {
        case 0:
            // Plans have names without a trailing dot.
            var name = host()
            while name.count > 1, name.hasSuffix(".") { name.removeLast() }
            return .exact(name)
        case 1: return .suffix("." + text(["a", "b", "."], 1...2))
        default: return .any
        }
    }

    private mutating func route(_ name: String) -> RoutePlan {
        var match = MatchPlan(path: pathMatch())
        if chance(20) { match.method = one(["GET", "POST", "BREW"]) }
        if chance(10) { match.scheme = one([.http, .https]) }
        if chance(15) { match.port = one([1, 2]) }
        if chance(10) { match.hostname = one([.exact(host()), .suffix(text(["a", "."], 1...2))]) }
        if chance(10) { match.requiresGRPC = true }
        while chance(25) { match.headers.append(header()) }
        while chance(15) { match.query.append(QueryMatch(name: one(["a", "b"]), exact: one([nil, "", "a"]))) }
        let action: ActionPlan = chance(15) ? .forwardToAuthority : .fixedResponse(status: 200, body: "")
        return .to(name, match, action)
    }

    private mutating func pathMatch() -> PathMatch {
        switch Int.random(in: 0..<12, using: &random) {
        case 0: .any
        case 1...3: .exact(path())
        case 4: .exact(path(), ignoresCase: true)
        case 5...8: .prefix(path())
        case 9: .prefix(path(), ignoresCase: true)
        default: .regex(one(patterns))
        }
    }

    private mutating func header() -> HeaderMatch {
        let value = text(["a", "A", "b"], 0...2)
        let conditions: [HeaderMatch.Condition] = [
            .present, .exact(value), .prefix(value), .suffix(value), .contains(value), .regex(one(patterns)),
            .range(start: 1, end: 3),
        ]
        return HeaderMatch(
            name: one(["x-a", "x-b", "origin"]), condition: one(conditions), isInverted: chance(30),
            ignoresCase: chance(20))
    }

    // MARK: Requests

    mutating func request() -> Request {
        var request = Request(method: one(["GET", "GET", "POST", "BREW", "BREWS"]), target: path(), authority: host())
        if chance(10) { request.authority = request.authority.uppercased() }
        if chance(30) { request.authority += one([":1", ":2", ":", ":x", ":70000"]) }
        if chance(40) { request.target += "?" + text(["a", "b", "=", "&"], 0...5) }
        request.scheme = one([.http, .https])
        request.isAbsoluteForm = chance(30)
        while chance(50) {
            request.headers.append(
                (one(["x-a", "x-b", "origin"]), one(["", "a", "A", "b", "ab", "aa", "1", "2", "3", "1x"])))
        }
        if chance(20) {
            request.headers.append(("content-type", one(["application/grpc", "application/grpc+a", "a"])))
        }
        return request
    }
}
