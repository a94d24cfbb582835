// How a format spells the keys of the App Mesh API. Templates write `PortMapping` and `TLS`, manifests of the controller write
// `certificateARN` and point at other objects with `virtualNodeRef`. Everything is read by the API's keys; findings show the
// file's own. The reference: `appmesh` 5.

enum KeySpelling: Sendable {
    /// As the API: camel case.
    case api
    /// CloudFormation: Pascal case with the acronyms in capitals.
    case template
    /// Kubernetes: the API's, with a few exceptions.
    case manifest

    func spelled(_ key: String) -> String {
        switch self {
        case .api: key
        case .template: Self.templateExceptions[key] ?? key.prefix(1).uppercased() + key.dropFirst()
        case .manifest: Self.manifestExceptions[key] ?? key
        }
    }

    /// Two keys of the API have two meanings, of which manifests spell one in another way: a weighted target's `virtualNode` is a
    /// name, a provider's is a map; a mesh's `serviceDiscovery` is an object, a node's is a union.
    func spelled(_ field: FieldForm) -> String {
        if self == .manifest {
            switch (field.key, field.form) {
            case ("virtualNode", .string): return "virtualNodeRef"
            case ("serviceDiscovery", .object): return "meshServiceDiscovery"
            default: break
            }
        }
        return spelled(field.key)
    }

    /// A field path, `listeners[0].tls`.
    func spelled(path: String) -> String {
        if self == .api { return path }
        return path.split(separator: ".", omittingEmptySubsequences: false).map { component in
            let key = component.prefix { $0 != "[" }
            return spelled(String(key)) + component.dropFirst(key.count)
        }.joined(separator: ".")
    }

    private static let templateExceptions = [
        "tls": "TLS", "acm": "ACM", "sds": "SDS", "dns": "DNS", "http": "HTTP", "http2": "HTTP2", "tcp": "TCP",
        "grpc": "GRPC", "awsCloudMap": "AWSCloudMap",
    ]

    private static let manifestExceptions = [
        "certificateArn": "certificateARN", "certificateAuthorityArns": "certificateAuthorityARNs",
        "virtualNodeName": "virtualNodeRef", "virtualRouterName": "virtualRouterRef",
        "virtualServiceName": "virtualServiceRef",
    ]

    /// The API's key for a template's, whatever its case. No two keys of the API differ in case alone.
    static func apiKey(ofTemplateKey key: String) -> String? {
        templateKeys[key] ?? lowercasedKeys[key.lowercased()]
    }

    private static let apiKeys: Set<String> = {
        let forms = [
            AppMeshSchema.meshSpec.form, AppMeshSchema.virtualNodeSpec.form, AppMeshSchema.virtualRouterSpec.form,
            AppMeshSchema.routeSpec.form, AppMeshSchema.virtualServiceSpec.form, AppMeshSchema.virtualGatewaySpec.form,
            AppMeshSchema.gatewayRouteSpec.form,
        ]
        return Set(
            forms.flatMap { $0.leafPaths() }.flatMap { $0.split(separator: ".") }.map { component in
                String(component.prefix { $0 != "[" && $0 != "{" })
            })
    }()

    private static let templateKeys = Dictionary(
        apiKeys.map { (KeySpelling.template.spelled($0), $0) }, uniquingKeysWith: { first, _ in first })
    private static let lowercasedKeys = Dictionary(
        apiKeys.map { ($0.lowercased(), $0) }, uniquingKeysWith: { first, _ in first })
}
