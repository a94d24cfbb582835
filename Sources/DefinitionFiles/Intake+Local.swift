// The `local:` documents. Those of a document with `mesh:` are about that mesh; elsewhere a node is named `MESH/NODE`, or by its
// own name if there is one mesh only. Entries are owned by one place each, like resources.

import Definitions

/// A `local:` section as it stands, to be read when all meshes are known.
struct PlacementSection {
    var node: SourceNode
    var location: Location
    var mesh: String?
    var file: String
}

extension Intake {
    mutating func takePlacement(_ section: PlacementSection) {
        if section.node.isNull { return }
        var machine = Reader(file: section.file, resource: .local())
        machine.start(at: section.location)
        guard let entries = section.node.entries else {
            machine.wrongType(section.node, expected: "a map with keys such as `nodes`")
            append(machine.diagnostics)
            return
        }
        let folder = SourceFiles.folder(of: section.file)
        for entry in entries {
            switch entry.key {
            case "discovery":
                guard let mesh = mesh(of: nil, section, entry.keyLocation) else { continue }
                let source = readPlacement(
                    .local(mesh: mesh), entry, below: nil, shape: Shape<DiscoverySource>.choice, section)
                if let source { definitions.local.meshes[mesh, default: MeshPlacement()].discovery = source }
            case "nodes":
                takePlacements(entry, section, LocalSchema.node) {
                    $0.meshes[$1, default: MeshPlacement()].nodes[$2] = $3
                }
            case "gateways":
                takePlacements(entry, section, LocalSchema.gateway) {
                    $0.meshes[$1, default: MeshPlacement()].gateways[$2] = $3
                }
            case "targetGroups":
                for (name, group) in readPlacements(entry, section, LocalSchema.targetGroup) {
                    definitions.local.targetGroups[name] = group
                }
            case "vpcs":
                for (name, vpc) in readPlacements(entry, section, LocalSchema.vpc) {
                    definitions.local.vpcs[name] = vpc
                }
            case "paths":
                for (prefix, path) in readPlacements(entry, section, LocalSchema.path) {
                    definitions.local.paths[prefix] = SourceFiles.join(folder, path)
                }
            case "certificates":
                for (arn, files) in readPlacements(entry, section, LocalSchema.certificate) {
                    definitions.local.certificates[arn] = CertificateFiles(
                        certificateChain: SourceFiles.join(folder, files.certificateChain),
                        privateKey: files.privateKey.map { SourceFiles.join(folder, $0) })
                }
            default: machine.unknownKey(entry, allowed: LocalSchema.keys)
            }
        }
        append(machine.diagnostics)
    }

    /// Entries that belong to a mesh.
    private mutating func takePlacements<Placement>(
        _ entry: SourceNode.Entry, _ section: PlacementSection, _ shape: Shape<Placement>,
        store: (inout LocalPlacement, String, String, Placement) -> Void
    ) {
        for member in named(entry, file: section.file, of: .local(mesh: section.mesh)) {
            let parts = member.key.split(separator: "/", maxSplits: 1).map(String.init)
            let (meshName, name) = parts.count == 2 ? (parts[0], parts[1]) : (nil, member.key)
            guard let mesh = mesh(of: meshName, section, member.keyLocation) else { continue }
            var own = member
            own.key = name
            if let placement = readPlacement(.local(mesh: mesh), own, below: entry.key, shape: shape, section) {
                store(&definitions.local, mesh, name, placement)
            }
        }
    }

    /// Entries that belong to the machine.
    private mutating func readPlacements<Placement>(
        _ entry: SourceNode.Entry, _ section: PlacementSection, _ shape: Shape<Placement>
    ) -> [(String, Placement)] {
        named(entry, file: section.file, of: .local()).compactMap { member in
            readPlacement(.local(), member, below: entry.key, shape: shape, section).map { (member.key, $0) }
        }
    }

    private mutating func readPlacement<Placement>(
        _ key: ResourceKey, _ entry: SourceNode.Entry, below parent: String?, shape: Shape<Placement>,
        _ section: PlacementSection
    ) -> Placement? {
        var reader = Reader(file: section.file, resource: key)
        reader.start(at: section.location)
        let path = parent.map { SourceMap.path($0, member: entry.key) } ?? entry.key
        let first = sources.exactPosition(key, path)
        let isMap = if case .object = shape.form { true } else { false }
        let read: (inout Reader) -> Placement? = { reader in
            reader.member(entry.key, at: entry.place) { shape.read(isMap ? entry.value.orEmptyMap : entry.value, &$0) }
        }
        let placement = parent.map { reader.member($0, at: section.location, read) } ?? read(&reader)
        append(reader.diagnostics)
        guard first == nil else {
            append([
                Diagnostic(
                    .error, "duplicate-placement", at: position(entry.keyLocation, section.file), path: key.path(path),
                    "is placed twice\(first.map { ", first at \($0)" } ?? "")", suggestion: "remove one of the two")
            ])
            return nil
        }
        sources.merge(reader.sources)
        return placement
    }

    /// The mesh that a name in a section is about.
    private mutating func mesh(of given: String?, _ section: PlacementSection, _ location: Location) -> String? {
        if let mesh = given ?? section.mesh { return mesh }
        let meshes = definitions.meshes.keys.filter { !$0.isEmpty }.sorted()
        if meshes.count == 1 { return meshes.first }
        report(
            "unclear-mesh", file: section.file, at: location,
            meshes.isEmpty
                ? "there is no mesh that this could be about"
                : "nothing says which of the meshes \(Suggestion.list(meshes)) this is about",
            suggestion: meshes.first.map { "write the name as `\($0)/NAME`, or add `mesh: \($0)` to the document" })
        return nil
    }
}
