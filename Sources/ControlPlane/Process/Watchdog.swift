// The service manager's watchdog (sd_watchdog_enabled(3)): says "still alive" twice as often as asked, and only when every
// worker has answered since the last time. A thread that hangs takes the whole process to its restart.

import DataPlane
import Glibc
import Reactor
import Synchronization

final class Watchdog: Handler {
    private let loop: EventLoop
    private let plane: DataPlane
    private let workers: Int
    private let interval: Int64
    private let answered = Answers()
    private lazy var timer = Timer(owner: self)

    private final class Answers: Sendable { let count = Atomic<Int>(0) }

    /// nil if nobody asks for a sign of life.
    init?(loop: EventLoop, plane: DataPlane) {
        guard
            let interval = Self.interval(
                microseconds: getenv("WATCHDOG_USEC").map { String(cString: $0) },
                pid: getenv("WATCHDOG_PID").map { String(cString: $0) })
        else { return nil }
        self.loop = loop
        self.plane = plane
        self.interval = interval
        workers = plane.configuration.workers
    }

    /// Half of what the variables say, in nanoseconds; nil if they are for nobody or for another process.
    static func interval(microseconds: String?, pid: String?) -> Int64? {
        guard let microseconds = microseconds.flatMap({ Int64($0) }), microseconds > 0, microseconds < 1 << 50 else {
            return nil
        }
        if let pid, pid != "\(getpid())" { return nil }
        return microseconds * 500
    }

    func start() {
        ask()
        loop.timers.arm(timer, deadline: Clock.monotonic() + interval)
    }

    private func ask() {
        answered.count.store(0, ordering: .relaxed)
        let answered = self.answered
        plane.onWorkers { _ in answered.count.add(1, ordering: .relaxed) }
    }

    override func timerFired(_ timer: Timer) {
        loop.timers.arm(timer, deadline: Clock.monotonic() + interval)
        guard answered.count.load(ordering: .relaxed) == workers else { return }
        ServiceNotification.watchdog.send()
        ask()
    }
}
