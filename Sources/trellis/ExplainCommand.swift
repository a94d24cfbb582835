import ArgumentParser
import ControlPlane

/// Says why a request goes where it goes, from the definitions alone.
struct ExplainCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "explain",
        abstract: "Say why a request goes where it goes.",
        discussion: """
            Reads the definitions; no process has to run. Shows every host and route that was considered and why it did \
            or did not match, then the shares of the destinations, the rewritten request, and the timeouts with what \
            set them.

              trellis explain colors.yaml 'GET http://color.colors.local/x'
              trellis explain colors.yaml /x -H 'x-canary: yes' --from front

            The request starts at the only gateway, or at the gateway, node (through its egress) or network named by \
            --from.
            """)

    @Argument(
        help: ArgumentHelp(
            "Definition files and folders, and last the request: 'METHOD URL', or a URL or path alone.",
            valueName: "path ... request"))
    var arguments: [String]

    @OptionGroup var compilation: CompilationOptions

    @Option(name: [.customShort("H"), .long], help: ArgumentHelp("A header of the request.", valueName: "name: value"))
    var header: [String] = []

    @Option(help: ArgumentHelp("Where the request starts: front, colors/front, colors/blue#1.", valueName: "name"))
    var from: String?

    @Option(name: .shortAndLong, help: "text or json.")
    var output = OutputFormat.text

    func validate() throws {
        guard arguments.count >= 2 else {
            throw ValidationError("expected definition files and a request, such as 'GET http://color.colors.local/x'")
        }
    }

    func run() throws {
        var options = compilation.compiler
        // What is not yet in force does not change where a request goes.
        options.allowUnenforced = true
        let mesh = compilation.source(Array(arguments.dropLast())).load(options)
        guard mesh.isRunnable else {
            Findings.print(mesh.diagnostics)
            Stream.error.write("trellis: nothing to explain: \(Findings.count(mesh.diagnostics))")
            throw ExitCodes.badDefinitions
        }
        let explanation: MeshExplanation
        do throws(ExplainFailure) {
            let request = try RequestDescription(arguments[arguments.count - 1], headers: header)
            explanation = try MeshExplainer.explain(mesh.plan, request, from: from)
        } catch {
            throw ValidationError("\(error)")
        }
        switch output {
        case .json: Stream.output.write(explanation.json.text())
        case .text: Stream.output.write(coloured("\(explanation)"))
        }
    }

    /// What was chosen, in green; what did not match, dim.
    private func coloured(_ text: String) -> String {
        guard Stream.output.hasColour else { return text }
        return text.split(separator: "\n", omittingEmptySubsequences: false).map { line in
            let line = String(line)
            if line.hasPrefix("  * ") || line.hasPrefix("backend ") { return Colour.green(line, on: .output) }
            if line.hasPrefix("  - ") { return Colour.dim(line, on: .output) }
            return line.hasPrefix("result: ") ? Colour.bold(line, on: .output) : line
        }.joined(separator: "\n")
    }
}
