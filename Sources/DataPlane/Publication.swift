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
    /// The files of the targets, by slot. They stay open as long as a publication that names them serves a request.
    let logFiles: [LogFile?]
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
        var files: [LogFile?] = []
        for target in logTargets.joined() {
            while files.count <= target.slot { files.append(nil) }
            files[target.slot] = target.file
        }
        logFiles = files
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
    /// The file's number in its publication (`LogSlots`): which buffer collects the lines on each worker.
    public var slot: Int
    public init(format: AccessLogFormat, file: LogFile, slot: Int) {
        self.format = format
        self.file = file
        self.slot = slot
    }
}

/// Numbers the distinct log files of one publication from 0.
public final class LogSlots {
    private var slots: [ObjectIdentifier: Int] = [:]
    /// An identifier means its file only as long as there is one.
    private var files: [LogFile] = []

    public init() {}

    public func slot(of file: LogFile) -> Int {
        if let known = slots[ObjectIdentifier(file)] { return known }
        slots[ObjectIdentifier(file)] = files.count
        files.append(file)
        return files.count - 1
    }
}

/// One worker's view of a publication. It lives as long as an exchange that began with it.
final class Generation {
    let publication: Publication
    let snapshot: Snapshot
    /// By `ClusterID`.
    let clusters: [ClusterUpstreams]
    /// Lines on their way to the publication's files, by slot. Generations share the buffer of a file that both have.
    let logBuffers: [LogBuffer]
    /// By proxy; empty if nothing is traced.
    var tracers: [ProxyTracer?] = []

    init(publication: Publication, clusters: [ClusterUpstreams], logBuffers: [LogBuffer] = []) {
        self.publication = publication
        self.logBuffers = logBuffers
        snapshot = publication.snapshot
        self.clusters = clusters
    }

    func labels(_ route: RouteID) -> RouteLabels { publication.routeLabels[route.index] }
}
