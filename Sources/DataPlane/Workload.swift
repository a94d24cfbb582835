import Routing
import Synchronization
import Telemetry
import Wire

/// The built-in workload: a stand-in for an application, so that any mesh can be run and every fault provoked.
///
/// It is a local handler on listeners of its own, therefore its delays, resets and slow bodies happen on real sockets and
/// the proxies in front of it see what they would see of a real application (design section 4). Its settings can be
/// replaced while it runs; a request keeps those it started with. A request can override each of them by header
/// (`WorkloadOverrides`), so that a test needs no definition of its own for each fault.
public final class Workload: LocalHandlerFactory {
    /// The HTTP proxy for its onward calls, the egress of its sidecar; without one it calls addresses directly.
    public let egress: NetworkAddress?
    private let current: Mutex<Settings>

    public init(settings: Settings, egress: NetworkAddress? = nil) {
        self.egress = egress
        current = Mutex(settings)
    }

    /// Read and written from any thread; what is written holds for the requests that start from then on.
    public var settings: Settings {
        get { current.withLock { $0 } }
        set { current.withLock { $0 = newValue } }
    }

    public func makeStream(_ worker: Worker) -> LocalHandlerStream { WorkloadStream(workload: self, worker: worker) }
}

extension Workload {
    /// How a workload answers.
    public struct Settings: Sendable, Equatable {
        public enum Body: Sendable, Equatable {
            /// Sent as a line: with a line end behind it unless it has one, so that answers can be counted with `sort | uniq -c`.
            case text(String)
            /// Filler of exactly this many bytes.
            case bytes(Int)
        }

        /// When the connection is reset instead of being answered in full.
        public enum Reset: Sendable, Equatable {
            /// The request was read, nothing was sent.
            case beforeHead
            /// The head was sent, the body was not.
            case afterHead
        }

        public enum SlowBody: Sendable, Equatable {
            /// In chunks ten times a second, or byte by byte below ten bytes per second. Above zero.
            case bytesPerSecond(Int)
            /// A pause before each chunk; a chunk is an eighth of the body, at most 16 KiB.
            case chunkDelay(Duration)
            /// A pause before each chunk of so many bytes, above zero.
            case chunks(bytes: Int, pause: Duration)
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
        /// Status of a failing answer, 200 to 599.
        public var failStatus: Int
        public var reset: Reset?
        public var slowBody: SlowBody?
        /// `http` URLs that are called one after the other before answering; their results are part of the answer.
        public var calls: [String]

        public init(
            name: String, body: Body? = nil, delay: Duration = .zero, jitter: Duration = .zero, failShare: Double = 0,
            failStatus: Int = 500, reset: Reset? = nil, slowBody: SlowBody? = nil, calls: [String] = []
        ) {
            self.name = name
            self.body = body ?? .text(name)
            self.delay = delay
            self.jitter = jitter
            self.failShare = failShare
            self.failStatus = failStatus
            self.reset = reset
            self.slowBody = slowBody
            self.calls = calls
        }
    }
}
