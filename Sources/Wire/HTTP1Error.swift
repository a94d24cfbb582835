/// Why an HTTP/1.1 message was refused: the closed set of protocol errors, with the answer each one gets.
///
/// Statuses and response code details are Envoy's (`dataplane.md` 1.5), except where this codec is stricter on purpose:
/// lines end with CRLF only, one Host field, no whitespace in chunk-size lines, other HTTP versions get 505.
public enum HTTP1Error: Error, Equatable, Sendable, CaseIterable {
    // Lines and start line
    case bareLineFeed, bareCarriageReturn, startLineMissing
    case invalidMethod, unknownMethod, invalidRequestLine, invalidVersion, unsupportedVersion
    case invalidTargetCharacter, fragmentInTarget, invalidTarget, invalidScheme
    case invalidStatusLine, invalidStatus, invalidReason
    // Fields
    case headTooLarge, tooManyFields
    case foldedLine, missingColon, emptyName, invalidName, whitespaceBeforeColon, invalidValue
    case missingHost, duplicateHost, invalidHost
    case protectedConnectionOption, invalidConnectionOption

    /// The head is well formed, but its Connection field asks for what must not be.
    public var isConnectionHeader: Bool { self == .protectedConnectionOption || self == .invalidConnectionOption }
    // Framing
    case invalidContentLength, duplicateContentLength, contentLengthWithTransferEncoding
    case unsupportedTransferEncoding, transferEncodingInHTTP10, contentInConnect
    // Chunked bodies
    case invalidChunkSize, chunkSizeTooLarge, chunkLineTooLong, chunkExtensionsTooLarge, invalidChunkExtension
    case chunkNotTerminated, trailersTooLarge, tooManyTrailers, forbiddenTrailer

    /// The status with which a request is refused. A response refused with any of these is a 502 to the client.
    public var status: UInt16 {
        switch self {
        case .unsupportedVersion: 505
        case .unsupportedTransferEncoding: 501
        case .headTooLarge, .tooManyFields, .trailersTooLarge, .tooManyTrailers: 431
        default: 400
        }
    }

    /// Envoy's response code details.
    public var details: StaticString {
        switch self {
        case .headTooLarge: "http1.headers_too_large"
        case .tooManyFields: "http1.too_many_headers"
        case .trailersTooLarge: "http1.trailers_too_large"
        case .tooManyTrailers: "http1.too_many_trailers"
        case .invalidTarget: "http1.invalid_url"
        case .invalidScheme: "http1.invalid_scheme"
        case .fragmentInTarget: "path_normalization_failed"
        case .invalidValue: "http1.invalid_characters"
        case .missingHost: "missing_host_header"
        case .protectedConnectionOption, .invalidConnectionOption: "http1.connection_header_rejected"
        case .contentLengthWithTransferEncoding: "http1.content_length_and_chunked_not_allowed"
        case .unsupportedTransferEncoding: "http1.invalid_transfer_encoding"
        case .transferEncodingInHTTP10: "http1.transfer_encoding_not_allowed"
        case .contentInConnect: "http1.content_length_not_allowed"
        default: "http1.codec_error"
        }
    }

    /// What is wrong, and the rule it breaks.
    public var text: StaticString {
        switch self {
        case .bareLineFeed: "line ended by a bare LF, only CRLF ends a line (RFC 9112 2.2)"
        case .bareCarriageReturn: "CR that no LF follows (RFC 9112 2.2)"
        case .startLineMissing: "more than one empty line before the start line (RFC 9112 2.2)"
        case .invalidMethod: "method is not a token (RFC 9110 9.1)"
        case .unknownMethod: "method is not one this listener knows (RFC 9110 9.1)"
        case .invalidRequestLine: "request line is not method, target and version, with one space between (RFC 9112 3)"
        case .invalidVersion: "malformed HTTP version (RFC 9112 2.3)"
        case .unsupportedVersion: "HTTP version is neither 1.1 nor 1.0 (RFC 9110 2.5)"
        case .invalidTargetCharacter: "request target has a byte that no URI may have (RFC 9112 3.2)"
        case .fragmentInTarget: "request target has a fragment (RFC 9112 3.2)"
        case .invalidTarget: "request target has no form that its method allows (RFC 9112 3.2)"
        case .invalidScheme: "scheme of the request target is neither http nor https (RFC 9110 4.2)"
        case .invalidStatusLine: "status line is not version, status code and reason (RFC 9112 4)"
        case .invalidStatus: "status code is not three digits from 100 on (RFC 9110 15)"
        case .invalidReason: "reason phrase has a control character (RFC 9112 4)"
        case .headTooLarge: "message head is larger than the limit (RFC 6585 5)"
        case .tooManyFields: "more header fields than the limit (RFC 6585 5)"
        case .foldedLine: "field line starts with whitespace, as obsolete line folding does (RFC 9112 5.2)"
        case .missingColon: "field line without a colon (RFC 9112 5)"
        case .emptyName: "field name is empty (RFC 9110 5.1)"
        case .invalidName: "field name is not a token (RFC 9110 5.1)"
        case .whitespaceBeforeColon: "whitespace between field name and colon (RFC 9112 5.1)"
        case .invalidValue: "field value has a control character (RFC 9110 5.5)"
        case .missingHost: "HTTP/1.1 request without a Host field (RFC 9112 3.2)"
        case .duplicateHost: "more than one Host field (RFC 9112 3.2)"
        case .invalidHost: "host is empty, has user information, or is not a host and optional port (RFC 9110 4.2)"
        case .protectedConnectionOption: "Connection names a field that is not for one hop only (RFC 9110 7.6.1)"
        case .invalidConnectionOption: "Connection has an option that is not a token, or too many (RFC 9110 7.6.1)"
        case .invalidContentLength: "Content-Length is not a decimal number in range (RFC 9110 8.6)"
        case .duplicateContentLength: "more than one Content-Length field (RFC 9112 6.3)"
        case .contentLengthWithTransferEncoding: "both Content-Length and Transfer-Encoding (RFC 9112 6.3)"
        case .unsupportedTransferEncoding: "Transfer-Encoding is not exactly chunked (RFC 9112 6.1)"
        case .transferEncodingInHTTP10: "Transfer-Encoding in an HTTP/1.0 message (RFC 9112 6.1)"
        case .contentInConnect: "CONNECT request with content (RFC 9110 9.3.6)"
        case .invalidChunkSize: "chunk size is not a hexadecimal number followed by CRLF (RFC 9112 7.1)"
        case .chunkSizeTooLarge: "chunk size is out of range (RFC 9112 7.1)"
        case .chunkLineTooLong: "chunk-size line is longer than the limit (RFC 9112 7.1.1)"
        case .chunkExtensionsTooLarge: "chunk extensions are larger than the limit in all (RFC 9112 7.1.1)"
        case .invalidChunkExtension: "chunk extension has a control character (RFC 9112 7.1.1)"
        case .chunkNotTerminated: "chunk data is not followed by CRLF (RFC 9112 7.1)"
        case .trailersTooLarge: "trailer section is larger than the limit (RFC 9112 7.1.2)"
        case .tooManyTrailers: "more trailer fields than the limit (RFC 9112 7.1.2)"
        case .forbiddenTrailer: "trailer names a field of framing or routing (RFC 9110 6.5.1)"
        }
    }
}
