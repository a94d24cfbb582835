import Wire

/// The records of a snapshot: trivial structs that refer to each other, to bytes and to lists by position.
///
/// Every one of them lies in the snapshot's single allocation (design section 10), so that reading them touches no
/// reference count. `Snapshot` documents the tables that the positions index.

/// A run of elements of a table.
struct Run {
    var start: Int32
    var count: Int32
    static let empty = Run(start: 0, count: 0)
    @inline(__always) var isEmpty: Bool { count == 0 }
}

struct ListenerRecord {
    /// Root of the host tree, or -1: names reversed, exact ones as ends and suffixes as prefixes.
    var hosts: Int32 = -1
    /// Virtual host for names that the tree does not know, or -1.
    var anyHost: Int32 = -1
    /// `.fixed`: the authority's port is not looked at.
    var hasFixedPort: Bool
    /// The fixed port, or the egress listener's port, or -1.
    var port: Int32
}

struct VirtualHostRecord {
    /// In `numbers`; empty is "not checked".
    var ports: Run
    var firstRoute: Int32
    /// Roots of the path trees, or -1: case-sensitive and case-folded.
    var paths: Int32 = -1
    var foldedPaths: Int32 = -1
    /// Routes whose path is a pattern, ascending; in `numbers`.
    var patterned: Run = .empty
}

enum PathKind: UInt8 { case any, exact, exactFolded, prefix, prefixFolded, regex }
enum HostnameKind: UInt8 { case none, exact, suffix }
enum PathRewriteKind: UInt8 { case keep, prefix, whole }

struct RouteRecord {
    var hot: HotRoute

    // Predicates.
    var pathKind: PathKind = .any
    /// Nothing but the path is asked for.
    var isPathOnly = true
    var needsAbsoluteForm = false
    var needsGRPC = false
    /// Raw value of `Scheme`, or `absent`.
    var scheme: UInt8 = RouteRecord.absent
    /// Raw value of `Method`, or `absent`; `other` compares `methodName`.
    var method: UInt8 = RouteRecord.absent
    var hostnameKind: HostnameKind = .none
    /// -1: any.
    var port: Int32 = -1
    /// In `bytes`, lower case where folded.
    var path: Run = .empty
    /// In `patterns`.
    var pattern: Int32 = -1
    var methodName: Run = .empty
    var hostname: Run = .empty
    /// In `headers` and `queries`.
    var headers: Run = .empty
    var queries: Run = .empty

    // Action.
    /// In `backends`.
    var backends: Run = .empty
    var totalWeight: UInt64 = 0
    /// In `bytes`.
    var fixedBody: Run = .empty

    // Delegation.
    /// -1: no port is known.
    var delegatePort: Int32 = -1
    var rewritesHost = false
    var pathRewrite: PathRewriteKind = .keep
    var hostLiteral: Run = .empty
    var matchedPrefix: Run = .empty
    /// The whole path, or what replaces the prefix without its trailing slashes.
    var replacement: Run = .empty
    /// What replaces a prefix that is the whole path.
    var bareReplacement: Run = .empty

    static let absent: UInt8 = 0xFF
}

enum HeaderKind: UInt8 { case present, exact, prefix, suffix, contains, regex, range }

/// Where a header predicate finds its value.
enum HeaderSource: UInt8 { case line, method, path, authority, scheme }

struct HeaderRecord {
    var kind: HeaderKind
    var source: HeaderSource = .line
    /// Raw value of `HeaderID`; `other` compares `name`.
    var rawID: UInt8
    var isInverted: Bool
    var ignoresCase: Bool
    var name: Run
    /// Lower case when `ignoresCase`.
    var value: Run = .empty
    /// `contains`: start of the search's border table in `numbers`; `regex`: position in `patterns`.
    var auxiliary: Int32 = -1
    var lower: Int64 = 0
    var upper: Int64 = 0

    @inline(__always) var id: HeaderID { HeaderID(rawValue: rawID) ?? .other }
}

struct QueryRecord {
    var name: Run
    var hasValue: Bool
    var value: Run
}

struct BackendRecord {
    var cluster: Int32
    /// Weight of this backend and of all before it.
    var cumulative: UInt64
}

/// A node of a radix tree; `RadixTree` builds them.
struct RadixNode {
    /// Bytes between the branch byte that led here and this node; in `bytes`.
    var label: Run = .empty
    /// Children are neighbours in `nodes`; their branch bytes are in `bytes`, ascending.
    var firstChild: Int32 = 0
    var branchBytes: Int32 = 0
    var childCount: Int32 = 0
    /// Values of keys that end here, ascending; in `numbers`.
    var ends: Run = .empty
    /// Values of prefixes that end here, ascending; in `numbers`.
    var prefixes: Run = .empty
    /// The nearest ancestor with prefixes, or -1.
    var shorter: Int32 = -1
    /// Smallest value among the prefixes here and on all shorter ones.
    var smallest: Int32 = .max
}
