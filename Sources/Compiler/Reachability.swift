// Routes that can never apply, because one that is tried before takes all their requests. Only what is certain is reported:
// the earlier route's conditions must each be among, or wider than, the later one's. Regular expressions cover nothing but
// themselves and, written as `/.*`, everything.

import Routing

enum Reachability {
    /// Pairs of an unreachable route and the one before it that takes its requests, as indexes into `matches`, which are in
    /// the order in which they are tried.
    static func unreachable(_ matches: [MatchPlan]) -> [(route: Int, because: Int)] {
        var found: [(route: Int, because: Int)] = []
        // Earlier routes by their prefix, so that thousands of distinct prefixes are not compared pairwise.
        var byPrefix: [String: [Int]] = [:]
        var lengths: Set<Int> = []
        var byOther: [String: [Int]] = [:]
        for (index, match) in matches.enumerated() {
            var earlier: [Int] = byOther[key(match.path)] ?? []
            if let path = text(match.path) {
                for length in lengths where length <= path.utf8.count {
                    earlier += byPrefix[String(decoding: path.utf8.prefix(length), as: UTF8.self)] ?? []
                }
            } else {
                earlier += byPrefix[""] ?? []
            }
            if let because = earlier.filter({ covers(matches[$0], match) }).min() {
                found.append((index, because))
            }
            if let prefix = prefix(match.path) {
                byPrefix[prefix, default: []].append(index)
                lengths.insert(prefix.utf8.count)
            } else {
                byOther[key(match.path), default: []].append(index)
            }
        }
        return found
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
