// A label selector of Kubernetes: every label and every expression must hold. One that is empty selects everything, one that is
// absent nothing.

import Definitions

struct LabelSelector {
    enum Operator: String, CaseIterable {
        case `in` = "In"
        case notIn = "NotIn"
        case exists = "Exists"
        case doesNotExist = "DoesNotExist"
    }

    private struct Expression {
        var key: String
        var `operator`: Operator
        var values: [String]
    }

    private var labels: [String: String] = [:]
    private var expressions: [Expression] = []

    /// Reads a selector; what is wrong goes to `report`, and the selector is nil.
    init?(_ node: SourceNode, report: (_ code: String, _ location: Location, _ message: String) -> Void) {
        guard let entries = node.entries else {
            report("wrong-type", node.location, "a selector must be a map, not \(node.summary)")
            return nil
        }
        for entry in entries where !entry.value.isNull {
            switch (entry.key, entry.value.content) {
            case ("matchLabels", .mapping(let labels)):
                for label in labels { self.labels[label.key] = label.value.text ?? "" }
            case ("matchExpressions", .sequence(let nodes)):
                for node in nodes {
                    guard let key = node["key"]?.text,
                        let word = node["operator"]?.text, let kind = Operator(rawValue: word)
                    else {
                        report(
                            "bad-selector", node.location,
                            "an expression needs `key` and `operator`, which is one of "
                                + Suggestion.list(Operator.allCases.map(\.rawValue)))
                        return nil
                    }
                    var values: [String] = []
                    if case .sequence(let nodes)? = node["values"]?.content { values = nodes.compactMap(\.text) }
                    expressions.append(Expression(key: key, operator: kind, values: values))
                }
            case ("matchLabels", _), ("matchExpressions", _):
                report("wrong-type", entry.place, "`\(entry.key)` must not be \(entry.value.summary)")
                return nil
            default:
                report(
                    "unknown-key", entry.keyLocation,
                    "a selector has `matchLabels` and `matchExpressions`, no `\(SourceNode.shortened(entry.key))`")
                return nil
            }
        }
    }

    func matches(_ given: [String: String]) -> Bool {
        labels.allSatisfy { given[$0.key] == $0.value }
            && expressions.allSatisfy { expression in
                switch (expression.operator, given[expression.key]) {
                case (.in, let value?): expression.values.contains(value)
                case (.in, nil): false
                case (.notIn, let value): value.map { !expression.values.contains($0) } ?? true
                case (.exists, let value): value != nil
                case (.doesNotExist, let value): value == nil
                }
            }
    }
}
