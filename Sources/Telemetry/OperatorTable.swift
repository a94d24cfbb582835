// Envoy's access-log operators by name (data plane reference 1.11), as Envoy 1.40 accepts them: those with a fact here,
// those that are absent under App Mesh's Envoy too, and those whose facts are still to come. Any other name is an error.

/// Operators by name.
enum OperatorTable {
    /// Those without argument and length.
    static let plain: [String: Operator] = [
        "PROTOCOL": .protocolVersion,
        "UPSTREAM_PROTOCOL": .upstreamProtocol,
        "RESPONSE_CODE": .responseCode,
        "RESPONSE_FLAGS": .responseFlags,
        "RESPONSE_FLAGS_LONG": .responseFlagsLong,
        "BYTES_RECEIVED": .bytes(.bodyReceived),
        "BYTES_SENT": .bytes(.bodySent),
        "REQUEST_HEADERS_BYTES": .bytes(.requestHeaders),
        "RESPONSE_HEADERS_BYTES": .bytes(.responseHeaders),
        "RESPONSE_TRAILERS_BYTES": .bytes(.responseTrailers),
        "DOWNSTREAM_WIRE_BYTES_RECEIVED": .bytes(.downstreamWireReceived),
        "DOWNSTREAM_WIRE_BYTES_SENT": .bytes(.downstreamWireSent),
        "DOWNSTREAM_HEADER_BYTES_RECEIVED": .bytes(.downstreamHeaderReceived),
        "DOWNSTREAM_HEADER_BYTES_SENT": .bytes(.downstreamHeaderSent),
        "UPSTREAM_WIRE_BYTES_RECEIVED": .bytes(.upstreamWireReceived),
        "UPSTREAM_WIRE_BYTES_SENT": .bytes(.upstreamWireSent),
        "UPSTREAM_HEADER_BYTES_RECEIVED": .bytes(.upstreamHeaderReceived),
        "UPSTREAM_HEADER_BYTES_SENT": .bytes(.upstreamHeaderSent),
        // Only HTTP/2 and 3 compress heads.
        "DOWNSTREAM_DECOMPRESSED_HEADER_BYTES_RECEIVED": .bytes(.downstreamHeaderReceived),
        "DOWNSTREAM_DECOMPRESSED_HEADER_BYTES_SENT": .bytes(.downstreamHeaderSent),
        "UPSTREAM_DECOMPRESSED_HEADER_BYTES_RECEIVED": .bytes(.upstreamHeaderReceived),
        "UPSTREAM_DECOMPRESSED_HEADER_BYTES_SENT": .bytes(.upstreamHeaderSent),
        // Envoy counts these for QUIC only.
        "BYTES_RETRANSMITTED": .bytes(.retransmitted),
        "PACKETS_RETRANSMITTED": .bytes(.retransmitted),
        "DURATION": .duration(.downstreamRxBegin, .end, .milliseconds),
        "REQUEST_DURATION": .duration(.downstreamRxBegin, .downstreamRxEnd, .milliseconds),
        "REQUEST_TX_DURATION": .duration(.downstreamRxBegin, .upstreamTxEnd, .milliseconds),
        "RESPONSE_DURATION": .duration(.downstreamRxBegin, .upstreamRxBegin, .milliseconds),
        "RESPONSE_TX_DURATION": .duration(.upstreamRxBegin, .downstreamTxEnd, .milliseconds),
        "UPSTREAM_CONNECTION_POOL_READY_DURATION": .duration(.downstreamRxBegin, .upstreamPoolReady, .milliseconds),
        "UPSTREAM_HOST": .upstreamHost,
        "UPSTREAM_HOST_NAME": .upstreamHostName,
        "UPSTREAM_HOST_NAME_WITHOUT_PORT": .upstreamHostNameWithoutPort,
        "UPSTREAM_HOSTS_ATTEMPTED": .attempted(.address),
        "UPSTREAM_HOSTS_ATTEMPTED_WITHOUT_PORT": .attempted(.addressWithoutPort),
        "UPSTREAM_HOST_NAMES_ATTEMPTED": .attempted(.name),
        "UPSTREAM_HOST_NAMES_ATTEMPTED_WITHOUT_PORT": .attempted(.nameWithoutPort),
        "UPSTREAM_CONNECTION_IDS_ATTEMPTED": .attempted(.connectionID),
        // Only addresses inside Envoy itself have such an id.
        "UPSTREAM_REMOTE_ADDRESS_ENDPOINT_ID": .upstreamEndpointID,
        "DOWNSTREAM_LOCAL_ADDRESS_ENDPOINT_ID": .constant(.empty),
        "DOWNSTREAM_DIRECT_LOCAL_ADDRESS_ENDPOINT_ID": .constant(.empty),
        // Set by filters that no definition can ask for.
        "CUSTOM_FLAGS": .constant(.empty),
        "UPSTREAM_CLUSTER": .upstreamCluster,
        "UPSTREAM_CLUSTER_RAW": .upstreamCluster,
        "UPSTREAM_TRANSPORT_FAILURE_REASON": .upstreamFailureReason,
        "UPSTREAM_LOCAL_ADDRESS": .address(.upstreamLocal),
        "UPSTREAM_LOCAL_PORT": .address(.upstreamLocalPort),
        "UPSTREAM_REMOTE_ADDRESS": .address(.upstreamRemote),
        "UPSTREAM_REMOTE_PORT": .address(.upstreamRemotePort),
        "DOWNSTREAM_REMOTE_ADDRESS": .address(.downstreamRemote),
        "DOWNSTREAM_REMOTE_PORT": .address(.downstreamRemotePort),
        "DOWNSTREAM_DIRECT_REMOTE_ADDRESS": .address(.downstreamRemote),
        "DOWNSTREAM_DIRECT_REMOTE_PORT": .address(.downstreamRemotePort),
        "DOWNSTREAM_LOCAL_ADDRESS": .address(.downstreamLocal),
        "DOWNSTREAM_LOCAL_PORT": .address(.downstreamLocalPort),
        "DOWNSTREAM_DIRECT_LOCAL_ADDRESS": .address(.downstreamLocal),
        "DOWNSTREAM_DIRECT_LOCAL_PORT": .address(.downstreamLocalPort),
        "CONNECTION_ID": .connectionID,
        "UPSTREAM_CONNECTION_ID": .upstreamConnectionID,
        "STREAM_ID": .streamID,
        "UNIQUE_ID": .uniqueID,
        "TRACE_ID": .traceID,
        "ROUTE_NAME": .routeName,
        "UPSTREAM_REQUEST_ATTEMPT_COUNT": .attempts,
        "LOCAL_REPLY_BODY": .localReplyBody,
        "GRPC_STATUS_NUMBER": .grpcStatus(.number),
    ]

    /// Addresses that take the length of a network prefix as their argument.
    static let addressesWithoutPort: [String: AddressPart] = [
        "UPSTREAM_LOCAL_ADDRESS_WITHOUT_PORT": .upstreamLocalIP,
        "UPSTREAM_REMOTE_ADDRESS_WITHOUT_PORT": .upstreamRemoteIP,
        "DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT": .downstreamRemoteIP,
        "DOWNSTREAM_DIRECT_REMOTE_ADDRESS_WITHOUT_PORT": .downstreamRemoteIP,
        "DOWNSTREAM_LOCAL_ADDRESS_WITHOUT_PORT": .downstreamLocalIP,
        "DOWNSTREAM_DIRECT_LOCAL_ADDRESS_WITHOUT_PORT": .downstreamLocalIP,
    ]

    /// Those with an argument, a length or a value fixed at load.
    static let withArgument: [String] = [
        "REQ", "REQUEST_HEADER", "RESP", "RESPONSE_HEADER", "TRAILER", "RESPONSE_TRAILER", "START_TIME",
        "START_TIME_LOCAL", "EMIT_TIME", "EMIT_TIME_LOCAL", "COMMON_DURATION", "RESPONSE_CODE_DETAILS", "GRPC_STATUS",
        "PATH", "QUERY_PARAM", "ENVIRONMENT", "HOSTNAME", "ACCESS_LOG_TYPE",
    ]

    static let names: [String] =
        Array(plain.keys) + Array(addressesWithoutPort.keys) + withArgument + Array(alwaysAbsent.keys)
        + Array(notInForce)

    /// Envoy's operators for which an Envoy that runs App Mesh's definitions has no value either: nothing there names a
    /// filter chain or a virtual cluster, sets metadata or filter state, or speaks QUIC. The value says whether an
    /// argument is wanted.
    static let alwaysAbsent: [String: Bool] = [
        "CONNECTION_TERMINATION_DETAILS": false, "ROUNDTRIP_DURATION": false, "VIRTUAL_CLUSTER_NAME": false,
        "FILTER_CHAIN_NAME": false, "DYNAMIC_METADATA": true, "CLUSTER_METADATA": true, "UPSTREAM_METADATA": true,
        "METADATA": true, "FILTER_STATE": true, "UPSTREAM_FILTER_STATE": true, "TLS_JA3_FINGERPRINT": false,
        "TLS_JA4_FINGERPRINT": false,
    ]

    /// Envoy's operators whose facts do not exist here yet: TLS, how connections closed, spans, expressions. They print
    /// as absent, and the definitions' author is told.
    static let notInForce: Set<String> = [
        "DOWNSTREAM_HANDSHAKE_DURATION", "UPSTREAM_DETECTED_CLOSE_TYPE", "UPSTREAM_LOCAL_CLOSE_REASON",
        "DOWNSTREAM_TRANSPORT_FAILURE_REASON", "DOWNSTREAM_LOCAL_CLOSE_REASON", "DOWNSTREAM_DETECTED_CLOSE_TYPE",
        "REQUESTED_SERVER_NAME", "DOWNSTREAM_TLS_VERSION", "DOWNSTREAM_TLS_CIPHER", "DOWNSTREAM_TLS_SESSION_ID",
        "UPSTREAM_TLS_VERSION", "UPSTREAM_TLS_CIPHER", "UPSTREAM_TLS_SESSION_ID", "DOWNSTREAM_LOCAL_SUBJECT",
        "DOWNSTREAM_LOCAL_URI_SAN", "DOWNSTREAM_LOCAL_DNS_SAN", "DOWNSTREAM_LOCAL_IP_SAN",
        "DOWNSTREAM_LOCAL_EMAIL_SAN", "UPSTREAM_LOCAL_URI_SAN", "UPSTREAM_LOCAL_DNS_SAN", "UPSTREAM_LOCAL_IP_SAN",
        "DOWNSTREAM_PEER_SUBJECT", "DOWNSTREAM_PEER_ISSUER", "DOWNSTREAM_PEER_SERIAL",
        "DOWNSTREAM_PEER_FINGERPRINT_256", "DOWNSTREAM_PEER_FINGERPRINT_1", "DOWNSTREAM_PEER_CERT",
        "DOWNSTREAM_PEER_CERT_V_START", "DOWNSTREAM_PEER_CERT_V_END", "DOWNSTREAM_PEER_URI_SAN",
        "DOWNSTREAM_PEER_DNS_SAN", "DOWNSTREAM_PEER_IP_SAN", "DOWNSTREAM_PEER_EMAIL_SAN",
        "DOWNSTREAM_PEER_OTHERNAME_SAN", "DOWNSTREAM_PEER_CHAIN_FINGERPRINTS_256",
        "DOWNSTREAM_PEER_CHAIN_FINGERPRINTS_1", "DOWNSTREAM_PEER_CHAIN_SERIALS", "UPSTREAM_PEER_SUBJECT",
        "UPSTREAM_PEER_ISSUER", "UPSTREAM_PEER_CERT", "UPSTREAM_PEER_CERT_V_START", "UPSTREAM_PEER_CERT_V_END",
        "UPSTREAM_PEER_URI_SAN", "UPSTREAM_PEER_DNS_SAN", "UPSTREAM_PEER_IP_SAN", "SPAN_ID", "COALESCE", "CEL",
    ]

    /// Those of `notInForce` that Envoy reads an argument of; `CEL` and `COALESCE` are nothing without one.
    static let notInForceWithArgument: Set<String> = ["REQUESTED_SERVER_NAME", "COALESCE", "CEL"]
}
