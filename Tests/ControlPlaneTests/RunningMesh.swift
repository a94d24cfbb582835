// A mesh that really runs, on a control thread of its own, and a plain client for its sockets.

import Compiler
import Definitions
import Glibc
import Synchronization
import Testing

@testable import ControlPlane

/// As the module under test means it.
typealias NetworkAddress = ControlPlane.NetworkAddress

/// Something that another thread fills and a test waits for.
final class Awaited<Value: Sendable>: Sendable {
    private let value: Mutex<Value>

    init(_ initial: Value) { value = Mutex(initial) }

    func change(_ body: (inout sending Value) -> Void) { value.withLock { body(&$0) } }
    var current: Value { value.withLock { $0 } }

    /// Looks again and again until the condition holds; false if it did not within the time.
    func wait(_ limit: Duration = .seconds(10), until condition: (Value) -> Bool) -> Bool {
        let end = ContinuousClock.now + limit
        while !condition(current) {
            guard ContinuousClock.now < end else { return false }
            poll(nil, 0, 2)
        }
        return true
    }
}

/// Runs a body on a thread of its own.
func onThread(_ body: @escaping @Sendable () -> Void) -> pthread_t {
    final class Job {
        let body: @Sendable () -> Void
        init(_ body: @escaping @Sendable () -> Void) { self.body = body }
    }
    var thread = pthread_t()
    let job = Unmanaged.passRetained(Job(body))
    let result = pthread_create(
        &thread, nil,
        { argument in
            guard let argument else { return nil }
            Unmanaged<Job>.fromOpaque(argument).takeRetainedValue().body()
            return nil
        }, job.toOpaque())
    precondition(result == 0)
    return thread
}

final class RunningMesh: Sendable {
    struct State: Sendable {
        var handle: RuntimeHandle?
        var report: RuntimeReport?
        var startFindings: [Diagnostic] = []
        var failure: StartFailure?
        var reloads: [ReloadOutcome] = []
        var events: [String] = []
        var ending: Ending?
    }

    let state = Awaited(State())
    private let thread: pthread_t

    init(_ options: RuntimeOptions) {
        let state = self.state
        thread = onThread {
            do throws(StartFailure) {
                let runtime = try MeshRuntime(options) { event in state.change { $0.note(event) } }
                state.change { $0.handle = runtime.handle }
                let ending = runtime.run()
                state.change { $0.ending = ending }
            } catch {
                state.change { $0.failure = error }
            }
        }
        _ = state.wait { $0.handle != nil || $0.failure != nil }
    }

    /// The files of a folder, on addresses of their own, without signals.
    convenience init(_ paths: [String], _ adjust: (inout RuntimeOptions) -> Void = { _ in }) {
        var options = RuntimeOptions(
            source: .files(paths: paths, variables: [:]), compiler: CompilerOptions(addressBase: Colors.addressBase()),
            admin: .ip(host: "127.0.0.1", port: 0))
        options.workers = 2
        options.handlesSignals = false
        adjust(&options)
        self.init(options)
    }

    var handle: RuntimeHandle? { state.current.handle }

    /// Where a listener is open; the first of its sockets.
    func address(_ proxy: String) -> NetworkAddress? {
        state.current.report?.rows.first { $0.proxy == proxy }?.actual
    }

    var gateway: NetworkAddress { found(address("colors/front")) }
    var admin: NetworkAddress { found(state.current.report?.admin) }

    private func found(_ address: NetworkAddress?) -> NetworkAddress {
        if let address { return address }
        Issue.record("not there: \(String(describing: state.current.failure))")
        return .ip(host: "127.0.0.1", port: 1)
    }

    func reload() -> ReloadOutcome? {
        let outcome = Awaited<ReloadOutcome?>(nil)
        handle?.reload(.signal) { result in outcome.change { $0 = result } }
        _ = outcome.wait { $0 != nil }
        return outcome.current
    }

    /// Waits for a reload that the process makes by itself.
    func waitForReload(_ result: ReloadOutcome.Result, after count: Int) -> ReloadOutcome? {
        _ = state.wait { $0.reloads.count > count && $0.reloads.last?.result == result }
        return state.current.reloads.last
    }

    /// Ends the mesh; true if it ended.
    @discardableResult
    func stop() -> Bool {
        handle?.stop()
        return state.wait { $0.ending != nil || $0.failure != nil }
    }
}

extension RunningMesh.State {
    fileprivate mutating func note(_ event: RuntimeEvent) {
        switch event {
        case .ready(let report, let findings):
            self.report = report
            startFindings = findings
        case .reloaded(let outcome): reloads.append(outcome)
        case .logsReopened: events.append("reopened")
        case .notWatched: events.append("notWatched")
        case .discovery: events.append("discovery")
        case .draining: events.append("draining")
        case .cut: events.append("cut")
        case .adminCalled(let call): events.append("\(call.method) \(call.path)")
        case .withdrawn(let listeners): events.append("withdrawn \(listeners.joined(separator: " "))")
        case .socketsUnused(let sockets): events.append("unused \(sockets.joined(separator: " "))")
        }
    }
}

/// One request on a connection of its own.
struct Exchanged {
    var status = 0
    var head = ""
    var body = ""
}

enum Client {
    static func get(_ address: NetworkAddress, _ path: String = "/", host: String = "color.colors.local") -> Exchanged {
        send(address, "GET \(path) HTTP/1.1\r\nhost: \(host)\r\nconnection: close\r\n\r\n")
    }

    /// Sends bytes and reads to the end; status 0 if nobody answers.
    static func send(_ address: NetworkAddress, _ request: String) -> Exchanged {
        guard let descriptor = connect(address) else { return Exchanged() }
        defer { close(descriptor) }
        let bytes = Array(request.utf8)
        guard Glibc.send(descriptor, bytes, bytes.count, Int32(MSG_NOSIGNAL)) == bytes.count else {
            return Exchanged()
        }
        return read(descriptor)
    }

    static func connect(_ address: NetworkAddress) -> Int32? {
        guard case .ip(let host, let port) = address else { return nil }
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        var limit = timeval(tv_sec: 10, tv_usec: 0)
        setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
        var target = sockaddr_in()
        target.sin_family = sa_family_t(AF_INET)
        target.sin_port = in_port_t(UInt16(port).bigEndian)
        inet_pton(AF_INET, host, &target.sin_addr)
        let connected = withUnsafePointer(to: &target) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                Glibc.connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
        guard connected == 0 else {
            close(descriptor)
            return nil
        }
        return descriptor
    }

    private static func read(_ descriptor: Int32) -> Exchanged {
        var bytes: [UInt8] = []
        var part = [UInt8](repeating: 0, count: 65_536)
        while case let count = recv(descriptor, &part, part.count, 0), count > 0 { bytes += part[..<count] }
        let text = String(decoding: bytes, as: UTF8.self)
        // A line end is one character for String, so the parts are split by bytes.
        guard let cut = text.utf8.firstRange(of: Array("\r\n\r\n".utf8)) else { return Exchanged() }
        let words = text.split(separator: " ", maxSplits: 2)
        return Exchanged(
            status: words.count > 1 ? Int(words[1]) ?? 0 : 0, head: String(text[..<cut.lowerBound]),
            body: String(text[cut.upperBound...]))
    }
}
