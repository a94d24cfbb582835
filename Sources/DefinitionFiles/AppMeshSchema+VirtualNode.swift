// The schema of virtual nodes, their discovery and logging. Constraints are those of the API model (2019-01-25).

import Definitions

extension AppMeshSchema {
    static let virtualNodeSpec = Shape<VirtualNodeSpec>.object(
        VirtualNodeSpec(),
        [
            .optional("backendDefaults", \.backendDefaults, backendDefaults),
            .optional("backends", \.backends, .list(backend)),
            .optional("listeners", \.listeners, .list(listener)),
            .optional("logging", \.logging, logging),
            .optional("serviceDiscovery", \.serviceDiscovery, serviceDiscovery),
        ],
        rules: [Rules.portsDiffer { ($0.listeners ?? []).map(\.portMapping.port) }, Rules.backendsDiffer])

    static let backendDefaults = Shape<BackendDefaults>.object(
        BackendDefaults(),
        [
            .optional("clientPolicy", \.clientPolicy, clientPolicy)
        ])

    static let backend = Shape<Backend>.union([
        .member("virtualService", Backend.virtualService, virtualServiceBackend) {
            if case .virtualService(let value) = $0 { value } else { nil }
        }
    ])

    static let virtualServiceBackend = Shape<VirtualServiceBackend>.object(
        VirtualServiceBackend(virtualServiceName: ""),
        [
            .optional("clientPolicy", \.clientPolicy, clientPolicy),
            .required("virtualServiceName", \.virtualServiceName, .string()),
        ])

    static let serviceDiscovery = Shape<ServiceDiscovery>.union([
        .member("awsCloudMap", ServiceDiscovery.awsCloudMap, awsCloudMapServiceDiscovery) {
            if case .awsCloudMap(let value) = $0 { value } else { nil }
        },
        .member("dns", ServiceDiscovery.dns, dnsServiceDiscovery) {
            if case .dns(let value) = $0 { value } else { nil }
        },
    ])

    static let dnsServiceDiscovery = Shape<DnsServiceDiscovery>.object(
        DnsServiceDiscovery(hostname: ""),
        [
            .required("hostname", \.hostname, .string()),
            .optional("ipPreference", \.ipPreference, .choice),
            .optional("responseType", \.responseType, .choice),
        ])

    static let awsCloudMapServiceDiscovery = Shape<AwsCloudMapServiceDiscovery>.object(
        AwsCloudMapServiceDiscovery(namespaceName: "", serviceName: ""),
        [
            .optional("attributes", \.attributes, .list(awsCloudMapInstanceAttribute)),
            .optional("ipPreference", \.ipPreference, .choice),
            .required("namespaceName", \.namespaceName, .string(1...1024)),
            .required("serviceName", \.serviceName, .string(1...1024)),
        ])

    static let awsCloudMapInstanceAttribute = Shape<AwsCloudMapInstanceAttribute>.object(
        AwsCloudMapInstanceAttribute(key: "", value: ""),
        [
            .required("key", \.key, .cloudMapKey),
            .required("value", \.value, .cloudMapValue),
        ])

    static let logging = Shape<Logging>.object(
        Logging(),
        [
            .optional("accessLog", \.accessLog, accessLog)
        ])

    static let accessLog = Shape<AccessLog>.union([
        .member("file", AccessLog.file, fileAccessLog) { if case .file(let value) = $0 { value } else { nil } }
    ])

    static let fileAccessLog = Shape<FileAccessLog>.object(
        FileAccessLog(path: ""),
        [
            .optional("format", \.format, loggingFormat),
            .required("path", \.path, .string(1...255)),
        ])

    static let loggingFormat = Shape<LoggingFormat>.union([
        .member("json", LoggingFormat.json, .list(jsonFormatRef)) {
            if case .json(let value) = $0 { value } else { nil }
        },
        .member("text", LoggingFormat.text, .string(1...1000)) { if case .text(let value) = $0 { value } else { nil } },
    ])

    static let jsonFormatRef = Shape<JsonFormatRef>.object(
        JsonFormatRef(key: "", value: ""),
        [
            .required("key", \.key, .string(1...100)),
            .required("value", \.value, .string(1...100)),
        ])
}
