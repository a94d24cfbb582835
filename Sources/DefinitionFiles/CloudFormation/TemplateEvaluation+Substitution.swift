// `Fn::Sub`: `${Name}` is what `Ref` gives, `${Resource.Attribute}` what `Fn::GetAtt` gives, `${!Text}` is the text `${Text}`. With
// a list, the second element is a map of further names, which come first.

extension TemplateEvaluation {
    mutating func substitute(_ function: TemplateFunction) -> SourceNode {
        let place = function.location
        var format = function.argument
        var values: [String: SourceNode] = [:]
        if case .sequence(let arguments) = format.content {
            guard arguments.count == 2, let entries = arguments[1].entries, arguments[1].tag == nil else {
                report("bad-function", place, "`Fn::Sub` takes a text, or a text and a map of values")
                return unresolved(at: place)
            }
            format = arguments[0]
            for entry in entries { values[entry.key] = value(entry.value) ?? unresolved(at: entry.place) }
        }
        guard format.tag == nil, let source = Self.literalText(format) else {
            report("bad-function", place, "`Fn::Sub` takes a text itself, not \(format.summary)")
            return unresolved(at: place)
        }
        return filled(source, values, at: place)
    }

    private mutating func filled(
        _ source: String, _ values: [String: SourceNode], at place: Location
    ) -> SourceNode {
        var text = ""
        var isResolved = true
        var rest = Substring(source)
        while let start = rest.firstRange(of: "${") {
            guard let end = rest[start.upperBound...].firstIndex(of: "}") else { break }
            text += rest[..<start.lowerBound]
            let name = rest[start.upperBound..<end]
            rest = rest[rest.index(after: end)...]
            if name.hasPrefix("!") {
                text += "${\(name.dropFirst())}"
            } else if charge(1, at: place), let part = part(String(name), values, at: place) {
                text += part
            } else {
                isResolved = false
            }
            if text.utf8.count > Self.textBytesMax { return node(text, at: place) }
        }
        return isResolved ? node(text + rest, at: place) : unresolved(at: place)
    }

    /// What stands for a name between braces; nil if that is not known, which was reported.
    private mutating func part(_ name: String, _ values: [String: SourceNode], at place: Location) -> String? {
        let isName =
            !name.isEmpty
            && name.utf8.allSatisfy { Names.isLabelByte($0) || $0 == UInt8(ascii: ".") || $0 == UInt8(ascii: ":") }
        guard isName else {
            report(
                "bad-function", place, "`Fn::Sub` has `${\(SourceNode.shortened(name))}`, which is no name",
                suggestion: "for a dollar sign and a brace as text write `${!…}`")
            return nil
        }
        let value: SourceNode
        if let given = values[name] {
            value = given
        } else if let dot = name.firstIndex(of: "."), !name.contains("::") {
            value = attribute(
                String(name[name.index(after: dot)...]), of: String(name[..<dot]), at: place)
        } else {
            value = reference(name, at: place) ?? unresolved(at: place)
        }
        if value.isUnresolved { return nil }
        guard let text = value.text else {
            report("wrong-type", place, "`${\(name)}` must stand for a text, not \(value.summary)")
            return nil
        }
        return text
    }
}
