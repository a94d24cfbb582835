// The specs of a virtual router and its routes as the App Mesh API defines them. A shape that the API repeats under another
// name with the very same members is one type here, with the other names as aliases, so that code that reads it exists once.

/// The ports on which a router accepts requests; several since 2022-08.
public struct VirtualRouterSpec: Sendable, Equatable {
    public var listeners: [VirtualRouterListener]?

    public init(listeners: [VirtualRouterListener]? = nil) {
        self.listeners = listeners
    }
}

/// One port of a router.
public struct VirtualRouterListener: Sendable, Equatable {
    public var portMapping: PortMapping

    public init(portMapping: PortMapping) {
        self.portMapping = portMapping
    }
}

/// One route of a router: exactly one of the four kinds. Priority 0 is tried first, a route without one last.
public struct RouteSpec: Sendable, Equatable {
    public var grpcRoute: GrpcRoute?
    public var http2Route: HttpRoute?
    public var httpRoute: HttpRoute?
    /// 0 is tried first; 0 to 1000.
    public var priority: Int?
    public var tcpRoute: TcpRoute?

    public init(
        grpcRoute: GrpcRoute? = nil,
        http2Route: HttpRoute? = nil,
        httpRoute: HttpRoute? = nil,
        priority: Int? = nil,
        tcpRoute: TcpRoute? = nil
    ) {
        self.grpcRoute = grpcRoute
        self.http2Route = http2Route
        self.httpRoute = httpRoute
        self.priority = priority
        self.tcpRoute = tcpRoute
    }
}

/// A route for HTTP/1.1 or, as `http2Route`, for HTTP/2.
public struct HttpRoute: Sendable, Equatable {
    public var action: HttpRouteAction
    public var match: HttpRouteMatch
    public var retryPolicy: HttpRetryPolicy?
    public var timeout: HttpTimeout?

    public init(
        action: HttpRouteAction,
        match: HttpRouteMatch,
        retryPolicy: HttpRetryPolicy? = nil,
        timeout: HttpTimeout? = nil
    ) {
        self.action = action
        self.match = match
        self.retryPolicy = retryPolicy
        self.timeout = timeout
    }
}

/// What a request must be for the route to apply; all given criteria must hold. Exactly one of `prefix` and `path`.
public struct HttpRouteMatch: Sendable, Equatable {
    /// 1 to 10 entries.
    public var headers: [HttpRouteHeader]?
    public var method: HttpMethod?
    public var path: HttpPathMatch?
    /// 1 to 65535.
    public var port: Int?
    /// Starts with `/`; a string prefix, not a path prefix.
    public var prefix: String?
    /// 1 to 10 entries.
    public var queryParameters: [HttpQueryParameter]?
    /// Of HTTP/2 routes only.
    public var scheme: HttpScheme?

    public init(
        headers: [HttpRouteHeader]? = nil,
        method: HttpMethod? = nil,
        path: HttpPathMatch? = nil,
        port: Int? = nil,
        prefix: String? = nil,
        queryParameters: [HttpQueryParameter]? = nil,
        scheme: HttpScheme? = nil
    ) {
        self.headers = headers
        self.method = method
        self.path = path
        self.port = port
        self.prefix = prefix
        self.queryParameters = queryParameters
        self.scheme = scheme
    }
}

/// Where a matched request goes.
public struct HttpRouteAction: Sendable, Equatable {
    /// 1 to 10 entries.
    public var weightedTargets: [WeightedTarget]

    public init(weightedTargets: [WeightedTarget]) {
        self.weightedTargets = weightedTargets
    }
}

/// One destination and its share. Weights are relative to their sum; 0 takes nothing.
public struct WeightedTarget: Sendable, Equatable {
    /// 1 to 65535.
    public var port: Int?
    /// 1 to 255 characters.
    public var virtualNode: String
    /// Relative to the sum; 0 to 100.
    public var weight: Int

    public init(virtualNode: String, weight: Int, port: Int? = nil) {
        self.virtualNode = virtualNode
        self.weight = weight
        self.port = port
    }
}

/// A route for gRPC.
public struct GrpcRoute: Sendable, Equatable {
    public var action: HttpRouteAction
    public var match: GrpcRouteMatch
    public var retryPolicy: GrpcRetryPolicy?
    public var timeout: HttpTimeout?

    public init(
        action: HttpRouteAction,
        match: GrpcRouteMatch,
        retryPolicy: GrpcRetryPolicy? = nil,
        timeout: HttpTimeout? = nil
    ) {
        self.action = action
        self.match = match
        self.retryPolicy = retryPolicy
        self.timeout = timeout
    }
}

/// What a gRPC call must be for the route to apply; an empty match takes every call.
public struct GrpcRouteMatch: Sendable, Equatable {
    /// 1 to 10 entries.
    public var metadata: [HttpRouteHeader]?
    /// Needs `serviceName`; 1 to 50 characters.
    public var methodName: String?
    /// 1 to 65535.
    public var port: Int?
    public var serviceName: String?

    public init(
        metadata: [HttpRouteHeader]? = nil,
        methodName: String? = nil,
        port: Int? = nil,
        serviceName: String? = nil
    ) {
        self.metadata = metadata
        self.methodName = methodName
        self.port = port
        self.serviceName = serviceName
    }
}

/// A route for TCP connections, chosen by port only.
public struct TcpRoute: Sendable, Equatable {
    public var action: HttpRouteAction
    public var match: TcpRouteMatch?
    public var timeout: TcpTimeout?

    public init(action: HttpRouteAction, match: TcpRouteMatch? = nil, timeout: TcpTimeout? = nil) {
        self.action = action
        self.match = match
        self.timeout = timeout
    }
}

/// The router port a connection must have come to.
public struct TcpRouteMatch: Sendable, Equatable {
    /// 1 to 65535.
    public var port: Int?

    public init(port: Int? = nil) {
        self.port = port
    }
}

/// Exactly the shape of `HttpRouteAction`.
public typealias GrpcRouteAction = HttpRouteAction

/// Exactly the shape of `HttpRouteAction`.
public typealias TcpRouteAction = HttpRouteAction
