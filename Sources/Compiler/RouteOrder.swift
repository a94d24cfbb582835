// The order in which routes are tried (design section 11): priority ascending, routes without one last; then an exact path
// before a regular expression before a prefix, longer prefixes first; then more header and query matchers; then a route with
// a method; then the name. Nothing depends on where a route stands in a file.
//
// Gateway routes may also name a host. A host name is a header, so it counts as one matcher; between routes that are equal so
// far, an exact host comes before a suffix, a longer suffix before a shorter one. A route without path and prefix takes every
// path, as the prefix `/` does.

import Routing

struct RouteOrder: Comparable {
    let priority: Int
    /// Exact 0, regex 1, prefix 2.
    let pathKind: Int
    /// Bytes of the prefix; 0 for other kinds.
    let prefixLength: Int
    let matchers: Int
    /// Exact 0, suffix 1, none 2.
    let hostKind: Int
    let hostLength: Int
    let hasMethod: Bool
    let name: String

    init(priority: Int?, match: MatchPlan, name: String) {
        self.priority = priority ?? .max
        switch match.path {
        case .exact: (pathKind, prefixLength) = (0, 0)
        case .regex: (pathKind, prefixLength) = (1, 0)
        case .prefix(let prefix, _): (pathKind, prefixLength) = (2, prefix.utf8.count)
        case .any: (pathKind, prefixLength) = (2, 1)
        }
        matchers = match.headers.count + match.query.count + (match.hostname == nil ? 0 : 1)
        switch match.hostname {
        case .exact(let host): (hostKind, hostLength) = (0, host.utf8.count)
        case .suffix(let suffix): (hostKind, hostLength) = (1, suffix.utf8.count)
        case nil: (hostKind, hostLength) = (2, 0)
        }
        hasMethod = match.method != nil
        self.name = name
    }

    /// How a route comes before one that hides it: what to suggest.
    /// - Parameter minimum: the smallest priority there is: 0 for routes and gateway routes, 1 for Lattice rules.
    static func earlier(than name: String, priority: Int?, minimum: Int = 0) -> String {
        guard let priority else { return "give it a priority, which '\(name)' has not" }
        guard priority > minimum else {
            return "raise the priority number of '\(name)' first: \(minimum) is the smallest"
        }
        return "give it a priority of at most \(priority - 1)"
    }

    static func < (a: RouteOrder, b: RouteOrder) -> Bool {
        if a.priority != b.priority { return a.priority < b.priority }
        if a.pathKind != b.pathKind { return a.pathKind < b.pathKind }
        if a.prefixLength != b.prefixLength { return a.prefixLength > b.prefixLength }
        if a.matchers != b.matchers { return a.matchers > b.matchers }
        if a.hostKind != b.hostKind { return a.hostKind < b.hostKind }
        if a.hostLength != b.hostLength { return a.hostLength > b.hostLength }
        if a.hasMethod != b.hasMethod { return a.hasMethod }
        return a.name < b.name
    }
}
