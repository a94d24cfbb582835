// Records and heads as a data plane would make them, in a few words.

import Telemetry
import Wire

/// A head with the given first line and fields.
func requestHead(
    _ method: String = "GET", _ path: String = "/exact", query: String? = nil, authority: String = "h",
    _ fields: [(String, [UInt8])] = []
) -> HeaderBlock {
    let head = HeaderBlock()
    head.method = Method.allCases.first { "\($0.name)" == method } ?? .other
    head.methodName = head.append(bytes: method)
    head.path = head.append(bytes: path)
    if let query {
        head.query = head.append(bytes: query)
        head.hasQuery = true
    }
    head.authority = head.append(bytes: authority)
    head.add(fields)
    return head
}

func responseHead(_ status: UInt16 = 200, _ fields: [(String, [UInt8])] = []) -> HeaderBlock {
    let head = HeaderBlock()
    head.status = status
    head.add(fields)
    return head
}

extension HeaderBlock {
    func append(bytes text: String) -> Range { append(bytes: Array(text.utf8)) }

    func append(bytes: [UInt8]) -> Range { bytes.withUnsafeBufferPointer { append($0) } }

    /// Adds lines as a codec does: names in lower case, known ones by identifier.
    func add(_ fields: [(String, [UInt8])]) {
        for (name, value) in fields {
            let lower = name.lowercased()
            let id = HeaderID.allCases.first { $0.isKnown && "\($0.name)" == lower } ?? .other
            let nameRange = append(bytes: lower)
            add(id: id, name: nameRange, value: append(bytes: value))
        }
    }
}

func utf8(_ text: String) -> [UInt8] { Array(text.utf8) }

/// Nanoseconds of 2026-11-23T18:24:52.489123456Z.
let goldenStart: Int64 = 1_795_458_292_489_123_456

let downstreamPeer = PeerInfo(
    remote: "127.16.0.3:40001", remoteIP: "127.16.0.3", remotePort: 40001, local: "127.16.0.2:8080",
    localIP: "127.16.0.2", localPort: 8080, connectionID: 7)
let upstreamPeer = PeerInfo(
    remote: "127.0.0.1:18121", remoteIP: "127.0.0.1", remotePort: 18121, local: "127.16.0.2:50000",
    localIP: "127.16.0.2", localPort: 50000, connectionID: 9)
let endpoint = EndpointLabel(
    name: "colors/blue#0", address: "127.0.0.1:18121", clusterName: "cds_egress_colors_blue_http_8080",
    node: "blue")
let gatewayLabels = RouteLabels(mesh: "colors", proxy: "colors/front", node: "front", gatewayRoute: "all")
let routeLabels = RouteLabels(
    mesh: "colors", proxy: "colors/front", node: "front", gatewayRoute: "all", route: "canary",
    virtualService: "color.colors.local")

/// A request that went well: the one of the reference's line.
func goldenRecord(_ request: HeaderBlock? = nil) -> Record {
    let record = Record(
        request: request
            ?? requestHead(
                "GET", "/exact", authority: "h",
                [("x-request-id", utf8("2ab11a20-3b5a-4b6f-aa21-0092cca4ac96")), ("x-a", utf8("abcdefg"))]))
    record.startRealtime = goldenStart
    let start: Int64 = 5_000_000_000
    record.downstreamRxBegin = start
    record.downstreamRxEnd = start + 250_000
    record.upstreamPoolReady = start + 300_000
    record.upstreamTxBegin = start + 350_000
    record.upstreamTxEnd = start + 1_400_000
    record.upstreamRxBegin = start + 1_500_500
    record.upstreamRxBodyBegin = start + 1_600_000
    record.upstreamRxEnd = start + 2_000_000
    record.downstreamTxBegin = start + 1_700_000
    record.downstreamTxEnd = start + 2_734_000
    record.status = 200
    record.details = .viaUpstream
    record.attempts = 1
    record.bodyBytesSent = 225
    record.headerBytesReceived = 99
    record.headerBytesSent = 105
    record.downstreamWireBytesReceived = 142
    record.downstreamWireBytesSent = 330
    record.upstreamHeaderBytesSent = 120
    record.upstreamHeaderBytesReceived = 60
    record.upstreamWireBytesSent = 160
    record.upstreamWireBytesReceived = 290
    record.upstreamVersion = .http11
    record.response = responseHead(200, [("x-envoy-upstream-service-time", utf8("1")), ("x-color", utf8("blue"))])
    record.peer = downstreamPeer
    record.upstreamPeer = upstreamPeer
    record.endpoint = endpoint
    record.labels = routeLabels
    record.gatewayLabels = gatewayLabels
    return record
}

/// A request that no route matched.
func unroutedRecord(_ request: HeaderBlock? = nil) -> Record {
    let record = Record(request: request ?? requestHead("GET", "/nope", authority: "h"))
    record.startRealtime = goldenStart
    record.downstreamRxBegin = 1_000_000
    record.downstreamRxEnd = 1_000_000
    record.downstreamTxEnd = 1_400_000
    record.status = 404
    record.flags = .NR
    record.details = .routeNotFound
    record.response = responseHead(404)
    record.peer = downstreamPeer
    return record
}

extension AccessLogFormat {
    /// One record's line, its last newline left out.
    func line(_ record: Record) -> String { String(decoding: bytes(record).dropLast(), as: UTF8.self) }

    func bytes(_ record: Record) -> [UInt8] {
        let buffer = LogBuffer()
        append(record, to: buffer)
        return buffer.withBytes { Array($0) }
    }
}

extension LogBuffer {
    /// Adds a line of text as a format without operators does.
    func append(line: String) {
        let format = try? AccessLogFormat.text(line.replacing("%", with: "%%"))
        format?.append(Record(request: HeaderBlock()), to: self)
    }
}
