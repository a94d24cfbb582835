// The schema of virtual routers and routes. Constraints are those of the API model (2019-01-25).

import Definitions

extension AppMeshSchema {
    static let virtualRouterSpec = Shape<VirtualRouterSpec>.object(
        VirtualRouterSpec(),
        [
            .optional("listeners", \.listeners, .list(virtualRouterListener))
        ],
        rules: [Rules.portsDiffer { ($0.listeners ?? []).map(\.portMapping.port) }])

    static let virtualRouterListener = Shape<VirtualRouterListener>.object(
        VirtualRouterListener(portMapping: PortMapping(port: 0, protocol: .http)),
        [
            .required("portMapping", \.portMapping, portMapping())
        ])

    static let routeSpec = Shape<RouteSpec>.object(
        RouteSpec(),
        [
            .optional("grpcRoute", \.grpcRoute, grpcRoute),
            .optional("http2Route", \.http2Route, httpRoute),
            .optional("httpRoute", \.httpRoute, httpRoute),
            .optional("priority", \.priority, .integer(0...1000)),
            .optional("tcpRoute", \.tcpRoute, tcpRoute),
        ],
        rules: [Rules.routeHasOneType, Rules.schemeNeedsHttp2])

    static let httpRoute = Shape<HttpRoute>.object(
        HttpRoute(action: HttpRouteAction(weightedTargets: []), match: HttpRouteMatch()),
        [
            .required("action", \.action, httpRouteAction),
            .required("match", \.match, httpRouteMatch),
            .optional("retryPolicy", \.retryPolicy, httpRetryPolicy),
            .optional("timeout", \.timeout, httpTimeout),
        ])

    static let httpRouteMatch = Shape<HttpRouteMatch>.object(
        HttpRouteMatch(),
        [
            .optional("headers", \.headers, .list(httpRouteHeader, count: 1...10)),
            .optional("method", \.method, .choice),
            .optional("path", \.path, httpPathMatch),
            .optional("port", \.port, .integer(1...65_535)),
            .optional("prefix", \.prefix, .pathStart()),
            .optional("queryParameters", \.queryParameters, .list(httpQueryParameter, count: 1...10)),
            .optional("scheme", \.scheme, .choice),
        ],
        rules: [Rules.routeMatchHasPath])

    static let httpRouteAction = Shape<HttpRouteAction>.object(
        HttpRouteAction(weightedTargets: []),
        [
            .required("weightedTargets", \.weightedTargets, .list(weightedTarget, count: 1...10))
        ])

    static let weightedTarget = Shape<WeightedTarget>.object(
        WeightedTarget(virtualNode: "", weight: 0),
        [
            .optional("port", \.port, .integer(1...65_535)),
            .required("virtualNode", \.virtualNode, .string(1...255)),
            .required("weight", \.weight, .integer(0...100)),
        ])

    static let grpcRoute = Shape<GrpcRoute>.object(
        GrpcRoute(action: HttpRouteAction(weightedTargets: []), match: GrpcRouteMatch()),
        [
            .required("action", \.action, httpRouteAction),
            .required("match", \.match, grpcRouteMatch),
            .optional("retryPolicy", \.retryPolicy, grpcRetryPolicy),
            .optional("timeout", \.timeout, httpTimeout),
        ])

    static let grpcRouteMatch = Shape<GrpcRouteMatch>.object(
        GrpcRouteMatch(),
        [
            .optional("metadata", \.metadata, .list(httpRouteHeader, count: 1...10)),
            .optional("methodName", \.methodName, .string(1...50)),
            .optional("port", \.port, .integer(1...65_535)),
            .optional("serviceName", \.serviceName, .string()),
        ],
        rules: [Rules.methodNeedsService])

    static let tcpRoute = Shape<TcpRoute>.object(
        TcpRoute(action: HttpRouteAction(weightedTargets: [])),
        [
            .required("action", \.action, httpRouteAction),
            .optional("match", \.match, tcpRouteMatch),
            .optional("timeout", \.timeout, tcpTimeout),
        ])

    static let tcpRouteMatch = Shape<TcpRouteMatch>.object(
        TcpRouteMatch(),
        [
            .optional("port", \.port, .integer(1...65_535))
        ])
}
