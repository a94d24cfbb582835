// The schema's building block: how one kind of value is read, checked, written and described, in one place. A `Shape` is made
// from constraints for leaves and from fields for objects and unions; reading, writing, the list of all leaf paths, suggestions
// for unknown keys and the generated tests all follow from it.

import Definitions

struct Shape<Value>: Sendable {
    /// What can stand there, as data.
    let form: Form
    /// Nil if nothing could be made of it; what is wrong was reported.
    let read: @Sendable (SourceNode, inout Reader) -> Value?
    let write: @Sendable (Value) -> DefinitionValue

    init(
        form: Form, read: @escaping @Sendable (SourceNode, inout Reader) -> Value?,
        write: @escaping @Sendable (Value) -> DefinitionValue
    ) {
        self.form = form
        self.read = { node, reader in
            guard node.isUnresolved else { return read(node, &reader) }
            reader.unresolvedMet()
            return nil
        }
        self.write = write
    }
}

/// What can stand in a place.
indirect enum Form: Sendable {
    case string(StringRule)
    case integer(ClosedRange<Int>)
    case number(ClosedRange<Double>)
    case boolean
    case choice([String])
    case list(Form, count: ClosedRange<Int>)
    /// Names to forms.
    case map(Form)
    /// All members at once.
    case object([FieldForm])
    /// Exactly one of the members.
    case union([FieldForm])

    /// The paths of all leaves below this, each list and map counting once.
    func leafPaths(_ path: String = "") -> [String] {
        switch self {
        case .string, .integer, .number, .boolean, .choice: [path]
        case .list(let element, _): element.leafPaths(path + "[]")
        case .map(let value): value.leafPaths(path + "{}")
        case .object(let fields), .union(let fields):
            fields.flatMap { $0.form.leafPaths(path.isEmpty ? $0.key : "\(path).\($0.key)") }
        }
    }
}

struct FieldForm: Sendable {
    var key: String
    var isRequired: Bool
    var form: Form
}

/// What a text must be.
struct StringRule: Sendable {
    /// In Unicode scalars.
    var length: ClosedRange<Int> = 0...Int.max
    /// Whether a text is of the form, if there is one beside the length.
    var matches: (@Sendable (String) -> Bool)?
    /// What the form is, to follow "must be".
    var meaning = "a text"
    /// A text of the form.
    var example = "a"
    /// Whether a number in JSON is taken for its text.
    var takesNumbers = false
    /// All texts of the form, if they are few.
    var words: [String] = []
    /// What to write instead of a text that is not of the form, if that can be guessed; else the example is given.
    var correction: (@Sendable (String) -> String?)?
}

extension Shape where Value == String {
    static func string(_ length: ClosedRange<Int> = 0...Int.max) -> Shape { string(StringRule(length: length)) }

    /// A text of a form: `meaning` follows "must be", `example` is one.
    static func string(
        _ length: ClosedRange<Int> = 0...Int.max, meaning: String, example: String,
        takesNumbers: Bool = false, correction: (@Sendable (String) -> String?)? = nil,
        matches: @escaping @Sendable (String) -> Bool
    ) -> Shape {
        string(
            StringRule(
                length: length, matches: matches, meaning: meaning, example: example,
                takesNumbers: takesNumbers, correction: correction))
    }

    /// One of a few texts that the API model does not enumerate.
    static func word(_ length: ClosedRange<Int>, _ words: [String]) -> Shape {
        string(
            StringRule(
                length: length, matches: { words.contains($0) }, meaning: "one of \(Suggestion.list(words))",
                example: words.first ?? "", words: words))
    }

    private static func string(_ rule: StringRule) -> Shape {
        Shape(form: .string(rule)) { node, reader in
            guard let text = node.text ?? (rule.takesNumbers ? node.number : nil) else {
                let isScalar = if case .scalar = node.content { !node.isNull } else { false }
                reader.wrongType(
                    node, expected: rule.meaning, suggestion: isScalar ? "put it in double quotes" : nil)
                return nil
            }
            let count = text.unicodeScalars.count
            if !rule.length.contains(count) {
                reader.report(
                    "bad-length", "has \(count) characters, expected \(Constraint.text(rule.length))")
            } else if let matches = rule.matches, !matches(text) {
                reader.reportForm(of: text, rule)
            }
            return text
        } write: {
            .string($0)
        }
    }
}

extension Shape where Value == Int {
    static func integer(_ range: ClosedRange<Int> = Int.min...Int.max) -> Shape {
        Shape(form: .integer(range)) { node, reader in
            let expected = "a whole number" + (range == Int.min...Int.max ? "" : ", \(Constraint.text(range))")
            switch node.content {
            case .scalar(let text, .plain), .scalar(let text, .number):
                if let value = Constraint.integer(text) {
                    if !range.contains(value) {
                        reader.report("out-of-range", "is \(value), expected \(Constraint.text(range))")
                    }
                    return value
                }
                if Constraint.isInteger(text) {
                    reader.report(
                        "out-of-range", "is \(SourceNode.shortened(text)), expected \(Constraint.text(range))")
                    return nil
                }
                reader.wrongType(node, expected: expected, suggestion: Constraint.integerSuggestion(text))
            case .scalar(let text, .text) where Constraint.integer(text) != nil:
                reader.wrongType(node, expected: expected, suggestion: "remove the quotes")
            default: reader.wrongType(node, expected: expected)
            }
            return nil
        } write: {
            .integer($0)
        }
    }
}

extension Shape where Value == Bool {
    static var boolean: Shape {
        Shape(form: .boolean) { node, reader in
            switch node.content {
            case .scalar("true", .plain), .scalar("true", .boolean): return true
            case .scalar("false", .plain), .scalar("false", .boolean): return false
            case .scalar(let text, .plain), .scalar(let text, .text), .scalar(let text, .number):
                let meant: Bool? =
                    switch text.lowercased() {
                    case "yes", "on", "1", "y", "true": true
                    case "no", "off", "0", "n", "false": false
                    default: nil
                    }
                let isQuoted = text == "true" || text == "false"
                reader.wrongType(
                    node, expected: "`true` or `false`",
                    suggestion: isQuoted ? "remove the quotes" : meant.map { "write `\($0)`" })
            default: reader.wrongType(node, expected: "`true` or `false`")
            }
            return nil
        } write: {
            .boolean($0)
        }
    }
}

extension Shape where Value: RawRepresentable & CaseIterable & Sendable, Value.RawValue == String {
    /// One of the values of an enumeration.
    static var choice: Shape {
        let words = Value.allCases.map(\.rawValue)
        return Shape(form: .choice(words)) { node, reader in
            guard let text = node.text else {
                reader.wrongType(node, expected: "one of \(Suggestion.list(words))")
                return nil
            }
            if let value = Value(rawValue: text) { return value }
            reader.unknownWord(text, words)
            return nil
        } write: {
            .string($0.rawValue)
        }
    }
}

extension Shape {
    /// A list; elements that cannot be read are left out.
    static func list<Element>(
        _ element: Shape<Element>, count: ClosedRange<Int> = 0...Int.max
    ) -> Shape where Value == [Element] {
        Shape(form: .list(element.form, count: count)) { node, reader in
            guard case .sequence(let nodes) = node.content else {
                reader.wrongType(
                    node, expected: "a list", suggestion: node.isNull ? nil : "write it as `[ … ]`")
                return nil
            }
            if !count.contains(nodes.count) {
                reader.report("bad-count", "has \(nodes.count) entries, expected \(Constraint.text(count))")
            }
            return nodes.enumerated().compactMap { index, node in
                reader.element(index, at: node.location) { element.read(node, &$0) }
            }
        } write: { values in
            .list(values.map(element.write))
        }
    }

    /// Names to values. Entries that cannot be read are left out.
    static func map<Element>(_ element: Shape<Element>) -> Shape where Value == [String: Element] {
        Shape(form: .map(element.form)) { node, reader in
            guard let entries = node.entries else {
                reader.wrongType(node, expected: "a map of names")
                return nil
            }
            var values: [String: Element] = [:]
            for entry in entries {
                values[entry.key] = reader.member(entry.key, at: entry.place) {
                    element.read(entry.value.orEmptyMap, &$0)
                }
            }
            return values
        } write: { values in
            .object(values.sorted { $0.key < $1.key }.map { DefinitionValue.Member($0.key, element.write($0.value)) })
        }
    }

    /// A value that is written in another form than it is kept.
    func converted<Other>(
        _ convert: @escaping @Sendable (Value, inout Reader) -> Other?,
        back: @escaping @Sendable (Other) -> Value
    ) -> Shape<Other> {
        Shape<Other>(form: form) { node, reader in
            read(node, &reader).flatMap { convert($0, &reader) }
        } write: {
            write(back($0))
        }
    }
}

extension SourceNode.Entry {
    /// The place of a scalar, else that of its key: a block map starts at its first member, which would mislead.
    var place: Location {
        if case .scalar(_, let style) = value.content, style != .null { return value.location }
        return keyLocation
    }
}

extension SourceNode {
    /// `name:` without anything is an empty map where names map to maps.
    var orEmptyMap: SourceNode { isNull ? SourceNode(content: .mapping([]), location: location) : self }
}

extension Reader {
    /// A text is none of a few.
    fileprivate mutating func unknownWord(_ text: String, _ words: [String]) {
        let what = words.count == 1 ? "not" : "not one of"
        report(
            "unknown-value", "`\(SourceNode.shortened(text))` is \(what) \(Suggestion.list(words))",
            suggestion: Suggestion.question(for: text, among: words))
    }

    fileprivate mutating func reportForm(of text: String, _ rule: StringRule) {
        if !rule.words.isEmpty {
            unknownWord(text, rule.words)
            return
        }
        let correction = rule.correction?(text).map { "write `\($0)`" }
        report(
            "bad-format", "must be \(rule.meaning), not \"\(SourceNode.shortened(text))\"",
            suggestion: correction ?? "for example \(rule.example)")
    }
}
