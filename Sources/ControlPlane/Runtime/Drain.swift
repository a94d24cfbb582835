// The end of a process, in an order in which nothing that is still under way loses what it needs: gateways stop accepting
// first, and when their last request is answered, sidecars; then the built-in workloads behind them. The admin listeners
// stay until the end, so that `/ready` can say DRAINING. Each step publishes a smaller plan, whose missing listeners the
// workers drain, and waits until no connection of theirs is left; one deadline bounds it all.

import DataPlane
import Reactor
import Routing
import Telemetry

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
    private let stats: StatStore
    private let step: (Step) -> Void
    private let limit: Duration
    private var deadline: Int64 = 0
    private var plan: Plan
    private var stages = Drain.stages[...]
    private var leaving: [StatKey] = []
    private lazy var timer = Timer(owner: self)

    init(loop: EventLoop, plan: Plan, limit: Duration, stats: StatStore, step: @escaping (Step) -> Void) {
        self.loop = loop
        self.plan = plan
        self.limit = limit
        self.stats = stats
        self.step = step
    }

    func begin() {
        let nanoseconds = limit / .nanoseconds(1)
        deadline = Clock.monotonic() + Int64(min(max(nanoseconds, 0), 1e18))
        advance()
    }

    private func advance() {
        while let roles = stages.popFirst() {
            let removed = plan.proxies.filter { roles.contains($0.role) }
            guard !removed.isEmpty else { continue }
            plan.proxies.removeAll { roles.contains($0.role) }
            leaving = removed.flatMap { proxy in
                proxy.listeners.flatMap { listener in
                    listener.binds.map { StatKey.listener($0.address.description, proxy: proxy.name) }
                }
            }
            step(.reduce(plan))
            check()
            return
        }
        step(.done(true))
    }

    override func timerFired(_ timer: Timer) { check() }

    private func check() {
        let open = leaving.reduce(0) { $0 + stats.value($1, ListenerCounter.downstreamCxActive) }
        let now = Clock.monotonic()
        if open <= 0 {
            advance()
        } else if now >= deadline {
            step(.done(false))
        } else {
            loop.timers.arm(timer, deadline: min(now + Self.checkInterval, deadline))
        }
    }
}
