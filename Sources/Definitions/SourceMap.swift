// Where each resource and each of its fields was written. Field paths are relative to the spec: `listeners[0].portMapping.port`;
// a map's entry is a component like a member (`nodes.blue.instances[0]`), in brackets and quotes when its name holds a dot or
// bracket (`paths["/keys.d"]`). The empty path is the resource itself.

public struct SourceMap: Sendable, Equatable {
    private var resources: [ResourceKey: [String: SourcePosition]] = [:]

    public init() {}

    /// Remembers a place; the first one stays.
    public mutating func record(_ resource: ResourceKey, _ fieldPath: String = "", at position: SourcePosition) {
        if resources[resource, default: [:]][fieldPath] == nil {
            resources[resource, default: [:]][fieldPath] = position
        }
    }

    /// Takes over what another map knows, keeping what is known already.
    public mutating func merge(_ other: SourceMap) {
        for (resource, places) in other.resources {
            // In place: the map of a resource that is read in thousands of pieces is not copied for each of them.
            resources[resource, default: [:]].merge(places) { first, _ in first }
        }
    }

    /// The place of a field, or of its nearest known ancestor, up to the resource itself.
    public func position(_ resource: ResourceKey, _ fieldPath: String = "") -> SourcePosition? {
        guard let fields = resources[resource] else { return nil }
        var path = Substring(fieldPath)
        while true {
            if let position = fields[String(path)] { return position }
            guard let parent = Self.parent(of: path) else { return nil }
            path = parent
        }
    }

    /// The place of a field itself, without looking at its ancestors.
    public func exactPosition(_ resource: ResourceKey, _ fieldPath: String) -> SourcePosition? {
        resources[resource]?[fieldPath]
    }

    /// All resources that have a place.
    public var resourceKeys: Dictionary<ResourceKey, [String: SourcePosition]>.Keys { resources.keys }

    /// The path without its last component; nil for the empty path.
    private static func parent(of path: Substring) -> Substring? {
        guard !path.isEmpty else { return nil }
        if path.hasSuffix("\"]"), let open = path.lastRange(of: "[\"") { return path[..<open] }
        guard let cut = path.lastIndex(where: { $0 == "." || $0 == "[" }) else { return path.prefix(0) }
        return path[..<cut]
    }

    /// The field path of a member of something at `path`.
    public static func path(_ path: String, member: String) -> String {
        if member.contains(where: { $0 == "." || $0 == "[" || $0 == "]" }) { return "\(path)[\"\(member)\"]" }
        return path.isEmpty ? member : "\(path).\(member)"
    }

    /// The field path of an element of a list at `path`.
    public static func path(_ path: String, index: Int) -> String { "\(path)[\(index)]" }
}

extension Substring {
    /// Where `text` starts for the last time.
    fileprivate func lastRange(of text: String) -> Index? {
        var index = endIndex
        while index > startIndex {
            index = self.index(before: index)
            if self[index...].hasPrefix(text) { return index }
        }
        return nil
    }
}
