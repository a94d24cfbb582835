/// The plan: what every proxy of the process does, as plain values.
///
/// Both definition languages are lowered into this one form. It is complete and readable (the difference between two
/// generations, `config_dump` and `explain` work on it); `Snapshot` holds it together with the indexed form that the
/// data plane reads. Nothing here knows a word of AWS except inside `SourceRef` and names.
public struct Plan: Sendable, Equatable {
    public var proxies: [ProxyPlan]

    public init(proxies: [ProxyPlan] = []) { self.proxies = proxies }
}

/// Where an object of the plan was defined, for records, messages and `explain`.
public struct SourceRef: Sendable, Hashable, CustomStringConvertible {
    /// Kind in the source language, such as `route` or `virtualNode`; `default` when nobody defined it.
    public var kind: String
    /// Name with its parents, such as `colors/colors/canary`.
    public var name: String
    /// `file:line:column`, or nil for what a default supplied.
    public var place: String?

    public init(kind: String, name: String, place: String? = nil) {
        self.kind = kind
        self.name = name
        self.place = place
    }

    public var description: String {
        if let place { "\(kind) \(name) (\(place))" } else { "\(kind) \(name)" }
    }
}

/// A value together with the definition (or the default) that supplied it.
public struct Sourced<Value: Sendable & Equatable>: Sendable, Equatable {
    public var value: Value
    public var origin: SourceRef

    public init(_ value: Value, _ origin: SourceRef) {
        self.value = value
        self.origin = origin
    }
}

/// An address as written: an IP literal with a port, or a unix socket.
public enum NetworkAddress: Sendable, Hashable, CustomStringConvertible {
    /// `host` is an IPv4 or IPv6 literal without brackets.
    case ip(host: String, port: Int)
    case unix(path: String)

    public var description: String {
        switch self {
        case .ip(let host, let port): host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)"
        case .unix(let path): "unix:\(path)"
        }
    }

    public var port: Int? {
        if case .ip(_, let port) = self { port } else { nil }
    }
}

/// What one Envoy would be: it owns listeners, clusters, counters and logs.
public struct ProxyPlan: Sendable, Equatable {
    public enum Role: String, Sendable {
        /// A virtual gateway's proxy.
        case gateway
        /// The sidecar of one node instance.
        case sidecar
        /// A Lattice service network's data plane in one VPC.
        case network
        /// A built-in workload: listeners whose routes end in a local handler.
        case workload
        /// An admin listener.
        case admin
    }

    /// Unique and stable over reloads, such as `colors/front` or `colors/blue#0`.
    public var name: String
    public var role: Role
    public var mesh: String
    public var source: SourceRef
    /// Connections to loopback addresses are made from this IP, so that peers and logs say who called; nil leaves it to the
    /// kernel, as do other destinations, which no loopback address can reach.
    public var upstreamSourceIP: String?
    public var admin: NetworkAddress?
    /// Which addresses of a name a request goes to whose route ends in `forwardToAuthority`; nil: names are not resolved,
    /// and only IP literals and `localhost` are reached.
    public var authorityFamilies: AddressFamilies?
    public var accessLogs: [AccessLogPlan] = []
    public var listeners: [ListenerPlan] = []
    /// Referred to by index from listeners and delegating routes.
    public var virtualHosts: [VirtualHostPlan] = []
    /// Referred to by index from backends.
    public var clusters: [ClusterPlan] = []

    public init(name: String, role: Role, mesh: String, source: SourceRef) {
        self.name = name
        self.role = role
        self.mesh = mesh
        self.source = source
    }
}

public struct AccessLogPlan: Sendable, Equatable {
    public enum Format: Sendable, Equatable {
        /// Envoy's default line.
        case standard
        case text(String)
        /// Keys and operator patterns in the order of the definition.
        case json([JSONField])
    }
    public struct JSONField: Sendable, Equatable {
        public var key: String
        public var value: String
        public init(key: String, value: String) {
            self.key = key
            self.value = value
        }
    }
    /// File path after the `paths:` mapping; `/dev/stdout` is descriptor 1.
    public var path: String
    public var format: Format
    public var source: SourceRef

    public init(path: String, format: Format, source: SourceRef) {
        self.path = path
        self.format = format
        self.source = source
    }
}

public enum ApplicationProtocol: String, Sendable { case http, http2, grpc, tcp }

public struct ListenerPlan: Sendable, Equatable {
    public enum Direction: String, Sendable { case ingress, egress }

    /// Which port a request is for, and what an explicit port in its authority means (design section 11, "Host and port").
    public enum PortRule: Sendable, Equatable {
        /// The listener's defined port, whatever the authority says: gateways, node ingress, Lattice.
        case fixed(Int)
        /// Sidecar egress: the authority's explicit port must be one of the service's (and equal `listenerPort` if there
        /// is one); without an explicit port it is `listenerPort`, else the service's default port.
        case service(listenerPort: Int?)
    }

    /// One socket to open.
    public struct Bind: Sendable, Equatable {
        public var address: NetworkAddress
        /// Opened instead when `address` needs a privilege that the process lacks (port + 8000).
        public var unprivileged: NetworkAddress?
        /// A convenience address (127.0.0.1 for a gateway) may be unavailable without stopping the proxy.
        public var isOptional: Bool
        public init(_ address: NetworkAddress, unprivileged: NetworkAddress? = nil, isOptional: Bool = false) {
            self.address = address
            self.unprivileged = unprivileged
            self.isOptional = isOptional
        }
    }

    /// Unique in its proxy, such as `ingress_8080`.
    public var name: String
    public var statPrefix: String
    public var direction: Direction
    public var binds: [Bind]
    /// The port in the definition; the socket's own port may differ (unprivileged, or port 0 in tests).
    public var port: Int
    public var applicationProtocol: ApplicationProtocol
    public var portRule: PortRule
    public var dialect: Dialect
    /// Exact names win over suffixes (longest first), suffixes over `any`, whatever their order here.
    public var hosts: [HostBinding]
    public var source: SourceRef

    public init(
        name: String, statPrefix: String, direction: Direction, binds: [Bind], port: Int,
        applicationProtocol: ApplicationProtocol = .http, portRule: PortRule, dialect: Dialect, hosts: [HostBinding],
        source: SourceRef
    ) {
        self.name = name
        self.statPrefix = statPrefix
        self.direction = direction
        self.binds = binds
        self.port = port
        self.applicationProtocol = applicationProtocol
        self.portRule = portRule
        self.dialect = dialect
        self.hosts = hosts
        self.source = source
    }
}

public struct HostBinding: Sendable, Equatable {
    public enum Pattern: Sendable, Hashable {
        /// Lower case, no port, no trailing dot.
        case exact(String)
        /// Lower case with its leading dot: `.example.com` matches `a.example.com` and not `example.com`.
        case suffix(String)
        case any
    }
    public var pattern: Pattern
    /// Index into the proxy's virtual hosts.
    public var virtualHost: Int
    public init(_ pattern: Pattern, virtualHost: Int) {
        self.pattern = pattern
        self.virtualHost = virtualHost
    }
}

/// A service's (or a gateway's) ordered routes: the first that matches wins.
public struct VirtualHostPlan: Sendable, Equatable {
    public var name: String
    /// Ports on which the service listens; empty: not checked.
    public var ports: [Int]
    public var routes: [RoutePlan]
    public var source: SourceRef

    public init(name: String, ports: [Int] = [], routes: [RoutePlan], source: SourceRef) {
        self.name = name
        self.ports = ports
        self.routes = routes
        self.source = source
    }
}

public struct RoutePlan: Sendable, Equatable {
    public var name: String
    public var match: MatchPlan
    public var action: ActionPlan
    /// Of a delegating route: what it allows an exchange besides the limits of the route that it leads to. A gateway route
    /// has the largest ones of the service's routes (design section 4).
    public var timeouts: TimeoutPlan
    public var source: SourceRef

    public init(name: String, match: MatchPlan, action: ActionPlan, timeouts: TimeoutPlan, source: SourceRef) {
        self.name = name
        self.match = match
        self.action = action
        self.timeouts = timeouts
        self.source = source
    }
}

/// Limits of one exchange. nil is "none": the definition said 0.
public struct TimeoutPlan: Sendable, Equatable {
    /// Whole answer, all attempts included, counted from the end of the request (dataplane.md 1.4).
    public var request: Sourced<Duration?>
    /// No byte in either direction for this long.
    public var idle: Sourced<Duration?>

    public init(request: Sourced<Duration?>, idle: Sourced<Duration?>) {
        self.request = request
        self.idle = idle
    }
}

public enum ActionPlan: Sendable, Equatable {
    /// Weighted choice among clusters; the total weight is above zero.
    case forward([BackendPlan])
    /// Rewrites the head, then the virtual host's own routes match the rewritten request as if it came on `port`.
    case delegate(DelegatePlan)
    case fixedResponse(status: Int, body: String)
    /// To the authority of an absolute-form request (egress filter ALLOW_ALL); an origin-form request is not matched.
    case forwardToAuthority
    /// A handler inside the process, found by name (admin, built-in workloads).
    case handler(String)
}

public struct BackendPlan: Sendable, Equatable {
    /// Index into the proxy's clusters.
    public var cluster: Int
    public var weight: Int
    public init(cluster: Int, weight: Int) {
        self.cluster = cluster
        self.weight = weight
    }
}

public struct DelegatePlan: Sendable, Equatable {
    public enum HostRewrite: Sendable, Equatable { case keep, literal(String) }
    public enum PathRewrite: Sendable, Equatable {
        case keep
        /// The matched prefix gives way to `replacement`; the rest follows after exactly one slash (design section 11).
        case prefix(matched: String, replacement: String)
        /// The whole path; the query stays.
        case whole(String)
    }
    public var virtualHost: Int
    /// The service port that the request arrives on in its second stage; nil: the service's only or first port.
    public var port: Int?
    public var host: HostRewrite
    public var path: PathRewrite
    public init(virtualHost: Int, port: Int?, host: HostRewrite, path: PathRewrite) {
        self.virtualHost = virtualHost
        self.port = port
        self.host = host
        self.path = path
    }
}

/// A destination: the endpoints of one node and port, or of one target group.
public struct ClusterPlan: Sendable, Equatable {
    /// Envoy's name as App Mesh gave it: `cds_egress_<mesh>_<node>_<protocol>_<port>`. Unique in its proxy.
    public var name: String
    public var applicationProtocol: ApplicationProtocol
    /// Empty if they are discovered.
    public var endpoints: [EndpointPlan]
    /// Where the endpoints come from instead of the plan: they are published apart from it, under the proxy's and the
    /// cluster's names.
    public var discovery: DiscoveryPlan?
    public var connectTimeout: Duration
    /// How long an unused upstream connection is kept.
    public var keepAliveTimeout: Duration
    /// Set on every request to this cluster, after the dialect's (Lattice's target identity).
    public var requestHeaders: [Dialect.ConstantHeader]
    public var source: SourceRef

    public init(
        name: String, applicationProtocol: ApplicationProtocol = .http, endpoints: [EndpointPlan],
        discovery: DiscoveryPlan? = nil, connectTimeout: Duration = .seconds(5),
        keepAliveTimeout: Duration = .seconds(3600),
        requestHeaders: [Dialect.ConstantHeader] = [], source: SourceRef
    ) {
        self.name = name
        self.applicationProtocol = applicationProtocol
        self.endpoints = endpoints
        self.discovery = discovery
        self.connectTimeout = connectTimeout
        self.keepAliveTimeout = keepAliveTimeout
        self.requestHeaders = requestHeaders
        self.source = source
    }
}

public struct EndpointPlan: Sendable, Equatable {
    /// Instance name (`colors/blue#0`) or the address; the key of state that outlives a snapshot.
    public var name: String
    public var address: NetworkAddress
    public init(name: String, address: NetworkAddress) {
        self.name = name
        self.address = address
    }
}

/// A cluster whose endpoints are the addresses of a name.
public struct DiscoveryPlan: Sendable, Hashable, CustomStringConvertible {
    public enum Answer: Sendable, Hashable {
        /// Every address is an endpoint; what is no longer in the answer drains.
        case everyAddress
        /// The name is one endpoint: each new connection goes to the first address of the answer of its time, and
        /// connections that stand are not touched by later answers.
        case oneLogicalHost
    }

    /// As defined.
    public var hostname: String
    public var port: Int
    public var answer: Answer
    public var families: AddressFamilies

    public init(hostname: String, port: Int, answer: Answer, families: AddressFamilies) {
        self.hostname = hostname
        self.port = port
        self.answer = answer
        self.families = families
    }

    public var description: String {
        "dns \(hostname):\(port), \(answer == .everyAddress ? "every address" : "one logical host"), \(families.rawValue)"
    }
}

/// Which addresses of a name are used. A preferred family is used alone where there is one of it, else the other one.
public enum AddressFamilies: String, Sendable, Hashable, CaseIterable {
    case ipv6Preferred = "IPv6 preferred"
    case ipv4Preferred = "IPv4 preferred"
    case ipv4Only = "IPv4 only"
    case ipv6Only = "IPv6 only"
}
