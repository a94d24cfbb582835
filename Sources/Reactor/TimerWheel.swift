/// A hierarchical timer wheel: arming and cancelling cost a few stores, whatever the number of timers.
///
/// Time is divided into ticks of one millisecond. Level 0 has a slot for each of the next 256 ticks; each higher level has
/// 64 slots that are 256, 16,384 and 1,048,576 ticks wide, so the reach is 18 hours (later deadlines wait in the last slot
/// and are put back). A timer fires in the first turn of the loop whose time is at or past its deadline, never before.
/// Timers are linked into their slot by themselves: no allocation after their creation.
public final class TimerWheel {
    static let tick: Int64 = 1_000_000
    private static let widths: [Int64] = [1, 256, 16_384, 1_048_576]
    private static let slotCounts = [256, 64, 64, 64]

    /// Sentinels of the circular slot lists, level after level.
    private let slots: [Timer]
    private static let firstSlot = [0, 256, 320, 384]
    /// Armed timers per level, so that empty levels cost nothing.
    private var armed = [0, 0, 0, 0]
    /// All ticks up to this one have been handled.
    private var currentTick: Int64
    /// A tick at or before which nothing needs doing, or 0 when it has to be found again.
    private var quietUntil: Int64 = 0

    /// - Parameter now: monotonic time in nanoseconds.
    public init(now: Int64) {
        currentTick = now / Self.tick
        slots = (0..<448).map { _ in Timer(sentinel: ()) }
    }

    public var count: Int { armed[0] + armed[1] + armed[2] + armed[3] }

    /// Arms the timer for `deadline` (monotonic nanoseconds), replacing an earlier arming.
    public func arm(_ timer: Timer, deadline: Int64) {
        if timer.isArmed { cancel(timer) }
        timer.deadline = deadline
        // The current tick has been handled, so the next is the earliest.
        insert(timer, earliest: currentTick + 1)
    }

    public func cancel(_ timer: Timer) {
        guard timer.isArmed else { return }
        armed[Int(timer.level)] -= 1
        timer.unlink()
    }

    private func insert(_ timer: Timer, earliest: Int64) {
        // Rounded up, so that it never fires early.
        let wanted = max((timer.deadline &+ (Self.tick - 1)) / Self.tick, earliest)
        let distance = wanted - currentTick
        let level = distance < 256 ? 0 : distance < 16_384 ? 1 : distance < 1_048_576 ? 2 : 3
        let width = Self.widths[level]
        // Beyond the reach: the farthest slot, from which it is put back.
        let reachable = min(wanted, currentTick + 63 * width * (level == 0 ? 5 : 1))
        let slot = Int((reachable / width) % Int64(Self.slotCounts[level]))
        quietUntil = min(quietUntil, max(reachable / width * width, currentTick + 1))
        timer.level = UInt8(level)
        armed[level] += 1
        timer.link(before: slots[Self.firstSlot[level] + slot])
    }

    /// When `advance` has to run next; nil without timers. A lower bound: it may be earlier than the first deadline.
    public func nextWake() -> Int64? {
        guard count > 0 else { return nil }
        if quietUntil > currentTick { return quietUntil &* Self.tick }
        var best = Int64.max
        if armed[0] > 0 {
            var distance: Int64 = 1
            while distance <= 256 {
                let slot = Int((currentTick + distance) & 255)
                if !slots[slot].isAlone {
                    best = currentTick + distance
                    break
                }
                distance += 1
            }
        }
        for level in 1..<4 where armed[level] > 0 {
            let width = Self.widths[level]
            best = min(best, (currentTick / width + 1) * width)
        }
        quietUntil = best
        return best &* Self.tick
    }

    /// Fires every timer whose deadline is at or before `now`.
    public func advance(to now: Int64) {
        let target = now / Self.tick
        while currentTick < target {
            if count == 0 {
                currentTick = target
                return
            }
            if armed[0] == 0 {
                // Nothing can fire before the next slot of level 1 opens.
                let boundary = (currentTick / 256 + 1) * 256
                if boundary > target {
                    currentTick = target
                    return
                }
                currentTick = boundary - 1
            }
            currentTick += 1
            if currentTick & 255 == 0 { cascade() }
            fire(slots[Int(currentTick & 255)])
        }
    }

    /// Moves the timers of the slots that have just opened to the levels below.
    private func cascade() {
        for level in (1..<4).reversed() where currentTick % Self.widths[level] == 0 && armed[level] > 0 {
            let slot = Int((currentTick / Self.widths[level]) % Int64(Self.slotCounts[level]))
            let sentinel = slots[Self.firstSlot[level] + slot]
            // Detached first: a timer may go back to this very slot.
            var waiting: [Timer] = []
            while let timer = sentinel.following {
                armed[level] -= 1
                timer.unlink()
                waiting.append(timer)
            }
            // The tick that opens is fired after this, so a timer that is due now may still go into its slot.
            for timer in waiting { insert(timer, earliest: currentTick) }
        }
    }

    private func fire(_ sentinel: Timer) {
        while let timer = sentinel.following {
            armed[Int(timer.level)] -= 1
            timer.unlink()
            unsafe timer.owner?.timerFired(timer)
        }
    }
}

/// One timer; its owner creates it once, arms it as often as it likes and cancels it before going away.
@safe public final class Timer {
    /// Not retained: the owner holds the timer.
    unowned(unsafe) fileprivate let owner: Handler?
    private var previous: Unmanaged<Timer>?
    private var next: Unmanaged<Timer>?
    private let isSentinel: Bool
    fileprivate var level: UInt8 = 0
    /// Monotonic nanoseconds; meaningful while armed.
    public fileprivate(set) var deadline: Int64 = 0

    public init(owner: Handler) {
        unsafe self.owner = owner
        isSentinel = false
    }

    fileprivate init(sentinel: Void) {
        unsafe owner = nil
        isSentinel = true
        unsafe previous = Unmanaged.passUnretained(self)
        unsafe next = Unmanaged.passUnretained(self)
    }

    public var isArmed: Bool { unsafe !isSentinel && next != nil }

    fileprivate var isAlone: Bool { following == nil }

    /// The first timer of this sentinel's slot.
    fileprivate var following: Timer? {
        guard let first = unsafe next?.takeUnretainedValue(), first !== self else { return nil }
        return first
    }

    fileprivate func link(before sentinel: Timer) {
        unsafe previous = sentinel.previous
        unsafe next = Unmanaged.passUnretained(sentinel)
        unsafe sentinel.previous?.takeUnretainedValue().next = Unmanaged.passUnretained(self)
        unsafe sentinel.previous = Unmanaged.passUnretained(self)
    }

    fileprivate func unlink() {
        unsafe previous?.takeUnretainedValue().next = next
        unsafe next?.takeUnretainedValue().previous = previous
        unsafe previous = nil
        unsafe next = nil
    }
}
