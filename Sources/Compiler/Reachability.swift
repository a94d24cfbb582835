// Routes that can never apply, because one that is tried before takes all their requests. Only what is certain is reported:
// the earlier route's conditions must each be among, or wider than, the later one's. Regular expressions cover nothing but
// themselves and, written as `/.*`, everything.

import Routing

enum Reachability {
    /// Pairs of an unreachable route and the one before it that takes its requests, as indexes into `matches`, which are in
    /// the order in which they are tried.
    static func unreachable(_ matches: [MatchPlan]) -> [(route: Int, because: Int)] {
        var found: [(route: Int, because: Int)] = []
        var earlier = EarlierRoutes(matches)
        for (index, match) in matches.enumerated() {
            if let because = earlier.candidates(for: match).filter({ covers(matches[$0], match) }).min() {
                // It hides nothing that the other does not hide as well.
                found.append((index, because))
            } else {
                earlier.add(match, index)
            }
        }
        return found
    }

    /// Routes by their path and one of their conditions, so that thousands of distinct prefixes, and thousands of routes that
    /// share a prefix and differ in a header, are not compared pairwise. A route can only hide one that has all of its
    /// conditions, so it is found by any of them: it is kept under the one that the fewest routes have.
    private struct EarlierRoutes {
        private var byPrefix: [String: [String: [Int]]] = [:]
        private var lengths: Set<Int> = []
        private var byOther: [String: [String: [Int]]] = [:]
        private var suffixLengths: Set<Int> = []
        private let frequencies: [String: Int]

        init(_ matches: [MatchPlan]) {
            var frequencies: [String: Int] = [:]
            for match in matches {
                for condition in Reachability.conditions(match) { frequencies[condition, default: 0] += 1 }
            }
            self.frequencies = frequencies
        }

        mutating func add(_ match: MatchPlan, _ index: Int) {
            let condition =
                Reachability.conditions(match).min { (frequencies[$0] ?? 0, $0) < (frequencies[$1] ?? 0, $1) } ?? ""
            if case .suffix(let suffix) = match.hostname { suffixLengths.insert(suffix.utf8.count) }
            if let prefix = Reachability.prefix(match.path) {
                byPrefix[prefix, default: [:]][condition, default: []].append(index)
                lengths.insert(prefix.utf8.count)
            } else {
                byOther[Reachability.key(match.path), default: [:]][condition, default: []].append(index)
            }
        }

        func candidates(for match: MatchPlan) -> [Int] {
            var tables = [byOther[Reachability.key(match.path)]]
            if let path = Reachability.text(match.path) {
                for length in lengths where length <= path.utf8.count {
                    tables.append(byPrefix[String(decoding: path.utf8.prefix(length), as: UTF8.self)])
                }
            } else {
                tables.append(byPrefix[""])
            }
            let conditions = Reachability.conditions(match) + suffixes(match.hostname) + [""]
            return tables.compactMap { $0 }.flatMap { table in conditions.flatMap { table[$0] ?? [] } }
        }

        /// Conditions on a host that are wider than one.
        private func suffixes(_ hostname: HostnameMatch?) -> [String] {
            let host: String
            switch hostname {
            case .exact(let name), .suffix(let name): host = name
            case nil: return []
            }
            return suffixLengths.filter { $0 <= host.utf8.count }.map { length in
                Reachability.condition(.suffix(String(decoding: host.utf8.suffix(length), as: UTF8.self)))
            }
        }
    }

    /// Everything but the path that a route asks for, as texts: equal conditions have equal texts.
    private static func conditions(_ match: MatchPlan) -> [String] {
        var conditions: [String] = []
        if let method = match.method { conditions.append("method \(method)") }
        if let scheme = match.scheme { conditions.append("scheme \(scheme)") }
        if let port = match.port { conditions.append("port \(port)") }
        if match.requiresGRPC { conditions.append("grpc") }
        if let hostname = match.hostname { conditions.append(condition(hostname)) }
        conditions += match.headers.map { "header \($0.name) \(text($0.condition))" }
        conditions += match.query.map { "query \($0.name) \($0.exact ?? "")" }
        return conditions
    }

    private static func condition(_ hostname: HostnameMatch) -> String {
        switch hostname {
        case .exact(let name): "host \(name)"
        case .suffix(let suffix): "hosts \(suffix)"
        }
    }

    private static func text(_ condition: Routing.HeaderMatch.Condition) -> String {
        switch condition {
        case .present: ""
        case .exact(let text): "= \(text)"
        case .prefix(let text): "^ \(text)"
        case .suffix(let text): "$ \(text)"
        case .contains(let text): "* \(text)"
        case .regex(let regex): "~ \(regex.pattern.source)"
        case .range(let start, let end): "\(start) \(end)"
        }
    }

    /// The prefix that a path condition amounts to; every path starts with `/`, so `/` takes all.
    private static func prefix(_ path: Routing.PathMatch) -> String? {
        switch path {
        case .any: ""
        case .prefix("/", _): ""
        case .prefix(let prefix, let ignoresCase): ignoresCase ? prefix.lowercased() : prefix
        case .regex(let regex) where [".*", "/.*"].contains(regex.pattern.source): ""
        case .exact, .regex: nil
        }
    }

    /// The text that an earlier prefix must be a prefix of.
    private static func text(_ path: Routing.PathMatch) -> String? {
        switch path {
        case .exact(let text, let ignoresCase): ignoresCase ? text.lowercased() : text
        case .any, .prefix: prefix(path)
        case .regex: nil
        }
    }

    private static func key(_ path: Routing.PathMatch) -> String {
        switch path {
        case .exact(let text, let ignoresCase): ignoresCase ? "i=\(text.lowercased())" : "=\(text)"
        case .regex(let regex): "~\(regex.pattern.source)"
        case .any, .prefix: ""
        }
    }

    /// Whether every request that matches `b` matches `a`; their paths have been compared.
    private static func covers(_ a: MatchPlan, _ b: MatchPlan) -> Bool {
        guard sameCase(a.path, b.path) else { return false }
        guard a.method == nil || a.method == b.method, a.scheme == nil || a.scheme == b.scheme,
            a.port == nil || a.port == b.port, !a.requiresGRPC || b.requiresGRPC
        else { return false }
        switch (a.hostname, b.hostname) {
        case (nil, _): break
        case (let x?, let y?) where x == y: break
        case (.suffix(let x), .exact(let y)), (.suffix(let x), .suffix(let y)):
            guard y.hasSuffix(x) else { return false }
        default: return false
        }
        return a.headers.allSatisfy { b.headers.contains($0) } && a.query.allSatisfy { b.query.contains($0) }
    }

    /// A condition that minds the case says nothing about one that does not.
    private static func sameCase(_ a: Routing.PathMatch, _ b: Routing.PathMatch) -> Bool {
        if prefix(a) == "" { return true }
        return ignoresCase(a) || !ignoresCase(b)
    }

    private static func ignoresCase(_ path: Routing.PathMatch) -> Bool {
        switch path {
        case .exact(_, let ignores), .prefix(_, let ignores): ignores
        case .any, .regex: false
        }
    }
}
