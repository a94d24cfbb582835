// Rules about a virtual node that hold wherever it runs, with a sidecar of ours or without. Other rules about a node by itself
// belong to the readers of definitions.

import Definitions

struct NodeRules {
    let mesh: MeshDefinition
    let findings: Findings

    func check(_ name: String, _ spec: VirtualNodeSpec) {
        let key = ResourceKey.virtualNode(name, mesh: mesh.name)
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
}
