import Reactor
import Telemetry
import Wire

/// Makes the streams of one local handler. One factory serves all workers.
public protocol LocalHandlerFactory: AnyObject, Sendable {
    /// A stream for one request, on the worker's thread.
    func makeStream(_ worker: Worker) -> LocalHandlerStream
}

/// One request that is answered inside the process: admin, built-in workloads, later the control API.
///
/// Override the events; answer with `respond`, `write` and `end`, now or later, on the worker's thread. A handler that
/// works elsewhere takes a `Ticket` and posts back. It never blocks the worker. Nothing needs to be read: an answer may
/// begin and end before the request's body does.
open class LocalHandlerStream: UpstreamStream {
    public let worker: Worker
    private var receiver: UpstreamReceiver?
    private var isPaused = false
    private var isEnded = false

    public init(worker: Worker) {
        self.worker = worker
        super.init()
    }

    // MARK: Events, to be overridden

    /// The request's head, valid until `requestEnd` and the end of the answer.
    open func requestHead(_ head: HeaderBlock) {}
    open func requestBody(_ bytes: UnsafeBufferPointer<UInt8>) {}
    open func requestEnd() {}
    /// Nobody waits for the answer any more.
    open func cancelled() {}
    /// The client has room for body again after `write` returned false.
    open func writable() {}

    // MARK: Answering

    /// Fills the answer's head.
    public final func respond(status: Int, length: UInt64?, _ fill: (HeaderBlock) -> Void = { _ in }) {
        guard let receiver, !isEnded else { return }
        receiver.response.reset()
        receiver.response.status = UInt16(clamping: status)
        fill(receiver.response)
        receiver.responseHead(framing: length.map { .length($0) } ?? .chunked)
    }

    /// Sends a part of the body; false asks to wait for `writable`.
    @discardableResult
    public final func write(_ bytes: UnsafeBufferPointer<UInt8>) -> Bool {
        guard let receiver, !isEnded else { return false }
        receiver.responseBody(bytes)
        return !isPaused
    }

    @discardableResult
    public final func write(_ text: String) -> Bool {
        var text = text
        return text.withUTF8 { write($0) }
    }

    public final func end() {
        guard let receiver, !isEnded else { return }
        isEnded = true
        self.receiver = nil
        receiver.responseEnd(hasTrailers: false)
    }

    /// A whole answer at once.
    public final func answer(status: Int, contentType: StaticString, body: String) {
        respond(status: status, length: UInt64(body.utf8.count)) { $0.add(.contentType, contentType) }
        if !body.isEmpty { write(body) }
        end()
    }

    /// The client's connection is reset instead of being answered, or in the middle of the answer.
    public final func reset() {
        guard let receiver, !isEnded else { return }
        isEnded = true
        self.receiver = nil
        (receiver as? Exchange)?.handlerReset()
    }

    /// The answer breaks off in an orderly way: the client sees the end of the connection before the end of the body.
    public final func cutShort() {
        guard let receiver, !isEnded else { return }
        isEnded = true
        self.receiver = nil
        receiver.upstreamFailed(UpstreamFailure(fault: .upstreamClosed))
    }

    public final var isOpen: Bool { receiver != nil && !isEnded }

    /// Who asks; nil once the answer has ended.
    public final var peer: PeerInfo? { (receiver as? Exchange)?.record.peer }

    // MARK: The exchange's side

    final func attach(_ receiver: UpstreamReceiver) { self.receiver = receiver }
    final override func sendHead(_ head: HeaderBlock, framing: BodyFraming) { requestHead(head) }
    final override func sendBody(_ bytes: UnsafeBufferPointer<UInt8>) { requestBody(bytes) }
    final override func sendEnd(trailers: HeaderBlock?) { requestEnd() }
    final override func pauseResponse() { isPaused = true }

    final override func resumeResponse() {
        isPaused = false
        writable()
    }

    final override func cancel() {
        receiver = nil
        isEnded = true
        cancelled()
    }
}
