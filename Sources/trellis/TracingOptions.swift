// How `run` is told to trace. For one proxy the variables of App Mesh's Envoy image stand for options that are not given.

import ArgumentParser
import ControlPlane

/// `--xray`: an address, or none.
enum XRayOption: ExpressibleByArgument {
    case none
    case daemon(NetworkAddress)

    init?(argument: String) {
        if argument == "none" {
            self = .none
        } else if let address = NetworkAddress(argument: argument), let port = address.port, port > 0 {
            self = .daemon(address)
        } else {
            return nil
        }
    }
}

struct TracingOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            """
            Trace, and send segments to the AWS X-Ray daemon at this UDP address: ADDR:PORT, PORT, or none. Default: none; \
            with --node or --gateway, what ENABLE_ENVOY_XRAY_TRACING says.
            """, valueName: "addr"))
    var xray: XRayOption?

    @Option(
        help: ArgumentHelp(
            """
            Share of new traces that are recorded, 0 to 1, beside each proxy's first of every second. A client's decision \
            is respected. Default: 0.05.
            """, valueName: "share"))
    var xrayRate: Double?

    @Option(help: ArgumentHelp("A JSON file of X-Ray's local sampling rules, version 2.", valueName: "path"))
    var xrayRules: String?

    func validate() throws {
        if let xrayRate, !(0...1).contains(xrayRate) { throw ValidationError("--xray-rate must be 0 to 1") }
        if xrayRate != nil, xrayRules != nil {
            throw ValidationError("--xray-rate and --xray-rules exclude each other")
        }
    }

    /// Sets up tracing, or does not, and returns which variables are set in vain.
    ///
    /// - Parameter variables: of a sidecar or gateway on its own; for a whole mesh they do not count.
    @discardableResult
    func apply(
        _ variables: ImageVariables = ImageVariables { _ in nil }, to options: inout RuntimeOptions
    ) throws(ImageVariables.Invalid) -> [String] {
        let daemon: NetworkAddress
        switch xray {
        case .daemon(let address): daemon = address
        case nil where try variables.enablesXRay(): daemon = try variables.xrayDaemon()
        case nil, .some(.none):
            if xrayRate != nil || xrayRules != nil {
                throw .init(description: "--xray-rate and --xray-rules need --xray")
            }
            return variables.xrayDetails
        }
        options.trace(to: daemon, try rules(variables), segmentName: try variables.xraySegmentName())
        return []
    }

    private func rules(_ variables: ImageVariables) throws(ImageVariables.Invalid) -> SamplingRules {
        if let xrayRate { return SamplingRules(standard: SamplingRule(rate: xrayRate)) }
        guard let path = xrayRules ?? variables.xrayRulesFile else {
            return SamplingRules(standard: SamplingRule(rate: try variables.xrayRate() ?? 0.05))
        }
        do throws(SamplingRuleFile.Invalid) {
            return try SamplingRuleFile.read(path)
        } catch {
            throw .init(description: "sampling rules: \(error)")
        }
    }
}
