// A running mesh process: one control thread with an event loop of its own, on which definitions are read, published and
// watched, signals are heard and the end is made; and the data plane's workers, which it never blocks and which never block
// it for longer than they need to adopt a generation.
//
// A change goes: read and compile (all findings), add the admin listeners, open logs, build snapshot n+1, bind what is new,
// publish. A failure before publish leaves n serving and says why (design section 5).

import Compiler
import DataPlane
import DefinitionFiles
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
    /// Measures every turn of the workers' loops (`dispatcher.loop_duration_ms`).
    public var measuresLoops = false
    /// Where definitions that came through the API are kept; nil keeps them as long as the process lives.
    public var stateFolder: String?
    /// A file whose first line is what callers of admin listeners must know.
    public var adminTokenFile: String?
    /// Where segments of traces go; nil: nothing is traced.
    public var xray: XRaySettings?
    /// The least important that is said.
    public var logLevel = LogLevel.info
    /// Whether listening sockets of a service manager are taken over.
    public var takesSockets = false
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

/// What `PUT /v1/definitions` came to.
enum DefinitionReplacement: Sendable {
    /// Read and judged like any reload: published, unchanged, or refused.
    case applied(ReloadOutcome)
    /// The caller knew another generation.
    case otherGeneration(UInt64)
    /// Files own what the text defines.
    case conflict([OwnershipConflict], ReloadOutcome)
    /// The text could not be written to the state folder.
    case notKept(SystemError)
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
    private let store: DefinitionStore
    private let token: AdminToken?
    private let inherited: InheritedSockets
    private let board = WorkloadBoard()
    private var signals: SignalSource?
    private var watch: FileWatch?
    private var watchdog: Watchdog?
    private var workloads: [WorkloadPlan] = []
    private var withdrawal = Withdrawal()
    /// Listeners that are to be closed after a graceful time.
    private var closings: [(drain: ListenerDrain, delay: Delay)] = []
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
        inherited = options.takesSockets ? SocketActivation.take() : InheritedSockets()
        do throws(SystemError) {
            store = try DefinitionStore(folder: options.stateFolder)
            token = try options.adminTokenFile.map { path throws(SystemError) in try AdminToken(path: path) }
            loop = try EventLoop()
            logs = LogWriter()
            var configuration = DataPlane.Configuration(workers: options.workerCount, seed: options.seed)
            // The end's own deadline is never later than that of the listeners it takes away.
            configuration.drainTime = max(configuration.drainTime, options.drainTime)
            configuration.measuresLoops = options.measuresLoops
            configuration.connectionsMax = ProcessLimits.connections(descriptors: ProcessLimits.raiseDescriptorLimit())
            configuration.xray = options.xray
            let stats = StatStore(workers: configuration.workers)
            plane = try DataPlane(configuration: configuration, stats: stats, logs: logs, inherited: inherited)
            state = RuntimeState(stats: stats, logLevel: options.logLevel, drainTime: options.drainTime)
            pulse = ProcessPulse(loop: loop, plane: plane, logs: logs)
            let levels = state.levels
            discovery = EndpointDiscovery(
                loop: loop, plane: plane, state: state, servers: options.dnsServers.compactMap { .init($0) }
            ) { text in
                let event = RuntimeEvent.discovery(text)
                if levels.shows(event.importance.logger, event.importance.level) { report(event) }
            }
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
        case .storage(let error):
            abandon()
            throw .system(error)
        case nil: break
        }
        state.update { $0.phase = .live }
        pulse.start(state)
        let unused = inherited.unused
        if !unused.isEmpty {
            say(.socketsUnused(unused.map { $0.name.isEmpty ? "\($0.address)" : "\($0.address) (\($0.name))" }))
        }
        notifyReady()
        watchdog = Watchdog(loop: loop, plane: plane)
        watchdog?.start()
    }

    /// Says something, unless its logger is set to say less.
    func say(_ event: RuntimeEvent) {
        let (logger, level) = event.importance
        if case .ready = event { return report(event) }
        if state.levels.shows(logger, level) { report(event) }
    }

    private func notifyReady() {
        ServiceNotification.ready(status: "Serving generation \(state.current.generation)").send()
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
        say(.logsReopened)
    }

    func resetCounters(of proxy: String?) {
        plane.resetCounters(proxy: proxy)
        // What the control thread counts is the process's.
        if proxy == nil { pulse.resetCounters() }
    }

    // MARK: Reload

    /// Reads the definitions again and serves them if nothing stands against it.
    func reload(_ trigger: ReloadTrigger) -> ReloadOutcome {
        if drain != nil { return refusedByEnd(trigger) }
        ServiceNotification.reloading.send()
        token?.reload()
        let outcome = apply(trigger)
        conclude(outcome)
        return outcome
    }

    /// What is being taken down is not built up again.
    private func refusedByEnd(_ trigger: ReloadTrigger) -> ReloadOutcome {
        let now = state.current
        return ReloadOutcome(
            trigger: trigger, result: .refused, refusal: nil, generation: now.generation,
            difference: PlanDifference(), findings: now.findings, duration: .zero, time: Clock.realtime())
    }

    private func conclude(_ outcome: ReloadOutcome) {
        pulse.counted(outcome)
        notifyReady()
        if outcome.result != .unchanged || outcome.trigger != .fileChange { say(.reloaded(outcome)) }
    }

    /// Makes `text` the definitions of the API, if files and text together hold and the files own nothing of it.
    func replaceDefinitions(_ text: String, ifGeneration expected: UInt64?) -> DefinitionReplacement {
        if drain != nil { return .applied(refusedByEnd(.definitions)) }
        let generation = state.current.generation
        if let expected, expected != generation { return .otherGeneration(generation) }
        let draft: DefinitionStore.Draft
        do throws(SystemError) { draft = try store.prepare(text) } catch { return .notKept(error) }
        var conflicts: [OwnershipConflict] = []
        let outcome = apply(.definitions, putting: draft) { conflicts = $0 }
        if outcome.result == .refused { store.discard(draft) }
        conclude(outcome)
        if case .storage(let error) = outcome.refusal { return .notKept(error) }
        return conflicts.isEmpty ? .applied(outcome) : .conflict(conflicts, outcome)
    }

    /// - Parameter draft: what the API would own, in place of what it owns. It is kept when nothing else can fail and before
    ///   it serves: what serves must be what a restart would serve.
    private func apply(
        _ trigger: ReloadTrigger, putting draft: DefinitionStore.Draft? = nil,
        conflicts: ([OwnershipConflict]) -> Void = { _ in }
    ) -> ReloadOutcome {
        let begin = Clock.monotonic()
        let beginTime = Clock.realtime()
        let owned = (draft?.text ?? store.text).map { DefinitionLoader.NamedText(name: store.name, text: $0) }
        let mesh = options.source.load(options.compiler, with: owned)
        conflicts(mesh.conflicts)
        let before = state.current
        let plan = withdrawal.applied(to: AdminProxies.adding(to: mesh.plan, process: options.admin))
        var outcome = ReloadOutcome(
            trigger: trigger, result: .refused, refusal: nil, generation: before.generation,
            difference: PlanDifference(), findings: mesh.diagnostics + adminFindings, duration: .zero, time: 0)
        if !mesh.isRunnable {
            outcome.refusal = .definitions
        } else if trigger != .start, plan == before.plan, mesh.workloads == workloads {
            if keep(draft, &outcome) { outcome.result = .unchanged }
        } else {
            publish(mesh, plan, replacing: before, keeping: draft, &outcome)
        }
        follow(mesh.files, isComplete: outcome.refusal != .definitions, readSince: beginTime)
        outcome.duration = .nanoseconds(Clock.monotonic() - begin)
        outcome.time = Clock.realtime()
        state.update { status in
            status.lastReload = outcome
            if outcome.result == .refused {
                status.lastRefusal = outcome
            } else {
                status.lastRefusal = nil
                status.findings = outcome.findings
                status.definitions = mesh.definitions
                status.ownedText = owned?.text
            }
        }
        if trigger == .start, outcome.result == .published { reportReady(mesh, outcome) }
        return outcome
    }

    private var adminFindings: [Diagnostic] {
        guard token == nil, let address = options.admin, !AdminAccess.isOnThisMachineOnly(address) else { return [] }
        return [
            Diagnostic(
                .warning, "admin-open", at: nil, path: "--admin \(address)",
                "whoever reaches this address can change and end the mesh",
                suggestion: "listen on 127.0.0.1 or a unix socket, or ask for a token with --admin-token-file")
        ]
    }

    private func publish(
        _ mesh: LoadedMesh, _ plan: Plan, replacing before: RuntimeState.Status, keeping draft: DefinitionStore.Draft?,
        _ outcome: inout ReloadOutcome
    ) {
        let sockets: BoundSockets
        do throws(DataPlane.BindFailures) { sockets = try plane.bind(plan) } catch {
            outcome.refusal = .addresses
            outcome.findings += BindFindings.findings(error.failures, plan)
            return
        }
        guard keep(draft, &outcome) else { return }
        outcome.result = .published
        outcome.findings += serve(plan, mesh.workloads, on: sockets)
        outcome.generation = state.current.generation
        outcome.difference = PlanDifference.between(old: before.plan, new: plan)
        discovery.follow(plan)
        discourageListeners()
        Membership.count(state)
        StatRetention.forgetOwners(missing: state.current, in: state.stats)
    }

    /// Makes a draft the API's text; false if that fails, which refuses the change.
    private func keep(_ draft: DefinitionStore.Draft?, _ outcome: inout ReloadOutcome) -> Bool {
        guard let draft else { return true }
        do throws(SystemError) {
            try store.keep(draft)
            return true
        } catch {
            outcome.result = .refused
            outcome.refusal = .storage(error)
            outcome.findings.append(
                Diagnostic(.error, "definitions-not-kept", at: nil, path: "--state", "nothing was changed: \(error)"))
            return false
        }
    }

    /// Publishes a plan whose addresses are open: from here on nothing can fail. Returns what is to be said about its logs,
    /// which are opened only now so that a refused change leaves no files.
    private func serve(
        _ plan: Plan, _ workloads: [WorkloadPlan], on sockets: consuming BoundSockets
    ) -> [Diagnostic] {
        let slots = LogSlots()
        let opened = AccessLogs(structuredPath: options.accessLog, writer: logs, slot: slots.slot).open(plan)
        let generation = state.current.generation + 1
        let prepared = board.prepare(workloads)
        let publication = Publication(
            snapshot: Snapshot(plan: plan, generation: generation), handlers: handlers(plan, prepared),
            logTargets: opened.targets, names: discovery.names)
        plane.publish(publication, on: sockets)
        board.commit(prepared)
        self.workloads = workloads
        state.update { status in
            status.generation = generation
            status.plan = plan
            status.listeners = plane.boundListeners
        }
        let files = SocketFiles.paths(plane.boundListeners.filter { !inherited.has($0.actual) })
        SocketFiles.remove(socketFiles.subtracting(files))
        socketFiles = files
        return opened.findings
    }

    /// Everything inside the process that answers requests, by the name that routes end in.
    private func handlers(_ plan: Plan, _ workloads: WorkloadBoard.Prepared) -> [String: any LocalHandlerFactory] {
        var handlers = workloads.handlers
        for proxy in plan.proxies where proxy.role == .admin {
            let shown = proxy.name == AdminProxies.processName ? nil : proxy.source.name
            let address = proxy.listeners.first?.binds.first?.address
            handlers[AdminProxies.handlerName(shown)] = AdminHandler(
                AdminContext(
                    proxy: shown, address: address, state: state, runtime: handle, plane: plane, workloads: board,
                    token: token))
        }
        return handlers
    }

    private func reportReady(_ mesh: LoadedMesh, _ outcome: ReloadOutcome) {
        let now = state.current
        let ownsOutput = AccessLogs.ownStandardOutput(now.plan, structuredPath: options.accessLog)
        var ready = RuntimeReport(
            mesh, plan: now.plan, bound: now.listeners, generation: now.generation,
            workers: plane.configuration.workers, logOwnsOutput: ownsOutput)
        ready.xray = options.xray?.daemon
        report(.ready(ready, findings: outcome.findings))
    }

    /// Watches what was read. Definitions that could not be read in full may depend on more than was seen this time.
    private func follow(_ files: [String], isComplete: Bool, readSince begin: Int64) {
        guard let watch else { return }
        let failed = watch.watch(files, keepingOthers: !isComplete)
        if !failed.isEmpty { say(.notWatched(failed)) }
        // What changed between reading and watching would otherwise never be noticed.
        if FileWatch.hasChanged(files, since: begin) { watch.checkSoon() }
    }

    // MARK: By hand

    /// Fails or mends the health of a proxy, or of all: `/ready` says so, and clients are told to go.
    func setHealth(isFailed: Bool, of proxy: String?) {
        state.update { status in
            if isFailed {
                status.failedHealth.insert(proxy ?? "")
            } else if let proxy {
                status.failedHealth.remove(proxy)
            } else {
                status.failedHealth = []
            }
        }
        discourageListeners()
    }

    private func discourageListeners() {
        let now = state.current
        plane.discourage(withdrawal.discouragedListeners(now.plan, failedHealth: now.failedHealth))
    }

    func drainListeners(_ drain: ListenerDrain) {
        guard self.drain == nil else { return }
        guard drain.isGraceful else { return close(drain) }
        withdrawal.discourage(drain)
        discourageListeners()
        guard !drain.keepsListeners else { return }
        closings.removeAll { $0.delay.isOver }
        // Asked again, it does not take longer.
        guard !closings.contains(where: { $0.drain == drain }) else { return }
        let delay = Delay(loop, after: options.drainTime) { [unowned self] in close(drain) }
        closings.append((drain, delay))
    }

    private func close(_ drain: ListenerDrain) {
        guard self.drain == nil else { return }
        withdrawal.close(drain)
        let before = state.current.plan
        let plan = withdrawal.applied(to: before)
        guard plan != before else { return }
        serve(only: plan)
        let difference = PlanDifference.between(old: before, new: plan)
        say(.withdrawn(difference.listeners.removed))
    }

    /// Ends the process; of several proxies one is taken out of it.
    func quit(_ proxy: String?) {
        let others = state.current.plan.proxies.contains {
            $0.role != .admin && $0.role != .workload && $0.name != proxy && !$0.listeners.isEmpty
        }
        guard let proxy, others else { return stop() }
        setHealth(isFailed: true, of: proxy)
        drainListeners(ListenerDrain(proxy: proxy, inboundOnly: false, isGraceful: false, keepsListeners: false))
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
        say(.draining(options.drainTime))
        let drain = Drain(loop: loop, plan: state.current.plan, limit: options.drainTime, plane: plane) {
            [unowned self] step in
            switch step {
            case .reduce(let plan): serve(only: plan)
            case .done(let isComplete):
                if !isComplete { say(.cut) }
                loop.stop()
            }
        }
        self.drain = drain
        drain.begin()
    }

    /// Publishes what is left of the plan.
    private func serve(only plan: Plan) {
        // Failures are those of binding, and an address that could not be opened before is an optional one.
        guard let sockets = try? plane.bind(plan) else { return }
        _ = serve(plan, workloads, on: sockets)
    }
}
