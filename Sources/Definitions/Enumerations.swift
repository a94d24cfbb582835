// The string enumerations of the App Mesh API. Raw values are what stands in a definition, letter for letter.

public enum EgressFilterType: String, Sendable, CaseIterable {
    case allowAll = "ALLOW_ALL"
    case dropAll = "DROP_ALL"
}

/// Which address family discovery, the application endpoint and the listeners prefer.
public enum IpPreference: String, Sendable, CaseIterable {
    case ipv6Preferred = "IPv6_PREFERRED"
    case ipv4Preferred = "IPv4_PREFERRED"
    case ipv4Only = "IPv4_ONLY"
    case ipv6Only = "IPv6_ONLY"
}

/// What can be spoken on a port; the raw values are the words of definitions.
public protocol ListenerProtocol: RawRepresentable<String>, Sendable, Hashable, CaseIterable {
    static var http: Self { get }
    static var http2: Self { get }
    static var grpc: Self { get }
}

/// The protocols of a node or a router.
public enum PortProtocol: String, ListenerProtocol {
    case http, tcp, http2, grpc
}

/// The protocols of a gateway, which has no TCP.
public enum VirtualGatewayPortProtocol: String, ListenerProtocol {
    case http, http2, grpc
}

/// The methods a route can ask for.
public enum HttpMethod: String, Sendable, CaseIterable {
    case get = "GET"
    case head = "HEAD"
    case post = "POST"
    case put = "PUT"
    case delete = "DELETE"
    case connect = "CONNECT"
    case options = "OPTIONS"
    case trace = "TRACE"
    case patch = "PATCH"
}

public enum HttpScheme: String, Sendable, CaseIterable {
    case http, https
}

public enum GrpcRetryPolicyEvent: String, Sendable, CaseIterable {
    case cancelled
    case deadlineExceeded = "deadline-exceeded"
    case `internal`
    case resourceExhausted = "resource-exhausted"
    case unavailable
}

public enum TcpRetryPolicyEvent: String, Sendable, CaseIterable {
    case connectionError = "connection-error"
}

public enum DurationUnit: String, Sendable, CaseIterable {
    /// Seconds.
    case s
    /// Milliseconds.
    case ms
}

public enum ListenerTlsMode: String, Sendable, CaseIterable {
    case strict = "STRICT"
    case permissive = "PERMISSIVE"
    case disabled = "DISABLED"
}

public enum DnsResponseType: String, Sendable, CaseIterable {
    case loadBalancer = "LOADBALANCER"
    case endpoints = "ENDPOINTS"
}

public enum DefaultGatewayRouteRewrite: String, Sendable, CaseIterable {
    case enabled = "ENABLED"
    case disabled = "DISABLED"
}
