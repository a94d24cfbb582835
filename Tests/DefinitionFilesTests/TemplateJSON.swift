// A YAML template as JSON, with each short form written long, as AWS' own tools would convert it.

@testable import DefinitionFiles

enum TemplateJSON {
    static func value(of yaml: String) -> DefinitionValue? {
        YAMLReader.read(Array(yaml.utf8), variables: .none).documents.first.map { value(of: $0.root) }
    }

    private static func value(of node: SourceNode) -> DefinitionValue {
        var plain = node
        plain.tag = nil
        guard let tag = node.tag else { return untagged(plain) }
        let name = tag == "!Ref" || tag == "!Condition" ? String(tag.dropFirst()) : "Fn::\(tag.dropFirst())"
        if name == "Fn::GetAtt", let text = plain.text {
            let parts = text.split(separator: ".", maxSplits: 1).map { DefinitionValue.string(String($0)) }
            return .object([.init(name, .list(parts))])
        }
        return .object([.init(name, untagged(plain))])
    }

    private static func untagged(_ node: SourceNode) -> DefinitionValue {
        switch node.content {
        case .sequence(let nodes): .list(nodes.map(value(of:)))
        case .mapping(let entries): .object(entries.map { .init($0.key, value(of: $0.value)) })
        case .scalar(let text, .plain): Int(text).map { .integer($0) } ?? .string(text)
        case .scalar(let text, _): .string(text)
        }
    }
}
