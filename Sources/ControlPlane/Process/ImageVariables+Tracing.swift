// The variables by which App Mesh's Envoy image set up tracing with AWS X-Ray (App Mesh user guide, "Envoy configuration
// variables"; appmesh.md 2).

import DataPlane
import Routing
import Telemetry

extension ImageVariables {
    /// `ENABLE_ENVOY_XRAY_TRACING`, 0 or 1.
    public func enablesXRay() throws(Invalid) -> Bool {
        let name = "ENABLE_ENVOY_XRAY_TRACING"
        switch lookup(name)?.lowercased() {
        case nil, "0", "false": return false
        case "1", "true": return true
        case let text?: throw Invalid(description: "\(name) is '\(text)', expected 0 or 1")
        }
    }

    /// `XRAY_SAMPLING_RATE`, 0 to 1; a file of rules wins.
    public func xrayRate() throws(Invalid) -> Double? {
        guard let text = lookup("XRAY_SAMPLING_RATE") else { return nil }
        guard let rate = Double(text), (0...1).contains(rate) else {
            throw Invalid(description: "XRAY_SAMPLING_RATE is '\(text)', expected a number from 0 to 1")
        }
        return rate
    }

    /// `XRAY_SAMPLING_RULE_MANIFEST`, the path of a file of sampling rules.
    public var xrayRulesFile: String? { lookup("XRAY_SAMPLING_RULE_MANIFEST") }

    /// `XRAY_SEGMENT_NAME`.
    public func xraySegmentName() throws(Invalid) -> String? {
        guard let name = lookup("XRAY_SEGMENT_NAME") else { return nil }
        guard name.count <= TracedProxy.nameCharactersMax,
            name.allSatisfy({ $0.isLetter || $0.isNumber || $0 == " " || Self.nameSymbols.contains($0) })
        else {
            throw Invalid(
                description:
                    "XRAY_SEGMENT_NAME is '\(name)', expected at most \(TracedProxy.nameCharactersMax) letters, "
                    + "digits, spaces and \(Self.nameSymbols)")
        }
        return name
    }

    /// X-Ray's rule for names of segments, beside letters, digits and blanks.
    private static let nameSymbols = #"_.:/%&#=+\-@"#

    /// Where segments go: `AWS_XRAY_DAEMON_ADDRESS`, which is `ADDR:PORT`, `ADDR`, or `tcp:ADDR:PORT udp:ADDR:PORT`, of which
    /// the second counts; or on 127.0.0.1 `XRAY_DAEMON_PORT`, by default 2000.
    public func xrayDaemon() throws(Invalid) -> NetworkAddress {
        var port = 2_000
        if let text = lookup("XRAY_DAEMON_PORT") {
            guard let given = Int(text), (1...65_535).contains(given) else {
                throw Invalid(description: "XRAY_DAEMON_PORT is '\(text)', expected a number from 1 to 65535")
            }
            port = given
        }
        guard let text = lookup("AWS_XRAY_DAEMON_ADDRESS") else { return .ip(host: "127.0.0.1", port: port) }
        let parts = text.split(separator: " ")
        let address = parts.first { $0.hasPrefix("udp:") }?.dropFirst(4) ?? parts.first ?? ""
        for candidate in [String(address), "\(address):\(port)", "[\(address)]:\(port)"] {
            // Not a port alone, which would be one of 127.0.0.1.
            guard candidate.contains(":"), let found = NetworkAddress(argument: candidate), found.port ?? 0 > 0 else {
                continue
            }
            return found
        }
        throw Invalid(description: "AWS_XRAY_DAEMON_ADDRESS is '\(text)', expected ADDR:PORT with an IP address")
    }

    /// Variables that are set and mean something only while X-Ray is on, sorted.
    public var xrayDetails: [String] {
        ["XRAY_DAEMON_PORT", "XRAY_SAMPLING_RATE", "XRAY_SAMPLING_RULE_MANIFEST", "XRAY_SEGMENT_NAME"]
            .filter { lookup($0) != nil }
    }
}

// What a command needs to know of tracing without knowing the modules that do it.

public typealias SamplingRules = Telemetry.SamplingRules
public typealias SamplingRule = Telemetry.SamplingRule

extension RuntimeOptions {
    /// Traces, and sends segments to the X-Ray daemon at a UDP address.
    public mutating func trace(to daemon: NetworkAddress, _ rules: SamplingRules, segmentName: String?) {
        xray = XRaySettings(daemon: daemon, rules: rules, segmentName: segmentName)
    }
}
