// What is said about a definition and where it stands. Positions are kept apart from the definitions, so that definitions are
// equal when they mean the same, and are looked up by resource and field path.

/// A place in a file, both counted from 1; columns count characters (Unicode scalars).
public struct SourcePosition: Sendable, Hashable, CustomStringConvertible {
    public var file: String
    public var line: Int
    public var column: Int

    public init(file: String, line: Int, column: Int) {
        self.file = file
        self.line = line
        self.column = column
    }

    public var description: String { "\(file):\(line):\(column)" }
}

/// One finding. Texts are for people, `code` is for programs and stays the same.
public struct Diagnostic: Sendable, Equatable, CustomStringConvertible {
    public enum Severity: String, Sendable, CaseIterable {
        /// The definitions cannot be used.
        case error
        /// They can be used, but probably not as meant.
        case warning
        /// Worth knowing.
        case note
    }

    public var severity: Severity
    /// Kebab-case, as `unknown-key`.
    public var code: String
    public var position: SourcePosition?
    /// Resource and field, as `mesh colors / virtualNode blue / listeners[0].portMapping.port`.
    public var path: String
    /// What is wrong.
    public var message: String
    /// What would be right.
    public var suggestion: String?

    public init(
        _ severity: Severity,
        _ code: String,
        at position: SourcePosition?,
        path: String,
        _ message: String,
        suggestion: String? = nil
    ) {
        self.severity = severity
        self.code = code
        self.position = position
        self.path = path
        self.message = message
        self.suggestion = suggestion
    }

    /// `file:line:column: error[code]: path: message; suggestion`, without the parts that are not known.
    public var description: String {
        var text = position.map { "\($0): " } ?? ""
        text += "\(severity.rawValue)[\(code)]: "
        if !path.isEmpty { text += "\(path): " }
        text += message
        if let suggestion { text += "; \(suggestion)" }
        return text
    }
}

/// What a resource is. Raw values are the words that definitions and texts use.
public enum ResourceKind: String, Sendable, Hashable, CaseIterable {
    case mesh, virtualNode, virtualRouter, route, virtualService, virtualGateway, gatewayRoute
    case serviceNetwork, service, listener, rule, targetGroup
    /// The placement document; field paths start with `nodes.`, `gateways.` and so on.
    case local
}

/// Names one resource among all definitions.
public struct ResourceKey: Sendable, Hashable, CustomStringConvertible {
    public var kind: ResourceKind
    /// The mesh of an App Mesh resource, or the mesh a placement is for; the mesh itself has it in `name`.
    public var mesh: String?
    /// The router of a route, the gateway of a gateway route, the service of a listener, `service/listener` of a rule.
    public var parent: String?
    /// Empty for `local`.
    public var name: String

    public init(_ kind: ResourceKind, mesh: String? = nil, parent: String? = nil, name: String) {
        self.kind = kind
        self.mesh = mesh
        self.parent = parent
        self.name = name
    }

    public static func mesh(_ name: String) -> ResourceKey { ResourceKey(.mesh, name: name) }

    public static func virtualNode(_ name: String, mesh: String) -> ResourceKey {
        ResourceKey(.virtualNode, mesh: mesh, name: name)
    }

    public static func virtualRouter(_ name: String, mesh: String) -> ResourceKey {
        ResourceKey(.virtualRouter, mesh: mesh, name: name)
    }

    public static func route(_ name: String, router: String, mesh: String) -> ResourceKey {
        ResourceKey(.route, mesh: mesh, parent: router, name: name)
    }

    public static func virtualService(_ name: String, mesh: String) -> ResourceKey {
        ResourceKey(.virtualService, mesh: mesh, name: name)
    }

    public static func virtualGateway(_ name: String, mesh: String) -> ResourceKey {
        ResourceKey(.virtualGateway, mesh: mesh, name: name)
    }

    public static func gatewayRoute(_ name: String, gateway: String, mesh: String) -> ResourceKey {
        ResourceKey(.gatewayRoute, mesh: mesh, parent: gateway, name: name)
    }

    public static func serviceNetwork(_ name: String) -> ResourceKey { ResourceKey(.serviceNetwork, name: name) }

    public static func service(_ name: String) -> ResourceKey { ResourceKey(.service, name: name) }

    public static func listener(_ name: String, service: String) -> ResourceKey {
        ResourceKey(.listener, parent: service, name: name)
    }

    public static func rule(_ name: String, listener: String, service: String) -> ResourceKey {
        ResourceKey(.rule, parent: "\(service)/\(listener)", name: name)
    }

    public static func targetGroup(_ name: String) -> ResourceKey { ResourceKey(.targetGroup, name: name) }

    /// The placement: of one mesh (`discovery`, `nodes`, `gateways`), or of the machine (everything else).
    public static func local(mesh: String? = nil) -> ResourceKey { ResourceKey(.local, mesh: mesh, name: "") }

    /// `mesh colors / virtualRouter colors / route canary`.
    public var description: String {
        var parts: [String] = []
        if let mesh { parts.append("mesh \(mesh)") }
        if let parent {
            let names = parent.split(separator: "/", maxSplits: 1)
            switch kind {
            case .route: parts.append("virtualRouter \(parent)")
            case .gatewayRoute: parts.append("virtualGateway \(parent)")
            case .listener: parts.append("service \(parent)")
            case .rule where names.count == 2: parts += ["service \(names[0])", "listener \(names[1])"]
            default: parts.append(parent)
            }
        }
        parts.append(name.isEmpty ? kind.rawValue : "\(kind.rawValue) \(name)")
        return parts.joined(separator: " / ")
    }

    /// The resource with a field, as `Diagnostic.path` has it.
    public func path(_ field: String) -> String { field.isEmpty ? description : "\(description) / \(field)" }
}
