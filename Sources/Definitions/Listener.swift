// A listener of a virtual node and what it enforces: limits, health checks, outlier detection, timeouts. What a gateway's
// listener has too, but without TCP, is generic over the protocols.

/// One port of a node and all that is enforced there.
public struct Listener: Sendable, Equatable {
    public var connectionPool: VirtualNodeConnectionPool?
    public var healthCheck: HealthCheckPolicy?
    public var outlierDetection: OutlierDetection?
    public var portMapping: PortMapping
    public var timeout: ListenerTimeout?
    public var tls: ListenerTls?

    public init(
        portMapping: PortMapping,
        connectionPool: VirtualNodeConnectionPool? = nil,
        healthCheck: HealthCheckPolicy? = nil,
        outlierDetection: OutlierDetection? = nil,
        timeout: ListenerTimeout? = nil,
        tls: ListenerTls? = nil
    ) {
        self.portMapping = portMapping
        self.connectionPool = connectionPool
        self.healthCheck = healthCheck
        self.outlierDetection = outlierDetection
        self.timeout = timeout
        self.tls = tls
    }
}

/// A port of a node or a router and what is spoken on it.
public typealias PortMapping = MappedPort<PortProtocol>

/// A port and what is spoken on it.
public struct MappedPort<Protocol: ListenerProtocol>: Sendable, Equatable {
    /// 1 to 65535.
    public var port: Int
    public var `protocol`: Protocol

    public init(port: Int, protocol: Protocol) {
        self.port = port
        self.protocol = `protocol`
    }
}

/// How much at once may reach the application; the key is the protocol of the listener.
public enum VirtualNodeConnectionPool: Sendable, Equatable {
    case grpc(VirtualNodeGrpcConnectionPool)
    case http(VirtualNodeHttpConnectionPool)
    case http2(VirtualNodeHttp2ConnectionPool)
    case tcp(VirtualNodeTcpConnectionPool)
}

/// Limits of an HTTP/1.1 listener.
public struct VirtualNodeHttpConnectionPool: Sendable, Equatable {
    /// At least 1.
    public var maxConnections: Int
    /// Requests that wait for a connection; at least 1.
    public var maxPendingRequests: Int?

    public init(maxConnections: Int, maxPendingRequests: Int? = nil) {
        self.maxConnections = maxConnections
        self.maxPendingRequests = maxPendingRequests
    }
}

/// Limit of an HTTP/2 listener.
public typealias VirtualNodeHttp2ConnectionPool = RequestsPool

/// Limit of a gRPC listener.
public typealias VirtualNodeGrpcConnectionPool = RequestsPool

/// Limit of a listener whose connections carry several requests at once.
public struct RequestsPool: Sendable, Equatable {
    /// At least 1.
    public var maxRequests: Int

    public init(maxRequests: Int) {
        self.maxRequests = maxRequests
    }
}

/// Limit of a TCP listener.
public struct VirtualNodeTcpConnectionPool: Sendable, Equatable {
    /// At least 1.
    public var maxConnections: Int

    public init(maxConnections: Int) {
        self.maxConnections = maxConnections
    }
}

/// The active check of a node's instances.
public typealias HealthCheckPolicy = ActiveCheck<PortProtocol>

/// The active check that clients run against each instance.
public struct ActiveCheck<Protocol: ListenerProtocol>: Sendable, Equatable {
    /// 2 to 10.
    public var healthyThreshold: Int
    /// Milliseconds; 5000 to 300000.
    public var intervalMillis: Int
    public var path: String?
    /// Must be the port of the listener; 1 to 65535.
    public var port: Int?
    public var `protocol`: Protocol
    /// Milliseconds; 2000 to 60000.
    public var timeoutMillis: Int
    /// 2 to 10.
    public var unhealthyThreshold: Int

    public init(
        healthyThreshold: Int,
        intervalMillis: Int,
        protocol: Protocol,
        timeoutMillis: Int,
        unhealthyThreshold: Int,
        path: String? = nil,
        port: Int? = nil
    ) {
        self.healthyThreshold = healthyThreshold
        self.intervalMillis = intervalMillis
        self.protocol = `protocol`
        self.timeoutMillis = timeoutMillis
        self.unhealthyThreshold = unhealthyThreshold
        self.path = path
        self.port = port
    }
}

/// When a client stops using an instance because of its answers.
public struct OutlierDetection: Sendable, Equatable {
    public var baseEjectionDuration: DurationSpec
    public var interval: DurationSpec
    /// Share of the instances that may be ejected; one may be in any case; 0 to 100.
    public var maxEjectionPercent: Int
    /// Consecutive answers of 5xx; at least 1.
    public var maxServerErrors: Int

    public init(
        baseEjectionDuration: DurationSpec,
        interval: DurationSpec,
        maxEjectionPercent: Int,
        maxServerErrors: Int
    ) {
        self.baseEjectionDuration = baseEjectionDuration
        self.interval = interval
        self.maxEjectionPercent = maxEjectionPercent
        self.maxServerErrors = maxServerErrors
    }
}

/// Timeouts of a listener; the key is the protocol of the listener.
public enum ListenerTimeout: Sendable, Equatable {
    case grpc(HttpTimeout)
    case http(HttpTimeout)
    case http2(HttpTimeout)
    case tcp(TcpTimeout)
}
