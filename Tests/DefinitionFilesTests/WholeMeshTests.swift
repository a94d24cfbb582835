// One mesh, written by hand as each format's users write it.

import DefinitionFiles
import Definitions
import Foundation
import Testing

@Suite struct WholeMeshTests {
    static let native = """
        mesh: { shop: { egressFilter: { type: ALLOW_ALL }, serviceDiscovery: { ipPreference: IPv4_PREFERRED } } }
        virtualGateways:
          front_web:
            listeners: [{ portMapping: { port: 8080, protocol: http }, tls: { mode: STRICT, certificate: { acm: { certificateArn: "arn:aws:acm:eu-west-1:111111111111:certificate/1" } } } }]
            gatewayRoutes:
              all_web: { priority: 5, httpRoute: { match: { prefix: / }, action: { target: { virtualService: { virtualServiceName: color.web } } } } }
        virtualServices:
          color.web: { provider: { virtualRouter: { virtualRouterName: colors_web } } }
          tint.web: { provider: { virtualNode: { virtualNodeName: green_web } } }
        virtualRouters:
          colors_web:
            listeners: [{ portMapping: { port: 8080, protocol: http } }]
            routes:
              canary:
                priority: 10
                httpRoute:
                  match: { prefix: /, headers: [{ name: x-color, match: { exact: blue } }] }
                  retryPolicy: { maxRetries: 2, perRetryTimeout: { unit: ms, value: 2000 }, httpRetryEvents: [server-error] }
                  action: { weightedTargets: [{ virtualNode: blue_web, weight: 90 }, { virtualNode: green_web, weight: 10, port: 8080 }] }
        virtualNodes:
          blue_web:
            listeners:
              - portMapping: { port: 8080, protocol: http }
                healthCheck: { protocol: http, path: /ping, healthyThreshold: 2, unhealthyThreshold: 2, timeoutMillis: 2000, intervalMillis: 5000 }
                connectionPool: { http: { maxConnections: 100 } }
            backendDefaults: { clientPolicy: { tls: { validation: { trust: { acm: { certificateAuthorityArns: ["arn:aws:acm-pca:eu-west-1:111111111111:certificate-authority/1"] } } } } } }
            backends: [{ virtualService: { virtualServiceName: tint.web } }]
            serviceDiscovery: { dns: { hostname: blue.web.local } }
          green_web:
            listeners: [{ portMapping: { port: 8080, protocol: http } }]
            serviceDiscovery: { awsCloudMap: { namespaceName: web.local, serviceName: green, attributes: [{ key: color, value: green }] } }
        """

    static let inputs = [
        #"{ "meshName": "shop", "spec": { "egressFilter": { "type": "ALLOW_ALL" }, "serviceDiscovery": { "ipPreference": "IPv4_PREFERRED" } } }"#,
        #"{ "meshName": "shop", "virtualGatewayName": "front_web", "spec": { "listeners": [{ "portMapping": { "port": 8080, "protocol": "http" }, "tls": { "mode": "STRICT", "certificate": { "acm": { "certificateArn": "arn:aws:acm:eu-west-1:111111111111:certificate/1" } } } }] } }"#,
        #"{ "meshName": "shop", "virtualGatewayName": "front_web", "gatewayRouteName": "all_web", "spec": { "priority": 5, "httpRoute": { "match": { "prefix": "/" }, "action": { "target": { "virtualService": { "virtualServiceName": "color.web" } } } } } }"#,
        #"{ "meshName": "shop", "virtualServiceName": "color.web", "spec": { "provider": { "virtualRouter": { "virtualRouterName": "colors_web" } } } }"#,
        #"{ "meshName": "shop", "virtualServiceName": "tint.web", "spec": { "provider": { "virtualNode": { "virtualNodeName": "green_web" } } } }"#,
        #"{ "meshName": "shop", "virtualRouterName": "colors_web", "spec": { "listeners": [{ "portMapping": { "port": 8080, "protocol": "http" } }] } }"#,
        #"{ "meshName": "shop", "virtualRouterName": "colors_web", "routeName": "canary", "spec": { "priority": 10, "httpRoute": { "match": { "prefix": "/", "headers": [{ "name": "x-color", "match": { "exact": "blue" } }] }, "retryPolicy": { "maxRetries": 2, "perRetryTimeout": { "unit": "ms", "value": 2000 }, "httpRetryEvents": ["server-error"] }, "action": { "weightedTargets": [{ "virtualNode": "blue_web", "weight": 90 }, { "virtualNode": "green_web", "weight": 10, "port": 8080 }] } } } }"#,
        #"{ "meshName": "shop", "virtualNodeName": "blue_web", "spec": { "listeners": [{ "portMapping": { "port": 8080, "protocol": "http" }, "healthCheck": { "protocol": "http", "path": "/ping", "healthyThreshold": 2, "unhealthyThreshold": 2, "timeoutMillis": 2000, "intervalMillis": 5000 }, "connectionPool": { "http": { "maxConnections": 100 } } }], "backendDefaults": { "clientPolicy": { "tls": { "validation": { "trust": { "acm": { "certificateAuthorityArns": ["arn:aws:acm-pca:eu-west-1:111111111111:certificate-authority/1"] } } } } } }, "backends": [{ "virtualService": { "virtualServiceName": "tint.web" } }], "serviceDiscovery": { "dns": { "hostname": "blue.web.local" } } } }"#,
        #"{ "meshName": "shop", "virtualNodeName": "green_web", "spec": { "listeners": [{ "portMapping": { "port": 8080, "protocol": "http" } }], "serviceDiscovery": { "awsCloudMap": { "namespaceName": "web.local", "serviceName": "green", "attributes": [{ "key": "color", "value": "green" }] } } } }"#,
    ]

    static let template = """
        AWSTemplateFormatVersion: 2010-09-09
        Description: A shop
        Parameters:
          Domain: { Type: String, Default: local }
          Stage: { Type: String, Default: prod, AllowedValues: [prod, test] }
          Port: { Type: Number, Default: 8080 }
          Share: { Type: Number, Default: "90" }
        Mappings:
          Checks:
            prod: { Interval: 5000, Events: [server-error] }
            test: { Interval: 9000, Events: [client-error] }
        Conditions:
          IsTest: !Equals [!Ref Stage, test]
          IsProd: !Not [!Condition IsTest]
        Resources:
          Vpc: { Type: AWS::EC2::VPC, Properties: { CidrBlock: !Select [0, !Cidr [10.0.0.0/8, 2, 8]] } }
          Mesh:
            Type: AWS::AppMesh::Mesh
            Properties:
              MeshName: shop
              Spec: { EgressFilter: { Type: ALLOW_ALL }, ServiceDiscovery: { IpPreference: IPv4_PREFERRED } }
          Front:
            Type: AWS::AppMesh::VirtualGateway
            Properties:
              MeshName: !GetAtt Mesh.MeshName
              VirtualGatewayName: front_web
              Spec:
                Listeners:
                  - PortMapping: { Port: !Ref Port, Protocol: http }
                    TLS: { Mode: STRICT, Certificate: { ACM: { CertificateArn: !Sub "arn:${AWS::Partition}:acm:${AWS::Region}:${AWS::AccountId}:certificate/1" } } }
          All:
            Type: AWS::AppMesh::GatewayRoute
            DependsOn: [Front]
            Properties:
              MeshName: !GetAtt Front.MeshName
              VirtualGatewayName: !GetAtt Front.VirtualGatewayName
              GatewayRouteName: all_web
              Spec: { Priority: 5, HttpRoute: { Match: { Prefix: / }, Action: { Target: { VirtualService: { VirtualServiceName: !GetAtt Color.VirtualServiceName } } } } }
          Color:
            Type: AWS::AppMesh::VirtualService
            Properties: { MeshName: shop, VirtualServiceName: color.web, Spec: { Provider: { VirtualRouter: { VirtualRouterName: !GetAtt Colors.VirtualRouterName } } } }
          Tint:
            Type: AWS::AppMesh::VirtualService
            Properties: { MeshName: shop, VirtualServiceName: tint.web, Spec: { Provider: { VirtualNode: { VirtualNodeName: !GetAtt [Green, VirtualNodeName] } } } }
          Colors:
            Type: AWS::AppMesh::VirtualRouter
            Properties: { MeshName: shop, VirtualRouterName: !Join [_, [colors, web]], Spec: { Listeners: [{ PortMapping: { Port: !Ref Port, Protocol: http } }] } }
          Canary:
            Type: AWS::AppMesh::Route
            Properties:
              MeshName: shop
              VirtualRouterName: colors_web
              RouteName: canary
              Spec:
                Priority: 10
                HttpRoute:
                  Match: { Prefix: /, Headers: [{ Name: x-color, Match: { Exact: blue } }], Scheme: !Ref AWS::NoValue }
                  RetryPolicy: { MaxRetries: 2, PerRetryTimeout: { Unit: ms, Value: 2000 }, HttpRetryEvents: !FindInMap [Checks, !Ref Stage, Events] }
                  Action:
                    WeightedTargets:
                      - { VirtualNode: !GetAtt Blue.VirtualNodeName, Weight: !Ref Share }
                      - { VirtualNode: !Select [1, !Split [",", "red_web,green_web"]], Weight: 10, Port: 8080 }
                      - !If [IsTest, { VirtualNode: red_web, Weight: 1 }, !Ref AWS::NoValue]
          Blue:
            Type: AWS::AppMesh::VirtualNode
            Condition: IsProd
            Properties:
              MeshName: shop
              VirtualNodeName: blue_web
              Spec:
                Listeners:
                  - PortMapping: { Port: 8080, Protocol: http }
                    HealthCheck: { Protocol: http, Path: /ping, HealthyThreshold: 2, UnhealthyThreshold: 2, TimeoutMillis: 2000, IntervalMillis: !FindInMap [Checks, prod, Interval] }
                    ConnectionPool: { HTTP: { MaxConnections: 100 } }
                BackendDefaults: { ClientPolicy: { TLS: { Validation: { Trust: { ACM: { CertificateAuthorityArns: [!Sub ["arn:aws:acm-pca:${AWS::Region}:${AWS::AccountId}:${Kind}/1", { Kind: certificate-authority }]] } } } } } }
                Backends: [{ VirtualService: { VirtualServiceName: tint.web } }]
                ServiceDiscovery: { DNS: { Hostname: !Sub "blue.web.${Domain}" } }
          Green:
            Type: AWS::AppMesh::VirtualNode
            Properties:
              MeshName: shop
              VirtualNodeName: green_web
              Tags: [{ Key: a, Value: b }]
              Spec:
                Listeners: [{ PortMapping: { Port: 8080, Protocol: http } }]
                ServiceDiscovery: { AWSCloudMap: { NamespaceName: !Join [".", [web, !Ref Domain]], ServiceName: green, Attributes: [{ Key: color, Value: green }] } }
          Unused: { Type: AWS::AppMesh::VirtualNode, Condition: IsTest, Properties: { MeshName: shop, VirtualNodeName: red_web, Spec: {} } }
        Outputs:
          Name: { Value: !Ref Vpc, Export: { Name: !Sub "${Nobody}" } }
        """

    static let manifests = """
        apiVersion: appmesh.k8s.aws/v1beta2
        kind: Mesh
        metadata: { name: shop }
        spec: { namespaceSelector: { matchLabels: { mesh: shop } }, egressFilter: { type: ALLOW_ALL }, meshServiceDiscovery: { ipPreference: IPv4_PREFERRED } }
        ---
        apiVersion: appmesh.k8s.aws/v1beta2
        kind: VirtualGateway
        metadata: { name: front, namespace: web }
        spec:
          namespaceSelector: { matchLabels: { gateway: front } }
          podSelector: { matchLabels: { app: front } }
          listeners: [{ portMapping: { port: 8080, protocol: http }, tls: { mode: STRICT, certificate: { acm: { certificateARN: "arn:aws:acm:eu-west-1:111111111111:certificate/1" } } } }]
        ---
        apiVersion: appmesh.k8s.aws/v1beta2
        kind: GatewayRoute
        metadata: { name: all, namespace: web }
        spec: { priority: 5, httpRoute: { match: { prefix: / }, action: { target: { virtualService: { virtualServiceRef: { name: color } } } } } }
        ---
        apiVersion: appmesh.k8s.aws/v1beta2
        kind: VirtualService
        metadata: { name: color, namespace: web }
        spec: { provider: { virtualRouter: { virtualRouterRef: { name: colors } } } }
        ---
        apiVersion: appmesh.k8s.aws/v1beta2
        kind: VirtualService
        metadata: { name: tinting, namespace: web }
        spec: { awsName: tint.web, provider: { virtualNode: { virtualNodeRef: { name: green, namespace: web } } } }
        ---
        apiVersion: appmesh.k8s.aws/v1beta2
        kind: VirtualRouter
        metadata: { name: colors, namespace: web }
        spec:
          listeners: [{ portMapping: { port: 8080, protocol: http } }]
          routes:
            - name: canary
              priority: 10
              httpRoute:
                match: { prefix: /, headers: [{ name: x-color, match: { exact: blue } }], method: }
                retryPolicy: { maxRetries: 2, perRetryTimeout: { unit: ms, value: 2000 }, httpRetryEvents: [server-error] }
                action:
                  weightedTargets:
                    - { virtualNodeRef: { name: blue }, weight: 90 }
                    - { virtualNodeARN: "arn:aws:appmesh:eu-west-1:111111111111:mesh/shop/virtualNode/green_web", weight: 10, port: 8080 }
        ---
        apiVersion: appmesh.k8s.aws/v1beta2
        kind: VirtualNode
        metadata: { name: blue, namespace: web }
        spec:
          podSelector: { matchLabels: { app: blue } }
          listeners:
            - portMapping: { port: 8080, protocol: http }
              healthCheck: { protocol: http, path: /ping, healthyThreshold: 2, unhealthyThreshold: 2, timeoutMillis: 2000, intervalMillis: 5000 }
              connectionPool: { http: { maxConnections: 100 } }
          backendDefaults: { clientPolicy: { tls: { validation: { trust: { acm: { certificateAuthorityARNs: ["arn:aws:acm-pca:eu-west-1:111111111111:certificate-authority/1"] } } } } } }
          backendGroups: [{ name: tints }]
          serviceDiscovery: { dns: { hostname: blue.web.local } }
        ---
        apiVersion: appmesh.k8s.aws/v1beta2
        kind: BackendGroup
        metadata: { name: tints, namespace: web }
        spec: { virtualservices: [{ name: tinting, namespace: web }] }
        ---
        apiVersion: appmesh.k8s.aws/v1beta2
        kind: VirtualNode
        metadata: { name: green, namespace: web }
        spec:
          listeners: [{ portMapping: { port: 8080, protocol: http } }]
          serviceDiscovery: { awsCloudMap: { namespaceName: web.local, serviceName: green, attributes: [{ key: color, value: green }] } }
        """

    static let variables = ["AWS::Region": "eu-west-1", "AWS::AccountId": "111111111111"]

    static let expected = DefinitionLoader.load(text: native, name: "shop.yaml")

    @Test func `is without a finding in the native format`() {
        #expect(Self.expected.diagnostics == [])
        #expect(Self.expected.definitions.meshes["shop"]?.virtualNodes.count == 2)
    }

    @Test func `is the same as AWS CLI inputs`() throws {
        let files = Dictionary(uniqueKeysWithValues: Self.inputs.enumerated().map { ("\($0.offset).json", $0.element) })
        let folder = try TemporaryFolder(files)
        let loaded = DefinitionLoader.load(paths: [folder.path])
        #expect(loaded.diagnostics == [])
        #expect(loaded.definitions == Self.expected.definitions)
    }

    @Test func `is the same as a template`() {
        let loaded = DefinitionLoader.load(text: Self.template, name: "shop.yaml", variables: Self.variables)
        #expect(loaded.diagnostics.map(\.message) == ["skipped 1 resource of 1 other kind: AWS::EC2::VPC (1)"])
        #expect(loaded.definitions == Self.expected.definitions)
    }

    @Test func `is the same as a template with the long forms of JSON`() {
        let loaded = DefinitionLoader.load(
            text: Self.longForms(of: Self.template), name: "shop.json", variables: Self.variables)
        #expect(loaded.diagnostics.map(\.severity) == [.note])
        #expect(loaded.definitions == Self.expected.definitions)
    }

    @Test func `is the same as manifests`() {
        let loaded = DefinitionLoader.load(text: Self.manifests, name: "shop.yaml")
        #expect(loaded.diagnostics == [])
        #expect(loaded.definitions == Self.expected.definitions)
    }

    @Test func `is the same as manifests in a file each, in any order`() throws {
        let documents = Self.manifests.components(separatedBy: "---\n").reversed().enumerated()
        let files = Dictionary(uniqueKeysWithValues: documents.map { ("\($0.offset).yaml", $0.element) })
        let folder = try TemporaryFolder(files)
        let loaded = DefinitionLoader.load(paths: [folder.path])
        #expect(loaded.diagnostics == [])
        #expect(loaded.definitions == Self.expected.definitions)
    }

    @Test(arguments: ["cloudformation", "kubernetes"])
    func `is the same in the examples of this repository`(format: String) {
        let folder = URL(fileURLWithPath: #filePath + "/../../../Configs").standardizedFileURL.path
        let colors = DefinitionLoader.load(paths: ["\(folder)/colors"])
        let imported = DefinitionLoader.load(paths: ["\(folder)/imports/\(format)"])
        #expect(imported.diagnostics.map(\.severity) == [.note])
        #expect(imported.definitions.meshes == colors.definitions.meshes)
        #expect(colors.definitions.meshes["colors"]?.virtualNodes.count == 2)
    }

    @Test func `stands at the template's places`() {
        let sources = DefinitionLoader.load(text: Self.template, name: "s.yaml", variables: Self.variables).sources
        let line = { (text: String) in
            Self.template.components(separatedBy: "\n").firstIndex { $0.contains(text) }.map { $0 + 1 }
        }
        let green = ResourceKey.virtualNode("green_web", mesh: "shop")
        #expect(sources.position(green)?.line == line("  Green:"))
        #expect(sources.exactPosition(green, "serviceDiscovery.awsCloudMap")?.line == line("NamespaceName: !Join"))
        let route = ResourceKey.route("canary", router: "colors_web", mesh: "shop")
        let weight = sources.exactPosition(route, "httpRoute.action.weightedTargets[0].weight")
        #expect(weight?.line == line("Weight: !Ref Share"))
    }

    /// The template as JSON, as tools write it: each function in its long form.
    private static func longForms(of template: String) -> String {
        guard let root = TemplateJSON.value(of: template) else { return "" }
        return root.json(indented: true)
    }
}
