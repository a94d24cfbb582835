// VPC Lattice resources in the native format.

import Definitions

extension Intake {
    /// `serviceNetwork: NAME` or `{ NAME: … }`. Without `services` of its own it offers those of the document.
    mutating func takeServiceNetwork(_ entry: SourceNode.Entry, services: SourceNode?, file: String) {
        guard let name = readName(entry, file: file) else { return }
        let node = name.spec ?? SourceNode(content: .mapping([]), location: name.location)
        let key = ResourceKey.serviceNetwork(name.text)
        guard var network = read(key, node, LatticeSchema.serviceNetwork, file: file, at: name.location) else { return }
        if node["services"] == nil { network.services = (services?.entries ?? []).map(\.key).sorted() }
        definitions.serviceNetworks[name.text] = network
    }

    mutating func takeTargetGroups(_ entries: [SourceNode.Entry], file: String) {
        for entry in entries {
            let key = ResourceKey.targetGroup(entry.key)
            let shape = LatticeSchema.targetGroup
            if let group = read(key, entry.value.orEmptyMap, shape, file: file, at: entry.keyLocation) {
                definitions.targetGroups[entry.key] = group
            }
        }
    }

    mutating func takeServices(_ entries: [SourceNode.Entry], file: String) {
        for entry in entries {
            let key = ResourceKey.service(entry.key)
            let node = entry.value.orEmptyMap
            let isFirst = read(
                key, node, LatticeSchema.service, file: file, at: entry.keyLocation, otherRootKeys: ["listeners"])
            guard var service = isFirst else { continue }
            if let listeners = node.entries?.first(where: { $0.key == "listeners" }) {
                for listener in named(listeners, file: file, of: key) {
                    service.listeners[listener.key] = readListener(listener, service: entry.key, file: file)
                }
            }
            checkPorts(of: service, named: entry.key)
            checkCertificate(of: service, named: entry.key)
            definitions.services[entry.key] = service
        }
    }

    private mutating func readListener(
        _ entry: SourceNode.Entry, service: String, file: String
    ) -> LatticeListenerDefinition? {
        let key = ResourceKey.listener(entry.key, service: service)
        let node = entry.value.orEmptyMap
        let shape = LatticeSchema.listener
        guard var listener = read(key, node, shape, file: file, at: entry.keyLocation, otherRootKeys: ["rules"])
        else { return nil }
        guard let rules = node.entries?.first(where: { $0.key == "rules" }) else { return listener }
        for rule in named(rules, file: file, of: key) {
            let key = ResourceKey.rule(rule.key, listener: entry.key, service: service)
            listener.rules[rule.key] = read(
                key, rule.value.orEmptyMap, LatticeSchema.rule, file: file, at: rule.keyLocation)
        }
        checkRules(of: listener, named: entry.key, service: service)
        return listener
    }

    /// Ports differ within a service; the default is 80 for HTTP, else 443.
    private mutating func checkPorts(of service: LatticeServiceDefinition, named name: String) {
        var first: [Int: String] = [:]
        for (listenerName, listener) in service.listeners.sortedByName {
            let port = listener.port ?? (listener.protocol == .http ? 80 : 443)
            let key = ResourceKey.listener(listenerName, service: name)
            if let other = first[port] {
                append([
                    Diagnostic(
                        .error, "duplicate-port", at: sources.position(key, "port"), path: key.path("port"),
                        "port \(port) belongs to listener \(other) already")
                ])
            } else {
                first[port] = listenerName
            }
        }
    }

    /// HTTPS listeners alone speak with the service's certificate: TLS_PASSTHROUGH leaves the handshake to the target (`lattice`
    /// 2.1). Without any listener there is nothing to say yet.
    private mutating func checkCertificate(of service: LatticeServiceDefinition, named name: String) {
        guard service.certificateArn != nil, !service.listeners.isEmpty,
            !service.listeners.values.contains(where: { $0.protocol == .https })
        else { return }
        let key = ResourceKey.service(name)
        append([
            Diagnostic(
                .warning, "unused-certificate", at: sources.position(key, "certificateArn"),
                path: key.path("certificateArn"), "the certificate has no effect, because no listener is HTTPS",
                suggestion: "remove it, or write `protocol: HTTPS` in a listener")
        ])
    }

    /// Priorities differ within a listener; TLS_PASSTHROUGH has the default action only, and it forwards.
    private mutating func checkRules(of listener: LatticeListenerDefinition, named name: String, service: String) {
        var first: [Int: String] = [:]
        for (ruleName, rule) in listener.rules.sortedByName {
            let key = ResourceKey.rule(ruleName, listener: name, service: service)
            if let other = first[rule.priority] {
                append([
                    Diagnostic(
                        .error, "duplicate-priority", at: sources.position(key, "priority"), path: key.path("priority"),
                        "priority \(rule.priority) belongs to rule \(other) already")
                ])
            } else {
                first[rule.priority] = ruleName
            }
            if listener.protocol == .tlsPassthrough {
                append([
                    Diagnostic(
                        .error, "rule-on-passthrough", at: sources.position(key), path: key.description,
                        "a TLS_PASSTHROUGH listener has its default action only", suggestion: "remove the rule")
                ])
            }
        }
        if listener.protocol == .tlsPassthrough, case .fixedResponse = listener.defaultAction {
            let key = ResourceKey.listener(name, service: service)
            append([
                Diagnostic(
                    .error, "rule-on-passthrough", at: sources.position(key, "defaultAction"),
                    path: key.path("defaultAction"), "a TLS_PASSTHROUGH listener can only forward")
            ])
        }
    }
}
