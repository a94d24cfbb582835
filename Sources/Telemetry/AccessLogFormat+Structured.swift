// The log of `--access-log`: one JSON object per record and hop, with keys that stay as they are, so that scripts and the
// tests of a mesh can rely on them. A fact that a record lacks is `null`; the key is there all the same.

extension AccessLogFormat {
    /// The keys, in order:
    ///
    /// | key | value |
    /// |---|---|
    /// | `time` | start of the request, RFC 3339 in UTC with microseconds |
    /// | `mesh`, `proxy`, `node` | where the line was written: mesh, proxy (`colors/blue#0`), its node or gateway |
    /// | `service`, `route` | virtual service and route that matched |
    /// | `gateway_route` | gateway route that the request passed here |
    /// | `cluster`, `endpoint`, `upstream` | chosen destination, instance and its address |
    /// | `method`, `authority`, `path` | the request, its path and query as the client sent them |
    /// | `upstream_path` | path and query that went upstream, if a route rewrote them |
    /// | `protocol` | `HTTP/1.0`, `HTTP/1.1` or `HTTP/2` |
    /// | `status` | status sent downstream; 0 if none was |
    /// | `flags`, `details` | Envoy's response flags as a list; why the status is what it is |
    /// | `attempts` | tries sent upstream |
    /// | `bytes_received`, `bytes_sent` | bodies, downstream side |
    /// | `duration_ms` | first byte of the request to the end of the exchange |
    /// | `request_ms`, `upstream_ms` | until the request was received; until the answer's first byte from upstream |
    /// | `peer`, `local` | both ends of the downstream connection |
    /// | `connection` | number of the downstream connection in this process |
    /// | `request_id`, `trace` | `x-request-id`, `traceparent` |
    public static let structured: AccessLogFormat = {
        var builder = JSONSteps()
        builder.add(key: "time", .startTimeMicroseconds)
        builder.addMembers(.labelMembers)
        builder.add(key: "gateway_route", .gatewayRoute, mode: .raw)
        builder.add(key: "cluster", .upstreamCluster)
        builder.add(key: "endpoint", .endpointName)
        builder.add(key: "upstream", .upstreamHost)
        builder.add(key: "method", .requestHeader(.method, .none))
        builder.add(key: "authority", .requestHeader(.authority, .none))
        builder.add(key: "path", .requestHeader(.originalPath, .path))
        builder.add(key: "upstream_path", .rewrittenPath)
        builder.add(key: "protocol", .protocolVersion)
        builder.add(key: "status", .responseCode)
        builder.add(key: "flags", .flagList, mode: .raw)
        builder.add(key: "details", .responseDetails)
        builder.add(key: "attempts", .attempts)
        builder.add(key: "bytes_received", .bytes(.bodyReceived))
        builder.add(key: "bytes_sent", .bytes(.bodySent))
        builder.add(key: "duration_ms", .duration(.downstreamRxBegin, .end, .fractionalMilliseconds))
        builder.add(key: "request_ms", .duration(.downstreamRxBegin, .downstreamRxEnd, .fractionalMilliseconds))
        builder.add(key: "upstream_ms", .duration(.downstreamRxBegin, .upstreamRxBegin, .fractionalMilliseconds))
        builder.add(key: "peer", .address(.downstreamRemote))
        builder.add(key: "local", .address(.downstreamLocal))
        builder.add(key: "connection", .connectionID)
        builder.add(key: "request_id", .requestHeader(.known(.xRequestID), .none))
        builder.add(key: "trace", .requestHeader(.known(.traceparent), .none))
        return builder.finish()
    }()
}
