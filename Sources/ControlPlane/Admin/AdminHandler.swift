// The admin listener's streams: they run on worker threads, read only what is shared, and never wait. What changes something
// and what takes long is handed to the control thread and answered when its outcome comes back.

import DataPlane
import Routing
import Telemetry
import Wire

/// What one admin listener shows and may do.
struct AdminContext: Sendable {
    /// The proxy it belongs to; nil for the process's own, which shows all.
    var proxy: String?
    /// Where it is bound.
    var address: NetworkAddress?
    var state: RuntimeState
    var runtime: RuntimeHandle
    var plane: DataPlane
    var workloads: WorkloadBoard
    var token: AdminToken?

    /// The proxies shown, without the admin listeners themselves.
    var proxies: [ProxyPlan] {
        state.current.plan.proxies.filter { $0.role != .admin && (proxy == nil || $0.name == proxy) }
    }

    /// A name as it is shown: the process's own listener says whose it is.
    func shown(_ name: String, of owner: String) -> String { proxy == nil ? "\(owner)/\(name)" : name }
}

/// A call of an admin listener, for the log.
public struct AdminCall: Sendable {
    /// The proxy whose listener it was; nil for the process's own.
    public var proxy: String?
    public var method: String
    public var path: String
    public var isChanging: Bool

    var level: LogLevel { isChanging ? .info : .debug }
}

final class AdminHandler: LocalHandlerFactory {
    let context: AdminContext
    private let access: AdminAccess

    init(_ context: AdminContext) {
        self.context = context
        access = AdminAccess(address: context.address)
    }

    func makeStream(_ worker: Worker) -> LocalHandlerStream { AdminStream(self, worker: worker) }

    enum Judgement {
        case refused(AdminAnswer)
        case accepted(AdminCommand)
    }

    /// What a request's head comes to; it decides about everything but the body.
    func judge(_ request: AdminRequest) -> Judgement {
        if let refusal = refusal(of: request) { return .refused(refusal) }
        guard let command = AdminCommand.all.first(where: { $0.path == request.path }) else {
            return .refused(.text("invalid path. " + AdminCommand.list, status: 404))
        }
        let changes = request.method == "POST" || request.method == "PUT"
        if command.access == .changing && !changes || command.access == .both && !changes && !request.isReading {
            var answer = AdminAnswer.text("Method \(request.method) not allowed, POST required.", status: 405)
            answer.allow = command.access == .both ? "GET, HEAD, POST, PUT" : "POST, PUT"
            return .refused(answer)
        }
        return .accepted(command)
    }

    /// What a complete request is answered with, at once or later.
    func reply(to request: AdminRequest, _ command: AdminCommand) -> AdminCommand.Reply {
        let call = AdminCall(
            proxy: context.proxy, method: request.method, path: request.path,
            isChanging: command.access != .reading && (request.method == "POST" || request.method == "PUT"))
        if context.state.levels.shows(.admin, call.level) { context.runtime.noteCall(call) }
        guard command.isLong else { return command.run(context, request) }
        let context = self.context
        return .later { reply in
            context.runtime.perform {
                switch command.run(context, request) {
                case .now(let answer): reply(answer)
                case .later(let work): work(reply)
                case .tap: break
                }
            }
        }
    }

    private func refusal(of request: AdminRequest) -> AdminAnswer? {
        if let token = context.token, request.path != "/ready" {
            // A web page cannot know the token, so with it any name of this machine will do.
            if token.allows(request.authorization) { return nil }
            var answer = AdminAnswer.text("Unauthorized: a bearer token is needed\n", status: 401)
            answer.challenges = true
            return answer
        }
        return access.allows(request)
            ? nil : .text("Forbidden: the admin listener answers this machine only\n", status: 403)
    }
}

private final class AdminStream: LocalHandlerStream {
    private let handler: AdminHandler
    /// What is to be answered, once it is complete.
    private var accepted: (request: AdminRequest, command: AdminCommand)?
    private var received: [UInt8] = []
    private var body: [UInt8] = []
    private var sent = 0
    /// The client has no room.
    private var isWaiting = false
    private var tap: TapStream?
    private static let partBytes = 32_768

    init(_ handler: AdminHandler, worker: Worker) {
        self.handler = handler
        super.init(worker: worker)
    }

    // A refusal does not wait for the body: what somebody sends who may not is not kept.
    override func requestHead(_ head: HeaderBlock) {
        let request = AdminRequest(head)
        switch handler.judge(request) {
        case .refused(let answer): send(answer, isHead: request.method == "HEAD")
        case .accepted(let command): accepted = (request, command)
        }
    }

    override func requestBody(_ bytes: UnsafeBufferPointer<UInt8>) {
        guard let accepted, accepted.command.takesBody else { return }
        if received.count + bytes.count > DefinitionStore.bytesMax {
            self.accepted = nil
            received = []
            send(
                .text("the body is larger than \(DefinitionStore.bytesMax) bytes\n", status: 413), isHead: false)
        } else {
            received += bytes
        }
    }

    // The answer waits for the end of the request, so that the connection can be used again.
    override func requestEnd() {
        guard case (var request, let command)? = accepted else { return }
        request.body = received
        received = []
        let isHead = request.method == "HEAD"
        switch handler.reply(to: request, command) {
        case .now(let answer): send(answer, isHead: isHead)
        case .later(let work):
            let ticket = self.ticket
            work { answer in ticket.post { ($0 as? AdminStream)?.send(answer, isHead: isHead) } }
        case .tap(let filter, let form): isHead ? send(.text(""), isHead: true) : open(filter, form)
        }
    }

    private func send(_ answer: AdminAnswer, isHead: Bool) {
        body = Array(answer.body.utf8)
        respond(status: answer.status, length: UInt64(body.count)) { head in
            switch answer.content {
            case .text: head.add(.contentType, "text/plain; charset=UTF-8")
            case .json: head.add(.contentType, "application/json")
            case .prometheus: head.add(.contentType, "text/plain; version=0.0.4; charset=utf-8")
            case .yaml: head.add(.contentType, "application/yaml")
            }
            head.add(.cacheControl, "no-cache, max-age=0")
            // Nobody's browser shall take a statistic's name for a page.
            head.add("x-content-type-options", "nosniff")
            if let allow = answer.allow { head.add("allow", allow) }
            if let generation = answer.generation { head.add("etag", "\"\(generation)\"") }
            if answer.challenges { head.add("www-authenticate", "Bearer realm=\"trellis admin\"") }
        }
        if isHead { return end() }
        sendOn()
    }

    // MARK: Live records

    private func open(_ filter: TapFilter, _ form: TapForm) {
        let ticket = self.ticket
        let tap = TapStream(form: form, filter: filter) { ticket.post { ($0 as? AdminStream)?.sendOn() } }
        self.tap = tap
        respond(status: 200, length: nil) { head in
            switch form {
            case .lines: head.add(.contentType, "application/x-ndjson")
            case .events: head.add(.contentType, "text/event-stream")
            }
            head.add(.cacheControl, "no-cache, max-age=0")
            head.add("x-content-type-options", "nosniff")
        }
        handler.context.plane.subscribe(tap.subscription)
    }

    override func cancelled() {
        if let tap { handler.context.plane.unsubscribe(tap.subscription) }
        tap = nil
    }

    override func writable() {
        isWaiting = false
        sendOn()
    }

    /// Writes what there is until the client has no room: the rest of an answer, or what a subscription holds by now. The
    /// subscription wakes only whoever found it empty, so it is asked again after every part.
    private func sendOn() {
        while isOpen, !isWaiting {
            if sent == body.count {
                guard let tap else { break }
                body = tap.next()
                sent = 0
                if body.isEmpty { break }
            }
            let part = sent..<min(sent + Self.partBytes, body.count)
            sent = part.upperBound
            isWaiting = !body[part].withUnsafeBufferPointer { write($0) }
        }
        if isOpen, tap == nil, sent == body.count { end() }
    }
}

extension HeaderBlock {
    fileprivate func add(_ name: StaticString, _ value: String) {
        var value = value
        let nameRange = append(name)
        add(id: .other, name: nameRange, value: value.withUTF8 { append($0) })
    }
}
