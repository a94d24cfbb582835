// The `%RESPONSE_CODE_DETAILS%` of an exchange: who set the status and why. Every text is a constant of the program, so
// that setting one costs a pointer and nothing is allocated. Texts are Envoy's (data plane reference 1.5).

/// Why the status is what it is: a constant text without white space.
public struct ResponseDetails: Sendable, Equatable {
    public let text: StaticString

    public init(_ text: StaticString) { self.text = text }

    /// Whether nothing is known; printed as `-`.
    public var isEmpty: Bool { text.utf8CodeUnitCount == 0 }

    public static func == (left: ResponseDetails, right: ResponseDetails) -> Bool {
        let a = UnsafeBufferPointer(start: left.text.utf8Start, count: left.text.utf8CodeUnitCount)
        let b = UnsafeBufferPointer(start: right.text.utf8Start, count: right.text.utf8CodeUnitCount)
        return a.elementsEqual(b)
    }

    public static let none = ResponseDetails("")
    public static let viaUpstream = ResponseDetails("via_upstream")
    public static let directResponse = ResponseDetails("direct_response")

    // Routing.
    public static let routeNotFound = ResponseDetails("route_not_found")
    public static let clusterNotFound = ResponseDetails("cluster_not_found")
    public static let noHealthyUpstream = ResponseDetails("no_healthy_upstream")
    public static let pathNormalizationFailed = ResponseDetails("path_normalization_failed")
    public static let absolutePathRejected = ResponseDetails("absolute_path_rejected")
    public static let missingHost = ResponseDetails("missing_host_header")
    public static let upgradeFailed = ResponseDetails("upgrade_failed")
    public static let upgradeRequired = ResponseDetails("upgrade_required")

    // Time.
    public static let responseTimeout = ResponseDetails("response_timeout")
    public static let upstreamPerTryTimeout = ResponseDetails("upstream_per_try_timeout")
    public static let streamIdleTimeout = ResponseDetails("stream_idle_timeout")
    public static let requestOverallTimeout = ResponseDetails("request_overall_timeout")
    public static let requestHeaderTimeout = ResponseDetails("request_header_timeout")
    public static let maxDurationTimeout = ResponseDetails("max_duration_timeout")
    public static let upstreamMaxStreamDurationReached = ResponseDetails("upstream_max_stream_duration_reached")

    // The upstream failed before the answer's head.
    public static let upstreamConnectRefused = ResponseDetails(
        "upstream_reset_before_response_started{remote_connection_failure|delayed_connect_error:_Connection_refused}")
    public static let upstreamNoRouteToHost = ResponseDetails(
        "upstream_reset_before_response_started{remote_connection_failure|delayed_connect_error:_No_route_to_host}")
    public static let upstreamNetworkUnreachable = ResponseDetails(
        "upstream_reset_before_response_started{remote_connection_failure|delayed_connect_error:_Network_is_unreachable}"
    )
    public static let upstreamConnectReset = ResponseDetails(
        "upstream_reset_before_response_started{remote_connection_failure|delayed_connect_error:_Connection_reset_by_peer}"
    )
    public static let upstreamConnectTimedOut = ResponseDetails(
        "upstream_reset_before_response_started{remote_connection_failure|delayed_connect_error:_Connection_timed_out}")
    public static let upstreamConnectFailure = ResponseDetails(
        "upstream_reset_before_response_started{remote_connection_failure}")
    public static let upstreamLocalConnectFailure = ResponseDetails(
        "upstream_reset_before_response_started{local_connection_failure}")
    public static let upstreamConnectTimeout = ResponseDetails(
        "upstream_reset_before_response_started{connection_timeout}")
    public static let upstreamConnectionTermination = ResponseDetails(
        "upstream_reset_before_response_started{connection_termination}")
    public static let upstreamRemoteReset = ResponseDetails("upstream_reset_before_response_started{remote_reset}")
    public static let upstreamRefusedStream = ResponseDetails(
        "upstream_reset_before_response_started{remote_refused_stream_reset}")
    public static let upstreamProtocolError = ResponseDetails("upstream_reset_before_response_started{protocol_error}")
    public static let upstreamOverflow = ResponseDetails("upstream_reset_before_response_started{overflow}")

    // The upstream failed after the answer's head had gone downstream.
    public static let upstreamTerminatedMidResponse = ResponseDetails(
        "upstream_reset_after_response_started{connection_termination}")
    public static let upstreamResetMidResponse = ResponseDetails("upstream_reset_after_response_started{remote_reset}")
    public static let upstreamProtocolErrorMidResponse = ResponseDetails(
        "upstream_reset_after_response_started{protocol_error}")

    // Limits and faults.
    public static let localRateLimited = ResponseDetails("local_rate_limited")
    public static let faultFilterAbort = ResponseDetails("fault_filter_abort")
    public static let requestPayloadTooLarge = ResponseDetails("request_payload_too_large")
    public static let responsePayloadTooLarge = ResponseDetails("response_payload_too_large")

    // The downstream side.
    public static let downstreamRemoteDisconnect = ResponseDetails("downstream_remote_disconnect")
    public static let downstreamLocalDisconnect = ResponseDetails("downstream_local_disconnect")
    public static let codecError = ResponseDetails("http1.codec_error")
    public static let invalidURL = ResponseDetails("http1.invalid_url")
    public static let headersTooLarge = ResponseDetails("http1.headers_too_large")
    public static let tooManyHeaders = ResponseDetails("http1.too_many_headers")
    public static let unknownTransferEncoding = ResponseDetails("http1.invalid_transfer_encoding")
    public static let contentLengthAndChunked = ResponseDetails("http1.content_length_and_chunked_not_allowed")
    public static let connectionHeaderRejected = ResponseDetails("http1.connection_header_rejected")
    public static let invalidCharacters = ResponseDetails("http1.invalid_characters")
    public static let httpsURLOnPlaintext = ResponseDetails("http1.https_url_on_plaintext_connection")
    public static let lowVersion = ResponseDetails("low_version")
}
