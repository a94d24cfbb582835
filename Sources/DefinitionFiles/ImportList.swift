// An import list names resources whose files hold specs alone: `imports: [{ file, mesh, kind, name, parent, variables }]`. `file`
// is relative to the list, `parent` is the router of a route or the gateway of a gateway route, `mesh` falls back to the
// document's `mesh:`, and `variables` holds for this file only.

import Definitions

struct ImportEntry: Sendable {
    var file = ""
    var mesh: String?
    var kind: ImportKind?
    var name: String?
    var parent: String?
    var variables: [String: String] = [:]

    static let shape = Shape<ImportEntry>.object(
        ImportEntry(),
        [
            .required("file", \.file, .string(1...4096)),
            .optional("mesh", \.mesh, .string(1...255)),
            .optional("kind", \.kind, .choice),
            .optional("name", \.name, .string(1...255)),
            .optional("parent", \.parent, .string(1...255)),
            .collection("variables", \.variables, .map(.string())),
        ])
}

/// The kinds an import can be of, in the API's words.
enum ImportKind: String, Sendable, CaseIterable {
    case mesh, virtualNode, virtualRouter, route, virtualService, virtualGateway, gatewayRoute

    var resourceKind: ResourceKind {
        switch self {
        case .mesh: .mesh
        case .virtualNode: .virtualNode
        case .virtualRouter: .virtualRouter
        case .route: .route
        case .virtualService: .virtualService
        case .virtualGateway: .virtualGateway
        case .gatewayRoute: .gatewayRoute
        }
    }
}
