// The native format in full, and back to text.

import Definitions
import Foundation
import Testing

@testable import DefinitionFiles

@Suite struct NativeFormatTests {
    static let text = """
        mesh: { colors: { egressFilter: { type: ALLOW_ALL } } }
        virtualGateways:
          front:
            listeners: [{ portMapping: { port: 8080, protocol: http } }]
            gatewayRoutes:
              all: { httpRoute: { match: { prefix: / }, action: { target: { virtualService: { virtualServiceName: color.colors.local } } } } }
        virtualServices:
          color.colors.local: { provider: { virtualRouter: { virtualRouterName: colors } } }
          nobody.colors.local:
        virtualRouters:
          colors:
            listeners: [{ portMapping: { port: 8080, protocol: http } }]
            routes:
              canary:
                httpRoute:
                  match: { prefix: / }
                  action: { weightedTargets: [{ virtualNode: blue, weight: 90 }, { virtualNode: green, weight: 10 }] }
        virtualNodes:
          blue: &node
            listeners: [{ portMapping: { port: 8080, protocol: http } }]
            serviceDiscovery: { dns: { hostname: blue.colors.local } }
          green: { <<: *node, serviceDiscovery: { dns: { hostname: green.colors.local } } }
        local:
          discovery: definitions
          nodes:
            blue:  { instances: [{ echo: { body: blue, delay: 1.5s, jitter: 20ms, failShare: 30%, slowBody: 1024, calls: ["http://a:1/"] } }, {}] }
            green: { instances: [{ app: 127.0.0.1:9002, ingress: "[::1]:8080" }, { app: unix:/run/a.sock, address: 127.0.0.7 }], discovery: local }
            red: { endpoints: [127.0.0.1:1] }
            white:
          gateways: { front: { address: 127.0.0.9 } }
          paths: { /keys: ./keys }
          certificates: { "arn:aws:acm:a": { certificateChain: chain.pem, privateKey: /key.pem } }
          vpcs: { vpc-1: { address: 127.0.0.3 } }
        ---
        serviceNetwork: { shop-net: { vpcAssociations: [{ vpcIdentifier: vpc-1 }] } }
        services:
          shop:
            customDomainName: shop.local
            listeners:
              web:
                protocol: HTTP
                port: 8080
                defaultAction: { fixedResponse: { statusCode: 404 } }
                rules:
                  items:
                    priority: 10
                    match: { httpMatch: { method: GET, pathMatch: { match: { prefix: /items } }, headerMatches: [{ name: a, match: { contains: b }, caseSensitive: true }] } }
                    action: { forward: { targetGroups: [{ targetGroupIdentifier: items-v1, weight: 90 }, { targetGroupIdentifier: items-v2, weight: 10 }] } }
        targetGroups:
          items-v1: { type: IP, config: { port: 80, protocol: HTTP, vpcIdentifier: vpc-1, healthCheck: { path: /health, matcher: { httpCode: 200-299 } } }, targets: [{ id: 127.0.0.1, port: 9001 }] }
          items-v2: { type: LAMBDA }
        local:
          targetGroups: { items-v1: { instances: [{ echo: { name: v1 } }, { app: 127.0.0.1:9001 }] } }
        """

    static let loaded = DefinitionLoader.load(text: text, name: "conf/all.yaml")

    @Test func `reads meshes without a finding`() throws {
        #expect(Self.loaded.diagnostics == [])
        let mesh = try #require(Self.loaded.definitions.meshes["colors"])
        #expect(mesh.spec.egressFilter == EgressFilter(type: .allowAll))
        #expect(mesh.virtualServices["nobody.colors.local"] == VirtualServiceSpec())
        #expect(mesh.virtualNodes["green"]?.listeners == mesh.virtualNodes["blue"]?.listeners)
        #expect(
            mesh.virtualNodes["green"]?.serviceDiscovery == .dns(DnsServiceDiscovery(hostname: "green.colors.local")))
        let targets = mesh.virtualRouters["colors"]?.routes["canary"]?.httpRoute?.action.weightedTargets
        #expect(targets?.map(\.weight) == [90, 10])
        #expect(mesh.virtualGateways["front"]?.gatewayRoutes["all"]?.httpRoute?.match.prefix == "/")
    }

    @Test func `reads the placement`() throws {
        let local = Self.loaded.definitions.local
        let mesh = try #require(local.meshes["colors"])
        #expect(mesh.discovery == .definitions)
        let echo = EchoSettings(
            body: "blue", delay: .milliseconds(1500), jitter: .milliseconds(20), failShare: 0.3,
            slowBody: .bytesPerSecond(1024), calls: ["http://a:1/"])
        #expect(mesh.nodes["blue"]?.instances == [NodeInstance(workload: .echo(echo)), NodeInstance()])
        #expect(
            mesh.nodes["green"]
                == NodePlacement(
                    instances: [
                        NodeInstance(workload: .app(.ip("127.0.0.1", port: 9002)), ingress: .ip("::1", port: 8080)),
                        NodeInstance(workload: .app(.unix(path: "/run/a.sock")), address: "127.0.0.7"),
                    ], discovery: .local))
        #expect(mesh.nodes["red"]?.endpoints == [.ip("127.0.0.1", port: 1)])
        #expect(mesh.nodes["white"] == NodePlacement())
        #expect(mesh.gateways["front"]?.address == "127.0.0.9")
        #expect(local.paths == ["/keys": "conf/keys"])
        #expect(
            local.certificates
                == ["arn:aws:acm:a": CertificateFiles(certificateChain: "conf/chain.pem", privateKey: "/key.pem")])
        #expect(local.vpcs["vpc-1"]?.address == "127.0.0.3")
        #expect(local.targetGroups["items-v1"]?.instances.count == 2)
    }

    @Test func `reads Lattice, where a network offers the services of its document`() throws {
        let definitions = Self.loaded.definitions
        #expect(definitions.serviceNetworks["shop-net"]?.services == ["shop"])
        let listener = try #require(definitions.services["shop"]?.listeners["web"])
        #expect(listener.port == 8080)
        let rule = try #require(listener.rules["items"])
        let match = LatticeHttpMatch(
            method: "GET", pathMatch: PathMatch(match: .prefix("/items")),
            headerMatches: [HeaderMatch(name: "a", match: .contains("b"), caseSensitive: true)])
        #expect(rule.match == .httpMatch(match))
        #expect(definitions.targetGroups["items-v1"]?.targets == [LatticeTarget(id: "127.0.0.1", port: 9001)])
        #expect(definitions.targetGroups["items-v2"] == TargetGroupDefinition(type: .lambda))
    }

    @Test func `writes everything back so that it reads as equal`() {
        let text = DefinitionWriter.nativeText(Self.loaded.definitions)
        let again = DefinitionLoader.load(text: text, name: "again.yaml")
        #expect(again.diagnostics == [])
        #expect(again.definitions == Self.loaded.definitions)
    }

    @Test func `reads a placement written as one instance`() {
        let loaded = DefinitionLoader.load(
            text: "mesh: m\nlocal: { nodes: { a: { app: 127.0.0.1:80 }, b: { echo: {} }, c: { address: 127.0.0.2 } } }",
            name: "m.yaml")
        #expect(loaded.diagnostics == [])
        let nodes = loaded.definitions.local.meshes["m"]?.nodes
        #expect(nodes?["a"]?.instances == [NodeInstance(workload: .app(.ip("127.0.0.1", port: 80)))])
        #expect(nodes?["b"]?.instances == [NodeInstance(workload: .echo(EchoSettings()))])
        #expect(nodes?["c"]?.instances == [NodeInstance(address: "127.0.0.2")])
    }

    @Test(arguments: [
        ("yes", "yes"), ("0123", "0123"), ("1.0", "1.0"), ("~", "~"), ("null", "null"), ("0x1F", "0x1F"),
        ("\"quoted\"", "quoted"), ("2001-01-01", "2001-01-01"), ("'it''s'", "it's"), ("!!str 5", "5"), ("a b", "a b"),
    ])
    func `takes the source text of a scalar for a text`(source: String, text: String) throws {
        let yaml = "mesh: m\nvirtualNodes:\n  a:\n    serviceDiscovery:\n      dns:\n        hostname: \(source)\n"
        let loaded = DefinitionLoader.load(text: yaml, name: "m.yaml")
        #expect(loaded.diagnostics == [])
        #expect(
            loaded.definitions.meshes["m"]?.virtualNodes["a"]?.serviceDiscovery
                == .dns(DnsServiceDiscovery(hostname: text)))
    }
}
