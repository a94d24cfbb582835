// What is defined and not yet in force (design section 8): nobody should believe in a protection that is not there. Each such
// field is a warning at its place, or a note where this machine decides instead and nothing is lost (the address family,
// security groups). A protection (STRICT TLS, an enforced client policy, IAM auth) is an error that keeps `run` from starting,
// unless the operator allows it.

import Definitions
import Routing

struct NotInForce {
    let findings: Findings
    let allowUnenforced: Bool

    static let code = "not-in-force"

    func report(_ mesh: MeshDefinition, _ nodes: [String: PlacedNode]) {
        let key = ResourceKey.mesh(mesh.name)
        if !nodes.values.contains(where: { $0.discovered != nil }) {
            ipPreference(mesh.spec.serviceDiscovery?.ipPreference, key, "serviceDiscovery.ipPreference")
        }
        for (name, spec) in mesh.virtualNodes.sortedByName {
            report(spec, .virtualNode(name, mesh: mesh.name), nodes[name])
        }
        for (name, router) in mesh.virtualRouters.sortedByName {
            let key = ResourceKey.virtualRouter(name, mesh: mesh.name)
            for (index, listener) in (router.spec.listeners ?? []).enumerated() {
                applicationProtocol(ServicePort(listener.portMapping), key, "listeners[\(index)]")
            }
            for (route, spec) in router.routes.sortedByName {
                report(spec, .route(route, router: name, mesh: mesh.name))
            }
        }
        for (name, gateway) in mesh.virtualGateways.sortedByName {
            report(gateway.spec, .virtualGateway(name, mesh: mesh.name))
        }
    }

    func report(_ local: LocalPlacement) {
        for arn in local.certificates.keys.sorted() {
            warning(.local(), SourceMap.path("certificates", member: arn), "certificates")
        }
    }

    private func report(_ spec: VirtualNodeSpec, _ key: ResourceKey, _ node: PlacedNode?) {
        let hasSidecar = node?.direct == nil
        for (index, listener) in (spec.listeners ?? []).enumerated() {
            let field = "listeners[\(index)]"
            applicationProtocol(ServicePort(listener.portMapping), key, field)
            if !hasSidecar {
                if listener.timeout != nil { notApplied(key, "\(field).timeout", "listener timeouts") }
                if listener.connectionPool != nil { notApplied(key, "\(field).connectionPool", "connection pools") }
            } else if listener.connectionPool != nil {
                warning(key, "\(field).connectionPool", "connection pools")
            }
            if listener.outlierDetection != nil { warning(key, "\(field).outlierDetection", "outlier detections") }
            if listener.healthCheck != nil { warning(key, "\(field).healthCheck", "health checks") }
            tls(listener.tls, key, "\(field).tls")
        }
        if !hasSidecar {
            if spec.logging?.accessLog != nil { notApplied(key, "logging.accessLog", "access logs") }
            if spec.backends?.isEmpty == false { notApplied(key, "backends", "backends") }
        }
        clientPolicy(spec.backendDefaults?.clientPolicy, key, "backendDefaults.clientPolicy")
        for (index, backend) in (spec.backends ?? []).enumerated() {
            clientPolicy(backend.clientPolicy, key, "backends[\(index)].virtualService.clientPolicy")
        }
        switch spec.serviceDiscovery {
        case .dns(let dns):
            if node?.discovered == nil { ipPreference(dns.ipPreference, key, "serviceDiscovery.dns.ipPreference") }
        case .awsCloudMap(let map): ipPreference(map.ipPreference, key, "serviceDiscovery.awsCloudMap.ipPreference")
        case nil: break
        }
    }

    private func report(_ spec: VirtualGatewaySpec, _ key: ResourceKey) {
        for (index, listener) in spec.listeners.enumerated() {
            let field = "listeners[\(index)]"
            applicationProtocol(ServicePort(listener.portMapping), key, field)
            if listener.connectionPool != nil { warning(key, "\(field).connectionPool", "connection pools") }
            if listener.healthCheck != nil { warning(key, "\(field).healthCheck", "health checks") }
            tls(listener.tls, key, "\(field).tls")
        }
        clientPolicy(spec.backendDefaults?.clientPolicy, key, "backendDefaults.clientPolicy")
    }

    private func report(_ spec: RouteSpec, _ key: ResourceKey) {
        if spec.httpRoute?.retryPolicy != nil { warning(key, "httpRoute.retryPolicy", "retry policies") }
        if spec.http2Route?.retryPolicy != nil { warning(key, "http2Route.retryPolicy", "retry policies") }
        if spec.grpcRoute?.retryPolicy != nil { warning(key, "grpcRoute.retryPolicy", "retry policies") }
    }

    // MARK: Kinds of findings

    private func applicationProtocol(_ port: ServicePort, _ key: ResourceKey, _ field: String) {
        guard !port.applicationProtocol.isBuilt else { return }
        findings.warning(
            Self.code, key, "\(field).portMapping.protocol",
            "\(port.applicationProtocol.rawValue) is not built yet: port \(port.port) is not opened")
    }

    private func tls(_ tls: ListenerTls?, _ key: ResourceKey, _ field: String) {
        switch tls?.mode {
        case .strict: protection(key, "\(field).mode", "STRICT TLS", "the port takes plain text")
        case .permissive: warning(key, "\(field).mode", "TLS of listeners")
        case .disabled, nil: break
        }
    }

    private func clientPolicy(_ policy: ClientPolicy?, _ key: ResourceKey, _ field: String) {
        guard let tls = policy?.tls else { return }
        if tls.enforce ?? true {
            protection(key, "\(field).tls", "an enforced client policy", "the proxy speaks plain text")
        } else {
            warning(key, "\(field).tls", "TLS of clients")
        }
    }

    private func ipPreference(_ preference: IpPreference?, _ key: ResourceKey, _ field: String) {
        guard preference != nil else { return }
        findings.note(
            Self.code, key, field,
            "the address family is that of the placement; with 'discovery: definitions' it is that of the answers")
    }

    private func notApplied(_ key: ResourceKey, _ field: String, _ what: String) {
        findings.warning(
            "not-applied", key, field, "\(what) are not applied: no sidecar stands before the node's 'endpoints'")
    }

    func warning(_ key: ResourceKey, _ field: String, _ what: String) {
        findings.warning(Self.code, key, field, "\(what) are understood and not yet in force")
    }

    func protection(_ key: ResourceKey, _ field: String, _ what: String, _ effect: String) {
        let message = "\(what) is a protection that is not yet in force: \(effect)"
        if allowUnenforced {
            findings.warning("unenforced-protection", key, field, message)
        } else {
            findings.error(
                "unenforced-protection", key, field, message, suggestion: "--allow-unenforced runs without it")
        }
    }
}
