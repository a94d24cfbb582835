// The schema of node listeners. Constraints are those of the API model (2019-01-25).

import Definitions

extension AppMeshSchema {
    static let listener = Shape<Listener>.object(
        Listener(portMapping: PortMapping(port: 0, protocol: .http)),
        [
            .optional("connectionPool", \.connectionPool, virtualNodeConnectionPool),
            .optional("healthCheck", \.healthCheck, healthCheck()),
            .optional("outlierDetection", \.outlierDetection, outlierDetection),
            .required("portMapping", \.portMapping, portMapping()),
            .optional("timeout", \.timeout, listenerTimeout),
            .optional("tls", \.tls, listenerTls),
        ],
        rules: [
            Rules.keysFitProtocol(\.portMapping, \.connectionPool, "connectionPool", virtualNodeConnectionPool),
            Rules.keysFitProtocol(\.portMapping, \.timeout, "timeout", listenerTimeout),
            Rules.checkIsOfListener(\.healthCheck, \.portMapping),
        ])

    static func portMapping<Protocol>() -> Shape<MappedPort<Protocol>> {
        .object(
            MappedPort(port: 0, protocol: .http),
            [
                .required("port", \.port, .integer(1...65_535)),
                .required("protocol", \.protocol, .choice),
            ])
    }

    static let virtualNodeConnectionPool = Shape<VirtualNodeConnectionPool>.union([
        .member("grpc", VirtualNodeConnectionPool.grpc, requestsPool) {
            if case .grpc(let value) = $0 { value } else { nil }
        },
        .member("http", VirtualNodeConnectionPool.http, virtualNodeHttpConnectionPool) {
            if case .http(let value) = $0 { value } else { nil }
        },
        .member("http2", VirtualNodeConnectionPool.http2, requestsPool) {
            if case .http2(let value) = $0 { value } else { nil }
        },
        .member("tcp", VirtualNodeConnectionPool.tcp, virtualNodeTcpConnectionPool) {
            if case .tcp(let value) = $0 { value } else { nil }
        },
    ])

    static let virtualNodeHttpConnectionPool = Shape<VirtualNodeHttpConnectionPool>.object(
        VirtualNodeHttpConnectionPool(maxConnections: 0),
        [
            .required("maxConnections", \.maxConnections, .integer(1...Int.max)),
            .optional("maxPendingRequests", \.maxPendingRequests, .integer(1...Int.max)),
        ])

    static let requestsPool = Shape<RequestsPool>.object(
        RequestsPool(maxRequests: 0), [.required("maxRequests", \.maxRequests, .integer(1...Int.max))])

    static let virtualNodeTcpConnectionPool = Shape<VirtualNodeTcpConnectionPool>.object(
        VirtualNodeTcpConnectionPool(maxConnections: 0),
        [
            .required("maxConnections", \.maxConnections, .integer(1...Int.max))
        ])

    static func healthCheck<Protocol>() -> Shape<ActiveCheck<Protocol>> {
        .object(
            ActiveCheck(
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

    static let outlierDetection = Shape<OutlierDetection>.object(
        OutlierDetection(
            baseEjectionDuration: DurationSpec(), interval: DurationSpec(), maxEjectionPercent: 0, maxServerErrors: 0),
        [
            .required("baseEjectionDuration", \.baseEjectionDuration, durationSpec),
            .required("interval", \.interval, durationSpec),
            .required("maxEjectionPercent", \.maxEjectionPercent, .integer(0...100)),
            .required("maxServerErrors", \.maxServerErrors, .integer(1...Int.max)),
        ])

    static let listenerTimeout = Shape<ListenerTimeout>.union([
        .member("grpc", ListenerTimeout.grpc, httpTimeout) { if case .grpc(let value) = $0 { value } else { nil } },
        .member("http", ListenerTimeout.http, httpTimeout) { if case .http(let value) = $0 { value } else { nil } },
        .member("http2", ListenerTimeout.http2, httpTimeout) { if case .http2(let value) = $0 { value } else { nil } },
        .member("tcp", ListenerTimeout.tcp, tcpTimeout) { if case .tcp(let value) = $0 { value } else { nil } },
    ])
}
