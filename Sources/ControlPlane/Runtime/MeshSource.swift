// Where a process gets its plan from, and how definitions become one: read, compile, check what only the control module can
// check, add the admin listeners. The same way serves `run`, every reload, `validate` and `explain`.

import Compiler
import DefinitionFiles
import Definitions
import Routing
import Telemetry

/// What a process runs.
public enum MeshSource: Sendable {
    /// Definition files and folders, read anew at every reload.
    case files(paths: [String], variables: [String: String])
    /// One built-in workload (`trellis echo`).
    case workload(plan: Plan, workloads: [WorkloadPlan])

    /// Reads and compiles. It never fails: what is wrong is among the findings.
    public func load(_ options: CompilerOptions) -> LoadedMesh { load(options, with: nil) }

    /// - Parameter owned: what the admin API owns, to be merged with the files.
    func load(_ options: CompilerOptions, with owned: DefinitionLoader.NamedText?) -> LoadedMesh {
        switch self {
        case .workload(let plan, let workloads):
            return LoadedMesh(
                plan: plan, workloads: workloads, diagnostics: [], purposes: Self.purposes(plan), tryCommand: nil,
                noProxy: nil, files: [])
        case .files(let paths, let variables):
            let loaded = DefinitionLoader.load(
                paths: paths, texts: owned.map { [$0] } ?? [], variables: variables)
            let conflicts = owned.map { Self.conflicts(loaded, with: $0.name) } ?? []
            let files = loaded.files + paths.filter { !loaded.files.contains($0) }
            // Without a whole file everything that refers to its contents would look wrong too.
            guard !loaded.diagnostics.contains(where: { $0.severity == .error && $0.path.isEmpty }) else {
                return LoadedMesh(diagnostics: loaded.diagnostics, files: files, conflicts: conflicts)
            }
            guard !loaded.definitions.isEmpty || loaded.hasErrors else {
                // Above all a file that is just being written: nothing must not replace what serves.
                let finding = Diagnostic(
                    .error, "nothing-defined", at: nil, path: "", "no mesh and no service network is defined",
                    suggestion: "start with a line 'mesh: NAME'")
                return LoadedMesh(diagnostics: loaded.diagnostics + [finding], files: files)
            }
            let compiled = MeshCompiler.compile(loaded.definitions, sources: loaded.sources, options: options)
            var purposes: [ListenerName: String] = [:]
            for row in compiled.summary {
                purposes[ListenerName(proxy: row.proxy, listener: row.listener)] = row.purpose
            }
            return LoadedMesh(
                plan: compiled.plan, workloads: compiled.workloads,
                diagnostics: loaded.diagnostics + compiled.diagnostics + AccessLogs.check(compiled.accessLogs),
                purposes: purposes, tryCommand: compiled.tryCommand, noProxy: compiled.noProxy, files: files,
                definitions: loaded.definitions, sources: loaded.sources, conflicts: conflicts)
        }
    }

    /// Resources of the API's text that a file defines too. The loader keeps the first of two and files come first, so the
    /// place that it remembers is the owner's.
    private static func conflicts(_ loaded: LoadedDefinitions, with name: String) -> [OwnershipConflict] {
        let duplicates = Set(
            loaded.diagnostics.filter { $0.code == "duplicate-resource" && $0.position?.file == name }.map(\.path))
        guard !duplicates.isEmpty else { return [] }
        return loaded.sources.resourceKeys.compactMap { key in
            guard duplicates.contains(key.description), let owner = loaded.sources.position(key), owner.file != name
            else { return nil }
            return OwnershipConflict(resource: key.description, owner: owner)
        }.sorted { $0.resource < $1.resource }
    }

    private static func purposes(_ plan: Plan) -> [ListenerName: String] {
        var purposes: [ListenerName: String] = [:]
        for proxy in plan.proxies {
            for listener in proxy.listeners {
                purposes[ListenerName(proxy: proxy.name, listener: listener.name)] = "built-in workload"
            }
        }
        return purposes
    }
}

/// Names a listener over all generations.
public struct ListenerName: Sendable, Hashable {
    public var proxy: String
    public var listener: String
}

/// Definitions that were read and compiled.
public struct LoadedMesh: Sendable {
    public var plan = Plan()
    public var workloads: [WorkloadPlan] = []
    /// Every finding; with an error among them the plan is not to be run.
    public var diagnostics: [Diagnostic]
    /// What each listener is for.
    public var purposes: [ListenerName: String] = [:]
    public var tryCommand: String?
    public var noProxy: String?
    /// Every file and folder that was read, for the watch.
    public var files: [String]
    /// As they were written, and where.
    var definitions = Definitions()
    var sources = SourceMap()
    /// Resources that the API defines and a file owns.
    var conflicts: [OwnershipConflict] = []

    public var isRunnable: Bool { !diagnostics.contains { $0.severity == .error } }
}

extension Definitions {
    /// Nothing to run, whatever the placement says.
    fileprivate var isEmpty: Bool {
        meshes.isEmpty && serviceNetworks.isEmpty && services.isEmpty && targetGroups.isEmpty
    }
}
