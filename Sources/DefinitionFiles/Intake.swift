// Takes documents into the definitions, whatever their format: resources are read by their schema, owned by one place each, and
// kept by name. A router or gateway that only ever appears as the parent of routes is taken as one without listeners, and said so.

import Definitions

/// An entry of an import list, to be read by whoever may read files.
struct ImportRequest {
    var entry: ImportEntry
    var names: CommandLineInput.Names
    var location: Location
}

struct Intake {
    var definitions = Definitions()
    var sources = SourceMap()
    private(set) var diagnostics: [Diagnostic] = []
    /// Where each resource was defined.
    private var origins: [ResourceKey: SourcePosition] = [:]
    /// Routes' parents that were mentioned, with the place.
    private var parents: [(key: ResourceKey, position: SourcePosition)] = []
    private var placements: [PlacementSection] = []
    private var manifests = ManifestSet()

    /// Takes a document; the result is what it asks to import.
    /// - Parameter variables: values of parameters, for a template.
    mutating func take(
        _ document: SourceDocument, file: String, variables: [String: String]
    ) -> [ImportRequest] {
        switch DocumentFormat(document.root) {
        case .cloudFormation:
            report(document.problems, file: file)
            take(template: document.root, file: file, variables: variables)
        case .kubernetes: manifests.take(document, file: file, mesh: nil)
        case .native:
            report(document.problems + document.tagProblems, file: file)
            return takeNative(document.root, file: file)
        case .commandLineInput:
            report(document.problems + document.tagProblems, file: file)
            take(input: document.root, file: file, given: CommandLineInput.Names())
        case .unknown:
            report(document.problems + document.tagProblems, file: file)
            reportUnknown(document.root, file: file)
        }
        return []
    }

    /// An import of templates or manifests, which name their resources themselves, must not name one.
    mutating func check(selfNamingImport request: ImportRequest, file: String, list: String) {
        let entry = request.entry
        guard entry.kind != nil || entry.name != nil || entry.parent != nil else { return }
        report(
            "bad-import", file: list, at: request.location, "`\(file)` names its resources itself",
            suggestion: "an import of it takes `file`, `variables`, and for manifests without a Mesh `mesh`")
    }

    mutating func take(
        imported document: SourceDocument, file: String, request: ImportRequest, list: String,
        variables: [String: String]
    ) {
        switch DocumentFormat(document.root) {
        case .cloudFormation: _ = take(document, file: file, variables: variables)
        case .kubernetes: manifests.take(document, file: file, mesh: request.names.mesh)
        case .native:
            report(
                "bad-import", file: list, at: request.location, "`\(file)` names its resources itself",
                suggestion: "load it as a file of its own instead of importing it")
        case .commandLineInput, .unknown:
            report(document.problems + document.tagProblems, file: file)
            take(input: document.root, file: file, given: request.names)
        }
    }

    /// What needs all documents: manifests, the placement, parents without a definition, discovery that is missing.
    mutating func finish() {
        takeManifests(manifests)
        for section in placements { takePlacement(section) }
        for (key, position) in parents where origins[key] == nil {
            origins[key] = position
            diagnostics.append(
                Diagnostic(
                    .warning, "undefined-parent", at: position, path: key.description,
                    "has routes, but no file defines it; it is taken as one without listeners"))
        }
        definitions.meshes[""] = nil
        for mesh in definitions.meshes.sortedByName { checkDiscovery(of: mesh.value) }
    }

    /// Rule 6 of the reference (`appmesh` 1.4): listeners need discovery. A placement makes the node work here all the same.
    private mutating func checkDiscovery(of mesh: MeshDefinition) {
        for node in mesh.virtualNodes.sortedByName where node.value.serviceDiscovery == nil {
            guard let listeners = node.value.listeners, !listeners.isEmpty else { continue }
            let key = ResourceKey.virtualNode(node.name, mesh: mesh.name)
            let isPlaced = definitions.local.meshes[mesh.name]?.nodes[node.name] != nil
            diagnostics.append(
                Diagnostic(
                    isPlaced ? .warning : .error, "missing-discovery", at: sources.position(key, "listeners"),
                    path: key.path("listeners"),
                    isPlaced
                        ? "AWS refuses listeners without `serviceDiscovery`; here the placement says where the node is"
                        : "a node with listeners needs `serviceDiscovery`",
                    suggestion: "for example `serviceDiscovery: { dns: { hostname: \(node.name).\(mesh.name).local } }`"
                ))
        }
    }
}

extension Intake {
    mutating func report(
        _ code: String, file: String, at location: Location = Location(line: 1, column: 1),
        severity: Diagnostic.Severity = .error, _ message: String, suggestion: String? = nil
    ) {
        diagnostics.append(
            Diagnostic(
                severity, code, at: SourcePosition(file: file, line: location.line, column: location.column), path: "",
                message, suggestion: suggestion))
    }

    mutating func report(_ problem: SourceProblem, file: String) {
        report(
            problem.code, file: file, at: problem.location, severity: problem.severity, problem.message,
            suggestion: problem.suggestion)
    }

    mutating func report(_ failure: SourceFiles.Failure, file: String) {
        report(
            failure.code, file: file, at: failure.location ?? Location(line: 1, column: 1), failure.message,
            suggestion: failure.suggestion)
    }

    private mutating func report(_ problems: [SourceProblem], file: String) {
        for problem in problems { report(problem, file: file) }
    }

    private mutating func reportUnknown(_ root: SourceNode, file: String) {
        guard let entries = root.entries else {
            report(
                "unknown-format", file: file, at: root.location, "a definition is a map of keys, not \(root.summary)")
            return
        }
        let keys = DocumentFormat.nativeKeys + CommandLineInput.significantKeys
        guard let entry = entries.first else {
            report("no-definitions", file: file, at: root.location, severity: .warning, "the document is empty")
            return
        }
        let near = entries.lazy.compactMap { entry in
            Suggestion.nearest(to: entry.key, among: keys).map { (entry, $0) }
        }.first
        report(
            "unknown-format", file: file, at: near?.0.keyLocation ?? entry.keyLocation,
            "this is no format that is known: unknown key `\(SourceNode.shortened(near?.0.key ?? entry.key))`",
            suggestion: near.map { "did you mean `\($0.1)`?" }
                ?? "a definition has keys such as \(Suggestion.list(Array(DocumentFormat.nativeKeys.prefix(5)))), "
                + "an AWS CLI input has `spec`")
    }
}

extension Intake {
    /// Reads a resource's spec and takes over what was found. Nil if nothing could be made of it, or if it is defined already.
    mutating func read<Spec>(
        _ key: ResourceKey, _ node: SourceNode, _ shape: Shape<Spec>, file: String, at location: Location,
        otherRootKeys: [String] = [], spelling: KeySpelling = .api
    ) -> Spec? {
        var reader = Reader(file: file, resource: key, otherRootKeys: otherRootKeys, spelling: spelling)
        let position = reader.position(location)
        let isFirst = claim(key, at: position)
        reader.start(at: location)
        let spec = shape.read(node, &reader)
        if isFirst { sources.merge(reader.sources) }
        diagnostics += reader.diagnostics
        return isFirst ? spec : nil
    }

    /// Says that a resource is defined here; false if it was defined before, which is an error.
    mutating func claim(_ key: ResourceKey, at position: SourcePosition) -> Bool {
        if let problem = nameProblem(key) {
            diagnostics.append(Diagnostic(.error, "bad-name", at: position, path: key.description, problem))
        }
        guard let first = origins[key] else {
            origins[key] = position
            return true
        }
        diagnostics.append(
            Diagnostic(
                .error, "duplicate-resource", at: position, path: key.description,
                "is defined twice, first at \(first)", suggestion: "remove one of the two"))
        return false
    }

    /// Remembers that routes need this router or gateway.
    mutating func need(parent key: ResourceKey, at position: SourcePosition) {
        parents.append((key, position))
    }

    mutating func add(placement section: PlacementSection) { placements.append(section) }

    mutating func append(_ found: [Diagnostic]) { diagnostics += found }

    private func nameProblem(_ key: ResourceKey) -> String? {
        switch key.kind {
        case .mesh, .virtualNode, .virtualRouter, .route, .virtualService, .virtualGateway, .gatewayRoute:
            Names.appMeshProblem(key.name)
        case .serviceNetwork: Names.latticeProblem(key.name, length: 3...63, reservedPrefix: nil)
        case .service: Names.latticeProblem(key.name, length: 3...40, reservedPrefix: "svc-")
        case .listener: Names.latticeProblem(key.name, length: 3...63, reservedPrefix: "listener-")
        case .rule: Names.latticeProblem(key.name, length: 3...63, reservedPrefix: "rule-")
        case .targetGroup: Names.latticeProblem(key.name, length: 3...128, reservedPrefix: "tg-")
        case .local: nil
        }
    }
}
