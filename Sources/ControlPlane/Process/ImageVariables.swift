// The variables of App Mesh's Envoy image (appmesh.md 2, "Envoy image env vars") that mean something here, so that a task or
// pod definition that ran Envoy runs Trellis. They choose and set up one proxy; a whole mesh ignores them, and what is given
// as an option wins. A value is judged when it is asked for, so that nobody stumbles over one that decides nothing.

import Compiler

public struct ImageVariables {
    public enum Resource: Sendable, Equatable {
        case node(NodeSelector)
        case gateway(GatewaySelector)
    }

    /// A variable whose value cannot be used.
    public struct Invalid: Error, Sendable, Equatable, CustomStringConvertible {
        public var description: String

        public init(description: String) { self.description = description }
    }

    let lookup: (String) -> String?

    /// - Parameter lookup: the value of a variable; nil if it is not set. An empty one counts as not set.
    public init(_ lookup: @escaping (String) -> String?) {
        self.lookup = { lookup($0).flatMap { $0.isEmpty ? nil : $0 } }
    }

    /// `APPMESH_RESOURCE_ARN`, or the older `APPMESH_RESOURCE_NAME` and `APPMESH_VIRTUAL_NODE_NAME`: an ARN or the part of it
    /// from `mesh/` on.
    public func resource() throws(Invalid) -> Resource? {
        for name in ["APPMESH_RESOURCE_ARN", "APPMESH_RESOURCE_NAME", "APPMESH_VIRTUAL_NODE_NAME"] {
            guard let text = lookup(name) else { continue }
            guard let resource = Self.resource(text) else {
                throw Invalid(
                    description: "\(name) is '\(text)', expected mesh/MESH/virtualNode/NODE or "
                        + "mesh/MESH/virtualGateway/NAME, or such an ARN")
            }
            return resource
        }
        return nil
    }

    /// `ENVOY_ADMIN_ACCESS_PORT`, on 127.0.0.1.
    public func adminPort() throws(Invalid) -> Int? { try number("ENVOY_ADMIN_ACCESS_PORT", 1...65_535) }

    /// `ENVOY_CONCURRENCY`; below 1 it stands for the default.
    public func workers() throws(Invalid) -> Int? {
        try number("ENVOY_CONCURRENCY", -1...64).flatMap { $0 > 0 ? $0 : nil }
    }

    /// `LISTENER_DRAIN_WAIT_TIME_S`, 5 to 110.
    public func drainTime() throws(Invalid) -> Duration? {
        try number("LISTENER_DRAIN_WAIT_TIME_S", 5...110).map { .seconds($0) }
    }

    /// What the image waits where `LISTENER_DRAIN_WAIT_TIME_S` is not set.
    public static let defaultDrainTime: Duration = .seconds(20)

    /// `ENVOY_LOG_LEVEL`.
    public func logLevel() throws(Invalid) -> LogLevel? {
        guard let text = lookup("ENVOY_LOG_LEVEL") else { return nil }
        guard let level = LogLevel(name: text.lowercased()) else {
            let names = LogLevel.allCases.map(\.name).joined(separator: ", ")
            throw Invalid(description: "ENVOY_LOG_LEVEL is '\(text)', expected one of \(names)")
        }
        return level
    }

    private func number(_ name: String, _ range: ClosedRange<Int>) throws(Invalid) -> Int? {
        guard let text = lookup(name) else { return nil }
        guard let number = Int(text), range.contains(number) else {
            throw Invalid(
                description: "\(name) is '\(text)', expected a number from \(range.lowerBound) to \(range.upperBound)")
        }
        return number
    }

    // MARK: What has no effect

    /// Variables of the image that are set and change nothing here, sorted; those of X-Ray not among
    /// them, see `xrayDetails`. Those that speak to AWS itself are not among
    /// them: there is nothing to reach, and a definition that ran on AWS always has some.
    public var ignored: [String] { Self.withoutEffect.filter { lookup($0) != nil } }

    private static let withoutEffect = [
        "APPMESH_METRIC_EXTENSION_VERSION", "APPMESH_SDS_SOCKET_PATH", "APPNET_AGENT_ADMIN_MODE",
        "APPNET_AGENT_ADMIN_UDS_PATH", "APPNET_AGENT_HTTP_PORT", "APPNET_ENVOY_RESTART_COUNT", "DATADOG_TRACER_ADDRESS",
        "DATADOG_TRACER_PORT", "DD_SERVICE", "ENABLE_ENVOY_DATADOG_TRACING", "ENABLE_ENVOY_DOG_STATSD",
        "ENABLE_ENVOY_JAEGER_TRACING", "ENABLE_ENVOY_STATS_TAGS", "ENVOY_ADMIN_ACCESS_ENABLE_IPV6",
        "ENVOY_ADMIN_ACCESS_LOG_FILE", "ENVOY_INITIAL_FETCH_TIMEOUT",
        "ENVOY_STATS_CONFIG_FILE", "ENVOY_STATS_SINKS_CFG_FILE", "ENVOY_TRACING_CFG_FILE", "JAEGER_TRACER_ADDRESS",
        "JAEGER_TRACER_PORT", "JAEGER_TRACER_VERSION", "PID_POLL_INTERVAL_MS", "STATSD_ADDRESS", "STATSD_PORT",
        "STATSD_SOCKET_PATH",
    ]

    /// `arn:aws:appmesh:REGION:ACCOUNT:mesh/MESH/virtualNode/NODE`; a shared mesh is `MESH@OWNER`.
    static func resource(_ text: String) -> Resource? {
        var path = text[...]
        if text.hasPrefix("arn:") {
            let parts = text.split(separator: ":", maxSplits: 5, omittingEmptySubsequences: false)
            guard parts.count == 6, parts[2] == "appmesh" || parts[2] == "appmesh-preview" else { return nil }
            path = parts[5]
        }
        let words = path.split(separator: "/", omittingEmptySubsequences: false)
        guard words.count == 4, words[0] == "mesh", !words[1].isEmpty, !words[3].isEmpty else { return nil }
        let mesh = String(words[1].prefix { $0 != "@" })
        switch words[2] {
        case "virtualNode": return NodeSelector("\(mesh)/\(words[3])").map { .node($0) }
        case "virtualGateway": return GatewaySelector("\(mesh)/\(words[3])").map { .gateway($0) }
        default: return nil
        }
    }
}
