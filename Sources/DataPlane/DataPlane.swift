import CLinux
import Glibc
import Reactor
import Routing
import Synchronization
import Telemetry

/// The running data plane: worker threads, their listening sockets, and the one way to change what they serve.
///
/// `publish` first does all that can fail (binding), then hands the publication to every worker and waits until each has
/// adopted it. It is called from one control thread at a time.
public final class DataPlane: Sendable {
    public struct Configuration: Sendable {
        /// Worker threads, 1...64.
        public var workers: Int
        /// Makes draws repeatable; implies one worker.
        public var seed: UInt64?
        /// Client connections over all workers.
        public var connectionsMax: Int
        /// Waiting connections per listening socket.
        public var backlog: Int32 = 4_096
        /// How long the requests of a listener that is not served any more may take; then they are cut. As Envoy's
        /// `--drain-time-s`, whose default this is.
        public var drainTime = Duration.seconds(600)
        /// Measures every turn of the workers' loops.
        public var measuresLoops = false
        /// nil: nothing is traced.
        public var xray: XRaySettings?

        public init(workers: Int, seed: UInt64? = nil, connectionsMax: Int = 1_000_000) {
            self.workers = seed == nil ? max(1, min(workers, 64)) : 1
            self.seed = seed
            self.connectionsMax = connectionsMax
        }
    }

    /// A listening address that could not be opened.
    public struct BindFailure: Error, Sendable {
        public var proxy: String
        public var listener: String
        public var address: NetworkAddress
        public var error: SystemError
    }

    /// Thrown by `publish`: nothing was changed.
    public struct BindFailures: Error, Sendable {
        public var failures: [BindFailure]
    }

    /// A socket that is open.
    public struct BoundListener: Sendable {
        public var proxy: String
        public var listener: String
        /// As the plan has it.
        public var planned: NetworkAddress
        /// As the kernel has it: other port if the planned one is privileged or 0.
        public var actual: NetworkAddress
    }

    public let configuration: Configuration
    public let stats: StatStore
    public let logs: LogWriter
    private let inherited: InheritedSockets
    let threads: [WorkerThread]
    let draining = DrainingListeners()
    private let state = Mutex(State())

    private struct State {
        var bound: [ListenerKey: NetworkAddress] = [:]
        var publication: Publication?
        /// The workers have ended, or are about to: nobody would answer.
        var isStopped = false
        /// Of the clusters in `publication` that are discovered, as far as they have been.
        var discovered: [ClusterKey: [EndpointPlan]] = [:]
    }

    public init(
        configuration: Configuration, stats: StatStore, logs: LogWriter,
        inherited: InheritedSockets = InheritedSockets()
    ) throws(SystemError) {
        self.configuration = configuration
        self.inherited = inherited
        self.stats = stats
        self.logs = logs
        let empty = Publication(snapshot: Snapshot(plan: Plan(), generation: 0), handlers: [:], logTargets: [])
        var threads: [WorkerThread] = []
        for index in 0..<configuration.workers {
            let seed = configuration.seed
            let limit = max(1, configuration.connectionsMax / configuration.workers)
            threads.append(
                try WorkerThread(
                    index: index, publication: empty, stats: stats, seed: seed, connectionsMax: limit,
                    draining: draining, drainTime: configuration.drainTime, measuresLoop: configuration.measuresLoops))
        }
        self.threads = threads
        guard let tracing = configuration.xray.map({ Tracing($0) }) else { return }
        for thread in threads { thread.post { $0.tracing = WorkerTracing(tracing) } }
    }

    // MARK: Publishing

    /// What is being served.
    public var publication: Publication? { state.withLock { $0.publication } }

    /// Opens what `plan` listens on and this process does not yet. On failure nothing is open that was not.
    public func bind(_ plan: Plan) throws(BindFailures) -> BoundSockets {
        let known = state.withLock { $0.bound }
        let staying = Set(
            plan.proxies.flatMap { proxy in
                proxy.listeners.flatMap { listener in
                    listener.binds.map {
                        ListenerKey(proxy: proxy.name, listener: listener.name, address: $0.address)
                    }
                }
            })
        let ours = Set(known.filter { !staying.contains($0.key) }.values)
        var sockets = BoundSockets(workers: threads.count)
        var failures: [BindFailure] = []
        for proxy in plan.proxies {
            for listener in proxy.listeners {
                for bind in listener.binds {
                    let key = ListenerKey(proxy: proxy.name, listener: listener.name, address: bind.address)
                    if let actual = known[key] {
                        sockets.addresses[key] = actual
                        continue
                    }
                    do {
                        let (descriptors, actual) = try open(bind, beside: ours)
                        sockets.add(key, descriptors, at: actual, isInherited: inherited.has(actual))
                    } catch {
                        if bind.isOptional { continue }
                        failures.append(
                            BindFailure(proxy: proxy.name, listener: listener.name, address: bind.address, error: error)
                        )
                    }
                }
            }
        }
        guard failures.isEmpty else { throw BindFailures(failures: failures) }
        return sockets
    }

    /// Serves `publication`: opens what is new, switches every worker, drains what is gone. On failure nothing has changed.
    ///
    /// After `stop` it does nothing.
    public func publish(_ publication: Publication) throws(BindFailures) {
        publish(publication, on: try bind(publication.snapshot.plan))
    }

    /// Serves `publication` on what `bind` opened for its plan: switches every worker, drains what is gone. Between the two
    /// nothing else may have been published.
    ///
    /// After `stop` it does nothing.
    public func publish(_ publication: Publication, on sockets: consuming BoundSockets) {
        if state.withLock({ $0.isStopped }) { return }
        let addresses = sockets.addresses
        let discovered = state.withLock { state in
            state.bound = addresses
            state.publication = publication
            let clusters = publication.discoveredClusters
            state.discovered = state.discovered.filter { clusters.contains($0.key) }
            return state.discovered
        }
        let done = DispatchCounter(threads.count)
        for (thread, list) in zip(threads, sockets.take()) {
            thread.post { worker in
                worker.adopt(publication, newListeners: list, discovered: discovered)
                done.signal()
            }
        }
        done.wait()
    }

    /// One socket for each worker. The first is bound without SO_REUSEPORT, so that a second process on the address gets an
    /// error instead of a share of the traffic; then the option is set and the others join (design section 9).
    ///
    /// `ours` is what this process will not listen on any more: an address that only changes its owner, as when a gateway is renamed,
    /// is shared for the moment until the old listener has gone.
    private func open(
        _ bind: ListenerPlan.Bind, beside ours: Set<NetworkAddress>
    ) throws(SystemError) -> ([Int32], NetworkAddress) {
        do throws(SystemError) {
            return try open(bind.address, isOurs: ours.contains(bind.address))
        } catch {
            guard error.isPermission, let other = bind.unprivileged else { throw error }
            return try open(other, isOurs: ours.contains(other))
        }
    }

    private func open(_ planned: NetworkAddress, isOurs: Bool) throws(SystemError) -> ([Int32], NetworkAddress) {
        guard var address = SocketAddress(planned) else { throw SystemError("bind \(planned)", code: EINVAL) }
        if let descriptors = try inherited.open(planned, count: max(1, threads.count)) { return (descriptors, planned) }
        if case .unix(let path) = planned { removeDeadSocket(path, address) }
        var descriptors: [Int32] = []
        do throws(SystemError) {
            let first = try Socket(family: address.family)
            try SocketOperations.setOption(first.fd, SOL_SOCKET, SO_REUSEADDR, 1)
            if isOurs, !address.isUnix { try SocketOperations.setOption(first.fd, SOL_SOCKET, SO_REUSEPORT, 1) }
            try SocketOperations.bind(first.fd, to: address)
            address = SocketOperations.localAddress(first.fd)
            if address.isUnix {
                try SocketOperations.listen(first.fd, backlog: configuration.backlog)
                descriptors.append(first.release())
                // One socket for all: unix sockets have no reuse groups.
                for _ in 1..<max(1, threads.count) {
                    let copy = fcntl(descriptors[0], F_DUPFD_CLOEXEC, 0)
                    guard copy >= 0 else { throw SystemError("dup") }
                    descriptors.append(copy)
                }
                return (descriptors, planned)
            }
            try SocketOperations.setOption(first.fd, SOL_SOCKET, SO_REUSEPORT, 1)
            descriptors.append(first.release())
            for _ in 1..<max(1, threads.count) {
                let next = try Socket(family: address.family)
                try SocketOperations.setOption(next.fd, SOL_SOCKET, SO_REUSEADDR, 1)
                try SocketOperations.setOption(next.fd, SOL_SOCKET, SO_REUSEPORT, 1)
                try SocketOperations.bind(next.fd, to: address)
                descriptors.append(next.release())
            }
            for fd in descriptors { try SocketOperations.listen(fd, backlog: configuration.backlog) }
        } catch {
            for fd in descriptors { _ = Glibc.close(fd) }
            throw error
        }
        return (descriptors, .ip(host: address.host, port: address.port))
    }

    /// A socket file that nobody listens on is left over from a process that died. A file of another kind, or a listener that
    /// is merely busy, refuses connections too and is not ours to remove.
    private func removeDeadSocket(_ path: String, _ address: SocketAddress) {
        var status = stat()
        guard lstat(path, &status) == 0, status.st_mode & S_IFMT == S_IFSOCK,
            let probe = try? Socket(family: address.family)
        else { return }
        do throws(SystemError) {
            _ = try SocketOperations.connect(probe.fd, to: address)
        } catch {
            if error.code == ECONNREFUSED { unlink(path) }
        }
    }

    /// Every open listening socket, by proxy and listener.
    public var boundListeners: [BoundListener] {
        state.withLock { $0.bound }
            .map {
                BoundListener(proxy: $0.key.proxy, listener: $0.key.listener, planned: $0.key.address, actual: $0.value)
            }
            .sorted {
                ($0.proxy, $0.listener, $0.planned.description) < ($1.proxy, $1.listener, $1.planned.description)
            }
    }

    /// Keeps endpoint sets for the next publications.
    func remember(_ endpoints: [ClusterKey: [EndpointPlan]]) {
        state.withLock { state in
            guard let clusters = state.publication?.discoveredClusters else { return }
            for (key, set) in endpoints where clusters.contains(key) { state.discovered[key] = set }
        }
    }

    // MARK: The end

    /// Ends the workers; connections that are still open are cut, log buffers handed to the writer. Once is enough.
    public func stop() {
        let isFirst = state.withLock { state in
            defer { state.isStopped = true }
            return !state.isStopped
        }
        guard isFirst else { return }
        for thread in threads {
            thread.post { worker in
                worker.abortAll()
                worker.flushLogs()
                worker.loop.stop()
            }
        }
        for thread in threads { thread.join() }
    }

    /// Runs a job on every worker's thread, soon; the jobs of one caller in their order.
    public func onWorkers(_ job: @escaping @Sendable (Worker) -> Void) {
        for thread in threads { thread.post(job) }
    }

    /// Sets the workers' counters back to 0, of one proxy or of all.
    public func resetCounters(proxy: String?) {
        let stats = self.stats
        onWorkers { stats.resetCounters(worker: $0.index, proxy: proxy) }
    }

    /// Hands what is buffered to the log writer.
    public func flushLogs() {
        if state.withLock({ $0.isStopped }) { return }
        let counter = DispatchCounter(threads.count)
        for thread in threads {
            thread.post { worker in
                worker.flushLogs()
                counter.signal()
            }
        }
        counter.wait()
    }
}

/// Waits until so many signals came.
final class DispatchCounter: Sendable {
    private let semaphore: UnsafeSemaphore
    private let count: Int

    init(_ count: Int) {
        self.count = count
        semaphore = UnsafeSemaphore()
    }

    func signal() { semaphore.post() }

    func wait() { for _ in 0..<count { semaphore.wait() } }
}

/// A POSIX semaphore. Sendable: sem_t is made to be used by several threads.
final class UnsafeSemaphore: @unchecked Sendable {
    private let pointer = UnsafeMutablePointer<sem_t>.allocate(capacity: 1)

    init() { sem_init(pointer, 0, 0) }

    deinit {
        sem_destroy(pointer)
        pointer.deallocate()
    }

    func post() { sem_post(pointer) }

    func wait() { while sem_wait(pointer) != 0 {} }
}

/// A thread that runs one worker's loop.
/// `@unchecked Sendable`: the worker is touched only by jobs on its own thread, after `init` handed it over.
final class WorkerThread: @unchecked Sendable {
    private let worker: Worker
    private var thread = pthread_t()

    init(
        index: Int, publication: Publication, stats: StatStore, seed: UInt64?, connectionsMax: Int,
        draining: DrainingListeners, drainTime: Duration, measuresLoop: Bool
    ) throws(SystemError) {
        worker = try Worker(
            index: index, publication: publication, stats: stats, seed: seed, connectionsMax: connectionsMax,
            draining: draining, drainTime: drainTime)
        if measuresLoop { worker.measureLoop() }
        let box = Unmanaged.passRetained(worker)
        let result = pthread_create(
            &thread, nil,
            { argument in
                guard let argument else { return nil }
                clinux_name_thread("trellis-worker")
                let worker = Unmanaged<Worker>.fromOpaque(argument).takeRetainedValue()
                worker.loop.run()
                worker.ended()
                return nil
            }, box.toOpaque())
        guard result == 0 else {
            box.release()
            throw SystemError("pthread_create", code: result)
        }
    }

    func post(_ job: @escaping @Sendable (Worker) -> Void) {
        nonisolated(unsafe) let worker = self.worker
        worker.loop.mailbox.post { job(worker) }
    }

    func join() { pthread_join(thread, nil) }
}
