// Everything that is wrong with the definitions, collected instead of thrown: one run shows all of it (design section 5).
// A finding names the resource and the field; the source map turns them into file, line and column. The same finding is kept
// once, however many proxies lead to it, and the result is in file order.

import Definitions
import Routing

final class Findings {
    private let sources: SourceMap
    private var collected: [Diagnostic] = []
    private var seen: Set<String> = []
    private var suggestions = SuggestionBudget()

    init(sources: SourceMap) { self.sources = sources }

    /// - Parameter substitute: where to point if nothing is written for the field, such as what a placement would place.
    func error(
        _ code: String, _ resource: ResourceKey, _ field: String, _ message: String, suggestion: String? = nil,
        orAt substitute: ResourceKey? = nil
    ) {
        add(.error, code, resource, field, message, suggestion, substitute)
    }

    func warning(
        _ code: String, _ resource: ResourceKey, _ field: String, _ message: String, suggestion: String? = nil,
        orAt substitute: ResourceKey? = nil
    ) {
        add(.warning, code, resource, field, message, suggestion, substitute)
    }

    func note(
        _ code: String, _ resource: ResourceKey, _ field: String, _ message: String, suggestion: String? = nil
    ) {
        add(.note, code, resource, field, message, suggestion, nil)
    }

    private func add(
        _ severity: Diagnostic.Severity, _ code: String, _ resource: ResourceKey, _ field: String, _ message: String,
        _ suggestion: String?, _ substitute: ResourceKey?
    ) {
        var position = sources.position(resource, field)
        if let substitute, let other = sources.position(substitute),
            position == nil || !field.isEmpty && position == sources.position(resource)
        {
            position = other
        }
        let finding = Diagnostic(
            severity, code, at: position, path: resource.path(field), message, suggestion: suggestion)
        if seen.insert(finding.description).inserted { collected.append(finding) }
    }

    /// The known name that a mistyped one was probably meant to be, as a sentence. nil when none is near, or when so many
    /// names have been compared that no more are. The answer does not depend on the order of `known`.
    func nearest(to name: String, among known: some Collection<String>) -> String? {
        suggestions.question(for: name, among: known)
    }

    /// All findings: by file, line and column, those without a place last.
    var sorted: [Diagnostic] {
        collected.enumerated().sorted { a, b in
            switch (a.element.position, b.element.position) {
            case (let p?, let q?):
                (p.file, p.line, p.column, a.offset) < (q.file, q.line, q.column, b.offset)
            case (.some, nil): true
            case (nil, .some): false
            case (nil, nil): a.offset < b.offset
            }
        }.map(\.element)
    }

    /// Where a resource, or one field of it, was defined.
    func position(_ resource: ResourceKey, _ field: String) -> SourcePosition? { sources.position(resource, field) }

    /// The same as a reference that plans carry.
    func source(_ resource: ResourceKey, _ field: String = "") -> SourceRef {
        SourceRef(
            kind: resource.kind.rawValue, name: resource.qualifiedName,
            place: sources.position(resource, field)?.description)
    }
}

extension ResourceKey {
    /// Name with its parents: `colors/colors/canary`.
    var qualifiedName: String {
        let parts = [mesh, parent, name].compactMap { $0 }.filter { !$0.isEmpty }
        return parts.isEmpty ? kind.rawValue : parts.joined(separator: "/")
    }
}

extension SourceRef {
    /// The origin of a value that no definition gave.
    static func standard(_ name: String) -> SourceRef { SourceRef(kind: defaultKind, name: name) }

    static let defaultKind = "default"
}
