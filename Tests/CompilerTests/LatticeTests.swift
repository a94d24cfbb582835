// Service networks (lattice.md 2): one proxy for each VPC, services by host, rules by priority.

import Definitions
import Routing
import Testing

@testable import Compiler

@Suite("A service network")
struct LatticeTests {
    static func forward(_ targets: (String, Int?)...) -> RuleAction {
        .forward(
            ForwardAction(targetGroups: targets.map { WeightedTargetGroup(targetGroupIdentifier: $0.0, weight: $0.1) }))
    }

    static func shop() -> Definitions {
        let match = LatticeHttpMatch(
            method: "PURGE", pathMatch: .init(match: .prefix("/Cart")),
            headerMatches: [
                .init(name: "X-Tier", match: .contains("gold")),
                .init(name: "x-case", match: .exact("A"), caseSensitive: true),
            ])
        let listener = LatticeListenerDefinition(
            protocol: .http, defaultAction: .fixedResponse(FixedResponseAction(statusCode: 404)),
            rules: [
                "later": LatticeRuleDefinition(
                    priority: 20,
                    match: .httpMatch(LatticeHttpMatch(pathMatch: .init(match: .exact("/x"), caseSensitive: true))),
                    action: forward(("blue", nil))),
                "first": LatticeRuleDefinition(
                    priority: 10, match: .httpMatch(match), action: forward(("blue", 3), ("green", nil))),
            ])
        return Definitions(
            serviceNetworks: [
                "mall": ServiceNetworkDefinition(
                    services: ["shop"], vpcAssociations: [ServiceNetworkVpcAssociation(vpcIdentifier: "vpc-1")])
            ],
            services: [
                "shop": LatticeServiceDefinition(customDomainName: "Shop.example.com", listeners: ["web": listener])
            ],
            targetGroups: [
                "blue": TargetGroupDefinition(
                    type: .ip, config: TargetGroupConfig(port: 8080, protocol: .http),
                    targets: [LatticeTarget(id: "127.0.0.50"), LatticeTarget(id: "127.0.0.51", port: 9000)]),
                "green": TargetGroupDefinition(
                    type: .instance, config: TargetGroupConfig(port: 7000, protocol: .http)),
            ],
            local: LocalPlacement(targetGroups: [
                "green": TargetGroupPlacement(instances: [.echo(EchoSettings()), .app(.ip("127.0.0.1", port: 7001))])
            ]))
    }

    @Test("has a proxy in each of its VPCs, which finds services by host")
    func proxy() throws {
        let compiled = compile(Self.shop())
        #expect(compiled.codes == [])
        let proxy = try #require(compiled.proxy("mall/vpc-1"))
        #expect(proxy.role == .network)
        let address = AddressRange.standard.address(mesh: "", kind: "vpc", name: "vpc-1", instance: "0").description
        #expect(proxy.upstreamSourceIP == address)
        let listener = try #require(proxy.listener("network_80"))
        #expect(
            listener.binds == [
                ListenerPlan.Bind(.ip(host: address, port: 80), unprivileged: .ip(host: address, port: 8080))
            ])
        #expect(listener.portRule == .fixed(80))
        #expect(
            proxy.hosts("network_80") == [
                "shop.example.com -> shop/web",
                "shop-0c5c9744bf14606e0.7d67968.vpc-lattice-svcs.us-east-1.on.aws -> shop/web", "shop -> shop/web",
            ])
        #expect(compiled.tryCommand == "curl -H 'Host: shop.example.com' http://\(address):8080/")
    }

    @Test("tries rules by priority, then the default action")
    func rules() throws {
        let proxy = try #require(compile(Self.shop()).proxy("mall/vpc-1"))
        let routes = try #require(proxy.virtualHost("shop/web")?.routes)
        #expect(routes.map(\.name) == ["first", "later", "default"])
        #expect(
            routes[0].match
                == MatchPlan(
                    path: .prefix("/Cart", ignoresCase: true), method: "PURGE",
                    headers: [
                        .init(name: "x-tier", condition: .contains("gold"), ignoresCase: true),
                        .init(name: "x-case", condition: .exact("A")),
                    ]))
        #expect(routes[1].match == MatchPlan(path: .exact("/x")))
        #expect(routes[2].match == MatchPlan())
        #expect(routes[2].action == .fixedResponse(status: 404, body: ""))
        #expect(proxy.backends(routes[0]) == ["blue 3", "green 100"])
        #expect(proxy.backends(routes[1]) == ["blue 100"])
        #expect(routes.allSatisfy { $0.timeouts.request.value == nil && $0.timeouts.idle.value == .seconds(60) })
    }

    @Test("reaches registered targets, or the workloads that stand in for them")
    func targets() throws {
        let compiled = compile(Self.shop())
        let proxy = try #require(compiled.proxy("mall/vpc-1"))
        #expect(
            proxy.cluster("blue")?.endpoints.map(\.address.description) == ["127.0.0.50:8080", "127.0.0.51:9000"])
        let workload = try #require(compiled.workloads.first)
        #expect(workload.name == "targetGroups/green#0")
        #expect(workload.egress == nil)
        #expect(workload.settings.body == .text("green"))
        #expect(
            proxy.cluster("green")?.endpoints.map(\.address) == [workload.address, .ip(host: "127.0.0.1", port: 7001)])
        #expect(compiled.proxy("workload:targetGroups/green#0")?.listeners.first?.port == 7000)
    }

    @Test("tells targets who called: VPC, network, service and group")
    func identity() throws {
        let proxy = try #require(compile(Self.shop()).proxy("mall/vpc-1"))
        let dialect = try #require(proxy.listeners.first?.dialect)
        #expect(
            dialect.requestHeaders == [
                .init(
                    name: "x-amzn-lattice-network", value: "SourceVpcArn=arn:aws:ec2:us-east-1:000000000000:vpc/vpc-1")
            ])
        var plain = dialect
        plain.requestHeaders = []
        #expect(plain == .lattice)
        let header = try #require(proxy.cluster("blue")?.requestHeaders.first)
        #expect(header.name == "x-amzn-lattice-target")
        #expect(
            header.value
                == "ServiceArn=\(LatticeNames.serviceARN("shop"));ServiceNetworkArn=\(LatticeNames.networkARN("mall"));TargetGroupArn=\(LatticeNames.targetGroupARN("blue"))"
        )
    }

    typealias Example = (change: @Sendable (inout Definitions) -> Void, code: String, field: String)

    static let examples: [Example] = [
        (
            { $0.serviceNetworks["mall"]?.authType = .awsIam }, "error unenforced-protection",
            "serviceNetwork mall / authType"
        ),
        ({ $0.services["shop"]?.authType = .awsIam }, "error unenforced-protection", "service shop / authType"),
        ({ $0.serviceNetworks["mall"]?.services = ["shp"] }, "error unknown-service", "services[0]"),
        (
            { $0.services["shop"]?.listeners["web"]?.defaultAction = forward(("bleu", nil)) },
            "error unknown-target-group", "listener web / defaultAction.forward.targetGroups[0].targetGroupIdentifier"
        ),
        (
            { $0.services["shop"]?.listeners["web"]?.defaultAction = forward(("blue", 0), ("green", 0)) },
            "warning zero-weights", "defaultAction.forward.targetGroups"
        ),
        (
            { $0.services["shop"]?.listeners["web"]?.protocol = .https }, "warning not-in-force",
            "listener web / protocol"
        ),
        ({ $0.serviceNetworks["mall"]?.vpcAssociations = [] }, "warning no-vpc", "serviceNetwork mall"),
        ({ $0.services["shop"]?.listeners = [:] }, "warning no-listener", "service shop"),
        (
            {
                $0.serviceNetworks["strip"] = ServiceNetworkDefinition(
                    services: ["shop"], vpcAssociations: [ServiceNetworkVpcAssociation(vpcIdentifier: "vpc-1")])
            }, "error vpc-has-network", "serviceNetwork strip / vpcAssociations[0].vpcIdentifier"
        ),
        (
            { $0.serviceNetworks["mall"]?.vpcAssociations[0].securityGroupIds = ["sg-1"] }, "note not-in-force",
            "vpcAssociations[0].securityGroupIds"
        ),
        (
            {
                $0.services["other"] = $0.services["shop"]
                $0.services["other"]?.customDomainName = nil
                $0.serviceNetworks["mall"]?.services = ["shop", "other"]
            }, "error shared-target-group",
            "service shop / listener web / rule first / action.forward.targetGroups[0].targetGroupIdentifier"
        ),
        (
            { $0.targetGroups["blue"]?.targets = [] }, "warning no-targets", "targetGroup blue"
        ),
        (
            {
                $0.services["other"] = LatticeServiceDefinition(listeners: [
                    "web": LatticeListenerDefinition(
                        protocol: .http, defaultAction: .fixedResponse(FixedResponseAction(statusCode: 404)))
                ])
            }, "warning no-network", "service other"
        ),
        (
            {
                $0.serviceNetworks["strip"] = ServiceNetworkDefinition(
                    vpcAssociations: [ServiceNetworkVpcAssociation(vpcIdentifier: "vpc-2")])
            }, "warning no-services", "serviceNetwork strip"
        ),
        // The VPC's own address and port, here the one behind the privileged port, and the default port of the group.
        (
            {
                $0.local.vpcs["vpc-1"] = VpcPlacement(address: "127.0.0.40")
                $0.targetGroups["blue"]?.targets[1].id = "127.0.0.40"
                $0.targetGroups["blue"]?.targets[1].port = nil
            }, "error own-listener", "targetGroup blue / targets[1]"
        ),
        (
            {
                $0.local.vpcs["vpc-1"] = VpcPlacement(address: "127.0.0.40")
                $0.targetGroups["blue"]?.targets[0] = LatticeTarget(id: "127.0.0.40", port: 80)
            }, "error own-listener", "targetGroup blue / targets[0]"
        ),
        ({ $0.targetGroups["blue"]?.targets[0].id = "i-1" }, "error bad-target", "targets[0].id"),
        ({ $0.targetGroups["blue"]?.config?.protocol = .https }, "warning not-in-force", "config.protocol"),
        (
            { $0.targetGroups["blue"]?.config?.protocolVersion = .grpc }, "warning not-in-force",
            "config.protocolVersion"
        ),
        (
            { $0.targetGroups["blue"]?.config?.healthCheck = HealthCheckConfig() }, "warning not-in-force",
            "config.healthCheck"
        ),
        (
            { $0.targetGroups["lambda"] = TargetGroupDefinition(type: .lambda) }, "warning not-in-force",
            "targetGroup lambda / type"
        ),
        ({ $0.local.targetGroups = [:] }, "warning not-in-force", "targetGroup green / type"),
        (
            {
                $0.services["shop"]?.listeners["web"]?.rules["later"]?.match = .httpMatch(
                    LatticeHttpMatch(
                        method: "PURGE", pathMatch: .init(match: .exact("/cart/1")),
                        headerMatches: [
                            .init(name: "x-tier", match: .contains("gold")),
                            .init(name: "x-case", match: .exact("A"), caseSensitive: true),
                        ]))
            }, "warning unreachable-route", "rule later"
        ),
    ]

    @Test("is refused or doubted", arguments: examples.indices)
    func finding(index: Int) throws {
        let example = Self.examples[index]
        var definitions = Self.shop()
        example.change(&definitions)
        let compiled = compile(definitions)
        #expect(Set(compiled.codes) == [example.code])
        #expect(try #require(compiled.diagnostics.first).path.hasSuffix(example.field))
        #expect(compiled.blocksRun == example.code.hasPrefix("error"))
    }

    @Test("answers 503 for a share whose group is not in force, and gives it to nobody else")
    func emptyGroup() throws {
        var definitions = Self.shop()
        definitions.local.targetGroups = [:]
        let proxy = try #require(compile(definitions).proxy("mall/vpc-1"))
        #expect(proxy.cluster("green")?.endpoints == [])
        #expect(proxy.backends(proxy.virtualHost("shop/web")?.routes.first) == ["blue 3", "green 100"])
        definitions = Self.shop()
        definitions.services["shop"]?.listeners["web"]?.defaultAction = Self.forward(("blue", 0), ("green", 0))
        let zero = try #require(compile(definitions).proxy("mall/vpc-1"))
        #expect(zero.virtualHost("shop/web")?.routes.last?.action == .fixedResponse(status: 503, body: ""))
    }

    @Test("understands identifiers and ARNs in place of names, and wildcard domains")
    func references() throws {
        var definitions = Self.shop()
        definitions.serviceNetworks["mall"]?.services = [LatticeNames.serviceARN("shop")]
        definitions.services["shop"]?.customDomainName = "*.example.com"
        definitions.services["shop"]?.idleTimeoutSeconds = 120
        definitions.services["shop"]?.listeners["web"]?.defaultAction = Self.forward(
            ("tg-\(LatticeNames.digits("targetGroup", "blue"))", 0))
        let proxy = try #require(compile(definitions).proxy("mall/vpc-1"))
        #expect(proxy.hosts("network_80").first == "*.example.com -> shop/web")
        let route = try #require(proxy.virtualHost("shop/web")?.routes.last)
        #expect(proxy.backends(route) == ["blue 100"])
        #expect(route.timeouts.idle.value == .seconds(120))
    }

    @Test("opens every port of its services, in every VPC")
    func ports() throws {
        var definitions = Self.shop()
        definitions.services["shop"]?.listeners["alt"] = LatticeListenerDefinition(
            protocol: .http, defaultAction: .fixedResponse(FixedResponseAction(statusCode: 500)), port: 8081)
        definitions.serviceNetworks["mall"]?.vpcAssociations.append(
            ServiceNetworkVpcAssociation(vpcIdentifier: "vpc-2"))
        definitions.local.vpcs["vpc-2"] = VpcPlacement(address: "127.0.0.99")
        let compiled = compile(definitions)
        #expect(compiled.codes == [])
        let second = try #require(compiled.proxy("mall/vpc-2"))
        #expect(second.listeners.map(\.name) == ["network_80", "network_8081"])
        #expect(second.listener("network_8081")?.addresses == ["127.0.0.99:8081"])
        #expect(compiled.proxy("mall/vpc-1")?.listeners.count == 2)
    }
}
