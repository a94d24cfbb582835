// The specs of a mesh and of a virtual service, letter for letter as the App Mesh API (2019-01-25) defines them.

/// What a mesh sets for all its members.
public struct MeshSpec: Sendable, Equatable {
    public var egressFilter: EgressFilter?
    public var serviceDiscovery: MeshServiceDiscovery?

    public init(egressFilter: EgressFilter? = nil, serviceDiscovery: MeshServiceDiscovery? = nil) {
        self.egressFilter = egressFilter
        self.serviceDiscovery = serviceDiscovery
    }
}

/// What a node may reach beside its declared backends.
public struct EgressFilter: Sendable, Equatable {
    public var type: EgressFilterType

    public init(type: EgressFilterType) {
        self.type = type
    }
}

/// The address family that discovery prefers in the whole mesh; a node may override it.
public struct MeshServiceDiscovery: Sendable, Equatable {
    public var ipPreference: IpPreference?

    public init(ipPreference: IpPreference? = nil) {
        self.ipPreference = ipPreference
    }
}

/// A name that callers use, and who answers for it. Without a provider nothing answers.
public struct VirtualServiceSpec: Sendable, Equatable {
    public var provider: VirtualServiceProvider?

    public init(provider: VirtualServiceProvider? = nil) {
        self.provider = provider
    }
}

/// Who answers for a virtual service.
public enum VirtualServiceProvider: Sendable, Equatable {
    case virtualNode(VirtualNodeServiceProvider)
    case virtualRouter(VirtualRouterServiceProvider)
}

/// All requests go to one node, without routes.
public struct VirtualNodeServiceProvider: Sendable, Equatable {
    /// 1 to 255 characters.
    public var virtualNodeName: String

    public init(virtualNodeName: String) {
        self.virtualNodeName = virtualNodeName
    }
}

/// Requests go where the routes of a router say.
public struct VirtualRouterServiceProvider: Sendable, Equatable {
    /// 1 to 255 characters.
    public var virtualRouterName: String

    public init(virtualRouterName: String) {
        self.virtualRouterName = virtualRouterName
    }
}
