// Conditions: `Fn::Equals`, `Fn::Not`, `Fn::And`, `Fn::Or` and references to other conditions, each named condition evaluated once.

import Definitions

extension TemplateEvaluation {
    /// Whether a named condition holds; nil if that cannot be said, which was reported.
    mutating func condition(named name: String, at place: Location) -> Bool? {
        if let known = conditionValues[name] { return known }
        guard let definition = template.conditions[name] else {
            reportUndefined(
                name, at: place, "the template has no condition `\(SourceNode.shortened(name))`",
                among: { $0.conditions.keys.sorted() })
            return nil
        }
        let result = evaluate("condition \(name)", at: place) { $0.holds(definition.value) }
        conditionValues[name] = .some(result)
        return result
    }

    private mutating func holds(_ node: SourceNode) -> Bool? {
        // `{ Condition: Name }` has no prefix, unlike the other functions.
        if node.tag == nil, let entries = node.entries, entries.count == 1, entries[0].key == "Condition",
            let name = entries[0].value.text
        {
            return condition(named: name, at: entries[0].place)
        }
        guard let function = TemplateFunction(node) else {
            report(
                "wrong-type", node.location,
                "a condition must be one of \(Suggestion.list(TemplateFunction.conditions)) or `Condition`, not \(node.summary)"
            )
            return nil
        }
        switch function.name {
        case "Condition":
            return name(in: function, "the name of a condition").flatMap { condition(named: $0, at: function.location) }
        case "Fn::Equals":
            guard let arguments = arguments(of: function, count: 2...2, "two values") else { return nil }
            guard let left = value(arguments[0]), let right = value(arguments[1]) else {
                report("bad-function", function.location, "`Fn::Equals` cannot compare `AWS::NoValue`")
                return nil
            }
            return Self.areEqual(left, right)
        case "Fn::Not":
            guard let arguments = arguments(of: function, count: 1...1, "one condition in a list") else { return nil }
            return nested(arguments[0]).map { !$0 }
        case "Fn::And", "Fn::Or":
            guard let arguments = arguments(of: function, count: 2...10, "2 to 10 conditions") else { return nil }
            let results = arguments.map { nested($0) }
            if results.contains(where: { $0 == nil }) { return nil }
            return function.name == "Fn::And" ? results.allSatisfy { $0 == true } : results.contains { $0 == true }
        default:
            report(
                "bad-function", function.location, "`\(SourceNode.shortened(function.name))` is not a condition",
                suggestion: "a condition is one of \(Suggestion.list(TemplateFunction.conditions))")
            return nil
        }
    }

    private mutating func nested(_ node: SourceNode) -> Bool? {
        guard charge(1, at: node.location) else { return nil }
        return holds(node)
    }

    /// Compares values, texts by their characters; nil if one of them is not known.
    private static func areEqual(_ left: SourceNode, _ right: SourceNode) -> Bool? {
        switch (left.content, right.content) {
        case (.scalar(_, .unresolved), _), (_, .scalar(_, .unresolved)): return nil
        case (.scalar(let left, _), .scalar(let right, _)): return left == right
        case (.sequence(let left), .sequence(let right)):
            if left.count != right.count { return false }
            let results = zip(left, right).map { areEqual($0, $1) }
            return results.contains { $0 == nil } ? nil : results.allSatisfy { $0 == true }
        default: return false
        }
    }
}
