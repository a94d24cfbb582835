// What the VPC Lattice API demands of several fields together (the reference: `lattice` 1.4, 2.1 and 2.4).

import Definitions

enum LatticeRules {
    /// A service, like a VPC, is associated with a network once.
    static let associationsDiffer: Rule<ServiceNetworkDefinition> = { network, reader in
        reader.namesDiffer(network.services, field: "services") { "[\($0)]" }
        reader.namesDiffer(network.vpcAssociations.map(\.vpcIdentifier), field: "vpcAssociations") {
            "[\($0)].vpcIdentifier"
        }
    }

    /// The model allows 100 to 599, the service 404 and 500. A status below 200 only announces an answer (RFC 9110, 15.2): a
    /// client would take whatever follows on the connection for it.
    static let statusIsSupported: Rule<FixedResponseAction> = { action, reader in
        if action.statusCode < 200 {
            reader.report(
                "unsupported-status", field: "statusCode",
                "\(action.statusCode) is no final answer, the client would go on waiting for one",
                suggestion: "write 404 or 500, which AWS supports, or another status from 200 to 599")
        } else if action.statusCode != 404, action.statusCode != 500 {
            reader.report(
                "unsupported-status", field: "statusCode", severity: .warning,
                "AWS supports 404 and 500 only, \(action.statusCode) would be refused there")
        }
    }

    static let matchHasCondition: Rule<LatticeHttpMatch> = { match, reader in
        if match.method == nil, match.pathMatch == nil, match.headerMatches == nil {
            reader.missingOne(of: ["method", "pathMatch", "headerMatches"])
        }
    }

    /// 0 means the default, otherwise the lower bounds of the user guide hold.
    static let healthCheckNumbers: Rule<HealthCheckConfig> = { check, reader in
        let numbers = [
            ("healthCheckIntervalSeconds", check.healthCheckIntervalSeconds, 5...300),
            ("healthyThresholdCount", check.healthyThresholdCount, 2...10),
            ("unhealthyThresholdCount", check.unhealthyThresholdCount, 2...10),
        ]
        for case (let field, let number?, let range) in numbers where number != 0 && !range.contains(number) {
            reader.report(
                "out-of-range", field: field, "is \(number), expected \(Constraint.text(range)), or 0 for the default")
        }
    }

    /// LAMBDA groups have an event version and nothing else, ALB groups no health check, IP groups alone an address type.
    static let configFitsType: Rule<TargetGroupDefinition> = { group, reader in
        guard let config = group.config else {
            if group.type != .lambda { reader.report("missing-key", "`config` is missing") }
            return
        }
        let isLambda = group.type == .lambda
        let members = [
            ("port", config.port != nil, !isLambda),
            ("protocol", config.protocol != nil, !isLambda),
            ("protocolVersion", config.protocolVersion != nil, !isLambda),
            ("vpcIdentifier", config.vpcIdentifier != nil, !isLambda),
            ("healthCheck", config.healthCheck != nil, !isLambda && group.type != .alb),
            ("ipAddressType", config.ipAddressType != nil, group.type == .ip),
            ("lambdaEventStructureVersion", config.lambdaEventStructureVersion != nil, isLambda),
        ]
        for (field, isGiven, isAllowed) in members where isGiven && !isAllowed {
            reader.report(
                "wrong-target-type", field: "config.\(field)",
                "a target group of type \(group.type.rawValue) has no `\(field)`", suggestion: "remove it")
        }
    }

    static let targetsFitType: Rule<TargetGroupDefinition> = { group, reader in
        if group.type == .lambda || group.type == .alb, group.targets.count > 1 {
            reader.report(
                "wrong-target-count", field: "targets",
                "a target group of type \(group.type.rawValue) has one target, not \(group.targets.count)")
        }
        var first: [String: Int] = [:]
        for (index, target) in group.targets.enumerated() {
            let place = "\(target.id) \(target.port ?? group.config?.port ?? 0)"
            if let other = first[place] {
                reader.report(
                    "duplicate-target", field: "targets[\(index)]",
                    "the target is registered already, as `targets[\(other)]`")
            } else {
                first[place] = index
            }
        }
    }
}

extension LatticeRules {
    /// The targets of an IP group are of its address family, IPv4 if it names none (`lattice` 1.4 and 2.4). What is no address at
    /// all is not judged here.
    static let targetsFitAddressType: Rule<TargetGroupDefinition> = { group, reader in
        guard group.type == .ip else { return }
        let family = group.config?.ipAddressType ?? .ipv4
        for (index, target) in group.targets.enumerated() {
            guard let own = TargetGroupIpAddressType(ofAddress: target.id), own != family else { continue }
            let isDefault = group.config?.ipAddressType == nil
            reader.report(
                "wrong-address-family", field: "targets[\(index)].id",
                "`\(target.id)` is an \(own.name) address, but the group has \(family.name) targets"
                    + (isDefault ? " by default" : ""),
                suggestion: "write an \(family.name) address, or `ipAddressType: \(own.rawValue)` in `config`")
        }
    }
}

extension TargetGroupIpAddressType {
    /// The family of an address; nil for another text.
    fileprivate init?(ofAddress text: String) {
        guard AddressText.isIP(text) else { return nil }
        self = text.utf8.contains(UInt8(ascii: ":")) ? .ipv6 : .ipv4
    }

    fileprivate var name: String {
        switch self {
        case .ipv4: "IPv4"
        case .ipv6: "IPv6"
        }
    }
}

extension Reader {
    fileprivate mutating func namesDiffer(_ names: [String], field: String, at place: (Int) -> String) {
        var seen: Set<String> = []
        for (index, name) in names.enumerated() where !seen.insert(name).inserted {
            report("duplicate-association", field: field + place(index), "`\(name)` is associated already")
        }
    }
}
