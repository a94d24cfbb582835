// Findings, reloads and the table of listeners as JSON, with keys that stay as they are: `-o json` and `/v1/` promise that.

import Definitions
import Glibc
import Reactor
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
            "refusal": .optional(refusal?.name), "generation": .int(Int(clamping: generation)),
            "time": .string(Timestamp.text(time)), "milliseconds": .double(milliseconds), "difference": difference.json,
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
            "xray": .optional(xray?.description),
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

public enum Timestamp {
    /// A time in nanoseconds since 1970 in UTC with milliseconds: `2026-11-24T06:09:12.123Z`.
    public static func text(_ nanoseconds: Int64) -> String {
        var seconds = time_t(nanoseconds / 1_000_000_000)
        var parts = tm()
        gmtime_r(&seconds, &parts)
        func padded(_ value: Int, _ width: Int) -> String {
            let digits = String(value)
            return String(repeating: "0", count: max(0, width - digits.count)) + digits
        }
        let date = "\(1900 + Int(parts.tm_year))-\(padded(Int(parts.tm_mon) + 1, 2))-\(padded(Int(parts.tm_mday), 2))"
        let clock = "\(padded(Int(parts.tm_hour), 2)):\(padded(Int(parts.tm_min), 2)):\(padded(Int(parts.tm_sec), 2))"
        return "\(date)T\(clock).\(padded(Int(nanoseconds / 1_000_000 % 1000), 3))Z"
    }

    /// Now.
    public static var now: String { text(Clock.realtime()) }
}
