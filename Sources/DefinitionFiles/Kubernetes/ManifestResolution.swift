// Which objects belong together: the mesh of an object, the gateway of a gateway route, the object that a reference means. In a
// cluster the controller's webhooks fill `meshRef` and `virtualGatewayRef` in, from selectors on labels; here the same is worked
// out from the set of files. A single mesh or gateway needs no labels.

import Definitions

struct ManifestResolution {
    let set: ManifestSet
    /// Meshes that other formats define, for manifests without one.
    let otherMeshes: [String]
    private(set) var diagnostics: [Diagnostic] = []

    private var indexes: [Manifest.Kind: [String: Int]] = [:]
    private var duplicates: Set<Int> = []
    private var meshes: [Int] = []
    private var gateways: [Int] = []
    /// By namespace.
    private var services: [String: [Int]] = [:]
    private var selectors: [Int: [String: LabelSelector?]] = [:]
    /// The meshes of namespaces, worked out once.
    private var namespaceMeshes: [String: String?] = [:]
    private var reported: Set<String> = []
    /// Bounds for files made to keep us busy: how many more selectors are tried, names compared for suggestions, backends
    /// that come from groups.
    private var selectionsLeft = 4_000_000
    private var suggestions = SuggestionBudget()
    var backendsLeft = 100_000

    init(_ set: ManifestSet, otherMeshes: [String]) {
        self.set = set
        self.otherMeshes = otherMeshes
        for (index, object) in set.objects.enumerated() {
            if let first = indexes[object.kind]?[object.id] {
                duplicates.insert(index)
                let place = position(set.objects[first].location, set.objects[first].file)
                report(
                    "duplicate-resource", at: object.location, in: object, "is defined twice, first at \(place)",
                    suggestion: "remove one of the two")
                continue
            }
            indexes[object.kind, default: [:]][object.id] = index
            if object.kind == .mesh { meshes.append(index) }
            if object.kind == .virtualGateway { gateways.append(index) }
            if object.kind == .virtualService { services[object.namespace, default: []].append(index) }
        }
    }

    /// The objects, each once, meshes first.
    var objects: [Manifest] {
        let all = set.objects.enumerated().filter { !duplicates.contains($0.offset) }.map(\.element)
        return all.filter { $0.kind == .mesh } + all.filter { $0.kind != .mesh }
    }

    func object(_ kind: Manifest.Kind, _ name: String, in namespace: String) -> Manifest? {
        indexes[kind]?[Manifest.id(name, in: namespace)].map { set.objects[$0] }
    }

    /// The services of a namespace, in the order of their files.
    func services(in namespace: String) -> [Manifest] { (services[namespace] ?? []).map { set.objects[$0] } }

    // MARK: Meshes

    /// The API's name of the mesh of an object; nil if it cannot be said, which was reported.
    mutating func mesh(of object: Manifest) -> String? {
        if object.kind == .mesh { return object.awsName }
        if let reference = object["meshRef"], let name = reference.value["name"]?.text {
            if let mesh = self.object(.mesh, name, in: "") { return mesh.awsName }
            reportUndefined(name, .mesh, in: "", at: reference.place, of: object)
            return nil
        }
        if meshes.count == 1 { return set.objects[meshes[0]].awsName }
        if let mesh = selectedMesh(of: object.namespace) { return mesh }
        if let mesh = object.givenMesh { return mesh }
        if meshes.isEmpty, otherMeshes.count == 1 { return otherMeshes[0] }
        guard reported.insert("mesh of \(object.namespace)").inserted else { return nil }
        let isLabelled = set.namespaces[object.namespace] != nil
        let meaning =
            meshes.isEmpty
            ? "no manifest defines a mesh"
            : "there are \(meshes.count) meshes, and "
                + (isLabelled
                    ? "not exactly one of them selects the labels of the namespace"
                    : "the labels of the namespace are not known")
        report(
            "unknown-mesh", at: object.location, in: object,
            "nothing says which mesh the namespace `\(object.namespace)` belongs to: \(meaning)",
            suggestion: meshes.isEmpty
                ? "load the Mesh too, or give `mesh` in an import list"
                : isLabelled
                    ? "change the labels or the `namespaceSelector` of a mesh"
                    : "load the Namespace too, or set `meshRef`")
        return nil
    }

    /// The one mesh whose selector takes a namespace, if there is one.
    private mutating func selectedMesh(of namespace: String) -> String? {
        if let known = namespaceMeshes[namespace] { return known }
        var selected: [Int] = []
        if let labels = set.namespaces[namespace] {
            for index in meshes where selects(index, "namespaceSelector", labels) == true { selected.append(index) }
        }
        let mesh = selected.count == 1 ? set.objects[selected[0]].awsName : nil
        namespaceMeshes[namespace] = .some(mesh)
        return mesh
    }

    /// Whether a selector of an object takes labels; nil if it has no such selector.
    private mutating func selects(_ index: Int, _ key: String, _ labels: [String: String]) -> Bool? {
        selectionsLeft -= 1
        let object = set.objects[index]
        guard selectionsLeft > 0 else {
            reportOnce("too-large", at: object.location, in: object, "there are too many selectors to try")
            return false
        }
        if let known = selectors[index]?[key] { return known?.matches(labels) }
        var findings: [(String, Location, String)] = []
        let selector = object[key].map(\.value).flatMap { LabelSelector($0) { findings.append(($0, $1, $2)) } }
        selectors[index, default: [:]][key] = .some(selector)
        for (code, location, message) in findings { report(code, at: location, in: object, message) }
        return selector?.matches(labels)
    }

    // MARK: Gateways

    /// The gateway of a gateway route; nil if it cannot be said, which was reported.
    mutating func gateway(of route: Manifest, mesh: String) -> Manifest? {
        if let reference = route["virtualGatewayRef"] {
            return object(.virtualGateway, referenced: reference, by: route, mesh: mesh)
        }
        let labels = set.namespaces[route.namespace]
        var selecting: [Manifest] = []
        var possible: [Manifest] = []
        for index in gateways {
            let gateway = set.objects[index]
            let byNamespace = labels.flatMap { selects(index, "namespaceSelector", $0) }
            let byRoute = selects(index, "gatewayRouteSelector", route.labels) ?? true
            guard selectionsLeft > 0 else { return nil }
            guard byRoute, byNamespace != false, self.mesh(of: gateway) == mesh else { continue }
            possible.append(gateway)
            if byNamespace == true { selecting.append(gateway) }
        }
        let found = selecting.isEmpty ? possible : selecting
        if found.count == 1 { return found[0] }
        report(
            "unknown-gateway", at: route.location, in: route,
            found.isEmpty
                ? "no VirtualGateway selects this route"
                : "nothing says which VirtualGateway this route belongs to: "
                    + "\(found.prefix(4).map(\.id).joined(separator: ", "))\(found.count > 4 ? " …" : "") could be",
            suggestion:
                "check `namespaceSelector` and `gatewayRouteSelector` of the gateways, or set `virtualGatewayRef`")
        return nil
    }

    // MARK: References

    /// The object that `…Ref: { name, namespace }` means; nil if there is none, which was reported.
    mutating func object(
        _ kind: Manifest.Kind, referenced reference: SourceNode.Entry, by object: Manifest, mesh: String
    ) -> Manifest? {
        guard let name = self.name(in: reference.value, at: reference.place, as: reference.key, of: object) else {
            return nil
        }
        let namespace = reference.value["namespace"]?.text ?? object.namespace
        guard let target = self.object(kind, name, in: namespace) else {
            reportUndefined(name, kind, in: namespace, at: reference.place, of: object)
            return nil
        }
        let other = self.mesh(of: target)
        guard let other else { return nil }
        guard other == mesh else {
            report(
                "other-mesh", at: reference.place, in: object,
                "`\(target.id)` belongs to the mesh `\(other)`, this object to `\(mesh)`")
            return nil
        }
        return target
    }

    /// The name in a reference, whose keys are checked; nil if it has none, which was reported.
    mutating func name(
        in reference: SourceNode, at place: Location, as key: String, of object: Manifest
    ) -> String? {
        if reference.isUnresolved || reference["name"]?.isUnresolved == true
            || reference["namespace"]?.isUnresolved == true
        {
            return nil
        }
        guard let entries = reference.entries, let name = reference["name"]?.text, !name.isEmpty else {
            report(
                "wrong-type", at: place, in: object,
                "`\(key)` must be a map with `name`, not \(reference.entries == nil ? reference.summary : "one without")",
                suggestion: reference.text.map { "`\(key): { name: \($0) }`" })
            return nil
        }
        for entry in entries where !["name", "namespace", "uid"].contains(entry.key) {
            report(
                "unknown-key", at: entry.keyLocation, in: object,
                "unknown key `\(SourceNode.shortened(entry.key))` in `\(key)`",
                suggestion: Suggestion.text(
                    for: entry.key, among: ["name", "namespace"], introduction: "allowed here:"))
        }
        return name
    }

    mutating func reportUndefined(
        _ name: String, _ kind: Manifest.Kind, in namespace: String, at place: Location, of object: Manifest
    ) {
        let shown = SourceNode.shortened(name)
        var suggestion: String?
        let known = (indexes[kind] ?? [:]).values
        if suggestions.spend(known.count) {
            let all = known.map { set.objects[$0] }
            if let elsewhere = all.filter({ $0.name == name }).map(\.namespace).min() {
                suggestion = "there is one in the namespace `\(elsewhere)`"
            } else {
                suggestion = Suggestion.question(
                    for: name, among: all.lazy.filter { $0.namespace == namespace }.map(\.name))
            }
        }
        let container = kind == .mesh ? "" : " in the namespace `\(SourceNode.shortened(namespace))`"
        report(
            "undefined-reference", at: place, in: object, "there is no \(kind.rawValue) `\(shown)`\(container)",
            suggestion: suggestion)
    }

    // MARK: Findings

    mutating func report(
        _ code: String, at location: Location, in object: Manifest, severity: Diagnostic.Severity = .error,
        _ message: String, suggestion: String? = nil
    ) {
        diagnostics.append(
            Diagnostic(
                severity, code, at: position(location, object.file), path: object.description, message,
                suggestion: suggestion))
    }

    mutating func reportOnce(_ code: String, at location: Location, in object: Manifest, _ message: String) {
        if reported.insert(message).inserted { report(code, at: location, in: object, message) }
    }

    private func position(_ location: Location, _ file: String) -> SourcePosition {
        SourcePosition(file: file, line: location.line, column: location.column)
    }
}
