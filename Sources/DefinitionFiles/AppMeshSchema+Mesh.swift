// The schema of meshes and virtual services. Constraints are those of the API model (2019-01-25).

import Definitions

extension AppMeshSchema {
    static let meshSpec = Shape<MeshSpec>.object(
        MeshSpec(),
        [
            .optional("egressFilter", \.egressFilter, egressFilter),
            .optional("serviceDiscovery", \.serviceDiscovery, meshServiceDiscovery),
        ])

    static let egressFilter = Shape<EgressFilter>.object(
        EgressFilter(type: .dropAll),
        [
            .required("type", \.type, .choice)
        ])

    static let meshServiceDiscovery = Shape<MeshServiceDiscovery>.object(
        MeshServiceDiscovery(),
        [
            .optional("ipPreference", \.ipPreference, .choice)
        ])

    static let virtualServiceSpec = Shape<VirtualServiceSpec>.object(
        VirtualServiceSpec(),
        [
            .optional("provider", \.provider, virtualServiceProvider)
        ])

    static let virtualServiceProvider = Shape<VirtualServiceProvider>.union([
        .member("virtualNode", VirtualServiceProvider.virtualNode, virtualNodeServiceProvider) {
            if case .virtualNode(let value) = $0 { value } else { nil }
        },
        .member("virtualRouter", VirtualServiceProvider.virtualRouter, virtualRouterServiceProvider) {
            if case .virtualRouter(let value) = $0 { value } else { nil }
        },
    ])

    static let virtualNodeServiceProvider = Shape<VirtualNodeServiceProvider>.object(
        VirtualNodeServiceProvider(virtualNodeName: ""),
        [
            .required("virtualNodeName", \.virtualNodeName, .string(1...255))
        ])

    static let virtualRouterServiceProvider = Shape<VirtualRouterServiceProvider>.object(
        VirtualRouterServiceProvider(virtualRouterName: ""),
        [
            .required("virtualRouterName", \.virtualRouterName, .string(1...255))
        ])
}
