// `--node` and `--gateway`: the part of the mesh that this process runs. Everybody else's addresses are already in its
// clusters; their proxies and workloads are left to other processes.

import Definitions
import Routing

struct Selection {
    let options: CompilerOptions
    let findings: Findings

    func apply(_ plan: inout Plan, _ workloads: inout [WorkloadPlan], _ definitions: Definitions) {
        guard let names = options.proxyNames else { return }
        if let node = options.node,
            !plan.proxies.contains(where: { $0.role == .sidecar && $0.name == node.description })
        {
            reportUnknown(node, plan, definitions)
        }
        if let gateway = options.gateway,
            !plan.proxies.contains(where: { $0.role == .gateway && $0.name == gateway.description })
        {
            let known = definitions.meshes.flatMap { mesh, definition in
                definition.virtualGateways.keys.map { "\(mesh)/\($0)" }
            }
            findings.error(
                "unknown-virtual-gateway", .local(), "", "there is no virtual gateway '\(gateway)' to run",
                suggestion: findings.nearest(to: gateway.description, among: known))
        }
        plan.proxies.removeAll { !names.contains($0.name) }
        workloads.removeAll { !names.contains($0.name) }
    }

    private func reportUnknown(_ node: NodeSelector, _ plan: Plan, _ definitions: Definitions) {
        let name = "\(node.mesh)/\(node.node)"
        guard definitions.meshes[node.mesh]?.virtualNodes[node.node] != nil else {
            let known = definitions.meshes.flatMap { mesh, definition in
                definition.virtualNodes.keys.map { "\(mesh)/\($0)" }
            }
            findings.error(
                "unknown-virtual-node", .local(), "", "there is no virtual node '\(name)' to run",
                suggestion: findings.nearest(to: name, among: known))
            return
        }
        let key = ResourceKey.local(mesh: node.mesh)
        let field = SourceMap.path("nodes", member: node.node)
        let count = plan.proxies.count { $0.role == .sidecar && $0.name.hasPrefix("\(name)#") }
        findings.error(
            "unknown-instance", key, field,
            count == 0
                ? "node '\(name)' is reached directly by its 'endpoints' and has no sidecar to run"
                : "node '\(name)' has \(count) instances, so there is no #\(node.instance)",
            suggestion: count == 0 ? "give it 'instances'" : "instances count from #0")
    }
}
