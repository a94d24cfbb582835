// App Mesh resources into the definitions, from the native format and from AWS CLI inputs.

import Definitions

extension Intake {
    /// An AWS CLI input: one resource.
    mutating func take(input root: SourceNode, file: String, given: CommandLineInput.Names) {
        let placeholder = ResourceKey(
            given.kind ?? .mesh, mesh: given.mesh, parent: given.parent, name: given.name ?? "?")
        var reader = Reader(file: file, resource: placeholder)
        guard root.entries != nil else {
            report("unknown-format", file: file, at: root.location, "an AWS CLI input is a map, not \(root.summary)")
            return
        }
        let input = CommandLineInput(root, given: given, reader: &reader)
        append(
            reader.diagnostics.map { found in
                var found = found
                if given == CommandLineInput.Names() { found.path = "" }
                return found
            })
        guard let input, let kind = input.names.kind, let name = input.names.name else { return }
        let mesh = input.names.mesh ?? name
        mention(mesh: mesh, at: SourcePosition(file: file, line: input.location.line, column: input.location.column))
        take(
            ResourceKey(kind, mesh: kind == .mesh ? nil : mesh, parent: input.names.parent, name: name), input.spec,
            file: file, at: input.location)
    }

    /// One resource with its spec. Routers and gateways keep routes that came before them.
    mutating func take(
        _ key: ResourceKey, _ node: SourceNode, file: String, at location: Location, spelling: KeySpelling = .api,
        otherRootKeys others: [String]? = nil
    ) {
        let mesh = key.mesh ?? key.name
        let position = SourcePosition(file: file, line: location.line, column: location.column)
        switch key.kind {
        case .mesh:
            let shape = AppMeshSchema.meshSpec
            if let spec = read(
                key, node, shape, file: file, at: location, otherRootKeys: others ?? [], spelling: spelling)
            {
                definitions.meshes[mesh]?.spec = spec
            }
        case .virtualNode:
            let shape = AppMeshSchema.virtualNodeSpec
            if let spec = read(
                key, node, shape, file: file, at: location, otherRootKeys: others ?? [], spelling: spelling)
            {
                definitions.meshes[mesh]?.virtualNodes[key.name] = spec
            }
        case .virtualService:
            let shape = AppMeshSchema.virtualServiceSpec
            if let spec = read(
                key, node, shape, file: file, at: location, otherRootKeys: others ?? [], spelling: spelling)
            {
                definitions.meshes[mesh]?.virtualServices[key.name] = spec
            }
        case .virtualRouter:
            let shape = AppMeshSchema.virtualRouterSpec
            let others = others ?? (spelling == .api ? ["routes"] : [])
            if let spec = read(
                key, node, shape, file: file, at: location, otherRootKeys: others, spelling: spelling)
            {
                definitions.meshes[mesh]?.virtualRouters[
                    key.name, default: VirtualRouterDefinition(spec: spec)
                ].spec = spec
            }
        case .virtualGateway:
            let shape = AppMeshSchema.virtualGatewaySpec
            let others = others ?? (spelling == .api ? ["gatewayRoutes"] : [])
            if let spec = read(
                key, node, shape, file: file, at: location, otherRootKeys: others, spelling: spelling)
            {
                definitions.meshes[mesh]?.virtualGateways[
                    key.name, default: VirtualGatewayDefinition(spec: spec)
                ].spec = spec
            }
        case .route:
            let router = key.parent ?? ""
            need(parent: .virtualRouter(router, mesh: mesh), at: position)
            let shape = AppMeshSchema.routeSpec
            if let spec = read(
                key, node, shape, file: file, at: location, otherRootKeys: others ?? [], spelling: spelling)
            {
                definitions.meshes[mesh]?.virtualRouters[
                    router, default: VirtualRouterDefinition(spec: VirtualRouterSpec())
                ].routes[key.name] = spec
            }
        case .gatewayRoute:
            let gateway = key.parent ?? ""
            need(parent: .virtualGateway(gateway, mesh: mesh), at: position)
            let shape = AppMeshSchema.gatewayRouteSpec
            if let spec = read(
                key, node, shape, file: file, at: location, otherRootKeys: others ?? [], spelling: spelling)
            {
                definitions.meshes[mesh]?.virtualGateways[
                    gateway, default: VirtualGatewayDefinition(spec: VirtualGatewaySpec(listeners: []))
                ].gatewayRoutes[key.name] = spec
            }
        case .serviceNetwork, .service, .listener, .rule, .targetGroup, .local: break
        }
    }

    /// A mesh exists as soon as something names it; its spec is optional.
    mutating func mention(mesh: String, at position: SourcePosition) {
        if definitions.meshes[mesh] == nil { definitions.meshes[mesh] = MeshDefinition(name: mesh) }
        sources.record(.mesh(mesh), at: position)
    }
}
