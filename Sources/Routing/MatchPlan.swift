import Patterns
import Wire

/// What a request must be for a route to apply. All parts are ANDed; an absent part matches everything.
public struct MatchPlan: Sendable, Equatable {
    public var path: PathMatch
    /// Upper-case known method, or any token for Lattice; compared exactly.
    public var method: String?
    public var scheme: Scheme?
    public var port: Int?
    public var hostname: HostnameMatch?
    public var headers: [HeaderMatch]
    public var query: [QueryMatch]
    /// Only requests with content type `application/grpc` or `application/grpc+…` (dataplane.md 1.1).
    public var requiresGRPC: Bool

    public init(
        path: PathMatch = .any, method: String? = nil, scheme: Scheme? = nil, port: Int? = nil,
        hostname: HostnameMatch? = nil, headers: [HeaderMatch] = [], query: [QueryMatch] = [],
        requiresGRPC: Bool = false
    ) {
        self.path = path
        self.method = method
        self.scheme = scheme
        self.port = port
        self.hostname = hostname
        self.headers = headers
        self.query = query
        self.requiresGRPC = requiresGRPC
    }
}

/// On the path without its query.
public enum PathMatch: Sendable, Equatable {
    case any
    case exact(String, ignoresCase: Bool = false)
    /// Plain string prefix: `/api` matches `/apiary`.
    case prefix(String, ignoresCase: Bool = false)
    /// RE2 syntax, whole path.
    case regex(RegexMatch)
}

/// On the authority without its port, lower case, without a trailing dot.
public enum HostnameMatch: Sendable, Equatable {
    case exact(String)
    /// String suffix of the host name (App Mesh: `hostname.suffix`).
    case suffix(String)
}

/// A compiled pattern that compares by its source.
public struct RegexMatch: Sendable, Equatable {
    public let pattern: Pattern
    public init(_ pattern: Pattern) { self.pattern = pattern }
    public static func == (a: RegexMatch, b: RegexMatch) -> Bool { a.pattern.source == b.pattern.source }
}

public struct HeaderMatch: Sendable, Equatable {
    public enum Condition: Sendable, Equatable {
        case present
        case exact(String)
        case prefix(String)
        case suffix(String)
        case contains(String)
        case regex(RegexMatch)
        /// Base-10 integer, `start` inclusive, `end` exclusive.
        case range(start: Int, end: Int)
    }
    /// Lower case.
    public var name: String
    public var condition: Condition
    /// Negates; a missing header never matches an inverted value condition (dataplane.md 1.1) but does match inverted `present`.
    public var isInverted: Bool
    /// Lattice compares values without case unless told otherwise.
    public var ignoresCase: Bool

    public init(name: String, condition: Condition, isInverted: Bool = false, ignoresCase: Bool = false) {
        self.name = name
        self.condition = condition
        self.isInverted = isInverted
        self.ignoresCase = ignoresCase
    }
}

/// First occurrence of the key, raw bytes without percent-decoding (dataplane.md 1.1).
public struct QueryMatch: Sendable, Equatable {
    public var name: String
    /// nil: presence is enough.
    public var exact: String?
    public init(name: String, exact: String? = nil) {
        self.name = name
        self.exact = exact
    }
}
