// The native format: a name maps to the spec of the API; routes stand under their router, gateway routes under their gateway,
// listeners under their Lattice service, rules under their listener.

import Definitions

extension Intake {
    private static let meshSections: [(key: String, kind: ResourceKind)] = [
        ("virtualNodes", .virtualNode), ("virtualRouters", .virtualRouter), ("virtualServices", .virtualService),
        ("virtualGateways", .virtualGateway),
    ]

    mutating func takeNative(_ root: SourceNode, file: String) -> [ImportRequest] {
        let entries = root.entries ?? []
        let mesh = entries.first { $0.key == "mesh" }.flatMap { takeMesh($0, file: file) }
        var imports: [ImportRequest] = []
        var isMeshMissingReported = false
        for entry in entries {
            if let section = Self.meshSections.first(where: { $0.key == entry.key }) {
                if mesh == nil, root["mesh"] == nil, !isMeshMissingReported {
                    isMeshMissingReported = true
                    report(
                        "missing-mesh", file: file, at: entry.keyLocation,
                        "nothing says which mesh `\(entry.key)` belong to",
                        suggestion: "add `mesh: NAME` to the document")
                }
                mention(mesh: mesh ?? "", at: position(entry.keyLocation, file))
                for member in named(entry, file: file) {
                    take(
                        ResourceKey(section.kind, mesh: mesh ?? "", name: member.key), member, file: file)
                }
                continue
            }
            switch entry.key {
            case "mesh", "services": break
            case "serviceNetwork": takeServiceNetwork(entry, services: root["services"], file: file)
            case "targetGroups": takeTargetGroups(named(entry, file: file), file: file)
            case "local":
                add(placement: PlacementSection(node: entry.value, location: entry.keyLocation, mesh: mesh, file: file))
            case "imports": imports += readImports(entry, mesh: mesh, file: file)
            case "extensions":
                report(
                    "not-in-force", file: file, at: entry.keyLocation,
                    "`extensions` is reserved for what AWS never had, and nothing of it is in force yet",
                    suggestion: "remove it")
            default:
                report(
                    "unknown-key", file: file, at: entry.keyLocation,
                    "unknown key `\(SourceNode.shortened(entry.key))`",
                    suggestion: Suggestion.text(
                        for: entry.key, among: DocumentFormat.nativeKeys, introduction: "allowed here:"))
            }
        }
        if let services = entries.first(where: { $0.key == "services" }) {
            takeServices(named(services, file: file), file: file)
        }
        return imports
    }

    /// `mesh: NAME`, or `mesh: { NAME: SPEC }`.
    private mutating func takeMesh(_ entry: SourceNode.Entry, file: String) -> String? {
        guard let name = readName(entry, file: file) else { return nil }
        mention(mesh: name.text, at: position(name.location, file))
        if let spec = name.spec {
            take(.mesh(name.text), spec, file: file, at: name.location)
        } else if let problem = Names.appMeshProblem(name.text) {
            report("bad-name", file: file, at: name.location, problem)
        }
        return name.text
    }

    /// A name, alone or as the one key of a map.
    private func singleName(_ node: SourceNode) -> (text: String, spec: SourceNode?, location: Location)? {
        if case .scalar(let text, .unresolved) = node.content { return (text, nil, node.location) }
        if let text = node.text, !text.isEmpty { return (text, nil, node.location) }
        guard let entries = node.entries, entries.count == 1, let entry = entries.first else { return nil }
        return (entry.key, entry.value.orEmptyMap, entry.keyLocation)
    }

    mutating func readName(
        _ entry: SourceNode.Entry, file: String
    ) -> (text: String, spec: SourceNode?, location: Location)? {
        if let name = singleName(entry.value) { return name }
        report(
            "wrong-type", file: file, at: entry.place,
            "`\(entry.key)` must be a name, or one name with its spec, not \(entry.value.summary)",
            suggestion: "`\(entry.key): NAME` or `\(entry.key): { NAME: { … } }`")
        return nil
    }

    /// A member of a mesh with what stands under it.
    private mutating func take(_ key: ResourceKey, _ entry: SourceNode.Entry, file: String) {
        let children: (key: String, kind: ResourceKind)? =
            switch key.kind {
            case .virtualRouter: ("routes", .route)
            case .virtualGateway: ("gatewayRoutes", .gatewayRoute)
            default: nil
            }
        let node = entry.value.orEmptyMap
        // With routes alone the entry adds to a parent that is defined elsewhere.
        let keys = (node.entries ?? []).map(\.key)
        if children == nil || keys != [children?.key] { take(key, node, file: file, at: entry.keyLocation) }
        guard let children, let list = node.entries?.first(where: { $0.key == children.key }) else { return }
        for child in named(list, file: file, of: key) {
            take(
                ResourceKey(children.kind, mesh: key.mesh, parent: key.name, name: child.key),
                child.value.orEmptyMap, file: file, at: child.keyLocation)
        }
    }

    /// The entries of a map of names.
    mutating func named(_ entry: SourceNode.Entry, file: String, of parent: ResourceKey? = nil) -> [SourceNode.Entry] {
        if entry.value.isNull { return [] }
        guard let entries = entry.value.entries else {
            append([
                Diagnostic(
                    .error, "wrong-type", at: position(entry.place, file), path: parent?.description ?? "",
                    "`\(entry.key)` must be a map of names, not \(entry.value.summary)",
                    suggestion: "`\(entry.key): { NAME: { … } }`")
            ])
            return []
        }
        return entries
    }

    func position(_ location: Location, _ file: String) -> SourcePosition {
        SourcePosition(file: file, line: location.line, column: location.column)
    }

    private mutating func readImports(_ entry: SourceNode.Entry, mesh: String?, file: String) -> [ImportRequest] {
        guard case .sequence(let nodes) = entry.value.content else {
            report(
                "wrong-type", file: file, at: entry.keyLocation, "`imports` must be a list, not \(entry.value.summary)",
                suggestion: "`imports: [{ file: …, kind: …, name: … }]`")
            return []
        }
        return nodes.enumerated().compactMap { index, node in
            // Import lists are no resource: their findings have the path within the document.
            var reader = Reader(file: file, resource: .local())
            let value = reader.member("imports", at: entry.keyLocation) { reader in
                reader.element(index, at: node.location) { ImportEntry.shape.read(node, &$0) }
            }
            append(
                reader.diagnostics.map { found in
                    var found = found
                    found.path = found.path.replacing("local / ", with: "", maxReplacements: 1)
                    return found
                })
            guard reader.errorCount == 0, let value else { return nil }
            let names = CommandLineInput.Names(
                kind: value.kind?.resourceKind, mesh: value.mesh ?? mesh, name: value.name, parent: value.parent)
            return ImportRequest(entry: value, names: names, location: node.location)
        }
    }
}
