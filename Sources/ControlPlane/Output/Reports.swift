// Findings, reloads and the table of listeners as JSON, with keys that stay as they are: `-o json` and `/v1/` promise that.

import Definitions
import Routing

/// The version of this program.
public enum TrellisVersion {
    public static let text = "0.1.0"
}

extension Diagnostic {
    public var json: JSONValue {
        [
            "severity": .string(severity.rawValue), "code": .string(code), "file": .optional(position?.file),
            "line": position.map { .int($0.line) } ?? nil, "column": position.map { .int($0.column) } ?? nil,
            "path": .string(path), "message": .string(message), "suggestion": .optional(suggestion),
        ]
    }
}

extension PlanDifference {
    var json: JSONValue {
        [
            "summary": .string(summary), "proxies": proxies.json, "listeners": listeners.json,
            "routes": routes.json, "clusters": clusters.json, "endpoints": endpoints.json,
        ]
    }
}

extension PlanDifference.Changes {
    fileprivate var json: JSONValue {
        ["added": .strings(added), "removed": .strings(removed), "changed": .strings(changed)]
    }
}

extension ReloadOutcome {
    public var json: JSONValue {
        [
            "trigger": .string(trigger.rawValue), "result": .string(result.rawValue),
            "refusal": .optional(refusal?.rawValue), "generation": .int(Int(clamping: generation)),
            "milliseconds": .double(milliseconds), "difference": difference.json,
            "findings": .array(findings.map(\.json)),
        ]
    }

    /// With three decimals at most.
    public var milliseconds: Double { (duration / .microseconds(1)).rounded() / 1000 }

    /// One line, such as `generation 3 in 4.2 ms: routes ~1 (file change)`.
    public var summary: String {
        switch result {
        case .published: "generation \(generation) in \(milliseconds) ms: \(difference.summary) (\(trigger.rawValue))"
        case .unchanged: "generation \(generation) stays: no change (\(trigger.rawValue))"
        case .refused: "refused, generation \(generation) stays: \(refusalText) (\(trigger.rawValue))"
        }
    }

    private var refusalText: String {
        guard refusal != nil else { return "the process is ending" }
        let count = findings.count { $0.severity == .error }
        return count == 1 ? "1 error" : "\(count) errors"
    }
}

extension RuntimeReport {
    public var json: JSONValue {
        [
            "version": .string(TrellisVersion.text), "generation": .int(Int(clamping: generation)),
            "workers": .int(workers), "admin": .optional(admin?.description),
            "listeners": .array(
                rows.map { row in
                    [
                        "proxy": .string(row.proxy), "role": .string(row.role.rawValue),
                        "direction": .string(row.direction.rawValue), "listener": .string(row.listener),
                        "port": .int(row.port), "protocol": .string(row.applicationProtocol.rawValue),
                        "planned": .string(row.planned.description), "actual": .string(row.actual.description),
                        "purpose": .string(row.purpose),
                    ]
                }),
            "tryCommand": .optional(tryCommand), "noProxy": .optional(noProxy),
        ]
    }
}
