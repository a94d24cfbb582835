import Reactor
import Routing
import Telemetry
import Wire

/// An HTTP/1 connection from a client: requests one after the other, pipelined ones wait in the kernel or in `inbound`.
///
/// Life of one request: head → body → answering → (next head | lingering | closed). Request and answer end independently;
/// the next head is read when both have. What arrives after an answer that came before its request ended is read and
/// thrown away for a moment (RFC 9112 9.6: closing at once could destroy the answer on its way), then the connection closes.
/// An idle connection holds no buffer and no exchange.
final class HTTP1ServerConnection: DownstreamStream {
    private enum Phase { case head, body, answering, lingering, closed }

    unowned(unsafe) let worker: Worker
    let listener: ListenerRuntime
    let peer: PeerInfo
    private var socket: Socket?
    private let fd: Int32
    private var phase = Phase.head
    private var exchange: Exchange?

    private var parser: RequestParser
    private var decoder = BodyDecoder(.none)
    private let inbound: ByteQueue
    private let outbound: ByteQueue

    private var isReadable = false
    /// An end or an error is in the socket behind what was not read yet: a short read is not the last.
    private var isPeerDone = false
    private var peerEnded = false
    private var isRequestPaused = false
    private var requestDone = false
    private var answerDone = true
    private var answerFraming = BodyFraming.none
    private var answerHasBody = true
    private var closesAfterAnswer = false
    private var closesAfterFlush = false
    private var exchangeWaitsForRoom = false
    /// The client does not take the rest of an answer; `deadline` is about that.
    private var isFlushSlow = false
    /// The client would send another request on this connection.
    private var clientKeepsAlive = false
    private var requestCount = 0
    private lazy var timer = Timer(owner: self)
    private var deadline: Int64 = 0

    /// A request head must be complete within this time of its first byte: slow-header attacks end here.
    static let headTimeout: Int64 = 60_000_000_000
    /// An unused keep-alive connection is closed after an hour (design section 11, "idle").
    static let keepAliveTimeout: Int64 = 3_600_000_000_000
    /// How long a client may take nothing of an answer that is complete on our side, before the connection is closed.
    static let flushTimeout: Int64 = 60_000_000_000
    /// How long what comes after the answer is thrown away before the connection is closed.
    static let lingerTimeout: Int64 = 1_000_000_000

    /// Room for the next receive when the beginning of something waits already.
    private static let continuationBytesMin = 1_024
    /// How long a used connection stays open for one more request while its listener drains.
    static let drainTimeout: Int64 = 300_000_000

    init(socket: consuming Socket, peer: PeerInfo, listener: ListenerRuntime, worker: Worker) throws(SystemError) {
        fd = socket.fd
        self.worker = worker
        self.listener = listener
        self.peer = peer
        parser = RequestParser(limits: .request, methods: listener.dialect.acceptsAnyMethod ? .anyToken : .known)
        inbound = ByteQueue(pool: worker.loop.pool)
        outbound = ByteQueue(pool: worker.loop.pool)
        super.init()
        try worker.loop.add(self, fd: fd)
        self.socket = consume socket
        listener.connectionOpened(self)
        setDeadline(Self.keepAliveTimeout)
    }

    // MARK: Input

    override func ready(_ events: ReadyEvents) {
        if events.contains(.output), !outbound.isEmpty {
            flush()
            // Pipelined requests wait until there is room for their answers.
            if phase != .closed { readInput() }
        }
        guard phase != .closed, !events.isDisjoint(with: [.input, .peerEnd, .error, .hangUp]) else { return }
        isReadable = true
        if !events.isDisjoint(with: [.peerEnd, .error, .hangUp]) { isPeerDone = true }
        readInput()
        // Reset, perhaps right behind a request that was just read: nobody is left to answer, and no event follows.
        if events.contains(.error) { lost() }
    }

    private var wantsInput: Bool {
        switch phase {
        case .head: !closesAfterFlush && hasRoom
        case .body: !isRequestPaused
        case .lingering: true
        case .answering, .closed: false
        }
    }

    private func readInput() {
        if !inbound.isEmpty, wantsInput { consumeInbound() }
        var receives = 0
        while isReadable, wantsInput {
            receives += 1
            guard receives <= Worker.receivesMax else {
                worker.loop.callAfterEvent(self)
                return
            }
            if inbound.isEmpty {
                let space = worker.receiveSpace
                switch SocketOperations.receive(fd, into: UnsafeMutableRawBufferPointer(space)) {
                case .bytes(let count):
                    // A short read has emptied the socket; what comes after it is an event of its own.
                    if count < space.count, !isPeerDone { isReadable = false }
                    listener.httpCounters.add(HTTPCounter.downstreamCxRxBytesTotal, Int64(count))
                    let bytes = UnsafeBufferPointer(rebasing: space[..<count])
                    let used = process(bytes)
                    if used < count, phase != .closed { inbound.append(UnsafeBufferPointer(rebasing: bytes[used...])) }
                case .wouldBlock: isReadable = false
                case .endOfStream: inputEnded()
                case .failed: lost()
                }
            } else {
                // The rest of the block that holds the beginning; a large head moves to a larger one.
                let space = inbound.space(Self.continuationBytesMin)
                let result = SocketOperations.receive(fd, into: UnsafeMutableRawBufferPointer(space))
                if case .bytes(let count) = result {
                    if count < space.count, !isPeerDone { isReadable = false }
                    listener.httpCounters.add(HTTPCounter.downstreamCxRxBytesTotal, Int64(count))
                    inbound.commit(count)
                    consumeInbound()
                } else {
                    inbound.commit(0)
                    switch result {
                    case .endOfStream: inputEnded()
                    case .failed: lost()
                    case .wouldBlock, .bytes: isReadable = false
                    }
                }
            }
        }
    }

    private func consumeInbound() {
        let used = process(inbound.readable)
        if phase != .closed { inbound.consume(min(used, inbound.count)) }
    }

    /// Takes what it can of the bytes; returns how many are used up.
    private func process(_ bytes: UnsafeBufferPointer<UInt8>) -> Int {
        var offset = 0
        // A body may be over without a further byte, so its decoder is asked once more when the bytes are used up.
        while offset < bytes.count || phase == .body {
            let rest = UnsafeBufferPointer(rebasing: bytes[offset...])
            switch phase {
            case .head:
                if closesAfterFlush { return bytes.count }
                guard hasRoom else { return offset }
                let exchange = currentExchange()
                switch parser.parse(rest, into: exchange.request) {
                case .incomplete:
                    return offset
                case .refused(let error):
                    refuse(exchange, .malformed(error))
                    return bytes.count
                case .complete(let count):
                    offset += count
                    headReceived(exchange, bytes: count)
                }
            case .body:
                // The end needs no room: after the last byte nobody may come to ask again.
                guard !isRequestPaused || decoder.isComplete, let exchange else { return offset }
                let record = exchange.record
                switch decoder.next(rest, trailers: exchange.requestTrailers) {
                case .needMore(let consumed):
                    record.downstreamWireBytesReceived &+= UInt64(consumed)
                    return offset + consumed
                case .data(let skip, let count):
                    let data = UnsafeBufferPointer(rebasing: rest[skip..<(skip + count)])
                    offset += skip + count
                    record.downstreamWireBytesReceived &+= UInt64(skip + count)
                    exchange.requestBody(data)
                case .end(let consumed):
                    offset += consumed
                    record.downstreamWireBytesReceived &+= UInt64(consumed)
                    requestReceived(exchange)
                case .refused(let error):
                    closesAfterAnswer = true
                    exchange.requestBroken(.malformed(error))
                    return bytes.count
                }
            case .answering:
                return offset
            case .lingering, .closed:
                return bytes.count
            }
        }
        return offset
    }

    /// Answers what is not, or not in time, the head of a request. There may be more of it on its way, so the connection
    /// lingers as it does after any answer that comes before the end of its request.
    private func refuse(_ exchange: Exchange, _ fault: Fault) {
        requestDone = false
        answerDone = false
        closesAfterAnswer = true
        phase = .answering
        exchange.refuse(fault, on: self)
    }

    private func currentExchange() -> Exchange {
        if let exchange { return exchange }
        let fresh = worker.takeExchange()
        fresh.begin(peer: peer, listener: listener, now: worker.loop.now)
        exchange = fresh
        setDeadline(Self.headTimeout)
        return fresh
    }

    private func headReceived(_ exchange: Exchange, bytes: Int) {
        requestCount += 1
        requestDone = false
        answerDone = false
        clientKeepsAlive = parser.keepAlive
        closesAfterAnswer = !clientKeepsAlive || listener.closesConnections
        answerFraming = .none
        phase = .body
        let framing = parser.framing
        decoder = BodyDecoder(framing, limits: .request)
        let hasBody = framing != .none && framing != .length(0)
        if !hasBody {
            requestDone = true
            phase = .answering
        }
        let form = Exchange.RequestForm(
            isAbsolute: parser.isAbsoluteForm, isAsterisk: parser.isAsteriskForm,
            expectsContinue: parser.expectsContinue,
            asksForUpgrade: parser.upgradeRequested)
        parser.reset()
        exchange.headReceived(on: self, framing: framing, form: form, headBytes: bytes)
        if !hasBody, !answerDone { exchange.requestEnded() }
    }

    private func requestReceived(_ exchange: Exchange) {
        requestDone = true
        phase = .answering
        exchange.requestEnded()
    }

    private func inputEnded() {
        isReadable = false
        peerEnded = true
        switch phase {
        case .head:
            // Half a head and then the end: nothing to answer to (RFC 9112 8).
            if outbound.isEmpty { close() } else { closesAfterFlush = true }
        case .body:
            lost()
        case .answering:
            // Half-closed: the client has said all and waits for the answer.
            closesAfterAnswer = true
        case .lingering:
            // The answer may still be on its way; the connection closes behind it.
            if outbound.isEmpty { close() }
        case .closed:
            break
        }
    }

    // MARK: The answer

    override var isRequestComplete: Bool { requestDone }

    override func closeAfterAnswer() { closesAfterAnswer = true }

    override func sendContinue() {
        let text: StaticString = "HTTP/1.1 100 Continue\r\n\r\n"
        outbound.append(text)
        exchange?.record.downstreamWireBytesSent &+= UInt64(text.utf8CodeUnitCount)
        worker.loop.callAfterEvent(self)
    }

    override func sendHead(_ head: HeaderBlock, framing: BodyFraming) {
        guard let exchange, phase != .closed else { return }
        let isOld = exchange.request.version == .http10
        answerHasBody = exchange.request.method != .head && head.status != 204 && head.status != 304
        answerFraming = framing
        if framing == .chunked || framing == .untilClose, answerHasBody {
            // HTTP/1.0 knows no chunks: the end of the connection ends the body (RFC 9112 6.3).
            answerFraming = isOld ? .untilClose : .chunked
            if isOld { closesAfterAnswer = true }
        }
        if listener.closesConnections {
            if !closesAfterAnswer { listener.httpCounters.add(HTTPCounter.downstreamCxDrainClose) }
            closesAfterAnswer = true
        } else if peerEnded {
            closesAfterAnswer = true
        }
        let connection: ConnectionHeader = closesAfterAnswer ? .close : isOld ? .keepAlive : .none
        let space = outbound.space(HTTP1Writer.headBound(head))
        let count = HTTP1Writer.writeResponse(
            head, framing: answerFraming, connection: connection, version: .http11, into: space)
        outbound.commit(count)
        exchange.record.headerBytesSent &+= UInt64(count)
        exchange.record.downstreamWireBytesSent &+= UInt64(count)
        worker.loop.callAfterEvent(self)
    }

    override func sendBody(_ bytes: UnsafeBufferPointer<UInt8>) {
        guard answerHasBody, phase != .closed, bytes.count > 0 else { return }
        var wireBytes = bytes.count
        if answerFraming == .chunked {
            let space = outbound.space(18)
            let count = HTTP1Writer.writeChunkHeader(bytes.count, into: space)
            outbound.commit(count)
            wireBytes += count + 2
        }
        // Before the bytes are written: the client may turn out to be gone, which ends the exchange.
        exchange?.record.downstreamWireBytesSent &+= UInt64(wireBytes)
        write(bytes)
        guard phase != .closed else { return }
        if answerFraming == .chunked { outbound.append("\r\n") }
        if !hasRoom { exchangeWaitsForRoom = true }
        worker.loop.callAfterEvent(self)
    }

    override func sendEnd(trailers: HeaderBlock?) {
        guard phase != .closed else { return }
        if answerFraming == .chunked, answerHasBody {
            if let trailers {
                let space = outbound.space(HTTP1Writer.trailersBound(trailers))
                let count = HTTP1Writer.writeTrailers(trailers, into: space)
                outbound.commit(count)
                exchange?.record.downstreamWireBytesSent &+= UInt64(count)
            } else {
                outbound.append("0\r\n\r\n")
                exchange?.record.downstreamWireBytesSent &+= 5
            }
        }
        answerDone = true
        worker.loop.callAfterEvent(self)
        exchangeDone()
    }

    /// The answer is out. If the request is not over yet, what is left of it is thrown away and the connection ends.
    private func exchangeDone() {
        let wasComplete = requestDone
        if !wasComplete { closesAfterAnswer = true }
        exchange = nil
        isRequestPaused = false
        exchangeWaitsForRoom = false
        if closesAfterAnswer {
            closesAfterFlush = true
            phase = wasComplete ? .head : .lingering
            setDeadline(Self.flushTimeout)
            return
        }
        phase = .head
        setDeadline(Self.keepAliveTimeout)
        worker.loop.callAfterEvent(self)
    }

    override func abort() {
        guard phase != .closed else { return }
        exchange = nil
        // What was queued still goes out, so that the client gets the bytes that were good before it sees the cut.
        flushOnce()
        // An orderly end would be the end of such a body (RFC 9112 6.3), and the client would take a part for the whole.
        if answerFraming == .untilClose, answerHasBody { SocketOperations.resetOnClose(fd) }
        close(byPeer: false)
    }

    /// As `abort`, but the client sees a reset (the built-in workload's fault).
    func reset() {
        exchange = nil
        SocketOperations.resetOnClose(fd)
        close(byPeer: false)
    }

    override func pauseRequest() {
        guard !isRequestPaused else { return }
        isRequestPaused = true
        listener.httpCounters.add(HTTPCounter.downstreamFlowControlPausedReadingTotal)
    }

    override func resumeRequest() {
        guard isRequestPaused else { return }
        isRequestPaused = false
        listener.httpCounters.add(HTTPCounter.downstreamFlowControlResumedReadingTotal)
        worker.loop.callAfterEvent(self)
    }

    override var hasRoom: Bool { outbound.count < Watermark.high }

    override func afterEvent() {
        if phase == .closed { return }
        flush()
        if phase != .closed { readInput() }
    }

    private func write(_ bytes: UnsafeBufferPointer<UInt8>) {
        guard bytes.count >= 4_096 else {
            outbound.append(bytes)
            return
        }
        let queued = outbound.count
        switch SocketOperations.send(fd, UnsafeRawBufferPointer(outbound.readable), UnsafeRawBufferPointer(bytes)) {
        case .bytes(let count):
            listener.httpCounters.add(HTTPCounter.downstreamCxTxBytesTotal, Int64(count))
            outbound.consume(min(count, queued))
            outbound.append(UnsafeBufferPointer(rebasing: bytes[max(0, count - queued)...]))
        case .wouldBlock, .endOfStream:
            outbound.append(bytes)
        case .failed:
            lost()
        }
    }

    private func flushOnce() {
        guard !outbound.isEmpty else { return }
        if case .bytes(let count) = SocketOperations.send(fd, UnsafeRawBufferPointer(outbound.readable)) {
            listener.httpCounters.add(HTTPCounter.downstreamCxTxBytesTotal, Int64(count))
        }
    }

    private func flush() {
        var hasMoved = false
        while !outbound.isEmpty {
            switch SocketOperations.send(fd, UnsafeRawBufferPointer(outbound.readable)) {
            case .bytes(let count):
                listener.httpCounters.add(HTTPCounter.downstreamCxTxBytesTotal, Int64(count))
                outbound.consume(count)
                hasMoved = true
            case .wouldBlock:
                if exchange == nil, phase == .head || phase == .lingering, hasMoved || !isFlushSlow {
                    isFlushSlow = true
                    setDeadline(Self.flushTimeout)
                }
                roomMayHaveGrown()
                return
            case .endOfStream, .failed:
                lost()
                return
            }
        }
        if isFlushSlow {
            isFlushSlow = false
            if exchange == nil, phase == .head { setDeadline(Self.keepAliveTimeout) }
        }
        if closesAfterFlush {
            finishClosing()
            return
        }
        roomMayHaveGrown()
    }

    private func roomMayHaveGrown() {
        if exchangeWaitsForRoom, outbound.count <= Watermark.low {
            exchangeWaitsForRoom = false
            exchange?.downstreamDrained()
        }
    }

    private func finishClosing() {
        // Closing with something unread resets the connection and may destroy the answer on its way (RFC 9112 9.6); a client
        // that would go on may have sent it already.
        if phase == .lingering || !peerEnded && (isReadable || !inbound.isEmpty || clientKeepsAlive) {
            phase = .lingering
            inbound.removeAll()
            SocketOperations.shutdownSending(fd)
            closesAfterFlush = false
            setDeadline(Self.lingerTimeout)
            if peerEnded { close() }
        } else {
            close()
        }
    }

    // MARK: The end

    private func setDeadline(_ after: Int64) {
        deadline = worker.loop.now + after
        // A timer that fires too early costs one look; one that is moved with each request costs every request.
        if !timer.isArmed || timer.deadline > deadline { worker.loop.timers.arm(timer, deadline: deadline) }
    }

    override func timerFired(_ timer: Timer) {
        switch phase {
        case .head:
            guard worker.loop.now >= deadline else {
                worker.loop.timers.arm(timer, deadline: deadline)
                return
            }
            if let exchange {
                refuse(exchange, .headTimeout)
            } else {
                let counter = closesAfterFlush ? HTTPCounter.downstreamCxDelayedCloseTimeout : .downstreamCxIdleTimeout
                listener.httpCounters.add(counter)
                close(byPeer: false)
            }
        case .lingering:
            guard worker.loop.now >= deadline else {
                worker.loop.timers.arm(timer, deadline: deadline)
                return
            }
            listener.httpCounters.add(HTTPCounter.downstreamCxDelayedCloseTimeout)
            close(byPeer: false)
        case .body, .answering, .closed:
            // The exchange has its own limits; this timer is armed again when the connection is idle.
            break
        }
    }

    /// The listener drains: a busy connection closes after its answer. What the kernel has received already is a request like
    /// any other, and an idle connection closes only when nothing came for a moment: closing it at once would cut off a
    /// request that was sent before its client could know of the end.
    func drain() {
        closesAfterAnswer = true
        guard phase == .head, exchange == nil, !closesAfterFlush else { return }
        isReadable = true
        readInput()
        guard phase == .head, exchange == nil else { return }
        if !outbound.isEmpty {
            closesAfterFlush = true
            setDeadline(Self.flushTimeout)
            worker.loop.callAfterEvent(self)
        } else {
            setDeadline(requestCount == 0 ? Self.lingerTimeout : Self.drainTimeout)
        }
    }

    /// The process ends: whatever is under way is over, and recorded.
    func cut() {
        flushOnce()
        lost(details: .downstreamLocalDisconnect)
    }

    private func lost(details: ResponseDetails = .downstreamRemoteDisconnect) {
        guard phase != .closed else { return }
        let exchange = self.exchange
        self.exchange = nil
        close(byPeer: details == .downstreamRemoteDisconnect, duringRequest: exchange != nil)
        exchange?.downstreamGone(details)
    }

    /// - Parameter byPeer: whose decision it was, for the statistics.
    private func close(byPeer: Bool? = nil, duringRequest: Bool = false) {
        guard phase != .closed else { return }
        phase = .closed
        worker.loop.timers.cancel(timer)
        worker.loop.remove(self)
        outbound.removeAll()
        inbound.removeAll()
        socket = nil
        if let exchange {
            self.exchange = nil
            worker.giveBack(exchange)
        }
        listener.connectionClosed(self, byPeer: byPeer ?? peerEnded, duringRequest: duringRequest)
    }
}
