// An explanation for people and for scripts.

import Routing

extension MeshExplanation: CustomStringConvertible {
    public var description: String {
        var text = note.map { "note: \($0)\n" } ?? ""
        text += "\(entry)"
        for destination in destinations { text += "\n\nat the destination\n\(destination)" }
        return text
    }

    public var json: JSONValue {
        ["note": .optional(note), "entry": entry.json, "destinations": .array(destinations.map(\.json))]
    }
}

extension Explanation {
    var json: JSONValue {
        [
            "proxy": .string(proxy), "listener": .string(listener),
            "request": [
                "method": .string(request.method), "scheme": .string(request.scheme),
                "authority": .string(request.authority), "target": .string(request.target),
                "absoluteForm": .bool(request.isAbsoluteForm),
            ],
            "host": .string(host),
            "hosts": .array(
                hosts.map { step in
                    [
                        "pattern": .string(step.pattern.description), "virtualHost": .string(step.virtualHost),
                        "source": step.source.json, "matched": .bool(step.isMatched),
                        "chosen": .bool(step.isChosen), "reason": .optional(step.reason),
                    ]
                }),
            "first": first?.json ?? nil,
            "rewrite": rewrite.map { rewrite in
                [
                    "pathBefore": .string(rewrite.pathBefore), "pathAfter": .string(rewrite.pathAfter),
                    "hostBefore": .string(rewrite.hostBefore), "hostAfter": .string(rewrite.hostAfter),
                ]
            } ?? nil,
            "second": second?.json ?? nil,
            "backends": .array(
                backends.map { backend in
                    [
                        "cluster": .string(backend.cluster), "source": backend.source.json,
                        "weight": .int(backend.weight), "percent": .double(backend.percent),
                        "endpoints": .array(
                            backend.endpoints.map { ["name": .string($0.name), "address": $0.address.json] }),
                        "discovery": .optional(backend.discovery?.description),
                    ]
                }),
            "timeouts": timeouts.map { timeouts in
                [
                    "request": timeouts.request.json, "idle": timeouts.idle.json,
                    "gatewayBound": timeouts.delegateBound?.json ?? nil,
                ]
            } ?? nil,
            "outcome": outcome.json,
        ]
    }
}

extension Explanation.Stage {
    fileprivate var json: JSONValue {
        [
            "virtualHost": .string(virtualHost), "source": source.json, "port": port.map { .int($0) } ?? nil,
            "portOrigin": .string(portOrigin),
            "routes": .array(
                routes.map { step in
                    [
                        "name": .string(step.name), "source": step.source.json, "matched": .bool(step.isMatched),
                        "chosen": .bool(step.isChosen), "reason": .optional(step.reason),
                    ]
                }),
        ]
    }
}

extension Explanation.Outcome {
    fileprivate var json: JSONValue {
        let kind: JSONValue =
            switch self {
            case .forward: "forward"
            case .fixedResponse: "fixedResponse"
            case .forwardToAuthority: "forwardToAuthority"
            case .handler: "handler"
            case .notFound: "notFound"
            }
        return ["kind": kind, "text": .string(description)]
    }
}
