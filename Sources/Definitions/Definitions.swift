// Everything that was defined, in the words of the AWS APIs: meshes with their members, the Lattice resources, and the
// placement on this machine. Values only: nothing is resolved, no default is applied (absent is not the default, so that a
// definition comes back as it was written), and no positions are kept; `SourceMap` knows those. Members are kept by name, and
// whoever lets the order be seen goes through `sortedByName`.

/// All definitions that were loaded, from however many files.
public struct Definitions: Sendable, Equatable {
    /// App Mesh meshes by name.
    public var meshes: [String: MeshDefinition]
    /// VPC Lattice service networks by name.
    public var serviceNetworks: [String: ServiceNetworkDefinition]
    /// VPC Lattice services by name.
    public var services: [String: LatticeServiceDefinition]
    /// VPC Lattice target groups by name.
    public var targetGroups: [String: TargetGroupDefinition]
    /// Where things are on this machine.
    public var local: LocalPlacement

    public init(
        meshes: [String: MeshDefinition] = [:],
        serviceNetworks: [String: ServiceNetworkDefinition] = [:],
        services: [String: LatticeServiceDefinition] = [:],
        targetGroups: [String: TargetGroupDefinition] = [:],
        local: LocalPlacement = LocalPlacement()
    ) {
        self.meshes = meshes
        self.serviceNetworks = serviceNetworks
        self.services = services
        self.targetGroups = targetGroups
        self.local = local
    }
}

/// One App Mesh mesh and all its members by name.
public struct MeshDefinition: Sendable, Equatable {
    public var name: String
    public var spec: MeshSpec
    public var virtualNodes: [String: VirtualNodeSpec]
    public var virtualRouters: [String: VirtualRouterDefinition]
    public var virtualServices: [String: VirtualServiceSpec]
    public var virtualGateways: [String: VirtualGatewayDefinition]

    public init(
        name: String,
        spec: MeshSpec = MeshSpec(),
        virtualNodes: [String: VirtualNodeSpec] = [:],
        virtualRouters: [String: VirtualRouterDefinition] = [:],
        virtualServices: [String: VirtualServiceSpec] = [:],
        virtualGateways: [String: VirtualGatewayDefinition] = [:]
    ) {
        self.name = name
        self.spec = spec
        self.virtualNodes = virtualNodes
        self.virtualRouters = virtualRouters
        self.virtualServices = virtualServices
        self.virtualGateways = virtualGateways
    }
}

/// A virtual router with its routes by name.
public struct VirtualRouterDefinition: Sendable, Equatable {
    public var spec: VirtualRouterSpec
    public var routes: [String: RouteSpec]

    public init(spec: VirtualRouterSpec, routes: [String: RouteSpec] = [:]) {
        self.spec = spec
        self.routes = routes
    }
}

/// A virtual gateway with its gateway routes by name.
public struct VirtualGatewayDefinition: Sendable, Equatable {
    public var spec: VirtualGatewaySpec
    public var gatewayRoutes: [String: GatewayRouteSpec]

    public init(spec: VirtualGatewaySpec, gatewayRoutes: [String: GatewayRouteSpec] = [:]) {
        self.spec = spec
        self.gatewayRoutes = gatewayRoutes
    }
}

extension Dictionary where Key == String {
    /// The entries by ascending name (by Unicode scalars), the order in which members are shown and compiled.
    public var sortedByName: [(name: String, value: Value)] {
        // The names alone are sorted: values are large, and sorting moves what it sorts many times.
        keys.sorted().compactMap { name in self[name].map { (name: name, value: $0) } }
    }
}
