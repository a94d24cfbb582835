// Amazon VPC Lattice resources with the members that the API (2022-11-30) takes when they are created. Shapes keep the API's
// names; three that App Mesh also uses, or that say nothing alone, are prefixed with `Lattice`. Associations, which the API
// makes one by one, stand in the service network they belong to.

/// A service network: which services it offers, and to which VPCs.
public struct ServiceNetworkDefinition: Sendable, Equatable {
    /// Default NONE.
    public var authType: LatticeAuthType?
    /// Names of the associated services.
    public var services: [String]
    public var vpcAssociations: [ServiceNetworkVpcAssociation]

    public init(
        authType: LatticeAuthType? = nil,
        services: [String] = [],
        vpcAssociations: [ServiceNetworkVpcAssociation] = []
    ) {
        self.authType = authType
        self.services = services
        self.vpcAssociations = vpcAssociations
    }
}

/// A VPC whose clients reach the service network.
public struct ServiceNetworkVpcAssociation: Sendable, Equatable {
    public var vpcIdentifier: String
    /// At most 5; they are not enforced on one machine.
    public var securityGroupIds: [String]?

    public init(vpcIdentifier: String, securityGroupIds: [String]? = nil) {
        self.vpcIdentifier = vpcIdentifier
        self.securityGroupIds = securityGroupIds
    }
}

public enum LatticeAuthType: String, Sendable, CaseIterable {
    case none = "NONE"
    case awsIam = "AWS_IAM"
}

/// A service with its listeners by name.
public struct LatticeServiceDefinition: Sendable, Equatable {
    /// Default NONE.
    public var authType: LatticeAuthType?
    /// A host name of 3 to 255 characters, at most with `*.` in front.
    public var customDomainName: String?
    public var certificateArn: String?
    /// 60 to 600, default 60.
    public var idleTimeoutSeconds: Int?
    public var listeners: [String: LatticeListenerDefinition]

    public init(
        authType: LatticeAuthType? = nil,
        customDomainName: String? = nil,
        certificateArn: String? = nil,
        idleTimeoutSeconds: Int? = nil,
        listeners: [String: LatticeListenerDefinition] = [:]
    ) {
        self.authType = authType
        self.customDomainName = customDomainName
        self.certificateArn = certificateArn
        self.idleTimeoutSeconds = idleTimeoutSeconds
        self.listeners = listeners
    }
}

public enum LatticeListenerProtocol: String, Sendable, CaseIterable {
    case http = "HTTP"
    case https = "HTTPS"
    case tlsPassthrough = "TLS_PASSTHROUGH"
}

/// A listener with its rules by name; the default action answers what no rule matches.
public struct LatticeListenerDefinition: Sendable, Equatable {
    public var `protocol`: LatticeListenerProtocol
    /// 1 to 65535; default 80 for HTTP, else 443.
    public var port: Int?
    public var defaultAction: RuleAction
    public var rules: [String: LatticeRuleDefinition]

    public init(
        protocol: LatticeListenerProtocol,
        defaultAction: RuleAction,
        port: Int? = nil,
        rules: [String: LatticeRuleDefinition] = [:]
    ) {
        self.protocol = `protocol`
        self.port = port
        self.defaultAction = defaultAction
        self.rules = rules
    }
}

/// A rule; the lowest priority (1 to 2000) is tried first.
public struct LatticeRuleDefinition: Sendable, Equatable {
    public var priority: Int
    public var match: RuleMatch
    public var action: RuleAction

    public init(priority: Int, match: RuleMatch, action: RuleAction) {
        self.priority = priority
        self.match = match
        self.action = action
    }
}

public enum RuleAction: Sendable, Equatable {
    case forward(ForwardAction)
    case fixedResponse(FixedResponseAction)
}

public struct ForwardAction: Sendable, Equatable {
    /// 1 to 10 entries.
    public var targetGroups: [WeightedTargetGroup]

    public init(targetGroups: [WeightedTargetGroup]) {
        self.targetGroups = targetGroups
    }
}

/// A target group and its share, relative to the sum of all (0 to 999; default 100).
public struct WeightedTargetGroup: Sendable, Equatable {
    public var targetGroupIdentifier: String
    public var weight: Int?

    public init(targetGroupIdentifier: String, weight: Int? = nil) {
        self.targetGroupIdentifier = targetGroupIdentifier
        self.weight = weight
    }
}

/// An answer by Lattice itself.
public struct FixedResponseAction: Sendable, Equatable {
    /// 200 to 599, of which AWS supports 404 and 500; the model also allows 100 to 199, which are no answers.
    public var statusCode: Int

    public init(statusCode: Int) {
        self.statusCode = statusCode
    }
}

public enum RuleMatch: Sendable, Equatable {
    case httpMatch(LatticeHttpMatch)
}

/// Conditions on a request, all of which must hold.
public struct LatticeHttpMatch: Sendable, Equatable {
    /// 0 to 16 characters, compared exactly.
    public var method: String?
    public var pathMatch: PathMatch?
    /// 1 to 5 entries.
    public var headerMatches: [HeaderMatch]?

    public init(method: String? = nil, pathMatch: PathMatch? = nil, headerMatches: [HeaderMatch]? = nil) {
        self.method = method
        self.pathMatch = pathMatch
        self.headerMatches = headerMatches
    }
}

/// The path without the query; case matters only if `caseSensitive` is true.
public struct PathMatch: Sendable, Equatable {
    public var match: PathMatchType
    public var caseSensitive: Bool?

    public init(match: PathMatchType, caseSensitive: Bool? = nil) {
        self.match = match
        self.caseSensitive = caseSensitive
    }
}

/// 1 to 200 characters of a path.
public enum PathMatchType: Sendable, Equatable {
    case exact(String)
    case prefix(String)
}

/// One header; case of the value matters only if `caseSensitive` is true.
public struct HeaderMatch: Sendable, Equatable {
    /// 1 to 100 characters.
    public var name: String
    public var match: HeaderMatchType
    public var caseSensitive: Bool?

    public init(name: String, match: HeaderMatchType, caseSensitive: Bool? = nil) {
        self.name = name
        self.match = match
        self.caseSensitive = caseSensitive
    }
}

/// 1 to 200 characters of a header value.
public enum HeaderMatchType: Sendable, Equatable {
    case exact(String)
    case prefix(String)
    case contains(String)
}
