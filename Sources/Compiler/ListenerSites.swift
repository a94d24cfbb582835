// What decides where a listener is opened: a field of the placement, which may not be written, and the resource that listens,
// which is where a finding points to then.

import Definitions
import Routing

struct ListenerSite {
    /// `the gateway`, for suggestions.
    var what: String
    var placement: ResourceKey
    var field: String
    /// The resource to point at where the placement has nothing; nil for what no definition describes.
    var resource: ResourceKey?
    /// Whether a definition says where it listens.
    var isMovable = true

    /// The process's own admin listener, which is an option of the command.
    static let admin = ListenerSite(what: "", placement: .local(), field: "", isMovable: false)
}

/// By the names of proxies.
struct ListenerSites {
    /// By proxy: ingress and admin.
    private var addresses: [String: ListenerSite] = [:]
    /// Sidecars whose ingress is somewhere else than the rest.
    private var ingresses: [String: ListenerSite] = [:]

    init(_ definitions: Definitions, _ placement: Placement) {
        for (mesh, gateways) in placement.gateways {
            for (name, _) in gateways {
                addresses["\(mesh)/\(name)"] = ListenerSite(
                    what: "the gateway", placement: .local(mesh: mesh),
                    field: SourceMap.path(SourceMap.path("gateways", member: name), member: "address"),
                    resource: .virtualGateway(name, mesh: mesh))
            }
        }
        for (mesh, nodes) in placement.nodes {
            for (name, node) in nodes {
                for instance in node.instances { add(instance, name, mesh) }
            }
        }
        for (name, network) in definitions.serviceNetworks {
            for vpc in network.vpcAssociations.map(\.vpcIdentifier) {
                addresses["\(name)/\(vpc)"] = ListenerSite(
                    what: "the VPC", placement: .local(),
                    field: SourceMap.path(SourceMap.path("vpcs", member: vpc), member: "address"),
                    resource: .serviceNetwork(name))
            }
        }
        for (group, targets) in placement.targetGroups {
            for target in targets {
                addresses["workload:\(target.name)"] = ListenerSite(
                    what: "the workload", placement: .local(), field: target.field, resource: .targetGroup(group))
            }
        }
    }

    private mutating func add(_ instance: PlacedInstance, _ node: String, _ mesh: String) {
        var site = ListenerSite(
            what: "the sidecar", placement: .local(mesh: mesh), field: instance.field,
            resource: .virtualNode(node, mesh: mesh))
        addresses["workload:\(instance.name)"] = site
        site.field = SourceMap.path(instance.field, member: "address")
        addresses[instance.name] = site
        if instance.ingress != nil {
            site.field = SourceMap.path(instance.field, member: "ingress")
            ingresses[instance.name] = site
        }
    }

    /// - Parameter listener: nil for the proxy's admin.
    func site(_ proxy: ProxyPlan, _ listener: ListenerPlan?) -> ListenerSite {
        if listener?.direction == .ingress, let site = ingresses[proxy.name] { return site }
        return addresses[proxy.name] ?? .admin
    }
}

extension Findings {
    /// An error about where something listens.
    func error(_ code: String, _ site: ListenerSite, _ message: String, suggestion: String) {
        error(code, site.placement, site.field, message, suggestion: suggestion, orAt: site.resource)
    }
}
