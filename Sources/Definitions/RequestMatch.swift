// Conditions on a request that routes and gateway routes share.

/// The whole path, without the query: `exact` or `regex` (RE2, full match).
public struct HttpPathMatch: Sendable, Equatable {
    /// 1 to 255 characters.
    public var exact: String?
    /// 1 to 255 characters.
    public var regex: String?

    public init(exact: String? = nil, regex: String? = nil) {
        self.exact = exact
        self.regex = regex
    }
}

/// A condition on one header or metadata entry; without `match` the name must be present.
public struct HttpRouteHeader: Sendable, Equatable {
    /// Whether the condition is negated (default false).
    public var invert: Bool?
    public var match: HeaderMatchMethod?
    /// 1 to 50 characters.
    public var name: String

    public init(name: String, invert: Bool? = nil, match: HeaderMatchMethod? = nil) {
        self.name = name
        self.invert = invert
        self.match = match
    }
}

/// How a header or metadata value is compared.
public enum HeaderMatchMethod: Sendable, Equatable {
    /// 1 to 255 characters.
    case exact(String)
    /// 1 to 255 characters.
    case prefix(String)
    case range(MatchRange)
    /// 1 to 255 characters.
    case regex(String)
    /// 1 to 255 characters.
    case suffix(String)
}

/// An integer value from `start` (included) to `end` (not included).
public struct MatchRange: Sendable, Equatable {
    /// First value that no longer matches.
    public var end: Int
    /// First value that matches.
    public var start: Int

    public init(end: Int, start: Int) {
        self.end = end
        self.start = start
    }
}

/// A condition on one query parameter; without `match` the name must be present.
public struct HttpQueryParameter: Sendable, Equatable {
    public var match: QueryParameterMatch?
    public var name: String

    public init(name: String, match: QueryParameterMatch? = nil) {
        self.name = name
        self.match = match
    }
}

/// How a query parameter is compared.
public struct QueryParameterMatch: Sendable, Equatable {
    public var exact: String?

    public init(exact: String? = nil) {
        self.exact = exact
    }
}

/// Exactly the shape of `HttpRouteHeader`.
public typealias GrpcRouteMetadata = HttpRouteHeader

/// Exactly the shape of `HttpRouteHeader`.
public typealias GrpcGatewayRouteMetadata = HttpRouteHeader

/// Exactly the shape of `HttpRouteHeader`.
public typealias HttpGatewayRouteHeader = HttpRouteHeader

/// Exactly the shape of `HeaderMatchMethod`.
public typealias GrpcRouteMetadataMatchMethod = HeaderMatchMethod

/// Exactly the shape of `HeaderMatchMethod`.
public typealias GrpcMetadataMatchMethod = HeaderMatchMethod
