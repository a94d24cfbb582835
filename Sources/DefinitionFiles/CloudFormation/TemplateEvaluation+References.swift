// `Ref` and `Fn::GetAtt`: pseudo parameters, parameters, and App Mesh resources, whose names and ARNs follow from the template.
// Attributes of other kinds are known to AWS only. A resource without a name of its own, which AWS would make up, is called by
// its logical ID.

import Definitions

extension TemplateEvaluation {
    /// What `Ref` gives; nil for `AWS::NoValue`.
    mutating func reference(_ name: String, at place: Location) -> SourceNode? {
        if name == "AWS::NoValue" { return nil }
        if name.hasPrefix("AWS::") { return pseudoParameter(name, at: place) }
        if let parameter = template.parameters[name] { return value(of: parameter, at: place) }
        guard let resource = template[name] else {
            reportUndefined(
                name, at: place, "the template has no parameter and no resource `\(SourceNode.shortened(name))`",
                among: { $0.referenceNames })
            return unresolved(at: place)
        }
        if AppMeshResourceType.named(resource.typeName) != nil { return attribute("Arn", of: name, at: place) }
        return given(name, "what `Ref` gives for `\(name)` (\(resource.typeName)) is not known here", at: place)
    }

    mutating func attribute(_ function: TemplateFunction) -> SourceNode {
        let place = function.location
        if function.argument.tag == nil, let text = function.argument.text, let dot = text.firstIndex(of: ".") {
            return attribute(String(text[text.index(after: dot)...]), of: String(text[..<dot]), at: place)
        }
        guard
            let arguments = arguments(
                of: function, count: 2...2, "a resource and an attribute, as `Mesh.MeshName`"),
            let id = text(arguments[0], for: "the resource of `Fn::GetAtt`"),
            let name = text(arguments[1], for: "the attribute of `Fn::GetAtt`")
        else { return unresolved(at: place) }
        return attribute(name, of: id, at: place)
    }

    /// What `Fn::GetAtt` gives, at the place of its use.
    mutating func attribute(_ name: String, of id: String, at place: Location) -> SourceNode {
        guard let resource = template[id] else {
            reportUndefined(
                id, at: place, "the template has no resource `\(SourceNode.shortened(id))`",
                among: { $0.resources.map(\.id).sorted() })
            return unresolved(at: place)
        }
        let path = "\(id).\(name)"
        guard let type = AppMeshResourceType.named(resource.typeName) else {
            return given(path, "the attribute `\(path)` (\(resource.typeName)) is not known here", at: place)
        }
        guard type.attributes.contains(name) else {
            reportOnce(
                "undefined-reference", place,
                "an \(resource.typeName) has no attribute `\(SourceNode.shortened(name))`",
                suggestion: Suggestion.text(for: name, among: type.attributes, introduction: "it has"))
            return unresolved(at: place)
        }
        if let condition = resource.condition, isPresent(condition) == false {
            reportOnce(
                "undefined-reference", place, "`\(id)` does not exist, because its condition is false")
            return unresolved(at: place)
        }
        if let known = attributeValues[path] { return relocated(known, to: place) }
        let computed =
            evaluate(path, at: place) { $0.compute(name, of: resource, type, at: place) } ?? unresolved(at: place)
        attributeValues[path] = computed
        return computed
    }

    /// Whether a resource's condition holds; nil if that cannot be said, which was reported.
    mutating func isPresent(_ condition: SourceNode.Entry) -> Bool? {
        guard let name = condition.value.text else {
            reportOnce(
                "wrong-type", condition.place,
                "`Condition` must be the name of a condition, not \(condition.value.summary)")
            return nil
        }
        return self.condition(named: name, at: condition.place)
    }

    private mutating func compute(
        _ name: String, of resource: Template.Resource, _ type: AppMeshResourceType, at place: Location
    ) -> SourceNode {
        switch name {
        case "Uid":
            return given("\(resource.id).Uid", "the attribute `\(resource.id).Uid` is not known here", at: place)
        case "ResourceOwner": return pseudoParameter("AWS::AccountId", at: place)
        case "MeshOwner" where resource.property(name) == nil: return pseudoParameter("AWS::AccountId", at: place)
        case "Arn": return arn(of: resource, type, at: place)
        default: return property(name, of: resource, isOwnName: name == type.nameProperty, at: place)
        }
    }

    private mutating func property(
        _ name: String, of resource: Template.Resource, isOwnName: Bool, at place: Location
    ) -> SourceNode {
        let isName = isOwnName && name != "VirtualServiceName"
        let value = resource.property(name).map { entry in (entry, self.value(of: entry)) }
        guard let (entry, value) = value, let value else {
            if isName { return node(resource.id, at: place) }
            reportOnce("missing-key", resource.location, "`\(resource.id)` has no `\(name)`")
            return unresolved(at: place)
        }
        if value.isUnresolved { return value }
        guard let text = value.text, !text.isEmpty else {
            reportOnce(
                "wrong-type", entry.place, "`\(entry.key)` must be a name, not \(value.summary)")
            return unresolved(at: place)
        }
        return node(text, at: place)
    }

    private mutating func arn(
        of resource: Template.Resource, _ type: AppMeshResourceType, at place: Location
    ) -> SourceNode {
        let mesh = attribute("MeshName", of: resource.id, at: place)
        let name = attribute(type.nameProperty, of: resource.id, at: place)
        let parent = type.parentProperty.map { attribute($0, of: resource.id, at: place) }
        let parts = ["AWS::Partition", "AWS::Region", "AWS::AccountId"].map { pseudoParameter($0, at: place).text }
        guard let mesh = mesh.text, let name = name.text, parent == nil || parent?.text != nil,
            let partition = parts[0], let region = parts[1], let account = parts[2]
        else { return unresolved(at: place) }
        let path = type.arnPath(name: name, parent: parent?.text ?? "")
        return node("arn:\(partition):appmesh:\(region):\(account):mesh/\(mesh)\(path)", at: place)
    }
}
