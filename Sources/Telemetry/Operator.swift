// The compiled form of an access-log pattern: plain values without references, so that walking them costs no reference
// counting. Texts that a pattern brings along (literals, header names) lie in one pool that the format owns.

import Wire

/// A run of bytes in a format's pool.
struct PoolRange: Equatable {
    var start: Int32
    var count: Int32
    static let empty = PoolRange(start: 0, count: 0)
}

/// A header, or a pseudo-header of a head's first line.
enum HeaderName: Equatable {
    case none
    case method, path, authority, scheme, status, protocolVersion
    /// `x-envoy-original-path`, which the record's own original path stands in for.
    case originalPath
    case known(HeaderID)
    case other(PoolRange)
}

/// The points in time of a record, by Envoy's names for `%COMMON_DURATION%`.
enum TimePoint: UInt8, CaseIterable {
    case downstreamRxBegin, downstreamRxEnd, upstreamConnectBegin, upstreamConnectEnd, upstreamHandshakeEnd
    case upstreamTxBegin, upstreamTxEnd
    case upstreamRxBegin, upstreamRxBodyBegin, upstreamRxEnd, downstreamTxBegin, downstreamTxEnd
    case upstreamPoolReady, end

    /// Envoy's name; nil for the points that it does not offer by name.
    var name: String? {
        switch self {
        case .downstreamRxBegin: "DS_RX_BEG"
        case .downstreamRxEnd: "DS_RX_END"
        case .upstreamConnectBegin: "US_CX_BEG"
        case .upstreamConnectEnd: "US_CX_END"
        case .upstreamHandshakeEnd: "US_HS_END"
        case .upstreamTxBegin: "US_TX_BEG"
        case .upstreamTxEnd: "US_TX_END"
        case .upstreamRxBegin: "US_RX_BEG"
        case .upstreamRxBodyBegin: "US_RX_BODY_BEG"
        case .upstreamRxEnd: "US_RX_END"
        case .downstreamTxBegin: "DS_TX_BEG"
        case .downstreamTxEnd: "DS_TX_END"
        case .upstreamPoolReady, .end: nil
        }
    }
}

enum DurationUnit: Equatable {
    case milliseconds, microseconds, nanoseconds
    /// Milliseconds with three decimals, for the structured log.
    case fractionalMilliseconds
}

/// The ends of a connection.
enum AddressPart: Equatable {
    case downstreamRemote, downstreamRemoteIP, downstreamRemotePort
    case downstreamLocal, downstreamLocalIP, downstreamLocalPort
    case upstreamRemote, upstreamRemoteIP, upstreamRemotePort
    case upstreamLocal, upstreamLocalIP, upstreamLocalPort
}

enum ByteCounter: Equatable {
    case bodyReceived, bodySent, requestHeaders, responseHeaders, responseTrailers, retransmitted
    case downstreamWireReceived, downstreamWireSent, downstreamHeaderReceived, downstreamHeaderSent
    case upstreamWireReceived, upstreamWireSent, upstreamHeaderReceived, upstreamHeaderSent
}

/// What is shown of each attempt that got a connection.
enum AttemptPart: Equatable { case address, addressWithoutPort, name, nameWithoutPort, connectionID }

enum GRPCStatusForm: Equatable { case camel, snake, number }

enum PathSource: Equatable { case original, current, originalOrCurrent }

/// One fact of a record, ready to be printed.
enum Operator: Equatable {
    case constant(PoolRange)
    /// Never has a value.
    case absent
    case startTime(Int32), emitTime(Int32)
    case requestHeader(HeaderName, HeaderName)
    case responseHeader(HeaderName, HeaderName)
    case responseTrailer(HeaderName, HeaderName)
    case queryParameter(PoolRange)
    case path(PathSource, withQuery: Bool)
    case protocolVersion, upstreamProtocol
    case responseCode, responseDetails, responseFlags, responseFlagsLong
    case bytes(ByteCounter)
    case duration(TimePoint, TimePoint, DurationUnit)
    case upstreamHost, upstreamHostName, upstreamHostNameWithoutPort, upstreamCluster, upstreamFailureReason
    /// Comma between attempts.
    case attempted(AttemptPart)
    case address(AddressPart)
    /// The first bits of an address without port.
    case network(AddressPart, UInt8)
    case connectionID, upstreamConnectionID, upstreamEndpointID, streamID, uniqueID, traceID
    case routeName, attempts, localReplyBody
    case grpcStatus(GRPCStatusForm)

    // Only in the structured log.
    case startTimeMicroseconds, labelMembers, gatewayRoute, flagList, endpointName, originalPath, rewrittenPath

    /// Whether JSON shows the value without quotes when nothing else is in the pattern.
    var isNumber: Bool {
        switch self {
        case .responseCode, .bytes, .duration, .connectionID, .upstreamConnectionID, .attempts: true
        case .grpcStatus(let form): form == .number
        case .address(let part):
            switch part {
            case .downstreamRemotePort, .downstreamLocalPort, .upstreamRemotePort, .upstreamLocalPort: true
            default: false
            }
        default: false
        }
    }
}

/// One step of printing a record.
struct Step: Equatable {
    enum Mode: Equatable {
        /// As it is; a missing value is `-`.
        case text
        /// A whole JSON value; a missing one is `null`.
        case json
        /// Inside a JSON string that other steps open and close; a missing value is `-`.
        case jsonPart
        /// JSON that the operator writes itself.
        case raw
    }
    var operation: Operator
    var mode: Mode
    /// Bytes at most; `:Z` in a pattern.
    var limit = Int32.max
}
