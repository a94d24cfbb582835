// Amazon VPC Lattice target groups, their health checks and their registered targets, as the API (2022-11-30) defines them.

/// A target group with its registered targets.
public struct TargetGroupDefinition: Sendable, Equatable {
    public var type: TargetGroupType
    public var config: TargetGroupConfig?
    public var targets: [LatticeTarget]

    public init(type: TargetGroupType, config: TargetGroupConfig? = nil, targets: [LatticeTarget] = []) {
        self.type = type
        self.config = config
        self.targets = targets
    }
}

public enum TargetGroupType: String, Sendable, CaseIterable {
    case ip = "IP"
    case lambda = "LAMBDA"
    case instance = "INSTANCE"
    case alb = "ALB"
}

public enum TargetGroupProtocol: String, Sendable, CaseIterable {
    case http = "HTTP"
    case https = "HTTPS"
    case tcp = "TCP"
}

public enum TargetGroupProtocolVersion: String, Sendable, CaseIterable {
    case http1 = "HTTP1"
    case http2 = "HTTP2"
    case grpc = "GRPC"
}

public enum TargetGroupIpAddressType: String, Sendable, CaseIterable {
    case ipv4 = "IPV4"
    case ipv6 = "IPV6"
}

public enum LambdaEventStructureVersion: String, Sendable, CaseIterable {
    case v1 = "V1"
    case v2 = "V2"
}

public struct TargetGroupConfig: Sendable, Equatable {
    /// 1 to 65535; default 80 for HTTP, 443 for HTTPS.
    public var port: Int?
    public var `protocol`: TargetGroupProtocol?
    /// Default HTTP1.
    public var protocolVersion: TargetGroupProtocolVersion?
    /// Of IP groups only, whose targets are all of this family; default IPV4.
    public var ipAddressType: TargetGroupIpAddressType?
    public var vpcIdentifier: String?
    public var healthCheck: HealthCheckConfig?
    /// Of LAMBDA groups only; default V1.
    public var lambdaEventStructureVersion: LambdaEventStructureVersion?

    public init(
        port: Int? = nil,
        protocol: TargetGroupProtocol? = nil,
        protocolVersion: TargetGroupProtocolVersion? = nil,
        ipAddressType: TargetGroupIpAddressType? = nil,
        vpcIdentifier: String? = nil,
        healthCheck: HealthCheckConfig? = nil,
        lambdaEventStructureVersion: LambdaEventStructureVersion? = nil
    ) {
        self.port = port
        self.protocol = `protocol`
        self.protocolVersion = protocolVersion
        self.ipAddressType = ipAddressType
        self.vpcIdentifier = vpcIdentifier
        self.healthCheck = healthCheck
        self.lambdaEventStructureVersion = lambdaEventStructureVersion
    }
}

/// The health check of a target group. A number of 0 means the default.
public struct HealthCheckConfig: Sendable, Equatable {
    /// Default: enabled for HTTP1 groups, disabled for HTTP2, GRPC and TCP.
    public var enabled: Bool?
    public var `protocol`: TargetGroupProtocol?
    /// HTTP1 or HTTP2.
    public var protocolVersion: HealthCheckProtocolVersion?
    /// 0 to 65535; default the port of the target.
    public var port: Int?
    /// 0 to 2048 characters, default `/`.
    public var path: String?
    /// 0, or 5 to 300; default 30.
    public var healthCheckIntervalSeconds: Int?
    /// 0, or 1 to 120; default 5.
    public var healthCheckTimeoutSeconds: Int?
    /// 0, or 2 to 10; default 5.
    public var healthyThresholdCount: Int?
    /// 0, or 2 to 10; default 2.
    public var unhealthyThresholdCount: Int?
    public var matcher: HealthCheckMatcher?

    public init(
        enabled: Bool? = nil,
        protocol: TargetGroupProtocol? = nil,
        protocolVersion: HealthCheckProtocolVersion? = nil,
        port: Int? = nil,
        path: String? = nil,
        healthCheckIntervalSeconds: Int? = nil,
        healthCheckTimeoutSeconds: Int? = nil,
        healthyThresholdCount: Int? = nil,
        unhealthyThresholdCount: Int? = nil,
        matcher: HealthCheckMatcher? = nil
    ) {
        self.enabled = enabled
        self.protocol = `protocol`
        self.protocolVersion = protocolVersion
        self.port = port
        self.path = path
        self.healthCheckIntervalSeconds = healthCheckIntervalSeconds
        self.healthCheckTimeoutSeconds = healthCheckTimeoutSeconds
        self.healthyThresholdCount = healthyThresholdCount
        self.unhealthyThresholdCount = unhealthyThresholdCount
        self.matcher = matcher
    }
}

public enum HealthCheckProtocolVersion: String, Sendable, CaseIterable {
    case http1 = "HTTP1"
    case http2 = "HTTP2"
}

public enum HealthCheckMatcher: Sendable, Equatable {
    /// Statuses from 200 to 499 that mean healthy: `200`, `200,202` or `200-299`; default 200.
    case httpCode(String)
}

/// A registered target: an IP address, an instance id, or an ARN.
public struct LatticeTarget: Sendable, Equatable {
    /// 1 to 200 characters.
    public var id: String
    /// 1 to 65535; default the port of the group.
    public var port: Int?

    public init(id: String, port: Int? = nil) {
        self.id = id
        self.port = port
    }
}
