// The schema of virtual gateways. Constraints are those of the API model (2019-01-25).

import Definitions

extension AppMeshSchema {
    static let virtualGatewaySpec = Shape<VirtualGatewaySpec>.object(
        VirtualGatewaySpec(listeners: []),
        [
            .optional("backendDefaults", \.backendDefaults, backendDefaults),
            .required("listeners", \.listeners, .list(virtualGatewayListener)),
            .optional("logging", \.logging, logging),
        ],
        rules: [Rules.gatewayPortsDiffer])

    static let virtualGatewayListener = Shape<VirtualGatewayListener>.object(
        VirtualGatewayListener(portMapping: VirtualGatewayPortMapping(port: 0, protocol: .http)),
        [
            .optional("connectionPool", \.connectionPool, virtualGatewayConnectionPool),
            .optional("healthCheck", \.healthCheck, virtualGatewayHealthCheckPolicy),
            .required("portMapping", \.portMapping, virtualGatewayPortMapping),
            .optional("tls", \.tls, listenerTls),
        ],
        rules: [Rules.gatewayListenerKeysFitProtocol])

    static let virtualGatewayPortMapping = Shape<VirtualGatewayPortMapping>.object(
        VirtualGatewayPortMapping(port: 0, protocol: .http),
        [
            .required("port", \.port, .integer(1...65_535)),
            .required("protocol", \.protocol, .choice),
        ])

    static let virtualGatewayConnectionPool = Shape<VirtualGatewayConnectionPool>.union([
        .member("grpc", VirtualGatewayConnectionPool.grpc, virtualNodeGrpcConnectionPool) {
            if case .grpc(let value) = $0 { value } else { nil }
        },
        .member("http", VirtualGatewayConnectionPool.http, virtualNodeHttpConnectionPool) {
            if case .http(let value) = $0 { value } else { nil }
        },
        .member("http2", VirtualGatewayConnectionPool.http2, virtualNodeHttp2ConnectionPool) {
            if case .http2(let value) = $0 { value } else { nil }
        },
    ])

    static let virtualGatewayHealthCheckPolicy = Shape<VirtualGatewayHealthCheckPolicy>.object(
        VirtualGatewayHealthCheckPolicy(
            healthyThreshold: 0, intervalMillis: 0, protocol: .http, timeoutMillis: 0, unhealthyThreshold: 0),
        [
            .required("healthyThreshold", \.healthyThreshold, .integer(2...10)),
            .required("intervalMillis", \.intervalMillis, .integer(5000...300_000)),
            .optional("path", \.path, .pathStart()),
            .optional("port", \.port, .integer(1...65_535)),
            .required("protocol", \.protocol, .choice),
            .required("timeoutMillis", \.timeoutMillis, .integer(2000...60_000)),
            .required("unhealthyThreshold", \.unhealthyThreshold, .integer(2...10)),
        ])
}
