import Glibc
import Reactor
import Routing
import Synchronization
import Telemetry
import Testing
import Wire

@testable import DataPlane

/// What happens when one side is slower than the other, or when there are very many at once.
@Suite struct PressureTests {
    private static let get = "GET / HTTP/1.1\r\nhost: h\r\n\r\n"

    /// The last bytes may be those that make the proxy stop reading; the end behind them must not be lost.
    @Test func theEndOfAnAnswerIsSeenThroughAPause() throws {
        let upstream = try Upstream { connection, _ in
            _ = try connection.head()
            try connection.send("HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhello")
            _ = try connection.rest()
        }
        let receiver = try PausingReceiver(port: upstream.port)
        receiver.run()
        #expect(receiver.body == "hello")
        #expect(receiver.isEnded)
    }

    /// As above, towards the upstream: everything is queued while the connection is not accepted yet, and the queue is full
    /// with the last byte.
    @Test func theEndOfARequestIsSeenThroughAPause() throws {
        let (fd, port) = try Upstream.listen(backlog: 0)
        let listening = Connection(owning: fd)
        let held = try Connection(to: port)
        let plane = try TestPlane([.forwarding(to: [port])])
        let client = try plane.connect()
        let head = "PUT / HTTP/1.1\r\nhost: h\r\ncontent-length: 65400\r\n\r\n"
        try client.send(head + String(repeating: "x", count: 30_000))
        #expect(
            eventually { plane.stats.value(.cluster("c", proxy: "p"), ClusterCounter.upstreamRqPendingActive) == 1 })
        usleep(20_000)
        try client.send(String(repeating: "x", count: 35_400))
        usleep(20_000)
        held.close()
        Glibc.close(accept(fd, nil, nil))
        let accepted = Connection(owning: accept(fd, nil, nil))
        #expect(try accepted.request().body.utf8.count == 65_400)
        try accepted.send("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok")
        #expect(try client.answer().body == "ok")
        // The connection is fit for the next request only if the first was seen to end.
        try client.send(Self.get)
        #expect(try accepted.request().start == "GET / HTTP/1.1")
        listening.close()
    }

    /// Whoever asks without reading is answered as far as the answers fit, and further as soon as they are read.
    @Test func pipelinedRequestsWaitForTheReader() throws {
        let body = String(repeating: "x", count: 32_768)
        let plane = try TestPlane([.proxy([.to(.fixedResponse(status: 200, body: body))])])
        let client = try plane.connect(receiveBytes: 16_384)
        let count = 1_500
        try client.send(String(repeating: Self.get, count: count))
        var completed = -1
        let isStill = eventually {
            usleep(50_000)
            let now = Int(plane.stats.value(.http("ingress", proxy: "p"), HTTPCounter.downstreamRqCompleted))
            defer { completed = now }
            return now == completed
        }
        #expect(isStill)
        #expect(completed < count / 2)
        for _ in 0..<count { #expect(try client.answer().body.utf8.count == body.utf8.count) }
    }

    /// The answer came before the end of the request, and the request ends while the answer is still on its way.
    @Test func anEarlyAnswerIsDeliveredInFull() throws {
        let size = 12_000_000
        let body = String(repeating: "x", count: size)
        let plane = try TestPlane([.proxy([.to(.fixedResponse(status: 413, body: body))])])
        let client = try plane.connect(receiveBytes: 65_536)
        try client.send("POST / HTTP/1.1\r\nhost: h\r\ncontent-length: 10\r\n\r\nhalf")
        #expect(
            eventually { plane.stats.value(.http("ingress", proxy: "p"), HTTPCounter.downstreamRqCompleted) == 1 })
        try client.send("theend")
        client.finishSending()
        usleep(20_000)
        #expect(try client.answer().body.utf8.count == size)
        #expect(try client.rest() == "")
    }

    /// More exchanges at once than a worker keeps for later; their timers must be gone with them.
    @Test func manyRequestsAtOnce() throws {
        let workload = Workload(settings: Workload.Settings(name: "w", delay: .milliseconds(300)))
        let plan = ProxyPlan.proxy(
            [.to(.handler("workload:w"), timeouts: .limits(.seconds(1), idle: .seconds(1)))], name: "workload:w",
            dialect: .local)
        let plane = try TestPlane([plan], handlers: ["workload:w": workload])
        for _ in 0..<2 {
            let clients = try (0..<1_500).map { _ in try plane.connect() }
            for client in clients { try client.send(Self.get) }
            for client in clients { #expect(try client.answer().body == "w\n") }
        }
        // Longer than the time-outs of the requests, so that every timer that is left fires.
        usleep(1_200_000)
        #expect(plane.answers())
    }

    @Test func whatIsUnderWayAtTheEndIsRecorded() throws {
        let upstream = try Upstream { connection, _ in
            _ = try connection.request()
            _ = try connection.rest()
        }
        let plane = try TestPlane(
            [.forwarding(to: [upstream.port])], log: "%RESPONSE_CODE% %RESPONSE_FLAGS% %RESPONSE_CODE_DETAILS%")
        let client = try plane.connect()
        try client.send(Self.get)
        #expect(eventually { plane.stats.value(.http("ingress", proxy: "p"), HTTPCounter.downstreamRqActive) == 1 })
        #expect(plane.logLines().count == 1)
        #expect(plane.stats.value(.http("ingress", proxy: "p"), HTTPCounter.downstreamRqActive) == 0)
        #expect(plane.stats.value(.cluster("c", proxy: "p"), ClusterCounter.upstreamRqActive) == 0)
        #expect(plane.stats.value(.cluster("c", proxy: "p"), ClusterCounter.upstreamCxActive) == 0)
    }
}

/// Asks once, over a connection of its own worker, and pauses the answer with each piece of body for a moment.
private final class PausingReceiver: UpstreamReceiver {
    private let worker: Worker
    private let endpoint: EndpointUpstreams
    private let request = HeaderBlock()
    private let answer = HeaderBlock()
    private let trailers = HeaderBlock()
    private var connection: HTTP1ClientConnection?
    private lazy var resumption = Reactor.Timer(owner: self)
    private lazy var limit = Reactor.Timer(owner: self)
    private(set) var body = ""
    private(set) var isEnded = false

    init(port: Int) throws {
        let publication = Publication(snapshot: Snapshot(plan: Plan(), generation: 0), handlers: [:], logTargets: [])
        worker = try Worker(
            index: 0, publication: publication, stats: StatStore(workers: 1), seed: 1, connectionsMax: 1,
            draining: DrainingListeners(), drainTime: .seconds(1))
        let planned = NetworkAddress.ip(host: "127.0.0.1", port: port)
        let address = try #require(SocketAddress(planned))
        endpoint = EndpointUpstreams(
            key: EndpointUpstreams.Key(name: "u", address: planned), address: address, sourceAddress: nil,
            label: EndpointLabel(name: "u", address: "u", clusterName: "c", node: "n"),
            counters: CounterBlock(count: EndpointCounter.allCases.count),
            clusterCounters: CounterBlock(count: ClusterCounter.allCases.count), worker: worker)
        super.init()
        request.path = request.append("/")
        request.authority = request.append("h")
    }

    func run() {
        worker.loop.timers.arm(limit, deadline: worker.loop.now + 2_000_000_000)
        connection = try? endpoint.connection(fresh: true, connectTimeout: 0)
        connection?.attach(self)
        connection?.sendHead(request, framing: .none)
        connection?.sendEnd(trailers: nil)
        worker.loop.run()
        worker.loop.timers.cancel(limit)
        endpoint.drain()
    }

    override var response: HeaderBlock { answer }
    override var responseTrailers: HeaderBlock { trailers }

    override func responseBody(_ bytes: UnsafeBufferPointer<UInt8>) {
        body += String(decoding: bytes, as: UTF8.self)
        connection?.pauseResponse()
        worker.loop.timers.arm(resumption, deadline: worker.loop.now + 5_000_000)
    }

    override func responseEnd(hasTrailers: Bool) {
        isEnded = true
        worker.loop.timers.cancel(resumption)
        worker.loop.stop()
    }

    override func timerFired(_ timer: Reactor.Timer) {
        if timer === limit { worker.loop.stop() } else { connection?.resumeResponse() }
    }
}
