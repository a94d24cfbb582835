// The public examples, each through its list in `corpus/`, which adds names and variables and nothing else.

import DefinitionFiles
import Definitions
import Foundation
import Testing

@Suite struct PublishedExamplesTests {
    struct Example: Sendable, CustomTestStringConvertible {
        var list: String
        var mesh: String
        var nodes: [String]
        /// With their providers.
        var services: [String: String]
        /// Routes by router.
        var routes: [String: Int] = [:]
        var gatewayRoutes: [String: Int] = [:]
        var notes: [String] = []

        var testDescription: String { list }
    }

    static let examples = [
        Example(
            list: "howto-ingress-gateway", mesh: "gateway-walkthrough",
            nodes: ["black", "blue", "red", "white"].map { "colorteller-\($0)-vn" },
            services: ["colorteller-1.local": "colorteller-vr-1", "colorteller-2.local": "colorteller-vr-2"],
            routes: ["colorteller-vr-1": 1, "colorteller-vr-2": 1], gatewayRoutes: ["colorgateway-vg": 2]),
        Example(
            list: "howto-circuit-breakers", mesh: "breakers",
            nodes: ["colorteller-black-vn", "colorteller-white-vn"],
            services: ["colorteller-1.local": "colorteller-vr-1", "colorteller-2.local": "colorteller-vr-2"],
            routes: ["colorteller-vr-1": 1, "colorteller-vr-2": 1], gatewayRoutes: ["colorgateway-vg": 1]),
        Example(
            list: "howto-mutual-tls-file-provided", mesh: "mutual-tls", nodes: ["colorteller-vn"],
            services: ["colorteller.mtls.local": "colorteller-vn"], gatewayRoutes: ["gateway-vgw": 1]),
        Example(
            list: "howto-http2", mesh: "http2-mesh",
            nodes: ["color_client", "color_server-blue", "color_server-green", "color_server-red"],
            services: ["color_server.http2.local": "virtual-router"], routes: ["virtual-router": 1]),
        Example(
            list: "howto-grpc", mesh: "grpc-mesh", nodes: ["color_client", "color_server"],
            services: ["color_server.grpc.local": "virtual-router"], routes: ["virtual-router": 1]),
        Example(
            list: "howto-http-headers", mesh: "headers",
            nodes: ["black", "blue", "front", "green", "purple", "red", "white", "yellow"].map { "\($0)-node" },
            services: ["color.headers.local": "color-router"], routes: ["color-router": 7],
            notes: ["resources"]),
        Example(
            list: "howto-http-retries", mesh: "retries", nodes: ["blue-node", "front-node"],
            services: ["color.retries.local": "color-router"], routes: ["color-router": 1], notes: ["resources"]),
        Example(
            list: "howto-timeout-policy", mesh: "timeouts", nodes: ["ColorGateway", "ColorTellerWhite"],
            services: ["colorteller.timeouts.local": "ColorTellerWhite"]),
        Example(
            list: "howto-timeout-policy-gateway", mesh: "timeouts", nodes: ["ColorTellerWhite"],
            services: ["colorteller.timeouts.local": "colorteller-vr"], routes: ["colorteller-vr": 1],
            gatewayRoutes: ["publicgateway-vg": 1]),
        Example(
            list: "howto-outlier-detection", mesh: "outliers", nodes: ["color-node", "front-node"],
            services: ["color.outliers.local": "color-node"]),
        Example(
            list: "howto-outlier-detection-inputs", mesh: "outliers", nodes: ["color-node", "front-node"],
            services: ["color.outliers.local": "color-node"]),
        Example(
            list: "colorapp", mesh: "colorapp",
            nodes: [
                "colorgateway-vn", "colorteller-black-vn", "colorteller-blue-vn", "colorteller-red-vn",
                "colorteller-white-vn", "tcpecho-vn",
            ],
            services: ["colorteller.colorapp.local": "colorteller-vr", "tcpecho.colorapp.local": "tcpecho-vn"],
            routes: ["colorteller-vr": 1]),
        Example(
            list: "howto-k8s-http-headers", mesh: "howto-k8s-http-headers",
            nodes: ["blue", "front", "green", "red", "white", "yellow"].map { "\($0)_howto-k8s-http-headers" },
            services: ["color.howto-k8s-http-headers.svc.cluster.local": "color_howto-k8s-http-headers"],
            routes: ["color_howto-k8s-http-headers": 5], notes: ["objects"]),
        Example(
            list: "howto-k8s-retry-policy", mesh: "howto-k8s-retry-policy",
            nodes: ["blue_howto-k8s-retry-policy", "front_howto-k8s-retry-policy"],
            services: ["color.howto-k8s-retry-policy.svc.cluster.local": "color_howto-k8s-retry-policy"],
            routes: ["color_howto-k8s-retry-policy": 1], notes: ["objects"]),
    ]

    static let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent().appendingPathComponent("corpus")
        .path

    @Test(.corpus, arguments: examples)
    func `loads without a finding`(example: Example) throws {
        let corpus = try #require(Corpus.folder())
        let loaded = DefinitionLoader.load(
            paths: ["\(Self.folder)/\(example.list).yaml"], variables: ["CORPUS": corpus])
        let notes = loaded.diagnostics.filter { $0.severity == .note }
        #expect(loaded.diagnostics.filter { $0.severity != .note } == [])
        #expect(notes.map(\.code) == example.notes.map { "skipped-\($0)" })
        #expect(loaded.definitions.meshes.keys.sorted() == [example.mesh])
        let mesh = try #require(loaded.definitions.meshes[example.mesh])
        #expect(mesh.virtualNodes.keys.sorted() == example.nodes)
        #expect(mesh.virtualServices.mapValues(Self.provider) == example.services)
        #expect(mesh.virtualRouters.mapValues(\.routes.count) == example.routes)
        #expect(mesh.virtualGateways.mapValues(\.gatewayRoutes.count) == example.gatewayRoutes)
        let backends = mesh.virtualNodes.values.flatMap { $0.backends ?? [] }
        for case .virtualService(let backend) in backends {
            #expect(mesh.virtualServices[backend.virtualServiceName] != nil)
        }
        let targets = mesh.virtualRouters.values.flatMap(\.routes.values).flatMap(Self.targets)
        #expect(targets.allSatisfy { mesh.virtualNodes[$0] != nil })
    }

    @Test func `covers every list`() throws {
        let lists = try FileManager.default.contentsOfDirectory(atPath: Self.folder)
        #expect(lists.sorted() == Self.examples.map { "\($0.list).yaml" }.sorted())
    }

    @Test(.corpus) func `counts what it skips by kind`() throws {
        let corpus = try #require(Corpus.folder())
        let notes = ["howto-http-retries", "howto-k8s-retry-policy"].flatMap { list in
            DefinitionLoader.load(paths: ["\(Self.folder)/\(list).yaml"], variables: ["CORPUS": corpus]).diagnostics
        }.map(\.message)
        #expect(
            notes == [
                "skipped 17 resources of 12 other kinds: AWS::EC2::SecurityGroup (2), AWS::ECS::Service (2), "
                    + "AWS::ECS::TaskDefinition (2), AWS::IAM::Role (2), AWS::ServiceDiscovery::Service (2), "
                    + "AWS::ECS::Cluster (1), AWS::ElasticLoadBalancingV2::Listener (1), "
                    + "AWS::ElasticLoadBalancingV2::ListenerRule (1) and 4 more",
                "skipped 4 objects of 2 other kinds: Deployment (2), Service (2)",
            ])
    }

    @Test(.corpus) func `asks for what a published template leaves open, at its places`() throws {
        let corpus = try #require(Corpus.folder())
        let file = "\(corpus)/howto-timeout-policy/mesh/mesh.yaml"
        let found = DefinitionLoader.load(paths: [file]).diagnostics.filter { $0.code == "unknown-variable" }
        #expect(
            found.map { $0.suggestion }
                == ["MeshName", "CertificateAuthorityArn", "ServicesDomain", "CertificateArn"]
                .map { "give it one with `--var \($0)=VALUE`" })
        #expect(found.map { $0.position?.line } == [27, 42, 45, 75])
    }

    @Test(.corpus) func `refuses the old manifests by their version`() throws {
        let corpus = try #require(Corpus.folder())
        for example in ["howto-k8s-http-headers", "howto-k8s-retry-policy"] {
            let loaded = DefinitionLoader.load(paths: ["\(corpus)/\(example)/v1beta1/manifest.yaml.template"])
            #expect(loaded.diagnostics.filter { $0.severity == .error }.map(\.code) == ["unsupported-version"])
            #expect(loaded.definitions == Definitions())
        }
    }

    private static func provider(of service: VirtualServiceSpec) -> String {
        switch service.provider {
        case .virtualNode(let node): node.virtualNodeName
        case .virtualRouter(let router): router.virtualRouterName
        case nil: ""
        }
    }

    private static func targets(of route: RouteSpec) -> [String] {
        let http = [route.httpRoute, route.http2Route].compactMap { $0?.action.weightedTargets }
        let others = [route.grpcRoute?.action.weightedTargets, route.tcpRoute?.action.weightedTargets]
        return (http + others.compactMap { $0 }).flatMap { $0 }.map(\.virtualNode)
    }
}
