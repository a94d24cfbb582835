// The conditions of `trellis tap` and `trellis logs`, checked before anything is asked, and written as the query of
// `/v1/tap`.

import DataPlane

public struct TapFilterText: Sendable {
    private let filter: TapFilter
    /// For `/v1/tap`, with its leading `?`; empty without conditions.
    public let query: String

    public init(
        mesh: String?, proxy: String?, node: String?, route: String?, statuses: [String], flags: [String],
        pathPrefix: String?, headers: [String]
    ) throws(FilterError) {
        filter = try TapFilter(
            mesh: mesh, proxy: proxy, node: node, route: route, statuses: statuses, flags: flags,
            pathPrefix: pathPrefix,
            headers: headers)
        var parts: [(String, String?)] = [
            ("mesh", mesh), ("proxy", proxy), ("node", node), ("route", route), ("path", pathPrefix),
        ]
        parts += statuses.map { ("status", $0) } + flags.map { ("flags", $0) } + headers.map { ("header", $0) }
        let text = parts.compactMap { key, value in value.map { "\(key)=\(QueryText.encoded($0))" } }
        query = text.isEmpty ? "" : "?" + text.joined(separator: "&")
    }

    /// Whether a written record fulfils the conditions; it holds no headers of the request.
    public func takes(_ record: LogRecord) -> Bool { filter.takes(record) }
}

/// How a workload is named on the command line.
public enum WorkloadName {
    public static func covers(_ name: String, _ given: String) -> Bool { Naming.covers(name, given) }
}
