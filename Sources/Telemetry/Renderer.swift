// Prints one fact of a record. Each operator writes the fact's plain text at the end of the output, or says that there is
// none; what surrounds it (dash, `null`, quotes, escapes, length limit) is the same for all and is applied to the bytes
// just written.

import Wire

struct Renderer {
    let record: Record
    // Loaded once for the whole line.
    let request: HeaderBlock
    let response: HeaderBlock?
    let pool: UnsafeBufferPointer<UInt8>
    let times: [TimeFormat]

    init(record: Record, pool: UnsafeBufferPointer<UInt8>, times: [TimeFormat]) {
        self.record = record
        request = record.request
        response = record.response
        self.pool = pool
        self.times = times
    }

    @inline(__always) func run(_ step: Step, _ output: inout Output) {
        if case .constant(let range) = step.operation, step.mode == .raw {
            return output.append(bytes(range))
        }
        if step.mode == .raw {
            write(step.operation, step.mode, &output)
            return
        }
        let isQuoted = step.mode == .json && !step.operation.isNumber
        let quote = output.count
        if isQuoted { output.append(UInt8(ascii: "\"")) }
        let start = output.count
        guard write(step.operation, step.mode, &output) else {
            output.count = quote
            if step.mode == .json { output.append("null") } else { output.append(UInt8(ascii: "-")) }
            return
        }
        if output.count - start > Int(step.limit) { output.count = start + Int(step.limit) }
        if step.mode != .text { JSONText.escapeTail(of: &output, from: start) }
        if isQuoted { output.append(UInt8(ascii: "\"")) }
    }

    @inline(__always) private func bytes(_ range: PoolRange) -> UnsafeBufferPointer<UInt8> {
        UnsafeBufferPointer(rebasing: pool[Int(range.start)..<Int(range.start + range.count)])
    }

    /// Writes a fact; false if the record lacks it.
    @discardableResult
    private func write(_ operation: Operator, _ mode: Step.Mode, _ output: inout Output) -> Bool {
        switch operation {
        case .constant(let range): output.append(bytes(range))
        case .absent: return false
        case .startTime(let index): times[Int(index)].append(record.startRealtime, to: &output)
        case .startTimeMicroseconds: output.append(microsecondTime: record.startRealtime)
        case .emitTime(let index):
            times[Int(index)].append(
                record.startRealtime &+ (record.end &- record.downstreamRxBegin), to: &output)
        case .requestHeader(let first, let second):
            return header(first, request, &output) || header(second, request, &output)
        case .responseHeader(let first, let second):
            guard let head = response else { return false }
            return header(first, head, &output) || header(second, head, &output)
        case .responseTrailer(let first, let second):
            guard let trailers = record.responseTrailers else { return false }
            return header(first, trailers, &output) || header(second, trailers, &output)
        case .queryParameter(let name): return queryParameter(bytes(name), mode, &output)
        case .path(let source, let withQuery): return path(source, withQuery, &output)
        case .protocolVersion: output.append(Self.name(record.version))
        case .upstreamProtocol:
            guard let version = record.upstreamVersion else { return false }
            output.append(Self.name(version))
        case .responseCode: output.append(decimal: record.status)
        case .responseDetails:
            guard !record.details.isEmpty else { return false }
            output.append(record.details.text)
        case .responseFlags: flags(ResponseFlags.shortName, &output)
        case .responseFlagsLong: flags(ResponseFlags.longName, &output)
        case .bytes(let counter): output.append(decimal: value(counter))
        case .duration(let from, let to, let unit): return duration(point(from), point(to), unit, &output)
        case .upstreamHost:
            guard let endpoint = record.endpoint else { return false }
            output.append(endpoint.addressBytes)
        case .upstreamHostName, .endpointName:
            guard let endpoint = record.endpoint else { return false }
            output.append(endpoint.nameBytes)
        case .upstreamHostNameWithoutPort:
            guard let endpoint = record.endpoint else { return false }
            output.append(Self.withoutPort(endpoint.nameBytes))
        case .attempted(let part): return attempts(part, &output)
        case .upstreamCluster: return cluster(&output)
        case .upstreamFailureReason:
            guard let reason = record.upstreamFailureReason else { return false }
            let start = output.count
            output.append(reason)
            for index in start..<output.count where output.base[index] == 0x20 {
                output.base[index] = UInt8(ascii: "_")
            }
        case .address(let part): return address(part, &output)
        case .network(let part, let bits): return network(part, bits, &output)
        case .connectionID:
            guard let peer = record.peer else { return false }
            output.append(decimal: peer.connectionID)
        case .upstreamConnectionID: output.append(decimal: record.upstreamPeer?.connectionID ?? 0)
        case .upstreamEndpointID: return record.upstreamPeer != nil
        case .streamID: return header(.known(.xRequestID), request, &output)
        case .uniqueID: output.appendUniqueID()
        case .traceID: return traceID(&output)
        case .routeName:
            guard let labels = record.labels ?? record.gatewayLabels, !labels.routeBytes.isEmpty else { return false }
            output.append(labels.routeBytes)
        case .attempts: output.append(decimal: record.attempts)
        case .localReplyBody: if let body = record.localReplyBody { output.append(body) }
        case .grpcStatus(let form): return grpcStatus(form, &output)
        case .labelMembers: labelMembers(&output)
        case .gatewayRoute:
            output.append((record.gatewayLabels ?? record.labels)?.gatewayRouteJSON ?? Self.null)
        case .flagList: flagList(&output)
        case .originalPath: return original(withQuery: true, &output)
        case .rewrittenPath:
            guard hasOriginal else { return false }
            return current(withQuery: true, &output)
        }
        return true
    }

    private static let null = Array("null".utf8)
    private static let noLabels = Array(#""mesh":null,"proxy":null,"node":null,"service":null,"route":null,"#.utf8)

    // MARK: Heads

    /// A header's first value, or a part of the first line.
    @inline(__always) private func header(_ name: HeaderName, _ head: HeaderBlock, _ output: inout Output) -> Bool {
        switch name {
        case .none: return false
        case .known(let id):
            guard let value = head.value(id) else { return false }
            output.append(head.bytes(value))
        case .other(let range):
            guard let value = find(bytes(range), head) else { return false }
            output.append(head.bytes(value))
        case .method:
            if !head.methodName.isEmpty {
                output.append(head.bytes(head.methodName))
            } else {
                // A head that could not be parsed has no method, as it has no target either.
                guard !head.path.isEmpty || !head.authority.isEmpty, head.method != .other else { return false }
                output.append(head.method.name)
            }
        case .path: return current(withQuery: true, &output)
        case .authority:
            guard !head.authority.isEmpty else { return false }
            output.append(head.bytes(head.authority))
        case .scheme:
            // Nothing at all is known of a head that could not be parsed.
            guard !head.path.isEmpty || !head.authority.isEmpty else { return false }
            output.append(head.scheme == .https ? "https" : "http")
        case .status:
            guard head.status > 0 else { return false }
            output.append(decimal: Int(head.status))
        case .originalPath: return original(withQuery: true, &output)
        case .protocolVersion: output.append(Self.name(head.version))
        }
        return true
    }

    private func find(_ name: UnsafeBufferPointer<UInt8>, _ head: HeaderBlock) -> HeaderBlock.Range? {
        for index in 0..<head.count {
            let field = head.field(index)
            guard field.id == .other, Int(field.name.count) == name.count else { continue }
            if head.bytes(field.name).elementsEqual(name) { return field.value }
        }
        return nil
    }

    private var hasOriginal: Bool {
        !record.originalPath.isEmpty || request.contains(.xEnvoyOriginalPath)
    }

    private func original(withQuery: Bool, _ output: inout Output) -> Bool {
        guard let range = request.value(.xEnvoyOriginalPath) ?? originalRange else { return false }
        let bytes = request.bytes(range)
        let end = withQuery ? nil : bytes.firstIndex(of: UInt8(ascii: "?"))
        output.append(UnsafeBufferPointer(rebasing: bytes[..<(end ?? bytes.count)]))
        return true
    }

    private var originalRange: HeaderBlock.Range? { record.originalPath.isEmpty ? nil : record.originalPath }

    private func current(withQuery: Bool, _ output: inout Output) -> Bool {
        let head = request
        guard !head.path.isEmpty else { return false }
        output.append(head.bytes(head.path))
        if withQuery, head.hasQuery {
            output.append(UInt8(ascii: "?"))
            output.append(head.bytes(head.query))
        }
        return true
    }

    private func path(_ source: PathSource, _ withQuery: Bool, _ output: inout Output) -> Bool {
        switch source {
        case .original: original(withQuery: withQuery, &output)
        case .current: current(withQuery: withQuery, &output)
        case .originalOrCurrent: original(withQuery: withQuery, &output) || current(withQuery: withQuery, &output)
        }
    }

    /// The first parameter of that name, percent-decoded as Envoy does it. In text, control characters stay encoded: a
    /// decoded newline would forge a line.
    private func queryParameter(
        _ name: UnsafeBufferPointer<UInt8>, _ mode: Step.Mode, _ output: inout Output
    ) -> Bool {
        let query = request.bytes(request.query)
        var start = 0
        while start < query.count {
            let end = query[start...].firstIndex(of: UInt8(ascii: "&")) ?? query.count
            let equals = query[start..<end].firstIndex(of: UInt8(ascii: "="))
            let nameEnd = equals ?? end
            if query[start..<nameEnd].elementsEqual(name) {
                if let equals {
                    decode(UnsafeBufferPointer(rebasing: query[(equals + 1)..<end]), mode, &output)
                }
                return true
            }
            start = end + 1
        }
        return false
    }

    private func decode(_ value: UnsafeBufferPointer<UInt8>, _ mode: Step.Mode, _ output: inout Output) {
        var index = 0
        while index < value.count {
            if value[index] == UInt8(ascii: "%"), index + 2 < value.count,
                let high = Self.hex(value[index + 1]), let low = Self.hex(value[index + 2])
            {
                let byte = high << 4 | low
                if mode != .text || byte >= 0x20 && byte != 0x7F {
                    output.append(byte)
                    index += 3
                    continue
                }
            }
            output.append(value[index])
            index += 1
        }
    }

    private static func hex(_ byte: UInt8) -> UInt8? {
        switch byte {
        case 0x30...0x39: byte - 0x30
        case 0x41...0x46: byte - 0x37
        case 0x61...0x66: byte - 0x57
        default: nil
        }
    }

    static func name(_ version: HTTPVersion) -> StaticString {
        switch version {
        case .http10: "HTTP/1.0"
        case .http11: "HTTP/1.1"
        case .http2: "HTTP/2"
        }
    }

    // MARK: Outcome

    private func flags(_ name: (Int) -> StaticString, _ output: inout Output) {
        var rest = record.flags.rawValue
        guard rest != 0 else { return output.append(UInt8(ascii: "-")) }
        var isFirst = true
        while rest != 0 {
            if !isFirst { output.append(UInt8(ascii: ",")) }
            isFirst = false
            output.append(name(rest.trailingZeroBitCount))
            rest &= rest &- 1
        }
    }

    private func flagList(_ output: inout Output) {
        var rest = record.flags.rawValue
        output.append(UInt8(ascii: "["))
        while rest != 0 {
            output.append(UInt8(ascii: "\""))
            output.append(ResponseFlags.shortName(rest.trailingZeroBitCount))
            output.append(UInt8(ascii: "\""))
            rest &= rest &- 1
            if rest != 0 { output.append(UInt8(ascii: ",")) }
        }
        output.append(UInt8(ascii: "]"))
    }

    private func labelMembers(_ output: inout Output) {
        output.append((record.labels ?? record.gatewayLabels)?.structuredMembers ?? Self.noLabels)
    }

    private func cluster(_ output: inout Output) -> Bool {
        if let endpoint = record.endpoint {
            output.append(endpoint.clusterBytes)
        } else if let cluster = record.cluster {
            output.append(cluster.nameBytes)
        } else {
            return false
        }
        return true
    }

    private func value(_ counter: ByteCounter) -> UInt64 {
        switch counter {
        case .bodyReceived: record.bodyBytesReceived
        case .bodySent: record.bodyBytesSent
        case .requestHeaders: headBytes(request)
        case .responseHeaders: response.map(headBytes) ?? 0
        case .downstreamHeaderReceived: record.headerBytesReceived
        case .downstreamHeaderSent: record.headerBytesSent
        case .retransmitted: 0
        case .responseTrailers: record.responseTrailers.map(fieldBytes) ?? 0
        case .downstreamWireReceived: record.downstreamWireBytesReceived
        case .downstreamWireSent: record.downstreamWireBytesSent
        case .upstreamWireReceived: record.upstreamWireBytesReceived
        case .upstreamWireSent: record.upstreamWireBytesSent
        case .upstreamHeaderReceived: record.upstreamHeaderBytesReceived
        case .upstreamHeaderSent: record.upstreamHeaderBytesSent
        }
    }

    func address(_ part: AddressPart, _ output: inout Output) -> Bool {
        let peer: PeerInfo?
        switch part {
        case .upstreamRemote, .upstreamRemoteIP, .upstreamRemotePort, .upstreamLocal, .upstreamLocalIP,
            .upstreamLocalPort:
            peer = record.upstreamPeer
        default: peer = record.peer
        }
        guard let peer else { return false }
        switch part {
        case .downstreamRemote, .upstreamRemote: output.append(peer.remoteBytes)
        case .downstreamRemoteIP, .upstreamRemoteIP: output.append(peer.remoteIPBytes)
        case .downstreamRemotePort, .upstreamRemotePort: output.append(decimal: peer.remotePort)
        case .downstreamLocal, .upstreamLocal: output.append(peer.localBytes)
        case .downstreamLocalIP, .upstreamLocalIP: output.append(peer.localIPBytes)
        case .downstreamLocalPort, .upstreamLocalPort: output.append(decimal: peer.localPort)
        }
        return true
    }

    // MARK: Time

    private func point(_ point: TimePoint) -> Int64 {
        switch point {
        case .downstreamRxBegin: record.downstreamRxBegin
        case .downstreamRxEnd: record.downstreamRxEnd
        case .upstreamConnectBegin: record.upstreamConnectBegin
        case .upstreamConnectEnd: record.upstreamConnectEnd
        case .upstreamHandshakeEnd: 0
        case .upstreamTxBegin: record.upstreamTxBegin
        // The request's end is known before anybody takes it.
        case .upstreamTxEnd: record.upstreamTxBegin == 0 ? 0 : record.upstreamTxEnd
        case .upstreamRxBegin: record.upstreamRxBegin
        case .upstreamRxBodyBegin: record.upstreamRxBodyBegin
        case .upstreamRxEnd: record.upstreamRxEnd
        case .downstreamTxBegin: record.downstreamTxBegin
        case .downstreamTxEnd: record.downstreamTxEnd
        case .upstreamPoolReady: record.upstreamPoolReady
        case .end: record.end
        }
    }

    /// Nothing if a point was not reached, or if they are in the wrong order.
    private func duration(_ from: Int64, _ to: Int64, _ unit: DurationUnit, _ output: inout Output) -> Bool {
        guard from != 0, to != 0, to >= from else { return false }
        let nanoseconds = to &- from
        switch unit {
        case .milliseconds: output.append(decimal: nanoseconds / 1_000_000)
        case .microseconds: output.append(decimal: nanoseconds / 1000)
        case .nanoseconds: output.append(decimal: nanoseconds)
        case .fractionalMilliseconds: output.append(milliseconds: nanoseconds)
        }
        return true
    }

    // MARK: gRPC

    /// Only for gRPC requests: from the trailers, else the head, else the HTTP status.
    private func grpcStatus(_ form: GRPCStatusForm, _ output: inout Output) -> Bool {
        guard isGRPC else { return false }
        var code: Int?
        if let trailers = record.responseTrailers, let value = trailers.value(.grpcStatus) {
            code = Self.number(trailers.bytes(value)) ?? -1
        } else if let head = response, let value = head.value(.grpcStatus) {
            code = Self.number(head.bytes(value)) ?? -1
        }
        let status = code ?? Self.grpcStatus(ofHTTP: record.status)
        if form == .number {
            output.append(decimal: status)
        } else if status >= 0, status < Self.camel.count {
            output.append(form == .camel ? Self.camel[status] : Self.snake[status])
        } else if status < 0 {
            output.append(form == .camel ? "InvalidCode" : "INVALID_CODE")
        } else {
            output.append(decimal: status)
        }
        return true
    }

    /// `application/grpc` or `application/grpc+…`, not `application/grpc-web`.
    private var isGRPC: Bool {
        guard let range = request.value(.contentType) else { return false }
        let value = request.bytes(range)
        let wanted: StaticString = "application/grpc"
        let size = wanted.utf8CodeUnitCount
        guard value.count >= size,
            value[..<size].elementsEqual(UnsafeBufferPointer(start: wanted.utf8Start, count: size))
        else { return false }
        return value.count == size || value[size] == UInt8(ascii: "+") || value[size] == UInt8(ascii: ";")
    }

    private static func number(_ bytes: UnsafeBufferPointer<UInt8>) -> Int? {
        guard bytes.count > 0, bytes.count <= 9 else { return nil }
        var value = 0
        for byte in bytes {
            guard byte >= 0x30, byte <= 0x39 else { return nil }
            value = value * 10 + Int(byte - 0x30)
        }
        return value
    }

    /// gRPC's mapping for answers that carry no status of their own.
    private static func grpcStatus(ofHTTP status: Int) -> Int {
        switch status {
        case 400: 13
        case 401: 16
        case 403: 7
        case 404: 12
        case 429, 502, 503, 504: 14
        default: 2
        }
    }

    private static let camel: [StaticString] = [
        "OK", "Canceled", "Unknown", "InvalidArgument", "DeadlineExceeded", "NotFound", "AlreadyExists",
        "PermissionDenied", "ResourceExhausted", "FailedPrecondition", "Aborted", "OutOfRange", "Unimplemented",
        "Internal", "Unavailable", "DataLoss", "Unauthenticated",
    ]
    private static let snake: [StaticString] = [
        "OK", "CANCELLED", "UNKNOWN", "INVALID_ARGUMENT", "DEADLINE_EXCEEDED", "NOT_FOUND", "ALREADY_EXISTS",
        "PERMISSION_DENIED", "RESOURCE_EXHAUSTED", "FAILED_PRECONDITION", "ABORTED", "OUT_OF_RANGE", "UNIMPLEMENTED",
        "INTERNAL", "UNAVAILABLE", "DATA_LOSS", "UNAUTHENTICATED",
    ]
}
