// The variables of App Mesh's Envoy image (appmesh.md 2, "Envoy image env vars") that mean something here, so that a task or
// pod definition that ran Envoy runs Trellis. They choose and set up one proxy; a whole mesh ignores them, and what is given
// as an option wins.

import Compiler

public struct ImageVariables: Sendable, Equatable {
    public enum Resource: Sendable, Equatable {
        case node(NodeSelector)
        case gateway(GatewaySelector)
    }

    /// `APPMESH_RESOURCE_ARN`, or the older `APPMESH_RESOURCE_NAME` and `APPMESH_VIRTUAL_NODE_NAME`: an ARN or the part of it
    /// from `mesh/` on.
    public var resource: Resource?
    /// `ENVOY_ADMIN_ACCESS_PORT`, on 127.0.0.1.
    public var adminPort: Int?
    /// `ENVOY_LOG_LEVEL`.
    public var logLevel: LogLevel?
    /// `ENVOY_CONCURRENCY`; below 1 it stands for the default.
    public var workers: Int?
    /// `LISTENER_DRAIN_WAIT_TIME_S`, 5 to 110.
    public var drainTime: Duration?

    /// A variable whose value cannot be used.
    public struct Invalid: Error, Sendable, Equatable, CustomStringConvertible {
        public var description: String
    }

    /// - Parameter lookup: the value of a variable; nil if it is not set.
    public init(_ lookup: (String) -> String?) throws(Invalid) {
        func value(_ name: String) -> String? { lookup(name).flatMap { $0.isEmpty ? nil : $0 } }
        func number(_ name: String, _ range: ClosedRange<Int>) throws(Invalid) -> Int? {
            guard let text = value(name) else { return nil }
            guard let number = Int(text), range.contains(number) else {
                throw Invalid(
                    description:
                        "\(name) is '\(text)', expected a number from \(range.lowerBound) to \(range.upperBound)")
            }
            return number
        }
        for name in ["APPMESH_RESOURCE_ARN", "APPMESH_RESOURCE_NAME", "APPMESH_VIRTUAL_NODE_NAME"] {
            guard let text = value(name) else { continue }
            guard let resource = Self.resource(text) else {
                throw Invalid(
                    description: "\(name) is '\(text)', expected mesh/MESH/virtualNode/NODE or "
                        + "mesh/MESH/virtualGateway/NAME, or such an ARN")
            }
            self.resource = resource
            break
        }
        adminPort = try number("ENVOY_ADMIN_ACCESS_PORT", 1...65_535)
        workers = try number("ENVOY_CONCURRENCY", -1...64).flatMap { $0 > 0 ? $0 : nil }
        drainTime = try number("LISTENER_DRAIN_WAIT_TIME_S", 5...110).map { .seconds($0) }
        if let text = value("ENVOY_LOG_LEVEL") {
            guard let level = LogLevel(name: text.lowercased()) else {
                let names = LogLevel.allCases.map(\.name).joined(separator: ", ")
                throw Invalid(description: "ENVOY_LOG_LEVEL is '\(text)', expected one of \(names)")
            }
            logLevel = level
        }
    }

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
