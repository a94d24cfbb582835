// Timeouts of App Mesh (appmesh.md 2): a request may take 15 s in all, a stream may be idle for 300 s, 0 means without limit.
// Both the route and the listener of the destination set them, each with these defaults; every value keeps its origin,
// because "who said 15 seconds" is the question most often asked.

import Definitions
import Routing

enum Timeouts {
    static let request = Sourced<Duration?>(.seconds(15), .standard("perRequest 15 s"))
    static let idle = Sourced<Duration?>(.seconds(300), .standard("idle 300 s"))
    /// A virtual service whose provider is a node has no API for its timeouts (appmesh.md 2, roadmap issue 444).
    static let nodeProvider = TimeoutPlan(
        request: Sourced(.seconds(15), .standard("perRequest 15 s of a virtual node provider")), idle: idle)
    static let standard = TimeoutPlan(request: request, idle: idle)
    /// For listeners of the process itself.
    static let unlimited = TimeoutPlan(
        request: Sourced(nil, .standard("no limit")), idle: Sourced(nil, .standard("no limit")))

    /// What a definition says, with the defaults for what it leaves out.
    static func lower(
        _ timeout: HttpTimeout?, _ resource: ResourceKey, _ field: String, _ findings: Findings
    ) -> TimeoutPlan {
        TimeoutPlan(
            request: lower(timeout?.perRequest, resource, "\(field).perRequest", findings) ?? request,
            idle: lower(timeout?.idle, resource, "\(field).idle", findings) ?? idle)
    }

    /// nil for an incomplete duration, which the readers of definitions report.
    private static func lower(
        _ duration: DurationSpec?, _ resource: ResourceKey, _ field: String, _ findings: Findings
    ) -> Sourced<Duration?>? {
        guard let duration else { return nil }
        guard let value = duration.value, let unit = duration.unit, value >= 0 else { return nil }
        let length: Duration? =
            switch (value, unit) {
            case (0, _): nil
            case (_, .s): .seconds(min(value, maximumSeconds))
            case (_, .ms): .milliseconds(min(value, maximumSeconds * 1000))
            }
        return Sourced(length, findings.source(resource, field))
    }

    /// A hundred years: longer values mean nothing else and would overflow clocks.
    private static let maximumSeconds = 3_155_760_000

    /// Whether a limit is reached before another one; nil is "none".
    static func isShorter(_ a: Duration?, _ b: Duration?) -> Bool {
        guard let a else { return false }
        return b.map { a < $0 } ?? true
    }

    /// The larger of two limits, where nil is "none".
    static func longer(_ a: Sourced<Duration?>, _ b: Sourced<Duration?>) -> Sourced<Duration?> {
        guard let x = a.value else { return a }
        guard let y = b.value else { return b }
        return y > x ? b : a
    }
}
