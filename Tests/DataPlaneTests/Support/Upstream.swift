import Glibc
import Synchronization

/// An upstream that follows a script: for each connection it accepts, the script runs on a thread of its own.
///
/// What a script throws ends its connection; a test sees that as what the proxy made of it, and `failures` has the error.
final class Upstream: Sendable {
    typealias Script = @Sendable (_ connection: Connection, _ number: Int) throws -> Void

    let port: Int
    private let fd: Int32
    private let state = Mutex(State())

    private struct State {
        var accepted = 0
        var failures: [WireFailure] = []
    }

    /// Serves connections one script each; `number` counts them from 0.
    init(_ script: @escaping Script) throws {
        (fd, port) = try Self.listen(backlog: 64)
        let fd = self.fd
        startThread { [self] in
            while true {
                let accepted = accept(fd, nil, nil)
                guard accepted >= 0 else { return }
                let number = state.withLock { state in
                    state.accepted += 1
                    return state.accepted - 1
                }
                let connection = Connection(owning: accepted)
                startThread { [self] in
                    do {
                        try script(connection, number)
                    } catch let error as WireFailure {
                        state.withLock { $0.failures.append(error) }
                    } catch {}
                    connection.close()
                }
            }
        }
    }

    /// Answers every request on every connection.
    static func answering(_ answer: @escaping @Sendable (Message) throws -> String) throws -> Upstream {
        try Upstream { connection, _ in
            while true { try connection.send(try answer(try connection.request())) }
        }
    }

    /// Ends the thread that accepts; connections go on.
    func stop() { shutdown(fd, Int32(SHUT_RDWR)) }

    var connections: Int { state.withLock { $0.accepted } }

    /// Errors other than connections that the proxy ended.
    var failures: [WireFailure] { state.withLock { $0.failures.filter { $0.kind != .ended } } }

    /// A listening socket on a free port of 127.0.0.1.
    static func listen(backlog: Int32) throws -> (fd: Int32, port: Int) {
        let fd = socket(AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        var address = loopback(port: 0)
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let result = withUnsafeMutablePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { raw in
                bind(fd, raw, length) == 0 && Glibc.listen(fd, backlog) == 0 && getsockname(fd, raw, &length) == 0
            }
        }
        guard result else { throw WireFailure(kind: .refused, during: "listening") }
        return (fd, Int(UInt16(bigEndian: address.sin_port)))
    }

    /// A port on which nobody listens.
    static func closedPort() throws -> Int {
        let (fd, port) = try listen(backlog: 1)
        close(fd)
        return port
    }
}

/// Runs `body` on a detached thread: a blocking script must not hold one of the few threads that run tests.
func startThread(_ body: @escaping @Sendable () -> Void) {
    final class Box: Sendable {
        let body: @Sendable () -> Void
        init(_ body: @escaping @Sendable () -> Void) { self.body = body }
    }
    var attributes = pthread_attr_t()
    pthread_attr_init(&attributes)
    pthread_attr_setdetachstate(&attributes, Int32(PTHREAD_CREATE_DETACHED))
    var thread = pthread_t()
    let start: @convention(c) (UnsafeMutableRawPointer?) -> UnsafeMutableRawPointer? = { argument in
        guard let argument else { return nil }
        Unmanaged<Box>.fromOpaque(argument).takeRetainedValue().body()
        return nil
    }
    let box = Unmanaged.passRetained(Box(body))
    if pthread_create(&thread, &attributes, start, box.toOpaque()) != 0 { box.release() }
    pthread_attr_destroy(&attributes)
}

/// Waits for what another thread brings about; false after the limit.
func eventually(_ condition: () -> Bool) -> Bool {
    for _ in 0..<(Connection.limit * 1_000) {
        if condition() { return true }
        usleep(1_000)
    }
    return condition()
}
