// Service networks: one proxy for each associated VPC, on the VPC's own address, because the address a client connects to is
// what says which VPC it is in (design section 6). Every port on which a service of the network listens is open; the host picks
// the service: its custom domain, the name AWS would generate, or, for convenience at a shell, its plain name.

import Definitions
import Routing

struct NetworkLowering {
    let definitions: Definitions
    let placement: Placement
    let options: CompilerOptions
    let logs: AccessLogLowering
    let findings: Findings
    private let ports: PortPolicy
    private let targetGroups: TargetGroupLowering

    init(
        definitions: Definitions, placement: Placement, options: CompilerOptions, logs: AccessLogLowering,
        findings: Findings
    ) {
        self.definitions = definitions
        self.placement = placement
        self.options = options
        self.logs = logs
        self.findings = findings
        ports = PortPolicy(firstUnprivilegedPort: options.firstUnprivilegedPort)
        targetGroups = TargetGroupLowering(
            groups: definitions.targetGroups, placed: placement.targetGroups, ports: ports, findings: findings)
    }

    func lower() -> (proxies: [ProxyPlan], workloads: [WorkloadPlan]) {
        let notInForce = NotInForce(findings: findings, allowUnenforced: options.allowUnenforced)
        let services = LatticeServiceLowering(
            definitions: definitions, notInForce: notInForce, findings: findings
        ).lower()
        targetGroups.report()
        var proxies: [ProxyPlan] = []
        var networkOfVPC: [String: String] = [:]
        var offer = Offer()
        for (name, network) in definitions.serviceNetworks.sortedByName {
            let key = ResourceKey.serviceNetwork(name)
            if network.authType == .awsIam {
                notInForce.protection(key, "authType", "AWS_IAM authorization", "everybody may call its services")
            }
            if network.vpcAssociations.isEmpty {
                findings.warning(
                    "no-vpc", key, "", "without an associated VPC nobody can reach the network",
                    suggestion: "vpcAssociations: [{ vpcIdentifier: vpc-1 }]")
            }
            if network.services.isEmpty {
                findings.warning(
                    "no-services", key, "",
                    "the network offers nothing: without 'services' it takes those of its own document, which has none",
                    suggestion: Self.example(definitions.services.keys.sorted()))
            }
            let listeners = members(network, services, key, &offer)
            for (index, association) in network.vpcAssociations.enumerated() {
                let vpc = association.vpcIdentifier
                let field = "vpcAssociations[\(index)]"
                if let other = networkOfVPC[vpc] {
                    findings.error(
                        "vpc-has-network", key, "\(field).vpcIdentifier",
                        "VPC \(vpc) is associated with service network '\(other)', and a VPC has one network")
                    continue
                }
                networkOfVPC[vpc] = name
                if association.securityGroupIds?.isEmpty == false {
                    findings.note(
                        NotInForce.code, key, "\(field).securityGroupIds",
                        "security groups are not enforced on one machine")
                }
                proxies.append(proxy(name, vpc, listeners, findings.source(key, field)))
            }
        }
        // A name that means nothing may have been meant for any of them.
        for (name, _) in definitions.services.sortedByName where offer.isComplete && !offer.services.contains(name) {
            findings.warning(
                "no-network", .service(name), "", "no service network offers the service, so nobody can call it",
                suggestion: "name it under 'services' of a service network")
        }
        let workloads = workloads()
        return (proxies + workloads.map(\.proxy), workloads.map(\.workload))
    }

    /// What the networks offer together.
    private struct Offer {
        var services: Set<String> = []
        /// Every name that a network gives means a service.
        var isComplete = true
    }

    private static func example(_ services: [String]) -> String? {
        services.isEmpty ? nil : "services: [\(services.prefix(3).joined(separator: ", "))]"
    }

    /// The listeners of the network's services.
    private func members(
        _ network: ServiceNetworkDefinition, _ services: [String: [LatticeListener]], _ key: ResourceKey,
        _ offer: inout Offer
    ) -> [LatticeListener] {
        var listeners: [LatticeListener] = []
        var domains: [String: String] = [:]
        var members: Set<String> = []
        for (index, reference) in network.services.enumerated() {
            let field = "services[\(index)]"
            guard let name = LatticeNames.resolve(reference, "service", "svc", among: definitions.services) else {
                findings.error(
                    "unknown-service", key, field, "there is no service '\(reference)'",
                    suggestion: findings.nearest(to: reference, among: definitions.services.keys))
                offer.isComplete = false
                continue
            }
            guard members.insert(name).inserted else { continue }
            offer.services.insert(name)
            if let domain = definitions.services[name]?.customDomainName.map({ HostName.normalized($0) }) {
                if let other = domains[domain] {
                    findings.error(
                        "duplicate-host", .service(name), "customDomainName",
                        "service '\(other)' of the same network has the domain \(domain) already")
                }
                domains[domain] = name
            }
            listeners += services[name] ?? []
        }
        return listeners
    }

    private func proxy(
        _ network: String, _ vpc: String, _ listeners: [LatticeListener], _ source: SourceRef
    ) -> ProxyPlan {
        let address = placement.vpcs[vpc]
        var plan = ProxyPlan(name: "\(network)/\(vpc)", role: .network, mesh: network, source: source)
        plan.upstreamSourceIP = address.flatMap { IPLiteral.isWildcard($0) ? nil : $0 }
        plan.accessLogs = logs.lower(nil, .serviceNetwork(network))
        var proxy = ProxyBuilder(plan)
        guard let address else { return proxy.plan }
        var dialect = Dialect.lattice
        dialect.requestHeaders = [
            Dialect.ConstantHeader(name: "x-amzn-lattice-network", value: "SourceVpcArn=\(LatticeNames.vpcARN(vpc))")
        ]
        for port in Set(listeners.map(\.port)).sorted() {
            var hosts: [HostBinding] = []
            var plain: [HostBinding] = []
            for listener in listeners where listener.port == port {
                let virtualHost = add(listener, network, to: &proxy)
                hosts += patterns(listener.service).map { HostBinding($0, virtualHost: virtualHost) }
                plain.append(HostBinding(.exact(listener.service), virtualHost: virtualHost))
            }
            // A domain that somebody defined wins over the shorthand.
            hosts += plain.filter { short in !hosts.contains { $0.pattern == short.pattern } }
            proxy.plan.listeners.append(
                ListenerPlan(
                    name: "network_\(port)", statPrefix: StatPrefix.network, direction: .ingress,
                    binds: [ports.bind(address, port)], port: port, portRule: .fixed(port), dialect: dialect,
                    hosts: hosts, source: source))
        }
        return proxy.plan
    }

    /// A custom domain may be a wildcard: `*.example.com`.
    private func patterns(_ service: String) -> [HostBinding.Pattern] {
        let generated = HostBinding.Pattern.exact(LatticeNames.generatedHost(service))
        guard let domain = definitions.services[service]?.customDomainName.map({ HostName.normalized($0) }) else {
            return [generated]
        }
        return [domain.hasPrefix("*.") ? .suffix(String(domain.dropFirst())) : .exact(domain), generated]
    }

    private func add(_ listener: LatticeListener, _ network: String, to proxy: inout ProxyBuilder) -> Int {
        let routes = listener.routes.map { route in
            let action: ActionPlan
            switch route.action {
            case .respond(let status):
                action = .fixedResponse(status: status, body: "")
            case .forward(let targets):
                action = .forward(
                    targets.map { target in
                        BackendPlan(
                            cluster: add(target.targetGroup, listener.service, network, to: &proxy),
                            weight: target.weight)
                    })
            }
            return RoutePlan(
                name: route.name, match: route.match, action: action, timeouts: route.timeouts, source: route.source)
        }
        return proxy.add(
            VirtualHostPlan(
                name: "\(listener.service)/\(listener.name)", routes: routes, source: listener.source))
    }

    private func add(_ group: String, _ service: String, _ network: String, to proxy: inout ProxyBuilder) -> Int {
        let identity = [
            "ServiceArn=\(LatticeNames.serviceARN(service))", "ServiceNetworkArn=\(LatticeNames.networkARN(network))",
            "TargetGroupArn=\(LatticeNames.targetGroupARN(group))",
        ].joined(separator: ";")
        let endpoints = definitions.targetGroups[group].map { targetGroups.endpoints(group, $0).endpoints } ?? []
        return proxy.add(
            ClusterPlan(
                name: group,
                endpoints: endpoints.map { EndpointPlan(name: $0.name, address: SocketAddress($0.address)) },
                requestHeaders: [Dialect.ConstantHeader(name: "x-amzn-lattice-target", value: identity)],
                source: findings.source(.targetGroup(group))))
    }

    private func workloads() -> [(workload: WorkloadPlan, proxy: ProxyPlan)] {
        let lowering = WorkloadLowering(ports: ports)
        return placement.targetGroups.sortedByName.flatMap { name, targets in
            targets.compactMap { target in
                guard let group = definitions.targetGroups[name], group.type != .lambda else { return nil }
                return lowering.lower(
                    target.application, name: target.name, title: name, mesh: "",
                    listeners: [TargetGroupLowering.port(group)], egress: nil,
                    source: findings.source(.targetGroup(name)))
            }
        }
    }
}
