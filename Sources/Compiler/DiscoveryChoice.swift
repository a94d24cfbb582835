// Who says where a node's endpoints are (design section 6): the placement, or, with `discovery: definitions` for the mesh or
// the node, the node's own `serviceDiscovery`. Only what clients connect to changes: which sidecars and workloads run here
// does not, so that a name may well lead to them.

import Definitions
import Discovery
import Routing

struct DiscoveryChoice {
    let mesh: MeshDefinition
    let local: MeshPlacement
    let findings: Findings

    /// The name that a node is found by; nil if the placement says where it is.
    func name(of node: String, _ spec: VirtualNodeSpec) -> DiscoveredNode? {
        guard isByDefinitions(node) else { return nil }
        let key = ResourceKey.virtualNode(node, mesh: mesh.name)
        switch spec.serviceDiscovery {
        case .dns(let dns):
            guard let name = DomainName(dns.hostname) else {
                findings.error(
                    "bad-hostname", key, "serviceDiscovery.dns.hostname", "'\(dns.hostname)' is no host name",
                    suggestion: "labels of 1 to 63 letters, digits, hyphens and underscores between dots")
                return nil
            }
            reportUnusedEndpoints(node)
            return DiscoveredNode(
                hostname: name.description,
                answer: spec.serviceDiscovery?.isOneLogicalHost == true ? .oneLogicalHost : .everyAddress,
                families: AddressFamilies(node: dns.ipPreference, mesh: mesh.spec.serviceDiscovery?.ipPreference))
        case .awsCloudMap:
            findings.warning(
                NotInForce.code, key, "serviceDiscovery.awsCloudMap",
                "the node's endpoints come from the placement: discovery by Cloud Map is not built yet")
            return nil
        case nil:
            // Without listeners nobody connects to it.
            guard !(spec.listeners ?? []).isEmpty else { return nil }
            findings.error(
                "nothing-to-discover", key, "",
                "the node is to be found by its definition, which has no 'serviceDiscovery'",
                suggestion: "serviceDiscovery: { dns: { hostname: \(node).local } }, or 'discovery: local' for the node"
            )
            return nil
        }
    }

    private func isByDefinitions(_ node: String) -> Bool {
        (local.nodes[node]?.discovery ?? local.discovery) == .definitions
    }

    private func reportUnusedEndpoints(_ node: String) {
        guard local.nodes[node]?.endpoints.isEmpty == false else { return }
        let field = SourceMap.path(SourceMap.path("nodes", member: node), member: "endpoints")
        findings.warning(
            "unused-endpoints", .local(mesh: mesh.name), field,
            "nobody connects to these: the node is found by its 'serviceDiscovery'",
            suggestion: "'discovery: local' for the node uses them")
    }
}

extension AddressFamilies {
    /// The node's preference before the mesh's (appmesh.md 2, "ipPreference").
    init(node: IpPreference?, mesh: IpPreference?) {
        switch FamilyPreference(node: node, mesh: mesh) {
        case .v6Preferred: self = .ipv6Preferred
        case .v4Preferred: self = .ipv4Preferred
        case .v4Only: self = .ipv4Only
        case .v6Only: self = .ipv6Only
        }
    }
}
