// Where things are on this machine: what AWS definitions do not say and a `local:` document does. Everything is optional;
// the compiler fills in the defaults (derived loopback addresses, echo workloads).

/// The placement of everything that was defined.
public struct LocalPlacement: Sendable, Equatable {
    /// By mesh name.
    public var meshes: [String: MeshPlacement]
    /// Workloads that stand in for the registered targets of a Lattice target group, by its name.
    public var targetGroups: [String: TargetGroupPlacement]
    /// Prefixes of certificate, trust and log file paths in definitions, and what they become here.
    public var paths: [String: String]
    /// ACM certificate and authority ARNs, and the files that stand in for them.
    public var certificates: [String: CertificateFiles]
    /// By VPC identifier.
    public var vpcs: [String: VpcPlacement]

    public init(
        meshes: [String: MeshPlacement] = [:],
        targetGroups: [String: TargetGroupPlacement] = [:],
        paths: [String: String] = [:],
        certificates: [String: CertificateFiles] = [:],
        vpcs: [String: VpcPlacement] = [:]
    ) {
        self.meshes = meshes
        self.targetGroups = targetGroups
        self.paths = paths
        self.certificates = certificates
        self.vpcs = vpcs
    }
}

/// The placement of one mesh.
public struct MeshPlacement: Sendable, Equatable {
    /// Default `local`.
    public var discovery: DiscoverySource?
    /// By virtual node name.
    public var nodes: [String: NodePlacement]
    /// By virtual gateway name.
    public var gateways: [String: GatewayPlacement]

    public init(
        discovery: DiscoverySource? = nil,
        nodes: [String: NodePlacement] = [:],
        gateways: [String: GatewayPlacement] = [:]
    ) {
        self.discovery = discovery
        self.nodes = nodes
        self.gateways = gateways
    }
}

/// Where the endpoints of nodes come from.
public enum DiscoverySource: String, Sendable, CaseIterable {
    /// From the placement.
    case local
    /// From the `serviceDiscovery` of the definitions.
    case definitions
}

/// Where a virtual node is.
public struct NodePlacement: Sendable, Equatable {
    /// Instances with a sidecar of ours; the index in this list is the instance's number (`--node MESH/NODE#N`).
    public var instances: [NodeInstance]
    /// Workloads reached directly, without a sidecar of ours. Exclude instances.
    public var endpoints: [NetworkAddress]
    /// Default: as the mesh.
    public var discovery: DiscoverySource?

    public init(instances: [NodeInstance] = [], endpoints: [NetworkAddress] = [], discovery: DiscoverySource? = nil) {
        self.instances = instances
        self.endpoints = endpoints
        self.discovery = discovery
    }
}

/// One instance of a node.
public struct NodeInstance: Sendable, Equatable {
    /// Default: the built-in echo workload, named after the node.
    public var workload: Workload?
    /// Where the sidecar listens instead of the derived address and the listener's port.
    public var ingress: NetworkAddress?
    /// The IP address of the sidecar instead of the derived one, without a port.
    public var address: String?

    public init(workload: Workload? = nil, ingress: NetworkAddress? = nil, address: String? = nil) {
        self.workload = workload
        self.ingress = ingress
        self.address = address
    }
}

/// What runs behind a sidecar or a target group.
public enum Workload: Sendable, Equatable {
    /// A program that somebody else runs.
    case app(NetworkAddress)
    /// The workload that is built in.
    case echo(EchoSettings)
}

/// A socket address as people write it: `127.0.0.1:80`, `[::1]:80`, `unix:/run/app.sock`.
public enum NetworkAddress: Sendable, Hashable, CustomStringConvertible {
    /// An IPv4 or IPv6 literal without brackets, and a port from 1 to 65535.
    case ip(String, port: Int)
    case unix(path: String)

    public var description: String {
        switch self {
        case .ip(let host, let port): host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)"
        case .unix(let path): "unix:\(path)"
        }
    }
}

/// Where a virtual gateway is.
public struct GatewayPlacement: Sendable, Equatable {
    /// The IP address of the gateway instead of the derived one, without a port.
    public var address: String?

    public init(address: String? = nil) {
        self.address = address
    }
}

/// Workloads that stand in for the registered targets of a target group.
public struct TargetGroupPlacement: Sendable, Equatable {
    public var instances: [Workload]

    public init(instances: [Workload] = []) {
        self.instances = instances
    }
}

/// Where clients of a VPC reach its service network.
public struct VpcPlacement: Sendable, Equatable {
    /// An IP address instead of the derived one, without a port.
    public var address: String?

    public init(address: String? = nil) {
        self.address = address
    }
}

/// PEM files in the place of something in ACM.
public struct CertificateFiles: Sendable, Equatable {
    public var certificateChain: String
    /// Absent for an authority, which is only trusted.
    public var privateKey: String?

    public init(certificateChain: String, privateKey: String? = nil) {
        self.certificateChain = certificateChain
        self.privateKey = privateKey
    }
}

/// How the built-in workload answers. Everything is optional; without settings it answers 200 with its name.
public struct EchoSettings: Sendable, Equatable {
    /// Default: the name of the node.
    public var name: String?
    /// The body of its answers; default its name.
    public var body: String?
    /// Wait before an answer.
    public var delay: Duration?
    /// A random part of up to this is added to the delay.
    public var jitter: Duration?
    /// Share of answers that fail, 0 to 1.
    public var failShare: Double?
    /// Status of a failing answer, 200 to 599; default 500.
    public var failStatus: Int?
    /// Length of the body in bytes instead of `body`.
    public var bodyBytes: Int?
    /// Break the connection instead of answering in full.
    public var reset: EchoReset?
    /// Send the body slowly.
    public var slowBody: EchoSlowBody?
    /// URLs that are called, in order, before answering; trace headers are passed on.
    public var calls: [String]

    public init(
        name: String? = nil,
        body: String? = nil,
        delay: Duration? = nil,
        jitter: Duration? = nil,
        failShare: Double? = nil,
        failStatus: Int? = nil,
        bodyBytes: Int? = nil,
        reset: EchoReset? = nil,
        slowBody: EchoSlowBody? = nil,
        calls: [String] = []
    ) {
        self.name = name
        self.body = body
        self.delay = delay
        self.jitter = jitter
        self.failShare = failShare
        self.failStatus = failStatus
        self.bodyBytes = bodyBytes
        self.reset = reset
        self.slowBody = slowBody
        self.calls = calls
    }
}

/// When the connection breaks.
public enum EchoReset: String, Sendable, CaseIterable {
    /// The request was read, nothing was sent.
    case beforeHead = "before-head"
    /// The head was sent, the body was not.
    case afterHead = "after-head"
}

/// How a body is slowed down.
public enum EchoSlowBody: Sendable, Equatable {
    case bytesPerSecond(Int)
    /// A pause before each chunk.
    case chunkDelay(Duration)
}
