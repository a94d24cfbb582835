/// Why a request goes where it goes: every host and route considered, with the reason for each that did not apply.
///
/// Made by `Explainer`. All texts are for people; the rest is for programs.
public struct Explanation: Sendable, Equatable {
    /// The request as it was matched first.
    public struct Request: Sendable, Equatable {
        public var method: String
        public var scheme: String
        public var authority: String
        /// With the query, if there is one.
        public var target: String
        public var isAbsoluteForm: Bool
    }

    /// One name of the listener.
    public struct HostStep: Sendable, Equatable {
        public var pattern: HostBinding.Pattern
        public var virtualHost: String
        public var source: SourceRef
        /// The pattern covers the host; the chosen one is marked by `isChosen`.
        public var isMatched: Bool
        public var isChosen: Bool
        /// Why it does not cover the host, or why another pattern is preferred; nil for the chosen one.
        public var reason: String?
    }

    /// One route of the virtual host, in the order in which they are tried.
    public struct RouteStep: Sendable, Equatable {
        public var name: String
        public var source: SourceRef
        public var isMatched: Bool
        public var isChosen: Bool
        /// The first predicate that does not hold, or which route comes before; nil for the chosen one.
        public var reason: String?
    }

    /// Matching in one virtual host.
    public struct Stage: Sendable, Equatable {
        public var virtualHost: String
        public var source: SourceRef
        /// The port that the request is for; nil when nothing says it or the service does not listen on it.
        public var port: Int?
        /// Where the port comes from, in words.
        public var portOrigin: String
        public var routes: [RouteStep]
        /// The chosen route.
        public var chosen: RouteID?
    }

    public struct Rewrite: Sendable, Equatable {
        public var pathBefore: String
        public var pathAfter: String
        public var hostBefore: String
        public var hostAfter: String
    }

    public struct Backend: Sendable, Equatable {
        public var cluster: String
        public var source: SourceRef
        public var weight: Int
        /// Share of the requests, 0 through 100.
        public var percent: Double
        public var endpoints: [EndpointPlan]
        /// Where they come from if not from the plan.
        public var discovery: DiscoveryPlan?
    }

    /// The limits that apply, each with what set it; nil values are "none".
    public struct Timeouts: Sendable, Equatable {
        public var request: Sourced<Duration?>
        public var idle: Sourced<Duration?>
        /// What the delegating side allows at most: the largest request timeout among the service's routes.
        public var delegateBound: Sourced<Duration?>?
    }

    public enum Outcome: Sendable, Equatable {
        case forward
        case fixedResponse(status: Int, body: String)
        case forwardToAuthority(String)
        case handler(String)
        /// 404, with the reason in words.
        case notFound(NotFound, String)
    }

    public var proxy: String
    public var listener: String
    public var request: Request
    /// The host that was looked up: without port and trailing dot, lower case.
    public var host: String
    public var hosts: [HostStep]
    /// nil when no name covers the host.
    public var first: Stage?
    /// What a delegating route made of the head; nil when the first stage does not delegate.
    public var rewrite: Rewrite?
    /// Matching in the delegate's virtual host, same structure.
    public var second: Stage?
    /// Destinations of a forwarding route.
    public var backends: [Backend]
    /// nil when nothing matched.
    public var timeouts: Timeouts?
    public var outcome: Outcome
    /// The indexed match came to the same result. It always does; anything else is a defect of Trellis.
    public var agreesWithIndex: Bool
}

extension Explanation: CustomStringConvertible {
    /// The explanation as lines of text, without a final newline.
    public var description: String {
        var lines = ["\(request.method) \(request.scheme)://\(request.authority)\(request.target)"]
        lines.append("listener \(listener) of \(proxy)")
        lines.append("host \(host)")
        for step in hosts {
            lines.append("  \(mark(step.isChosen)) \(step.pattern) -> \(step.virtualHost)\(tail(step.reason))")
        }
        if let first { lines += describe(first) }
        if let rewrite {
            lines.append("rewritten: path \(change(rewrite.pathBefore, rewrite.pathAfter))")
            lines.append("           host \(change(rewrite.hostBefore, rewrite.hostAfter))")
        }
        if let second { lines += describe(second) }
        for backend in backends {
            let endpoints = backend.endpoints.map { "\($0.name) \($0.address)" }.joined(separator: ", ")
            let none = backend.discovery.map { "discovered: \($0)" } ?? "none"
            lines.append(
                "backend \(percentText(backend.percent)) \(backend.cluster): \(endpoints.isEmpty ? none : endpoints)")
        }
        if let timeouts {
            lines.append("request timeout \(text(timeouts.request))")
            if let bound = timeouts.delegateBound { lines.append("  within at most \(text(bound))") }
            lines.append("idle timeout \(text(timeouts.idle))")
        }
        lines.append("result: \(outcome)")
        return lines.joined(separator: "\n")
    }

    private func describe(_ stage: Stage) -> [String] {
        let port = stage.port.map { "port \($0)" } ?? "no port"
        return ["routes of \(stage.virtualHost), \(port) (\(stage.portOrigin))"]
            + stage.routes.map { "  \(mark($0.isChosen)) \($0.name) [\($0.source)]\(tail($0.reason))" }
    }

    private func mark(_ isChosen: Bool) -> String { isChosen ? "*" : "-" }
    private func tail(_ reason: String?) -> String { reason.map { ": \($0)" } ?? "" }
    private func change(_ before: String, _ after: String) -> String {
        before == after ? "\(before) (kept)" : "\(before) -> \(after)"
    }
    private func text(_ limit: Sourced<Duration?>) -> String {
        "\(limit.value.map { "\($0)" } ?? "none") from \(limit.origin)"
    }
    /// One decimal, rounded half up.
    private func percentText(_ percent: Double) -> String {
        let tenths = Int((percent * 10).rounded())
        return "\(tenths / 10).\(tenths % 10) %"
    }
}

extension Explanation.Outcome: CustomStringConvertible {
    public var description: String {
        switch self {
        case .forward: "forwarded"
        case .fixedResponse(let status, _): "fixed response \(status)"
        case .forwardToAuthority(let authority): "forwarded to its authority \(authority)"
        case .handler(let name): "answered by \(name)"
        case .notFound(_, let reason): "404: \(reason)"
        }
    }
}

extension HostBinding.Pattern: CustomStringConvertible {
    public var description: String {
        switch self {
        case .exact(let name): name
        case .suffix(let suffix): "*\(suffix)"
        case .any: "*"
        }
    }
}
