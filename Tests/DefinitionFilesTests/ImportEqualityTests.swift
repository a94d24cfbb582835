// The same mesh in every format gives the same definitions: every single field of the schema by itself, and a whole mesh.

import Definitions
import Testing

@testable import DefinitionFiles

@Suite struct ImportEqualityTests {
    /// How a shape's spec stands in each format.
    struct Subject: Sendable, CustomTestStringConvertible {
        var shape: AnyShape
        var kind: ResourceKind
        var word: String

        var testDescription: String { word }

        func native(_ spec: DefinitionValue) -> DefinitionValue {
            let section: DefinitionValue.Member =
                switch kind {
                case .mesh: .init("mesh", .object([.init("m", spec)]))
                case .route:
                    .init(
                        "virtualRouters", Self.nested("p", "routes", spec))
                case .gatewayRoute:
                    .init("virtualGateways", Self.nested("p", "gatewayRoutes", spec))
                default: .init("\(kind.rawValue)s", .object([.init("x", spec)]))
                }
            return .object(kind == .mesh ? [section] : [.init("mesh", .string("m")), section])
        }

        private static func nested(_ parent: String, _ key: String, _ spec: DefinitionValue) -> DefinitionValue {
            .object([.init(parent, .object([.init(key, .object([.init("x", spec)]))]))])
        }

        func template(_ spec: DefinitionValue, _ spelling: (String) -> String) -> DefinitionValue {
            var properties: [DefinitionValue.Member] = [.init("MeshName", .string("m"))]
            if kind != .mesh { properties.append(.init("\(word)Name", .string("x"))) }
            if kind == .route { properties.append(.init("VirtualRouterName", .string("p"))) }
            if kind == .gatewayRoute { properties.append(.init("VirtualGatewayName", .string("p"))) }
            properties.append(.init("Spec", ImportEqualityTests.respelled(spec, spelling)))
            let resource = DefinitionValue.object([
                .init("Type", .string("AWS::AppMesh::\(word)")), .init("Properties", .object(properties)),
            ])
            return .object([.init("Resources", .object([.init("Subject", resource)]))])
        }

        /// Only what a manifest can say by itself: a router for a route, and a reference to its gateway for a gateway route.
        func manifests(_ spec: DefinitionValue) -> [DefinitionValue] {
            var spec = ImportEqualityTests.manifestSpec(spec)
            if kind == .mesh { spec = ImportEqualityTests.meshSpec(spec) }
            var members: [DefinitionValue.Member] = []
            if case .object(let given) = spec { members = given }
            let object: DefinitionValue
            switch kind {
            case .mesh: object = Self.object("Mesh", "m", members)
            case .route:
                let route = DefinitionValue.object([.init("name", .string("x"))] + members)
                object = Self.object(
                    "VirtualRouter", "k", [.init("awsName", .string("p")), .init("routes", .list([route]))])
            default: object = Self.object(word, "k", [.init("awsName", .string("x"))] + members)
            }
            let gateway = Self.object(
                "VirtualGateway", "g", [.init("awsName", .string("p")), .init("listeners", .list([]))])
            let mesh = Self.object("Mesh", "m", [])
            return (kind == .mesh ? [] : [mesh]) + (kind == .gatewayRoute ? [gateway] : []) + [object]
        }

        private static func object(
            _ kind: String, _ name: String, _ spec: [DefinitionValue.Member]
        ) -> DefinitionValue {
            .object([
                .init("apiVersion", .string("appmesh.k8s.aws/v1beta2")), .init("kind", .string(kind)),
                .init("metadata", .object([.init("name", .string(name)), .init("namespace", .string("n"))])),
                .init("spec", .object(spec)),
            ])
        }
    }

    static let subjects = zip(
        AnyShape.appMesh,
        [
            (ResourceKind.mesh, "Mesh"), (.virtualService, "VirtualService"), (.virtualRouter, "VirtualRouter"),
            (.route, "Route"), (.virtualNode, "VirtualNode"), (.virtualGateway, "VirtualGateway"),
            (.gatewayRoute, "GatewayRoute"),
        ]
    ).map { Subject(shape: $0, kind: $1.0, word: $1.1) }

    static let spellings: [@Sendable (String) -> String] = [
        { KeySpelling.template.spelled($0) }, { $0 }, { $0.lowercased() }, { $0.uppercased() },
    ]

    @Test(arguments: subjects)
    func `reads every field of a template as the API's, whatever the case of its keys`(subject: Subject) {
        var count = 0
        for leaf in subject.shape.form.leafCases(lists: false) {
            let spec = leaf.around(leaf.form.sample)
            let native = DefinitionLoader.load(text: subject.native(spec).json(), name: "x.json")
            for spelling in Self.spellings {
                let template = DefinitionLoader.load(text: subject.template(spec, spelling).json(), name: "x.json")
                #expect(template.definitions == native.definitions, "\(leaf.path)")
                #expect(template.diagnostics.map(\.code) == native.diagnostics.map(\.code), "\(leaf.path)")
            }
            count += 1
        }
        #expect(count == subject.shape.form.leafPaths().count)
    }

    @Test(arguments: subjects)
    func `reads every field of a manifest as the API's`(subject: Subject) {
        for leaf in subject.shape.form.leafCases(lists: false) {
            let spec = leaf.around(leaf.form.sample)
            let native = DefinitionLoader.load(text: subject.native(spec).json(), name: "x.json")
            let text = subject.manifests(spec).map { "---\n\($0.json())\n" }.joined()
            let manifests = DefinitionLoader.load(text: text, name: "x.yaml")
            let parents: Set<String> = ["undefined-parent"]
            #expect(
                manifests.diagnostics.map(\.code) == native.diagnostics.map(\.code).filter { !parents.contains($0) },
                "\(leaf.path)")
            #expect(manifests.definitions == native.definitions, "\(leaf.path)")
        }
    }

    static func respelled(_ value: DefinitionValue, _ spelling: (String) -> String) -> DefinitionValue {
        switch value {
        case .object(let members):
            .object(members.map { .init(spelling($0.key), respelled($0.value, spelling)) })
        case .list(let values): .list(values.map { respelled($0, spelling) })
        default: value
        }
    }

    /// The API's spec as the controller has it, with ARNs for names.
    static func manifestSpec(_ value: DefinitionValue) -> DefinitionValue {
        switch value {
        case .list(let values): return .list(values.map(manifestSpec))
        case .object(let members):
            return .object(
                members.map { member in
                    let kinds = ["virtualNode", "virtualRouter", "virtualService"]
                    let kind = kinds.first { member.key == "\($0)Name" || member.key == $0 }
                    if let kind, case .string(let name) = member.value {
                        return .init(
                            "\(kind)ARN", .string("arn:aws:appmesh:eu-west-1:111111111111:mesh/m/\(kind)/\(name)"))
                    }
                    return .init(KeySpelling.manifest.spelled(member.key), manifestSpec(member.value))
                })
        default: return value
        }
    }

    private static func meshSpec(_ value: DefinitionValue) -> DefinitionValue {
        guard case .object(let members) = value else { return value }
        return .object(
            members.map { .init($0.key == "serviceDiscovery" ? "meshServiceDiscovery" : $0.key, $0.value) })
    }
}
