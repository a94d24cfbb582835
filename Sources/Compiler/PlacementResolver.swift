// From the placement document and the derived addresses to `Placement`. Everything is visited in the order of its names, so
// that of two things on one address it is always the same one that the finding is about.

import Definitions
import Discovery
import Routing

struct PlacementResolver {
    let definitions: Definitions
    let options: CompilerOptions
    let findings: Findings
    private let range: AddressRange
    private var ledger: AddressLedger

    init(_ definitions: Definitions, options: CompilerOptions, findings: Findings) {
        self.definitions = definitions
        self.options = options
        self.findings = findings
        ledger = AddressLedger(findings: findings)
        var range = AddressRange.standard
        if let base = options.addressBase {
            if let given = AddressRange(base) {
                range = given
            } else {
                findings.error(
                    "bad-address-base", .local(), "", "'\(base)' is not a base for derived addresses",
                    suggestion: "an address in 127.0.0.0/8 above 127.0.0.255, with 9 to 24 prefix bits or none for /16")
            }
        }
        self.range = range
    }

    static func resolve(_ definitions: Definitions, options: CompilerOptions, findings: Findings) -> Placement {
        var resolver = PlacementResolver(definitions, options: options, findings: findings)
        return resolver.resolve()
    }

    private mutating func resolve() -> Placement {
        reportUnknownNames()
        var placement = Placement()
        for (mesh, definition) in definitions.meshes.sortedByName {
            let local = definitions.local.meshes[mesh] ?? MeshPlacement()
            if local.discovery == .definitions { placement.resolvesNames.insert(mesh) }
            let choice = DiscoveryChoice(mesh: definition, local: local, findings: findings)
            for (gateway, _) in definition.virtualGateways.sortedByName {
                placement.gateways[mesh, default: [:]][gateway] = place(
                    gateway: gateway, local.gateways[gateway]?.address, mesh: mesh)
            }
            for (node, spec) in definition.virtualNodes.sortedByName {
                let name = choice.name(of: node, spec)
                var placed = place(
                    node: node, spec, local.nodes[node], mesh: mesh, isDiscovered: name != nil)
                placed.discovered = name
                placement.nodes[mesh, default: [:]][node] = placed
            }
        }
        for (_, network) in definitions.serviceNetworks.sortedByName {
            for association in network.vpcAssociations where placement.vpcs[association.vpcIdentifier] == nil {
                placement.vpcs[association.vpcIdentifier] = place(vpc: association.vpcIdentifier)
            }
        }
        for (group, _) in definitions.targetGroups.sortedByName {
            placement.targetGroups[group] = place(targetGroup: group)
        }
        return placement
    }

    // MARK: App Mesh

    private mutating func place(gateway: String, _ explicit: String?, mesh: String) -> String {
        let field = SourceMap.path("gateways", member: gateway)
        let key = ResourceKey.local(mesh: mesh)
        let address =
            explicit
            ?? range.address(mesh: mesh, kind: "virtualGateway", name: gateway, instance: "0").description
        ledger.take(
            address, isDerived: explicit == nil, for: "virtual gateway \(mesh)/\(gateway)", key, field)
        return address
    }

    private mutating func place(
        node: String, _ spec: VirtualNodeSpec, _ local: NodePlacement?, mesh: String, isDiscovered: Bool
    ) -> PlacedNode {
        let key = ResourceKey.local(mesh: mesh)
        let field = SourceMap.path("nodes", member: node)
        if let local, !local.endpoints.isEmpty {
            let set = EndpointSet(addresses: local.endpoints)
            for address in set.repeated {
                findings.warning("repeated-endpoint", key, field, "\(address) is listed more than once and used once")
            }
            return PlacedNode(direct: set)
        }
        let instances = local?.instances ?? []
        if instances.count > 1, !isDiscovered, spec.serviceDiscovery?.isOneLogicalHost == true,
            !(spec.listeners ?? []).isEmpty
        {
            findings.warning(
                "one-logical-host", .virtualNode(node, mesh: mesh), "serviceDiscovery.dns",
                "\(instances.count) local instances are endpoints of their own here; AWS treats LOADBALANCER discovery as"
                    + " one logical host, without balancing or outlier detection",
                suggestion: "use responseType ENDPOINTS if that is meant")
        }
        // A workload that is not named is the built-in one; in a process for a part of the mesh, somebody runs it beside.
        let implicit: Workload? = options.runsOnePart ? nil : .echo(EchoSettings())
        if instances.isEmpty {
            return PlacedNode(instances: [
                place(instance: 0, NodeInstance(workload: implicit), node, spec, mesh, field)
            ])
        }
        return PlacedNode(
            instances: instances.enumerated().map { index, instance in
                var instance = instance
                instance.workload = instance.workload ?? implicit
                let field = SourceMap.path(SourceMap.path(field, member: "instances"), index: index)
                return place(instance: index, instance, node, spec, mesh, field)
            })
    }

    private mutating func place(
        instance index: Int, _ instance: NodeInstance, _ node: String, _ spec: VirtualNodeSpec, _ mesh: String,
        _ field: String
    ) -> PlacedInstance {
        let key = ResourceKey.local(mesh: mesh)
        let name = "\(mesh)/\(node)#\(index)"
        let listeners = spec.listeners ?? []
        let derived = range.address(mesh: mesh, kind: "virtualNode", name: node, instance: String(index))
        let explicit = instance.address
        // Egress is the next address; what is no loopback address has no next one of ours, and keeps the derived egress.
        let base = explicit.map { LoopbackAddress($0) } ?? derived
        let egress = base?.next ?? LoopbackAddress(bits: derived.bits + 1)
        let address = explicit ?? derived.description
        ledger.take(address, isDerived: explicit == nil, for: "the sidecar of \(name)", key, field)
        ledger.take(
            egress.description, isDerived: explicit == nil || base?.next == nil, for: "the egress of \(name)", key,
            field)
        if instance.ingress != nil, listeners.count > 1 {
            findings.error(
                "ingress-needs-one-listener", key, SourceMap.path(field, member: "ingress"),
                "'ingress' is one socket, and node \(node) has \(listeners.count) listeners",
                suggestion: "move the sidecar with 'address' instead")
        }
        let application: PlacedInstance.Application
        switch instance.workload {
        case .app(let app):
            application = .address(SocketAddress(app))
            if listeners.count > 1 {
                findings.warning(
                    "one-app-for-several-listeners", key, SourceMap.path(field, member: "app"),
                    "all \(listeners.count) listeners of node \(node) lead to \(app)")
            }
        case .echo(let settings):
            // An explicit address moves the workload too, so that `address` resolves its collisions as well.
            let number = explicit.map { "\(index)@\($0)" } ?? String(index)
            let host = range.address(mesh: mesh, kind: "workload", name: node, instance: number).description
            if !listeners.isEmpty {
                ledger.take(host, isDerived: true, for: "the workload of \(name)", key, field)
            }
            application = .echo(settings, host: host)
        case nil:
            application = .localhost
        }
        return PlacedInstance(
            name: name, address: address, egressAddress: egress.description,
            ingress: instance.ingress.map { SocketAddress($0) }, application: application, field: field)
    }

    // MARK: VPC Lattice

    private mutating func place(vpc: String) -> String {
        let key = ResourceKey.local()
        let field = SourceMap.path("vpcs", member: vpc)
        let explicit = definitions.local.vpcs[vpc]?.address
        let address = explicit ?? range.address(mesh: "", kind: "vpc", name: vpc, instance: "0").description
        ledger.take(address, isDerived: explicit == nil, for: "VPC \(vpc)", key, field)
        return address
    }

    private mutating func place(targetGroup: String) -> [PlacedTarget] {
        let field = SourceMap.path(
            SourceMap.path("targetGroups", member: targetGroup), member: "instances")
        let instances = definitions.local.targetGroups[targetGroup]?.instances ?? []
        return instances.enumerated().map { index, workload in
            let name = "targetGroups/\(targetGroup)#\(index)"
            let field = SourceMap.path(field, index: index)
            switch workload {
            case .app(let app):
                return PlacedTarget(name: name, application: .address(SocketAddress(app)), field: field)
            case .echo(let settings):
                let host = range.address(mesh: "", kind: "targetGroup", name: targetGroup, instance: String(index))
                ledger.take(host.description, isDerived: true, for: "target \(name)", .local(), field)
                return PlacedTarget(
                    name: name, application: .echo(settings, host: host.description), field: field)
            }
        }
    }

    // MARK: Findings

    /// Placements of things that do not exist.
    private func reportUnknownNames() {
        let local = definitions.local
        for (mesh, placement) in local.meshes.sortedByName {
            let key = ResourceKey.local(mesh: mesh)
            guard let definition = definitions.meshes[mesh] else {
                findings.error(
                    "unknown-mesh", key, "", "there is no mesh '\(mesh)'",
                    suggestion: findings.nearest(to: mesh, among: definitions.meshes.keys))
                continue
            }
            for (node, _) in placement.nodes.sortedByName where definition.virtualNodes[node] == nil {
                findings.error(
                    "unknown-virtual-node", key, SourceMap.path("nodes", member: node),
                    "mesh \(mesh) has no virtual node '\(node)'",
                    suggestion: findings.nearest(to: node, among: definition.virtualNodes.keys))
            }
            for (gateway, _) in placement.gateways.sortedByName where definition.virtualGateways[gateway] == nil {
                findings.error(
                    "unknown-virtual-gateway", key, SourceMap.path("gateways", member: gateway),
                    "mesh \(mesh) has no virtual gateway '\(gateway)'",
                    suggestion: findings.nearest(to: gateway, among: definition.virtualGateways.keys))
            }
        }
        for (group, _) in local.targetGroups.sortedByName where definitions.targetGroups[group] == nil {
            findings.error(
                "unknown-target-group", .local(), SourceMap.path("targetGroups", member: group),
                "there is no target group '\(group)'",
                suggestion: findings.nearest(to: group, among: definitions.targetGroups.keys))
        }
        let vpcs = Set(definitions.serviceNetworks.values.flatMap { $0.vpcAssociations.map(\.vpcIdentifier) })
        for (vpc, _) in local.vpcs.sortedByName where !vpcs.contains(vpc) {
            findings.error(
                "unknown-vpc", .local(), SourceMap.path("vpcs", member: vpc),
                "no service network is associated with VPC '\(vpc)'",
                suggestion: findings.nearest(to: vpc, among: vpcs))
        }
    }
}

/// Who has which address. The second owner of one is a finding that asks for an explicit address, unless somebody gave it to
/// both: then they may have different ports, which `ListenerConflicts` looks at.
private struct AddressLedger {
    let findings: Findings
    private var owners: [String: (name: String, isDerived: Bool)] = [:]

    init(findings: Findings) { self.findings = findings }

    mutating func take(
        _ address: String, isDerived: Bool, for owner: String, _ key: ResourceKey, _ field: String
    ) {
        guard let other = owners[address] else {
            owners[address] = (owner, isDerived)
            return
        }
        guard isDerived || other.isDerived else { return }
        findings.error(
            "address-collision", key, field, "\(owner) has the address \(address) of \(other.name)",
            suggestion: "give one of them another one with 'address:' in the placement")
    }
}
