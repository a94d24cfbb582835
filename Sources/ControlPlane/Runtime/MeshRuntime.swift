// A running mesh process: one control thread with an event loop of its own, on which definitions are read, published and
// watched, signals are heard and the end is made; and the data plane's workers, which it never blocks and which never block
// it for longer than they need to adopt a generation.
//
// A change goes: read and compile (all findings), add the admin listeners, open logs, build snapshot n+1, bind what is new,
// publish. A failure before publish leaves n serving and says why (design section 5).

import Compiler
import DataPlane
import Definitions
import Glibc
import Reactor
import Routing
import Telemetry

public struct RuntimeOptions: Sendable {
    public var source: MeshSource
    /// `admin` here is set from the option of the same name.
    public var compiler: CompilerOptions
    /// Worker threads, 1 to 64; nil takes what the machine and the control groups allow, and 1 for a part of a mesh.
    public var workers: Int?
    /// Makes draws repeatable, with one worker.
    public var seed: UInt64?
    /// The process's own admin listener; nil: none.
    public var admin: NetworkAddress?
    /// Where one JSON line per record goes; `-` is standard output.
    public var accessLog: String?
    /// DNS servers to ask instead of those of resolv.conf, as IP addresses with ports; empty: those.
    public var dnsServers: [NetworkAddress] = []
    /// How long requests may take to finish when the process ends.
    public var drainTime: Duration = .seconds(5)
    /// Whether signals of the process and changes of files lead to anything.
    public var handlesSignals = true
    public var watchesFiles = true

    public init(source: MeshSource, compiler: CompilerOptions = CompilerOptions(), admin: NetworkAddress? = nil) {
        self.source = source
        self.compiler = compiler
        self.admin = admin
    }

    var workerCount: Int {
        if let workers { return workers }
        return compiler.node != nil || compiler.gateway != nil ? 1 : ProcessLimits.workers
    }
}

/// Why a process does not start.
public enum StartFailure: Error, Sendable {
    /// Definitions that cannot be used, or protections that would not be enforced.
    case definitions([Diagnostic])
    /// Addresses that cannot be opened.
    case addresses([Diagnostic])
    case system(SystemError)
}

/// How a process ended.
public enum Ending: Sendable {
    /// Requests finished, or were cut at the deadline.
    case drained
    /// Asked for twice: at once.
    case forced
}

public final class MeshRuntime {
    public let handle: RuntimeHandle
    private let options: RuntimeOptions
    private let report: (RuntimeEvent) -> Void
    private let loop: EventLoop
    private let logs: LogWriter
    private let plane: DataPlane
    private let state: RuntimeState
    private let pulse: ProcessPulse
    private let discovery: EndpointDiscovery
    private var signals: SignalSource?
    private var watch: FileWatch?
    private var workloads: [WorkloadPlan] = []
    private var drain: Drain?
    /// Of the unix sockets that are open.
    private var socketFiles: Set<String> = []
    private var ending = Ending.drained

    /// Loads, publishes and reports `ready`. Then `run` is to be called on the same thread, which is the control thread.
    public init(_ options: RuntimeOptions, report: @escaping (RuntimeEvent) -> Void) throws(StartFailure) {
        var options = options
        options.compiler.admin = options.admin
        self.options = options
        self.report = report
        if options.handlesSignals { SignalSource.block() }
        do throws(SystemError) {
            loop = try EventLoop()
            logs = LogWriter()
            var configuration = DataPlane.Configuration(workers: options.workerCount, seed: options.seed)
            configuration.connectionsMax = ProcessLimits.connections(descriptors: ProcessLimits.raiseDescriptorLimit())
            let stats = StatStore(workers: configuration.workers)
            plane = try DataPlane(configuration: configuration, stats: stats, logs: logs)
            state = RuntimeState(stats: stats)
            pulse = ProcessPulse(loop: loop, stats: stats, workers: configuration.workers)
            discovery = EndpointDiscovery(
                loop: loop, plane: plane, state: state, servers: options.dnsServers.compactMap { .init($0) }
            ) { report(.discovery($0)) }
        } catch {
            throw .system(error)
        }
        handle = RuntimeHandle(mailbox: loop.mailbox)
        handle.connect(self)
        try start()
    }

    private func start() throws(StartFailure) {
        do throws(SystemError) {
            if options.watchesFiles, case .files = options.source {
                watch = try FileWatch(loop: loop) { [unowned self] in _ = reload(.fileChange) }
            }
            if options.handlesSignals {
                signals = try SignalSource(loop: loop) { [unowned self] event in signalled(event) }
            }
        } catch {
            abandon()
            throw .system(error)
        }
        let outcome = apply(.start)
        switch outcome.refusal {
        case .definitions:
            abandon()
            throw .definitions(outcome.findings)
        case .addresses:
            abandon()
            throw .addresses(outcome.findings)
        case nil: break
        }
        state.update { $0.phase = .live }
        pulse.start(state)
        ServiceNotification.ready.send()
    }

    /// Ends the threads of a process that did not start.
    private func abandon() {
        plane.stop()
        logs.flushAndStop()
    }

    /// Serves until the process is asked to end.
    public func run() -> Ending {
        loop.run()
        if ending == .drained {
            plane.stop()
            logs.flushAndStop()
        }
        SocketFiles.remove(socketFiles)
        return ending
    }

    private func signalled(_ event: SignalSource.Event) {
        switch event {
        case .reload: _ = reload(.signal)
        case .reopenLogs: reopenLogs()
        case .stop: stop()
        }
    }

    func reopenLogs() {
        // What was logged before the signal belongs into the old file.
        plane.flushLogs()
        logs.reopen()
        report(.logsReopened)
    }

    // MARK: Reload

    /// Reads the definitions again and serves them if nothing stands against it.
    func reload(_ trigger: ReloadTrigger) -> ReloadOutcome {
        if drain != nil {
            // What is being taken down is not built up again.
            let now = state.current
            return ReloadOutcome(
                trigger: trigger, result: .refused, refusal: nil, generation: now.generation,
                difference: PlanDifference(), findings: now.findings, duration: .zero, time: Clock.realtime())
        }
        let outcome = apply(trigger)
        pulse.counted(outcome)
        if outcome.result != .unchanged || trigger != .fileChange { report(.reloaded(outcome)) }
        return outcome
    }

    private func apply(_ trigger: ReloadTrigger) -> ReloadOutcome {
        let begin = Clock.monotonic()
        let beginTime = Clock.realtime()
        let mesh = options.source.load(options.compiler)
        let before = state.current
        let plan = AdminProxies.adding(to: mesh.plan, process: options.admin)
        var outcome = ReloadOutcome(
            trigger: trigger, result: .refused, refusal: nil, generation: before.generation,
            difference: PlanDifference(), findings: mesh.diagnostics, duration: .zero, time: 0)
        if !mesh.isRunnable {
            outcome.refusal = .definitions
        } else if trigger != .start, plan == before.plan, mesh.workloads == workloads {
            outcome.result = .unchanged
        } else {
            publish(mesh, plan, replacing: before, &outcome)
        }
        follow(mesh.files, isComplete: outcome.refusal != .definitions, readSince: beginTime)
        outcome.duration = .nanoseconds(Clock.monotonic() - begin)
        outcome.time = Clock.realtime()
        state.update { status in
            status.lastReload = outcome
            if outcome.result != .refused { status.findings = outcome.findings }
        }
        if trigger == .start, outcome.result == .published { reportReady(mesh, outcome) }
        return outcome
    }

    private func publish(
        _ mesh: LoadedMesh, _ plan: Plan, replacing before: RuntimeState.Status, _ outcome: inout ReloadOutcome
    ) {
        let opened = AccessLogs(structuredPath: options.accessLog, writer: logs, slot: plane.slot).open(plan)
        outcome.findings += opened.findings
        let snapshot = Snapshot(plan: plan, generation: before.generation + 1)
        do throws(DataPlane.BindFailures) {
            let handlers = handlers(plan, mesh.workloads)
            try plane.publish(
                Publication(
                    snapshot: snapshot, handlers: handlers, logTargets: opened.targets, names: discovery.names))
        } catch {
            outcome.refusal = .addresses
            outcome.findings += BindFindings.findings(error.failures, plan)
            return
        }
        outcome.result = .published
        outcome.generation = snapshot.generation
        outcome.difference = PlanDifference.between(old: before.plan, new: plan)
        workloads = mesh.workloads
        state.update { status in
            status.generation = snapshot.generation
            status.plan = plan
            status.listeners = plane.boundListeners
        }
        discovery.follow(plan)
        StatRetention.forgetOwners(missing: plan, in: state.stats)
        let files = SocketFiles.paths(plane.boundListeners)
        SocketFiles.remove(socketFiles.subtracting(files))
        socketFiles = files
    }

    /// Everything inside the process that answers requests, by the name that routes end in.
    private func handlers(_ plan: Plan, _ workloads: [WorkloadPlan]) -> [String: any LocalHandlerFactory] {
        var handlers = WorkloadHandlers.make(workloads)

        for proxy in plan.proxies where proxy.role == .admin {
            let shown = proxy.name == AdminProxies.processName ? nil : proxy.source.name
            let address = proxy.listeners.first?.binds.first?.address
            handlers[AdminProxies.handlerName(shown)] = AdminHandler(
                AdminContext(proxy: shown, address: address, state: state, runtime: handle))
        }
        return handlers
    }

    private func reportReady(_ mesh: LoadedMesh, _ outcome: ReloadOutcome) {
        let now = state.current
        let ownsOutput = AccessLogs.ownStandardOutput(now.plan, structuredPath: options.accessLog)
        let ready = RuntimeReport(
            mesh, plan: now.plan, bound: now.listeners, generation: now.generation,
            workers: plane.configuration.workers, logOwnsOutput: ownsOutput)
        report(.ready(ready, findings: outcome.findings))
    }

    /// Watches what was read. Definitions that could not be read in full may depend on more than was seen this time.
    private func follow(_ files: [String], isComplete: Bool, readSince begin: Int64) {
        guard let watch else { return }
        let failed = watch.watch(files, keepingOthers: !isComplete)
        if !failed.isEmpty { report(.notWatched(failed)) }
        // What changed between reading and watching would otherwise never be noticed.
        if FileWatch.hasChanged(files, since: begin) { watch.checkSoon() }
    }

    // MARK: The end

    /// Drains and ends; asked again, ends at once.
    func stop() {
        guard drain == nil else {
            ending = .forced
            loop.stop()
            return
        }
        ServiceNotification.stopping.send()
        state.update { $0.phase = .draining }
        report(.draining(options.drainTime))
        let drain = Drain(loop: loop, plan: state.current.plan, limit: options.drainTime, stats: state.stats) {
            [unowned self] step in
            switch step {
            case .reduce(let plan): serve(only: plan)
            case .done(let isComplete):
                if !isComplete { report(.cut) }
                loop.stop()
            }
        }
        self.drain = drain
        drain.begin()
    }

    /// Publishes what is left of the plan while draining; nothing is opened, so that nothing can fail.
    private func serve(only plan: Plan) {
        let opened = AccessLogs(structuredPath: options.accessLog, writer: logs, slot: plane.slot).open(plan)
        let generation = state.current.generation + 1
        let snapshot = Snapshot(plan: plan, generation: generation)
        let publication = Publication(
            snapshot: snapshot, handlers: handlers(plan, workloads), logTargets: opened.targets,
            names: discovery.names)
        try? plane.publish(publication)
        state.update { status in
            status.generation = generation
            status.plan = plan
            status.listeners = plane.boundListeners
        }
    }
}
