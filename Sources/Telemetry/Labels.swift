// Names that many records share: of a connection, of a route, of a destination. Each is made once, when a connection is
// accepted or a snapshot is loaded, and holds its texts as bytes so that formatting a record copies and never converts.
// All are immutable, so that workers and the control module read them without a lock.

/// Both ends of one connection, downstream or upstream.
public final class PeerInfo: Sendable {
    /// Address and port of the far end, as Envoy prints it: `127.0.0.1:4711`, `[::1]:4711` or a socket path.
    public let remote: String
    /// Address of the far end without its port; IPv6 without brackets.
    public let remoteIP: String
    /// Port of the far end; 0 for a unix socket.
    public let remotePort: Int
    public let local: String
    public let localIP: String
    public let localPort: Int
    /// Unique in the process.
    public let connectionID: UInt64

    let remoteBytes: [UInt8]
    let remoteIPBytes: [UInt8]
    let localBytes: [UInt8]
    let localIPBytes: [UInt8]

    public init(
        remote: String, remoteIP: String, remotePort: Int, local: String, localIP: String, localPort: Int,
        connectionID: UInt64
    ) {
        self.remote = remote
        self.remoteIP = remoteIP
        self.remotePort = remotePort
        self.local = local
        self.localIP = localIP
        self.localPort = localPort
        self.connectionID = connectionID
        remoteBytes = Array(remote.utf8)
        remoteIPBytes = Array(remoteIP.utf8)
        localBytes = Array(local.utf8)
        localIPBytes = Array(localIP.utf8)
    }
}

/// What a snapshot knows of one route, of the proxy that holds it and of the definitions it came from.
public final class RouteLabels: Sendable {
    public let mesh: String
    /// The proxy's name, such as `colors/front` or `colors/blue#0`.
    public let proxy: String
    /// Node or gateway that the proxy belongs to.
    public let node: String
    public let gatewayRoute: String?
    /// `%ROUTE_NAME%`.
    public let route: String?
    public let virtualService: String?

    let routeBytes: [UInt8]
    /// The members of the structured log that this object settles, already in JSON: `"mesh":…,"node":…,`.
    let structuredMembers: [UInt8]
    let gatewayRouteJSON: [UInt8]

    public init(
        mesh: String, proxy: String, node: String = "", gatewayRoute: String? = nil, route: String? = nil,
        virtualService: String? = nil
    ) {
        self.mesh = mesh
        self.proxy = proxy
        self.node = node
        self.gatewayRoute = gatewayRoute
        self.route = route
        self.virtualService = virtualService
        routeBytes = Array((route ?? gatewayRoute ?? "").utf8)
        gatewayRouteJSON = JSONText.value(gatewayRoute)
        var members: [UInt8] = []
        for (key, value) in [
            ("mesh", mesh), ("proxy", proxy), ("node", node), ("service", virtualService), ("route", route),
        ] {
            members += Array("\"\(key)\":".utf8) + JSONText.value(value) + [UInt8(ascii: ",")]
        }
        structuredMembers = members
    }
}

/// A destination, for records that never got as far as one of its endpoints (`UH`, `UO`).
public final class ClusterLabel: Sendable {
    /// `%UPSTREAM_CLUSTER%`.
    public let name: String
    /// The virtual node or target group behind the cluster.
    public let node: String
    let nameBytes: [UInt8]

    public init(name: String, node: String) {
        self.name = name
        self.node = node
        nameBytes = Array(name.utf8)
    }
}

/// One endpoint of a cluster.
public final class EndpointLabel: Sendable {
    /// Instance name (`colors/blue#0`) or the address.
    public let name: String
    /// `%UPSTREAM_HOST%`: `127.0.0.1:9002`, or the path of a unix socket.
    public let address: String
    public let clusterName: String
    public let node: String

    let nameBytes: [UInt8]
    let addressBytes: [UInt8]
    let clusterBytes: [UInt8]

    public init(name: String, address: String, clusterName: String, node: String) {
        self.name = name
        self.address = address
        self.clusterName = clusterName
        self.node = node
        nameBytes = Array(name.utf8)
        addressBytes = Array(address.utf8)
        clusterBytes = Array(clusterName.utf8)
    }
}
