// Sockets that two of our own listeners would open, and applications or endpoints that are one of our own listeners: the first
// cannot start, the second would send a proxy's requests back into the mesh without end (design section 6).

import Definitions
import Routing

struct ListenerConflicts {
    let options: CompilerOptions
    let findings: Findings

    func check(_ plan: Plan, _ definitions: Definitions, _ placement: Placement) {
        let owners = owners(plan)
        for (mesh, nodes) in placement.nodes.sortedByName {
            let key = ResourceKey.local(mesh: mesh)
            for (name, node) in nodes.sortedByName {
                let listeners = definitions.meshes[mesh]?.virtualNodes[name]?.listeners ?? []
                for endpoint in node.direct?.endpoints ?? [] {
                    let field = SourceMap.path(SourceMap.path("nodes", member: name), member: "endpoints")
                    report(SocketAddress(endpoint.address), "endpoint", owners, key, field)
                }
                for instance in node.instances {
                    switch instance.application {
                    case .address(let address):
                        report(address, "application", owners, key, "\(instance.field).app")
                    case .localhost:
                        for listener in listeners {
                            report(
                                .ip(host: "127.0.0.1", port: listener.portMapping.port), "application", owners, key,
                                instance.field)
                        }
                    case .echo: break
                    }
                }
            }
        }
        for (_, targets) in placement.targetGroups.sortedByName {
            for target in targets {
                if case .address(let address) = target.application {
                    report(address, "application", owners, .local(), target.field)
                }
            }
        }
        for (name, group) in definitions.targetGroups.sortedByName
        where group.type == .ip && placement.targetGroups[name]?.isEmpty != false {
            let port = TargetGroupLowering.port(group)
            for (index, target) in group.targets.enumerated() {
                report(
                    .ip(host: target.id, port: target.port ?? port), "target", owners, .targetGroup(name),
                    "targets[\(index)]")
            }
        }
    }

    private func report(
        _ address: SocketAddress, _ what: String, _ owners: [SocketAddress: String], _ key: ResourceKey, _ field: String
    ) {
        guard let owner = owners[address] else { return }
        findings.error(
            "own-listener", key, field, "the \(what) \(address) is \(owner), so requests would never leave the mesh",
            suggestion: "give the address on which the workload itself listens")
    }

    /// Every socket that will surely be opened, and what for.
    private func owners(_ plan: Plan) -> [SocketAddress: String] {
        var owners: [SocketAddress: String] = [:]
        if let admin = options.admin { owners[admin] = "the admin listener of the process" }
        for proxy in plan.proxies {
            if let admin = proxy.admin { owners[admin] = "the admin listener of \(proxy.name)" }
            for listener in proxy.listeners {
                let owner = "listener \(listener.name) of \(proxy.name)"
                for bind in listener.binds where !bind.isOptional {
                    for address in [bind.address, bind.unprivileged].compactMap({ $0 }) {
                        if let other = owners[address] {
                            let key = ResourceKey.local(mesh: proxy.role == .network ? nil : proxy.mesh)
                            findings.error(
                                "listener-collision", key, "", "\(owner) needs \(address), which \(other) has",
                                suggestion: "move one of them with 'address' or 'ingress' in the placement")
                        } else {
                            owners[address] = owner
                        }
                    }
                }
            }
        }
        return owners
    }
}
