// The schema of VPC Lattice target groups. In health checks a number of 0 means the default.

import Definitions

extension LatticeSchema {
    static let targetGroup = Shape<TargetGroupDefinition>.object(
        TargetGroupDefinition(type: .ip),
        [
            .required("type", \.type, .choice),
            .optional("config", \.config, targetGroupConfig),
            .collection("targets", \.targets, .list(target, count: 0...1000)),
        ],
        rules: [LatticeRules.configFitsType, LatticeRules.targetsFitType, LatticeRules.targetsFitAddressType])

    static let targetGroupConfig = Shape<TargetGroupConfig>.object(
        TargetGroupConfig(),
        [
            .optional("port", \.port, .integer(1...65_535)),
            .optional("protocol", \.protocol, .choice),
            .optional("protocolVersion", \.protocolVersion, .choice),
            .optional("ipAddressType", \.ipAddressType, .choice),
            .optional("vpcIdentifier", \.vpcIdentifier, .string(1...50)),
            .optional("healthCheck", \.healthCheck, healthCheck),
            .optional("lambdaEventStructureVersion", \.lambdaEventStructureVersion, .choice),
        ])

    static let healthCheck = Shape<HealthCheckConfig>.object(
        HealthCheckConfig(),
        [
            .optional("enabled", \.enabled, .boolean),
            .optional("protocol", \.protocol, .choice),
            .optional("protocolVersion", \.protocolVersion, .choice),
            .optional("port", \.port, .integer(0...65_535)),
            .optional("path", \.path, .string(0...2048)),
            .optional("healthCheckIntervalSeconds", \.healthCheckIntervalSeconds, .integer(0...300)),
            .optional("healthCheckTimeoutSeconds", \.healthCheckTimeoutSeconds, .integer(0...120)),
            .optional("healthyThresholdCount", \.healthyThresholdCount, .integer(0...10)),
            .optional("unhealthyThresholdCount", \.unhealthyThresholdCount, .integer(0...10)),
            .optional("matcher", \.matcher, matcher),
        ],
        rules: [LatticeRules.healthCheckNumbers])

    static let matcher = Shape<HealthCheckMatcher>.union([
        .member(
            "httpCode", HealthCheckMatcher.httpCode,
            .string(
                0...2000, meaning: "statuses from 200 to 499 such as `200,202` or `200-299`", example: "`200-299`",
                correction: { $0.lowercased() == "2xx" ? "200-299" : nil },
                matches: StatusList.isValid)
        ) { if case .httpCode(let value) = $0 { value } else { nil } }
    ])

    static let target = Shape<LatticeTarget>.object(
        LatticeTarget(id: ""),
        [
            .required("id", \.id, .string(1...200)),
            .optional("port", \.port, .integer(1...65_535)),
        ])
}

/// Statuses in text: numbers and ranges with commas between them, all from 200 to 499 (`lattice` 2.4). The model
/// has the empty text too, but nothing says what it would mean.
enum StatusList {
    private static let statuses = 200...499

    @Sendable static func isValid(_ text: String) -> Bool {
        text.split(separator: ",", omittingEmptySubsequences: false).allSatisfy { entry in
            let bounds = entry.split(separator: "-", omittingEmptySubsequences: false).map { bound in
                Constraint.integer(String(bound)).flatMap { statuses.contains($0) ? $0 : nil }
            }
            guard (1...2).contains(bounds.count), case let low?? = bounds.first, case let high?? = bounds.last else {
                return false
            }
            return low <= high
        }
    }
}
