// What the rest of the process may know about the runtime: written by the control thread, read by admin handlers on the
// workers' threads.

import DataPlane
import Definitions
import Reactor
import Routing
import Synchronization
import Telemetry

/// Why definitions were read.
public enum ReloadTrigger: String, Sendable {
    case start
    case fileChange = "file change"
    case signal = "SIGHUP"
    case admin
    /// `PUT /v1/definitions`.
    case definitions = "definitions put"
}

/// What a reload came to.
public struct ReloadOutcome: Sendable {
    public enum Result: String, Sendable {
        /// The workers serve the new generation.
        case published
        /// The definitions mean and stand exactly what they did; nothing was done.
        case unchanged
        /// Something is wrong; the old generation serves on as if nothing had happened.
        case refused
    }
    /// What stood against it.
    public enum Refusal: Sendable, Equatable {
        case definitions, addresses
        /// Definitions that came through the API could not be written to the state folder.
        case storage(SystemError)

        var name: String {
            switch self {
            case .definitions: "definitions"
            case .addresses: "addresses"
            case .storage: "storage"
            }
        }

        public static func == (a: Refusal, b: Refusal) -> Bool {
            switch (a, b) {
            case (.definitions, .definitions), (.addresses, .addresses): true
            case (.storage(let a), .storage(let b)): a.description == b.description
            default: false
            }
        }
    }

    public var trigger: ReloadTrigger
    public var result: Result
    public var refusal: Refusal?
    /// The generation that serves now.
    public var generation: UInt64
    public var difference: PlanDifference
    /// All findings, warnings and notes included.
    public var findings: [Diagnostic]
    /// From the beginning of reading to the last worker's adoption.
    public var duration: Duration
    /// When it ended, nanoseconds since 1970.
    public var time: Int64
}

final class RuntimeState: Sendable {
    enum Phase: String, Sendable {
        case initializing = "INITIALIZING"
        case live = "LIVE"
        case draining = "DRAINING"
    }

    struct Status: Sendable {
        var phase = Phase.initializing
        var generation: UInt64 = 0
        /// With the admin proxies.
        var plan = Plan()
        var listeners: [DataPlane.BoundListener] = []
        var lastReload: ReloadOutcome?
        /// The last change that was refused, as long as no later one was published.
        var lastRefusal: ReloadOutcome?
        /// Findings of the generation that serves.
        var findings: [Diagnostic] = []
        /// Names that are kept resolved, and the endpoints that clusters were given by them.
        var names: [DiscoveredName] = []
        var discovered: [ClusterKey: [EndpointPlan]] = [:]
        /// What serves, as it was written.
        var definitions = Definitions()
        /// The part of it that the API owns.
        var ownedText: String?
        /// Proxies whose health check was failed by hand; an empty name stands for all.
        var failedHealth: Set<String> = []

        /// As the admin listener of a proxy, or of the process, says it.
        func phase(of proxy: String?) -> Phase {
            guard phase == .live else { return phase }
            return failedHealth.contains("") || proxy.map(failedHealth.contains) ?? false ? .draining : .live
        }
    }

    let stats: StatStore
    let levels: LogLevels
    let drainTime: Duration
    private let startedAt = Clock.monotonic()
    private let status = Mutex(Status())

    init(stats: StatStore, logLevel: LogLevel = .info, drainTime: Duration = .seconds(5)) {
        self.stats = stats
        self.drainTime = drainTime
        levels = LogLevels(logLevel)
    }

    var current: Status { status.withLock { $0 } }

    func update(_ change: (inout sending Status) -> Void) { status.withLock { change(&$0) } }

    /// Since the start of the process.
    var uptime: Duration { .nanoseconds(Clock.monotonic() - startedAt) }
}
