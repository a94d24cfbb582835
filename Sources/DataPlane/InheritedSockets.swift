import CLinux
import Glibc
import Reactor
import Routing
import Synchronization

// Listening sockets that a service manager opened for this process (sd_listen_fds(3)). They are found by their address:
// when a listener wants it, all workers accept from the one inherited socket, each woken alone (EPOLLEXCLUSIVE). The
// service manager keeps the socket open, so that connections wait in its queue while one process ends and the next
// starts; that is why such a listener, when it drains, leaves the queue to whoever comes next.

/// Sockets that wait for their listener. They stay open, and a listener that comes back finds its socket again.
public final class InheritedSockets: Sendable {
    public struct Entry: Sendable, Equatable {
        public var descriptor: Int32
        /// `LISTEN_FDNAMES`, for texts.
        public var name: String
        public var address: NetworkAddress
    }

    private struct State {
        var entries: [Entry]
        var used: Set<NetworkAddress> = []
    }

    private let state: Mutex<State>

    /// Takes over descriptors. What is no listening stream socket is left out.
    /// - Parameter names: in the order of the descriptors; may be shorter.
    public init(_ descriptors: [Int32] = [], names: [String] = []) {
        let entries = descriptors.enumerated().compactMap { index, descriptor -> Entry? in
            guard Self.isListening(descriptor) else { return nil }
            let flags = fcntl(descriptor, F_GETFL, 0)
            _ = fcntl(descriptor, F_SETFL, flags | O_NONBLOCK)
            _ = fcntl(descriptor, F_SETFD, FD_CLOEXEC)
            let local = SocketOperations.localAddress(descriptor)
            let address: NetworkAddress =
                local.isUnix ? .unix(path: local.host) : .ip(host: local.host, port: local.port)
            return Entry(descriptor: descriptor, name: index < names.count ? names[index] : "", address: address)
        }
        state = Mutex(State(entries: entries))
    }

    deinit { for entry in state.withLock({ $0.entries }) { _ = Glibc.close(entry.descriptor) } }

    private static func isListening(_ descriptor: Int32) -> Bool {
        func option(_ name: Int32) -> Int32? {
            var value: Int32 = 0
            var length = socklen_t(MemoryLayout<Int32>.size)
            return getsockopt(descriptor, SOL_SOCKET, name, &value, &length) == 0 ? value : nil
        }
        return option(SO_ACCEPTCONN) == 1 && option(SO_TYPE) == Int32(SOCK_STREAM.rawValue)
    }

    public var entries: [Entry] { state.withLock { $0.entries } }

    /// Those that no listener has asked for.
    public var unused: [Entry] { state.withLock { state in state.entries.filter { !state.used.contains($0.address) } } }

    public func has(_ address: NetworkAddress) -> Bool { entries.contains { $0.address == address } }

    /// One descriptor for each worker, all of the same socket; nil if none is bound to the address.
    func open(_ address: NetworkAddress, count: Int) throws(SystemError) -> [Int32]? {
        let found = state.withLock { state -> Int32? in
            guard let entry = state.entries.first(where: { $0.address == address }) else { return nil }
            state.used.insert(address)
            return entry.descriptor
        }
        guard let found else { return nil }
        var copies: [Int32] = []
        for _ in 0..<count {
            let copy = fcntl(found, F_DUPFD_CLOEXEC, 0)
            guard copy >= 0 else {
                let error = SystemError("dup")
                for fd in copies { _ = Glibc.close(fd) }
                throw error
            }
            copies.append(copy)
        }
        return copies
    }
}
