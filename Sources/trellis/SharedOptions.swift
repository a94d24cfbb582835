// Arguments that several commands have.

import ArgumentParser
import Compiler
import ControlPlane

enum OutputFormat: String, ExpressibleByArgument, CaseIterable { case text, json }

extension LogLevel: ExpressibleByArgument {
    public init?(argument: String) { self.init(name: argument.lowercased()) }
}

extension NetworkAddress: ExpressibleByArgument {
    /// Where a process for a whole mesh has its admin listener, and where other commands look for it.
    static let defaultAdmin = NetworkAddress.ip(host: "127.0.0.1", port: 9901)
}

extension Duration: @retroactive ExpressibleByArgument {
    public var defaultValueDescription: String { secondsText }
}

/// `NAME=VALUE`.
struct Variable: ExpressibleByArgument {
    var name: String
    var value: String

    init?(argument: String) {
        let parts = argument.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
        guard parts.count == 2, !parts[0].isEmpty else { return nil }
        name = String(parts[0])
        value = String(parts[1])
    }
}

/// Where definitions come from and how they are compiled.
struct DefinitionOptions: ParsableArguments {
    @Argument(
        help: ArgumentHelp(
            "Definition files and folders (.yaml, .yml, .json); all are merged.", valueName: "path"))
    var paths: [String]

    @OptionGroup var compilation: CompilationOptions

    var source: MeshSource { compilation.source(paths) }
}

struct CompilationOptions: ParsableArguments {
    @Option(
        name: .customLong("var"),
        help: ArgumentHelp(
            "The value of $NAME in definitions. May be given several times.", valueName: "name=value"))
    var variables: [Variable] = []

    @Option(
        help: ArgumentHelp(
            "Where derived addresses lie: 127.50.0.0, or with a prefix length 127.64.0.0/10.", valueName: "addr"))
    var addressBase: String?

    @Flag(help: "Accept protections (STRICT TLS, enforced client policies) that are not yet in force.")
    var allowUnenforced = false

    func validate() throws {
        if let addressBase, AddressRange(addressBase) == nil {
            throw ValidationError("--address-base must lie in 127.0.0.0/8 beyond 127.0.0.0/24, not '\(addressBase)'")
        }
    }

    func source(_ paths: [String]) -> MeshSource {
        .files(
            paths: paths,
            variables: Dictionary(variables.map { ($0.name, $0.value) }, uniquingKeysWith: { _, last in last }))
    }

    var compiler: CompilerOptions {
        // What `run` has by default, so that `validate` finds what is in its way.
        CompilerOptions(addressBase: addressBase, allowUnenforced: allowUnenforced, admin: .defaultAdmin)
    }
}
