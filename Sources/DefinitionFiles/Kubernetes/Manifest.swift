// One object of the App Mesh controller, API group `appmesh.k8s.aws`, version `v1beta2`. The reference: `appmesh` 5.

import Definitions

struct Manifest {
    enum Kind: String, CaseIterable {
        case mesh = "Mesh"
        case virtualNode = "VirtualNode"
        case virtualRouter = "VirtualRouter"
        case virtualService = "VirtualService"
        case virtualGateway = "VirtualGateway"
        case gatewayRoute = "GatewayRoute"
        case backendGroup = "BackendGroup"

        /// Nil for a backend group, which the API does not know.
        var resourceKind: ResourceKind? {
            switch self {
            case .mesh: .mesh
            case .virtualNode: .virtualNode
            case .virtualRouter: .virtualRouter
            case .virtualService: .virtualService
            case .virtualGateway: .virtualGateway
            case .gatewayRoute: .gatewayRoute
            case .backendGroup: nil
            }
        }
    }

    static let group = "appmesh.k8s.aws"
    static let version = "v1beta2"

    var kind: Kind
    var name: String
    /// Empty for a mesh, which belongs to no namespace.
    var namespace: String
    var labels: [String: String]
    var spec: [SourceNode.Entry]
    var file: String
    /// Where the object's name stands.
    var location: Location
    /// The mesh that an import list gives, for manifests that do not show it.
    var givenMesh: String?

    /// Names the object among all of its kind.
    var id: String { Self.id(name, in: namespace) }

    static func id(_ name: String, in namespace: String) -> String { "\(namespace)/\(name)" }

    /// What the resource is called in the API.
    var awsName: String {
        if let name = self["awsName"]?.value.text, !name.isEmpty { return name }
        return switch kind {
        case .mesh: name
        case .virtualService: "\(name).\(namespace)"
        default: "\(name)_\(namespace)"
        }
    }

    subscript(key: String) -> SourceNode.Entry? { spec.first { $0.key == key } }

    /// As texts name it.
    var description: String { namespace.isEmpty ? "\(kind.rawValue) \(name)" : "\(kind.rawValue) \(namespace)/\(name)" }
}
