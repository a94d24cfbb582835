import ArgumentParser

/// The settings of a built-in workload as options. All have the one notation of the `x-trellis-…` headers and of
/// `PUT /v1/workloads`, and are judged where those are.
struct WorkloadOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "Share of answers that fail (30%, 0.3), or a status that all have (503).", valueName: "share"))
    var fail: String?

    @Option(help: ArgumentHelp("Status of a failing answer.", valueName: "status"))
    var failStatus: String?

    @Option(help: ArgumentHelp("Wait before an answer, such as 200ms.", valueName: "time"))
    var delay: String?

    @Option(help: ArgumentHelp("Add a random part of up to this to the delay.", valueName: "time"))
    var jitter: String?

    @Option(help: ArgumentHelp("The body of its answers.", valueName: "text"))
    var body: String?

    @Option(help: ArgumentHelp("A body of this many bytes instead.", valueName: "n"))
    var bytes: String?

    @Option(help: ArgumentHelp("Break the connection: before-head, after-head or none.", valueName: "when"))
    var reset: String?

    @Option(
        help: ArgumentHelp(
            "A slow body: bytes per second (1024), a pause per chunk (50ms), both (1024/50ms), none.", valueName: "rate"
        ))
    var slow: String?

    @Option(help: ArgumentHelp("URLs that it calls before answering, blanks between them; none.", valueName: "urls"))
    var calls: String?

    @Option(help: ArgumentHelp("What it calls itself.", valueName: "name"))
    var name: String?

    /// What was given, by the setting's name; the name itself is among them.
    var changes: [(name: String, value: String)] {
        [
            ("fail", fail), ("fail-status", failStatus), ("delay", delay), ("jitter", jitter), ("body", body),
            ("bytes", bytes), ("reset", reset), ("slow", slow), ("calls", calls), ("name", name),
        ].compactMap { key, value in value.map { (key, $0) } }
    }

    func validate() throws {
        if body != nil, bytes != nil { throw ValidationError("--body and --bytes exclude each other") }
    }
}
