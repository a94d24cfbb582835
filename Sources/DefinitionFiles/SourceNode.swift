// What a definition file says before it means anything: scalars, lists and maps with the place of each. YAML and JSON become
// the same tree, so that everything after parsing exists once; what differs between them (JSON's types are given, YAML's
// depend on the field that reads them) is the style of a scalar.

import Definitions

/// A place in the file at hand, counted from 1; columns count Unicode scalars.
struct Location: Hashable, Sendable {
    var line: Int
    var column: Int
}

struct SourceNode: Sendable {
    enum Content: Sendable {
        case scalar(String, ScalarStyle)
        case sequence([SourceNode])
        case mapping([Entry])
    }

    /// One key of a map. Keys are unique within a map.
    struct Entry: Sendable {
        var key: String
        var keyLocation: Location
        var value: SourceNode
        /// The key as the file has it, if its format spells keys in another way than the API.
        var written: String?

        /// The key as texts show it.
        var shown: String { written ?? key }
    }

    /// How much a scalar says about its type.
    enum ScalarStyle: Sendable {
        /// YAML without quotes, or a placeholder's value: the field decides.
        case plain
        /// Quoted: text only.
        case text
        /// JSON only.
        case number, boolean
        /// JSON `null`, or nothing at all in YAML.
        case null
        /// Holds a placeholder without a value; that was reported, and nothing more is said about it.
        case unresolved
    }

    var content: Content
    var location: Location
    /// A tag of the file's own, such as `!Sub`; only templates give it a meaning.
    var tag: String?

    /// The entries of a map; nil for anything else.
    var entries: [Entry]? {
        if case .mapping(let entries) = content { return entries }
        return nil
    }

    var isUnresolved: Bool {
        if case .scalar(_, .unresolved) = content { return true }
        return false
    }

    var isNull: Bool {
        if case .scalar(_, .null) = content { return true }
        return false
    }

    /// The text of a scalar that a string field would take; nil for anything else.
    var text: String? {
        switch content {
        case .scalar(let text, .plain), .scalar(let text, .text): text
        default: nil
        }
    }

    /// The text of a JSON number.
    var number: String? {
        if case .scalar(let text, .number) = content { return text }
        return nil
    }

    /// The value of a key of a map.
    subscript(key: String) -> SourceNode? {
        entries?.first { $0.key == key }?.value
    }

    /// What it is, for texts: `a map`, `the text "x"`.
    var summary: String {
        switch content {
        case .mapping: "a map"
        case .sequence: "a list"
        case .scalar(_, .null): "nothing"
        case .scalar(let text, .text): "the text \"\(Self.shortened(text))\""
        case .scalar(let text, _): "`\(Self.shortened(text))`"
        }
    }

    /// At most 60 characters of a text, in one line, so that a finding stays readable.
    static func shortened(_ text: String) -> String {
        let line = text.replacing("\n", with: "\\n")
        return line.count <= 60 ? line : line.prefix(57) + "..."
    }
}

/// One thing that is wrong with the text itself.
struct SourceProblem: Sendable {
    var severity: Diagnostic.Severity = .error
    var code: String
    var location: Location
    var message: String
    var suggestion: String?
}

/// One document of a file. Its problems are reported only if the document is of a format that is read at all.
struct SourceDocument: Sendable {
    var root: SourceNode
    var problems: [SourceProblem] = []
    /// A finding for each tag of the file's own, for formats in which it has no meaning.
    var tagProblems: [SourceProblem] = []
}

/// The documents of a file up to the point where it could not be understood.
struct SourceText: Sendable {
    var documents: [SourceDocument] = []
    var failure: SourceProblem?
}
