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
        rules: [Rules.portsDiffer { $0.listeners.map(\.portMapping.port) }])

    static let virtualGatewayListener = Shape<VirtualGatewayListener>.object(
        VirtualGatewayListener(portMapping: VirtualGatewayPortMapping(port: 0, protocol: .http)),
        [
            .optional("connectionPool", \.connectionPool, virtualGatewayConnectionPool),
            .optional("healthCheck", \.healthCheck, healthCheck()),
            .required("portMapping", \.portMapping, portMapping()),
            .optional("tls", \.tls, listenerTls),
        ],
        rules: [
            Rules.keysFitProtocol(\.portMapping, \.connectionPool, "connectionPool", virtualGatewayConnectionPool),
            Rules.checkIsOfListener(\.healthCheck, \.portMapping),
        ])

    static let virtualGatewayConnectionPool = Shape<VirtualGatewayConnectionPool>.union([
        .member("grpc", VirtualGatewayConnectionPool.grpc, requestsPool) {
            if case .grpc(let value) = $0 { value } else { nil }
        },
        .member("http", VirtualGatewayConnectionPool.http, virtualNodeHttpConnectionPool) {
            if case .http(let value) = $0 { value } else { nil }
        },
        .member("http2", VirtualGatewayConnectionPool.http2, requestsPool) {
            if case .http2(let value) = $0 { value } else { nil }
        },
    ])
}
