import Reactor
import Routing
import Telemetry

/// What is published to the workers at once: a snapshot and everything that can be prepared from it ahead of time.
public final class Publication: Sendable {
    public let snapshot: Snapshot
    /// Labels by route, in the order of `RouteID`.
    let routeLabels: [RouteLabels]
    /// Labels by proxy, for exchanges that matched no route.
    let proxyLabels: [RouteLabels]
    let clusterLabels: [ClusterLabel]
    let handlers: [String: any LocalHandlerFactory]
    /// Log targets by proxy.
    let logTargets: [[LogTarget]]
    /// Asked for the names of authorities by proxies that may resolve them.
    let names: (any AuthorityResolver)?

    public init(
        snapshot: Snapshot, handlers: [String: any LocalHandlerFactory], logTargets: [[LogTarget]],
        names: (any AuthorityResolver)? = nil
    ) {
        self.snapshot = snapshot
        self.names = names
        self.handlers = handlers
        self.logTargets = logTargets
        let plan = snapshot.plan
        proxyLabels = plan.proxies.map { RouteLabels(mesh: $0.mesh, proxy: $0.name, node: $0.source.name) }
        routeLabels = (0..<snapshot.routeCount).map { index in
            let id = RouteID(raw: Int32(index))
            let location = snapshot.location(id)
            let proxy = plan.proxies[location.proxy]
            let host = proxy.virtualHosts[location.virtualHost]
            let route = host.routes[location.route]
            var isDelegate = false
            if case .delegate = route.action { isDelegate = true }
            return RouteLabels(
                mesh: proxy.mesh, proxy: proxy.name, node: proxy.source.name,
                gatewayRoute: isDelegate ? route.name : nil,
                route: isDelegate ? nil : route.name, virtualService: isDelegate ? nil : host.name)
        }
        clusterLabels = (0..<snapshot.clusterCount).map { index in
            let cluster = snapshot.cluster(ClusterID(raw: Int32(index)))
            return ClusterLabel(name: cluster.name, node: cluster.source.name)
        }
    }
}

/// A log that a proxy's records go to.
public struct LogTarget: Sendable {
    public var format: AccessLogFormat
    public var file: LogFile
    /// Which of a worker's buffers collects the lines: one per distinct file.
    public var slot: Int
    public init(format: AccessLogFormat, file: LogFile, slot: Int) {
        self.format = format
        self.file = file
        self.slot = slot
    }
}

/// One worker's view of a publication. It lives as long as an exchange that began with it.
final class Generation {
    let publication: Publication
    let snapshot: Snapshot
    /// By `ClusterID`.
    let clusters: [ClusterUpstreams]

    init(publication: Publication, clusters: [ClusterUpstreams]) {
        self.publication = publication
        snapshot = publication.snapshot
        self.clusters = clusters
    }

    func labels(_ route: RouteID) -> RouteLabels { publication.routeLabels[route.index] }
}
