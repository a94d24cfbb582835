// What `run` says: what listens where and for what, and what happens while it runs.

import Compiler
import DataPlane
import Definitions
import Routing

/// What listens where, once the process is ready.
public struct RuntimeReport: Sendable {
    /// One open socket.
    public struct Row: Sendable, Equatable {
        public var proxy: String
        public var role: ProxyPlan.Role
        public var direction: ListenerPlan.Direction
        public var listener: String
        /// The port in the definition.
        public var port: Int
        public var applicationProtocol: ApplicationProtocol
        public var planned: NetworkAddress
        /// Another port than planned when that one needs a privilege or is 0.
        public var actual: NetworkAddress
        public var purpose: String
        /// The proxy that it is there for: itself, or the one whose admin listener or workload it is.
        public var owner: String
    }

    public var rows: [Row]
    /// The admin address of the process, if it has one.
    public var admin: NetworkAddress?
    /// The X-Ray daemon that segments of traces are sent to; nil: nothing is traced.
    public var xray: NetworkAddress?
    public var generation: UInt64
    public var workers: Int
    /// A command to try first.
    public var tryCommand: String?
    /// What workloads must not send through their egress listener.
    public var noProxy: String?
    /// Standard output belongs to a log.
    public var logOwnsOutput: Bool

    init(
        _ mesh: LoadedMesh, plan: Plan, bound: [DataPlane.BoundListener], generation: UInt64, workers: Int,
        logOwnsOutput: Bool
    ) {
        self.generation = generation
        self.workers = workers
        self.logOwnsOutput = logOwnsOutput
        noProxy = mesh.noProxy
        let actual = Dictionary(
            bound.map { (Socket(proxy: $0.proxy, listener: $0.listener, planned: $0.planned), $0.actual) },
            uniquingKeysWith: { first, _ in first })
        rows = plan.proxies.flatMap { proxy in
            proxy.listeners.flatMap { listener in
                listener.binds.compactMap { bind in
                    let socket = Socket(proxy: proxy.name, listener: listener.name, planned: bind.address)
                    guard let address = actual[socket] else { return nil }
                    return Row(
                        proxy: proxy.name, role: proxy.role, direction: listener.direction, listener: listener.name,
                        port: listener.port, applicationProtocol: listener.applicationProtocol,
                        planned: bind.address, actual: address,
                        purpose: Self.purpose(proxy, listener, mesh),
                        owner: Self.owner(proxy))
                }
            }
        }
        admin = rows.first { $0.proxy == AdminProxies.processName && $0.role == .admin }?.actual
        tryCommand = mesh.tryCommand.map { Self.withOpenAddress($0, rows, plan) }
    }

    private struct Socket: Hashable {
        var proxy: String
        var listener: String
        var planned: NetworkAddress
    }

    private static func owner(_ proxy: ProxyPlan) -> String {
        switch proxy.role {
        case .admin where proxy.name != AdminProxies.processName: return proxy.source.name
        // Its name is that of its handler.
        case .workload where proxy.name.hasPrefix("workload:"): return String(proxy.name.dropFirst("workload:".count))
        default: return proxy.name
        }
    }

    private static func purpose(_ proxy: ProxyPlan, _ listener: ListenerPlan, _ mesh: LoadedMesh) -> String {
        if proxy.role == .admin {
            return proxy.name == AdminProxies.processName ? "admin of the process" : "admin of \(proxy.source.name)"
        }
        return mesh.purposes[ListenerName(proxy: proxy.name, listener: listener.name)] ?? ""
    }

    /// The command names a planned address. Should that one be missing (a gateway's 127.0.0.1, which is only a convenience)
    /// or have another port, an open one of the same listener takes its place.
    private static func withOpenAddress(_ command: String, _ rows: [Row], _ plan: Plan) -> String {
        for proxy in plan.proxies {
            for listener in proxy.listeners {
                let open = rows.filter { $0.proxy == proxy.name && $0.listener == listener.name }
                for bind in listener.binds.reversed() {
                    let planned = open.first { $0.planned == bind.address }
                    guard let range = command.firstRange(of: "//\(bind.unprivileged ?? bind.address)/"),
                        let row = planned ?? open.first
                    else { continue }
                    return command.replacingCharacters(in: range, with: "//\(row.actual)/")
                }
            }
        }
        return command
    }
}

extension String {
    /// Where `text` stands first.
    fileprivate func firstRange(of text: String) -> Range<Index>? {
        indices.lazy.first { self[$0...].hasPrefix(text) }.map { $0..<index($0, offsetBy: text.count) }
    }

    fileprivate func replacingCharacters(in range: Range<Index>, with text: String) -> String {
        String(self[..<range.lowerBound]) + text + self[range.upperBound...]
    }
}

/// What happens to a running process.
public enum RuntimeEvent: Sendable {
    /// Everything listens.
    case ready(RuntimeReport, findings: [Diagnostic])
    case reloaded(ReloadOutcome)
    case logsReopened
    /// A name's addresses changed, or nobody answers for it; in words.
    case discovery(String)
    /// Folders whose changes will not be noticed.
    case notWatched([String])
    /// The end has begun; requests get this long to finish.
    case draining(Duration)
    /// Requests that did not finish in time were cut.
    case cut
    case adminCalled(AdminCall)
    /// Listeners were closed on request (`/drain_listeners`).
    case withdrawn([String])
    /// Inherited sockets that no listener is for.
    case socketsUnused([String])
}
