import Synchronization

@testable import Resilience

/// A worker as a data plane would write it around `Admission`, without sockets: requests, connections to a few endpoints, and
/// a mailbox. Single-threaded tests step it in random order; others give each worker a thread.
final class SceneWorker {
    final class Connection {
        enum State { case connecting, busy, idle, closed }
        let endpoint: Int
        var permit: ConnectionPermit?
        var state = State.connecting
        var request: Request?
        init(endpoint: Int, permit: consuming ConnectionPermit) {
            self.endpoint = endpoint
            self.permit = consume permit
        }
    }

    final class Request {
        enum State { case waiting, connecting, active, done }
        let endpoint: Int
        let arrival: Int64
        var state = State.waiting
        var ticket: Admission<Request>.Ticket?
        var connection: Connection?
        init(endpoint: Int, arrival: Int64) {
            self.endpoint = endpoint
            self.arrival = arrival
        }
    }

    let admission: Admission<Request>
    let upstream: SceneUpstream
    private let post: (Wake) -> Void
    private(set) var connecting: [Connection] = []
    private(set) var busy: [Connection] = []
    private(set) var idle: [Connection] = []
    private(set) var waiting: [Request] = []
    private(set) var refused = 0
    private(set) var completed = 0
    private(set) var abandoned = 0
    private(set) var handovers = 0

    init(_ shared: SharedLimits, worker: Int, upstream: SceneUpstream, post: @escaping (Wake) -> Void) {
        admission = Admission(shared, worker: worker)
        self.upstream = upstream
        self.post = post
    }

    var heldPermits: Int { connecting.count + busy.count + idle.count }
    var pendingRequests: Int { waiting.count + connecting.count { $0.request != nil } }

    // MARK: Requests

    @discardableResult
    func begin(endpoint: Int, now: Int64) -> Request? {
        let request = Request(endpoint: endpoint, arrival: now)
        if let index = idle.lastIndex(where: { $0.endpoint == endpoint }) {
            admission.idleTaken()
            activate(request, on: idle.remove(at: index))
            return request
        }
        switch admission.request(request, now: now) {
        case .overflow:
            refused += 1
            return nil
        case .connect(let ticket, let permit):
            connect(request, ticket, permit)
        case .replaceIdle(let ticket):
            admission.idleTaken()
            let old = idle.removeFirst()
            upstream.closed()
            old.state = .closed
            if let permit = old.permit.take() { connect(request, ticket, permit) }
        case .wait(let ticket, let wake):
            request.ticket = ticket
            waiting.append(request)
            deliver(wake)
        }
        return request
    }

    func cancel(_ request: Request) {
        guard let ticket = request.ticket else { return }
        if request.state == .waiting { waiting.removeAll { $0 === request } }
        request.connection?.request = nil
        request.state = .done
        request.ticket = nil
        abandoned += 1
        admission.left(ticket)
    }

    private func connect(_ request: Request, _ ticket: Admission<Request>.Ticket, _ permit: consuming ConnectionPermit)
    {
        let connection = Connection(endpoint: request.endpoint, permit: permit)
        upstream.opened()
        request.ticket = ticket
        request.state = .connecting
        request.connection = connection
        connection.request = request
        connecting.append(connection)
    }

    private func activate(_ request: Request, on connection: Connection) {
        request.state = .active
        request.connection = connection
        connection.request = request
        connection.state = .busy
        busy.append(connection)
    }

    // MARK: Connections

    func established(_ index: Int) {
        let connection = connecting.remove(at: index)
        guard let request = connection.request else {
            free(connection)
            return
        }
        if let ticket = request.ticket.take() { admission.established(ticket) }
        activate(request, on: connection)
    }

    func connectFailed(_ index: Int) {
        let connection = connecting.remove(at: index)
        if let request = connection.request, let ticket = request.ticket.take() {
            request.state = .done
            abandoned += 1
            admission.left(ticket)
        }
        close(connection)
    }

    func finish(_ index: Int, keepAlive: Bool) {
        let connection = busy.remove(at: index)
        connection.request?.state = .done
        connection.request = nil
        completed += 1
        if keepAlive { free(connection) } else { close(connection) }
    }

    func closeIdle(_ index: Int) {
        admission.idleTaken()
        close(idle.remove(at: index))
    }

    private func free(_ connection: Connection) {
        switch admission.freed() {
        case .keepIdle:
            connection.state = .idle
            idle.append(connection)
        case .giveUp:
            handovers += 1
            close(connection)
        case .serve(let ticket, let request):
            waiting.removeAll { $0 === request }
            if request.endpoint == connection.endpoint {
                request.ticket = nil
                admission.established(ticket)
                activate(request, on: connection)
            } else if let permit = connection.permit.take() {
                connection.state = .closed
                upstream.closed()
                connect(request, ticket, permit)
            }
        }
    }

    private func close(_ connection: Connection) {
        connection.state = .closed
        upstream.closed()
        if let permit = connection.permit.take() { deliver(admission.connectionClosed(permit)) }
    }

    // MARK: Messages

    private func deliver(_ wake: Wake?) {
        guard let wake else { return }
        if wake.worker == admission.worker { handle(wake.reason) } else { post(wake) }
    }

    func handle(_ reason: Wake.Reason) {
        switch reason {
        case .permitGranted:
            while true {
                switch admission.collect() {
                case .none: return
                case .passedOn(let wake): deliver(wake)
                case .connect(let ticket, let request, let permit):
                    waiting.removeAll { $0 === request }
                    connect(request, ticket, permit)
                }
            }
        case .giveUpIdle:
            switch admission.giveUpAsked() {
            case .nothing(let wake): deliver(wake)
            case .closeOneIdle:
                handovers += 1
                closeIdle(0)
            }
        }
    }
}

/// What the upstream sees: its open connections, and the most that there ever were.
final class SceneUpstream: Sendable {
    private let open = Atomic<Int>(0)
    private let most = Atomic<Int>(0)

    func opened() {
        let now = open.wrappingAdd(1, ordering: .sequentiallyConsistent).newValue
        _ = most.max(now, ordering: .sequentiallyConsistent)
    }

    func closed() { open.wrappingSubtract(1, ordering: .sequentiallyConsistent) }

    var connections: Int { open.load(ordering: .sequentiallyConsistent) }
    var peak: Int { most.load(ordering: .sequentiallyConsistent) }
}
