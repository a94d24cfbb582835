import Glibc
import Routing

/// Listening sockets that are open for a plan and serve nothing yet: all that can fail about publishing it has happened. What
/// is let go instead of being published is closed, and the files of unix sockets are taken away.
public struct BoundSockets: ~Copyable, Sendable {
    /// Of every listener of the plan, those included that were open before.
    var addresses: [ListenerKey: NetworkAddress] = [:]
    /// What is new, by worker.
    private var sockets: [[Worker.NewListener]]

    init(workers: Int) { sockets = (0..<workers).map { _ in [] } }

    /// One descriptor for each worker, owned by this value.
    mutating func add(_ key: ListenerKey, _ descriptors: [Int32], at address: NetworkAddress, isInherited: Bool) {
        addresses[key] = address
        for (index, fd) in descriptors.enumerated() {
            sockets[index].append(Worker.NewListener(key: key, fd: fd, isInherited: isInherited))
        }
    }

    /// Whoever takes them owns them.
    mutating func take() -> [[Worker.NewListener]] {
        defer { sockets = [] }
        return sockets
    }

    deinit {
        for list in sockets {
            for listener in list {
                _ = Glibc.close(listener.fd)
                if !listener.isInherited, case .unix(let path)? = addresses[listener.key] { unlink(path) }
            }
        }
    }
}
