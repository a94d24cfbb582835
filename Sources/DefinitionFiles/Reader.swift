// The state of reading one resource: where we are, what was found, where things stood. A finding never stops the reading; what
// could not be read stays absent, so that all findings of all fields come at once.

import Definitions

struct Reader {
    let file: String
    let resource: ResourceKey
    /// Keys at the root that something else reads, as the routes beside a router's spec.
    let otherRootKeys: [String]
    /// How the file's format spells the API's keys.
    let spelling: KeySpelling
    var sources = SourceMap()
    private(set) var diagnostics: [Diagnostic] = []
    /// Errors, and values that are missing because of one reported elsewhere.
    private(set) var errorCount = 0
    private(set) var path = ""
    /// The path as the file spells it.
    private var shownPath = ""
    /// The shown paths of what was read, if the file spells keys in another way than the API.
    private var shownPaths: [String: String] = [:]
    private var location = Location(line: 1, column: 1)

    init(
        file: String, resource: ResourceKey, otherRootKeys: [String] = [], spelling: KeySpelling = .api
    ) {
        self.file = file
        self.resource = resource
        self.otherRootKeys = otherRootKeys
        self.spelling = spelling
    }

    /// Says where the resource itself stands.
    mutating func start(at location: Location) {
        self.location = location
        sources.record(resource, at: position(location))
    }

    /// Reads a member of what is being read, at the place of its value.
    mutating func member<Result>(
        _ name: String, shown: String? = nil, at location: Location, _ body: (inout Reader) -> Result
    ) -> Result {
        let path = SourceMap.path(path, member: name)
        return descend(
            to: path, shown: spelling == .api ? path : SourceMap.path(shownPath, member: shown ?? name), at: location,
            body)
    }

    /// Reads an element of the list that is being read.
    mutating func element<Result>(_ index: Int, at location: Location, _ body: (inout Reader) -> Result) -> Result {
        let path = SourceMap.path(path, index: index)
        return descend(
            to: path, shown: spelling == .api ? path : SourceMap.path(shownPath, index: index), at: location, body)
    }

    private mutating func descend<Result>(
        to path: String, shown: String, at location: Location, _ body: (inout Reader) -> Result
    ) -> Result {
        let outer = (self.path, shownPath, self.location)
        self.path = path
        shownPath = shown
        self.location = location
        if spelling != .api { shownPaths[path] = shown }
        sources.record(resource, path, at: position(location))
        defer { (self.path, shownPath, self.location) = outer }
        return body(&self)
    }

    /// A key of the API as the file would spell it.
    func key(_ key: String) -> String { spelling.spelled(key) }

    /// A finding about what is being read, at its place or another.
    mutating func report(
        _ code: String, at location: Location? = nil, severity: Diagnostic.Severity = .error, _ message: String,
        suggestion: String? = nil
    ) {
        append(
            Diagnostic(
                severity, code, at: position(location ?? self.location), path: resource.path(shownPath), message,
                suggestion: suggestion))
    }

    /// A finding about a field below what is being read, at the field's place if it was written.
    mutating func report(
        _ code: String, field: String, severity: Diagnostic.Severity = .error, _ message: String,
        suggestion: String? = nil
    ) {
        let separator = path.isEmpty || field.hasPrefix("[") ? "" : "."
        let fieldPath = path + separator + field
        let shown = shownPaths[fieldPath] ?? shownPath + separator + spelling.spelled(path: field)
        append(
            Diagnostic(
                severity, code, at: sources.position(resource, fieldPath) ?? position(location),
                path: resource.path(shown), message, suggestion: suggestion))
    }

    /// The value has the wrong type.
    mutating func wrongType(_ node: SourceNode, expected: String, suggestion: String? = nil) {
        if node.isNull {
            report("missing-value", "has no value, expected \(expected)", suggestion: suggestion)
        } else {
            report("wrong-type", "must be \(expected), not \(node.summary)", suggestion: suggestion)
        }
    }

    /// A value is missing for a reason that was reported; rules about several fields have nothing to go by.
    mutating func unresolvedMet() { errorCount += 1 }

    private mutating func append(_ diagnostic: Diagnostic) {
        diagnostics.append(diagnostic)
        if diagnostic.severity == .error { errorCount += 1 }
    }

    func position(_ location: Location) -> SourcePosition {
        SourcePosition(file: file, line: location.line, column: location.column)
    }
}
