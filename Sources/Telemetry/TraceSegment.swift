// X-Ray segment documents as Envoy's tracer sends them for App Mesh: one datagram for each segment, a header line and the JSON
// document (AWS X-Ray developer guide, "Segment documents" and "Sending segment documents to the daemon"). Everything that
// a client chooses is cut to X-Ray's lengths and escaped, so that a datagram is small and valid whatever was sent.

import Wire

/// What all segments of one proxy share.
public final class TracedProxy: Sendable {
    public let sampler: TraceSampler
    /// `"name":…,"origin":…,"aws":{…}`.
    let members: [UInt8]

    /// Names are at most this many characters long.
    public static let nameCharactersMax = 200

    /// - Parameters:
    ///   - name: the segment's; nil takes App Mesh's default, `mesh/resource`.
    ///   - resource: the virtual node, or the virtual gateway, which X-Ray knows under the same key.
    public init(name: String?, mesh: String, resource: String, rules: SamplingRules) {
        sampler = TraceSampler(rules)
        let name = String((name ?? "\(mesh)/\(resource)").prefix(Self.nameCharactersMax))
        var members = Array("\"name\":".utf8) + JSONText.value(name)
        members += Array(",\"origin\":\"AWS::AppMesh::Proxy\",\"aws\":{\"app_mesh\":{\"mesh_name\":".utf8)
        members += JSONText.value(mesh) + Array(",\"virtual_node_name\":".utf8) + JSONText.value(resource)
        self.members = members + Array("}}".utf8)
    }

    /// The span of a request that begins now: it continues the trace that the request is part of, or begins one.
    ///
    /// - Parameters:
    ///   - realtime: nanoseconds since 1970.
    ///   - now: monotonic time in nanoseconds.
    public func begin(
        _ head: HeaderBlock, isEgress: Bool, realtime: Int64, now: Int64, random: inout some RandomNumberGenerator
    ) -> TraceSpan {
        let incoming = TraceHeaders.read(head)
        let traceID = incoming.traceID ?? TraceID(second: realtime / 1_000_000_000, random: &random)
        let isSampled =
            incoming.isSampled
            ?? sampler.decide(
                host: head.bytes(head.authority), method: Self.method(head), path: head.bytes(head.path), now: now,
                random: random.next())
        // All but one of the numbers are identifiers.
        return TraceSpan(
            traceID: traceID, id: max(random.next(), 1), parentID: incoming.parentID, isSampled: isSampled,
            isEgress: isEgress)
    }

    static func method(_ head: HeaderBlock) -> UnsafeBufferPointer<UInt8> {
        if !head.methodName.isEmpty { return head.bytes(head.methodName) }
        let name = head.method.name
        return UnsafeBufferPointer(start: name.utf8Start, count: name.utf8CodeUnitCount)
    }
}

/// Makes datagrams of finished records, one at a time in the same memory. It belongs to one worker.
public final class SegmentWriter {
    private var output = Output(capacity: 4_096)

    /// X-Ray's limit for text values.
    static let textBytesMax = 250
    /// Envoy's limit for paths in traces.
    static let pathBytesMax = 256

    public init() {}

    deinit { output.base.deallocate() }

    /// The datagram of `record`; valid until the next call.
    public func datagram(_ record: Record, _ span: TraceSpan, of proxy: TracedProxy) -> UnsafeRawBufferPointer {
        output.count = 0
        output.append("{\"format\":\"json\",\"version\":1}\n{")
        output.append(proxy.members)
        output.append(",\"id\":\"")
        hex(span.id)
        output.append("\",\"trace_id\":\"1-")
        output.reserve(33)
        let space = UnsafeMutableBufferPointer(start: output.base + output.count, count: 33)
        XRayHeader.writeRootDigits(span.traceID, to: space, at: 0)
        output.count += 33
        if span.parentID != 0 {
            output.append("\",\"parent_id\":\"")
            hex(span.parentID)
        }
        output.append("\",\"start_time\":")
        seconds(record.startRealtime)
        output.append(",\"end_time\":")
        seconds(record.startRealtime &+ max(0, record.end &- record.downstreamRxBegin))
        outcome(record.status)
        output.append(",\"http\":{\"request\":{")
        request(record)
        output.append("},\"response\":{")
        if record.status > 0 {
            output.append("\"status\":")
            output.append(decimal: record.status)
            output.append(UInt8(ascii: ","))
        }
        output.append("\"content_length\":")
        output.append(decimal: record.bodyBytesSent)
        output.append("}},\"annotations\":{")
        annotations(record, span)
        output.append("}}")
        return UnsafeRawBufferPointer(start: output.base, count: output.count)
    }

    /// Like Envoy, no answer is the server's fault. What is false is left out.
    private func outcome(_ status: Int) {
        switch status {
        case 429: output.append(",\"error\":true,\"throttle\":true")
        case 400..<500: output.append(",\"error\":true")
        case 500..., ..<100: output.append(",\"fault\":true")
        default: break
        }
    }

    private func request(_ record: Record) {
        let head = record.request
        output.append("\"method\":")
        text(TracedProxy.method(head))
        output.append(",\"url\":\"")
        let start = output.count
        let isForwardedHTTPS = head.value(.xForwardedProto).map { head.bytes($0).elementsEqual("https".utf8) } ?? false
        output.append(head.scheme == .https || isForwardedHTTPS ? "https://" : "http://")
        copy(head.bytes(head.value(.xEnvoyOriginalHost) ?? head.authority), Self.textBytesMax)
        path(record)
        closeText(from: start)
        if let agent = head.value(.userAgent) {
            output.append(",\"user_agent\":")
            text(head.bytes(agent))
        }
        client(record)
    }

    /// Path and query as they came to the mesh.
    private func path(_ record: Record) {
        let head = record.request
        let original = record.originalPath.isEmpty ? head.value(.xEnvoyOriginalPath) : record.originalPath
        if let original { return copy(head.bytes(original), Self.pathBytesMax) }
        copy(head.bytes(head.path), Self.pathBytesMax)
        let left = Self.pathBytesMax - Int(head.path.count)
        guard head.hasQuery, left > 0 else { return }
        output.append(UInt8(ascii: "?"))
        copy(head.bytes(head.query), left - 1)
    }

    /// Who asked first: the beginning of `x-forwarded-for`, which X-Ray wants to know as forgeable, or the peer.
    private func client(_ record: Record) {
        let head = record.request
        let peer = record.peer?.remoteIPBytes ?? []
        output.append(",\"client_ip\":")
        if let list = head.value(.xForwardedFor) {
            let first = head.bytes(list).prefix { $0 != UInt8(ascii: ",") && $0 != 0x20 }
            if !first.isEmpty, !first.elementsEqual(peer) {
                text(UnsafeBufferPointer(rebasing: first))
                return output.append(",\"x_forwarded_for\":true")
            }
        }
        peer.withUnsafeBufferPointer { text($0) }
        output.append(",\"x_forwarded_for\":false")
    }

    /// Envoy's tags. X-Ray takes letters, digits and underscores in names, so what Envoy writes with other characters
    /// (`guid:x-request-id`, `http.protocol`) has underscores for them.
    private func annotations(_ record: Record, _ span: TraceSpan) {
        output.append(span.isEgress ? "\"direction\":\"egress\"" : "\"direction\":\"ingress\"")
        output.append(",\"component\":\"proxy\",\"http_protocol\":\"")
        output.append(Renderer.name(record.version))
        output.append("\",\"request_size\":\"")
        output.append(decimal: record.bodyBytesReceived)
        output.append("\",\"response_flags\":\"")
        flags(record.flags)
        output.append(UInt8(ascii: "\""))
        if let id = record.request.value(.xRequestID) {
            output.append(",\"guid_x_request_id\":")
            text(record.request.bytes(id))
        }
        if let cluster = record.endpoint?.clusterBytes ?? record.cluster?.nameBytes {
            output.append(",\"upstream_cluster\":")
            cluster.withUnsafeBufferPointer { text($0) }
        }
        if let address = record.endpoint?.addressBytes {
            output.append(",\"upstream_address\":")
            address.withUnsafeBufferPointer { text($0) }
        }
    }

    private func flags(_ flags: ResponseFlags) {
        var rest = flags.rawValue
        if rest == 0 { output.append(UInt8(ascii: "-")) }
        while rest != 0 {
            output.append(ResponseFlags.shortName(rest.trailingZeroBitCount))
            rest &= rest &- 1
            if rest != 0 { output.append(UInt8(ascii: ",")) }
        }
    }

    // MARK: Values

    private func hex(_ value: UInt64) {
        output.reserve(16)
        Hex.write(value, 16, to: UnsafeMutableBufferPointer(start: output.base + output.count, count: 16), at: 0)
        output.count += 16
    }

    /// Seconds since 1970 with six decimals.
    private func seconds(_ nanoseconds: Int64) {
        let microseconds = max(0, nanoseconds) / 1_000
        output.append(decimal: microseconds / 1_000_000)
        output.append(UInt8(ascii: "."))
        output.append(padded: Int(microseconds % 1_000_000), width: 6)
    }

    /// A whole JSON string.
    private func text(_ bytes: UnsafeBufferPointer<UInt8>) {
        output.append(UInt8(ascii: "\""))
        let start = output.count
        copy(bytes, Self.textBytesMax)
        closeText(from: start)
    }

    private func closeText(from start: Int) {
        JSONText.escapeTail(of: &output, from: start)
        output.append(UInt8(ascii: "\""))
    }

    /// At most so many bytes, and no part of a character.
    private func copy(_ bytes: UnsafeBufferPointer<UInt8>, _ bytesMax: Int) {
        guard bytes.count > bytesMax else { return output.append(bytes) }
        var count = bytesMax
        while count > 0, bytes[count] & 0xC0 == 0x80 { count -= 1 }
        output.append(UnsafeBufferPointer(rebasing: bytes[..<count]))
    }
}
