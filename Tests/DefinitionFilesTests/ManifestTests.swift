// What belongs together in manifests: meshes and gateways by selectors, names by default, backend groups, files of one set.

import Definitions
import Foundation
import Testing

@testable import DefinitionFiles

@Suite struct ManifestTests {
    private static func object(
        _ kind: String, _ name: String, in namespace: String? = "web", _ spec: String = "{}", labels: String = "{}"
    ) -> String {
        let place = namespace.map { ", namespace: \($0)" } ?? ""
        return "---\napiVersion: appmesh.k8s.aws/v1beta2\nkind: \(kind)\n"
            + "metadata: { name: \(name)\(place), labels: \(labels) }\nspec: \(spec)\n"
    }

    private static func namespace(_ name: String, _ labels: String) -> String {
        "---\napiVersion: v1\nkind: Namespace\nmetadata: { name: \(name), labels: \(labels) }\n"
    }

    private static func mesh(_ name: String, _ selector: String? = nil) -> String {
        object("Mesh", name, in: nil, selector.map { "{ namespaceSelector: \($0) }" } ?? "{}")
    }

    private static func load(_ documents: String...) -> LoadedDefinitions {
        DefinitionLoader.load(text: documents.joined(), name: "m.yaml")
    }

    @Test func `names resources after their objects and namespaces`() throws {
        let loaded = Self.load(
            Self.mesh("m"), Self.object("VirtualNode", "a"), Self.object("VirtualNode", "a", in: nil),
            Self.object("VirtualNode", "b", "{ awsName: own }"), Self.object("VirtualNode", "c", "{ awsName: '' }"),
            Self.object("VirtualService", "a"), Self.object("VirtualService", "b", "{ awsName: b.svc.cluster.local }"),
            Self.object("VirtualRouter", "a"), Self.object("VirtualGateway", "a", "{ listeners: [] }"))
        #expect(loaded.diagnostics == [])
        let mesh = try #require(loaded.definitions.meshes["m"])
        #expect(mesh.virtualNodes.keys.sorted() == ["a_default", "a_web", "c_web", "own"])
        #expect(mesh.virtualServices.keys.sorted() == ["a.web", "b.svc.cluster.local"])
        #expect(mesh.virtualRouters.keys.sorted() == ["a_web"])
        #expect(mesh.virtualGateways.keys.sorted() == ["a_web"])
    }

    @Test func `calls a mesh by its AWS name and finds it by its own`() {
        let loaded = Self.load(
            Self.object("Mesh", "m", in: nil, "{ awsName: shop, meshOwner: 111122223333 }"), Self.mesh("n"),
            Self.object("VirtualNode", "a", "{ meshRef: { name: m, uid: 1-2-3 } }"))
        #expect(loaded.diagnostics == [])
        #expect(loaded.definitions.meshes["shop"]?.virtualNodes.count == 1)
    }

    @Test(arguments: [
        ("{ matchLabels: { mesh: one } }", true), ("{ matchLabels: { mesh: two } }", false), ("{}", true),
        ("{ matchLabels: { mesh: one, tier: gold } }", true), ("{ matchLabels: { mesh: one, tier: tin } }", false),
        ("{ matchExpressions: [{ key: mesh, operator: In, values: [one, two] }] }", true),
        ("{ matchExpressions: [{ key: mesh, operator: NotIn, values: [one] }] }", false),
        ("{ matchExpressions: [{ key: zone, operator: NotIn, values: [one] }] }", true),
        ("{ matchExpressions: [{ key: zone, operator: In, values: [one] }] }", false),
        ("{ matchExpressions: [{ key: mesh, operator: Exists }] }", true),
        ("{ matchExpressions: [{ key: zone, operator: Exists }] }", false),
        ("{ matchExpressions: [{ key: zone, operator: DoesNotExist }] }", true),
        ("{ matchExpressions: [{ key: mesh, operator: DoesNotExist }] }", false),
        ("{ matchLabels: { mesh: one }, matchExpressions: [{ key: tier, operator: In, values: [tin] }] }", false),
    ])
    func `takes the mesh that selects the labels of the namespace`(selector: String, isSelected: Bool) {
        let loaded = Self.load(
            Self.mesh("m", selector), Self.mesh("other"), Self.namespace("web", "{ mesh: one, tier: gold }"),
            Self.object("VirtualNode", "a"))
        #expect(loaded.diagnostics.map(\.code) == (isSelected ? [] : ["unknown-mesh"]))
        #expect(loaded.definitions.meshes["m"]?.virtualNodes.count == (isSelected ? 1 : 0))
    }

    @Test func `needs no labels for a single mesh`() {
        let loaded = Self.load(
            Self.mesh("m", "{ matchLabels: { mesh: one } }"), Self.namespace("web", "{ mesh: two }"),
            Self.object("VirtualNode", "a"), Self.object("VirtualNode", "b", in: "elsewhere"))
        #expect(loaded.diagnostics == [])
        #expect(loaded.definitions.meshes["m"]?.virtualNodes.count == 2)
    }

    @Test func `does not guess when two meshes select a namespace`() {
        let loaded = Self.load(
            Self.mesh("m", "{}"), Self.mesh("n", "{}"), Self.namespace("web", "{}"), Self.object("VirtualNode", "a"))
        #expect(loaded.diagnostics.map(\.code) == ["unknown-mesh"])
    }

    @Test func `takes the mesh of another format or of an import list if manifests have none`() throws {
        let node = Self.object("VirtualNode", "a")
        let native = Self.load("mesh: m\nvirtualNodes: { b: {} }\n", node)
        #expect(native.diagnostics == [])
        #expect(native.definitions.meshes["m"]?.virtualNodes.keys.sorted() == ["a_web", "b"])
        let folder = try TemporaryFolder([
            "list.yaml": "mesh: m\nimports: [{ file: nodes.yaml }, { file: more.yaml, mesh: n }]\n", "nodes.yaml": node,
            "more.yaml": Self.object("VirtualNode", "b", in: "x"),
        ])
        let imported = DefinitionLoader.load(paths: [folder.path])
        #expect(imported.diagnostics == [])
        #expect(imported.definitions.meshes["m"]?.virtualNodes.keys.sorted() == ["a_web"])
        #expect(imported.definitions.meshes["n"]?.virtualNodes.keys.sorted() == ["b_x"])
    }

    private static let route =
        "{ httpRoute: { match: { prefix: / }, action: { target: { virtualService: { virtualServiceRef: { name: s, namespace: web } } } } } }"

    private static func gateway(_ name: String, _ selectors: String) -> String {
        object("VirtualGateway", name, "{ listeners: [{ portMapping: { port: 1, protocol: http } }]\(selectors) }")
    }

    @Test func `puts a gateway route under the gateway that selects it`() throws {
        let loaded = Self.load(
            Self.mesh("m"), Self.object("VirtualService", "s"), Self.namespace("one", "{ gateway: a }"),
            Self.namespace("two", "{ gateway: b }"),
            Self.gateway("a", ", namespaceSelector: { matchLabels: { gateway: a } }"),
            Self.gateway("b", ", namespaceSelector: { matchLabels: { gateway: b } }"),
            Self.gateway(
                "c",
                ", namespaceSelector: { matchLabels: { gateway: b } }, gatewayRouteSelector: { matchLabels: { to: c } }"
            ),
            Self.object("GatewayRoute", "first", in: "one", Self.route),
            Self.object("GatewayRoute", "second", in: "two", Self.route),
            Self.object("GatewayRoute", "third", in: "one", Self.route, labels: "{ to: c }"))
        #expect(loaded.diagnostics == [])
        let gateways = try #require(loaded.definitions.meshes["m"]?.virtualGateways)
        #expect(gateways["a_web"]?.gatewayRoutes.keys.sorted() == ["first_one", "third_one"])
        #expect(gateways["b_web"]?.gatewayRoutes.keys.sorted() == ["second_two"])
        #expect(gateways["c_web"]?.gatewayRoutes.isEmpty == true)
    }

    @Test func `puts a gateway route under the only gateway, unless its selectors speak against it`() {
        let others = [Self.mesh("m"), Self.object("VirtualService", "s"), Self.object("GatewayRoute", "r", Self.route)]
        let selectors = [
            ("", true), (", namespaceSelector: { matchLabels: { a: b } }", true),
            (", gatewayRouteSelector: { matchLabels: { a: b } }", false), (", gatewayRouteSelector: {}", true),
        ]
        for (selector, isTaken) in selectors {
            let loaded = DefinitionLoader.load(text: (others + [Self.gateway("g", selector)]).joined(), name: "m.yaml")
            #expect(loaded.diagnostics.map(\.code) == (isTaken ? [] : ["unknown-gateway"]), "\(selector)")
        }
    }

    @Test func `expands backend groups after own backends, each service once`() throws {
        let loaded = Self.load(
            Self.mesh("m"), Self.object("VirtualService", "a"), Self.object("VirtualService", "b"),
            Self.object("VirtualService", "c", in: "far"), Self.object("VirtualService", "d", in: "far"),
            Self.object(
                "BackendGroup", "g", in: "far", "{ virtualservices: [{ name: c }, { name: a, namespace: web }] }"),
            Self.object("BackendGroup", "empty", "{}"),
            Self.object(
                "VirtualNode", "n",
                """
                { backends: [{ virtualService: { virtualServiceRef: { name: a } } }],
                  backendGroups: [{ name: g, namespace: far }, { name: "*" }, { name: empty }] }
                """), Self.object("VirtualNode", "all", "{ backendGroups: [{ name: '*', namespace: far }] }"))
        #expect(loaded.diagnostics == [])
        let nodes = try #require(loaded.definitions.meshes["m"]?.virtualNodes)
        let backends = nodes.mapValues { node in
            (node.backends ?? []).map { backend in
                switch backend {
                case .virtualService(let service): service.virtualServiceName
                }
            }
        }
        #expect(backends == ["n_web": ["a.web", "c.far", "b.web"], "all_web": ["c.far", "d.far"]])
    }

    @Test func `reads a list of objects, with their status, as kubectl prints it`() {
        let text = """
            { "apiVersion": "v1", "kind": "List", "items": [
                { "apiVersion": "appmesh.k8s.aws/v1beta2", "kind": "Mesh", "metadata": { "name": "m", "uid": "1" }, "status": {} },
                { "apiVersion": "v1", "kind": "Service", "metadata": { "name": "a" } },
                { "apiVersion": "appmesh.k8s.aws/v1beta2", "kind": "VirtualNode", "metadata": { "name": "a", "namespace": "b" },
                  "spec": { "awsName": "a_b", "meshRef": { "name": "m", "uid": "1" } }, "status": { "conditions": [] } } ] }
            """
        let loaded = DefinitionLoader.load(text: text, name: "m.json")
        #expect(loaded.diagnostics.map(\.message) == ["skipped 1 object of 1 other kind: Service (1)"])
        #expect(loaded.definitions.meshes["m"]?.virtualNodes.keys.sorted() == ["a_b"])
    }

    @Test func `asks only for placeholders in objects that it reads`() {
        let text = """
            apiVersion: apps/v1
            kind: Deployment
            metadata: { name: "${APP}" }
            ---
            apiVersion: appmesh.k8s.aws/v1beta2
            kind: Mesh
            metadata: { name: "${MESH}" }
            """
        let loaded = DefinitionLoader.load(text: text, name: "m.yaml")
        #expect(loaded.diagnostics.map(\.code) == ["skipped-objects", "unknown-variable"])
        let filled = DefinitionLoader.load(text: text, name: "m.yaml", variables: ["MESH": "m"])
        #expect(filled.diagnostics.map(\.code) == ["skipped-objects"])
        #expect(filled.definitions.meshes.keys.sorted() == ["m"])
    }

    @Test func `places the nodes of manifests and templates like any other`() {
        let local = "---\nmesh: m\nlocal: { nodes: { a_web: { app: 127.0.0.1:9000 } } }\n"
        let loaded = Self.load(Self.mesh("m"), Self.object("VirtualNode", "a"), local)
        #expect(loaded.diagnostics == [])
        #expect(loaded.definitions.local.meshes["m"]?.nodes["a_web"]?.instances.count == 1)
    }
}
