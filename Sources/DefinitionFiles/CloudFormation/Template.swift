// A CloudFormation template as it stands: its sections and resources with their places, nothing evaluated. `Outputs`, `Rules` and
// `Metadata` say nothing about a mesh and are not looked into. The reference: `appmesh` 5; the template anatomy of the
// CloudFormation user guide.

import Definitions

struct Template {
    struct Resource {
        /// The logical ID.
        var id: String
        var location: Location
        var type: SourceNode.Entry
        var condition: SourceNode.Entry?
        /// The `Properties` as they stand.
        var propertyMap: SourceNode.Entry?

        var typeName: String { type.value.text ?? "" }
        var properties: [SourceNode.Entry] { propertyMap?.value.entries ?? [] }

        /// A property whatever its case, as the schema takes keys.
        func property(_ name: String) -> SourceNode.Entry? {
            let properties = properties
            if let exact = properties.first(where: { $0.key == name }) { return exact }
            let folded = name.lowercased()
            return properties.first { $0.key.lowercased() == folded }
        }
    }

    private(set) var parameters: [String: SourceNode.Entry] = [:]
    private(set) var mappings: [String: SourceNode.Entry] = [:]
    private(set) var conditions: [String: SourceNode.Entry] = [:]
    /// In the order of the file.
    private(set) var resources: [Resource] = []
    /// Where `Resources` stands.
    private(set) var location: Location
    private(set) var problems: [SourceProblem] = []
    private var indexes: [String: Int] = [:]

    private static let sections = [
        "AWSTemplateFormatVersion", "Description", "Metadata", "Parameters", "Rules", "Mappings", "Conditions",
        "Transform", "Globals", "Resources", "Outputs",
    ]
    private static let attributes = [
        "Type", "Properties", "Condition", "DependsOn", "Metadata", "CreationPolicy", "DeletionPolicy", "UpdatePolicy",
        "UpdateReplacePolicy",
    ]
    /// Transforms that leave App Mesh resources alone.
    private static let harmlessTransforms = ["AWS::Serverless-2016-10-31", "AWS::CodeDeployBlueGreen"]

    init(_ root: SourceNode) {
        location = root.location
        for section in root.entries ?? [] {
            switch section.key {
            case "Parameters": parameters = named(section)
            case "Mappings": mappings = named(section)
            case "Conditions": conditions = named(section)
            case "Transform": checkTransform(section.value)
            case "Resources":
                location = section.keyLocation
                readResources(section)
            case let key where !Self.sections.contains(key):
                report(
                    "unknown-key", section.keyLocation, "a template has no section `\(SourceNode.shortened(key))`",
                    suggestion: Suggestion.text(for: key, among: Self.sections, introduction: "allowed here:"))
            default: break
            }
        }
    }

    /// The resource of a logical ID.
    subscript(id: String) -> Resource? { indexes[id].map { resources[$0] } }

    /// Everything that `Ref` can name, except pseudo parameters.
    var referenceNames: [String] { (Array(parameters.keys) + Array(indexes.keys)).sorted() }

    private mutating func named(_ section: SourceNode.Entry) -> [String: SourceNode.Entry] {
        guard let entries = section.value.entries, section.value.tag == nil else {
            report("wrong-type", section.place, "`\(section.key)` must be a map of names, not \(section.value.summary)")
            return [:]
        }
        return Dictionary(entries.map { ($0.key, $0) }) { first, _ in first }
    }

    private mutating func readResources(_ section: SourceNode.Entry) {
        guard let entries = section.value.entries, section.value.tag == nil else {
            report("wrong-type", section.place, "`Resources` must be a map of names, not \(section.value.summary)")
            return
        }
        for entry in entries {
            if entry.key.hasPrefix("Fn::") {
                report(
                    "unsupported-function", entry.keyLocation, "`\(SourceNode.shortened(entry.key))` is not evaluated",
                    suggestion: "write the resources out")
                continue
            }
            guard let attributes = entry.value.entries else {
                report(
                    "wrong-type", entry.place,
                    "the resource `\(entry.key)` must be a map with `Type` and `Properties`, not \(entry.value.summary)"
                )
                continue
            }
            let type = attributes.first { $0.key == "Type" }
            guard let type, type.value.text != nil else {
                report("missing-key", entry.keyLocation, "the resource `\(entry.key)` has no `Type`")
                continue
            }
            indexes[entry.key] = resources.count
            resources.append(
                Resource(
                    id: entry.key, location: entry.keyLocation, type: type,
                    condition: attributes.first { $0.key == "Condition" },
                    propertyMap: attributes.first { $0.key == "Properties" }))
            // What other kinds may have is their business.
            guard type.value.text?.hasPrefix(AppMeshResourceType.prefix) == true else { continue }
            for attribute in attributes where !Self.attributes.contains(attribute.key) {
                report(
                    "unknown-key", attribute.keyLocation,
                    "a resource has no attribute `\(SourceNode.shortened(attribute.key))`",
                    suggestion: Suggestion.text(
                        for: attribute.key, among: Self.attributes, introduction: "allowed here:"))
            }
        }
    }

    private mutating func checkTransform(_ node: SourceNode) {
        let names: [SourceNode] = if case .sequence(let nodes) = node.content { nodes } else { [node] }
        for name in names {
            let text = name.text ?? name["Name"]?.text ?? name.summary
            guard !Self.harmlessTransforms.contains(text) else { continue }
            report(
                "unsupported-transform", name.location, severity: .warning,
                "`\(SourceNode.shortened(text))` would rewrite the template before it takes effect; here it does not",
                suggestion: "load the processed template (`aws cloudformation get-template --template-stage Processed`)"
            )
        }
    }

    private mutating func report(
        _ code: String, _ location: Location, severity: Diagnostic.Severity = .error, _ message: String,
        suggestion: String? = nil
    ) {
        problems.append(
            SourceProblem(
                severity: severity, code: code, location: location, message: message, suggestion: suggestion))
    }
}
