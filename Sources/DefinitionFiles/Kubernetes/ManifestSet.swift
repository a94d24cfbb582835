// The objects of all manifests that were loaded. They refer to each other across files, so that nothing can be resolved before all
// are known; objects of other kinds are counted.

import Definitions

struct ManifestSet {
    struct Skipped {
        var counts: [String: Int] = [:]
        var location: Location
    }

    private(set) var objects: [Manifest] = []
    /// The labels of the namespaces that the files define.
    private(set) var namespaces: [String: [String: String]] = [:]
    /// By file.
    private(set) var skipped: [String: Skipped] = [:]
    private(set) var diagnostics: [Diagnostic] = []
    /// Files with objects of a version that is not read, each reported once.
    private var refusedFiles: Set<String> = []

    private static let keys = ["apiVersion", "kind", "metadata", "spec", "status"]

    /// Takes one document. Placeholders without a value matter only in what is read.
    mutating func take(_ document: SourceDocument, file: String, mesh: String?) {
        var isRead = false
        for root in Self.items(of: document.root) {
            isRead = take(root, file: file, mesh: mesh) || isRead
        }
        guard isRead else { return }
        for problem in document.problems + document.tagProblems {
            diagnostics.append(
                Diagnostic(
                    problem.severity, problem.code, at: position(problem.location, file), path: "", problem.message,
                    suggestion: problem.suggestion))
        }
    }

    /// The objects of a `List`, else the object itself.
    private static func items(of root: SourceNode) -> [SourceNode] {
        guard root["kind"]?.text == "List", root["apiVersion"]?.text == "v1",
            case .sequence(let nodes)? = root["items"]?.content
        else { return [root] }
        return nodes
    }

    /// Takes an object; false if it is of another kind.
    private mutating func take(_ root: SourceNode, file: String, mesh: String?) -> Bool {
        let apiVersion = root["apiVersion"]?.text ?? "?"
        let kindName = root["kind"]?.text ?? "?"
        let isNamespace = apiVersion == "v1" && kindName == "Namespace"
        guard isNamespace || apiVersion.hasPrefix("\(Manifest.group)/") else {
            skipped[file, default: Skipped(location: root.location)].counts[kindName, default: 0] += 1
            return false
        }
        if isNamespace {
            // A placeholder without a value in it is one in the objects of the namespace too.
            if let metadata = metadata(of: root, file: file) { namespaces[metadata.name] = metadata.labels }
            return false
        }
        guard apiVersion == "\(Manifest.group)/\(Manifest.version)" else {
            refuse(apiVersion, kindName, at: root.location, file: file)
            return false
        }
        guard let kind = Manifest.Kind(rawValue: kindName) else {
            report(
                "unknown-kind", at: root["kind"]?.location ?? root.location, file: file,
                "`\(apiVersion)` has no kind `\(SourceNode.shortened(kindName))`",
                suggestion: Suggestion.text(
                    for: kindName, among: Manifest.Kind.allCases.map(\.rawValue), introduction: "it has"))
            return true
        }
        for entry in root.entries ?? [] where !Self.keys.contains(entry.key) {
            report(
                "unknown-key", at: entry.keyLocation, file: file,
                "unknown key `\(SourceNode.shortened(entry.key))`",
                suggestion: Suggestion.text(for: entry.key, among: Self.keys, introduction: "allowed here:"))
        }
        let spec = (root["spec"] ?? SourceNode(content: .mapping([]), location: root.location)).orEmptyMap
        guard let entries = spec.entries else {
            report("wrong-type", at: spec.location, file: file, "`spec` must be a map, not \(spec.summary)")
            return true
        }
        guard let metadata = metadata(of: root, file: file) else { return true }
        objects.append(
            Manifest(
                kind: kind, name: metadata.name, namespace: kind == .mesh ? "" : metadata.namespace,
                labels: metadata.labels, spec: entries.filter { !$0.value.isNull }, file: file,
                location: metadata.location, givenMesh: mesh))
        return true
    }

    private struct Metadata {
        var name: String
        var namespace: String
        var labels: [String: String]
        var location: Location
    }

    private mutating func metadata(of root: SourceNode, file: String) -> Metadata? {
        let metadata = root["metadata"]
        guard let nameNode = metadata?["name"] else {
            report(
                "missing-name", at: metadata?.location ?? root.location, file: file, "`metadata.name` is missing")
            return nil
        }
        if nameNode.isUnresolved { return nil }
        guard let name = nameNode.text, !name.isEmpty else {
            report(
                "wrong-type", at: nameNode.location, file: file,
                "`metadata.name` must be a text, not \(nameNode.summary)")
            return nil
        }
        let namespaceNode = metadata?["namespace"]
        if namespaceNode?.isUnresolved == true { return nil }
        var labels: [String: String] = [:]
        for label in metadata?["labels"]?.entries ?? [] { labels[label.key] = label.value.text }
        return Metadata(
            name: name, namespace: namespaceNode?.text ?? "default", labels: labels, location: nameNode.location)
    }

    private mutating func refuse(_ apiVersion: String, _ kind: String, at location: Location, file: String) {
        guard refusedFiles.insert(file).inserted else { return }
        report(
            "unsupported-version", at: location, file: file,
            "`\(SourceNode.shortened(apiVersion))` is not read (this object is a \(SourceNode.shortened(kind)))",
            suggestion:
                "write the objects for `\(Manifest.group)/\(Manifest.version)`: routes stand in a VirtualRouter, "
                + "names are references (`virtualNodeRef`), and the mesh follows from its `namespaceSelector`")
    }

    private mutating func report(
        _ code: String, at location: Location, file: String, _ message: String, suggestion: String? = nil
    ) {
        diagnostics.append(
            Diagnostic(.error, code, at: position(location, file), path: "", message, suggestion: suggestion))
    }

    private func position(_ location: Location, _ file: String) -> SourcePosition {
        SourcePosition(file: file, line: location.line, column: location.column)
    }
}
