// From the access logs of a plan to open files. A format that cannot be compiled is an error of the definitions, as Envoy
// refuses such a configuration; an operator of Envoy whose fact does not exist yet is a warning, and prints as absent; a path
// that cannot be opened is a warning, and the proxy runs without that log (design section 6, "Paths"). Records of workloads
// and of admin listeners are nobody's traffic and are not logged.

import Compiler
import DataPlane
import Definitions
import Routing
import Telemetry

struct AccessLogs {
    /// `--access-log`: every proxy's records, one JSON line each, in one place. `-` is standard output.
    let structuredPath: String?
    let writer: LogWriter
    let slot: (LogFile) -> Int

    /// Log targets in the order of the plan's proxies, and what could not be opened.
    func open(_ plan: Plan) -> (targets: [[LogTarget]], findings: [Diagnostic]) {
        var findings: [Diagnostic] = []
        var files: [String: LogFile?] = [:]
        func file(_ path: String, _ place: String?, _ owner: String) -> LogFile? {
            if let known = files[path] { return known }
            do {
                let file = try writer.open(path: path)
                files[path] = file
                return file
            } catch {
                files[path] = .some(nil)
                findings.append(
                    Diagnostic(
                        .warning, "log-not-writable", at: SourcePosition(place: place), path: owner,
                        "\(error); the proxy runs without this log",
                        suggestion: "map the path with local: paths:, or create its folder"))
                return nil
            }
        }
        let targets = plan.proxies.map { proxy -> [LogTarget] in
            guard Self.isLogged(proxy) else { return [] }
            var targets: [LogTarget] = []
            for log in proxy.accessLogs {
                guard let format = try? Self.format(log.format), let file = file(log.path, log.source.place, proxy.name)
                else { continue }
                targets.append(LogTarget(format: format, file: file, slot: slot(file)))
            }
            if let structuredPath, let file = file(Self.path(structuredPath), nil, "--access-log") {
                targets.append(LogTarget(format: .structured, file: file, slot: slot(file)))
            }
            return targets
        }
        return (targets, findings)
    }

    static func path(_ option: String) -> String { option == "-" ? "/dev/stdout" : option }

    static func isLogged(_ proxy: ProxyPlan) -> Bool { proxy.role != .workload && proxy.role != .admin }

    /// Whether a log of this process goes to standard output, which then has no room for anything else.
    static func ownStandardOutput(_ plan: Plan, structuredPath: String?) -> Bool {
        var paths = plan.proxies.filter(isLogged).flatMap { $0.accessLogs.map(\.path) }
        if let structuredPath { paths.append(path(structuredPath)) }
        return paths.contains(where: LogWriter.isStandardOutput)
    }

    /// Formats that cannot be compiled, and operators that have no fact yet.
    static func check(_ logs: [DefinedAccessLog]) -> [Diagnostic] {
        logs.flatMap { log -> [Diagnostic] in
            let path = log.resource.path(DefinedAccessLog.formatField)
            do throws(FormatError) {
                return try format(log.format).notInForce.map { note in
                    Diagnostic(.warning, "not-in-force", at: log.position, path: path, "\(note); it prints as absent")
                }
            } catch {
                return [Diagnostic(.error, "bad-log-format", at: log.position, path: path, "\(error)")]
            }
        }
    }

    private static func format(_ format: AccessLogPlan.Format) throws(FormatError) -> AccessLogFormat {
        switch format {
        case .standard: .standard
        case .text(let pattern): try .text(pattern)
        case .json(let fields): try .json(fields.map { (key: $0.key, value: $0.value) })
        }
    }
}

extension SourcePosition {
    /// From the place of a `SourceRef`, `file:line:column`.
    init?(place: String?) {
        guard let place else { return nil }
        let parts = place.split(separator: ":", omittingEmptySubsequences: false)
        guard parts.count >= 3, let line = Int(parts[parts.count - 2]), let column = Int(parts[parts.count - 1]) else {
            return nil
        }
        self.init(file: parts.dropLast(2).joined(separator: ":"), line: line, column: column)
    }
}
