// The rule about a virtual node's discovery (appmesh.md 1.4 item 6). Other rules about a node by itself belong to the readers of
// definitions. This one is no error here: the placement says where the node is, so such a mesh runs; AWS would refuse it.

import Definitions

struct NodeRules {
    let mesh: String
    let findings: Findings

    func check(_ name: String, _ spec: VirtualNodeSpec) {
        guard !(spec.listeners ?? []).isEmpty, spec.serviceDiscovery == nil else { return }
        findings.warning(
            "discovery-required", .virtualNode(name, mesh: mesh), "",
            "App Mesh refuses a node with listeners and without 'serviceDiscovery'",
            suggestion: "serviceDiscovery: { dns: { hostname: \(name).local } }")
    }
}
