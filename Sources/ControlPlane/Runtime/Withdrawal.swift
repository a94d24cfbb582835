// Listeners that were taken away by hand while the process goes on (`/drain_listeners`, `/quitquitquit` of one proxy): what is
// asked for, and the plan without them. As in Envoy nothing brings them back, no reload either.

import DataPlane
import Reactor
import Routing

/// A call of `/drain_listeners`.
struct ListenerDrain: Sendable, Equatable {
    /// nil: of all proxies.
    var proxy: String?
    var inboundOnly: Bool
    /// Clients are told to go for the drain time before listeners close.
    var isGraceful: Bool
    /// With `isGraceful`: they never close.
    var keepsListeners: Bool

    func covers(_ proxy: ProxyPlan, _ listener: ListenerPlan) -> Bool {
        guard proxy.role != .admin, proxy.role != .workload, self.proxy == nil || self.proxy == proxy.name else {
            return false
        }
        return !inboundOnly || listener.direction == .ingress
    }
}

/// Everything that was withdrawn and discouraged so far.
struct Withdrawal {
    private(set) var closed: [ListenerDrain] = []
    private(set) var discouraged: [ListenerDrain] = []

    mutating func close(_ drain: ListenerDrain) { if !closed.contains(drain) { closed.append(drain) } }
    mutating func discourage(_ drain: ListenerDrain) { if !discouraged.contains(drain) { discouraged.append(drain) } }

    /// The plan without what was closed.
    func applied(to plan: Plan) -> Plan {
        guard !closed.isEmpty else { return plan }
        var plan = plan
        for index in plan.proxies.indices {
            let proxy = plan.proxies[index]
            plan.proxies[index].listeners.removeAll { listener in closed.contains { $0.covers(proxy, listener) } }
        }
        return plan
    }

    /// Listeners whose clients are told to go: those asked for, and all of a proxy whose health was failed by hand (as
    /// Envoy's drain manager does).
    func discouragedListeners(_ plan: Plan, failedHealth: Set<String>) -> Set<ListenerTag> {
        var tags: Set<ListenerTag> = []
        let failed = failedHealth.map {
            ListenerDrain(proxy: $0.isEmpty ? nil : $0, inboundOnly: false, isGraceful: true, keepsListeners: true)
        }
        for proxy in plan.proxies {
            for listener in proxy.listeners
            where (discouraged + failed).contains(where: { $0.covers(proxy, listener) }) {
                tags.insert(ListenerTag(proxy: proxy.name, listener: listener.name))
            }
        }
        return tags
    }
}

/// Runs something once, later, on the control thread.
final class Delay: Handler {
    private let action: () -> Void
    private(set) var isOver = false
    private lazy var timer = Timer(owner: self)

    init(_ loop: EventLoop, after time: Duration, _ action: @escaping () -> Void) {
        self.action = action
        super.init()
        let nanoseconds = Int64(min(max(time / .nanoseconds(1), 0), 1e18))
        loop.timers.arm(timer, deadline: Clock.monotonic() + nanoseconds)
    }

    override func timerFired(_ timer: Timer) {
        isOver = true
        action()
    }
}
