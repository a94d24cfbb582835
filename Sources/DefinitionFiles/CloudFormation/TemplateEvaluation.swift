// The values of a template: parameters, references and functions become what they stand for, each at the place of its use, and
// keys become the API's. What only AWS knows (an import, an attribute of a resource of another kind, a parameter without a
// default) is asked for by name, once. Whatever the template, evaluation ends: names in evaluation are remembered (a cycle is a
// finding), and depth, work and text are bounded.

import Definitions

struct TemplateEvaluation {
    /// Nested values, functions and references together.
    static let depthMax = 128
    /// Values looked at in one template.
    static let stepsMax = 4_000_000
    /// One text in bytes, and all texts that functions make.
    static let textBytesMax = 65_536
    static let allTextBytesMax = 64 * 1024 * 1024

    let template: Template
    let variables: [String: String]
    let stackName: String
    private(set) var problems: [SourceProblem] = []

    private var depth = 0
    private var steps = 0
    private var textBytes = 0
    private var isExhausted = false
    /// What is being evaluated, to find cycles.
    private var underWay: [String] = []
    /// What was computed already, at the place of the first use.
    var attributeValues: [String: SourceNode] = [:]
    var parameterValues: [String: SourceNode] = [:]
    var conditionValues: [String: Bool?] = [:]
    /// What was reported once and is not reported again.
    private var reported: Set<String> = []
    /// How many more names are compared for suggestions.
    private var suggestions = SuggestionBudget()

    /// - Parameter stackName: what `AWS::StackName` is unless a variable says otherwise.
    init(_ template: Template, variables: [String: String], stackName: String) {
        self.template = template
        self.variables = variables
        self.stackName = stackName
    }

    // MARK: Values

    /// The value of a node; nil if it is `AWS::NoValue`. What could not be evaluated was reported and is unresolved.
    mutating func value(_ node: SourceNode) -> SourceNode? {
        guard enter(at: node.location) else { return unresolved(at: node.location) }
        defer { depth -= 1 }
        if let function = TemplateFunction(node) { return value(of: function) }
        switch node.content {
        case .scalar(let text, .text), .scalar(let text, .number), .scalar(let text, .boolean):
            // CloudFormation converts between texts, numbers and booleans: the field decides.
            return SourceNode(content: .scalar(text, .plain), location: node.location)
        case .scalar: return node
        case .sequence(let nodes):
            return SourceNode(content: .sequence(nodes.compactMap { value($0) }), location: node.location)
        case .mapping(let entries):
            if let function = entries.first(where: { $0.key.hasPrefix("Fn::") }) {
                report(
                    "bad-function", function.keyLocation,
                    "`\(SourceNode.shortened(function.key))` stands beside other keys, but a function stands alone")
                return unresolved(at: node.location)
            }
            return SourceNode(content: .mapping(members(entries)), location: node.location)
        }
    }

    private mutating func members(_ entries: [SourceNode.Entry]) -> [SourceNode.Entry] {
        var members: [SourceNode.Entry] = []
        members.reserveCapacity(entries.count)
        // Only a large map is worth a dictionary.
        let isLarge = entries.count > 16
        var written: [String: String] = [:]
        for entry in entries {
            guard let value = value(of: entry) else { continue }
            let key = KeySpelling.apiKey(ofTemplateKey: entry.key) ?? entry.key
            let first = isLarge ? written[key] : members.first { $0.key == key }?.shown
            if let first {
                report(
                    "duplicate-key", entry.keyLocation,
                    "`\(SourceNode.shortened(entry.key))` and `\(SourceNode.shortened(first))` are the same key",
                    suggestion: "remove one of the two")
                continue
            }
            if isLarge { written[key] = entry.key }
            members.append(
                SourceNode.Entry(key: key, keyLocation: entry.keyLocation, value: value, written: entry.key))
        }
        return members
    }

    /// The value of a property. `Ref` of an App Mesh resource is its ARN, which is no name.
    mutating func value(of entry: SourceNode.Entry) -> SourceNode? {
        if let function = TemplateFunction(entry.value), function.name == "Ref", let id = function.argument.text,
            let resource = template[id], let type = AppMeshResourceType.named(resource.typeName),
            Self.nameKeys.contains(entry.key.lowercased())
        {
            report(
                "arn-for-name", function.location,
                "`Ref` of `\(id)` is an ARN, but `\(entry.key)` takes a name",
                suggestion: "write `!GetAtt \(id).\(type.nameProperty)`")
            return unresolved(at: function.location)
        }
        return value(entry.value)
    }

    private static let nameKeys: Set<String> = [
        "meshname", "virtualnodename", "virtualroutername", "virtualservicename", "virtualgatewayname", "routename",
        "gatewayroutename", "virtualnode",
    ]

    /// The text of a value, which it must be; nil if it is not, which was reported.
    mutating func text(_ node: SourceNode, for what: String) -> String? {
        guard let value = value(node) else {
            report("missing-value", node.location, "\(what) must be a text, not `AWS::NoValue`")
            return nil
        }
        switch value.content {
        case .scalar(_, .unresolved): return nil
        case .scalar(let text, let style) where style != .null: return text
        default:
            report("wrong-type", node.location, "\(what) must be a text, not \(value.summary)")
            return nil
        }
    }

    /// The elements of a value, which must be a list; nil if it is not, which was reported.
    mutating func list(_ node: SourceNode, for what: String) -> [SourceNode]? {
        guard let value = value(node), !value.isUnresolved else { return nil }
        guard case .sequence(let nodes) = value.content else {
            report("wrong-type", node.location, "\(what) must be a list, not \(value.summary)")
            return nil
        }
        return nodes
    }

    // MARK: Bounds

    private mutating func enter(at location: Location) -> Bool {
        guard charge(1, at: location) else { return false }
        guard depth < Self.depthMax else {
            reportOnce("too-deep", location, "functions and references nest deeper than \(Self.depthMax) levels")
            return false
        }
        depth += 1
        return true
    }

    /// Counts work; false when there was too much of it.
    mutating func charge(_ count: Int, at location: Location) -> Bool {
        steps = min(steps, Self.stepsMax) + min(count, Self.stepsMax)
        return !isExhausted && (steps <= Self.stepsMax || exhaust(at: location))
    }

    private mutating func exhaust(at location: Location) -> Bool {
        isExhausted = true
        reportOnce("too-large", location, "the template expands to more than can be loaded")
        return false
    }

    /// A text that a function made, at the place of the function.
    mutating func node(_ text: String, at location: Location) -> SourceNode {
        let count = text.utf8.count
        textBytes = min(textBytes + count, Self.allTextBytesMax + 1)
        if count > Self.textBytesMax {
            reportOnce("too-large", location, "a text of more than \(Self.textBytesMax) bytes")
            return unresolved(at: location)
        }
        if textBytes > Self.allTextBytesMax {
            _ = exhaust(at: location)
            return unresolved(at: location)
        }
        return SourceNode(content: .scalar(text, .plain), location: location)
    }

    func unresolved(at location: Location) -> SourceNode {
        SourceNode(content: .scalar("", .unresolved), location: location)
    }

    /// Evaluates something that has a name, unless it is needed for itself.
    mutating func evaluate<Result>(
        _ name: String, at location: Location, _ body: (inout TemplateEvaluation) -> Result?
    ) -> Result? {
        if let start = underWay.firstIndex(of: name) {
            let cycle = (underWay[start...].prefix(6) + [name]).joined(separator: " → ")
            reportOnce("cyclic-reference", location, "depends on itself: \(SourceNode.shortened(cycle))")
            return nil
        }
        guard enter(at: location) else { return nil }
        underWay.append(name)
        defer {
            underWay.removeLast()
            depth -= 1
        }
        return body(&self)
    }

    // MARK: Findings

    mutating func report(
        _ code: String, _ location: Location, _ message: String, suggestion: String? = nil
    ) {
        problems.append(
            SourceProblem(code: code, location: location, message: message, suggestion: suggestion))
    }

    mutating func reportOnce(
        _ code: String, _ location: Location, _ message: String, suggestion: String? = nil
    ) {
        guard reported.insert("\(code) \(message)").inserted else { return }
        report(code, location, message, suggestion: suggestion)
    }

    /// Something does not exist: says so once, with the nearest that does.
    mutating func reportUndefined(
        _ name: String, at location: Location, _ message: String, among names: (Template) -> [String]
    ) {
        guard reported.insert("undefined-reference \(message)").inserted else { return }
        report(
            "undefined-reference", location, message,
            suggestion: suggestions.isSpent ? nil : suggestions.question(for: name, among: names(template)))
    }

    /// A value that was computed for another place.
    mutating func relocated(_ node: SourceNode, to place: Location) -> SourceNode {
        var node = node
        node.location = place
        if case .sequence(let nodes) = node.content {
            guard charge(nodes.count, at: place) else { return unresolved(at: place) }
            node.content = .sequence(nodes.map { SourceNode(content: $0.content, location: place) })
        }
        return node
    }

    /// The value that was given for something only AWS knows; asks for it otherwise, once for each name.
    mutating func given(_ name: String, _ what: String, at location: Location) -> SourceNode {
        if let text = variables[name] { return node(text, at: location) }
        reportOnce(
            "unknown-variable", location, what,
            suggestion: "give it one with `--var \(Self.shellWord("\(name)=VALUE"))`")
        return unresolved(at: location)
    }

    /// Quoted if a shell would take it apart.
    private static func shellWord(_ text: String) -> String {
        let isPlain = text.utf8.allSatisfy { Names.isLabelByte($0) || [0x2E, 0x2F, 0x3A, 0x3D].contains($0) }
        return isPlain ? text : "'\(text)'"
    }
}
