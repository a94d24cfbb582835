// The spec of an object as the API has it: references and ARNs become names, `certificateARN` becomes `certificateArn`, backend
// groups become backends, and what concerns pods and selectors only is left out. A key without a value is absent, as for the API
// server; an unknown one is an error, as for `kubectl` with strict validation.

import Definitions

extension ManifestResolution {
    /// Keys of a spec that say nothing about traffic, or are read by themselves.
    static func ownKeys(of kind: Manifest.Kind) -> Set<String> {
        switch kind {
        case .mesh: ["awsName", "namespaceSelector", "meshOwner"]
        case .virtualNode: ["awsName", "podSelector", "meshRef", "backendGroups"]
        case .virtualRouter: ["awsName", "meshRef", "routes"]
        case .virtualService: ["awsName", "meshRef"]
        case .virtualGateway: ["awsName", "podSelector", "namespaceSelector", "gatewayRouteSelector", "meshRef"]
        case .gatewayRoute: ["awsName", "meshRef", "virtualGatewayRef"]
        case .backendGroup: ["meshRef"]
        }
    }

    /// The spec without its own keys and, for a router, its routes.
    mutating func spec(of object: Manifest, mesh: String) -> SourceNode {
        let own = Self.ownKeys(of: object.kind)
        var entries = members(object.spec.filter { !own.contains($0.key) }, under: "", of: object, mesh: mesh)
        if object.kind == .mesh { entries = entries.map { meshMember($0, of: object) } }
        if object.kind == .virtualNode, let groups = object["backendGroups"] {
            add(groups, to: &entries, of: object, mesh: mesh)
        }
        return SourceNode(content: .mapping(entries), location: object.location)
    }

    /// A mesh's discovery has a name of its own.
    private mutating func meshMember(_ entry: SourceNode.Entry, of mesh: Manifest) -> SourceNode.Entry {
        var entry = entry
        if entry.key == "meshServiceDiscovery" {
            entry.key = "serviceDiscovery"
        } else if entry.key == "serviceDiscovery" {
            return misspelt(entry, meant: "meshServiceDiscovery", in: mesh)
        }
        return entry
    }

    /// A key as the API has it, where manifests have another one; it counts as given.
    private mutating func misspelt(
        _ entry: SourceNode.Entry, meant: String, in object: Manifest
    ) -> SourceNode.Entry {
        report(
            "unknown-key", at: entry.keyLocation, in: object, "unknown key `\(entry.key)`",
            suggestion: "did you mean `\(meant)`?")
        var entry = entry
        entry.value = SourceNode(content: .scalar("", .unresolved), location: entry.value.location)
        return entry
    }

    /// The routes that a router's object holds, each with its name.
    mutating func routes(of router: Manifest, mesh: String) -> [(name: String, spec: SourceNode, location: Location)] {
        guard let list = router["routes"] else { return [] }
        guard case .sequence(let nodes) = list.value.content else {
            report("wrong-type", at: list.place, in: router, "`routes` must be a list, not \(list.value.summary)")
            return []
        }
        return nodes.compactMap { node in
            guard let entries = node.entries, let name = entries.first(where: { $0.key == "name" }) else {
                report(
                    "missing-name", at: node.location, in: router,
                    "a route must be a map with `name`, not \(node.entries == nil ? node.summary : "one without")")
                return nil
            }
            if name.value.isUnresolved { return nil }
            guard let text = name.value.text else {
                report(
                    "wrong-type", at: name.place, in: router,
                    "the name of a route must be a text, not \(name.value.summary)")
                return nil
            }
            let others = entries.filter { $0.key != "name" }
            return (
                text,
                SourceNode(
                    content: .mapping(members(others, under: "", of: router, mesh: mesh)), location: node.location),
                name.place
            )
        }
    }

    // MARK: Keys and references

    private mutating func converted(
        _ node: SourceNode, under key: String, of object: Manifest, mesh: String
    ) -> SourceNode {
        switch node.content {
        case .scalar: return node
        case .sequence(let nodes):
            return SourceNode(
                content: .sequence(nodes.map { converted($0, under: key, of: object, mesh: mesh) }),
                location: node.location)
        case .mapping(let entries):
            return SourceNode(
                content: .mapping(members(entries, under: key, of: object, mesh: mesh)), location: node.location)
        }
    }

    private static let references: [String: (kind: Manifest.Kind, isARN: Bool)] = [
        "virtualNodeRef": (.virtualNode, false), "virtualNodeARN": (.virtualNode, true),
        "virtualRouterRef": (.virtualRouter, false), "virtualRouterARN": (.virtualRouter, true),
        "virtualServiceRef": (.virtualService, false), "virtualServiceARN": (.virtualService, true),
    ]

    private mutating func members(
        _ entries: [SourceNode.Entry], under parent: String, of object: Manifest, mesh: String
    ) -> [SourceNode.Entry] {
        var members: [SourceNode.Entry] = []
        var reference: String?
        for entry in entries where !entry.value.isNull {
            if let (kind, isARN) = Self.references[entry.key] {
                if let reference {
                    report(
                        "exclusive-keys", at: entry.keyLocation, in: object,
                        "`\(reference)`, `\(entry.key)` exclude each other", suggestion: "keep one of them")
                    continue
                }
                reference = entry.key
                let name =
                    isARN
                    ? self.name(ofARN: entry, kind, by: object, mesh: mesh)
                    : self.object(kind, referenced: entry, by: object, mesh: mesh)?.awsName
                // A weighted target has the node's name itself.
                let isTarget = kind == .virtualNode && parent != "virtualNode"
                members.append(
                    SourceNode.Entry(
                        key: isTarget ? "virtualNode" : "\(kind.resourceKind?.rawValue ?? "")Name",
                        keyLocation: entry.keyLocation,
                        value: SourceNode(
                            content: .scalar(name ?? "", name == nil ? .unresolved : .text),
                            location: entry.keyLocation), written: entry.key))
                continue
            }
            let spelled = KeySpelling.manifest.spelled(entry.key)
            let isBareNode = entry.key == "virtualNode" && entry.value.entries == nil
            if spelled != entry.key || isBareNode {
                members.append(misspelt(entry, meant: isBareNode ? "virtualNodeRef" : spelled, in: object))
                continue
            }
            let key = Self.apiKeys[entry.key] ?? entry.key
            members.append(
                SourceNode.Entry(
                    key: key, keyLocation: entry.keyLocation,
                    value: converted(entry.value, under: entry.key, of: object, mesh: mesh), written: entry.key))
        }
        return members
    }

    private static let apiKeys = [
        "certificateARN": "certificateArn", "certificateAuthorityARNs": "certificateAuthorityArns",
    ]

    /// The name in `arn:PARTITION:appmesh:REGION:ACCOUNT:mesh/MESH/KIND/NAME`; nil if it is none, which was reported.
    private mutating func name(
        ofARN entry: SourceNode.Entry, _ kind: Manifest.Kind, by object: Manifest, mesh: String
    ) -> String? {
        if entry.value.isUnresolved { return nil }
        let word = kind.resourceKind?.rawValue ?? ""
        let fields = (entry.value.text ?? "").split(separator: ":", maxSplits: 5, omittingEmptySubsequences: false)
        let path = fields.last.map { $0.split(separator: "/", omittingEmptySubsequences: false) } ?? []
        guard fields.count == 6, fields[0] == "arn", fields[2] == "appmesh", path.count == 4, path[0] == "mesh",
            path[2] == word, !path[3].isEmpty
        else {
            report(
                "bad-format", at: entry.place, in: object,
                "`\(entry.key)` must be the ARN of a \(word), not \(entry.value.summary)",
                suggestion: "for example `arn:aws:appmesh:us-east-1:000000000000:mesh/\(mesh)/\(word)/NAME`")
            return nil
        }
        // The mesh of another account has its owner behind the name.
        let other = String(path[1].prefix { $0 != "@" })
        guard other == mesh else {
            report(
                "other-mesh", at: entry.place, in: object,
                "the ARN is of the mesh `\(SourceNode.shortened(other))`, this object belongs to `\(mesh)`")
            return nil
        }
        return String(path[3])
    }

    // MARK: Backend groups

    /// Adds the services of backend groups to a node's backends, without those that it has already.
    private mutating func add(
        _ groups: SourceNode.Entry, to entries: inout [SourceNode.Entry], of object: Manifest, mesh: String
    ) {
        guard case .sequence(let nodes) = groups.value.content else {
            report(
                "wrong-type", at: groups.place, in: object,
                "`backendGroups` must be a list, not \(groups.value.summary)")
            return
        }
        var index = entries.firstIndex { $0.key == "backends" }
        var backends: [SourceNode] = []
        if let index {
            guard case .sequence(let own) = entries[index].value.content else { return }
            backends = own
        }
        var names = Set(backends.compactMap { $0["virtualService"]?["virtualServiceName"]?.text })
        for node in nodes {
            for service in services(ofGroup: node, of: object, mesh: mesh)
            where names.insert(service.awsName).inserted {
                backends.append(Self.backend(service.awsName, at: node.location))
            }
        }
        if index == nil {
            index = entries.count
            entries.append(
                SourceNode.Entry(
                    key: "backends", keyLocation: groups.keyLocation,
                    value: SourceNode(content: .sequence([]), location: groups.keyLocation), written: groups.key))
        }
        if let index { entries[index].value.content = .sequence(backends) }
    }

    private static func backend(_ name: String, at place: Location) -> SourceNode {
        let text = SourceNode(content: .scalar(name, .text), location: place)
        let service = SourceNode(
            content: .mapping([SourceNode.Entry(key: "virtualServiceName", keyLocation: place, value: text)]),
            location: place)
        return SourceNode(
            content: .mapping([SourceNode.Entry(key: "virtualService", keyLocation: place, value: service)]),
            location: place)
    }

    /// The services of a group; the group `*` is all services of its namespace.
    private mutating func services(ofGroup node: SourceNode, of object: Manifest, mesh: String) -> [Manifest] {
        guard let name = name(in: node, at: node.location, as: "backendGroups", of: object) else { return [] }
        let namespace = node["namespace"]?.text ?? object.namespace
        if name == "*" {
            let services = services(in: namespace)
            return allows(services.count, at: node.location, in: object)
                ? services.filter { self.mesh(of: $0) == mesh } : []
        }
        guard let group = self.object(.backendGroup, name, in: namespace) else {
            reportUndefined(name, .backendGroup, in: namespace, at: node.location, of: object)
            return []
        }
        guard let list = group["virtualservices"], case .sequence(let references) = list.value.content,
            allows(references.count, at: node.location, in: object)
        else { return [] }
        return references.compactMap { reference in
            let entry = SourceNode.Entry(key: "virtualservices", keyLocation: reference.location, value: reference)
            return self.object(.virtualService, referenced: entry, by: group, mesh: mesh)
        }
    }

    private mutating func allows(_ count: Int, at location: Location, in object: Manifest) -> Bool {
        backendsLeft -= min(count, backendsLeft + 1)
        if backendsLeft >= 0 { return true }
        backendsLeft = 0
        reportOnce("too-large", at: location, in: object, "backend groups expand to more than can be loaded")
        return false
    }

    /// What a group itself may have; who uses it checks its references.
    mutating func check(group: Manifest) {
        for entry in group.spec where !["virtualservices", "meshRef"].contains(entry.key) {
            report(
                "unknown-key", at: entry.keyLocation, in: group, "unknown key `\(SourceNode.shortened(entry.key))`",
                suggestion: Suggestion.text(
                    for: entry.key, among: ["virtualservices"], introduction: "allowed here:"))
        }
        if let list = group["virtualservices"] {
            if case .sequence = list.value.content { return }
            report(
                "wrong-type", at: list.place, in: group,
                "`virtualservices` must be a list, not \(list.value.summary)")
        }
    }
}
