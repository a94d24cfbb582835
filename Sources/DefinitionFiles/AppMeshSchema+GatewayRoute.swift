// The schema of gateway routes. Constraints are those of the API model (2019-01-25).

import Definitions

extension AppMeshSchema {
    static let gatewayRouteSpec = Shape<GatewayRouteSpec>.object(
        GatewayRouteSpec(),
        [
            .optional("grpcRoute", \.grpcRoute, grpcGatewayRoute),
            .optional("http2Route", \.http2Route, httpGatewayRoute),
            .optional("httpRoute", \.httpRoute, httpGatewayRoute),
            .optional("priority", \.priority, .integer(0...1000)),
        ],
        rules: [Rules.gatewayRouteHasOneType])

    static let httpGatewayRoute = Shape<HttpGatewayRoute>.object(
        HttpGatewayRoute(
            action: HttpGatewayRouteAction(
                target: GatewayRouteTarget(virtualService: GatewayRouteVirtualService(virtualServiceName: ""))),
            match: HttpGatewayRouteMatch()),
        [
            .required("action", \.action, httpGatewayRouteAction),
            .required("match", \.match, httpGatewayRouteMatch),
        ],
        rules: [Rules.rewriteFitsMatch])

    static let httpGatewayRouteMatch = Shape<HttpGatewayRouteMatch>.object(
        HttpGatewayRouteMatch(),
        [
            .optional("headers", \.headers, .list(httpRouteHeader, count: 1...10)),
            .optional("hostname", \.hostname, gatewayRouteHostnameMatch),
            .optional("method", \.method, .choice),
            .optional("path", \.path, httpPathMatch),
            .optional("port", \.port, .integer(1...65_535)),
            .optional("prefix", \.prefix, .pathStart()),
            .optional("queryParameters", \.queryParameters, .list(httpQueryParameter, count: 1...10)),
        ],
        rules: [Rules.gatewayMatchHasCriterion, Rules.gatewayPathIsNotReserved])

    static let gatewayRouteHostnameMatch = Shape<GatewayRouteHostnameMatch>.object(
        GatewayRouteHostnameMatch(),
        [
            .optional("exact", \.exact, .string(1...253)),
            .optional("suffix", \.suffix, .string(1...253)),
        ],
        rules: [Rules.hostnameMatchHasOne])

    static let httpGatewayRouteAction = Shape<HttpGatewayRouteAction>.object(
        HttpGatewayRouteAction(
            target: GatewayRouteTarget(virtualService: GatewayRouteVirtualService(virtualServiceName: ""))),
        [
            .optional("rewrite", \.rewrite, httpGatewayRouteRewrite),
            .required("target", \.target, gatewayRouteTarget),
        ])

    static let httpGatewayRouteRewrite = Shape<HttpGatewayRouteRewrite>.object(
        HttpGatewayRouteRewrite(),
        [
            .optional("hostname", \.hostname, gatewayRouteHostnameRewrite),
            .optional("path", \.path, httpGatewayRoutePathRewrite),
            .optional("prefix", \.prefix, httpGatewayRoutePrefixRewrite),
        ],
        rules: [Rules.rewritesExclude])

    static let gatewayRouteHostnameRewrite = Shape<GatewayRouteHostnameRewrite>.object(
        GatewayRouteHostnameRewrite(),
        [
            .optional("defaultTargetHostname", \.defaultTargetHostname, .choice)
        ])

    static let httpGatewayRoutePathRewrite = Shape<HttpGatewayRoutePathRewrite>.object(
        HttpGatewayRoutePathRewrite(),
        [
            .optional("exact", \.exact, .pathStart(1...255))
        ])

    static let httpGatewayRoutePrefixRewrite = Shape<HttpGatewayRoutePrefixRewrite>.object(
        HttpGatewayRoutePrefixRewrite(),
        [
            .optional("defaultPrefix", \.defaultPrefix, .choice),
            .optional("value", \.value, .pathStart(1...255)),
        ],
        rules: [Rules.prefixRewriteHasOne])

    static let gatewayRouteTarget = Shape<GatewayRouteTarget>.object(
        GatewayRouteTarget(virtualService: GatewayRouteVirtualService(virtualServiceName: "")),
        [
            .optional("port", \.port, .integer(1...65_535)),
            .required("virtualService", \.virtualService, gatewayRouteVirtualService),
        ])

    static let gatewayRouteVirtualService = Shape<GatewayRouteVirtualService>.object(
        GatewayRouteVirtualService(virtualServiceName: ""),
        [
            .required("virtualServiceName", \.virtualServiceName, .string(1...255))
        ])

    static let grpcGatewayRoute = Shape<GrpcGatewayRoute>.object(
        GrpcGatewayRoute(
            action: GrpcGatewayRouteAction(
                target: GatewayRouteTarget(virtualService: GatewayRouteVirtualService(virtualServiceName: ""))),
            match: GrpcGatewayRouteMatch()),
        [
            .required("action", \.action, grpcGatewayRouteAction),
            .required("match", \.match, grpcGatewayRouteMatch),
        ])

    static let grpcGatewayRouteMatch = Shape<GrpcGatewayRouteMatch>.object(
        GrpcGatewayRouteMatch(),
        [
            .optional("hostname", \.hostname, gatewayRouteHostnameMatch),
            .optional("metadata", \.metadata, .list(httpRouteHeader, count: 1...10)),
            .optional("port", \.port, .integer(1...65_535)),
            .optional("serviceName", \.serviceName, .string()),
        ],
        rules: [Rules.grpcGatewayMatchHasCriterion, Rules.grpcServiceIsNotReserved])

    static let grpcGatewayRouteAction = Shape<GrpcGatewayRouteAction>.object(
        GrpcGatewayRouteAction(
            target: GatewayRouteTarget(virtualService: GatewayRouteVirtualService(virtualServiceName: ""))),
        [
            .optional("rewrite", \.rewrite, grpcGatewayRouteRewrite),
            .required("target", \.target, gatewayRouteTarget),
        ])

    static let grpcGatewayRouteRewrite = Shape<GrpcGatewayRouteRewrite>.object(
        GrpcGatewayRouteRewrite(),
        [
            .optional("hostname", \.hostname, gatewayRouteHostnameRewrite)
        ])
}
