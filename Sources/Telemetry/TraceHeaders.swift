// How a traced proxy reads a request's trace headers and writes its own part into them, as Envoy's X-Ray tracer does with
// `x-amzn-trace-id`, and for `traceparent` by the rules of W3C Trace Context.
//
// `x-amzn-trace-id` decides; without one, a valid `traceparent` is continued, as X-Ray accepts W3C's identifiers. A
// `traceparent` of another trace is somebody else's and passes untouched. Headers of other systems (B3, `x-request-id`) are
// never changed here; and a proxy that does not trace changes none at all.

import Wire

public enum TraceHeaders {
    /// What a request says about its trace.
    public struct Incoming: Sendable, Equatable {
        /// nil: no trace, or none that can be believed.
        public var traceID: TraceID?
        /// 0 if there is none.
        public var parentID: UInt64 = 0
        /// The decision of whoever came before; nil if the next participant decides.
        public var isSampled: Bool?

        public init(traceID: TraceID? = nil, parentID: UInt64 = 0, isSampled: Bool? = nil) {
            self.traceID = traceID
            self.parentID = parentID
            self.isSampled = isSampled
        }
    }

    public static func read(_ head: HeaderBlock) -> Incoming {
        let xray = head.value(.xAmznTraceID).flatMap { XRayHeader(head.bytes($0)) }
        let w3c = traceParent(head)
        var incoming = Incoming(traceID: xray?.root, parentID: xray?.parentID ?? 0)
        if incoming.traceID == nil, let w3c {
            incoming.traceID = w3c.traceID
            incoming.parentID = w3c.parentID
        }
        switch xray?.sampling ?? .unsaid {
        case .yes: incoming.isSampled = true
        case .no: incoming.isSampled = false
        case .asked: break
        case .unsaid: if let w3c, incoming.traceID == w3c.traceID { incoming.isSampled = w3c.isSampled }
        }
        // A parent that belongs to no trace is nobody's.
        if incoming.traceID == nil { incoming.parentID = 0 }
        return incoming
    }

    /// Names `span` as the parent of what comes next. `tracestate` stays as it is with a valid `traceparent`, and goes with an
    /// invalid or missing one (W3C 3.3).
    public static func write(_ span: TraceSpan, to head: HeaderBlock) {
        let old = head.value(.xAmznTraceID)
        // The fields of a header that is not believed are not passed on.
        let kept = old.flatMap { XRayHeader(head.bytes($0)) == nil ? nil : $0 } ?? .empty
        let value = head.append(upTo: XRayHeader.ownBytes + 1 + Int(kept.count)) { space in
            XRayHeader.write(span, keepingOthersOf: head.bytes(kept), to: space)
        }
        head.set(.xAmznTraceID, value)
        let parent = traceParent(head)
        if let parent, parent.traceID != span.traceID { return }
        if parent == nil { head.remove(.tracestate) }
        let flags = (parent?.flags ?? 0) & TraceParent.random | (span.isSampled ? TraceParent.sampled : 0)
        let own = TraceParent(traceID: span.traceID, parentID: span.id, flags: flags)
        head.set(.traceparent, head.append(upTo: TraceParent.bytes) { own.write(to: $0) })
    }

    /// The request's `traceparent`, if it has exactly one and that is valid.
    private static func traceParent(_ head: HeaderBlock) -> TraceParent? {
        guard let first = head.firstIndex(of: .traceparent) else { return nil }
        var next = first + 1
        while next < head.count {
            if head.field(next).id == .traceparent { return nil }
            next += 1
        }
        return TraceParent(head.bytes(head.field(first).value))
    }
}
