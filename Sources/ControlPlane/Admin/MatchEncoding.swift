// Match conditions as JSON: only what is asked for appears, so that an empty object matches everything.

import Routing

extension MatchPlan {
    var json: JSONValue {
        var members: [JSONValue.Member] = []
        func add(_ key: String, _ value: JSONValue?) {
            if let value { members.append(JSONValue.Member(key: key, value: value)) }
        }
        add("path", path.json)
        add("method", method.map { .string($0) })
        add("scheme", scheme.map { $0 == .https ? "https" : "http" })
        add("port", port.map { .int($0) })
        add("hostname", hostname?.json)
        if !headers.isEmpty { add("headers", .array(headers.map(\.json))) }
        if !query.isEmpty { add("query", .array(query.map(\.json))) }
        if requiresGRPC { add("requiresGRPC", true) }
        return .object(members)
    }
}

extension PathMatch {
    fileprivate var json: JSONValue? {
        switch self {
        case .any: nil
        case .exact(let path, let ignoresCase): ["exact": .string(path), "ignoresCase": .bool(ignoresCase)]
        case .prefix(let path, let ignoresCase): ["prefix": .string(path), "ignoresCase": .bool(ignoresCase)]
        case .regex(let match): ["regex": .string(match.pattern.source)]
        }
    }
}

extension HostnameMatch {
    fileprivate var json: JSONValue {
        switch self {
        case .exact(let name): ["exact": .string(name)]
        case .suffix(let name): ["suffix": .string(name)]
        }
    }
}

extension HeaderMatch {
    fileprivate var json: JSONValue {
        let condition: JSONValue =
            switch self.condition {
            case .present: "present"
            case .exact(let text): ["exact": .string(text)]
            case .prefix(let text): ["prefix": .string(text)]
            case .suffix(let text): ["suffix": .string(text)]
            case .contains(let text): ["contains": .string(text)]
            case .regex(let match): ["regex": .string(match.pattern.source)]
            case .range(let start, let end): ["range": ["start": .int(start), "end": .int(end)]]
            }
        return [
            "name": .string(name), "condition": condition, "inverted": .bool(isInverted),
            "ignoresCase": .bool(ignoresCase),
        ]
    }
}

extension QueryMatch {
    fileprivate var json: JSONValue { ["name": .string(name), "exact": .optional(exact)] }
}
