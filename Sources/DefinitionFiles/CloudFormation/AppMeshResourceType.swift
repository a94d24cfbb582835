// The App Mesh resource types of CloudFormation, with the property of a resource's own name and of its parent's. `Ref` gives the
// ARN, which App Mesh takes nowhere for a name; `Fn::GetAtt` gives the names.

import Definitions

struct AppMeshResourceType {
    var kind: ResourceKind
    /// As `VirtualNode` in `AWS::AppMesh::VirtualNode`.
    var word: String
    var parentProperty: String?

    /// The property of its own name, which `Fn::GetAtt` gives too.
    var nameProperty: String { "\(word)Name" }

    static let prefix = "AWS::AppMesh::"

    static let all = [
        AppMeshResourceType(kind: .mesh, word: "Mesh"),
        AppMeshResourceType(kind: .virtualNode, word: "VirtualNode"),
        AppMeshResourceType(kind: .virtualRouter, word: "VirtualRouter"),
        AppMeshResourceType(kind: .route, word: "Route", parentProperty: "VirtualRouterName"),
        AppMeshResourceType(kind: .virtualService, word: "VirtualService"),
        AppMeshResourceType(kind: .virtualGateway, word: "VirtualGateway"),
        AppMeshResourceType(kind: .gatewayRoute, word: "GatewayRoute", parentProperty: "VirtualGatewayName"),
    ]

    /// Of `AWS::AppMesh::…`.
    static func named(_ type: String) -> AppMeshResourceType? {
        guard type.hasPrefix(prefix) else { return nil }
        let word = type.dropFirst(prefix.count)
        return all.first { $0.word == word }
    }

    var properties: [String] {
        Array(Set([parentProperty, "MeshName", "MeshOwner", nameProperty, "Spec", "Tags"].compactMap { $0 })).sorted()
    }

    var attributes: [String] {
        Array(Set(["Arn", "Uid", "MeshName", "MeshOwner", "ResourceOwner", nameProperty])).sorted()
            + (parentProperty.map { [$0] } ?? [])
    }

    /// The part of the ARN after `mesh/NAME`, or nothing for a mesh.
    func arnPath(name: String, parent: String) -> String {
        switch kind {
        case .mesh: ""
        case .route: "/virtualRouter/\(parent)/route/\(name)"
        case .gatewayRoute: "/virtualGateway/\(parent)/gatewayRoute/\(name)"
        default: "/\(kind.rawValue)/\(name)"
        }
    }
}
