// Manifests of the App Mesh controller into the definitions, when all files are known.

import Definitions

extension Intake {
    mutating func takeManifests(_ set: ManifestSet) {
        append(set.diagnostics)
        for (file, skipped) in set.skipped.sorted(by: { $0.key < $1.key }) {
            noteSkipped(skipped.counts, "objects", "file", file: file, at: skipped.location)
        }
        var resolution = ManifestResolution(set, otherMeshes: definitions.meshes.keys.filter { !$0.isEmpty }.sorted())
        for object in resolution.objects { take(object, of: &resolution) }
        append(resolution.diagnostics)
    }

    private mutating func take(_ object: Manifest, of resolution: inout ManifestResolution) {
        guard let kind = object.kind.resourceKind else {
            resolution.check(group: object)
            return
        }
        if let name = object["awsName"], name.value.text == nil {
            if !name.value.isUnresolved {
                resolution.report(
                    "wrong-type", at: name.place, in: object, "`awsName` must be a text, not \(name.value.summary)")
            }
            return
        }
        guard let mesh = resolution.mesh(of: object) else { return }
        mention(mesh: mesh, at: position(object.location, object.file))
        var parent: String?
        if object.kind == .gatewayRoute {
            guard let gateway = resolution.gateway(of: object, mesh: mesh) else { return }
            parent = gateway.awsName
        }
        let key = ResourceKey(kind, mesh: kind == .mesh ? nil : mesh, parent: parent, name: object.awsName)
        take(
            key, resolution.spec(of: object, mesh: mesh), file: object.file, at: object.location, spelling: .manifest,
            otherRootKeys: ManifestResolution.ownKeys(of: object.kind).sorted())
        guard object.kind == .virtualRouter else { return }
        for route in resolution.routes(of: object, mesh: mesh) {
            take(
                .route(route.name, router: object.awsName, mesh: mesh), route.spec, file: object.file,
                at: route.location, spelling: .manifest)
        }
    }
}
