import ArgumentParser
import ControlPlane

/// Shows or changes the built-in workloads of a running process.
struct WorkloadCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "workload",
        abstract: "Change how a built-in workload of a running mesh answers.",
        discussion: """
            Without settings it shows what is in force. Changes hold from the next request on, over reloads, until they \
            are reset or the process ends.

              trellis workload
              trellis workload blue --fail 30% --delay 200ms
              trellis workload colors/blue#0 --reset before-head
              trellis workload blue --restore
            """)

    @Argument(
        help: ArgumentHelp(
            "blue, colors/blue, or one instance: colors/blue#0. Without it all are shown.", valueName: "node"))
    var node: String?

    @OptionGroup var admin: AdminOptions

    @OptionGroup var settings: WorkloadOptions

    @Flag(help: "Take everything back to the definitions.")
    var restore = false

    @Option(name: .shortAndLong, help: "text or json.")
    var output = OutputFormat.text

    private var changes: [(name: String, value: String)] { settings.changes }

    func validate() throws {
        if node == nil, restore || !changes.isEmpty { throw ValidationError("say which workload is to be changed") }
        if restore, !changes.isEmpty {
            throw ValidationError("--restore takes everything back; it goes with no setting")
        }
    }

    func run() throws {
        let client = try admin.client()
        var answer: JSONValue
        if let node, restore || !changes.isEmpty {
            let settings: JSONValue =
                restore ? .null : .object(changes.map { JSONValue.Member(key: $0.0, value: .string($0.1)) })
            let body = JSONValue.object([JSONValue.Member(key: node, value: settings)])
            answer = try client.ask("PUT", "/v1/workloads", body: body.text(pretty: false))
        } else {
            answer = try client.ask("GET", "/v1/workloads")
        }
        let shown = (answer["workloads"]?.elements ?? []).filter { workload in
            node.map { WorkloadName.covers(workload["name"]?.text ?? "", $0) } ?? true
        }
        if shown.isEmpty, let node {
            Stream.error.write("trellis: no built-in workload is named '\(node)'")
            throw ExitCodes.failed
        }
        if output == .json {
            return Stream.output.write((["workloads": .array(shown)] as JSONValue).text())
        }
        for workload in shown { Stream.output.write(text(workload)) }
    }

    /// One line: the settings, those that were changed marked.
    private func text(_ workload: JSONValue) -> String {
        let changed = Set((workload["changed"]?.members ?? []).map(\.key))
        let settings = (workload["settings"]?.members ?? []).map { setting in
            let value = setting.value.text ?? setting.value.text(pretty: false)
            let text = "\(setting.key)=\(value)"
            return changed.contains(setting.key) ? Colour.yellow(text + "*", on: .output) : text
        }
        return "\(Colour.bold(workload["name"]?.text ?? "?", on: .output)) \(settings.joined(separator: " "))"
    }
}
