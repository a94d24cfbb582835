import ArgumentParser
import ControlPlane

/// Prints all findings; starts nothing.
struct ValidateCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "validate",
        abstract: "Print all findings of definitions.",
        discussion: """
            Reads and compiles as 'run' does and opens nothing. Each finding has its place, a code, what is wrong and \
            what would be right. Exit code 1 if there are errors, that is, if 'run' would not start.
            """)

    @OptionGroup var definitions: DefinitionOptions

    @Option(name: .shortAndLong, help: "text or json.")
    var output = OutputFormat.text

    func run() throws {
        let mesh = definitions.source.load(definitions.compilation.compiler)
        switch output {
        case .text:
            Findings.print(mesh.diagnostics, to: .output)
            Stream.output.write(Findings.count(mesh.diagnostics))
        case .json:
            let result: JSONValue = [
                "valid": .bool(mesh.isRunnable), "findings": .array(mesh.diagnostics.map(\.json)),
            ]
            Stream.output.write(result.text())
        }
        if !mesh.isRunnable { throw ExitCodes.failed }
    }
}
