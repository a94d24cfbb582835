import CLinux
import Glibc
import Synchronization

/// What epoll reported of a descriptor.
public struct ReadyEvents: OptionSet, Sendable {
    public let rawValue: UInt32
    public init(rawValue: UInt32) { self.rawValue = rawValue }
    public static let input = ReadyEvents(rawValue: EPOLLIN.rawValue)
    public static let output = ReadyEvents(rawValue: EPOLLOUT.rawValue)
    /// The peer finished sending, or is gone.
    public static let peerEnd = ReadyEvents(rawValue: EPOLLRDHUP.rawValue)
    public static let error = ReadyEvents(rawValue: EPOLLERR.rawValue)
    public static let hangUp = ReadyEvents(rawValue: EPOLLHUP.rawValue)
}

/// Whoever the loop calls: for a ready descriptor, a timer, or because it asked to be called once the current event is done.
///
/// A class with overridable methods instead of a protocol or closures: no existential and no allocation per event.
/// Handlers belong to one loop and are touched only on its thread.
open class Handler {
    fileprivate var slot = -1
    fileprivate var isDeferred = false

    public init() {}

    /// The descriptor is ready. Registration is edge-triggered: the handler remembers readiness that it does not use up.
    open func ready(_ events: ReadyEvents) {}

    /// A timer of this handler fired; it is no longer armed.
    open func timerFired(_ timer: Timer) {}

    /// Called once after the current event, however often `EventLoop.callAfterEvent` was asked.
    open func afterEvent() {}
}

/// One thread's event loop over epoll: descriptors, timers, and jobs posted by other threads.
@safe public final class EventLoop {
    /// How other threads reach the loop. The mailbox outlives the loop; jobs posted after its end are dropped.
    public let mailbox: Mailbox
    public let timers: TimerWheel
    public let pool = BufferPool()

    private let epoll: Int32
    private var handlers: [Handler?] = []
    private var generations: [UInt32] = []
    private var freeSlots: [Int] = []
    private var afterEvents: [Handler] = []
    private var running = true
    private let events: UnsafeMutableBufferPointer<epoll_event>
    private static let eventsMax = 256
    private static let mailboxSlot = UInt64.max

    /// Monotonic time in nanoseconds, read once for each event.
    public private(set) var now: Int64

    public init() throws(SystemError) {
        now = Clock.monotonic()
        timers = TimerWheel(now: now)
        epoll = epoll_create1(Int32(EPOLL_CLOEXEC))
        guard epoll >= 0 else { throw SystemError("epoll_create1") }
        mailbox = try Mailbox()
        unsafe events = .allocate(capacity: Self.eventsMax)
        var event = unsafe epoll_event()
        unsafe event.events = EPOLLIN.rawValue
        unsafe event.data.u64 = Self.mailboxSlot
        guard unsafe epoll_ctl(epoll, EPOLL_CTL_ADD, mailbox.wakeDescriptor, &event) == 0 else {
            throw SystemError("epoll_ctl")
        }
    }

    deinit {
        unsafe events.deallocate()
        _ = close(epoll)
    }

    // MARK: Descriptors

    /// Registers the descriptor, edge-triggered, for everything, or for input alone (listening sockets, level-triggered).
    public func add(_ handler: Handler, fd: Int32, accepting: Bool = false, exclusive: Bool = false) throws(SystemError)
    {
        let slot = freeSlots.popLast() ?? handlers.count
        if slot == handlers.count {
            handlers.append(handler)
            generations.append(0)
        } else {
            handlers[slot] = handler
        }
        handler.slot = slot
        var event = unsafe epoll_event()
        unsafe event.events =
            accepting
            ? EPOLLIN.rawValue | (exclusive ? EPOLLEXCLUSIVE.rawValue : 0)
            : EPOLLIN.rawValue | EPOLLOUT.rawValue | EPOLLRDHUP.rawValue | EPOLLET.rawValue
        unsafe event.data.u64 = UInt64(generations[slot]) << 32 | UInt64(slot)
        guard unsafe epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event) == 0 else {
            let error = SystemError("epoll_ctl")
            forget(handler)
            throw error
        }
    }

    /// Forgets the handler; events of this turn that were meant for it are dropped. The caller closes the descriptor, which
    /// takes it out of epoll, unless another descriptor shares its open file description (dup(2)): then `fd` has to be given.
    public func remove(_ handler: Handler, fd: Int32? = nil) {
        guard handler.slot >= 0 else { return }
        if let fd { _ = epoll_ctl(epoll, EPOLL_CTL_DEL, fd, nil) }
        forget(handler)
    }

    private func forget(_ handler: Handler) {
        let slot = handler.slot
        handlers[slot] = nil
        // An event already fetched for the old owner must not reach the next one.
        generations[slot] &+= 1
        freeSlots.append(slot)
        handler.slot = -1
    }

    // MARK: Turns

    /// Calls `handler.afterEvent()` once, after the event being handled; later if very much is put off, so that two handlers
    /// that keep each other busy (a fast sender and a fast reader) do not keep the others waiting.
    public func callAfterEvent(_ handler: Handler) {
        if handler.isDeferred { return }
        handler.isDeferred = true
        afterEvents.append(handler)
    }

    /// Hears how long each turn took from the end of waiting on, in nanoseconds; nil costs nothing.
    public var onTurn: ((Int64) -> Void)?

    /// Handles events until `stop`.
    public func run() {
        while running { turn() }
    }

    /// Ends `run` after the current event.
    public func stop() { running = false }

    private func turn() {
        var timeout: Int32 = -1
        if let wake = timers.nextWake() {
            // Rounded up: waking a moment early would only mean another turn.
            let wait = (wake - now + 999_999) / 1_000_000
            timeout = Int32(clamping: max(wait, 0))
        }
        if !afterEvents.isEmpty { timeout = 0 }
        let count = unsafe epoll_wait(epoll, events.baseAddress, Int32(Self.eventsMax), timeout)
        now = Clock.monotonic()
        let begin = now
        var index = 0
        while index < Int(max(count, 0)) {
            let event = unsafe events[index]
            index += 1
            if unsafe event.data.u64 == Self.mailboxSlot {
                mailbox.drain()
                settle()
                continue
            }
            let slot = unsafe Int(event.data.u64 & 0xFFFF_FFFF)
            guard slot < handlers.count, unsafe generations[slot] == UInt32(event.data.u64 >> 32),
                let handler = handlers[slot]
            else { continue }
            if index > 1 { now = Clock.monotonic() }
            handler.ready(ReadyEvents(rawValue: unsafe event.events))
            settle()
        }
        timers.advance(to: now)
        settle()
        if let onTurn { onTurn(Clock.monotonic() - begin) }
    }

    /// Calls in one `settle` at most, besides those that were waiting when it began.
    private static let furtherCallsMax = 64

    /// Runs what handlers put off, and what that puts off in turn.
    private func settle() {
        var index = 0
        let limit = afterEvents.count + Self.furtherCallsMax
        // The list may grow while it is walked.
        while index < afterEvents.count, index < limit {
            let handler = afterEvents[index]
            index += 1
            handler.isDeferred = false
            handler.afterEvent()
        }
        if index == afterEvents.count {
            afterEvents.removeAll(keepingCapacity: true)
        } else {
            afterEvents.removeFirst(index)
        }
    }
}

/// Jobs for a loop from other threads.
public final class Mailbox: Sendable {
    public typealias Job = @Sendable () -> Void
    private let jobs = Mutex<[Job]>([])
    let wakeDescriptor: Int32

    init() throws(SystemError) {
        wakeDescriptor = eventfd(0, Int32(EFD_NONBLOCK) | Int32(EFD_CLOEXEC))
        guard wakeDescriptor >= 0 else { throw SystemError("eventfd") }
    }

    deinit { _ = close(wakeDescriptor) }

    /// Runs `job` on the loop's thread, in the order of posting.
    public func post(_ job: @escaping Job) {
        let wasEmpty = jobs.withLock { list in
            list.append(job)
            return list.count == 1
        }
        guard wasEmpty else { return }
        var one: UInt64 = 1
        // Cannot fail but for a full counter, and then the loop is awake anyway.
        _ = unsafe write(wakeDescriptor, &one, 8)
    }

    func drain() {
        var value: UInt64 = 0
        _ = unsafe read(wakeDescriptor, &value, 8)
        let list = jobs.withLock { list in
            let taken = list
            list = []
            return taken
        }
        for job in list { job() }
    }
}

public enum Clock {
    /// Nanoseconds of CLOCK_MONOTONIC.
    @inline(__always) public static func monotonic() -> Int64 {
        var time = timespec()
        _ = unsafe clock_gettime(CLOCK_MONOTONIC, &time)
        return Int64(time.tv_sec) &* 1_000_000_000 &+ Int64(time.tv_nsec)
    }

    /// Processor time of the calling thread, in nanoseconds (CLOCK_THREAD_CPUTIME_ID).
    public static func thread() -> Int64 {
        var time = timespec()
        _ = unsafe clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time)
        return Int64(time.tv_sec) &* 1_000_000_000 &+ Int64(time.tv_nsec)
    }

    /// Nanoseconds since 1970 of CLOCK_REALTIME.
    public static func realtime() -> Int64 {
        var time = timespec()
        _ = unsafe clock_gettime(CLOCK_REALTIME, &time)
        return Int64(time.tv_sec) &* 1_000_000_000 &+ Int64(time.tv_nsec)
    }
}
