import ArgumentParser
import Compiler
import ControlPlane

/// The built-in workload as a process of its own.
struct EchoCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "echo",
        abstract: "Run the test workload as a process of its own.",
        discussion: """
            Answers every request with its name, or as told. The settings and their notation are those of 'trellis workload'; \
            a request overrides each of them with a header, such as 'x-trellis-delay: 20ms'.

              trellis echo --listen 127.0.0.1:9002 --name green
              trellis echo --listen 9002 --fail 20% --fail-status 503 --slow 1024/50ms
            """)

    @Option(
        help: ArgumentHelp(
            "Where to listen: ADDR:PORT, PORT, or unix:PATH. May be given several times.", valueName: "addr"))
    var listen: [NetworkAddress]

    @OptionGroup var settings: WorkloadOptions

    @Option(help: ArgumentHelp("The HTTP proxy for its calls: a sidecar's egress.", valueName: "addr"))
    var egress: NetworkAddress?

    @Option(help: ArgumentHelp("Worker threads, 1 to 64.", valueName: "n"))
    var workers = 1

    @Option(help: ArgumentHelp("Make failures and jitter repeatable; implies one worker.", valueName: "n"))
    var seed: UInt64?

    @Option(name: .shortAndLong, help: "text or json: how to print what listens where.")
    var output = OutputFormat.text

    func validate() throws {
        if !(1...64).contains(workers) { throw ValidationError("--workers must be 1 to 64") }
        _ = try source()
    }

    private func source() throws -> MeshSource {
        do {
            return try .echo(
                listen: listen, name: settings.name ?? "echo", changes: settings.changes, egress: egress)
        } catch {
            throw ValidationError("--\(error)")
        }
    }

    func run() throws {
        var options = RuntimeOptions(source: try source())
        options.workers = workers
        options.seed = seed
        try RuntimeProcess.run(options, output: output)
    }
}
