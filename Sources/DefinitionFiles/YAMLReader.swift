// YAML text to nodes, from the events of the library's parser (libyaml, the part of Yams that knows the place of every key and
// of every use of an alias; Yams' own composer stops at the first duplicate key and expands aliases without a limit). Scalars
// keep their source text: what `yes` or `0123` means is the field's business. Limits: 100 levels, 10,000 nodes from aliases,
// 100 tag directives (the library compares each with all before it, and has no limit).

import CYaml
import Definitions

struct YAMLReader {
    static let depthMax = 100
    static let aliasNodesMax = 10_000
    static let tagDirectivesMax = 100

    private struct Event {
        var type: yaml_event_type_t
        var location: Location
        var anchor: String?
        var tag: String?
        var text = ""
        var isPlain = false
    }

    private struct Anchored {
        var node: SourceNode
        var nodeCount: Int
    }

    private struct Failure: Error {
        var problem: SourceProblem
    }

    private var parser: UnsafeMutablePointer<yaml_parser_t>
    private let substitution: Substitution
    private let variables: Variables
    private var anchors: [String: Anchored] = [:]
    private var problems: [SourceProblem] = []
    private var tagProblems: [SourceProblem] = []
    private var nodeCount = 0
    private var aliasNodeCount = 0

    /// All documents; empty ones are left out.
    static func read(_ bytes: [UInt8], variables: Variables) -> SourceText {
        let substitution = Substitution(bytes, variables: variables)
        if let line = Self.lineBeyondTagDirectives(substitution.output) {
            return SourceText(
                failure: SourceProblem(
                    code: "too-many-directives", location: Location(line: line, column: 1),
                    message: "there are more than \(tagDirectivesMax) lines that start with `%TAG`"))
        }
        var parser = yaml_parser_t()
        guard yaml_parser_initialize(&parser) == 1 else {
            return SourceText(
                failure: SourceProblem(
                    code: "syntax", location: Location(line: 1, column: 1), message: "there is no memory to read YAML"))
        }
        defer { yaml_parser_delete(&parser) }
        yaml_parser_set_encoding(&parser, YAML_UTF8_ENCODING)
        return substitution.output.withUnsafeBufferPointer { input in
            yaml_parser_set_input_string(&parser, input.baseAddress, input.count)
            return withUnsafeMutablePointer(to: &parser) { pointer in
                var reader = YAMLReader(parser: pointer, substitution: substitution, variables: variables)
                return reader.readDocuments()
            }
        }
    }

    /// The line with the first tag directive that is too many.
    private static func lineBeyondTagDirectives(_ bytes: [UInt8]) -> Int? {
        var line = 1
        var directives = 0
        var isLineStart = true
        for index in bytes.indices {
            if isLineStart, bytes[index] == UInt8(ascii: "%"), bytes[index...].starts(with: "%TAG".utf8) {
                directives += 1
                if directives > tagDirectivesMax { return line }
            }
            isLineStart = bytes[index] == UInt8(ascii: "\n") || bytes[index] == UInt8(ascii: "\r")
            if bytes[index] == UInt8(ascii: "\n") { line += 1 }
        }
        return nil
    }

    private init(parser: UnsafeMutablePointer<yaml_parser_t>, substitution: Substitution, variables: Variables) {
        self.parser = parser
        self.substitution = substitution
        self.variables = variables
    }

    private mutating func readDocuments() -> SourceText {
        var text = SourceText()
        do throws(Failure) {
            while true {
                let event = try next()
                if event.type == YAML_STREAM_END_EVENT { return text }
                guard event.type == YAML_DOCUMENT_START_EVENT else { continue }
                anchors = [:]
                problems = []
                tagProblems = []
                let root = try node(from: try next(), depth: 0)
                if !root.isNull || !problems.isEmpty || !tagProblems.isEmpty {
                    text.documents.append(
                        SourceDocument(root: root, problems: problems, tagProblems: tagProblems))
                }
            }
        } catch {
            text.failure = error.problem
            return text
        }
    }

    private mutating func node(from event: Event, depth: Int) throws(Failure) -> SourceNode {
        guard depth < Self.depthMax else {
            throw failure("too-deep", event.location, "nested deeper than \(Self.depthMax) levels")
        }
        let countBefore = nodeCount
        nodeCount += 1
        var node: SourceNode
        switch event.type {
        case YAML_ALIAS_EVENT: return try alias(event)
        case YAML_SCALAR_EVENT: node = scalar(event)
        case YAML_SEQUENCE_START_EVENT: node = try sequence(event, depth: depth)
        case YAML_MAPPING_START_EVENT: node = try mapping(event, depth: depth)
        default: throw failure("syntax", event.location, "a value is missing")
        }
        if let tag = event.tag, Self.isLocal(tag) { node.tag = tag }
        if let anchor = event.anchor {
            anchors[anchor] = Anchored(node: node, nodeCount: nodeCount - countBefore)
        }
        return node
    }

    private mutating func alias(_ event: Event) throws(Failure) -> SourceNode {
        let name = event.anchor ?? ""
        guard let anchored = anchors[name] else {
            throw failure(
                "unknown-alias", event.location, "`*\(name)` refers to an anchor that is not defined before it",
                suggestion: Suggestion.nearest(to: name, among: anchors.keys).map { "did you mean `*\($0)`?" })
        }
        aliasNodeCount += anchored.nodeCount
        nodeCount += anchored.nodeCount
        guard aliasNodeCount <= Self.aliasNodesMax else {
            throw failure(
                "too-many-aliases", event.location, "aliases expand to more than \(Self.aliasNodesMax) nodes")
        }
        return anchored.node
    }

    private mutating func scalar(_ event: Event) -> SourceNode {
        let unknownNames = Substitution.unknownNames(in: event.text)
        if !unknownNames.isEmpty {
            problems += unknownNames.map { variables.unknown($0, at: event.location) }
            let text = Substitution.readable(event.text)
            return SourceNode(content: .scalar(text, .unresolved), location: event.location)
        }
        var style = event.isPlain ? SourceNode.ScalarStyle.plain : .text
        switch event.tag {
        case nil, "!": break
        case "tag:yaml.org,2002:str": style = .text
        case "tag:yaml.org,2002:int", "tag:yaml.org,2002:bool", "tag:yaml.org,2002:float", "tag:yaml.org,2002:null":
            style = .plain
        case .some(let tag): unknownTag(tag, event.location)
        }
        if event.isPlain, style == .plain, event.text.isEmpty { style = .null }
        return SourceNode(content: .scalar(event.text, style), location: event.location)
    }

    private mutating func sequence(_ event: Event, depth: Int) throws(Failure) -> SourceNode {
        if let tag = event.tag, tag != "tag:yaml.org,2002:seq" { unknownTag(tag, event.location) }
        var elements: [SourceNode] = []
        while true {
            let element = try next()
            if element.type == YAML_SEQUENCE_END_EVENT { break }
            elements.append(try node(from: element, depth: depth + 1))
        }
        return SourceNode(content: .sequence(elements), location: event.location)
    }

    private mutating func mapping(_ event: Event, depth: Int) throws(Failure) -> SourceNode {
        if let tag = event.tag, tag != "tag:yaml.org,2002:map" { unknownTag(tag, event.location) }
        var entries: [SourceNode.Entry] = []
        var places: [String: Location] = [:]
        var merges: [SourceNode] = []
        while true {
            let keyEvent = try next()
            if keyEvent.type == YAML_MAPPING_END_EVENT { break }
            let keyNode = try node(from: keyEvent, depth: depth + 1)
            let value = try node(from: try next(), depth: depth + 1)
            guard case .scalar(let key, let style) = keyNode.content else {
                problems.append(
                    SourceProblem(
                        code: "bad-key", location: keyEvent.location,
                        message: "a key must be a text, not \(keyNode.summary)"))
                continue
            }
            if key == "<<", style == .plain {
                merges.append(value)
            } else if let first = places[key] {
                problems.append(.duplicateKey(key, at: keyEvent.location, first: first))
            } else {
                places[key] = keyEvent.location
                entries.append(SourceNode.Entry(key: key, keyLocation: keyEvent.location, value: value))
            }
        }
        for merge in merges { mergeEntries(of: merge, into: &entries, places: &places) }
        return SourceNode(content: .mapping(entries), location: event.location)
    }

    /// `<<: *base` (the merge key of YAML 1.1): keys that the map does not have itself.
    private mutating func mergeEntries(
        of node: SourceNode, into entries: inout [SourceNode.Entry], places: inout [String: Location]
    ) {
        switch node.content {
        case .mapping(let merged):
            for entry in merged where places[entry.key] == nil {
                places[entry.key] = entry.keyLocation
                entries.append(entry)
            }
        case .sequence(let nodes) where nodes.allSatisfy({ $0.entries != nil }):
            for node in nodes { mergeEntries(of: node, into: &entries, places: &places) }
        default:
            problems.append(
                SourceProblem(
                    code: "bad-merge", location: node.location, message: "`<<` takes a map, not \(node.summary)"))
        }
    }

    private mutating func unknownTag(_ tag: String, _ location: Location) {
        let problem = SourceProblem(
            code: "unknown-tag", location: location,
            message: "the YAML tag `\(SourceNode.shortened(tag))` has no meaning here", suggestion: "remove it")
        if Self.isLocal(tag) { tagProblems.append(problem) } else { problems.append(problem) }
    }

    /// `!Sub`, not `!!str` and not the `!` that only says "not plain".
    private static func isLocal(_ tag: String) -> Bool { tag.hasPrefix("!") && tag != "!" }

    private func failure(
        _ code: String, _ location: Location, _ message: String, suggestion: String? = nil
    ) -> Failure {
        Failure(problem: SourceProblem(code: code, location: location, message: message, suggestion: suggestion))
    }
}

extension YAMLReader {
    /// The next event, copied out of the library's memory.
    private mutating func next() throws(Failure) -> Event {
        var raw = yaml_event_t()
        guard yaml_parser_parse(parser, &raw) == 1 else { throw syntaxFailure() }
        defer { yaml_event_delete(&raw) }
        var event = Event(type: raw.type, location: location(raw.start_mark))
        switch raw.type {
        case YAML_ALIAS_EVENT:
            event.anchor = Self.string(raw.data.alias.anchor)
        case YAML_SCALAR_EVENT:
            let scalar = raw.data.scalar
            event.anchor = Self.string(scalar.anchor)
            event.tag = Self.string(scalar.tag)
            event.isPlain = scalar.style == YAML_PLAIN_SCALAR_STYLE
            event.text = String(decoding: UnsafeBufferPointer(start: scalar.value, count: scalar.length), as: UTF8.self)
        case YAML_SEQUENCE_START_EVENT:
            event.anchor = Self.string(raw.data.sequence_start.anchor)
            event.tag = Self.string(raw.data.sequence_start.tag)
        case YAML_MAPPING_START_EVENT:
            event.anchor = Self.string(raw.data.mapping_start.anchor)
            event.tag = Self.string(raw.data.mapping_start.tag)
        default: break
        }
        return event
    }

    private func syntaxFailure() -> Failure {
        let parser = parser.pointee
        var message = parser.problem.map { String(cString: $0) } ?? "this is not YAML"
        if let context = parser.context { message += " (\(String(cString: context)))" }
        var suggestion: String?
        if message.contains("cannot start any token") {
            suggestion = "YAML indents with spaces, not tabs; a text that starts with @, `, % or a tab needs quotes"
        } else if message.contains("mapping values are not allowed") {
            suggestion = "check the indentation, and quote a text that holds `: `"
        }
        return failure("syntax", location(parser.problem_mark), message, suggestion: suggestion)
    }

    /// Where a mark of the library, counted from 0 in the substituted text, is in the file.
    private func location(_ mark: yaml_mark_t) -> Location {
        substitution.inputLocation(
            at: Int(mark.index), Location(line: Int(mark.line) + 1, column: Int(mark.column) + 1))
    }

    private static func string(_ text: UnsafeMutablePointer<UInt8>?) -> String? {
        text.map { String(cString: $0) }
    }
}

extension SourceProblem {
    static func duplicateKey(_ key: String, at location: Location, first: Location) -> SourceProblem {
        SourceProblem(
            code: "duplicate-key", location: location,
            message: "the key `\(SourceNode.shortened(key))` stands twice in this map, first in line \(first.line)",
            suggestion: "remove one of the two")
    }
}
