// The spec of a gateway route as the App Mesh API defines it.

/// One route of a gateway: exactly one of the three kinds. Priority 0 is tried first, a route without one last.
public struct GatewayRouteSpec: Sendable, Equatable {
    public var grpcRoute: GrpcGatewayRoute?
    public var http2Route: HttpGatewayRoute?
    public var httpRoute: HttpGatewayRoute?
    /// 0 is tried first; 0 to 1000.
    public var priority: Int?

    public init(
        grpcRoute: GrpcGatewayRoute? = nil,
        http2Route: HttpGatewayRoute? = nil,
        httpRoute: HttpGatewayRoute? = nil,
        priority: Int? = nil
    ) {
        self.grpcRoute = grpcRoute
        self.http2Route = http2Route
        self.httpRoute = httpRoute
        self.priority = priority
    }
}

/// A gateway route for HTTP/1.1 or, as `http2Route`, for HTTP/2.
public struct HttpGatewayRoute: Sendable, Equatable {
    public var action: HttpGatewayRouteAction
    public var match: HttpGatewayRouteMatch

    public init(action: HttpGatewayRouteAction, match: HttpGatewayRouteMatch) {
        self.action = action
        self.match = match
    }
}

/// What a request must be; at least one of `prefix`, `path` and `hostname`, and not both of the first two.
public struct HttpGatewayRouteMatch: Sendable, Equatable {
    /// 1 to 10 entries.
    public var headers: [HttpRouteHeader]?
    public var hostname: GatewayRouteHostnameMatch?
    public var method: HttpMethod?
    public var path: HttpPathMatch?
    /// 1 to 65535.
    public var port: Int?
    /// Starts with `/`.
    public var prefix: String?
    /// 1 to 10 entries.
    public var queryParameters: [HttpQueryParameter]?

    public init(
        headers: [HttpRouteHeader]? = nil,
        hostname: GatewayRouteHostnameMatch? = nil,
        method: HttpMethod? = nil,
        path: HttpPathMatch? = nil,
        port: Int? = nil,
        prefix: String? = nil,
        queryParameters: [HttpQueryParameter]? = nil
    ) {
        self.headers = headers
        self.hostname = hostname
        self.method = method
        self.path = path
        self.port = port
        self.prefix = prefix
        self.queryParameters = queryParameters
    }
}

/// The Host of a request, without port and case: `exact` or `suffix`.
public struct GatewayRouteHostnameMatch: Sendable, Equatable {
    /// 1 to 253 characters.
    public var exact: String?
    /// 1 to 253 characters.
    public var suffix: String?

    public init(exact: String? = nil, suffix: String? = nil) {
        self.exact = exact
        self.suffix = suffix
    }
}

/// The virtual service a matched request is handed to, and how it is rewritten before.
public struct HttpGatewayRouteAction: Sendable, Equatable {
    public var rewrite: HttpGatewayRouteRewrite?
    public var target: GatewayRouteTarget

    public init(target: GatewayRouteTarget, rewrite: HttpGatewayRouteRewrite? = nil) {
        self.target = target
        self.rewrite = rewrite
    }
}

/// How the request is rewritten; `prefix` and `path` exclude each other.
public struct HttpGatewayRouteRewrite: Sendable, Equatable {
    public var hostname: GatewayRouteHostnameRewrite?
    public var path: HttpGatewayRoutePathRewrite?
    public var prefix: HttpGatewayRoutePrefixRewrite?

    public init(
        hostname: GatewayRouteHostnameRewrite? = nil,
        path: HttpGatewayRoutePathRewrite? = nil,
        prefix: HttpGatewayRoutePrefixRewrite? = nil
    ) {
        self.hostname = hostname
        self.path = path
        self.prefix = prefix
    }
}

/// Whether Host becomes the name of the virtual service (default ENABLED).
public struct GatewayRouteHostnameRewrite: Sendable, Equatable {
    public var defaultTargetHostname: DefaultGatewayRouteRewrite?

    public init(defaultTargetHostname: DefaultGatewayRouteRewrite? = nil) {
        self.defaultTargetHostname = defaultTargetHostname
    }
}

/// Replaces the whole path; the query stays.
public struct HttpGatewayRoutePathRewrite: Sendable, Equatable {
    /// 1 to 255 characters.
    public var exact: String?

    public init(exact: String? = nil) {
        self.exact = exact
    }
}

/// Replaces the matched prefix by `/` (default), by `value`, or not at all (DISABLED).
public struct HttpGatewayRoutePrefixRewrite: Sendable, Equatable {
    public var defaultPrefix: DefaultGatewayRouteRewrite?
    /// 1 to 255 characters.
    public var value: String?

    public init(defaultPrefix: DefaultGatewayRouteRewrite? = nil, value: String? = nil) {
        self.defaultPrefix = defaultPrefix
        self.value = value
    }
}

/// The virtual service, and its port if it has several.
public struct GatewayRouteTarget: Sendable, Equatable {
    /// 1 to 65535.
    public var port: Int?
    public var virtualService: GatewayRouteVirtualService

    public init(virtualService: GatewayRouteVirtualService, port: Int? = nil) {
        self.virtualService = virtualService
        self.port = port
    }
}

/// A virtual service by name.
public struct GatewayRouteVirtualService: Sendable, Equatable {
    /// 1 to 255 characters.
    public var virtualServiceName: String

    public init(virtualServiceName: String) {
        self.virtualServiceName = virtualServiceName
    }
}

/// A gateway route for gRPC.
public struct GrpcGatewayRoute: Sendable, Equatable {
    public var action: GrpcGatewayRouteAction
    public var match: GrpcGatewayRouteMatch

    public init(action: GrpcGatewayRouteAction, match: GrpcGatewayRouteMatch) {
        self.action = action
        self.match = match
    }
}

/// What a gRPC call must be; `serviceName` or `hostname` is needed.
public struct GrpcGatewayRouteMatch: Sendable, Equatable {
    public var hostname: GatewayRouteHostnameMatch?
    /// 1 to 10 entries.
    public var metadata: [HttpRouteHeader]?
    /// 1 to 65535.
    public var port: Int?
    public var serviceName: String?

    public init(
        hostname: GatewayRouteHostnameMatch? = nil,
        metadata: [HttpRouteHeader]? = nil,
        port: Int? = nil,
        serviceName: String? = nil
    ) {
        self.hostname = hostname
        self.metadata = metadata
        self.port = port
        self.serviceName = serviceName
    }
}

/// The virtual service a matched call is handed to.
public struct GrpcGatewayRouteAction: Sendable, Equatable {
    public var rewrite: GrpcGatewayRouteRewrite?
    public var target: GatewayRouteTarget

    public init(target: GatewayRouteTarget, rewrite: GrpcGatewayRouteRewrite? = nil) {
        self.target = target
        self.rewrite = rewrite
    }
}

/// gRPC rewrites the host name only.
public struct GrpcGatewayRouteRewrite: Sendable, Equatable {
    public var hostname: GatewayRouteHostnameRewrite?

    public init(hostname: GatewayRouteHostnameRewrite? = nil) {
        self.hostname = hostname
    }
}
