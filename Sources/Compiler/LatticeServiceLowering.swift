// The listeners of a Lattice service: rules by ascending priority, then the default action (lattice.md 2.1). Which proxy they
// end up in, and with what identity towards the targets, is the network's business (`NetworkLowering`). That ports differ within
// a service and priorities within a listener is a rule about one resource by itself and left to the readers of definitions.

import Definitions
import Routing

struct LatticeListener {
    var service: String
    var name: String
    var port: Int
    var routes: [LatticeRoute]
    var source: SourceRef
}

struct LatticeRoute {
    enum Action {
        case forward([(targetGroup: String, weight: Int)])
        case respond(Int)
    }
    var name: String
    var match: MatchPlan
    var action: Action
    var timeouts: TimeoutPlan
    var source: SourceRef
}

struct LatticeServiceLowering {
    let definitions: Definitions
    let notInForce: NotInForce
    let findings: Findings

    /// By service: the listeners that this build serves.
    func lower() -> [String: [LatticeListener]] {
        var services: [String: [LatticeListener]] = [:]
        var users: [String: String] = [:]
        for (name, service) in definitions.services.sortedByName {
            let key = ResourceKey.service(name)
            if service.authType == .awsIam {
                notInForce.protection(key, "authType", "AWS_IAM authorization", "everybody may call the service")
            }
            if service.listeners.isEmpty {
                findings.warning("no-listener", key, "", "without listeners nobody can call the service")
            }
            services[name] = lower(name, service, &users)
        }
        return services
    }

    private func lower(
        _ name: String, _ service: LatticeServiceDefinition, _ users: inout [String: String]
    ) -> [LatticeListener] {
        let timeouts = timeouts(name, service)
        var listeners: [LatticeListener] = []
        for (listener, definition) in service.listeners.sortedByName {
            let key = ResourceKey.listener(listener, service: name)
            let port = definition.port ?? (definition.protocol == .http ? 80 : 443)
            let routes = routes(name, listener, definition, timeouts, &users)
            guard definition.protocol == .http else {
                findings.warning(
                    NotInForce.code, key, "protocol",
                    "\(definition.protocol.rawValue) is not built yet: port \(port) is not opened for the service")
                continue
            }
            listeners.append(
                LatticeListener(
                    service: name, name: listener, port: port, routes: routes, source: findings.source(key)))
        }
        return listeners
    }

    private func routes(
        _ service: String, _ listener: String, _ definition: LatticeListenerDefinition, _ timeouts: TimeoutPlan,
        _ users: inout [String: String]
    ) -> [LatticeRoute] {
        let sorted = definition.rules.sortedByName.sorted {
            ($0.value.priority, $0.name) < ($1.value.priority, $1.name)
        }
        var routes: [LatticeRoute] = []
        var keys: [ResourceKey] = []
        for rule in sorted {
            let key = ResourceKey.rule(rule.name, listener: listener, service: service)
            guard let action = action(rule.value.action, service, key, "action", &users) else { continue }
            keys.append(key)
            routes.append(
                LatticeRoute(
                    name: rule.name, match: LatticeMatchLowering.lower(rule.value.match), action: action,
                    timeouts: timeouts, source: findings.source(key)))
        }
        for (index, because) in Reachability.unreachable(routes.map(\.match)) {
            findings.warning(
                "unreachable-route", keys[index], "",
                "never applies: rule '\(routes[because].name)' is tried before and takes all its requests",
                suggestion: RouteOrder.earlier(
                    than: routes[because].name, priority: definition.rules[routes[because].name]?.priority, minimum: 1))
        }
        let key = ResourceKey.listener(listener, service: service)
        if let action = action(definition.defaultAction, service, key, "defaultAction", &users) {
            routes.append(
                LatticeRoute(
                    name: "default", match: MatchPlan(), action: action, timeouts: timeouts,
                    source: findings.source(key, "defaultAction")))
        }
        return routes
    }

    private func action(
        _ action: RuleAction, _ service: String, _ key: ResourceKey, _ field: String, _ users: inout [String: String]
    ) -> LatticeRoute.Action? {
        switch action {
        case .fixedResponse(let response): return .respond(response.statusCode)
        case .forward(let forward):
            let field = "\(field).forward.targetGroups"
            var targets: [(targetGroup: String, weight: Int)] = []
            for (index, target) in forward.targetGroups.enumerated() {
                let reference = target.targetGroupIdentifier
                let place = "\(field)[\(index)].targetGroupIdentifier"
                let groups = definitions.targetGroups
                guard let name = LatticeNames.resolve(reference, "targetGroup", "tg", among: groups) else {
                    findings.error(
                        "unknown-target-group", key, place, "there is no target group '\(reference)'",
                        suggestion: findings.nearest(to: reference, among: groups.keys))
                    return nil
                }
                let user = users[name] ?? service
                users[name] = user
                if user != service {
                    findings.error(
                        "shared-target-group", key, place,
                        "target group '\(name)' belongs to service '\(user)': AWS allows one service for each group")
                }
                // A group alone gets everything, whatever its weight (lattice.md 2.3).
                targets.append((name, forward.targetGroups.count == 1 ? 100 : target.weight ?? 100))
            }
            guard targets.contains(where: { $0.weight > 0 }) else {
                findings.warning(
                    "zero-weights", key, field, "all weights are 0, so every request is answered 503",
                    suggestion: "give at least one target group a weight above 0")
                return .respond(503)
            }
            return .forward(targets)
        }
    }

    /// No limit on the whole answer; 60 s without a byte unless the service says otherwise (lattice.md 2.4).
    private func timeouts(_ name: String, _ service: LatticeServiceDefinition) -> TimeoutPlan {
        let request = Sourced<Duration?>(nil, .standard("no request timeout"))
        guard let seconds = service.idleTimeoutSeconds else {
            return TimeoutPlan(request: request, idle: Sourced(.seconds(60), .standard("idleTimeoutSeconds 60")))
        }
        let source = findings.source(.service(name), "idleTimeoutSeconds")
        return TimeoutPlan(request: request, idle: Sourced(.seconds(min(max(seconds, 60), 600)), source))
    }
}
