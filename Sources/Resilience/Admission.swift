/// One worker's door to a cluster: it asks the shared limits for a connection and keeps the worker's requests in line until
/// there is one.
///
/// Not Sendable; the data plane has one for each worker and cluster and calls it on that worker's thread only. A request on
/// an idle connection costs `idleTaken` and `freed`, neither of which takes a lock or allocates. The order of a request
/// without an idle connection: `request` → (`.wait` → `.serve` or `.connect` later) → `established`; or `left` at any time
/// in between. Each request that was not refused ends its pending time exactly once.
public final class Admission<Waiter> {
    /// Names one pending request. Stale tickets are recognised: ending one twice stops debug builds and does nothing in
    /// others.
    public struct Ticket: Sendable, Equatable {
        fileprivate var slot: Int32
        fileprivate var generation: UInt32
    }

    /// The answer to `request`.
    public enum Decision: ~Copyable {
        /// Connect; the request is pending until `established`.
        case connect(Ticket, ConnectionPermit)
        /// At the limit, but this worker has idle connections (to other endpoints): take one (`idleTaken`), close it, and
        /// use its permit. The request is pending until `established`.
        case replaceIdle(Ticket)
        /// At the limit: the request waits; tell whom the value names.
        case wait(Ticket, Wake?)
        /// Too many are pending: 503 with flag `UO`.
        case overflow
    }

    /// What becomes of a connection whose exchange ended.
    public enum Freed {
        /// It is idle now; the count is kept here.
        case keepIdle
        /// It serves this request, the oldest in line.
        case serve(Ticket, Waiter)
        /// Another worker's turn has come: close it, then `connectionClosed`.
        case giveUp
    }

    /// The answer to `collect`.
    public enum Grant: ~Copyable {
        /// Connect for this request, the oldest in line.
        case connect(Ticket, Waiter, ConnectionPermit)
        /// The permit was not needed and went on; tell whom the value names, and collect again.
        case passedOn(Wake?)
        /// Nothing is left to collect.
        case none
    }

    private enum Place { case free, waiting, connecting }

    private struct Slot {
        var generation: UInt32 = 0
        var place = Place.free
        var waiter: Waiter?
        var arrival: Int64 = 0
        /// Neighbours in line; `next` also links free slots.
        var previous: Int32 = -1
        var next: Int32 = -1
    }

    public let shared: SharedLimits
    public let worker: Int
    private let idle: SharedLimits.IdleCount
    private var slots: [Slot] = []
    private var first: Int32 = -1
    private var last: Int32 = -1
    private var free: Int32 = -1
    /// Requests in line here.
    public private(set) var waitingCount = 0

    /// - Parameter worker: this worker's number, below the number of workers that `shared` was made for.
    public init(_ shared: SharedLimits, worker: Int) {
        self.shared = shared
        self.worker = worker
        idle = shared.idle[worker]
    }

    // MARK: Requests

    /// A request found no idle connection to its endpoint.
    public func request(_ waiter: Waiter, now: Int64) -> Decision {
        switch shared.request(worker: worker, now: now) {
        case .overflow: return .overflow
        case .connect: return .connect(take(.connecting, nil, now), ConnectionPermit(worker: worker))
        case .replaceIdle: return .replaceIdle(take(.connecting, nil, now))
        case .wait(let wake):
            let ticket = take(.waiting, waiter, now)
            append(ticket.slot)
            return .wait(ticket, wake)
        }
    }

    /// A connection at once or not at all (TCP: Envoy refuses at the limit, flag `UO`).
    public func tryConnect() -> ConnectionPermit? {
        shared.tryConnect(worker: worker) ? ConnectionPermit(worker: worker) : nil
    }

    /// The request has its connection and is not pending any more.
    public func established(_ ticket: Ticket) { end(ticket) }

    /// The request ended while it was pending: its client left, a timeout fired, or its connect failed.
    public func left(_ ticket: Ticket) { end(ticket) }

    // MARK: Connections

    /// An idle connection is idle no more: a request uses it, or it closes.
    public func idleTaken() {
        // The only writer is this thread.
        let count = idle.value.load(ordering: .relaxed)
        assert(count > 0, "more connections taken than idle")
        idle.value.store(max(0, count - 1), ordering: .releasing)
    }

    /// A connection is free: its exchange ended, or it was established for a request that is gone.
    public func freed() -> Freed {
        if first < 0 {
            idle.value.wrappingAdd(1, ordering: .sequentiallyConsistent)
            if shared.attention.load(ordering: .sequentiallyConsistent) == 0 { return .keepIdle }
            idle.value.wrappingSubtract(1, ordering: .sequentiallyConsistent)
        }
        switch shared.freed(worker: worker, head: arrival(first), nextHead: arrival(second)) {
        case .keepIdle: return .keepIdle
        case .giveUp: return .giveUp
        case .serve:
            guard let (ticket, waiter) = popFirst() else { return .giveUp }
            return .serve(ticket, waiter)
        }
    }

    /// A connection closed, whatever it was doing (after `idleTaken` if it was idle), or could not be established.
    public func connectionClosed(_ permit: consuming ConnectionPermit) -> Wake? {
        assert(Int(permit.worker) == worker, "a permit of another worker")
        return shared.released(permit)
    }

    // MARK: Messages from other workers

    /// A permit was granted (`Wake.Reason.permitGranted`). Called until it answers `.none`.
    public func collect() -> Grant {
        switch shared.collect(worker: worker, nextHead: arrival(second)) {
        case .none: return .none
        case .passedOn(let wake): return .passedOn(wake)
        case .connect:
            let permit = ConnectionPermit(worker: worker)
            guard let (ticket, waiter) = popFirst() else { return .passedOn(shared.released(permit)) }
            return .connect(ticket, waiter, permit)
        }
    }

    /// Another worker needs a connection (`Wake.Reason.giveUpIdle`).
    public func giveUpAsked() -> GiveUp { shared.giveUpAsked(worker: worker) }

    // MARK: The line

    private var second: Int32 { first < 0 ? -1 : slots[Int(first)].next }

    private func arrival(_ slot: Int32) -> Int64? { slot < 0 ? nil : slots[Int(slot)].arrival }

    private func take(_ place: Place, _ waiter: Waiter?, _ now: Int64) -> Ticket {
        if free < 0 {
            free = Int32(truncatingIfNeeded: slots.count)
            slots.append(Slot())
        }
        let slot = free
        let index = Int(slot)
        free = slots[index].next
        slots[index].place = place
        slots[index].waiter = waiter
        slots[index].arrival = now
        slots[index].previous = -1
        slots[index].next = -1
        return Ticket(slot: slot, generation: slots[index].generation)
    }

    private func append(_ slot: Int32) {
        slots[Int(slot)].previous = last
        if last < 0 { first = slot } else { slots[Int(last)].next = slot }
        last = slot
        waitingCount += 1
    }

    private func unlink(_ slot: Int32) {
        let (previous, next) = (slots[Int(slot)].previous, slots[Int(slot)].next)
        if previous < 0 { first = next } else { slots[Int(previous)].next = next }
        if next < 0 { last = previous } else { slots[Int(next)].previous = previous }
        waitingCount -= 1
    }

    private func popFirst() -> (Ticket, Waiter)? {
        guard first >= 0, let waiter = slots[Int(first)].waiter else {
            assertionFailure("the shared count of waiting requests is not the line's")
            return nil
        }
        let slot = first
        unlink(slot)
        slots[Int(slot)].place = .connecting
        slots[Int(slot)].waiter = nil
        return (Ticket(slot: slot, generation: slots[Int(slot)].generation), waiter)
    }

    private func end(_ ticket: Ticket) {
        let index = Int(ticket.slot)
        guard slots.indices.contains(index), slots[index].generation == ticket.generation,
            slots[index].place != .free
        else {
            assertionFailure("a pending request ended twice")
            return
        }
        if slots[index].place == .waiting {
            unlink(ticket.slot)
            shared.waiterLeft(worker: worker, head: arrival(first))
        } else {
            shared.pendingEnded()
        }
        slots[index].place = .free
        slots[index].waiter = nil
        slots[index].generation &+= 1
        slots[index].next = free
        free = ticket.slot
    }
}
