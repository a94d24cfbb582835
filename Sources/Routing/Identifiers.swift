/// The small values that the data plane keeps instead of references into a snapshot.
///
/// Identifiers are dense indexes over the whole snapshot, in the order of the plan, so that per-worker state is a plain
/// array. They mean nothing in another generation: state that outlives a snapshot is keyed by names.

/// A listener of any proxy of one snapshot.
public struct ListenerID: Hashable, Sendable, BitwiseCopyable {
    public let raw: Int32
    public init(raw: Int32) { self.raw = raw }
    @inlinable public var index: Int { Int(raw) }
}

/// A virtual host of any proxy of one snapshot.
public struct VirtualHostID: Hashable, Sendable, BitwiseCopyable {
    public let raw: Int32
    public init(raw: Int32) { self.raw = raw }
    @inlinable public var index: Int { Int(raw) }
}

/// A route of any virtual host of one snapshot. Within a virtual host a smaller identifier comes first.
public struct RouteID: Hashable, Sendable, BitwiseCopyable {
    public let raw: Int32
    public init(raw: Int32) { self.raw = raw }
    @inlinable public var index: Int { Int(raw) }
}

/// A cluster of any proxy of one snapshot.
public struct ClusterID: Hashable, Sendable, BitwiseCopyable {
    public let raw: Int32
    public init(raw: Int32) { self.raw = raw }
    @inlinable public var index: Int { Int(raw) }
}

/// What matching a request head came to.
public enum RouteResult: Equatable, Sendable {
    case matched(RouteID, VirtualHostID)
    case notFound(NotFound)
}

/// Why no route was found. To the client all are 404 with flag `NR` (dataplane.md 1.5); records and `explain` tell them
/// apart.
public enum NotFound: UInt8, Equatable, Sendable {
    /// No name of the listener covers the host.
    case unknownHost
    /// The host is known, but it does not listen on the port that was asked for.
    case portNotServed
    /// No route of the virtual host applies.
    case noRoute
}

/// Which parts of a head a delegating route changed.
public struct RewriteResult: OptionSet, Sendable {
    public let rawValue: UInt8
    public init(rawValue: UInt8) { self.rawValue = rawValue }
    public static let path = RewriteResult(rawValue: 1)
    public static let host = RewriteResult(rawValue: 2)
}

/// What the data plane needs of a matched route for every request, as one plain value.
public struct HotRoute: Sendable, BitwiseCopyable {
    public enum Kind: UInt8, Sendable, BitwiseCopyable {
        case forward, delegate, fixedResponse, forwardToAuthority, handler
    }

    public internal(set) var kind: Kind
    /// Status of a fixed response; zero for other kinds.
    public internal(set) var status: UInt16
    /// Whole-answer limit in nanoseconds; 0 is none.
    public internal(set) var requestTimeout: Int64
    /// Idle limit in nanoseconds; 0 is none.
    public internal(set) var idleTimeout: Int64
    /// Where a delegating route continues; `raw` is -1 for other kinds.
    public internal(set) var delegateHost: VirtualHostID

    /// What a delegating route allows the whole exchange, in nanoseconds, besides the limit of the route that it leads
    /// to; 0 is none. Zero for other kinds.
    public var delegateBound: Int64 { kind == .delegate ? requestTimeout : 0 }
}
