// The result of a compilation: the plan, the built-in workloads it needs, what is wrong, and what listens where.

import Definitions
import Routing

public struct CompiledMesh: Sendable {
    public var plan: Plan
    /// The built-in workloads of this process. Each also has a proxy of role `workload` in the plan, whose only route ends
    /// in the handler `workload:<name>`.
    public var workloads: [WorkloadPlan]
    /// The access logs of all nodes and gateways, those included that have no proxy in the plan: their formats are checked
    /// where log formats are known.
    public var accessLogs: [DefinedAccessLog]
    /// Every finding, in file order.
    public var diagnostics: [Diagnostic]
    public var summary: [MeshSummaryRow]
    /// A command to try first; nil when nothing can be called.
    public var tryCommand: String?
    /// Hosts that a workload must not send through its egress proxy, for its `no_proxy` variable.
    public var noProxy: String
    /// Whether `run` must refuse: there are errors, protections that are not enforced among them.
    public var blocksRun: Bool
}

/// The access log of a node or gateway, as defined.
public struct DefinedAccessLog: Sendable, Equatable {
    /// The field that holds the format.
    public static let formatField = "logging.accessLog.file.format"

    public var resource: ResourceKey
    public var format: AccessLogPlan.Format
    /// Where the format is written.
    public var position: SourcePosition?
}

/// One built-in workload.
public struct WorkloadPlan: Sendable, Equatable {
    /// The instance it belongs to, such as `colors/blue#0`.
    public var name: String
    /// The name its route ends in: `workload:colors/blue#0`.
    public var handler: String { "workload:\(name)" }
    /// Where it listens; with several listeners the first of them.
    public var address: Routing.NetworkAddress
    public var settings: WorkloadSettings
    /// The HTTP proxy for its onward calls: the egress of its sidecar. nil where it has none (Lattice targets).
    public var egress: Routing.NetworkAddress?
    public var source: SourceRef

    public init(
        name: String, address: Routing.NetworkAddress, settings: WorkloadSettings, egress: Routing.NetworkAddress?,
        source: SourceRef
    ) {
        self.name = name
        self.address = address
        self.settings = settings
        self.egress = egress
        self.source = source
    }
}

/// How a built-in workload answers, with all defaults applied.
public struct WorkloadSettings: Sendable, Equatable {
    public enum Reset: Sendable, Equatable {
        /// The request was read, nothing was sent.
        case beforeHead
        /// The head was sent, the body was not.
        case afterHead
    }
    public enum SlowBody: Sendable, Equatable {
        case bytesPerSecond(Int)
        /// A pause before each chunk.
        case chunkDelay(Duration)
        /// A pause before each chunk of so many bytes.
        case chunks(bytes: Int, pause: Duration)
    }
    public enum Body: Sendable, Equatable {
        case text(String)
        /// Filler of this many bytes.
        case bytes(Int)
    }

    /// What it calls itself.
    public var name: String
    public var body: Body
    /// Wait before an answer.
    public var delay: Duration
    /// A random part of up to this is added to the delay.
    public var jitter: Duration
    /// Share of answers that fail, 0 to 1.
    public var failShare: Double
    /// Status of a failing answer.
    public var failStatus: Int
    /// Break the connection instead of answering in full.
    public var reset: Reset?
    public var slowBody: SlowBody?
    /// URLs that are called, in order, before answering.
    public var calls: [String]

    public init(
        name: String, body: Body, delay: Duration = .zero, jitter: Duration = .zero, failShare: Double = 0,
        failStatus: Int = 500, reset: Reset? = nil, slowBody: SlowBody? = nil, calls: [String] = []
    ) {
        self.name = name
        self.body = body
        self.delay = delay
        self.jitter = jitter
        self.failShare = failShare
        self.failStatus = failStatus
        self.reset = reset
        self.slowBody = slowBody
        self.calls = calls
    }
}

/// One listener of the process, for the table that `run` prints.
public struct MeshSummaryRow: Sendable, Equatable {
    public var proxy: String
    public var role: ProxyPlan.Role
    public var direction: ListenerPlan.Direction
    public var listener: String
    /// The port in the definition.
    public var port: Int
    public var applicationProtocol: ApplicationProtocol
    /// Where it is opened, the addresses tried instead included.
    public var binds: [ListenerPlan.Bind]
    /// What it is for, such as `gateway to color.colors.local` or `calls to any service by Host`.
    public var purpose: String
}
