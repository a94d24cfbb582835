// Objects and unions of the schema. An object is a blank value and a table of fields, each a key, a key path and a shape; a
// union is a table of members, exactly one of which is given. Rules that concern several fields run when the fields are sound,
// so that one mistake is reported once.

import Definitions

struct Field<Owner>: Sendable {
    let form: FieldForm
    /// Reads the value into its place; what could not be read was reported, and stays as in the blank.
    let read: @Sendable (SourceNode, inout Owner, inout Reader) -> Void
    /// Nil if it is absent.
    let write: @Sendable (Owner) -> DefinitionValue?

    static func required<Value>(
        _ key: String, _ path: WritableKeyPath<Owner, Value> & Sendable, _ shape: Shape<Value>
    ) -> Field {
        Field(form: FieldForm(key: key, isRequired: true, form: shape.form)) { node, owner, reader in
            if let value = shape.read(node, &reader) { owner[keyPath: path] = value }
        } write: {
            shape.write($0[keyPath: path])
        }
    }

    static func optional<Value>(
        _ key: String, _ path: WritableKeyPath<Owner, Value?> & Sendable, _ shape: Shape<Value>
    ) -> Field {
        Field(form: FieldForm(key: key, isRequired: false, form: shape.form)) { node, owner, reader in
            owner[keyPath: path] = shape.read(node, &reader)
        } write: {
            $0[keyPath: path].map(shape.write)
        }
    }

    /// A list or map whose absence means the same as being empty.
    static func collection<Value: Collection & Sendable>(
        _ key: String, _ path: WritableKeyPath<Owner, Value> & Sendable, _ shape: Shape<Value>
    ) -> Field {
        Field(form: FieldForm(key: key, isRequired: false, form: shape.form)) { node, owner, reader in
            if let value = shape.read(node, &reader) { owner[keyPath: path] = value }
        } write: {
            $0[keyPath: path].isEmpty ? nil : shape.write($0[keyPath: path])
        }
    }
}

/// A condition on several fields of a sound value; reports what it finds.
typealias Rule<Owner> = @Sendable (Owner, inout Reader) -> Void

extension Shape {
    /// An object: `blank` holds anything where a field is required.
    static func object(
        _ blank: Value, _ fields: [Field<Value>], rules: [Rule<Value>] = []
    ) -> Shape where Value: Sendable {
        let byKey = Dictionary(fields.map { ($0.form.key, $0) }) { first, _ in first }
        let forms = fields.map(\.form)
        let required = forms.filter(\.isRequired)
        return Shape(form: .object(fields.map(\.form))) { node, reader in
            guard let entries = node.entries else {
                let example =
                    fields.first.map { "with keys such as `\(reader.spelling.spelled($0.form))`" }
                    ?? "that is empty, `{}`"
                reader.wrongType(node, expected: "a map \(example)")
                return nil
            }
            let errorsBefore = reader.errorCount
            var value = blank
            // A misspelt key is not reported as missing too.
            var misspelt: Set<String> = []
            for entry in entries {
                guard let field = byKey[entry.key] else {
                    if let meant = reader.unknownKey(entry, allowed: forms) { misspelt.insert(meant) }
                    continue
                }
                reader.member(entry.key, shown: entry.shown, at: entry.place) { field.read(entry.value, &value, &$0) }
            }
            let given = misspelt.union(entries.map(\.key))
            for field in fields where field.form.isRequired && !given.contains(field.form.key) {
                reader.report(
                    "missing-key", "`\(reader.spelling.spelled(field.form))` is missing",
                    suggestion: required.count > 1
                        ? "required: \(Suggestion.list(required.map(reader.spelling.spelled)))" : nil)
            }
            if reader.errorCount == errorsBefore {
                for rule in rules { rule(value, &reader) }
            }
            return value
        } write: { value in
            .object(
                fields.compactMap { field in
                    field.write(value).map { DefinitionValue.Member(field.form.key, $0) }
                })
        }
    }

    /// Exactly one member.
    static func union(_ members: [UnionMember<Value>], rules: [Rule<Value>] = []) -> Shape {
        let byKey = Dictionary(members.map { ($0.form.key, $0) }) { first, _ in first }
        let forms = members.map(\.form)
        return Shape(form: .union(members.map(\.form))) { node, reader in
            guard let entries = node.entries else {
                let keys = Suggestion.list(forms.map(reader.spelling.spelled))
                reader.wrongType(node, expected: "a map with one of \(keys)")
                return nil
            }
            let errorsBefore = reader.errorCount
            var values: [(key: String, value: Value?)] = []
            for entry in entries {
                guard let member = byKey[entry.key] else {
                    reader.unknownKey(entry, allowed: forms)
                    continue
                }
                let value = reader.member(entry.key, shown: entry.shown, at: entry.place) {
                    member.read(entry.value, &$0)
                }
                values.append((entry.shown, value))
            }
            if values.count > 1 {
                reader.report(
                    "exclusive-keys", "\(Suggestion.list(values.map(\.key))) exclude each other",
                    suggestion: "keep one of them")
            } else if values.isEmpty, reader.errorCount == errorsBefore {
                let keys = Suggestion.list(forms.map(reader.spelling.spelled))
                let what = forms.count == 1 ? "\(keys) is missing" : "one of \(keys) is missing"
                reader.report("missing-key", what)
            }
            let value = values.first?.value
            if let value, reader.errorCount == errorsBefore {
                for rule in rules { rule(value, &reader) }
            }
            return value
        } write: { value in
            .object(
                members.compactMap { member in
                    member.write(value).map { DefinitionValue.Member(member.form.key, $0) }
                })
        }
    }
}

extension Shape {
    /// The key of a union's member as the API spells it.
    func unionKey(of value: Value) -> String? {
        if case .object(let members) = write(value) { return members.first?.key }
        return nil
    }
}

struct UnionMember<Union>: Sendable {
    let form: FieldForm
    let read: @Sendable (SourceNode, inout Reader) -> Union?
    /// Nil if the value is another member.
    let write: @Sendable (Union) -> DefinitionValue?

    /// A member with how it is wrapped into the union and taken out again.
    static func member<Payload>(
        _ key: String, _ wrap: @escaping @Sendable (Payload) -> Union, _ shape: Shape<Payload>,
        _ unwrap: @escaping @Sendable (Union) -> Payload?
    ) -> UnionMember {
        UnionMember(form: FieldForm(key: key, isRequired: false, form: shape.form)) { node, reader in
            shape.read(node, &reader).map(wrap)
        } write: {
            unwrap($0).map(shape.write)
        }
    }
}

extension Reader {
    /// Reports a key that has no meaning; the result is the one that was probably meant.
    @discardableResult
    mutating func unknownKey(_ entry: SourceNode.Entry, allowed: [FieldForm]) -> String? {
        let shown = allowed.map(spelling.spelled)
        let meant = unknownKey(entry, allowed: shown)
        return shown.firstIndex { $0 == meant }.map { allowed[$0].key }
    }

    /// Reports a key that has no meaning, among keys as the file spells them.
    @discardableResult
    mutating func unknownKey(_ entry: SourceNode.Entry, allowed: [String]) -> String? {
        let others = path.isEmpty ? otherRootKeys : []
        if others.contains(entry.key) { return nil }
        report(
            "unknown-key", at: entry.keyLocation, "unknown key `\(SourceNode.shortened(entry.shown))`",
            suggestion: Suggestion.text(for: entry.shown, among: allowed + others, introduction: "allowed here:"))
        return Suggestion.nearest(to: entry.shown, among: allowed + others)
    }
}
