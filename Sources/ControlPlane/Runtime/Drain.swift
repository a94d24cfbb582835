// The end of a process, in an order in which nothing that is still under way loses what it needs: gateways stop accepting
// first, and when their last request is answered, sidecars; then the built-in workloads behind them. The admin listeners
// stay until the end, so that `/ready` can say DRAINING. Each step publishes a smaller plan, whose missing listeners the
// workers drain, and waits until no connection is left of any listener that drains, those that an earlier change took away
// included; one deadline bounds it all.

import DataPlane
import Reactor
import Routing

final class Drain: Handler {
    enum Step {
        /// Serve only this.
        case reduce(Plan)
        /// Over; false if the time ran out.
        case done(Bool)
    }

    private static let stages: [Set<ProxyPlan.Role>] = [[.gateway, .network], [.sidecar], [.workload]]
    private static let checkInterval: Int64 = 10_000_000

    private let loop: EventLoop
    private let plane: DataPlane
    private let step: (Step) -> Void
    private let limit: Duration
    private var deadline: Int64 = 0
    private var plan: Plan
    private var stages = Drain.stages[...]
    private var isLast = false
    private lazy var timer = Timer(owner: self)

    init(loop: EventLoop, plan: Plan, limit: Duration, plane: DataPlane, step: @escaping (Step) -> Void) {
        self.loop = loop
        self.plan = plan
        self.limit = limit
        self.plane = plane
        self.step = step
    }

    func begin() {
        let nanoseconds = limit / .nanoseconds(1)
        deadline = Clock.monotonic() + Int64(min(max(nanoseconds, 0), 1e18))
        advance()
    }

    private func advance() {
        while let roles = stages.popFirst() {
            guard plan.proxies.contains(where: { roles.contains($0.role) }) else { continue }
            plan.proxies.removeAll { roles.contains($0.role) }
            step(.reduce(plan))
            check()
            return
        }
        // Nothing was left to take away, but something may still be going.
        isLast = true
        check()
    }

    override func timerFired(_ timer: Timer) { check() }

    /// An admin listener may have a client that only listens, for ever.
    private var isQuiet: Bool { plane.drainingListeners.allSatisfy { $0.role == .admin } }

    private func check() {
        let now = Clock.monotonic()
        if isQuiet {
            isLast ? step(.done(true)) : advance()
        } else if now >= deadline {
            step(.done(false))
        } else {
            loop.timers.arm(timer, deadline: min(now + Self.checkInterval, deadline))
        }
    }
}
