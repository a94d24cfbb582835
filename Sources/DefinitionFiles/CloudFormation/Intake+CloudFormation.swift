// The App Mesh resources of a CloudFormation template into the definitions. Resources of other kinds are skipped and counted in
// one note; those of VPC Lattice are refused by name, because skipping them would lose traffic rules silently.

import Definitions

extension Intake {
    mutating func take(template root: SourceNode, file: String, variables: [String: String]) {
        let template = Template(root)
        for problem in template.problems { report(problem, file: file) }
        var evaluation = TemplateEvaluation(
            template, variables: variables, stackName: Self.stackName(ofFile: file))
        var skipped: [String: Int] = [:]
        var hasAppMesh = false
        for resource in template.resources {
            if resource.typeName.hasPrefix(AppMeshResourceType.prefix) {
                hasAppMesh = true
                take(resource, of: &evaluation, file: file)
            } else if resource.typeName.hasPrefix("AWS::VpcLattice::") {
                refuse(resource, file: file)
            } else {
                skipped[resource.typeName, default: 0] += 1
            }
        }
        for problem in evaluation.problems { report(problem, file: file) }
        noteSkipped(skipped, "resources", "template", file: file, at: template.location)
        if !hasAppMesh {
            report(
                "no-definitions", file: file, at: template.location, severity: .warning,
                "the template holds no App Mesh resources")
        }
    }

    /// Says what was left out, if anything was.
    mutating func noteSkipped(
        _ counts: [String: Int], _ things: String, _ container: String, file: String, at location: Location
    ) {
        guard !counts.isEmpty else { return }
        let kinds = counts.sorted { ($1.value, $0.key) < ($0.value, $1.key) }
        let shown = kinds.prefix(8).map { "\(SourceNode.shortened($0.key)) (\($0.value))" }
        let rest = kinds.count > shown.count ? " and \(kinds.count - shown.count) more" : ""
        let total = counts.values.reduce(0, +)
        let thing = total == 1 ? String(things.dropLast()) : things
        let kindWord = kinds.count == 1 ? "1 other kind" : "\(kinds.count) other kinds"
        report(
            "skipped-\(things)", file: file, at: location, severity: .note,
            "skipped \(total) \(thing) of \(kindWord): \(shown.joined(separator: ", "))\(rest)")
    }

    private mutating func refuse(_ resource: Template.Resource, file: String) {
        report(
            "unsupported-format", file: file, at: resource.location,
            "`\(resource.id)` is an \(SourceNode.shortened(resource.typeName)), which is not read from templates yet; "
                + "that comes later",
            suggestion: "until then, write it in the native format")
    }

    private mutating func take(
        _ resource: Template.Resource, of evaluation: inout TemplateEvaluation, file: String
    ) {
        guard let type = AppMeshResourceType.named(resource.typeName) else {
            let types = AppMeshResourceType.all.map { AppMeshResourceType.prefix + $0.word }
            report(
                "unknown-resource-type", file: file, at: resource.type.place,
                "there is no resource type `\(SourceNode.shortened(resource.typeName))`",
                suggestion: Suggestion.text(for: resource.typeName, among: types, introduction: "there are"))
            return
        }
        if let condition = resource.condition, evaluation.isPresent(condition) != true { return }
        checkProperties(of: resource, type, file: file)
        let names = ["MeshName", type.nameProperty, type.parentProperty ?? "MeshName"].map {
            evaluation.attribute($0, of: resource.id, at: resource.location).text
        }
        let specEntry = resource.property("Spec")
        let evaluated = specEntry.flatMap { evaluation.value(of: $0) }
        if evaluated == nil, type.kind != .mesh {
            report("missing-key", file: file, at: resource.location, "`\(resource.id)` has no `Spec`")
        }
        guard let mesh = names[0], let name = names[1], let parent = names[2] else { return }
        mention(mesh: mesh, at: position(resource.location, file))
        let spec = evaluated ?? SourceNode(content: .mapping([]), location: resource.location)
        if spec.isUnresolved || (evaluated == nil && type.kind != .mesh) { return }
        let key = ResourceKey(
            type.kind, mesh: type.kind == .mesh ? nil : mesh, parent: type.parentProperty == nil ? nil : parent,
            name: name)
        take(key, spec, file: file, at: resource.location, spelling: .template)
    }

    private mutating func checkProperties(of resource: Template.Resource, _ type: AppMeshResourceType, file: String) {
        guard let properties = resource.propertyMap else { return }
        guard properties.value.entries != nil, TemplateFunction(properties.value) == nil else {
            report(
                "wrong-type", file: file, at: properties.place,
                "`Properties` of `\(resource.id)` must be a map of properties, not \(properties.value.summary)")
            return
        }
        let allowed = type.properties
        let folded = Set(allowed.map { $0.lowercased() })
        for property in resource.properties where !folded.contains(property.key.lowercased()) {
            report(
                "unknown-key", file: file, at: property.keyLocation,
                "an \(resource.typeName) has no property `\(SourceNode.shortened(property.key))`",
                suggestion: Suggestion.text(for: property.key, among: allowed, introduction: "it has"))
        }
    }

    /// The file's name without what follows the first dot, as a stack that was made from it would often be called.
    private static func stackName(ofFile path: String) -> String {
        let name = path.split(separator: "/").last.map(String.init) ?? ""
        return String(name.prefix { $0 != "." })
    }
}
