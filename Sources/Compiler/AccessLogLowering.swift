// Access logs: where they go on this machine, and in which format. Prefixes of paths are mapped as the placement says, longest
// first and by whole components; what no prefix covers stays.

import Definitions
import Routing

struct AccessLogLowering {
    let paths: [String: String]
    let findings: Findings

    func lower(_ logging: Logging?, _ key: ResourceKey) -> [AccessLogPlan] {
        guard case .file(let file) = logging?.accessLog else { return [] }
        let format: AccessLogPlan.Format =
            switch file.format {
            case nil: .standard
            case .text(let text): .text(text)
            case .json(let fields): .json(fields.map { AccessLogPlan.JSONField(key: $0.key, value: $0.value) })
            }
        return [
            AccessLogPlan(
                path: mapped(file.path), format: format, source: findings.source(key, "logging.accessLog.file"))
        ]
    }

    /// The logs of every node and gateway, whoever runs them.
    func defined(_ definitions: Definitions) -> [DefinedAccessLog] {
        definitions.meshes.sortedByName.flatMap { name, mesh in
            mesh.virtualNodes.sortedByName.flatMap { defined($0.value.logging, .virtualNode($0.name, mesh: name)) }
                + mesh.virtualGateways.sortedByName.flatMap {
                    defined($0.value.spec.logging, .virtualGateway($0.name, mesh: name))
                }
        }
    }

    private func defined(_ logging: Logging?, _ key: ResourceKey) -> [DefinedAccessLog] {
        lower(logging, key).map { log in
            DefinedAccessLog(
                resource: key, format: log.format, position: findings.position(key, DefinedAccessLog.formatField))
        }
    }

    func mapped(_ path: String) -> String {
        let prefix = paths.keys.filter { prefix in
            path == prefix || path.hasPrefix(prefix.hasSuffix("/") ? prefix : prefix + "/")
        }.max { $0.utf8.count < $1.utf8.count }
        guard let prefix, let target = paths[prefix] else { return path }
        let rest = path.dropFirst(prefix.count).drop { $0 == "/" }
        if rest.isEmpty { return target }
        return target.hasSuffix("/") ? target + rest : "\(target)/\(rest)"
    }
}
