// Parameters and pseudo parameters. `--var NAME=VALUE` overrides a default, also of a pseudo parameter. Values are checked as
// CloudFormation does (`AllowedValues`, lengths, numbers), except for `AllowedPattern`: patterns there are Java's.

import Definitions

extension TemplateEvaluation {
    /// The value of `AWS::…`: a placeholder for what a stack would have, unless it was given.
    mutating func pseudoParameter(_ name: String, at place: Location) -> SourceNode {
        if let text = variables[name] { return node(text, at: place) }
        let region = variables["AWS::Region"] ?? "us-east-1"
        let isChina = region.hasPrefix("cn-")
        switch name {
        case "AWS::Region": return node(region, at: place)
        case "AWS::AccountId": return node("000000000000", at: place)
        case "AWS::StackName": return node(stackName, at: place)
        case "AWS::Partition":
            return node(isChina ? "aws-cn" : region.hasPrefix("us-gov-") ? "aws-us-gov" : "aws", at: place)
        case "AWS::URLSuffix": return node(isChina ? "amazonaws.com.cn" : "amazonaws.com", at: place)
        case "AWS::StackId", "AWS::NotificationARNs": return given(name, "`\(name)` is not known here", at: place)
        default:
            reportOnce(
                "undefined-reference", place, "there is no pseudo parameter `\(SourceNode.shortened(name))`",
                suggestion: Suggestion.text(for: name, among: Self.pseudoParameters, introduction: "there are"))
            return unresolved(at: place)
        }
    }

    private static let pseudoParameters = [
        "AWS::AccountId", "AWS::NoValue", "AWS::NotificationARNs", "AWS::Partition", "AWS::Region", "AWS::StackId",
        "AWS::StackName", "AWS::URLSuffix",
    ]

    /// The value of a parameter at the place of its use.
    mutating func value(of parameter: SourceNode.Entry, at place: Location) -> SourceNode {
        if let known = parameterValues[parameter.key] { return relocated(known, to: place) }
        let value = computed(parameter, at: place)
        parameterValues[parameter.key] = value
        return value
    }

    private mutating func computed(_ parameter: SourceNode.Entry, at place: Location) -> SourceNode {
        let name = parameter.key
        guard parameter.value.entries != nil, let type = parameter.value["Type"]?.text else {
            reportOnce("missing-key", parameter.keyLocation, "the parameter `\(name)` has no `Type`")
            return unresolved(at: place)
        }
        // Such a default is where AWS finds the value.
        let isLookedUp = type.hasPrefix("AWS::SSM::Parameter::Value<")
        let defaultNode = parameter.value["Default"]
        let defaultText = isLookedUp ? nil : defaultNode.flatMap(Self.literalText)
        if !isLookedUp, variables[name] == nil, let defaultNode, defaultText == nil {
            reportOnce(
                "wrong-type", defaultNode.location,
                "the default of `\(name)` must be a text itself, not \(defaultNode.summary)")
            return unresolved(at: place)
        }
        guard let text = variables[name] ?? defaultText else {
            let reason = isLookedUp ? "is looked up in Systems Manager" : "has no default and no value"
            return given(name, "the parameter `\(name)` \(reason)", at: place)
        }
        guard check(text, parameter, type: type) else { return unresolved(at: place) }
        guard type == "CommaDelimitedList" || type.contains("List<") else { return node(text, at: place) }
        let elements = text.isEmpty ? [] : text.split(separator: ",", omittingEmptySubsequences: false)
        guard charge(elements.count, at: place) else { return unresolved(at: place) }
        return SourceNode(
            content: .sequence(elements.map { node(Self.trimmed($0), at: place) }), location: place)
    }

    private static func trimmed(_ text: Substring) -> String {
        var text = text
        while text.first?.isWhitespace == true { text.removeFirst() }
        while text.last?.isWhitespace == true { text.removeLast() }
        return String(text)
    }

    private mutating func check(_ text: String, _ parameter: SourceNode.Entry, type: String) -> Bool {
        let origin = "the value of the parameter `\(parameter.key)`, `\(SourceNode.shortened(text))`,"
        if let allowed = parameter.value["AllowedValues"], case .sequence(let nodes) = allowed.content {
            let words = nodes.compactMap(Self.literalText)
            // Of a list, each element must be allowed.
            let isList = type == "CommaDelimitedList" || type.contains("List<")
            let elements = isList ? text.split(separator: ",").map(Self.trimmed) : [text]
            if !elements.allSatisfy(words.contains) {
                reportOnce(
                    "unknown-value", parameter.keyLocation, "\(origin) is not one of \(Suggestion.list(words))",
                    suggestion: Suggestion.question(for: text, among: words))
                return false
            }
        }
        if type == "Number" {
            guard let number = Double(text), number.isFinite else {
                reportOnce("wrong-type", parameter.keyLocation, "\(origin) must be a number")
                return false
            }
            return isWithin(number, "MinValue", "MaxValue", parameter, origin)
        }
        if type == "String" {
            return isWithin(
                Double(text.unicodeScalars.count), "MinLength", "MaxLength", parameter, "the length of \(origin)")
        }
        return true
    }

    private mutating func isWithin(
        _ number: Double, _ minimumKey: String, _ maximumKey: String, _ parameter: SourceNode.Entry, _ origin: String
    ) -> Bool {
        let limits = [minimumKey, maximumKey].map { key in
            parameter.value[key].flatMap(Self.literalText).flatMap(Double.init)
        }
        if let minimum = limits[0], number < minimum {
            reportOnce("out-of-range", parameter.keyLocation, "\(origin) is below `\(minimumKey)`")
            return false
        }
        if let maximum = limits[1], number > maximum {
            reportOnce("out-of-range", parameter.keyLocation, "\(origin) is above `\(maximumKey)`")
            return false
        }
        return true
    }
}
