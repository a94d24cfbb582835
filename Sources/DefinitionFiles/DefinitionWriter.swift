// Definitions back to text: specs as the API's JSON, and everything as native documents. What was absent stays absent, so that
// reading the result gives equal definitions.

import Definitions

public enum DefinitionWriter {
    public static func value(of spec: MeshSpec) -> DefinitionValue { AppMeshSchema.meshSpec.write(spec) }

    public static func value(of spec: VirtualNodeSpec) -> DefinitionValue { AppMeshSchema.virtualNodeSpec.write(spec) }

    public static func value(of spec: VirtualRouterSpec) -> DefinitionValue {
        AppMeshSchema.virtualRouterSpec.write(spec)
    }

    public static func value(of spec: RouteSpec) -> DefinitionValue { AppMeshSchema.routeSpec.write(spec) }

    public static func value(of spec: VirtualServiceSpec) -> DefinitionValue {
        AppMeshSchema.virtualServiceSpec.write(spec)
    }

    public static func value(of spec: VirtualGatewaySpec) -> DefinitionValue {
        AppMeshSchema.virtualGatewaySpec.write(spec)
    }

    public static func value(of spec: GatewayRouteSpec) -> DefinitionValue {
        AppMeshSchema.gatewayRouteSpec.write(spec)
    }

    /// Native documents, one for each mesh and service network, separated as YAML separates them; each is JSON, which is YAML too.
    public static func nativeText(_ definitions: Definitions) -> String {
        nativeDocuments(definitions).map { "---\n\($0.json(indented: true))\n" }.joined()
    }

    static func nativeDocuments(_ definitions: Definitions) -> [DefinitionValue] {
        var documents = definitions.meshes.sortedByName.map {
            document(of: $0.value, definitions.local.meshes[$0.name])
        }
        for (name, placement) in definitions.local.meshes.sortedByName where definitions.meshes[name] == nil {
            documents.append(document(of: MeshDefinition(name: name), placement))
        }
        for (name, network) in definitions.serviceNetworks.sortedByName {
            var value = LatticeSchema.serviceNetwork.write(network)
            // An empty list is not the same as none: none means the services of the document.
            if network.services.isEmpty, case .object(let members) = value {
                value = .object(members + [.init("services", .list([]))])
            }
            documents.append(.object([.init("serviceNetwork", .object([.init(name, value)]))]))
        }
        let rest = [
            section("services", definitions.services, service),
            section("targetGroups", definitions.targetGroups, LatticeSchema.targetGroup.write),
            local(of: definitions.local),
        ].compactMap { $0 }
        return rest.isEmpty ? documents : documents + [.object(rest)]
    }

    private static func document(of mesh: MeshDefinition, _ placement: MeshPlacement?) -> DefinitionValue {
        let spec = value(of: mesh.spec)
        let name: DefinitionValue =
            spec == .object([]) ? .string(mesh.name) : .object([.init(mesh.name, spec)])
        let sections = [
            section("virtualNodes", mesh.virtualNodes, value(of:)),
            section("virtualRouters", mesh.virtualRouters) { router in
                value(of: router.spec, with: section("routes", router.routes, value(of:)))
            },
            section("virtualServices", mesh.virtualServices, value(of:)),
            section("virtualGateways", mesh.virtualGateways) { gateway in
                value(of: gateway.spec, with: section("gatewayRoutes", gateway.gatewayRoutes, value(of:)))
            },
            placement.flatMap(local),
        ]
        return .object([.init("mesh", name)] + sections.compactMap { $0 })
    }

    private static func value(of spec: VirtualRouterSpec, with routes: DefinitionValue.Member?) -> DefinitionValue {
        merged(AppMeshSchema.virtualRouterSpec.write(spec), routes)
    }

    private static func value(of spec: VirtualGatewaySpec, with routes: DefinitionValue.Member?) -> DefinitionValue {
        merged(AppMeshSchema.virtualGatewaySpec.write(spec), routes)
    }

    private static func service(_ service: LatticeServiceDefinition) -> DefinitionValue {
        merged(
            LatticeSchema.service.write(service),
            section("listeners", service.listeners) { listener in
                merged(
                    LatticeSchema.listener.write(listener), section("rules", listener.rules, LatticeSchema.rule.write))
            })
    }

    private static func local(_ placement: MeshPlacement) -> DefinitionValue.Member? {
        let members = [
            placement.discovery.map { DefinitionValue.Member("discovery", .string($0.rawValue)) },
            section("nodes", placement.nodes, LocalSchema.node.write),
            section("gateways", placement.gateways, LocalSchema.gateway.write),
        ].compactMap { $0 }
        return members.isEmpty ? nil : .init("local", .object(members))
    }

    private static func local(of placement: LocalPlacement) -> DefinitionValue.Member? {
        let members = [
            section("targetGroups", placement.targetGroups, LocalSchema.targetGroup.write),
            section("paths", placement.paths, LocalSchema.path.write),
            section("certificates", placement.certificates, LocalSchema.certificate.write),
            section("vpcs", placement.vpcs, LocalSchema.vpc.write),
        ].compactMap { $0 }
        return members.isEmpty ? nil : .init("local", .object(members))
    }

    private static func section<Value>(
        _ key: String, _ values: [String: Value], _ write: (Value) -> DefinitionValue
    ) -> DefinitionValue.Member? {
        values.isEmpty
            ? nil : .init(key, .object(values.sortedByName.map { DefinitionValue.Member($0.name, write($0.value)) }))
    }

    private static func merged(_ value: DefinitionValue, _ member: DefinitionValue.Member?) -> DefinitionValue {
        guard case .object(let members) = value, let member else { return value }
        return .object(members + [member])
    }
}
