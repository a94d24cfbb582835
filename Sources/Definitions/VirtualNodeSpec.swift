// The spec of a virtual node as the App Mesh API defines it: backends, listeners and discovery.

/// A workload: where it listens, how it is found, whom it calls.
public struct VirtualNodeSpec: Sendable, Equatable {
    public var backendDefaults: BackendDefaults?
    public var backends: [Backend]?
    public var listeners: [Listener]?
    public var logging: Logging?
    public var serviceDiscovery: ServiceDiscovery?

    public init(
        backendDefaults: BackendDefaults? = nil,
        backends: [Backend]? = nil,
        listeners: [Listener]? = nil,
        logging: Logging? = nil,
        serviceDiscovery: ServiceDiscovery? = nil
    ) {
        self.backendDefaults = backendDefaults
        self.backends = backends
        self.listeners = listeners
        self.logging = logging
        self.serviceDiscovery = serviceDiscovery
    }
}

/// What holds for every backend without its own client policy.
public struct BackendDefaults: Sendable, Equatable {
    public var clientPolicy: ClientPolicy?

    public init(clientPolicy: ClientPolicy? = nil) {
        self.clientPolicy = clientPolicy
    }
}

/// Something the node calls.
public enum Backend: Sendable, Equatable {
    case virtualService(VirtualServiceBackend)
}

/// A virtual service the node calls. It need not exist.
public struct VirtualServiceBackend: Sendable, Equatable {
    public var clientPolicy: ClientPolicy?
    public var virtualServiceName: String

    public init(virtualServiceName: String, clientPolicy: ClientPolicy? = nil) {
        self.virtualServiceName = virtualServiceName
        self.clientPolicy = clientPolicy
    }
}

/// How the instances of a node are found.
public enum ServiceDiscovery: Sendable, Equatable {
    case awsCloudMap(AwsCloudMapServiceDiscovery)
    case dns(DnsServiceDiscovery)
}

/// Instances by DNS name. LOADBALANCER (default) is one logical host, ENDPOINTS makes every address one.
public struct DnsServiceDiscovery: Sendable, Equatable {
    public var hostname: String
    public var ipPreference: IpPreference?
    public var responseType: DnsResponseType?

    public init(hostname: String, ipPreference: IpPreference? = nil, responseType: DnsResponseType? = nil) {
        self.hostname = hostname
        self.ipPreference = ipPreference
        self.responseType = responseType
    }
}

/// Instances registered in AWS Cloud Map that have all the attributes.
public struct AwsCloudMapServiceDiscovery: Sendable, Equatable {
    public var attributes: [AwsCloudMapInstanceAttribute]?
    public var ipPreference: IpPreference?
    /// 1 to 1024 characters.
    public var namespaceName: String
    /// 1 to 1024 characters.
    public var serviceName: String

    public init(
        namespaceName: String,
        serviceName: String,
        attributes: [AwsCloudMapInstanceAttribute]? = nil,
        ipPreference: IpPreference? = nil
    ) {
        self.namespaceName = namespaceName
        self.serviceName = serviceName
        self.attributes = attributes
        self.ipPreference = ipPreference
    }
}

/// An attribute that an instance must have.
public struct AwsCloudMapInstanceAttribute: Sendable, Equatable {
    /// 1 to 255 characters, of the pattern `^[a-zA-Z0-9!-~]+$`.
    public var key: String
    /// 1 to 1024 characters, of the pattern `^([a-zA-Z0-9!-~][  a-zA-Z0-9!-~]*){0,1}[a-zA-Z0-9!-~]{0,1}$`.
    public var value: String

    public init(key: String, value: String) {
        self.key = key
        self.value = value
    }
}

/// What is logged.
public struct Logging: Sendable, Equatable {
    public var accessLog: AccessLog?

    public init(accessLog: AccessLog? = nil) {
        self.accessLog = accessLog
    }
}

/// Where requests are logged.
public enum AccessLog: Sendable, Equatable {
    case file(FileAccessLog)
}

/// A log file, `/dev/stdout` included.
public struct FileAccessLog: Sendable, Equatable {
    public var format: LoggingFormat?
    /// 1 to 255 characters.
    public var path: String

    public init(path: String, format: LoggingFormat? = nil) {
        self.path = path
        self.format = format
    }
}

/// How a request is logged; without it, Envoy's default text.
public enum LoggingFormat: Sendable, Equatable {
    /// Members of each line, in this order.
    case json([JsonFormatRef])
    /// Envoy command operators; 1 to 1000 characters.
    case text(String)
}

/// One member of a JSON log line.
public struct JsonFormatRef: Sendable, Equatable {
    /// 1 to 100 characters.
    public var key: String
    /// 1 to 100 characters.
    public var value: String

    public init(key: String, value: String) {
        self.key = key
        self.value = value
    }
}
