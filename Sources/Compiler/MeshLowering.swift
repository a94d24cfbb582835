// One App Mesh mesh: its services once, then a proxy for every gateway, a sidecar for every instance, a workload where the
// built-in one runs.

import Definitions
import Routing

struct MeshLowering {
    let definition: MeshDefinition
    let placement: Placement
    let options: CompilerOptions
    let localBinds: LocalBinds
    let logs: AccessLogLowering
    let findings: Findings

    func lower() -> (proxies: [ProxyPlan], workloads: [WorkloadPlan]) {
        let name = definition.name
        let nodes = placement.nodes[name] ?? [:]
        let ports = PortPolicy(firstUnprivilegedPort: options.firstUnprivilegedPort)
        let direct = Set(nodes.filter { $0.value.direct != nil }.keys)
        let services = ServiceLowering(mesh: definition, direct: direct, findings: findings).lower()
        let mesh = MeshContext(
            definition: definition, services: services, nodes: nodes, ports: ports, findings: findings)
        NotInForce(findings: findings, allowUnenforced: options.allowUnenforced).report(definition, nodes)
        var proxies: [ProxyPlan] = []
        var workloads: [WorkloadPlan] = []
        for (gateway, gatewayDefinition) in definition.virtualGateways.sortedByName {
            guard let address = placement.gateways[name]?[gateway] else { continue }
            let key = ResourceKey.virtualGateway(gateway, mesh: name)
            var proxy = builder("\(name)/\(gateway)", .gateway, address, key, gatewayDefinition.spec.logging)
            GatewayLowering(mesh: mesh).lower(
                gateway, gatewayDefinition, address: address, localBinds: localBinds,
                into: &proxy)
            proxies.append(proxy.plan)
        }
        for (node, spec) in definition.virtualNodes.sortedByName {
            let key = ResourceKey.virtualNode(node, mesh: name)
            NodeRules(mesh: definition, findings: findings).check(node, spec)
            let built = (spec.listeners ?? []).map { ServicePort($0.portMapping) }.built
            for instance in nodes[node]?.instances ?? [] {
                var proxy = builder(instance.name, .sidecar, instance.address, key, spec.logging)
                IngressLowering(mesh: definition, ports: ports, findings: findings).lower(
                    node, spec, instance, into: &proxy)
                EgressLowering(mesh: mesh).lower(node, spec, instance, into: &proxy)
                proxies.append(proxy.plan)
                let lowering = WorkloadLowering(ports: ports)
                if let echo = lowering.lower(
                    instance.application, name: instance.name, title: node, mesh: name, listeners: built,
                    egress: .ip(host: instance.egressAddress, port: EgressLowering.port), source: findings.source(key))
                {
                    workloads.append(echo.workload)
                    proxies.append(echo.proxy)
                }
            }
        }
        return (proxies, workloads)
    }

    private func builder(
        _ name: String, _ role: ProxyPlan.Role, _ address: String, _ key: ResourceKey, _ logging: Logging?
    ) -> ProxyBuilder {
        var plan = ProxyPlan(name: name, role: role, mesh: definition.name, source: findings.source(key))
        plan.upstreamSourceIP = IPLiteral.isWildcard(address) ? nil : address
        plan.accessLogs = logs.lower(logging, key)
        if placement.resolvesNames.contains(definition.name) {
            plan.authorityFamilies = AddressFamilies(node: nil, mesh: definition.spec.serviceDiscovery?.ipPreference)
        }
        return ProxyBuilder(plan)
    }
}
