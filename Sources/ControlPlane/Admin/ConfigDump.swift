// `/config_dump` as Envoy answers it (envoy.admin.v3.ConfigDump in proto3's JSON): the plan in the shape of Envoy's resources,
// all of them dynamic, as App Mesh delivered them. `resource` picks one list, `name_regex` its elements, `mask` their fields.
// What Envoy has no word for is left out here and complete in `/v1/snapshot`.

import Patterns
import Routing

enum ConfigDump {
    private struct Resource {
        var list: String
        /// The section of the dump, and of one element.
        var section: String
        var element: String
        /// In the order of the plan.
        var items: [(name: String, value: JSONValue)]
    }

    private static let admin = "type.googleapis.com/envoy.admin.v3."

    static func answer(_ context: AdminContext, _ request: AdminRequest) -> AdminAnswer {
        let filter: ((String) -> Bool)?
        do throws(PatternError) {
            filter = try NameFilter.make(request.parameter("name_regex"))
        } catch {
            let pattern = request.parameter("name_regex") ?? ""
            return .text(
                "INVALID_ARGUMENT: Error while parsing name_regex from \(pattern): \(error)\n", status: 400)
        }
        let mask = request.parameter("mask").map(FieldMask.init)
        let resources = resources(context, withEndpoints: request.flag("include_eds")).map { resource in
            var resource = resource
            if let filter { resource.items.removeAll { !filter($0.name) } }
            return resource
        }
        guard let wanted = request.parameter("resource"), !wanted.isEmpty else {
            let sections = resources.map { resource -> JSONValue in
                let items = JSONValue.array(resource.items.map(\.value))
                let section: JSONValue = [
                    "@type": .string(admin + resource.section), "version_info": version(context),
                ]
                let whole = JSONValue.object(section.members + [.init(key: resource.list, value: items)])
                return mask.map { $0.applied(to: whole) } ?? whole
            }
            return .json(["configs": .array(sections)])
        }
        guard let resource = resources.first(where: { $0.list == wanted }) else {
            return .text("\(wanted) not found in config dump\n", status: 404)
        }
        let items = resource.items.map { item -> JSONValue in
            let value = mask.map { $0.applied(to: item.value) } ?? item.value
            return .object(
                [.init(key: "@type", value: .string(admin + resource.section + "." + resource.element))] + value.members
            )
        }
        return .json(["configs": .array(items)])
    }

    private static func version(_ context: AdminContext) -> JSONValue { .string("\(context.state.current.generation)") }

    private static func resources(_ context: AdminContext, withEndpoints: Bool) -> [Resource] {
        let version = version(context)
        let status = context.state.current
        let updated: JSONValue = .optional(status.lastReload.map { Timestamp.text($0.time) })
        var clusters: [(String, JSONValue)] = []
        var endpoints: [(String, JSONValue)] = []
        var listeners: [(String, JSONValue)] = []
        var routes: [(String, JSONValue)] = []
        for proxy in context.proxies {
            func shown(_ name: String) -> String { context.shown(name, of: proxy.name) }
            for cluster in proxy.clusters {
                let name = shown(cluster.name)
                let hosts = status.endpoints(of: cluster, proxy: proxy.name)
                let value = EnvoyResource.cluster(cluster, hosts, name: name)
                clusters.append((name, ["version_info": version, "cluster": value, "last_updated": updated]))
                endpoints.append(
                    (name, ["endpoint_config": EnvoyResource.assignment(hosts, name: name, isTyped: true)]))
            }
            for listener in proxy.listeners {
                let name = shown(listener.name)
                let open = status.listeners.first { $0.proxy == proxy.name && $0.listener == listener.name }?.actual
                let value = EnvoyResource.listener(listener, address: open, shown: shown)
                listeners.append(
                    (
                        name,
                        [
                            "name": .string(name),
                            "active_state": ["version_info": version, "listener": value, "last_updated": updated],
                        ]
                    ))
                let routeName = shown(EnvoyResource.routeName(listener))
                routes.append(
                    (
                        routeName,
                        [
                            "version_info": version,
                            "route_config": EnvoyResource.routes(listener, proxy, shown: shown),
                            "last_updated": updated,
                        ]
                    ))
            }
        }
        let lists = [
            Resource(
                list: "dynamic_active_clusters", section: "ClustersConfigDump", element: "DynamicCluster",
                items: clusters),
            Resource(
                list: "dynamic_listeners", section: "ListenersConfigDump", element: "DynamicListener", items: listeners),
            Resource(
                list: "dynamic_route_configs", section: "RoutesConfigDump", element: "DynamicRouteConfig",
                items: routes),
        ]
        guard withEndpoints else { return lists }
        return lists + [
            Resource(
                list: "dynamic_endpoint_configs", section: "EndpointsConfigDump", element: "DynamicEndpointConfig",
                items: endpoints)
        ]
    }
}

/// A protobuf field mask in its text form: paths with dots, joined by commas. A path goes through every element of a list.
struct FieldMask {
    private let paths: [[Substring]]

    init(_ text: String) {
        paths = text.split(separator: ",").map { $0.split(separator: ".") }
    }

    /// Only what the paths lead to; a type that stands in an object is no field of it and stays.
    func applied(to value: JSONValue) -> JSONValue { Self.masked(value, paths.map { $0[...] }) }

    private static func masked(_ value: JSONValue, _ paths: [ArraySlice<Substring>]) -> JSONValue {
        // A path that ends here takes all there is.
        if paths.contains(where: \.isEmpty) { return value }
        switch value {
        case .array(let elements): return .array(elements.map { masked($0, paths) })
        case .object(let members):
            return .object(
                members.compactMap { member in
                    if member.key == "@type" { return member }
                    let rest = paths.filter { $0.first == member.key[...] }.map { $0.dropFirst() }
                    guard !rest.isEmpty else { return nil }
                    return JSONValue.Member(key: member.key, value: masked(member.value, rest))
                })
        default: return value
        }
    }
}
