import Reactor
import Resilience
import Routing
import Telemetry
import Wire

/// One request and its answer: the meeting point of a downstream stream and an upstream stream.
///
/// Order of life: `begin` (first byte) → `headReceived` (checks, routing, first attempt) → body events in both directions →
/// answer sent or local reply → one `Record`. An exchange keeps one snapshot from its head to its end. It is taken from
/// the worker's pool and goes back to it, so that a request allocates nothing once the worker is warm.
/// In debug builds the ends are asserted: one record for each exchange, no byte of a second answer.
final class Exchange: UpstreamReceiver {
    /// What the request line said besides method and target.
    struct RequestForm {
        var isAbsolute = false
        var isAsterisk = false
        var expectsContinue = false
        var asksForUpgrade = false
    }

    enum State { case idle, receivingHead, active }

    unowned(unsafe) let worker: Worker
    let request = HeaderBlock()
    let requestTrailers = HeaderBlock(bytes: 64, fields: 4)
    let answer = HeaderBlock()
    let answerTrailers = HeaderBlock(bytes: 64, fields: 4)
    let record: Record

    private(set) var state = State.idle
    var generation: Generation?
    private(set) var listener: ListenerRuntime?
    /// Index of the listener's proxy in the generation.
    var proxy = 0
    var downstream: DownstreamStream?
    var upstream: UpstreamStream?
    var cluster: ClusterUpstreams?
    var endpoint: EndpointUpstreams?
    var requestFraming = BodyFraming.none
    var isRequestEnded = false
    var isAnswerStarted = false
    var deadlines = ExchangeDeadlines()
    private lazy var timer = Timer(owner: self)

    /// Body bytes kept for the silent second try, while one may come: on a connection that was used before.
    private let replay: ByteQueue
    private var isReplayable = true
    private var secondTryUsed = false

    /// Where the present attempt is, for the statistics.
    private enum AttemptPhase { case none, pending, active }
    private var attemptPhase = AttemptPhase.none
    /// What an attempt says about its endpoint.
    enum AttemptOutcome { case success, error, unused }
    static let replayBytesMax = 65_536
    /// Idle limit before the route is known (dataplane.md 1.4).
    static let idleTimeout: Int64 = 300_000_000_000

    init(worker: Worker) {
        self.worker = worker
        replay = ByteQueue(pool: worker.loop.pool)
        record = Record(request: request)
        super.init()
    }

    // MARK: The request

    func begin(peer: PeerInfo, listener: ListenerRuntime, now: Int64) {
        assert(state == .idle)
        state = .receivingHead
        self.listener = listener
        record.peer = peer
        record.startRealtime = Clock.realtime()
        record.downstreamRxBegin = now
    }

    func headReceived(on downstream: DownstreamStream, framing: BodyFraming, form: RequestForm, headBytes: Int) {
        guard let listener else { return }
        assert(state == .receivingHead)
        state = .active
        self.downstream = downstream
        let generation = adoptGeneration(listener)
        requestFraming = framing
        record.version = request.version
        record.headerBytesReceived = UInt64(headBytes)
        record.downstreamWireBytesReceived = UInt64(headBytes)
        deadlines = ExchangeDeadlines(now: worker.loop.now, idleTimeout: Self.idleTimeout)
        countBegin(listener)
        if let fault = refusal(form, listener.dialect) {
            reply(fault)
            return
        }
        if worker.tracing != nil { beginTrace(listener, generation) }
        route(form, listener, generation.snapshot)
        armTimer()
    }

    // MARK: Forwarding

    func forward(to cluster: ClusterUpstreams?, _ dialect: Dialect) {
        listener?.httpCounters.add(HTTPCounter.rqTotal)
        guard let cluster else {
            reply(.noHealthyUpstream)
            return
        }
        ForwardedHeaders.complete(
            request, dialect: dialect, record: record, timeout: deadlines.requestTimeoutMilliseconds, worker: worker)
        for header in cluster.requestHeaders { ForwardedHeaders.set(header, in: request) }
        self.cluster = cluster
        if cluster.isPending {
            isReplayable = false
            becomePending(cluster)
            upstream = cluster.wait(for: self, worker.loop)
        } else {
            attempt(fresh: false)
        }
    }

    /// The destination's endpoints are known, or the wait for them took too long: what came of the request meanwhile
    /// follows its head.
    func discoveryEnded(_ wait: DiscoveryWait) {
        guard state == .active, upstream === wait else { return }
        upstream = nil
        attempt(fresh: false)
        guard let upstream else { return }
        if !wait.body.isEmpty { forwardBody(wait.body.readable) }
        if isRequestEnded {
            record.upstreamTxEnd = worker.loop.now
            upstream.sendEnd(trailers: trailersIfAny)
        } else if upstream.hasRoom {
            downstream?.resumeRequest()
        }
    }

    private func attempt(fresh: Bool) {
        guard let cluster, let endpoint = fresh ? self.endpoint ?? cluster.pick() : cluster.pick() else {
            cluster?.counters.add(ClusterCounter.upstreamCxNoneHealthy)
            attemptEnded(.error)
            reply(.noHealthyUpstream)
            return
        }
        self.endpoint = endpoint
        record.endpoint = endpoint.label
        if !fresh { record.attempts += 1 }
        do {
            let connection = try endpoint.connection(fresh: fresh, connectTimeout: cluster.connectTimeout)
            record.endpoint = connection.label
            upstream = connection
            if connection.isConnecting { becomePending(cluster) }
            connection.attach(self)
            isReplayable = connection.isReused
        } catch {
            let fault = error.operation.hasPrefix("bind") ? Fault.sourceAddress : .connectFailed(code: error.code)
            if fault == .sourceAddress { cluster.counters.add(ClusterCounter.bindErrors) }
            record.upstreamFailureReason = LocalReply.reason(of: fault)
            becomePending(cluster)
            attemptEnded(.error)
            reply(fault)
            return
        }
        upstream?.sendHead(request, framing: requestFraming)
        if fresh {
            if !replay.isEmpty { upstream?.sendBody(replay.readable) }
            dropReplay()
            if isRequestEnded {
                upstream?.sendEnd(trailers: trailersIfAny)
            } else if upstream?.hasRoom == true {
                // The first connection may have been full when it ended.
                downstream?.resumeRequest()
            }
        }
    }

    private func dropReplay() {
        isReplayable = false
        worker.replayBytes -= replay.count
        replay.removeAll()
    }

    override var exchangeRecord: Record? { record }

    /// The request waits for a connection, or for a place to connect to.
    private func becomePending(_ cluster: ClusterUpstreams) {
        guard attemptPhase == .none else { return }
        attemptPhase = .pending
        cluster.counters.add(ClusterCounter.upstreamRqPendingTotal)
        cluster.counters.add(ClusterCounter.upstreamRqPendingActive)
    }

    override func connected(_ connection: HTTP1ClientConnection) {
        if attemptPhase == .pending { cluster?.counters.add(ClusterCounter.upstreamRqPendingActive, -1) }
        attemptPhase = .active
        cluster?.counters.add(ClusterCounter.upstreamRqTotal)
        cluster?.counters.add(ClusterCounter.upstreamRqActive)
        endpoint?.counters.add(EndpointCounter.rqTotal)
        endpoint?.counters.add(EndpointCounter.rqActive)
        let now = worker.loop.now
        record.upstreamPoolReady = now
        record.upstreamConnectEnd = connection.isReused ? 0 : now
        record.upstreamTxBegin = now
        if isRequestEnded { record.upstreamTxEnd = now }
        record.upstreamVersion = .http11
        record.upstreamPeer = connection.peer
    }

    private var trailersIfAny: HeaderBlock? { requestTrailers.count > 0 ? requestTrailers : nil }

    func requestBody(_ bytes: UnsafeBufferPointer<UInt8>) {
        record.bodyBytesReceived += UInt64(bytes.count)
        deadlines.active(now: worker.loop.now)
        forwardBody(bytes)
    }

    private func forwardBody(_ bytes: UnsafeBufferPointer<UInt8>) {
        guard let upstream else { return }
        if isReplayable {
            if request.method.isIdempotent || !upstream.hasSent,
                replay.count + bytes.count <= Self.replayBytesMax,
                worker.replayBytes + bytes.count <= Worker.replayBytesMax
            {
                replay.append(bytes)
                worker.replayBytes += bytes.count
            } else {
                dropReplay()
            }
        }
        upstream.sendBody(bytes)
        if !upstream.hasRoom { downstream?.pauseRequest() }
    }

    func requestEnded() {
        guard state == .active else { return }
        isRequestEnded = true
        let now = worker.loop.now
        record.downstreamRxEnd = now
        deadlines.requestEnded(now: now)
        deadlines.active(now: now)
        // Before the end is passed on: a handler may answer from within.
        record.upstreamTxEnd = now
        upstream?.sendEnd(trailers: trailersIfAny)
        armTimer()
    }

    /// The request's body broke the rules.
    func requestBroken(_ fault: Fault) {
        if isAnswerStarted {
            listener?.httpCounters.add(HTTPCounter.downstreamCxProtocolError)
            cut(flags: .downstreamProtocolError, details: .codecError)
        } else {
            reply(fault)
        }
    }

    /// A head that cannot be read as a request: answered, recorded, and the connection closes.
    func refuse(_ fault: Fault, on downstream: DownstreamStream) {
        guard let listener else { return }
        state = .active
        self.downstream = downstream
        _ = adoptGeneration(listener)
        countBegin(listener)
        reply(fault)
    }

    private func countBegin(_ listener: ListenerRuntime) {
        listener.httpCounters.add(HTTPCounter.downstreamRqTotal)
        listener.httpCounters.add(HTTPCounter.downstreamRqHTTP1Total)
        listener.httpCounters.add(HTTPCounter.downstreamRqActive)
    }

    override func upstreamDrained() { downstream?.resumeRequest() }

    func downstreamDrained() { upstream?.resumeResponse() }

    func downstreamGone(_ details: ResponseDetails) {
        guard state == .active else {
            worker.giveBack(self)
            return
        }
        record.flags.insert(.downstreamConnectionTermination)
        record.details = details
        listener?.httpCounters.add(HTTPCounter.downstreamRqRxReset)
        dropUpstream(as: .unused)
        finish()
    }

    // MARK: The answer

    override var response: HeaderBlock { answer }
    override var responseTrailers: HeaderBlock { answerTrailers }
    override var requestMethod: Method { request.method }

    override func responseHead(framing: BodyFraming) {
        guard let downstream, let listener else { return }
        if isReplayable { dropReplay() }
        let now = worker.loop.now
        record.upstreamRxBegin = now
        deadlines.active(now: now)
        noteAnswerBegins(on: downstream)
        record.details = .viaUpstream
        HeaderRules.prepareResponse(answer)
        ForwardedHeaders.completeAnswer(
            answer, request: request, dialect: listener.dialect, record: record, worker: worker)
        downstream.sendHead(answer, framing: framing)
    }

    /// The head of an answer goes downstream.
    func noteAnswerBegins(on downstream: DownstreamStream) {
        isAnswerStarted = true
        record.status = Int(answer.status)
        record.response = answer
        record.downstreamTxBegin = worker.loop.now
        if !downstream.isRequestComplete {
            listener?.httpCounters.add(HTTPCounter.downstreamRqResponseBeforeRqComplete)
        }
    }

    override func responseBody(_ bytes: UnsafeBufferPointer<UInt8>) {
        let now = worker.loop.now
        record.bodyBytesSent += UInt64(bytes.count)
        if record.upstreamRxBodyBegin == 0 { record.upstreamRxBodyBegin = now }
        deadlines.active(now: now)
        downstream?.sendBody(bytes)
        if let downstream, !downstream.hasRoom { upstream?.pauseResponse() }
    }

    override func responseEnd(hasTrailers: Bool) {
        upstream = nil
        record.upstreamRxEnd = worker.loop.now
        if hasTrailers { record.responseTrailers = answerTrailers }
        // Envoy counts an answer of 5xx among a host's errors.
        attemptEnded(response.status < 500 ? .success : .error)
        downstream?.sendEnd(trailers: hasTrailers ? answerTrailers : nil)
        record.downstreamTxEnd = worker.loop.now
        finish()
    }

    override func upstreamFailed(_ failure: UpstreamFailure) {
        upstream = nil
        record.upstreamFailureReason = LocalReply.reason(of: failure.fault)
        let triesAgain = !isAnswerStarted && maySilentlyTryAgain(failure)
        attemptEnded(triesAgain ? .unused : .error)
        if isAnswerStarted {
            if failure.fault == .badAnswer {
                cut(flags: .upstreamProtocolError, details: .upstreamProtocolErrorMidResponse)
            } else {
                cut(flags: .upstreamConnectionTermination, details: .upstreamTerminatedMidResponse)
            }
            return
        }
        if triesAgain {
            secondTryUsed = true
            record.upstreamFailureReason = nil
            answer.reset()
            answerTrailers.reset()
            attempt(fresh: true)
            return
        }
        reply(failure.fault)
    }

    /// A kept-alive connection that the upstream had closed unseen is nobody's failure (RFC 9112 9.3.1): once, and only when
    /// the request cannot have been acted on or may be repeated. It is not an attempt and no retry policy sees it.
    private func maySilentlyTryAgain(_ failure: UpstreamFailure) -> Bool {
        guard failure.wasReused, !failure.responseBytesReceived, !secondTryUsed else { return false }
        if !failure.requestBytesSent, isReplayable || record.bodyBytesReceived == 0 { return true }
        return request.method.isIdempotent && isReplayable
    }

    private func attemptEnded(_ outcome: AttemptOutcome) {
        guard let cluster else { return }
        switch attemptPhase {
        case .none: return
        case .pending:
            cluster.counters.add(ClusterCounter.upstreamRqPendingActive, -1)
            cluster.counters.add(
                outcome == .unused ? ClusterCounter.upstreamRqCancelled : .upstreamRqPendingFailureEject)
        case .active:
            cluster.counters.add(ClusterCounter.upstreamRqActive, -1)
            endpoint?.counters.add(EndpointCounter.rqActive, -1)
        }
        attemptPhase = .none
        switch outcome {
        case .success: endpoint?.counters.add(EndpointCounter.rqSuccess)
        case .error: endpoint?.counters.add(EndpointCounter.rqError)
        case .unused: break
        }
    }

    // MARK: Time

    private func armTimer() {
        guard state == .active, let next = deadlines.next else { return }
        if !timer.isArmed || timer.deadline > next { worker.loop.timers.arm(timer, deadline: next) }
    }

    override func timerFired(_ timer: Timer) {
        guard state == .active else { return }
        guard let expiry = deadlines.expired(at: worker.loop.now) else {
            armTimer()
            return
        }
        switch expiry {
        case .request:
            cluster?.counters.add(ClusterCounter.upstreamRqTimeout)
            endpoint?.counters.add(EndpointCounter.rqTimeout)
            if isAnswerStarted {
                cut(flags: .upstreamRequestTimeout, details: .responseTimeout, upstream: .error)
            } else {
                reply(.requestTimeout)
            }
        case .idle:
            listener?.httpCounters.add(HTTPCounter.downstreamRqIdleTimeout)
            if isAnswerStarted {
                cut(flags: .streamIdleTimeout, details: .streamIdleTimeout)
            } else {
                reply(isRequestEnded ? .responseIdle : .requestIdle)
            }
        }
    }

    // MARK: The end

    func dropUpstream(as outcome: AttemptOutcome) {
        guard let upstream else { return }
        self.upstream = nil
        upstream.cancel()
        attemptEnded(outcome)
    }

    func finish() {
        assert(state == .active)
        guard state == .active else { return }
        state = .idle
        record.finished = worker.loop.now
        if let listener, let generation {
            worker.account(record, listener: listener, cluster: cluster, generation: generation, proxy: proxy)
        }
        worker.giveBack(self)
    }

    /// Back to the state of a new exchange; memory stays.
    func clear() {
        state = .idle
        record.reset()
        request.reset()
        answer.reset()
        // Not `count`: a message that broke off in its trailers has left bytes without a field.
        if requestTrailers.used > 0 { requestTrailers.reset() }
        if answerTrailers.used > 0 { answerTrailers.reset() }
        generation = nil
        listener = nil
        downstream = nil
        upstream = nil
        cluster = nil
        endpoint = nil
        isRequestEnded = false
        isAnswerStarted = false
        dropReplay()
        isReplayable = true
        secondTryUsed = false
        assert(attemptPhase == .none, "an attempt that nobody ended")
    }

    /// Whether the memory is worth keeping for the next request: not after unusually large heads or trailers.
    var isSmall: Bool {
        max(request.capacity, answer.capacity, requestTrailers.capacity, answerTrailers.capacity)
            <= Self.keptHeadBytesMax
    }
    private static let keptHeadBytesMax = 16_384

    /// Called before the exchange is let go instead of being kept: the wheel must not know a timer that is gone.
    func retire() { worker.loop.timers.cancel(timer) }
}
