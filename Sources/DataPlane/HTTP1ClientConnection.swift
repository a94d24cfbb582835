import Reactor
import Telemetry
import Wire

/// An HTTP/1.1 connection to an endpoint: one request at a time, kept alive in between (RFC 9112 9.3).
///
/// Life: connecting → active ⇄ idle → closed. While active it serves one receiver; it detaches before it reports the end
/// or a failure, so the receiver may ask for another connection from within the event. Bytes that arrive while idle are
/// a protocol violation (or the answer to nothing) and close it.
final class HTTP1ClientConnection: UpstreamStream {
    private enum Phase { case connecting, active, idle, closed }

    private unowned(unsafe) let worker: Worker
    private let endpoint: EndpointUpstreams
    /// Of the endpoint as it was when the connection was made.
    let label: EndpointLabel
    private var socket: Socket?
    private var fd: Int32 = -1
    private var phase = Phase.connecting
    private var receiver: UpstreamReceiver? { didSet { record = receiver?.exchangeRecord } }
    /// The receiver's, as long as it is attached.
    private var record: Record?
    /// Both ends, for records: made once, when a record asks.
    private(set) lazy var peer = makePeer()
    private lazy var timer = Timer(owner: self)
    /// Room for the next receive when the beginning of something waits already.
    private static let continuationBytesMin = 1_024

    private var parser = ResponseParser()
    private var decoder = BodyDecoder(.none)
    private let inbound: ByteQueue
    private let outbound: ByteQueue
    private var requestFraming = BodyFraming.none
    private var requestEnded = false
    private var headReceived = false
    private var isReadable = false
    /// An end or an error is in the socket behind what was not read yet: a short read is not the last.
    private var isPeerDone = false
    private var isPaused = false
    /// It carried an exchange before the present one.
    private(set) var isReused = false
    private var requestBytesSent = false
    private var responseBytesReceived = false
    private var receiverWaitsForRoom = false
    /// When the connection may be closed for having been idle.
    private var idleDeadline: Int64 = 0

    init(endpoint: EndpointUpstreams, worker: Worker) {
        self.endpoint = endpoint
        label = endpoint.label
        self.worker = worker
        inbound = ByteQueue(pool: worker.loop.pool)
        outbound = ByteQueue(pool: worker.loop.pool)
        super.init()
    }

    // MARK: Connecting

    func connect(timeout: Int64) throws(SystemError) {
        endpoint.counters.add(EndpointCounter.cxTotal)
        endpoint.clusterCounters.add(ClusterCounter.upstreamCxTotal)
        endpoint.clusterCounters.add(ClusterCounter.upstreamCxHTTP1Total)
        do {
            try open(timeout: timeout)
        } catch {
            countConnectFailure()
            countEnd(false, false)
            throw error
        }
    }

    private func open(timeout: Int64) throws(SystemError) {
        let socket = try Socket(family: endpoint.address.family)
        let fd = socket.fd
        if let source = endpoint.sourceAddress {
            // The port is chosen at connect time, so that one address serves many destinations (ip(7)).
            try? SocketOperations.setOption(fd, 0, 24 /* IP_BIND_ADDRESS_NO_PORT */, 1)
            try SocketOperations.bind(fd, to: source)
        }
        SocketOperations.setNoDelay(fd)
        let isConnected = try SocketOperations.connect(fd, to: endpoint.address)
        try worker.loop.add(self, fd: fd)
        self.socket = consume socket
        self.fd = fd
        endpoint.counters.add(EndpointCounter.cxActive)
        endpoint.clusterCounters.add(ClusterCounter.upstreamCxActive)
        if isConnected {
            phase = .active
        } else if timeout > 0 {
            worker.loop.timers.arm(timer, deadline: worker.loop.now + timeout)
        }
    }

    private func connectionEstablished() {
        phase = .active
        worker.loop.timers.cancel(timer)
        receiver?.connected(self)
        flush()
    }

    var isConnecting: Bool { phase == .connecting }

    private func makePeer() -> PeerInfo {
        let local = SocketOperations.localAddress(fd)
        let remote = endpoint.address
        return PeerInfo(
            remote: endpoint.label.address, remoteIP: remote.isUnix ? "" : remote.host, remotePort: remote.port,
            local: local.text, localIP: local.isUnix ? "" : local.host, localPort: local.port,
            connectionID: worker.nextConnectionID())
    }

    // MARK: The request

    /// Binds the connection to a receiver before the request is sent.
    func attach(_ receiver: UpstreamReceiver) {
        self.receiver = receiver
        isReused = phase == .idle
        if phase == .idle { phase = .active }
        requestEnded = false
        headReceived = false
        requestBytesSent = false
        responseBytesReceived = false
        isPaused = false
        receiverWaitsForRoom = false
        parser.reset()
        record?.upstreamConnectBegin = isReused ? 0 : worker.loop.now
        record?.upstreamHeaderBytesSent = 0
        record?.upstreamHeaderBytesReceived = 0
        record?.upstreamWireBytesSent = 0
        record?.upstreamWireBytesReceived = 0
        if phase == .active { receiver.connected(self) }
    }

    override func sendHead(_ head: HeaderBlock, framing: BodyFraming) {
        requestFraming = framing
        let space = outbound.space(HTTP1Writer.headBound(head))
        let count = HTTP1Writer.writeRequest(head, framing: framing, into: space)
        outbound.commit(count)
        record?.upstreamHeaderBytesSent = UInt64(count)
        worker.loop.callAfterEvent(self)
    }

    override func sendBody(_ bytes: UnsafeBufferPointer<UInt8>) {
        guard bytes.count > 0 else { return }
        if requestFraming == .chunked {
            let space = outbound.space(18)
            outbound.commit(HTTP1Writer.writeChunkHeader(bytes.count, into: space))
        }
        write(bytes)
        if requestFraming == .chunked { outbound.append("\r\n") }
        if !hasRoom { receiverWaitsForRoom = true }
        worker.loop.callAfterEvent(self)
    }

    override func sendEnd(trailers: HeaderBlock?) {
        requestEnded = true
        if requestFraming == .chunked {
            if let trailers {
                let space = outbound.space(HTTP1Writer.trailersBound(trailers))
                outbound.commit(HTTP1Writer.writeTrailers(trailers, into: space))
            } else {
                outbound.append("0\r\n\r\n")
            }
        }
        worker.loop.callAfterEvent(self)
    }

    override var hasRoom: Bool { outbound.count < Watermark.high }
    override var hasSent: Bool { requestBytesSent }

    override func afterEvent() {
        if phase == .active { flush() }
        if phase != .closed { readInput() }
    }

    /// Large runs go to the socket straight from the receive buffer; what it does not take is queued.
    private func write(_ bytes: UnsafeBufferPointer<UInt8>) {
        guard phase == .active, bytes.count >= 4_096 else {
            outbound.append(bytes)
            return
        }
        let queued = outbound.count
        switch SocketOperations.send(fd, UnsafeRawBufferPointer(outbound.readable), UnsafeRawBufferPointer(bytes)) {
        case .bytes(let count):
            sent(count)
            outbound.consume(min(count, queued))
            let direct = max(0, count - queued)
            outbound.append(UnsafeBufferPointer(rebasing: bytes[direct...]))
        case .wouldBlock, .endOfStream:
            outbound.append(bytes)
        case .failed:
            // The answer may be on its way already (an early refusal); reading tells.
            outbound.removeAll()
            isReadable = true
        }
    }

    private func sent(_ count: Int) {
        requestBytesSent = true
        record?.upstreamWireBytesSent &+= UInt64(count)
        endpoint.clusterCounters.add(ClusterCounter.upstreamCxTxBytesTotal, Int64(count))
    }

    private func received(_ count: Int) {
        record?.upstreamWireBytesReceived &+= UInt64(count)
        endpoint.clusterCounters.add(ClusterCounter.upstreamCxRxBytesTotal, Int64(count))
    }

    private func flush() {
        while !outbound.isEmpty {
            switch SocketOperations.send(fd, UnsafeRawBufferPointer(outbound.readable)) {
            case .bytes(let count):
                sent(count)
                outbound.consume(count)
            case .wouldBlock:
                return
            case .endOfStream, .failed:
                outbound.removeAll()
                isReadable = true
                return
            }
        }
        if receiverWaitsForRoom {
            receiverWaitsForRoom = false
            receiver?.upstreamDrained()
        }
    }

    // MARK: The answer

    override func ready(_ events: ReadyEvents) {
        if phase == .connecting {
            guard !events.isDisjoint(with: [.output, .error, .hangUp]) else { return }
            let code = SocketOperations.pendingError(fd)
            guard code == 0 else {
                fail(.connectFailed(code: code))
                return
            }
            connectionEstablished()
        } else if events.contains(.output), !outbound.isEmpty {
            flush()
        }
        if !events.isDisjoint(with: [.input, .peerEnd, .error, .hangUp]) {
            isReadable = true
            if !events.isDisjoint(with: [.peerEnd, .error, .hangUp]) { isPeerDone = true }
            readInput()
        }
    }

    override func pauseResponse() {
        guard !isPaused else { return }
        isPaused = true
        endpoint.clusterCounters.add(ClusterCounter.upstreamFlowControlPausedReadingTotal)
    }

    override func resumeResponse() {
        guard isPaused else { return }
        isPaused = false
        endpoint.clusterCounters.add(ClusterCounter.upstreamFlowControlResumedReadingTotal)
        worker.loop.callAfterEvent(self)
    }

    private func readInput() {
        if !inbound.isEmpty, !isPaused, phase == .active { consumeInbound() }
        var receives = 0
        while isReadable, !isPaused, phase == .active || phase == .idle {
            receives += 1
            guard receives <= Worker.receivesMax else {
                worker.loop.callAfterEvent(self)
                return
            }
            if phase == .idle {
                readWhileIdle()
                return
            }
            if inbound.isEmpty {
                let space = worker.receiveSpace
                switch SocketOperations.receive(fd, into: UnsafeMutableRawBufferPointer(space)) {
                case .bytes(let count):
                    if count < space.count, !isPeerDone { isReadable = false }
                    responseBytesReceived = true
                    received(count)
                    let bytes = UnsafeBufferPointer(rebasing: space[..<count])
                    let used = process(bytes)
                    if used < count, phase == .active { inbound.append(UnsafeBufferPointer(rebasing: bytes[used...])) }
                case .wouldBlock: isReadable = false
                case .endOfStream: inputEnded()
                case .failed: broken()
                }
            } else {
                // The rest of the block that holds the beginning; a large head moves to a larger one.
                let space = inbound.space(Self.continuationBytesMin)
                let result = SocketOperations.receive(fd, into: UnsafeMutableRawBufferPointer(space))
                if case .bytes(let count) = result {
                    if count < space.count, !isPeerDone { isReadable = false }
                    received(count)
                    inbound.commit(count)
                    consumeInbound()
                } else {
                    inbound.commit(0)
                    switch result {
                    case .wouldBlock, .bytes: isReadable = false
                    case .endOfStream: inputEnded()
                    case .failed: broken()
                    }
                }
            }
        }
    }

    private func consumeInbound() {
        let used = process(inbound.readable)
        if phase == .active || phase == .idle { inbound.consume(min(used, inbound.count)) }
    }

    /// Takes what it can of the bytes; returns how many are used up.
    private func process(_ bytes: UnsafeBufferPointer<UInt8>) -> Int {
        guard let receiver else { return bytes.count }
        var offset = 0
        while !headReceived {
            let rest = UnsafeBufferPointer(rebasing: bytes[offset...])
            switch parser.parse(rest, requestMethod: receiver.requestMethod, into: receiver.response) {
            case .incomplete:
                return offset
            case .refused:
                fail(.badAnswer)
                return bytes.count
            case .complete(let count):
                offset += count
                if parser.isInformational {
                    // Swallowed, as Envoy does without proxy_100_continue (dataplane.md 1.9).
                    receiver.response.reset()
                    parser.reset()
                    continue
                }
                if receiver.response.status == 101 {
                    // No upgrade was asked for: requests are forwarded without their Upgrade field.
                    fail(.badAnswer)
                    return bytes.count
                }
                headReceived = true
                record?.upstreamHeaderBytesReceived = UInt64(count)
                decoder = BodyDecoder(parser.framing, limits: .response)
                receiver.responseHead(framing: parser.framing)
            }
        }
        // The end needs no room: after the last byte nobody may come to ask again.
        while self.receiver === receiver, !isPaused || decoder.isComplete {
            let rest = UnsafeBufferPointer(rebasing: bytes[offset...])
            switch decoder.next(rest, trailers: receiver.responseTrailers) {
            case .needMore(let consumed):
                return offset + consumed
            case .data(let skip, let count):
                let data = UnsafeBufferPointer(rebasing: rest[skip..<(skip + count)])
                offset += skip + count
                receiver.responseBody(data)
            case .end(let consumed):
                offset += consumed
                answerComplete(leftover: bytes.count - offset)
                return offset
            case .refused:
                fail(.badAnswer)
                return bytes.count
            }
        }
        return offset
    }

    private func answerComplete(leftover: Int) {
        guard let receiver else { return }
        let hasTrailers = receiver.responseTrailers.count > 0
        self.receiver = nil
        isPaused = false
        let isReusable =
            requestEnded && outbound.isEmpty && parser.keepAlive && leftover == 0 && parser.framing != .untilClose
        if !parser.keepAlive { endpoint.clusterCounters.add(ClusterCounter.upstreamCxCloseNotify) }
        if isReusable, endpoint.keep(self) {
            phase = .idle
            idleDeadline = worker.loop.now + endpoint.keepAliveTimeout
            if !timer.isArmed { worker.loop.timers.arm(timer, deadline: idleDeadline) }
        } else {
            close(byPeer: parser.framing == .untilClose)
        }
        receiver.responseEnd(hasTrailers: hasTrailers)
    }

    private func inputEnded() {
        isReadable = false
        guard headReceived else {
            // Half a head is a broken answer; none at all is a connection that ended.
            fail(inbound.isEmpty ? .upstreamClosed : .badAnswer)
            return
        }
        if decoder.closed() {
            answerComplete(leftover: 0)
        } else {
            fail(.badAnswer)
        }
    }

    private func broken() {
        isReadable = false
        fail(.upstreamReset)
    }

    private func readWhileIdle() {
        switch SocketOperations.receive(fd, into: UnsafeMutableRawBufferPointer(worker.receiveSpace)) {
        case .wouldBlock: isReadable = false
        case .bytes:
            endpoint.clusterCounters.add(ClusterCounter.upstreamCxProtocolError)
            endpoint.forget(self)
            close()
        case .endOfStream, .failed:
            endpoint.forget(self)
            close(byPeer: true)
        }
    }

    // MARK: The end

    override func timerFired(_ timer: Timer) {
        switch phase {
        case .connecting: fail(.connectTimeout)
        case .idle:
            if worker.loop.now >= idleDeadline {
                endpoint.clusterCounters.add(ClusterCounter.upstreamCxIdleTimeout)
                endpoint.forget(self)
                close()
            } else {
                worker.loop.timers.arm(timer, deadline: idleDeadline)
            }
        case .active, .closed:
            // Armed while idle and in use again: looked at when the connection is next put back.
            break
        }
    }

    private func fail(_ fault: Fault) {
        let failure = UpstreamFailure(
            fault: fault, wasReused: isReused, requestBytesSent: requestBytesSent,
            responseBytesReceived: responseBytesReceived)
        let isRefused = phase == .connecting && fault != .connectTimeout
        if phase == .connecting { countConnectFailure() }
        let counters = endpoint.clusterCounters
        switch fault {
        case .connectTimeout: counters.add(ClusterCounter.upstreamCxConnectTimeout)
        case .badAnswer: counters.add(ClusterCounter.upstreamCxProtocolError)
        default: break
        }
        let receiver = self.receiver
        self.receiver = nil
        let isByPeer = isRefused || fault == .upstreamClosed || fault == .upstreamReset
        close(byPeer: isByPeer, duringRequest: phase == .active)
        receiver?.upstreamFailed(failure)
    }

    override func cancel() {
        let isInUse = receiver != nil
        receiver = nil
        // An orderly end would say that the request is complete and its answer awaited (a half-closed client), so the next
        // hop would go on with work that nobody waits for.
        if phase == .active { SocketOperations.resetOnClose(fd) }
        close(duringRequest: isInUse && phase == .active)
    }

    /// - Parameter byPeer: whose decision it was, for the statistics.
    private func close(byPeer: Bool = false, duringRequest: Bool = false) {
        guard phase != .closed else { return }
        countEnd(byPeer, duringRequest)
        phase = .closed
        worker.loop.timers.cancel(timer)
        worker.loop.remove(self)
        outbound.removeAll()
        inbound.removeAll()
        socket = nil
        endpoint.counters.add(EndpointCounter.cxActive, -1)
        endpoint.clusterCounters.add(ClusterCounter.upstreamCxActive, -1)
    }

    private func countConnectFailure() {
        endpoint.counters.add(EndpointCounter.cxConnectFail)
        endpoint.clusterCounters.add(ClusterCounter.upstreamCxConnectFail)
    }

    private func countEnd(_ byPeer: Bool, _ duringRequest: Bool) {
        let counters = endpoint.clusterCounters
        counters.add(ClusterCounter.upstreamCxDestroy)
        counters.add(byPeer ? ClusterCounter.upstreamCxDestroyRemote : .upstreamCxDestroyLocal)
        guard duringRequest else { return }
        counters.add(ClusterCounter.upstreamCxDestroyWithActiveRq)
        counters.add(
            byPeer ? ClusterCounter.upstreamCxDestroyRemoteWithActiveRq : .upstreamCxDestroyLocalWithActiveRq)
    }
}
