// Target groups as clusters. In force are groups of type IP that take plain HTTP/1.1, by their registered targets, and any
// HTTP group with workloads in the placement, which stand in for its targets. Every other group is an empty cluster: its share
// of the traffic is answered 503 and goes to nobody else, as Lattice does with an empty group (lattice.md 2.3).

import Definitions
import Discovery
import Routing

struct TargetGroupLowering {
    let groups: [String: TargetGroupDefinition]
    let placed: [String: [PlacedTarget]]
    let ports: PortPolicy
    let findings: Findings

    static let defaultPort = 80
    static let defaultTLSPort = 443

    static func port(_ group: TargetGroupDefinition) -> Int {
        group.config?.port ?? (group.config?.protocol == .https ? defaultTLSPort : defaultPort)
    }

    func endpoints(_ name: String, _ group: TargetGroupDefinition) -> EndpointSet {
        let port = Self.port(group)
        let standIns = placed[name] ?? []
        if !standIns.isEmpty, group.type != .lambda {
            return EndpointSet(
                instances: standIns.map {
                    EndpointSet.Endpoint(
                        name: $0.name, address: $0.application.address(port: port, ports).defined)
                })
        }
        guard group.type == .ip, isPlainHTTP(group) else { return EndpointSet() }
        return EndpointSet(
            addresses: group.targets.filter { IPLiteral.isValid($0.id) }.map { .ip($0.id, port: $0.port ?? port) })
    }

    private func isPlainHTTP(_ group: TargetGroupDefinition) -> Bool {
        (group.config?.protocol ?? .http) == .http && (group.config?.protocolVersion ?? .http1) == .http1
    }

    /// What is wrong with each group, or not in force.
    func report() {
        for (name, group) in groups.sortedByName {
            let key = ResourceKey.targetGroup(name)
            let hasStandIns = !(placed[name] ?? []).isEmpty
            let remedy = "name workloads under 'targetGroups' in the placement"
            switch group.type {
            case .lambda:
                notInForce(key, "type", "LAMBDA targets are not built yet: requests to the group are answered 503")
            case .instance where !hasStandIns, .alb where !hasStandIns:
                notInForce(
                    key, "type",
                    "\(group.type.rawValue) targets do not exist here: requests to the group are answered 503",
                    remedy)
            case .ip where !hasStandIns && group.targets.isEmpty:
                findings.warning(
                    "no-targets", key, "", "without targets requests to the group are answered 503", suggestion: remedy)
            case .ip, .instance, .alb:
                break
            }
            if group.type == .ip, !hasStandIns {
                for (index, target) in group.targets.enumerated() where !IPLiteral.isValid(target.id) {
                    findings.error(
                        "bad-target", key, "targets[\(index)].id", "'\(target.id)' is not an IP address")
                }
            }
            if !isPlainHTTP(group), group.type != .lambda { reportProtocol(group, key, hasStandIns: hasStandIns) }
            if let check = group.config?.healthCheck, check.enabled ?? isPlainHTTP(group) {
                notInForce(key, "config.healthCheck", "health checks are understood and not yet in force")
            }
        }
    }

    private func reportProtocol(_ group: TargetGroupDefinition, _ key: ResourceKey, hasStandIns: Bool) {
        let isVersion = (group.config?.protocol ?? .http) == .http
        let spoken = isVersion ? group.config?.protocolVersion?.rawValue : group.config?.protocol?.rawValue
        let effect =
            hasStandIns ? "its workloads are called by plain HTTP/1.1" : "requests to the group are answered 503"
        notInForce(
            key, isVersion ? "config.protocolVersion" : "config.protocol",
            "\(spoken ?? "the protocol") to targets is not built yet: \(effect)")
    }

    private func notInForce(_ key: ResourceKey, _ field: String, _ message: String, _ suggestion: String? = nil) {
        findings.warning(NotInForce.code, key, field, message, suggestion: suggestion)
    }
}
