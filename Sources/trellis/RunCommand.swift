import ArgumentParser
import Compiler
import ControlPlane
import Glibc

extension NodeSelector: ExpressibleByArgument {
    public init?(argument: String) { self.init(argument) }
}

extension GatewaySelector: ExpressibleByArgument {
    public init?(argument: String) { self.init(argument) }
}

/// `--admin`: an address, or none.
enum AdminOption: ExpressibleByArgument {
    case none
    case address(NetworkAddress)

    init?(argument: String) {
        if argument == "none" {
            self = .none
        } else if let address = NetworkAddress(argument: argument) {
            self = .address(address)
        } else {
            return nil
        }
    }
}

/// Runs a mesh, or one part of it.
struct RunCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "run",
        abstract: "Run a mesh, or one part of it.",
        discussion: """
            Starts the proxies of the definitions, and a built-in workload for every virtual node that the 'local:' \
            document places nothing behind. Prints what listens where and for what, and one command to try.

              trellis run colors.yaml
              trellis run colors.yaml --access-log -

            The second writes one JSON line per record and hop to standard output. With --node, one instance's sidecar \
            runs, and your app is behind it on the port of its listener:

              trellis run colors.yaml --node colors/blue

            A change of a file that was read, SIGHUP and 'POST /v1/reload' read the definitions again. What is wrong is \
            printed, and the old routes serve on; otherwise the new ones are served from the next request on. SIGUSR1 \
            opens log files anew. SIGTERM and SIGINT let requests finish for the drain time; a second one ends at once.

            Variables of App Mesh's Envoy image: APPMESH_RESOURCE_ARN (or the older APPMESH_RESOURCE_NAME and \
            APPMESH_VIRTUAL_NODE_NAME) chooses what --node or --gateway would, and then draining takes up to the image's \
            20s. For one proxy ENVOY_ADMIN_ACCESS_PORT, ENVOY_LOG_LEVEL, ENVOY_CONCURRENCY and \
            LISTENER_DRAIN_WAIT_TIME_S stand for their options, which win, as do ENABLE_ENVOY_XRAY_TRACING, \
            XRAY_DAEMON_PORT, AWS_XRAY_DAEMON_ADDRESS, XRAY_SAMPLING_RATE, XRAY_SAMPLING_RULE_MANIFEST and \
            XRAY_SEGMENT_NAME for tracing. The image's other variables (other tracers, StatsD, the agent's own API) have \
            no effect; one that is set is named in a warning.
            """)

    @OptionGroup var definitions: DefinitionOptions

    @Option(help: ArgumentHelp("Run only this instance's proxies: MESH/NODE, or MESH/NODE#2.", valueName: "node"))
    var node: NodeSelector?

    @Option(help: ArgumentHelp("Run only this gateway: MESH/NAME.", valueName: "gateway"))
    var gateway: GatewaySelector?

    @Option(
        help: ArgumentHelp(
            "Worker threads, 1 to 64. Default: what the processors and the control group's quota allow; 1 with --node.",
            valueName: "n"))
    var workers: Int?

    @Option(
        help: ArgumentHelp(
            """
            The process's admin listener: ADDR:PORT, PORT, unix:PATH, or none. Default: 127.0.0.1:9901; none with --node \
            or --gateway, where the proxy's own admin listener serves.
            """, valueName: "addr"))
    var admin: AdminOption?

    @Option(
        help: ArgumentHelp(
            "Write one JSON line per record of every proxy to this file; - is standard output.", valueName: "path"))
    var accessLog: String?

    @Option(
        help: ArgumentHelp(
            """
            Ask this DNS server, ADDR:PORT, instead of those of /etc/resolv.conf; may be given several times, in the order \
            in which they are asked. For 'discovery: definitions'.
            """, valueName: "addr"))
    var dns: [NetworkAddress] = []

    @Option(
        help: ArgumentHelp(
            "Keep definitions that came through the admin API in this folder, so that they outlive the process.",
            valueName: "folder"))
    var state: String?

    @Option(
        help: ArgumentHelp(
            "Answer admin requests only with 'Authorization: Bearer TOKEN', the token being this file's first line.",
            valueName: "path"))
    var adminTokenFile: String?

    @OptionGroup var tracing: TracingOptions

    @Flag(help: "Count how long each turn of a worker's loop takes: dispatcher.loop_duration_ms in /stats.")
    var loopStats = false

    @Option(help: "How much to say: trace, debug, info, warning, error, critical or off.")
    var logLevel: LogLevel?

    @Option(help: ArgumentHelp("Make weighted draws repeatable; implies one worker.", valueName: "n"))
    var seed: UInt64?

    @Option(
        help: ArgumentHelp(
            """
            How long requests may take to finish at the end, such as 500ms or 30s. Default: 5s, or what the image's \
            variables say.
            """, valueName: "time"))
    var drainTime: Duration?

    @Option(name: .shortAndLong, help: "text or json: how to print what listens where.")
    var output = OutputFormat.text

    func validate() throws {
        if let workers, !(1...64).contains(workers) { throw ValidationError("--workers must be 1 to 64") }
        if seed != nil, let workers, workers != 1 { throw ValidationError("--seed implies one worker") }
        if dns.contains(where: { $0.port == nil || $0.port == 0 }) {
            throw ValidationError("--dns needs ADDR:PORT")
        }
        if let accessLog, accessLog.isEmpty {
            throw ValidationError("--access-log needs a path, or - for standard output")
        }
    }

    func run() throws {
        var options = RuntimeOptions(source: definitions.source, compiler: definitions.compilation.compiler)
        do throws(ImageVariables.Invalid) {
            try take(ImageVariables { name in getenv(name).map { String(cString: $0) } }, into: &options)
        } catch {
            throw ValidationError("\(error)")
        }
        options.seed = seed
        options.accessLog = accessLog
        options.dnsServers = dns
        options.stateFolder = state
        options.adminTokenFile = adminTokenFile
        options.takesSockets = true
        try RuntimeProcess.run(options, output: output)
    }

    /// What options decide, or else the variables of the image: which proxy, and for one proxy how it is set up.
    private func take(_ variables: ImageVariables, into options: inout RuntimeOptions) throws(ImageVariables.Invalid) {
        options.compiler.node = node
        options.compiler.gateway = gateway
        var isChosenByVariable = false
        if node == nil, gateway == nil, let resource = try variables.resource() {
            isChosenByVariable = true
            switch resource {
            case .node(let node): options.compiler.node = node
            case .gateway(let gateway): options.compiler.gateway = gateway
            }
        }
        options.workers = workers
        options.drainTime = drainTime ?? .seconds(5)
        options.measuresLoops = loopStats
        options.logLevel = logLevel ?? .info
        guard options.compiler.node != nil || options.compiler.gateway != nil else {
            options.admin = adminAddress(isOneProxy: false, port: nil)
            try tracing.apply(to: &options)
            return
        }
        options.admin = adminAddress(isOneProxy: true, port: admin == nil ? try variables.adminPort() : nil)
        if workers == nil, seed == nil { options.workers = try variables.workers() }
        if drainTime == nil {
            options.drainTime =
                try variables.drainTime() ?? (isChosenByVariable ? ImageVariables.defaultDrainTime : options.drainTime)
        }
        if logLevel == nil, let level = try variables.logLevel() { options.logLevel = level }
        let ignored = (variables.ignored + (try tracing.apply(variables, to: &options))).sorted()
        if !ignored.isEmpty {
            Stream.error.write("trellis: warning: no effect here: \(ignored.joined(separator: ", "))")
        }
    }

    private func adminAddress(isOneProxy: Bool, port: Int?) -> NetworkAddress? {
        switch admin {
        case .address(let address): address
        case .some(.none): nil
        case nil:
            port.map { .ip(host: "127.0.0.1", port: $0) } ?? (isOneProxy ? nil : .defaultAdmin)
        }
    }
}

/// A running process as `run` and `echo` show it.
enum RuntimeProcess {
    static func run(_ options: RuntimeOptions, output: OutputFormat) throws {
        let runtime: MeshRuntime
        do throws(StartFailure) {
            runtime = try MeshRuntime(options) { print($0, as: output) }
        } catch {
            switch error {
            case .definitions(let findings):
                Findings.print(findings)
                Stream.error.write("trellis: not started: \(Findings.count(findings))")
                throw ExitCodes.badDefinitions
            case .addresses(let findings):
                Findings.print(findings)
                Stream.error.write("trellis: not started: \(Findings.count(findings))")
                throw ExitCodes.failed
            case .system(let error):
                Stream.error.write("trellis: not started: \(error)")
                throw ExitCodes.failed
            }
        }
        // The runtime's threads still run, and nobody waits for them.
        if runtime.run() == .forced { _exit(ExitCodes.forced) }
    }

    private static func print(_ event: RuntimeEvent, as output: OutputFormat) {
        switch event {
        case .ready(let report, let findings):
            Findings.print(findings)
            ReportPrinter.print(report, as: output)
        case .reloaded(let outcome):
            Findings.print(outcome.findings)
            say("reload: \(outcome.summary)")
        case .logsReopened: say("logs reopened")
        case .discovery(let text): say("discovery: \(text)")
        case .notWatched(let folders):
            say("changes in \(folders.joined(separator: ", ")) will not be noticed; SIGHUP reloads")
        case .draining(let limit): say("draining for at most \(limit.secondsText)")
        case .cut: say("requests that did not finish in time were cut")
        case .adminCalled(let call):
            say("admin\(call.proxy.map { " of \($0)" } ?? ""): \(call.method) \(call.path)")
        case .withdrawn(let listeners): say("closed on request: \(listeners.joined(separator: ", "))")
        case .socketsUnused(let sockets): say("no listener is for the inherited \(sockets.joined(separator: ", "))")
        }
    }

    private static func say(_ text: String) { Stream.error.write("\(Timestamp.now) \(text)") }
}
