import Routing
import Telemetry
import Wire

/// Answers that no upstream gave: local replies, fixed responses, the workloads of this process, and the cut of an answer
/// that cannot be finished.
extension Exchange {
    func reply(_ fault: Fault) {
        guard let downstream, let listener else { return }
        dropUpstream(as: fault == .requestTimeout ? .error : .unused)
        count(fault, listener.httpCounters)
        let local = LocalReply(fault, dialect: listener.dialect)
        record.flags.formUnion(local.flags)
        record.details = local.details
        answer.reset()
        answer.status = UInt16(local.status)
        let isGRPC = ForwardedHeaders.isGRPC(request)
        if isGRPC, listener.dialect.replies == .envoy {
            answer.status = 200
            answer.add(.contentType, "application/grpc")
            answer.add(.grpcStatus, local.grpcStatus)
            if local.body.utf8CodeUnitCount > 0 { answer.add(.grpcMessage, local.body) }
        } else if local.body.utf8CodeUnitCount > 0 {
            answer.add(.contentType, "text/plain")
        }
        ForwardedHeaders.completeLocalAnswer(answer, request: request, dialect: listener.dialect, worker: worker)
        let body: StaticString = isGRPC && listener.dialect.replies == .envoy ? "" : local.body
        record.localReplyBody = local.body
        if local.closes || !downstream.isRequestComplete { downstream.closeAfterAnswer() }
        sendLocal(body: UnsafeBufferPointer(start: body.utf8Start, count: body.utf8CodeUnitCount))
    }

    private func count(_ fault: Fault, _ counters: CounterBlock) {
        switch fault {
        case .malformed(let error):
            if error.isConnectionHeader { return }
            counters.add(HTTPCounter.downstreamCxProtocolError)
            if error.status == 431 { counters.add(HTTPCounter.downstreamRqTooLarge) }
        case .httpsOnPlaintext: counters.add(HTTPCounter.downstreamCxProtocolError)
        case .pathNormalization: counters.add(HTTPCounter.downstreamRqFailedPathNormalization)
        case .asteriskForm: counters.add(HTTPCounter.downstreamRqNonRelativePath)
        case .upgradeRefused: counters.add(HTTPCounter.downstreamRqWsOnNonWsRoute)
        case .headTimeout: counters.add(HTTPCounter.downstreamRqHeaderTimeout)
        default: break
        }
    }

    func fixedResponse(_ route: RouteID, _ snapshot: Snapshot) {
        guard let listener, let downstream else { return }
        let body = snapshot.fixedBody(route)
        answer.reset()
        answer.status = snapshot.hot(route).status
        if !body.isEmpty { answer.add(.contentType, "text/plain") }
        record.details = .directResponse
        listener.httpCounters.add(HTTPCounter.rqDirectResponse)
        ForwardedHeaders.completeLocalAnswer(answer, request: request, dialect: listener.dialect, worker: worker)
        if !downstream.isRequestComplete { downstream.closeAfterAnswer() }
        sendLocal(body: body)
    }

    private func sendLocal(body: UnsafeBufferPointer<UInt8>) {
        guard let downstream else { return }
        noteAnswerBegins(on: downstream)
        downstream.sendHead(answer, framing: .length(UInt64(body.count)))
        if request.method != .head {
            record.bodyBytesSent += UInt64(body.count)
            downstream.sendBody(body)
            // The client may turn out to be gone, which ends the exchange.
            guard state == .active else { return }
        }
        downstream.sendEnd(trailers: nil)
        record.downstreamTxEnd = worker.loop.now
        finish()
    }

    func handle(_ plan: RoutePlan) {
        guard case .handler(let name) = plan.action, let factory = generation?.publication.handlers[name] else {
            reply(.noHealthyUpstream)
            return
        }
        record.attempts += 1
        let stream = factory.makeStream(worker)
        upstream = stream
        stream.attach(self)
        stream.sendHead(request, framing: requestFraming)
    }

    /// The handler's answer is a reset of the client's connection.
    func handlerReset() {
        upstream = nil
        let connection = downstream as? HTTP1ServerConnection
        record.details = ResponseDetails("workload_reset")
        listener?.httpCounters.add(HTTPCounter.downstreamRqTxReset)
        finish()
        connection?.reset()
    }

    /// The client has the beginning of an answer that cannot be finished.
    func cut(flags: ResponseFlags, details: ResponseDetails, upstream outcome: AttemptOutcome = .unused) {
        dropUpstream(as: outcome)
        listener?.httpCounters.add(HTTPCounter.downstreamRqTxReset)
        listener?.httpCounters.add(HTTPCounter.rqResetAfterDownstreamResponseStarted)
        record.flags.formUnion(flags)
        record.details = details
        downstream?.abort()
        finish()
    }
}
