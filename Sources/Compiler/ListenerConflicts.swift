// Sockets that two of our own listeners would open, and applications, endpoints and targets that are one of our own listeners:
// the first cannot start, the second would send a proxy's requests back into the mesh without end (design section 6). A
// listener on the wildcard address takes its port on every address, the IPv4 ones for `::` as well. What only such a listener
// meets is looked for among the listeners of this process: the others may be on another machine.

import Definitions
import Routing

struct ListenerConflicts {
    let options: CompilerOptions
    let findings: Findings

    func check(_ plan: Plan, _ definitions: Definitions, _ placement: Placement) {
        let sockets = OwnSockets(plan, options, ListenerSites(definitions, placement))
        for (claim, other) in sockets.collisions { report(claim, other) }
        for (claim, other, more) in sockets.wildcardCollisions { report(claim, other, more) }
        let destinations = DestinationRules(sockets: sockets, findings: findings)
        destinations.check(definitions, placement)
    }

    private func report(_ claim: OwnSockets.Claim, _ other: OwnSockets.Claim) {
        findings.error(
            "listener-collision", claim.site, "\(claim.owner) needs \(claim.address), which \(other.owner) has",
            suggestion: "move one of them with 'address' or 'ingress' in the placement")
    }

    private func report(_ claim: OwnSockets.Claim, _ other: OwnSockets.Claim, _ more: Int) {
        let others = more > 0 ? "\(other.holder) (and \(more) more)" : other.holder
        let site = claim.site
        findings.error(
            "listener-collision", site,
            "\(claim.holder) listens on \(claim.address), that is on every address, and \(others) needs port"
                + " \(claim.address.port ?? 0) on its own",
            suggestion: site.isMovable
                ? "give \(site.what) one address, such as 127.0.0.1, or its listener another port"
                : "choose one address for it, such as 127.0.0.1")
    }
}

/// The sockets that will surely be opened, and what for.
struct OwnSockets {
    struct Claim {
        var address: SocketAddress
        /// `listener ingress_8080 of colors/blue#0`.
        var owner: String
        /// `the sidecar of colors/blue#0`.
        var holder: String
        var site: ListenerSite
    }

    /// The first claim of each socket.
    private(set) var exact: [SocketAddress: Claim] = [:]
    /// Claims of a socket that another one has, with that one.
    private(set) var collisions: [(claim: Claim, other: Claim)] = []
    /// Wildcard listeners with the first of those that need the same port on an address, and how many more do.
    private(set) var wildcardCollisions: [(claim: Claim, other: Claim, more: Int)] = []
    /// Listeners of this process on the wildcard address, by port.
    private var wildcards: [Int: [Claim]] = [:]

    private struct Port {
        var first: Claim
        var holders = 1
        var last: String
    }
    private var ports: [Int: Port] = [:]
    /// Names of the proxies that this process runs; nil for all.
    private let names: Set<String>?

    /// Whether this process runs a proxy.
    func isHere(_ proxy: String?) -> Bool { names.map { names in proxy.map(names.contains) ?? false } ?? true }

    init(_ plan: Plan, _ options: CompilerOptions, _ sites: ListenerSites) {
        names = options.proxyNames
        if let admin = options.admin {
            let owner = "the admin listener of the process"
            let claim = Claim(address: admin, owner: owner, holder: owner, site: .admin)
            add(claim)
            addHere(claim)
        }
        for proxy in plan.proxies {
            let isHere = isHere(proxy.name)
            if let admin = proxy.admin {
                let owner = "the admin listener of \(proxy.name)"
                let claim = Claim(address: admin, owner: owner, holder: owner, site: sites.site(proxy, nil))
                add(claim)
                if isHere { addHere(claim) }
            }
            for listener in proxy.listeners {
                let site = sites.site(proxy, listener)
                for bind in listener.binds where !bind.isOptional {
                    var claim = Claim(
                        address: bind.address, owner: "listener \(listener.name) of \(proxy.name)",
                        holder: Self.holder(proxy, listener), site: site)
                    add(claim)
                    if let fallback = bind.unprivileged {
                        claim.address = fallback
                        add(claim)
                    }
                    // With a fallback the port itself is not this process's to open.
                    if isHere { addHere(claim) }
                }
            }
        }
        findWildcardCollisions()
    }

    /// Who takes what is sent to an address; nil if that is none of our listeners.
    /// - Parameter isHere: whether the address is meant on the machine of this process: then a local one is every address's.
    func owner(of address: SocketAddress, isHere: Bool) -> String? {
        if let claim = exact[address] { return claim.owner }
        guard isHere, case .ip(let host, let port) = address, IPLiteral.isLoopback(host),
            let claim = wildcards[port]?.first
        else { return nil }
        return "\(claim.owner), which listens on every address"
    }

    private mutating func add(_ claim: Claim) {
        guard claim.address.port != 0 else { return }
        if let other = exact[claim.address] {
            collisions.append((claim, other))
        } else {
            exact[claim.address] = claim
        }
    }

    private mutating func addHere(_ claim: Claim) {
        guard case .ip(let host, let port) = claim.address, port != 0 else { return }
        if IPLiteral.isWildcard(host) {
            // The same socket again is a collision of its own kind.
            if wildcards[port]?.contains(where: { $0.address == claim.address }) != true {
                wildcards[port, default: []].append(claim)
            }
        } else if ports[port] == nil {
            ports[port] = Port(first: claim, last: claim.holder)
        } else if ports[port]?.last != claim.holder {
            ports[port]?.holders += 1
            ports[port]?.last = claim.holder
        }
    }

    private mutating func findWildcardCollisions() {
        for (port, claims) in wildcards.sorted(by: { $0.key < $1.key }) {
            for (index, claim) in claims.enumerated() {
                // Of the two families' wildcards the second is in the way of the first.
                if index > 0 {
                    wildcardCollisions.append((claim, claims[0], 0))
                } else if let taken = ports[port] {
                    wildcardCollisions.append((claim, taken.first, taken.holders - 1))
                }
            }
        }
    }

    private static func holder(_ proxy: ProxyPlan, _ listener: ListenerPlan) -> String {
        switch proxy.role {
        case .gateway: "gateway \(proxy.name)"
        case .sidecar where listener.direction == .egress: "the egress of \(proxy.name)"
        case .sidecar: "the sidecar of \(proxy.name)"
        case .workload: "the workload of \(proxy.name.split(separator: ":", maxSplits: 1).last ?? "")"
        case .network: "service network \(proxy.name)"
        case .admin: proxy.name
        }
    }
}

/// Where requests must not be sent: to a listener of ours, or to a wildcard address, which nobody has.
private struct DestinationRules {
    let sockets: OwnSockets
    let findings: Findings

    func check(_ definitions: Definitions, _ placement: Placement) {
        for (mesh, nodes) in placement.nodes.sortedByName {
            let key = ResourceKey.local(mesh: mesh)
            for (name, node) in nodes.sortedByName {
                let listeners = definitions.meshes[mesh]?.virtualNodes[name]?.listeners ?? []
                let field = SourceMap.path(SourceMap.path("nodes", member: name), member: "endpoints")
                for endpoint in node.direct?.endpoints ?? [] {
                    check(SocketAddress(endpoint.address), "endpoint", key, field)
                }
                for instance in node.instances {
                    check(instance, listeners.map(\.portMapping.port), key)
                }
            }
        }
        for (_, targets) in placement.targetGroups.sortedByName {
            for target in targets {
                if case .address(let address) = target.application {
                    check(address, "application", .local(), SourceMap.path(target.field, member: "app"))
                }
            }
        }
        for (name, group) in definitions.targetGroups.sortedByName
        where group.type == .ip && placement.targetGroups[name]?.isEmpty != false {
            let port = TargetGroupLowering.port(group)
            for (index, target) in group.targets.enumerated() {
                let address = SocketAddress.ip(host: target.id, port: target.port ?? port)
                check(address, "target", .targetGroup(name), "targets[\(index)]")
            }
        }
    }

    private func check(_ instance: PlacedInstance, _ ports: [Int], _ key: ResourceKey) {
        switch instance.application {
        case .address(let address):
            check(address, "application", key, SourceMap.path(instance.field, member: "app"), of: instance.name)
        case .localhost:
            for port in ports {
                check(.ip(host: "127.0.0.1", port: port), "application", key, instance.field, of: instance.name)
            }
        case .echo: break
        }
    }

    /// - Parameter sidecar: who calls the address, if only one proxy does.
    private func check(
        _ address: SocketAddress, _ what: String, _ key: ResourceKey, _ field: String, of sidecar: String? = nil
    ) {
        if case .ip(let host, let port) = address, IPLiteral.isWildcard(host) {
            findings.error(
                "wildcard-destination", key, field, "\(host) is a place to listen, not one to call",
                suggestion: "give the address where the \(what) is reached, such as 127.0.0.1:\(port)")
        } else if let owner = sockets.owner(of: address, isHere: sockets.isHere(sidecar)) {
            findings.error(
                "own-listener", key, field,
                "the \(what) \(address) is \(owner), so requests would never leave the mesh",
                suggestion: "give the address on which the workload itself listens")
        }
    }
}
