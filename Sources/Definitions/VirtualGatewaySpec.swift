// The spec of a virtual gateway as the App Mesh API defines it. What differs from a node (no TCP, no timeouts, no outlier
// detection) has its own types or other protocols; shapes that the API merely repeats with the prefix `VirtualGateway` are
// aliases.

/// An entrance to the mesh: a proxy without a workload.
public struct VirtualGatewaySpec: Sendable, Equatable {
    public var backendDefaults: BackendDefaults?
    public var listeners: [VirtualGatewayListener]
    public var logging: Logging?

    public init(listeners: [VirtualGatewayListener], backendDefaults: BackendDefaults? = nil, logging: Logging? = nil) {
        self.listeners = listeners
        self.backendDefaults = backendDefaults
        self.logging = logging
    }
}

/// One port of a gateway.
public struct VirtualGatewayListener: Sendable, Equatable {
    public var connectionPool: VirtualGatewayConnectionPool?
    public var healthCheck: VirtualGatewayHealthCheckPolicy?
    public var portMapping: VirtualGatewayPortMapping
    public var tls: ListenerTls?

    public init(
        portMapping: VirtualGatewayPortMapping,
        connectionPool: VirtualGatewayConnectionPool? = nil,
        healthCheck: VirtualGatewayHealthCheckPolicy? = nil,
        tls: ListenerTls? = nil
    ) {
        self.portMapping = portMapping
        self.connectionPool = connectionPool
        self.healthCheck = healthCheck
        self.tls = tls
    }
}

/// A port of a gateway and what is spoken on it; a gateway has no TCP.
public typealias VirtualGatewayPortMapping = MappedPort<VirtualGatewayPortProtocol>

/// How much at once may pass the gateway; the key is the protocol of the listener.
public enum VirtualGatewayConnectionPool: Sendable, Equatable {
    case grpc(VirtualNodeGrpcConnectionPool)
    case http(VirtualNodeHttpConnectionPool)
    case http2(VirtualNodeHttp2ConnectionPool)
}

/// The active check of a gateway; as that of a node, without TCP.
public typealias VirtualGatewayHealthCheckPolicy = ActiveCheck<VirtualGatewayPortProtocol>

/// Exactly the shape of `BackendDefaults`.
public typealias VirtualGatewayBackendDefaults = BackendDefaults

/// Exactly the shape of `ClientPolicy`.
public typealias VirtualGatewayClientPolicy = ClientPolicy

/// Exactly the shape of `ClientPolicyTls`.
public typealias VirtualGatewayClientPolicyTls = ClientPolicyTls

/// Exactly the shape of `ClientTlsCertificate`.
public typealias VirtualGatewayClientTlsCertificate = ClientTlsCertificate

/// Exactly the shape of `ListenerTlsFileCertificate`.
public typealias VirtualGatewayListenerTlsFileCertificate = ListenerTlsFileCertificate

/// Exactly the shape of `ListenerTlsSdsCertificate`.
public typealias VirtualGatewayListenerTlsSdsCertificate = ListenerTlsSdsCertificate

/// Exactly the shape of `TlsValidationContextSdsTrust`.
public typealias VirtualGatewayTlsValidationContextSdsTrust = TlsValidationContextSdsTrust

/// Exactly the shape of `TlsValidationContext`.
public typealias VirtualGatewayTlsValidationContext = TlsValidationContext

/// Exactly the shape of `TlsValidationContextTrust`.
public typealias VirtualGatewayTlsValidationContextTrust = TlsValidationContextTrust

/// Exactly the shape of `TlsValidationContextAcmTrust`.
public typealias VirtualGatewayTlsValidationContextAcmTrust = TlsValidationContextAcmTrust

/// Exactly the shape of `TlsValidationContextFileTrust`.
public typealias VirtualGatewayTlsValidationContextFileTrust = TlsValidationContextFileTrust

/// Exactly the shape of `VirtualNodeGrpcConnectionPool`.
public typealias VirtualGatewayGrpcConnectionPool = VirtualNodeGrpcConnectionPool

/// Exactly the shape of `VirtualNodeHttp2ConnectionPool`.
public typealias VirtualGatewayHttp2ConnectionPool = VirtualNodeHttp2ConnectionPool

/// Exactly the shape of `VirtualNodeHttpConnectionPool`.
public typealias VirtualGatewayHttpConnectionPool = VirtualNodeHttpConnectionPool

/// Exactly the shape of `ListenerTls`.
public typealias VirtualGatewayListenerTls = ListenerTls

/// Exactly the shape of `ListenerTlsCertificate`.
public typealias VirtualGatewayListenerTlsCertificate = ListenerTlsCertificate

/// Exactly the shape of `ListenerTlsAcmCertificate`.
public typealias VirtualGatewayListenerTlsAcmCertificate = ListenerTlsAcmCertificate

/// Exactly the shape of `ListenerTlsValidationContext`.
public typealias VirtualGatewayListenerTlsValidationContext = ListenerTlsValidationContext

/// Exactly the shape of `ListenerTlsValidationContextTrust`.
public typealias VirtualGatewayListenerTlsValidationContextTrust = ListenerTlsValidationContextTrust

/// Exactly the shape of `Logging`.
public typealias VirtualGatewayLogging = Logging

/// Exactly the shape of `AccessLog`.
public typealias VirtualGatewayAccessLog = AccessLog

/// Exactly the shape of `FileAccessLog`.
public typealias VirtualGatewayFileAccessLog = FileAccessLog
