// The state of reading one resource: where we are, what was found, where things stood. A finding never stops the reading; what
// could not be read stays absent, so that all findings of all fields come at once.

import Definitions

struct Reader {
    let file: String
    let resource: ResourceKey
    /// Keys at the root that something else reads, as the routes beside a router's spec.
    let otherRootKeys: [String]
    var sources = SourceMap()
    private(set) var diagnostics: [Diagnostic] = []
    private(set) var errorCount = 0
    private(set) var path = ""
    private var location = Location(line: 1, column: 1)

    init(file: String, resource: ResourceKey, otherRootKeys: [String] = []) {
        self.file = file
        self.resource = resource
        self.otherRootKeys = otherRootKeys
    }

    /// Says where the resource itself stands.
    mutating func start(at location: Location) {
        self.location = location
        sources.record(resource, at: position(location))
    }

    /// Reads a member of what is being read, at the place of its value.
    mutating func member<Result>(
        _ name: String, at location: Location, _ body: (inout Reader) -> Result
    ) -> Result {
        descend(to: SourceMap.path(path, member: name), at: location, body)
    }

    /// Reads an element of the list that is being read.
    mutating func element<Result>(_ index: Int, at location: Location, _ body: (inout Reader) -> Result) -> Result {
        descend(to: SourceMap.path(path, index: index), at: location, body)
    }

    private mutating func descend<Result>(
        to path: String, at location: Location, _ body: (inout Reader) -> Result
    ) -> Result {
        let outer = (self.path, self.location)
        self.path = path
        self.location = location
        sources.record(resource, path, at: position(location))
        defer { (self.path, self.location) = outer }
        return body(&self)
    }

    /// A finding about what is being read, at its place or another.
    mutating func report(
        _ code: String, at location: Location? = nil, severity: Diagnostic.Severity = .error, _ message: String,
        suggestion: String? = nil
    ) {
        append(
            Diagnostic(
                severity, code, at: position(location ?? self.location), path: resource.path(path), message,
                suggestion: suggestion))
    }

    /// A finding about a field below what is being read, at the field's place if it was written.
    mutating func report(
        _ code: String, field: String, severity: Diagnostic.Severity = .error, _ message: String,
        suggestion: String? = nil
    ) {
        let separator = path.isEmpty || field.hasPrefix("[") ? "" : "."
        let fieldPath = path + separator + field
        append(
            Diagnostic(
                severity, code, at: sources.position(resource, fieldPath) ?? position(location),
                path: resource.path(fieldPath), message, suggestion: suggestion))
    }

    /// The value has the wrong type.
    mutating func wrongType(_ node: SourceNode, expected: String, suggestion: String? = nil) {
        if node.isNull {
            report("missing-value", "has no value, expected \(expected)", suggestion: suggestion)
        } else {
            report("wrong-type", "must be \(expected), not \(node.summary)", suggestion: suggestion)
        }
    }

    private mutating func append(_ diagnostic: Diagnostic) {
        diagnostics.append(diagnostic)
        if diagnostic.severity == .error { errorCount += 1 }
    }

    func position(_ location: Location) -> SourcePosition {
        SourcePosition(file: file, line: location.line, column: location.column)
    }
}
