import Glibc
import Reactor
import Routing
import Telemetry
import Wire

// The onward calls of built-in workloads. They go where a real application's would go: to the egress of the workload's own
// sidecar, as a request to an HTTP proxy (absolute form and Host, RFC 9112 3.2.2), carrying the trace headers of the request
// that caused them. Without an egress only addresses can be called, as nothing resolves names on a worker.

/// An `http` URL to call.
struct CallTarget {
    var url: String
    var authority: String
    var host: String
    var port: Int

    /// nil for anything but `http://authority[/path][?query]` in visible ASCII. A fragment is left out.
    init?(_ text: String) {
        let visible = text.prefix { $0 != "#" }
        guard visible.hasPrefix("http://"), visible.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F }) else { return nil }
        let rest = visible.dropFirst("http://".count)
        authority = String(rest.prefix { $0 != "/" && $0 != "?" })
        let target = rest.dropFirst(authority.count)
        url = "http://\(authority)\(target.hasPrefix("/") ? "" : "/")\(target)"
        let bytes = Array(authority.utf8)
        guard let (range, explicit) = bytes.withUnsafeBufferPointer({ Authority.split($0) }) else { return nil }
        host = String(decoding: bytes[range], as: UTF8.self)
        if host.hasPrefix("[") { host = String(host.dropFirst().dropLast()) }
        port = explicit ?? 80
    }

    /// Where the URL points without anybody's help.
    var address: NetworkAddress? {
        let literal = host.lowercased() == "localhost" ? "127.0.0.1" : host
        return Reactor.SocketAddress(ip: literal, port: port) == nil ? nil : .ip(host: literal, port: port)
    }
}

/// What came of a call.
struct CallResult {
    enum Outcome {
        case answered(status: Int, excerpt: String)
        case failed(String)
    }
    var url: String
    var outcome: Outcome

    var line: String {
        switch outcome {
        case .answered(let status, let excerpt): "\(url) \(status) \(excerpt)"
        case .failed(let reason): "\(url) failed: \(reason)"
        }
    }

    var json: String {
        let url = WorkloadReport.quoted(url)
        switch outcome {
        case .answered(let status, let excerpt):
            return #"{"url":\#(url),"status":\#(status),"body":\#(WorkloadReport.quoted(excerpt))}"#
        case .failed(let reason): return #"{"url":\#(url),"error":\#(WorkloadReport.quoted(reason))}"#
        }
    }
}

/// One call. It ends exactly once, by telling its stream, unless it is cancelled.
final class OnwardCall: UpstreamReceiver {
    private let url: String
    private let egress: NetworkAddress?
    private let depth: Int
    private let worker: Worker
    private let head = HeaderBlock()
    private let answer = HeaderBlock()
    private let trailers = HeaderBlock(bytes: 64, fields: 4)
    private var excerpt: [UInt8] = []
    private var isCut = false
    private var upstream: UpstreamStream?
    private weak var stream: WorkloadStream?
    private var endpoint: EndpointUpstreams?
    private var isSecondTry = false
    private var timeout: Duration = .zero
    private lazy var timer = Timer(owner: self)

    /// Bytes of an answer's body that are repeated in ours.
    static let excerptBytesMax = 1_024
    private static let connectTimeout: Int64 = 5_000_000_000

    init(url: String, egress: NetworkAddress?, depth: Int, worker: Worker) {
        self.url = url
        self.egress = egress
        self.depth = depth
        self.worker = worker
    }

    deinit { worker.loop.timers.cancel(timer) }

    func start(for stream: WorkloadStream, request: HeaderBlock, timeout: Duration) {
        self.stream = stream
        self.timeout = timeout
        guard let target = CallTarget(url) else {
            end(.failed("not an http:// URL"))
            return
        }
        guard let address = egress ?? target.address else {
            end(.failed("no egress proxy to find \(target.host) with"))
            return
        }
        guard let endpoint = worker.onwardEndpoints.endpoint(address) else {
            end(.failed("\(address) is no usable address"))
            return
        }
        self.endpoint = endpoint
        fill(target, from: request)
        worker.loop.timers.arm(timer, deadline: worker.loop.now &+ timeout.nanoseconds)
        attempt()
    }

    private func fill(_ target: CallTarget, from request: HeaderBlock) {
        head.method = .get
        head.path = Self.append(target.url, to: head)
        head.authority = Self.append(target.authority, to: head)
        head.add(.userAgent, "trellis-workload")
        head.add(.accept, "*/*")
        let depthName: StaticString = "x-trellis-call-depth"
        head.add(id: .other, name: head.append(depthName), value: Self.append(String(depth), to: head))
        for index in 0..<request.count {
            let field = request.field(index)
            switch field.id {
            case .xRequestID, .traceparent, .tracestate, .xAmznTraceID, .b3:
                head.add(field.id, request.bytes(field.value))
            case .other where request.bytes(field.name).starts(with: "x-b3-".utf8):
                head.add(
                    id: .other, name: head.append(request.bytes(field.name)),
                    value: head.append(request.bytes(field.value)))
            default: continue
            }
        }
    }

    private static func append(_ text: String, to block: HeaderBlock) -> HeaderBlock.Range {
        var text = text
        return text.withUTF8 { block.append($0) }
    }

    private func attempt() {
        guard let endpoint else { return }
        do {
            let connection = try endpoint.connection(fresh: isSecondTry, connectTimeout: Self.connectTimeout)
            upstream = connection
            connection.attach(self)
            connection.sendHead(head, framing: .none)
            connection.sendEnd(trailers: nil)
        } catch {
            end(.failed("\(error)"))
        }
    }

    // MARK: The answer

    override var response: HeaderBlock { answer }
    override var responseTrailers: HeaderBlock { trailers }
    override var requestMethod: Method { .get }

    override func responseBody(_ bytes: UnsafeBufferPointer<UInt8>) {
        let room = Self.excerptBytesMax - excerpt.count
        excerpt.append(contentsOf: bytes.prefix(room))
        if bytes.count > room { isCut = true }
    }

    override func responseEnd(hasTrailers: Bool) {
        upstream = nil
        var text = String(decoding: excerpt, as: UTF8.self)
        if text.hasSuffix("\n") { text.removeLast() }
        end(.answered(status: Int(answer.status), excerpt: isCut ? text + "…" : text))
    }

    override func upstreamFailed(_ failure: UpstreamFailure) {
        upstream = nil
        if failure.wasReused, !failure.responseBytesReceived, !isSecondTry {
            // The kept connection had died unseen (RFC 9112 9.3.1); a GET may be repeated.
            isSecondTry = true
            answer.reset()
            attempt()
            return
        }
        end(.failed(Self.reason(failure.fault)))
    }

    private static func reason(_ fault: Fault) -> String {
        switch fault {
        case .connectFailed(let code): SystemError("connect", code: code).description
        case .connectTimeout: "connect: no answer within \(connectTimeout / 1_000_000_000) s"
        case .badAnswer: "the answer is malformed or was cut"
        case .upstreamReset: "the connection was reset"
        default: "the connection ended without an answer"
        }
    }

    override func timerFired(_ timer: Timer) {
        upstream?.cancel()
        upstream = nil
        end(.failed("no complete answer within \(timeout)"))
    }

    func cancel() {
        worker.loop.timers.cancel(timer)
        stream = nil
        upstream?.cancel()
        upstream = nil
    }

    private func end(_ outcome: CallResult.Outcome) {
        worker.loop.timers.cancel(timer)
        let stream = self.stream
        self.stream = nil
        stream?.callEnded(CallResult(url: url, outcome: outcome))
    }
}

/// One worker's connections for onward calls, by where they go. They are the workload's, not a proxy's, so that no
/// statistics show them: the egress they go through counts them.
final class OnwardEndpoints {
    private unowned(unsafe) let worker: Worker
    private var endpoints: [NetworkAddress: EndpointUpstreams] = [:]
    private static let endpointsMax = 256

    init(worker: Worker) { self.worker = worker }

    /// nil if the address cannot be one.
    func endpoint(_ address: NetworkAddress) -> EndpointUpstreams? {
        if let known = endpoints[address] { return known }
        guard let socketAddress = SocketAddress(address) else { return nil }
        if endpoints.count >= Self.endpointsMax, let victim = endpoints.first {
            // An arbitrary one gives way; its connections in use finish.
            endpoints.removeValue(forKey: victim.key)?.drain()
        }
        let made = EndpointUpstreams(
            key: EndpointUpstreams.Key(name: address.description, address: address), address: socketAddress,
            sourceAddress: nil,
            label: EndpointLabel(name: address.description, address: address.hostText, clusterName: "", node: ""),
            counters: CounterBlock(count: EndpointCounter.allCases.count),
            clusterCounters: CounterBlock(count: ClusterCounter.allCases.count), worker: worker)
        endpoints[address] = made
        return made
    }
}
