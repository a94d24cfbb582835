// The schema of the `local:` document: where things are on this machine. Paths of `paths:` and `certificates:` are relative to
// the file they stand in.

import Definitions

enum LocalSchema {
    /// What the document has, in the order in which texts list it.
    static let keys = ["discovery", "nodes", "gateways", "targetGroups", "paths", "certificates", "vpcs"]

    /// A node as it is written: its instances, or one instance without the list, or endpoints.
    struct NodeForm: Sendable {
        var instances: [NodeInstance]?
        var endpoints: [NetworkAddress]?
        var discovery: DiscoverySource?
        var instance = InstanceForm()
    }

    /// An instance as it is written: `app` or `echo` instead of a workload.
    struct InstanceForm: Sendable {
        var app: NetworkAddress?
        var echo: EchoSettings?
        var ingress: NetworkAddress?
        var address: String?

        var isEmpty: Bool { app == nil && echo == nil && ingress == nil && address == nil }
    }

    static let node = Shape<NodeForm>.object(
        NodeForm(),
        [
            .optional("instances", \.instances, .list(instance)),
            .optional("endpoints", \.endpoints, .list(.networkAddress, count: 1...Int.max)),
            .optional("discovery", \.discovery, .choice),
            .optional("app", \.instance.app, .networkAddress),
            .optional("echo", \.instance.echo, echo),
            .optional("ingress", \.instance.ingress, .networkAddress),
            .optional("address", \.instance.address, .ipAddress),
        ],
        rules: [nodeIsOneThing]
    ).converted { form, _ in
        let instances = form.instance.isEmpty ? [] : [form.instance.instance]
        return NodePlacement(
            instances: form.instances ?? instances, endpoints: form.endpoints ?? [], discovery: form.discovery)
    } back: { node in
        NodeForm(
            instances: node.instances.isEmpty ? nil : node.instances,
            endpoints: node.endpoints.isEmpty ? nil : node.endpoints, discovery: node.discovery)
    }

    static let instance = Shape<InstanceForm>.object(
        InstanceForm(),
        [
            .optional("app", \.app, .networkAddress),
            .optional("echo", \.echo, echo),
            .optional("ingress", \.ingress, .networkAddress),
            .optional("address", \.address, .ipAddress),
        ],
        rules: [instanceIsOneThing]
    ).converted { form, _ in
        form.instance
    } back: {
        InstanceForm($0)
    }

    /// What stands in for a target: one of the two.
    static let workload = Shape<Workload>.union([
        .member("app", Workload.app, .networkAddress) { if case .app(let value) = $0 { value } else { nil } },
        .member("echo", Workload.echo, echo) { if case .echo(let value) = $0 { value } else { nil } },
    ])

    static let gateway = Shape<GatewayPlacement>.object(
        GatewayPlacement(), [.optional("address", \.address, .ipAddress)])

    static let targetGroup = Shape<TargetGroupPlacement>.object(
        TargetGroupPlacement(), [.collection("instances", \.instances, .list(workload))])

    static let vpc = Shape<VpcPlacement>.object(VpcPlacement(), [.optional("address", \.address, .ipAddress)])

    static let certificate = Shape<CertificateFiles>.object(
        CertificateFiles(certificateChain: ""),
        [
            .required("certificateChain", \.certificateChain, .string(1...4096)),
            .optional("privateKey", \.privateKey, .string(1...4096)),
        ])

    static let path = Shape<String>.string(1...4096)

    static let echo = Shape<EchoSettings>.object(
        EchoSettings(),
        [
            .optional("name", \.name, .string(1...255)),
            .optional("body", \.body, .string()),
            .optional("delay", \.delay, .duration),
            .optional("jitter", \.jitter, .duration),
            .optional("failShare", \.failShare, .share),
            .optional("failStatus", \.failStatus, .integer(200...599)),
            .optional("bodyBytes", \.bodyBytes, .integer(0...1_073_741_824)),
            .optional("reset", \.reset, .choice),
            .optional("slowBody", \.slowBody, .slowBody),
            .collection("calls", \.calls, .list(.httpURL)),
        ],
        rules: [
            { echo, reader in
                if echo.body != nil, echo.bodyBytes != nil { reader.exclusive(["body", "bodyBytes"]) }
            }
        ])

    private static let nodeIsOneThing: Rule<NodeForm> = { node, reader in
        if node.endpoints != nil, node.instances != nil { reader.exclusive(["instances", "endpoints"]) }
        let shorthand: [(String, Bool)] = [
            ("app", node.instance.app != nil), ("echo", node.instance.echo != nil),
            ("ingress", node.instance.ingress != nil), ("address", node.instance.address != nil),
        ]
        for (key, isGiven) in shorthand where isGiven {
            if node.instances != nil { reader.exclusive(["instances", key]) }
            if node.endpoints != nil { reader.exclusive(["endpoints", key]) }
        }
        instanceIsOneThing(node.instance, &reader)
    }

    private static let instanceIsOneThing: Rule<InstanceForm> = { instance, reader in
        if instance.app != nil, instance.echo != nil { reader.exclusive(["app", "echo"]) }
        if instance.ingress != nil, instance.address != nil { reader.exclusive(["ingress", "address"]) }
    }
}

extension LocalSchema.InstanceForm {
    init(_ instance: NodeInstance) {
        switch instance.workload {
        case .app(let address): app = address
        case .echo(let settings): echo = settings
        case nil: break
        }
        ingress = instance.ingress
        address = instance.address
    }

    var instance: NodeInstance {
        NodeInstance(
            workload: app.map { .app($0) } ?? echo.map { .echo($0) }, ingress: ingress, address: address)
    }
}
