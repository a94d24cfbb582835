import Routing
import Synchronization

// Which listeners have left a plan and still have connections. Workers note it, the control thread asks: how long the end of
// a process must wait, and what `listener_manager.total_listeners_draining` says. A listener that two generations took away
// one after the other is here until the connections of both are gone.

/// A listener that accepts nothing more and waits for its last answers.
public struct DrainingListener: Hashable, Sendable {
    public var proxy: String
    public var listener: String
    /// As the plan had it.
    public var address: NetworkAddress
    /// Of its proxy.
    public var role: ProxyPlan.Role
}

/// The draining listeners of all workers, each with how many sockets of it have connections.
final class DrainingListeners: Sendable {
    private let sockets = Mutex<[DrainingListener: Int]>([:])

    func add(_ listener: DrainingListener) { sockets.withLock { $0[listener, default: 0] += 1 } }

    func remove(_ listener: DrainingListener) {
        sockets.withLock { sockets in
            guard let count = sockets[listener] else { return }
            sockets[listener] = count > 1 ? count - 1 : nil
        }
    }

    var all: Set<DrainingListener> { sockets.withLock { Set($0.keys) } }
}

extension DataPlane {
    /// What waits for its last answers now. A listener that `publish` took away is among them when `publish` returns, unless
    /// it had no connection.
    public var drainingListeners: Set<DrainingListener> { draining.all }
}
