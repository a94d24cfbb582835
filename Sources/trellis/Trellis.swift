// The command. Arguments, exit codes, printing; everything else is in the modules below.
//
// Exit codes: 0 ok, 1 a check failed or an address is taken, 2 forced stop, 64 usage, 78 bad definitions.

import ArgumentParser
import ControlPlane

@main
struct Trellis: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "trellis",
        abstract: "A service mesh on one machine, from AWS App Mesh definitions.",
        discussion: """
            Trellis reads the definitions that were written for AWS App Mesh and Amazon VPC Lattice and carries real \
            traffic by them, through its own proxy.

              trellis run colors.yaml
              trellis validate colors/
              trellis explain colors.yaml 'GET http://color.colors.local/x'

            Exit codes: 0 ok, 1 a check failed or an address is taken, 2 forced stop, 64 usage, 78 bad definitions.
            """,
        version: TrellisVersion.text,
        subcommands: [
            RunCommand.self, ValidateCommand.self, ExplainCommand.self, StatusCommand.self, TapCommand.self,
            LogsCommand.self, WorkloadCommand.self, EchoCommand.self, VersionCommand.self,
        ])
}

enum ExitCodes {
    static let failed = ExitCode(1)
    static let forced: Int32 = 2
    static let badDefinitions = ExitCode(78)
}

struct VersionCommand: ParsableCommand {
    static let configuration = CommandConfiguration(commandName: "version", abstract: "Print the version.")

    @Option(name: .shortAndLong, help: "text or json.")
    var output = OutputFormat.text

    func run() {
        switch output {
        case .text: print("trellis \(TrellisVersion.text)")
        case .json: print((["version": .string(TrellisVersion.text)] as JSONValue).text())
        }
    }
}
