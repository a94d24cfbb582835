// The VPC Lattice part of the schema. Constraints are those of the API model (2022-11-30), or of its documentation
// where the model takes any text, except that resources are named by their names, where the API has identifiers that AWS makes
// up. Listeners and rules stand below their parent as named resources, and are read one by one.

import Definitions

enum LatticeSchema {
    static let serviceNetwork = Shape<ServiceNetworkDefinition>.object(
        ServiceNetworkDefinition(),
        [
            .optional("authType", \.authType, .choice),
            .collection("services", \.services, .list(.string(1...2048))),
            .collection("vpcAssociations", \.vpcAssociations, .list(vpcAssociation)),
        ],
        rules: [LatticeRules.associationsDiffer])

    static let vpcAssociation = Shape<ServiceNetworkVpcAssociation>.object(
        ServiceNetworkVpcAssociation(vpcIdentifier: ""),
        [
            .required("vpcIdentifier", \.vpcIdentifier, .string(1...50)),
            .optional("securityGroupIds", \.securityGroupIds, .list(.string(5...200), count: 0...5)),
        ])

    /// Without its listeners.
    static let service = Shape<LatticeServiceDefinition>.object(
        LatticeServiceDefinition(),
        [
            .optional("authType", \.authType, .choice),
            .optional("customDomainName", \.customDomainName, .customDomainName),
            .optional("certificateArn", \.certificateArn, .string(0...2048)),
            .optional("idleTimeoutSeconds", \.idleTimeoutSeconds, .integer(60...600)),
        ])

    /// Without its rules.
    static let listener = Shape<LatticeListenerDefinition>.object(
        LatticeListenerDefinition(protocol: .http, defaultAction: .fixedResponse(FixedResponseAction(statusCode: 404))),
        [
            .required("protocol", \.protocol, .choice),
            .optional("port", \.port, .integer(1...65_535)),
            .required("defaultAction", \.defaultAction, ruleAction),
        ])

    static let rule = Shape<LatticeRuleDefinition>.object(
        LatticeRuleDefinition(
            priority: 1, match: .httpMatch(LatticeHttpMatch()),
            action: .fixedResponse(FixedResponseAction(statusCode: 404))),
        [
            .required("priority", \.priority, .integer(1...2000)),
            .required("match", \.match, ruleMatch),
            .required("action", \.action, ruleAction),
        ])

    static let ruleAction = Shape<RuleAction>.union([
        .member("forward", RuleAction.forward, forwardAction) {
            if case .forward(let value) = $0 { value } else { nil }
        },
        .member("fixedResponse", RuleAction.fixedResponse, fixedResponseAction) {
            if case .fixedResponse(let value) = $0 { value } else { nil }
        },
    ])

    static let forwardAction = Shape<ForwardAction>.object(
        ForwardAction(targetGroups: []),
        [.required("targetGroups", \.targetGroups, .list(weightedTargetGroup, count: 1...10))])

    static let weightedTargetGroup = Shape<WeightedTargetGroup>.object(
        WeightedTargetGroup(targetGroupIdentifier: ""),
        [
            .required("targetGroupIdentifier", \.targetGroupIdentifier, .string(1...2048)),
            .optional("weight", \.weight, .integer(0...999)),
        ])

    static let fixedResponseAction = Shape<FixedResponseAction>.object(
        FixedResponseAction(statusCode: 404),
        [.required("statusCode", \.statusCode, .integer(100...599))],
        rules: [LatticeRules.statusIsSupported])

    static let ruleMatch = Shape<RuleMatch>.union([
        .member("httpMatch", RuleMatch.httpMatch, httpMatch) {
            if case .httpMatch(let value) = $0 { value } else { nil }
        }
    ])

    static let httpMatch = Shape<LatticeHttpMatch>.object(
        LatticeHttpMatch(),
        [
            .optional("method", \.method, .string(0...16)),
            .optional("pathMatch", \.pathMatch, pathMatch),
            .optional("headerMatches", \.headerMatches, .list(headerMatch, count: 1...5)),
        ],
        rules: [LatticeRules.matchHasCondition])

    static let pathMatch = Shape<PathMatch>.object(
        PathMatch(match: .prefix("/")),
        [
            .required("match", \.match, pathMatchType),
            .optional("caseSensitive", \.caseSensitive, .boolean),
        ])

    static let pathMatchType = Shape<PathMatchType>.union([
        .member("exact", PathMatchType.exact, .latticePath) { if case .exact(let value) = $0 { value } else { nil } },
        .member("prefix", PathMatchType.prefix, .latticePath) {
            if case .prefix(let value) = $0 { value } else { nil }
        },
    ])

    static let headerMatch = Shape<HeaderMatch>.object(
        HeaderMatch(name: "", match: .exact("")),
        [
            .required("name", \.name, .string(1...100)),
            .required("match", \.match, headerMatchType),
            .optional("caseSensitive", \.caseSensitive, .boolean),
        ])

    static let headerMatchType = Shape<HeaderMatchType>.union([
        .member("exact", HeaderMatchType.exact, .string(1...200)) {
            if case .exact(let value) = $0 { value } else { nil }
        },
        .member("prefix", HeaderMatchType.prefix, .string(1...200)) {
            if case .prefix(let value) = $0 { value } else { nil }
        },
        .member("contains", HeaderMatchType.contains, .string(1...200)) {
            if case .contains(let value) = $0 { value } else { nil }
        },
    ])
}

extension Shape where Value == String {
    /// `/[a-zA-Z0-9@:%_+.~#?&/=-]*`
    fileprivate static var latticePath: Shape {
        .string(1...200, meaning: "a path of letters, digits and `@:%_+.~#?&/=-`", example: "`/items`") { text in
            text.hasPrefix("/") && text.utf8.allSatisfy { Names.isLabelByte($0) || "@:%+.~#?&/=".utf8.contains($0) }
        }
    }

    /// The host that clients of a service name; `*.` in front stands for one label (`lattice` 2.1).
    fileprivate static var customDomainName: Shape {
        .string(
            3...255, meaning: "a host name, at most with `*.` in front", example: "`shop.example.com`",
            correction: { text in
                let rest = ["https://", "http://"].first(where: text.hasPrefix).map { text.dropFirst($0.count) }
                let host = (rest ?? text[...]).prefix { $0 != "/" && $0 != ":" }
                let name = String(host.hasSuffix(".") ? host.dropLast() : host)
                return name.utf8.count >= 3 && Names.isDomainName(name) ? name : nil
            }, matches: Names.isDomainName)
    }
}
