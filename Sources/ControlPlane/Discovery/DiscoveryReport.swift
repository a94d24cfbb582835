// What discovery knows, for the admin listeners.

import DataPlane
import Discovery
import Reactor
import Routing

/// One watched name and what its clusters were given.
struct DiscoveredName: Sendable {
    var hostname: String
    var families: AddressFamilies
    var clusters: [ClusterKey]
    var state: NameState
}

extension RuntimeState.Status {
    /// The endpoints of a cluster: the plan's, or those that were discovered.
    func endpoints(of cluster: ClusterPlan, proxy: String) -> [EndpointPlan] {
        guard cluster.discovery != nil else { return cluster.endpoints }
        return discovered[ClusterKey(proxy: proxy, cluster: cluster.name)] ?? []
    }
}

extension ClusterPlan {
    /// What an endpoint's statistics are kept under: one logical host keeps its own when its address changes.
    func statName(of endpoint: EndpointPlan) -> String {
        discovery?.answer == .oneLogicalHost ? endpoint.name : endpoint.address.shownHost
    }
}

extension DiscoveredName {
    /// For `/v1/status`: times are seconds from now.
    func json(of proxies: Set<String>) -> JSONValue {
        let now = Clock.monotonic()
        func seconds(_ nanoseconds: Int64) -> JSONValue { .double((Double(nanoseconds) / 1e8).rounded() / 10) }
        let clusters = clusters.filter { proxies.contains($0.proxy) }.map { "\($0.proxy)/\($0.cluster)" }
        return [
            "hostname": .string(hostname), "families": .string(families.rawValue),
            "addresses": .strings(state.addresses.map(\.description)), "trouble": .optional(state.trouble),
            "failures": .int(state.failures),
            "answeredAgo": state.answeredAt.map { seconds(max(0, now - $0)) } ?? nil,
            "nextLookupIn": state.due.map { seconds(max(0, $0 - now)) } ?? nil,
            "clusters": .strings(clusters.sorted()),
        ]
    }
}
