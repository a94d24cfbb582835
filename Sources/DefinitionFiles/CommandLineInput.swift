// The JSON that `aws appmesh create-… --cli-input-json` takes, with names beside `spec`, and what `describe-…` prints, which has
// the same within the resource's kind. Published examples often hold the spec alone; an import list then gives the names.

import Definitions

struct CommandLineInput {
    /// What is known of a resource besides its spec; nil is "not said".
    struct Names: Equatable {
        var kind: ResourceKind?
        var mesh: String?
        var name: String?
        var parent: String?
    }

    /// Each kind with the key of its own name and that of its parent.
    static let kinds: [(kind: ResourceKind, nameKey: String, parentKey: String?)] = [
        (.route, "routeName", "virtualRouterName"),
        (.gatewayRoute, "gatewayRouteName", "virtualGatewayName"),
        (.virtualNode, "virtualNodeName", nil),
        (.virtualRouter, "virtualRouterName", nil),
        (.virtualService, "virtualServiceName", nil),
        (.virtualGateway, "virtualGatewayName", nil),
        (.mesh, "meshName", nil),
    ]

    /// Without effect on traffic, or filled in by AWS.
    private static let otherKeys = ["clientToken", "meshOwner", "metadata", "status", "tags"]

    /// Keys that tell an input from anything else.
    static var significantKeys: [String] { ["spec"] + kinds.map(\.nameKey) }

    /// The resource within what `describe-…` printed.
    static func unwrapped(_ root: SourceNode) -> (kind: ResourceKind, node: SourceNode)? {
        guard let entries = root.entries, entries.count == 1, let entry = entries.first,
            let kind = kinds.first(where: { $0.kind.rawValue == entry.key }), entry.value[kind.nameKey] != nil,
            entry.value["meshName"] != nil
        else { return nil }
        return (kind.kind, entry.value)
    }

    var names: Names
    var spec: SourceNode
    /// Where the spec starts, or where it is missing.
    var location: Location

    /// Reads the names of an input and puts them together with those of an import list. Nil if it stays unclear which resource
    /// this is; what is wrong was reported.
    init?(_ root: SourceNode, given: Names, reader: inout Reader) {
        let unwrapped = Self.unwrapped(root)
        let node = unwrapped?.node ?? root
        let entries = node.entries ?? []
        let nameKeys = Self.kinds.map(\.nameKey)
        for entry in entries where !(nameKeys + Self.otherKeys + ["spec"]).contains(entry.key) {
            reader.unknownKey(entry, allowed: nameKeys + ["spec"] + Self.otherKeys)
        }
        var texts: [String: String] = [:]
        for entry in entries where nameKeys.contains(entry.key) {
            texts[entry.key] = reader.member(entry.key, at: entry.place) {
                Shape<String>.string(1...255).read(entry.value, &$0)
            }
        }
        let row = Self.kinds.first { row in
            if let kind = given.kind ?? unwrapped?.kind { return row.kind == kind }
            return texts[row.nameKey] != nil
        }
        guard let row, row.kind != .mesh || given.kind != nil || Self.couldBeMesh(node["spec"]) else {
            reader.report(
                "unnamed-resource", at: root.location, "nothing says which resource this spec is for",
                suggestion: "give it in an import list: "
                    + "`imports: [{ file: …, kind: virtualNode, mesh: …, name: … }]`, or add `virtualNodeName` and so on"
            )
            return nil
        }
        let allowed = Set([row.nameKey, row.parentKey, "meshName"].compactMap { $0 })
        for key in texts.keys.sorted() where !allowed.contains(key) {
            reader.report("unknown-key", at: node.place(of: key), "a \(row.kind.rawValue) has no `\(key)`")
        }
        names = Names(
            kind: row.kind,
            mesh: row.kind == .mesh ? nil : reader.merged(given.mesh, texts["meshName"], "meshName", in: node),
            name: reader.merged(
                given.name ?? (row.kind == .mesh ? given.mesh : nil), texts[row.nameKey], row.nameKey, in: node),
            parent: row.parentKey.flatMap { reader.merged(given.parent, texts[$0], $0, in: node) })
        location = node.entries?.first { $0.key == "spec" }?.keyLocation ?? root.location
        if let spec = node["spec"] {
            self.spec = spec
        } else {
            self.spec = SourceNode(content: .mapping([]), location: node.location)
            if row.kind != .mesh { reader.report("missing-key", at: root.location, "`spec` is missing") }
        }
        let needed = [
            (row.nameKey, names.name, "name"), ("meshName", row.kind == .mesh ? names.name : names.mesh, "mesh"),
            (row.parentKey ?? "", row.parentKey == nil ? "" : names.parent, "parent"),
        ]
        for (key, value, listKey) in needed where value == nil && !(row.kind == .mesh && listKey == "mesh") {
            reader.report(
                "missing-name", at: root.location, "`\(key)` is missing",
                suggestion: "add it, or give `\(listKey)` in an import list")
        }
        if needed.contains(where: { $0.1 == nil }) { return nil }
    }

    /// A spec under nothing but `meshName` may be a node's whose name was forgotten.
    private static func couldBeMesh(_ spec: SourceNode?) -> Bool {
        spec?.entries?.allSatisfy { ["egressFilter", "serviceDiscovery"].contains($0.key) } ?? true
    }
}

extension SourceNode {
    fileprivate func place(of key: String) -> Location? {
        entries?.first { $0.key == key }?.place
    }
}

extension Reader {
    /// The name that an import list or the file gives; they must not contradict each other.
    fileprivate mutating func merged(_ given: String?, _ own: String?, _ key: String, in node: SourceNode) -> String? {
        if let given, let own, given != own {
            report(
                "name-conflict", at: node.place(of: key),
                "`\(key)` is `\(own)` here, but the import list says `\(given)`")
        }
        return given ?? own
    }
}
