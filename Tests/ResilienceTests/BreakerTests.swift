import Testing

@testable import Resilience

@Suite struct BreakerTests {
    typealias Door = Admission<Int>

    /// Several workers of one cluster and what is in their mailboxes, without threads.
    final class Scene {
        let shared: SharedLimits
        let upstream = SceneUpstream()
        private(set) var workers: [SceneWorker] = []
        var mail: [[Wake.Reason]]

        init(_ limits: BreakerLimits, workers count: Int) {
            shared = SharedLimits(limits, workers: count)
            mail = Array(repeating: [], count: count)
            for worker in 0..<count {
                workers.append(
                    SceneWorker(shared, worker: worker, upstream: upstream) { [unowned self] in
                        mail[$0.worker].append($0.reason)
                    })
            }
        }

        func deliver(_ worker: Int) {
            guard !mail[worker].isEmpty else { return }
            workers[worker].handle(mail[worker].removeFirst())
        }

        func deliverAll() {
            while let worker = mail.firstIndex(where: { !$0.isEmpty }) { deliver(worker) }
        }

        /// Everything ends well, idle connections close.
        func end() {
            settle()
            for worker in workers { while !worker.idle.isEmpty { worker.closeIdle(0) } }
            deliverAll()
            #expect(upstream.connections == 0)
            #expect(shared.reading.connections == 0 && shared.reading.pending == 0 && shared.reading.waiting == 0)
        }

        /// Every request is served.
        func settle() {
            var isQuiet = false
            while !isQuiet {
                isQuiet = true
                deliverAll()
                for worker in workers {
                    while !worker.connecting.isEmpty { worker.established(0); isQuiet = false }
                    while !worker.busy.isEmpty { worker.finish(0, keepAlive: true); isQuiet = false }
                }
            }
        }
    }

    // MARK: One worker

    @Test func atTheLimitRequestsWaitAndAreServedInOrder() {
        let scene = Scene(BreakerLimits(connectionsMax: 1, pendingMax: 10), workers: 1)
        let worker = scene.workers[0]
        let first = worker.begin(endpoint: 0, now: 1)
        worker.established(0)
        let second = worker.begin(endpoint: 0, now: 2)
        let third = worker.begin(endpoint: 0, now: 3)
        #expect(scene.shared.reading.isConnectionsOpen)
        #expect(scene.shared.reading.connectionOverflows == 2)
        #expect(scene.shared.reading.waiting == 2)
        worker.finish(0, keepAlive: true)
        #expect(first?.state == .done && second?.state == .active && third?.state == .waiting)
        worker.finish(0, keepAlive: false)
        #expect(third?.state == .connecting, "the permit of a closed connection serves the next request")
        worker.established(0)
        worker.finish(0, keepAlive: true)
        #expect(worker.idle.count == 1)
        #expect(scene.shared.reading.pending == 0)
        #expect(scene.upstream.peak == 1)
        scene.end()
    }

    /// The walkthrough with 10 connections, 5 pending requests and 50 clients (issue 4).
    @Test func fiftyClientsOnTenConnectionsAndFivePending() {
        let scene = Scene(BreakerLimits(connectionsMax: 10, pendingMax: 5), workers: 2)
        // Connections are established at once, so that only those without one are pending.
        for client in 0..<50 {
            let worker = scene.workers[client % 2]
            worker.begin(endpoint: 0, now: Int64(client))
            if !worker.connecting.isEmpty { worker.established(0) }
        }
        let reading = scene.shared.reading
        #expect(reading.connections == 10)
        #expect(reading.pending == 5)
        #expect(reading.pendingOverflows == 35)
        #expect(scene.workers.reduce(0) { $0 + $1.refused } == 35)
        #expect(reading.isConnectionsOpen && reading.isPendingOpen)
        scene.settle()
        #expect(scene.workers.reduce(0) { $0 + $1.completed } == 15)
        #expect(scene.shared.reading.pending == 0)
        #expect(scene.upstream.peak == 10)
        scene.end()
    }

    @Test func aRequestIsPendingUntilItsConnectionIsEstablished() {
        let scene = Scene(BreakerLimits(connectionsMax: 10, pendingMax: 1), workers: 1)
        let worker = scene.workers[0]
        worker.begin(endpoint: 0, now: 1)
        #expect(scene.shared.reading.isPendingOpen)
        #expect(worker.begin(endpoint: 0, now: 1) == nil, "refused, although there are permits")
        worker.established(0)
        #expect(worker.begin(endpoint: 0, now: 2) != nil)
        worker.connectFailed(0)
        #expect(scene.shared.reading.pending == 0)
        #expect(scene.shared.reading.connections == 1)
        scene.end()
    }

    /// Data plane reference 1.6: with no room at all the overflow is immediate.
    @Test func noConnectionsAndNoPendingRequestsRefuseAtOnce() {
        let scene = Scene(BreakerLimits(connectionsMax: 0, pendingMax: 0), workers: 1)
        #expect(scene.workers[0].begin(endpoint: 0, now: 1) == nil)
        #expect(scene.shared.reading.pendingOverflows == 1)
    }

    @Test func aWaitingRequestCanLeaveFromAnyPlaceInLine() {
        for leaving in 0..<3 {
            let scene = Scene(BreakerLimits(connectionsMax: 1), workers: 1)
            let worker = scene.workers[0]
            worker.begin(endpoint: 0, now: 0)
            worker.established(0)
            let line = (1...3).compactMap { worker.begin(endpoint: 0, now: $0) }
            worker.cancel(line[leaving])
            #expect(scene.shared.reading.waiting == 2)
            for request in line where request !== line[leaving] {
                worker.finish(0, keepAlive: true)
                #expect(request.state == .active)
            }
            scene.end()
        }
    }

    @Test func anIdleConnectionToAnotherEndpointIsReplaced() {
        let scene = Scene(BreakerLimits(connectionsMax: 1), workers: 1)
        let worker = scene.workers[0]
        worker.begin(endpoint: 0, now: 1)
        worker.established(0)
        worker.finish(0, keepAlive: true)
        let other = worker.begin(endpoint: 1, now: 2)
        #expect(other?.state == .connecting)
        #expect(scene.upstream.connections == 1)
        scene.end()
    }

    @Test func aConnectionAtOnceOrNotAtAll() {
        let shared = SharedLimits(BreakerLimits(connectionsMax: 1), workers: 1)
        let door = Door(shared, worker: 0)
        var permit = door.tryConnect()
        let refused = door.tryConnect() == nil
        #expect(refused)
        #expect(shared.reading.connectionOverflows == 1)
        if let permit = permit.take() { #expect(door.connectionClosed(permit) == nil) }
        #expect(shared.reading.connections == 0)
    }

    @Test func requestsAreLimitedWithoutWaiting() {
        let shared = SharedLimits(BreakerLimits(requestsMax: 2), workers: 1)
        guard let first = shared.beginRequest(), let second = shared.beginRequest() else {
            Issue.record("two requests are within the limit")
            return
        }
        #expect(shared.reading.isRequestsOpen)
        let isRefused = shared.beginRequest() == nil
        #expect(isRefused)
        #expect(shared.reading.requestOverflows == 1)
        shared.endRequest(first)
        #expect(shared.reading.requests == 1)
        shared.endRequest(second)
        #expect(!shared.reading.isRequestsOpen)
    }

    @Test func busyConnectionsOverALoweredLimitCloseWhenTheyAreFree() {
        let scene = Scene(BreakerLimits(connectionsMax: 2), workers: 1)
        let worker = scene.workers[0]
        for endpoint in 0..<2 {
            worker.begin(endpoint: endpoint, now: 1)
            worker.established(0)
        }
        #expect(scene.shared.update(BreakerLimits(connectionsMax: 1)).isEmpty, "none is idle")
        worker.finish(0, keepAlive: true)
        #expect(worker.idle.isEmpty && scene.upstream.connections == 1)
        worker.finish(0, keepAlive: true)
        #expect(worker.idle.count == 1)
        scene.end()
    }

    @Test func aTicketNamesOneRequestEvenWhenItsPlaceIsUsedAgain() {
        let door = Door(SharedLimits(BreakerLimits(connectionsMax: 0), workers: 1), worker: 0)
        var tickets: [Door.Ticket] = []
        for request in 0..<3 {
            guard case .wait(let ticket, nil) = door.request(request, now: 0) else { continue }
            #expect(!tickets.contains(ticket))
            tickets.append(ticket)
            door.left(ticket)
        }
        #expect(tickets.count == 3)
        #expect(door.shared.reading.pending == 0)
    }

    // MARK: Two workers

    @Test func anIdleConnectionIsGivenUpToAnotherWorker() {
        let scene = Scene(BreakerLimits(connectionsMax: 1), workers: 2)
        let (a, b) = (scene.workers[0], scene.workers[1])
        a.begin(endpoint: 0, now: 1)
        a.established(0)
        a.finish(0, keepAlive: true)
        #expect(a.idle.count == 1)
        let request = b.begin(endpoint: 0, now: 2)
        #expect(scene.mail == [[.giveUpIdle], []])
        scene.deliver(0)
        #expect(a.idle.isEmpty)
        #expect(scene.mail == [[], [.permitGranted]])
        scene.deliver(1)
        #expect(request?.state == .connecting)
        #expect(scene.upstream.connections == 1)
        scene.end()
    }

    @Test func aWorkerThatUsesItsConnectionGivesItUpAfterwards() {
        let scene = Scene(BreakerLimits(connectionsMax: 1), workers: 2)
        let (a, b) = (scene.workers[0], scene.workers[1])
        a.begin(endpoint: 0, now: 1)
        a.established(0)
        a.finish(0, keepAlive: true)
        let request = b.begin(endpoint: 0, now: 2)
        // Before the message arrives.
        a.begin(endpoint: 0, now: 3)
        scene.deliver(0)
        #expect(a.busy.count == 1)
        a.finish(0, keepAlive: true)
        #expect(a.idle.isEmpty)
        scene.deliver(1)
        #expect(request?.state == .connecting)
        scene.end()
    }

    @Test func anotherIdleConnectionIsAskedForWhenTheFirstIsInUseAgain() {
        let scene = Scene(BreakerLimits(connectionsMax: 2), workers: 3)
        for worker in [0, 1] {
            scene.workers[worker].begin(endpoint: 0, now: 1)
            scene.workers[worker].established(0)
            scene.workers[worker].finish(0, keepAlive: true)
        }
        let request = scene.workers[2].begin(endpoint: 0, now: 2)
        let asked = scene.mail[0].isEmpty ? 1 : 0
        scene.workers[asked].begin(endpoint: 0, now: 3)
        scene.deliverAll()
        #expect(request?.state == .connecting, "it does not wait for the busy one")
        #expect(scene.workers[asked].busy.count == 1)
        scene.end()
    }

    @Test func aWorkersOwnLineGoesFirstForAShortTime() {
        let slack = SharedLimits.handoverSlack
        for (own, expectsHandover) in [(Int64(0), false), (slack, false), (slack + 1, true)] {
            let scene = Scene(BreakerLimits(connectionsMax: 1), workers: 2)
            let (a, b) = (scene.workers[0], scene.workers[1])
            a.begin(endpoint: 0, now: 0)
            a.established(0)
            let other = b.begin(endpoint: 0, now: 100)
            let mine = a.begin(endpoint: 0, now: 100 + own)
            a.finish(0, keepAlive: true)
            scene.deliverAll()
            #expect((mine?.state == .active) == !expectsHandover)
            #expect((other?.state == .connecting) == expectsHandover)
            scene.end()
        }
    }

    @Test func aGrantThatNobodyNeedsAnyMoreGoesOn() {
        let scene = Scene(BreakerLimits(connectionsMax: 1), workers: 3)
        scene.workers[0].begin(endpoint: 0, now: 1)
        scene.workers[0].established(0)
        let second = scene.workers[1].begin(endpoint: 0, now: 2)
        let third = scene.workers[2].begin(endpoint: 0, now: 3)
        scene.workers[0].finish(0, keepAlive: false)
        #expect(scene.mail[1] == [.permitGranted])
        if let second { scene.workers[1].cancel(second) }
        scene.deliverAll()
        #expect(third?.state == .connecting)
        scene.end()
    }

    @Test func newLimitsActAtOnceUpwardsAndAsConnectionsEndDownwards() {
        let scene = Scene(BreakerLimits(connectionsMax: 1), workers: 2)
        for worker in scene.workers { for _ in 0..<2 { worker.begin(endpoint: 0, now: 1) } }
        #expect(scene.shared.reading.connections == 1)
        for wake in scene.shared.update(BreakerLimits(connectionsMax: 3)) {
            scene.mail[wake.worker].append(wake.reason)
        }
        scene.deliverAll()
        #expect(scene.upstream.connections == 3)
        for wake in scene.shared.update(BreakerLimits(connectionsMax: 1)) {
            scene.mail[wake.worker].append(wake.reason)
        }
        scene.settle()
        #expect(scene.upstream.connections <= 1)
        #expect(scene.workers.reduce(0) { $0 + $1.completed } == 4)
        // Idle ones over a lowered limit are closed too.
        for wake in scene.shared.update(BreakerLimits(connectionsMax: 0)) {
            scene.mail[wake.worker].append(wake.reason)
        }
        scene.deliverAll()
        #expect(scene.upstream.connections == 0)
    }

    // MARK: Random order

    /// Permits, pending requests and connections agree after every event, and nobody waits for nothing.
    @Test(arguments: [(connections: 1, pending: 6, workers: 2), (3, 8, 3), (8, 1_000, 4), (4, 3, 2)])
    func aQuarterMillionEventsOfEachSceneConserveEverything(
        _ row: (connections: Int, pending: Int, workers: Int)
    ) {
        var random = SeededRandom(UInt64(row.connections * 31 + row.workers))
        let limits = BreakerLimits(connectionsMax: row.connections, pendingMax: row.pending)
        let scene = Scene(limits, workers: row.workers)
        var wrong = 0
        var begun = 0
        var stuck = 0
        var isLowered = false
        for step in 0..<250_000 {
            let index = random.below(row.workers)
            let worker = scene.workers[index]
            let now = Int64(step) * 400_000
            switch random.below(16) {
            case 0...4:
                if worker.pendingRequests < 24 {
                    worker.begin(endpoint: random.below(3), now: now)
                    begun += 1
                }
            case 5...7: if !worker.connecting.isEmpty { worker.established(random.below(worker.connecting.count)) }
            case 8: if !worker.connecting.isEmpty { worker.connectFailed(random.below(worker.connecting.count)) }
            case 9...11:
                if !worker.busy.isEmpty { worker.finish(random.below(worker.busy.count), keepAlive: !random.oneIn(8)) }
            case 12: if random.oneIn(4), !worker.idle.isEmpty { worker.closeIdle(random.below(worker.idle.count)) }
            case 13:
                if !worker.waiting.isEmpty, random.oneIn(2) {
                    worker.cancel(worker.waiting[random.below(worker.waiting.count)])
                } else if let request = worker.connecting.first?.request {
                    worker.cancel(request)
                }
            default: scene.deliver(index)
            }
            if random.oneIn(5_000) {
                isLowered.toggle()
                let next = isLowered ? max(1, row.connections / 2) : row.connections
                for wake in scene.shared.update(BreakerLimits(connectionsMax: next, pendingMax: row.pending)) {
                    scene.mail[wake.worker].append(wake.reason)
                }
            }
            if scene.upstream.connections > row.connections { wrong += 1 }
            if step & 7 == 0 {
                let reading = scene.shared.reading
                var (held, pending, waiting, idle, mails) = (0, 0, 0, 0, 0)
                for worker in scene.workers {
                    held += worker.heldPermits
                    pending += worker.pendingRequests
                    waiting += worker.waiting.count
                    idle += worker.idle.count
                    if worker.waiting.count != worker.admission.waitingCount { wrong += 1 }
                }
                for mail in scene.mail { mails += mail.count }
                if held != scene.upstream.connections || held > reading.connections { wrong += 1 }
                if pending != reading.pending || pending > row.pending || waiting != reading.waiting { wrong += 1 }
                if mails == 0 {
                    if held != reading.connections { wrong += 1 }
                    if waiting > 0, held < reading.limits.connectionsMax || idle > 0 { stuck += 1 }
                }
            }
        }
        #expect(wrong == 0)
        #expect(stuck == 0, "a request waited while a permit was free or a connection lay idle")
        scene.settle()
        let (completed, refused, abandoned) = scene.workers.reduce(into: (0, 0, 0)) {
            $0.0 += $1.completed
            $0.1 += $1.refused
            $0.2 += $1.abandoned
        }
        #expect(begun == completed + refused + abandoned)
        #expect(completed > 5_000 && scene.workers.allSatisfy { $0.handovers > 100 }, "the run reaches every branch")
        scene.end()
    }
}
