// The intrinsic functions that give values: `Fn::Join`, `Fn::Select`, `Fn::Split`, `Fn::Sub`, `Fn::If`, `Fn::FindInMap`,
// `Fn::ImportValue`, `Fn::Base64`. The intrinsic function reference of the CloudFormation user guide.

import Definitions
import Foundation

extension TemplateEvaluation {
    mutating func value(of function: TemplateFunction) -> SourceNode? {
        let place = function.location
        switch function.name {
        case "Ref":
            guard let name = name(in: function, "the name of a parameter or a resource") else {
                return unresolved(at: place)
            }
            return reference(name, at: place)
        case "Fn::GetAtt": return attribute(function)
        case "Fn::Sub": return substitute(function)
        case "Fn::Join": return join(function)
        case "Fn::Select": return select(function)
        case "Fn::Split": return split(function)
        case "Fn::If": return choose(function)
        case "Fn::FindInMap": return find(function)
        case "Fn::ImportValue":
            guard let name = text(function.argument, for: "the name of an export") else { return unresolved(at: place) }
            return given(name, "the value that `\(SourceNode.shortened(name))` exports is not known here", at: place)
        case "Fn::Base64":
            guard let text = text(function.argument, for: "the argument of `Fn::Base64`") else {
                return unresolved(at: place)
            }
            return node(Data(text.utf8).base64EncodedString(), at: place)
        default:
            refuse(function)
            return unresolved(at: place)
        }
    }

    private mutating func refuse(_ function: TemplateFunction) {
        let shown = SourceNode.shortened(function.name)
        if TemplateFunction.unsupported.contains(function.name) || function.name.hasPrefix("Fn::ForEach::") {
            report(
                "unsupported-function", function.location, "`\(shown)` is not evaluated",
                suggestion: "write the value itself")
        } else if TemplateFunction.conditions.contains(function.name) || function.name == "Condition" {
            report(
                "bad-function", function.location, "`\(shown)` is a condition, not a value",
                suggestion: "name it under `Conditions` and use it in `Fn::If`")
        } else {
            report(
                "unknown-function", function.location, "there is no function `\(shown)`",
                suggestion: Suggestion.text(
                    for: function.name, among: TemplateFunction.supported, introduction: "there are"))
        }
    }

    /// An argument that is a literal name.
    mutating func name(in function: TemplateFunction, _ meaning: String) -> String? {
        if function.argument.tag == nil, let text = function.argument.text, !text.isEmpty { return text }
        report(
            "bad-function", function.location,
            "`\(function.name)` takes \(meaning), not \(function.argument.summary)")
        return nil
    }

    /// The arguments of a function that takes a list of so many.
    mutating func arguments(
        of function: TemplateFunction, count: ClosedRange<Int>, _ usage: String
    ) -> [SourceNode]? {
        if function.argument.tag == nil, case .sequence(let nodes) = function.argument.content,
            count.contains(nodes.count)
        {
            return nodes
        }
        let given =
            if case .sequence(let nodes) = function.argument.content {
                nodes.count == 1 ? "1 argument" : "\(nodes.count) arguments"
            } else {
                function.argument.summary
            }
        report(
            "bad-function", function.location, "`\(function.name)` takes \(usage), not \(given)")
        return nil
    }

    private mutating func join(_ function: TemplateFunction) -> SourceNode {
        let place = function.location
        guard let arguments = arguments(of: function, count: 2...2, "a separator and a list"),
            let separator = text(arguments[0], for: "the separator of `Fn::Join`"),
            let elements = list(arguments[1], for: "the second argument of `Fn::Join`")
        else { return unresolved(at: place) }
        var joined = ""
        for (index, element) in elements.enumerated() {
            guard let text = text(element, for: "an element of `Fn::Join`") else { return unresolved(at: place) }
            joined += index == 0 ? text : separator + text
            if joined.utf8.count > Self.textBytesMax { break }
        }
        return node(joined, at: place)
    }

    private mutating func select(_ function: TemplateFunction) -> SourceNode? {
        let place = function.location
        guard let arguments = arguments(of: function, count: 2...2, "an index and a list"),
            let indexText = text(arguments[0], for: "the index of `Fn::Select`"),
            let elements = list(arguments[1], for: "the second argument of `Fn::Select`")
        else { return unresolved(at: place) }
        guard let index = Int(indexText), elements.indices.contains(index) else {
            report(
                "bad-function", place,
                "`Fn::Select` wants element \(SourceNode.shortened(indexText)) of a list of \(elements.count), counted from 0"
            )
            return unresolved(at: place)
        }
        return elements[index]
    }

    private mutating func split(_ function: TemplateFunction) -> SourceNode {
        let place = function.location
        guard let arguments = arguments(of: function, count: 2...2, "a separator and a text"),
            let separator = text(arguments[0], for: "the separator of `Fn::Split`"),
            let source = text(arguments[1], for: "the second argument of `Fn::Split`")
        else { return unresolved(at: place) }
        guard !separator.isEmpty else {
            report("bad-function", place, "the separator of `Fn::Split` is empty")
            return unresolved(at: place)
        }
        let parts = source.components(separatedBy: separator)
        guard charge(parts.count, at: place) else { return unresolved(at: place) }
        return SourceNode(content: .sequence(parts.map { node($0, at: place) }), location: place)
    }

    private mutating func choose(_ function: TemplateFunction) -> SourceNode? {
        let place = function.location
        guard let arguments = arguments(of: function, count: 3...3, "a condition and two values") else {
            return unresolved(at: place)
        }
        guard arguments[0].tag == nil, let name = arguments[0].text else {
            report(
                "bad-function", arguments[0].location,
                "`Fn::If` takes the name of a condition, not \(arguments[0].summary)")
            return unresolved(at: place)
        }
        guard let isTrue = condition(named: name, at: arguments[0].location) else { return unresolved(at: place) }
        return value(arguments[isTrue ? 1 : 2])
    }

    private mutating func find(_ function: TemplateFunction) -> SourceNode {
        let place = function.location
        guard let arguments = arguments(of: function, count: 3...3, "a mapping and two keys"),
            let mapName = text(arguments[0], for: "the mapping of `Fn::FindInMap`"),
            let firstKey = text(arguments[1], for: "the first key of `Fn::FindInMap`"),
            let secondKey = text(arguments[2], for: "the second key of `Fn::FindInMap`")
        else { return unresolved(at: place) }
        guard let mapping = template.mappings[mapName] else {
            reportUndefined(
                mapName, at: place, "the template has no mapping `\(SourceNode.shortened(mapName))`",
                among: { $0.mappings.keys.sorted() })
            return unresolved(at: place)
        }
        var node = mapping.value
        var path = mapName
        for key in [firstKey, secondKey] {
            let entries = node.entries ?? []
            guard charge(entries.count, at: place) else { return unresolved(at: place) }
            guard let next = node[key] else {
                reportUndefined(
                    key, at: place,
                    "the mapping `\(SourceNode.shortened(path))` has no key `\(SourceNode.shortened(key))`",
                    among: { _ in entries.map(\.key) })
                return unresolved(at: place)
            }
            node = next
            path += ".\(key)"
        }
        return literal(node, path, at: place)
    }

    /// A mapping's value, a text or a list of texts, at the place of its use.
    private mutating func literal(_ node: SourceNode, _ path: String, at place: Location) -> SourceNode {
        if let text = Self.literalText(node) { return self.node(text, at: place) }
        if case .sequence(let nodes) = node.content, charge(nodes.count, at: place) {
            let texts = nodes.compactMap(Self.literalText)
            if texts.count == nodes.count {
                return SourceNode(content: .sequence(texts.map { self.node($0, at: place) }), location: place)
            }
        }
        report("wrong-type", node.location, "`\(path)` must be a text or a list of texts, not \(node.summary)")
        return unresolved(at: place)
    }

    /// The text of a scalar of any type, if it is no function.
    static func literalText(_ node: SourceNode) -> String? {
        guard node.tag == nil, case .scalar(let text, let style) = node.content else { return nil }
        switch style {
        case .plain, .text, .number, .boolean: return text
        case .null, .unresolved: return nil
        }
    }
}
