// The admin listener's streams: they run on worker threads, read only what is shared, and never wait. A reload is handed to the
// control thread and answered when its outcome comes back.

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

    /// The proxies shown, without the admin listeners themselves.
    var proxies: [ProxyPlan] {
        state.current.plan.proxies.filter { $0.role != .admin && (proxy == nil || $0.name == proxy) }
    }

    /// A name as it is shown: the process's own listener says whose it is.
    func shown(_ name: String, of owner: String) -> String { proxy == nil ? "\(owner)/\(name)" : name }
}

final class AdminHandler: LocalHandlerFactory {
    let context: AdminContext
    private let access: AdminAccess

    init(_ context: AdminContext) {
        self.context = context
        access = AdminAccess(address: context.address)
    }

    func makeStream(_ worker: Worker) -> LocalHandlerStream { AdminStream(self, worker: worker) }

    /// What a request is answered with, at once or later.
    func reply(to request: AdminRequest) -> AdminCommand.Reply {
        guard access.allows(request) else {
            return .now(.text("Forbidden: the admin listener answers this machine only\n", status: 403))
        }
        guard let command = AdminCommand.all.first(where: { $0.path == request.path }) else {
            return .now(.text("invalid path. " + AdminCommand.list, status: 404))
        }
        if command.isChanging, request.method != "POST", request.method != "PUT" {
            var answer = AdminAnswer.text("Method \(request.method) not allowed, POST required.", status: 405)
            answer.allowsChanging = true
            return .now(answer)
        }
        return command.run(context, request)
    }
}

private final class AdminStream: LocalHandlerStream {
    private let handler: AdminHandler
    private var request: AdminRequest?
    private var body: [UInt8] = []
    private var sent = 0
    private static let partBytes = 32_768

    init(_ handler: AdminHandler, worker: Worker) {
        self.handler = handler
        super.init(worker: worker)
    }

    override func requestHead(_ head: HeaderBlock) { request = AdminRequest(head) }

    // The body of a request says nothing; the answer waits for its end, so that the connection can be used again.
    override func requestEnd() {
        guard let request else { return }
        let isHead = request.method == "HEAD"
        switch handler.reply(to: request) {
        case .now(let answer): send(answer, isHead: isHead)
        case .later(let work):
            let ticket = self.ticket
            work { answer in ticket.post { ($0 as? AdminStream)?.send(answer, isHead: isHead) } }
        }
    }

    private func send(_ answer: AdminAnswer, isHead: Bool) {
        body = Array(answer.body.utf8)
        respond(status: answer.status, length: UInt64(body.count)) { head in
            switch answer.content {
            case .text: head.add(.contentType, "text/plain; charset=UTF-8")
            case .json: head.add(.contentType, "application/json")
            case .prometheus: head.add(.contentType, "text/plain; version=0.0.4; charset=utf-8")
            }
            head.add(.cacheControl, "no-cache, max-age=0")
            // Nobody's browser shall take a statistic's name for a page.
            head.add(
                id: .other, name: head.append("x-content-type-options"), value: head.append("nosniff"))
            if answer.allowsChanging {
                head.add(id: .other, name: head.append("allow"), value: head.append("POST, PUT"))
            }
        }
        if isHead { return end() }
        writable()
    }

    override func writable() {
        while isOpen, sent < body.count {
            let part = sent..<min(sent + Self.partBytes, body.count)
            sent = part.upperBound
            let hasRoom = body[part].withUnsafeBufferPointer { write($0) }
            if !hasRoom, sent < body.count { return }
        }
        if isOpen { end() }
    }
}
