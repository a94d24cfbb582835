// Rules about a virtual node that hold wherever it runs, with a sidecar of ours or without. Other rules about a node by itself
// belong to the readers of definitions. Missing discovery (appmesh.md 1.4 item 6) is no error here: the placement says where
// the node is, so such a mesh runs; AWS would refuse it.

import Definitions

struct NodeRules {
    let mesh: MeshDefinition
    let findings: Findings

    func check(_ name: String, _ spec: VirtualNodeSpec) {
        let key = ResourceKey.virtualNode(name, mesh: mesh.name)
        discovery(name, spec, key)
        backends(spec, key)
    }

    private func backends(_ spec: VirtualNodeSpec, _ key: ResourceKey) {
        var seen: Set<String> = []
        for (index, backend) in (spec.backends ?? []).enumerated() {
            let name = backend.virtualServiceName
            guard seen.insert(name).inserted, mesh.virtualServices[name] == nil else { continue }
            findings.warning(
                "unknown-virtual-service", key, "backends[\(index)].virtualService.virtualServiceName",
                "mesh \(mesh.name) has no virtual service '\(name)', so calls to it are answered 404",
                suggestion: findings.nearest(to: name, among: mesh.virtualServices.keys))
        }
    }

    private func discovery(_ name: String, _ spec: VirtualNodeSpec, _ key: ResourceKey) {
        guard !(spec.listeners ?? []).isEmpty, spec.serviceDiscovery == nil else { return }
        findings.warning(
            "discovery-required", key, "",
            "App Mesh refuses a node with listeners and without 'serviceDiscovery'",
            suggestion: "serviceDiscovery: { dns: { hostname: \(name).local } }")
    }
}
