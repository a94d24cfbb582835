import Reactor
import Telemetry
import Wire

// The seams between protocols and exchanges. An exchange knows a downstream stream and an upstream stream only through
// these classes, so HTTP/1, HTTP/2 and local handlers meet without knowing each other. They are classes with overridable
// methods, not protocols: one virtual call per event, no existential, no allocation.
//
// Events: head, body, trailers, end, failure, in that order and each at most once (body any number of times).
// Back-pressure: a sender asks `hasRoom` after each body event and stops reading its own side until told of drainage.

/// Bytes that may wait in one direction of one stream before the other side is told to stop reading.
enum Watermark {
    static let high = 65_536
    static let low = 16_384
}

/// Where answers go: one request's side towards the client.
class DownstreamStream: Handler {
    /// The exchange's answer begins. `framing` is the upstream's; the stream chooses what its protocol needs.
    func sendHead(_ head: HeaderBlock, framing: BodyFraming) {}
    func sendBody(_ bytes: UnsafeBufferPointer<UInt8>) {}
    /// The answer is complete. `trailers` is nil if there are none.
    func sendEnd(trailers: HeaderBlock?) {}
    /// `100 Continue` (RFC 9110 15.2.1).
    func sendContinue() {}
    /// The answer cannot be completed: the client must see that it is cut.
    func abort() {}
    var hasRoom: Bool { true }
    /// The request was received to its end.
    var isRequestComplete: Bool { true }
    /// Stop and go on reading the request's body.
    func pauseRequest() {}
    func resumeRequest() {}
    /// The connection cannot carry another request after this answer.
    func closeAfterAnswer() {}
}

/// Where requests go: a connection (or a stream of one) to an endpoint, or a handler inside the process.
open class UpstreamStream: Handler {
    /// Starts the request. `head` is complete for forwarding but for its framing lines.
    func sendHead(_ head: HeaderBlock, framing: BodyFraming) {}
    func sendBody(_ bytes: UnsafeBufferPointer<UInt8>) {}
    func sendEnd(trailers: HeaderBlock?) {}
    /// Nobody waits for the answer any more; no event follows.
    func cancel() {}
    var hasRoom: Bool { true }
    /// Something of the request may have reached the other side.
    var hasSent: Bool { true }
    func pauseResponse() {}
    func resumeResponse() {}
}

/// How an upstream stream failed.
struct UpstreamFailure {
    var fault: Fault
    /// The connection had carried an earlier exchange, so its death may be an old idle time-out that nobody had noticed.
    var wasReused = false
    /// Something of the request may have reached the upstream.
    var requestBytesSent = false
    /// At least one byte of the answer arrived.
    var responseBytesReceived = false
}

/// Who asked upstream: an exchange, or a call that a workload makes onward.
class UpstreamReceiver: Handler {
    /// Filled by the upstream's parser before `responseHead`.
    var response: HeaderBlock { preconditionFailure("overridden") }
    var responseTrailers: HeaderBlock { preconditionFailure("overridden") }
    var requestMethod: Method { .get }
    /// Where the bytes and times of the exchange are noted; nil if nobody wants to know.
    var exchangeRecord: Record? { nil }
    /// The connection stands, or stood already: what was sent goes out from here on.
    func connected(_ connection: HTTP1ClientConnection) {}
    func responseHead(framing: BodyFraming) {}
    func responseBody(_ bytes: UnsafeBufferPointer<UInt8>) {}
    /// The answer is complete and the stream detached.
    func responseEnd(hasTrailers: Bool) {}
    /// The stream is over without a complete answer, and detached.
    func upstreamFailed(_ failure: UpstreamFailure) {}
    /// The upstream has room for request body again.
    func upstreamDrained() {}
}
