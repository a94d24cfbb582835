import Reactor
import Routing
import Telemetry

/// Names a listening socket over all snapshots: a listener keeps its sockets and connections while this stays.
struct ListenerKey: Hashable, Sendable {
    var proxy: String
    var listener: String
    var address: NetworkAddress
}

/// One worker's half of a listening socket: accepts connections and knows them until they end.
final class ListenerRuntime: Handler {
    let key: ListenerKey
    private unowned(unsafe) let worker: Worker
    private var socket: Socket?
    /// In the generation being served.
    private(set) var id: ListenerID
    private(set) var dialect: Dialect
    let counters: CounterBlock
    let httpCounters: CounterBlock
    let requestTime: Histogram
    /// The last generation that knew this listener, once it is removed.
    private var lastGeneration: Generation?
    private(set) var isDraining = false
    private lazy var drainTimer = Timer(owner: self)
    /// Answers are the last ones on their connections, though the listener goes on.
    var isDiscouraged = false
    /// The socket belongs to the service manager too, which keeps its queue for the next process.
    private let isInherited: Bool
    private var connections: [ObjectIdentifier: HTTP1ServerConnection] = [:]
    private let localText: String
    private let localIP: String
    private let localPort: Int

    init(
        key: ListenerKey, socket: consuming Socket, id: ListenerID, dialect: Dialect, counters: CounterBlock,
        httpCounters: CounterBlock, requestTime: Histogram, isInherited: Bool = false, worker: Worker
    ) throws(SystemError) {
        self.key = key
        self.isInherited = isInherited
        self.worker = worker
        self.id = id
        self.dialect = dialect
        self.counters = counters
        self.httpCounters = httpCounters
        self.requestTime = requestTime
        let address = SocketOperations.localAddress(socket.fd)
        localText = address.text
        localIP = address.host
        localPort = address.port
        super.init()
        try worker.loop.add(self, fd: socket.fd, accepting: true, exclusive: isInherited)
        self.socket = consume socket
    }

    /// A new snapshot still has this listener.
    func adopt(id: ListenerID, dialect: Dialect) {
        self.id = id
        self.dialect = dialect
    }

    var tag: ListenerTag { ListenerTag(proxy: key.proxy, listener: key.listener) }

    func currentGeneration(_ worker: Worker) -> Generation { lastGeneration ?? worker.generation }

    /// Connections accepted in one event at most, so that a flood of them does not starve requests.
    private static let acceptsMax = 64

    override func ready(_ events: ReadyEvents) { accept(max: Self.acceptsMax) }

    private func accept(max count: Int) {
        guard let fd = socket?.fd else { return }
        var peer = SocketOperations.emptyAddress()
        for _ in 0..<count {
            do {
                guard let accepted = try SocketOperations.accept(fd, peer: &peer) else { return }
                open(Socket(owning: accepted), peer)
            } catch {
                guard error.isOutOfDescriptors else { return }
                counters.add(ListenerCounter.downstreamCxOverflow)
                // Refused rather than left to wait: the reserve descriptor makes room to take it and close it.
                if !worker.refuseWithReserve(fd) { return }
            }
        }
    }

    private func open(_ socket: consuming Socket, _ address: SocketAddress) {
        guard worker.openConnections < worker.connectionsMax else {
            counters.add(ListenerCounter.downstreamCxOverflow)
            return
        }
        SocketOperations.setNoDelay(socket.fd)
        let peer = PeerInfo(
            remote: address.text, remoteIP: address.isUnix ? "" : address.host, remotePort: address.port,
            local: localText,
            localIP: localIP, localPort: localPort, connectionID: worker.nextConnectionID())
        // A connection that cannot be registered is closed with its socket.
        _ = try? HTTP1ServerConnection(socket: socket, peer: peer, listener: self, worker: worker)
    }

    func connectionOpened(_ connection: HTTP1ServerConnection) {
        connections[ObjectIdentifier(connection)] = connection
        worker.openConnections += 1
        counters.add(ListenerCounter.downstreamCxTotal)
        counters.add(ListenerCounter.downstreamCxActive)
        httpCounters.add(HTTPCounter.downstreamCxTotal)
        httpCounters.add(HTTPCounter.downstreamCxActive)
        httpCounters.add(HTTPCounter.downstreamCxHTTP1Total)
        httpCounters.add(HTTPCounter.downstreamCxHTTP1Active)
    }

    func connectionClosed(_ connection: HTTP1ServerConnection, byPeer: Bool, duringRequest: Bool) {
        guard connections.removeValue(forKey: ObjectIdentifier(connection)) != nil else { return }
        worker.openConnections -= 1
        counters.add(ListenerCounter.downstreamCxActive, -1)
        counters.add(ListenerCounter.downstreamCxDestroy)
        httpCounters.add(HTTPCounter.downstreamCxActive, -1)
        httpCounters.add(HTTPCounter.downstreamCxHTTP1Active, -1)
        httpCounters.add(HTTPCounter.downstreamCxDestroy)
        httpCounters.add(byPeer ? HTTPCounter.downstreamCxDestroyRemote : .downstreamCxDestroyLocal)
        if duringRequest {
            httpCounters.add(HTTPCounter.downstreamCxDestroyActiveRq)
            httpCounters.add(byPeer ? HTTPCounter.downstreamCxDestroyRemoteActiveRq : .downstreamCxDestroyLocalActiveRq)
        }
        if isDraining, connections.isEmpty {
            worker.loop.timers.cancel(drainTimer)
            worker.drained(self)
        }
    }

    /// Stops accepting; requests finish on the generation they know, connections close after their answer. What is left at
    /// the deadline (monotonic nanoseconds) is cut.
    func drain(_ generation: Generation, deadline: Int64) {
        guard !isDraining else { return }
        // A member of a group that closes with connections waiting would reset them.
        if !isInherited { accept(max: 4_096) }
        isDraining = true
        lastGeneration = generation
        worker.loop.remove(self, fd: socket?.fd)
        socket = nil
        for connection in Array(connections.values) { connection.drain() }
        if connections.isEmpty {
            worker.drained(self)
        } else {
            worker.loop.timers.arm(drainTimer, deadline: deadline)
        }
    }

    override func timerFired(_ timer: Timer) { closeAll() }

    /// The drain's deadline passed, or the process ends.
    func closeAll() {
        for connection in Array(connections.values) { connection.cut() }
    }
}
