import DataPlane
import Glibc
import Routing
import Telemetry

/// A data plane on ports of the kernel's choice, and short ways to it.
final class TestPlane {
    let plane: DataPlane
    let stats: StatStore
    private let logs = LogWriter()
    private let logPath: String?
    private var generation: UInt64 = 0
    private var isStopped = false

    /// - Parameter log: a pattern of access-log operators; what it makes of each exchange is in `logLines`.
    init(
        _ proxies: [ProxyPlan], handlers: [String: any LocalHandlerFactory] = [:], workers: Int = 1, seed: UInt64? = 1,
        log: String? = nil, drainTime: Duration = .seconds(600)
    ) throws {
        stats = StatStore(workers: workers)
        var configuration = DataPlane.Configuration(workers: workers, seed: workers == 1 ? seed : nil)
        configuration.drainTime = drainTime
        plane = try DataPlane(configuration: configuration, stats: stats, logs: logs)
        logPath = log.map { _ in "/tmp/trellis-test-\(getpid())-\(UInt64.random(in: 0...UInt64.max)).log" }
        try publish(proxies, handlers: handlers, log: log)
    }

    convenience init(workload: Workload) throws {
        try self.init([.workload()], handlers: ["workload:w": workload])
    }

    deinit {
        stop()
        if let logPath { unlink(logPath) }
    }

    func stop() {
        if isStopped { return }
        isStopped = true
        plane.stop()
        logs.flushAndStop()
    }

    func publish(_ proxies: [ProxyPlan], handlers: [String: any LocalHandlerFactory] = [:], log: String? = nil) throws {
        generation += 1
        var targets = proxies.map { _ in [LogTarget]() }
        if let log, let logPath {
            let file = try logs.open(path: logPath)
            let format = try AccessLogFormat.text(log)
            targets = targets.map { _ in [LogTarget(format: format, file: file, slot: 0)] }
        }
        let snapshot = Snapshot(plan: Plan(proxies: proxies), generation: generation)
        try plane.publish(Publication(snapshot: snapshot, handlers: handlers, logTargets: targets))
    }

    func port(_ listener: String = "in") -> Int {
        plane.boundListeners.first { $0.listener == listener }?.actual.port ?? 0
    }

    func connect(_ listener: String = "in", receiveBytes: Int32? = nil) throws -> Connection {
        try Connection(to: port(listener), receiveBytes: receiveBytes)
    }

    /// One request on a connection of its own.
    func ask(_ request: String, method: String = "GET") throws -> Message {
        try connect().ask(request, method: method)
    }

    /// Whether the plane still serves: the last line of every test about something that breaks.
    func answers(_ path: String = "/") -> Bool { (try? ask("GET \(path) HTTP/1.1\r\nhost: h\r\n\r\n").status) == 200 }

    /// Descriptors of this process that are open on the plane's log.
    var openLogs: Int {
        guard let logPath, let folder = opendir("/proc/self/fd") else { return 0 }
        defer { closedir(folder) }
        var count = 0
        while let entry = readdir(folder) {
            let name = withUnsafePointer(to: &entry.pointee.d_name) { pointer in
                pointer.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
            }
            var target = [CChar](repeating: 0, count: 4096)
            let length = readlink("/proc/self/fd/\(name)", &target, target.count)
            if length > 0, target[..<length].elementsEqual(logPath.utf8CString.dropLast()) { count += 1 }
        }
        return count
    }

    /// The log after everything that has finished is written. Ends the plane.
    func logLines() -> [String] {
        stop()
        guard let logPath, let file = fopen(logPath, "r") else { return [] }
        defer { fclose(file) }
        var bytes: [UInt8] = []
        while case let byte = fgetc(file), byte != EOF { bytes.append(UInt8(truncatingIfNeeded: byte)) }
        return String(decoding: bytes, as: UTF8.self).split(separator: "\n").map(String.init)
    }
}

// MARK: Plans

let testSource = SourceRef(kind: "test", name: "test")

extension TimeoutPlan {
    static func limits(_ request: Duration? = .seconds(15), idle: Duration? = .seconds(300)) -> TimeoutPlan {
        TimeoutPlan(request: Sourced(request, testSource), idle: Sourced(idle, testSource))
    }
}

extension ProxyPlan {
    /// A proxy that listens on a free port as `in` and tries the routes in order, for every host.
    static func proxy(
        _ routes: [RoutePlan], name: String = "p", clusters: [ClusterPlan] = [], dialect: Dialect = .sidecar
    ) -> ProxyPlan {
        var proxy = ProxyPlan(name: name, role: .sidecar, mesh: "m", source: testSource)
        proxy.virtualHosts = [VirtualHostPlan(name: "v", routes: routes, source: testSource)]
        proxy.clusters = clusters
        proxy.listeners = [
            ListenerPlan(
                name: "in", statPrefix: "ingress", direction: .ingress,
                binds: [ListenerPlan.Bind(.ip(host: "127.0.0.1", port: 0))], port: 80, portRule: .fixed(80),
                dialect: dialect,
                hosts: [HostBinding(.any, virtualHost: 0)], source: testSource)
        ]
        return proxy
    }

    /// A proxy that sends everything to the ports, by turns.
    static func forwarding(
        to ports: [Int], timeouts: TimeoutPlan = .limits(), connectTimeout: Duration = .seconds(5),
        dialect: Dialect = .sidecar
    ) -> ProxyPlan {
        let endpoints = ports.map { EndpointPlan(name: "port \($0)", address: .ip(host: "127.0.0.1", port: $0)) }
        let cluster = ClusterPlan(name: "c", endpoints: endpoints, connectTimeout: connectTimeout, source: testSource)
        let backend = ActionPlan.forward([BackendPlan(cluster: 0, weight: 1)])
        return proxy([.to(backend, timeouts: timeouts)], clusters: [cluster], dialect: dialect)
    }

    /// The listener of the built-in workload whose handler is `workload:w`.
    static func workload() -> ProxyPlan {
        var plan = proxy(
            [.to(.handler("workload:w"), timeouts: .limits(nil, idle: nil))], name: "workload:w", dialect: .local)
        plan.role = .workload
        return plan
    }
}

extension RoutePlan {
    static func to(_ action: ActionPlan, path: PathMatch = .any, timeouts: TimeoutPlan = .limits()) -> RoutePlan {
        RoutePlan(name: "r", match: MatchPlan(path: path), action: action, timeouts: timeouts, source: testSource)
    }
}
