import ArgumentParser
import Compiler
import ControlPlane

enum ResetOption: String, ExpressibleByArgument, CaseIterable {
    case beforeHead = "before-head"
    case afterHead = "after-head"
}

/// The built-in workload as a process of its own.
struct EchoCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "echo",
        abstract: "Run the test workload as a process of its own.",
        discussion: """
            Answers every request with its name, or as told. The settings are those of 'echo:' in a 'local:' document; \
            a request overrides each of them with a header, such as 'x-trellis-delay: 20ms'.

              trellis echo --listen 127.0.0.1:9002 --name green
              trellis echo --listen 9002 --fail-share 0.2 --fail-status 503
            """)

    @Option(
        help: ArgumentHelp(
            "Where to listen: ADDR:PORT, PORT, or unix:PATH. May be given several times.", valueName: "addr"))
    var listen: [NetworkAddress]

    @Option(help: "What it calls itself.")
    var name = "echo"

    @Option(help: ArgumentHelp("The body of its answers. Default: its name.", valueName: "text"))
    var body: String?

    @Option(help: ArgumentHelp("A body of this many bytes instead.", valueName: "n"))
    var bodyBytes: Int?

    @Option(help: ArgumentHelp("Wait before an answer, such as 20ms.", valueName: "time"))
    var delay: Duration = .zero

    @Option(help: ArgumentHelp("Add a random part of up to this to the delay.", valueName: "time"))
    var jitter: Duration = .zero

    @Option(help: ArgumentHelp("Share of answers that fail, 0 to 1.", valueName: "share"))
    var failShare: Double = 0

    @Option(help: ArgumentHelp("Status of a failing answer, 200 to 599.", valueName: "status"))
    var failStatus = 500

    @Option(help: "Break the connection: before-head or after-head.")
    var reset: ResetOption?

    @Option(help: ArgumentHelp("Send the body this slowly.", valueName: "n"))
    var bytesPerSecond: Int?

    @Option(help: ArgumentHelp("Pause before each chunk of the body.", valueName: "time"))
    var chunkDelay: Duration?

    @Option(help: ArgumentHelp("Call this URL before answering. May be given several times.", valueName: "url"))
    var call: [String] = []

    @Option(help: ArgumentHelp("The HTTP proxy for its calls: a sidecar's egress.", valueName: "addr"))
    var egress: NetworkAddress?

    @Option(help: ArgumentHelp("Worker threads, 1 to 64.", valueName: "n"))
    var workers = 1

    @Option(help: ArgumentHelp("Make failures and jitter repeatable; implies one worker.", valueName: "n"))
    var seed: UInt64?

    @Option(name: .shortAndLong, help: "text or json: how to print what listens where.")
    var output = OutputFormat.text

    func validate() throws {
        if listen.isEmpty { throw ValidationError("--listen is needed") }
        if body != nil, bodyBytes != nil { throw ValidationError("--body and --body-bytes exclude each other") }
        if let bodyBytes, !(0...1 << 30).contains(bodyBytes) {
            throw ValidationError("--body-bytes must be 0 to 1 GiB")
        }
        if !(0...1).contains(failShare) { throw ValidationError("--fail-share must be 0 to 1") }
        if !(200...599).contains(failStatus) { throw ValidationError("--fail-status must be 200 to 599") }
        if bytesPerSecond != nil, chunkDelay != nil {
            throw ValidationError("--bytes-per-second and --chunk-delay exclude each other")
        }
        if let bytesPerSecond, bytesPerSecond < 1 { throw ValidationError("--bytes-per-second must be at least 1") }
        if !(1...64).contains(workers) { throw ValidationError("--workers must be 1 to 64") }
    }

    func run() throws {
        let slowBody: WorkloadSettings.SlowBody? =
            bytesPerSecond.map { .bytesPerSecond($0) } ?? chunkDelay.map { .chunkDelay($0) }
        let settings = WorkloadSettings(
            name: name, body: bodyBytes.map { .bytes($0) } ?? .text(body ?? name), delay: delay, jitter: jitter,
            failShare: failShare, failStatus: failStatus,
            reset: reset.map { $0 == .beforeHead ? .beforeHead : .afterHead }, slowBody: slowBody, calls: call)
        var options = RuntimeOptions(source: .echo(listen: listen, settings: settings, egress: egress))
        options.workers = workers
        options.seed = seed
        try RuntimeProcess.run(options, output: output)
    }
}
