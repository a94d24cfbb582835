import Routing

// Telling clients to go without turning them away: a listener that still accepts and answers, and closes each connection
// with its answer (`Connection: close`). Envoy does so while its health check is failed and in the first part of a
// graceful drain, so that clients move to another instance at a moment of their own.

/// A listener over all generations.
public struct ListenerTag: Hashable, Sendable {
    public var proxy: String
    public var listener: String

    public init(proxy: String, listener: String) {
        self.proxy = proxy
        self.listener = listener
    }
}

extension DataPlane {
    /// From now on these listeners, and no others, close connections with their answers. A listener need not be open yet.
    public func discourage(_ listeners: Set<ListenerTag>) {
        onWorkers { $0.discouraged = listeners }
    }
}

extension ListenerRuntime {
    /// Whether an answer is the last one on its connection.
    var closesConnections: Bool { isDraining || isDiscouraged }
}
