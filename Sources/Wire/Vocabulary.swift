// The closed sets of HTTP: methods, versions, schemes and the header names that the proxy acts on.

/// Request methods that App Mesh can match (RFC 9110 9.3, RFC 5789); anything else is `other`.
public enum Method: UInt8, CaseIterable, Sendable {
    case get, head, post, put, delete, connect, options, trace, patch, other

    public var name: StaticString {
        switch self {
        case .get: "GET"
        case .head: "HEAD"
        case .post: "POST"
        case .put: "PUT"
        case .delete: "DELETE"
        case .connect: "CONNECT"
        case .options: "OPTIONS"
        case .trace: "TRACE"
        case .patch: "PATCH"
        case .other: ""
        }
    }

    /// RFC 9110 9.2.2.
    public var isIdempotent: Bool {
        switch self {
        case .get, .head, .put, .delete, .options, .trace: true
        case .post, .connect, .patch, .other: false
        }
    }
}

public enum HTTPVersion: UInt8, Sendable { case http10, http11, http2 }

public enum Scheme: UInt8, Sendable { case http, https }

/// Header names with a meaning for the proxy. `other` is any further name, `removed` a line taken out.
public enum HeaderID: UInt8, CaseIterable, Sendable {
    case other, removed
    case host, connection, keepAlive, proxyConnection, te, trailer, transferEncoding, contentLength, upgrade
    case http2Settings, expect
    case date, server, userAgent, contentType, accept, acceptEncoding, cookie, setCookie, location, via, authorization
    case cacheControl, contentEncoding, etag, lastModified, ifNoneMatch, ifModifiedSince, origin, referer
    case xForwardedFor, xForwardedProto, xForwardedPort, xForwardedHost, xRequestID
    case xEnvoyUpstreamServiceTime, xEnvoyOriginalPath, xEnvoyOriginalHost, xEnvoyExpectedTimeout
    case xEnvoyAttemptCount, xEnvoyOverloaded, xEnvoyInternal, xEnvoyExternalAddress
    case traceparent, tracestate, xAmznTraceID, b3
    case grpcStatus, grpcMessage, grpcTimeout
    case xAmznRequestID, xAmznLatticeIdentity, xAmznLatticeNetwork, xAmznLatticeTarget, xAmznLatticeIdentityTags

    public static let count = Self.allCases.count

    @inlinable public var isKnown: Bool { rawValue > HeaderID.removed.rawValue }

    /// The name in lower case; empty for `other` and `removed`.
    public var name: StaticString {
        switch self {
        case .other, .removed: ""
        case .host: "host"
        case .connection: "connection"
        case .keepAlive: "keep-alive"
        case .proxyConnection: "proxy-connection"
        case .te: "te"
        case .trailer: "trailer"
        case .transferEncoding: "transfer-encoding"
        case .contentLength: "content-length"
        case .upgrade: "upgrade"
        case .http2Settings: "http2-settings"
        case .expect: "expect"
        case .date: "date"
        case .server: "server"
        case .userAgent: "user-agent"
        case .contentType: "content-type"
        case .accept: "accept"
        case .acceptEncoding: "accept-encoding"
        case .cookie: "cookie"
        case .setCookie: "set-cookie"
        case .location: "location"
        case .via: "via"
        case .authorization: "authorization"
        case .cacheControl: "cache-control"
        case .contentEncoding: "content-encoding"
        case .etag: "etag"
        case .lastModified: "last-modified"
        case .ifNoneMatch: "if-none-match"
        case .ifModifiedSince: "if-modified-since"
        case .origin: "origin"
        case .referer: "referer"
        case .xForwardedFor: "x-forwarded-for"
        case .xForwardedProto: "x-forwarded-proto"
        case .xForwardedPort: "x-forwarded-port"
        case .xForwardedHost: "x-forwarded-host"
        case .xRequestID: "x-request-id"
        case .xEnvoyUpstreamServiceTime: "x-envoy-upstream-service-time"
        case .xEnvoyOriginalPath: "x-envoy-original-path"
        case .xEnvoyOriginalHost: "x-envoy-original-host"
        case .xEnvoyExpectedTimeout: "x-envoy-expected-rq-timeout-ms"
        case .xEnvoyAttemptCount: "x-envoy-attempt-count"
        case .xEnvoyOverloaded: "x-envoy-overloaded"
        case .xEnvoyInternal: "x-envoy-internal"
        case .xEnvoyExternalAddress: "x-envoy-external-address"
        case .traceparent: "traceparent"
        case .tracestate: "tracestate"
        case .xAmznTraceID: "x-amzn-trace-id"
        case .b3: "b3"
        case .grpcStatus: "grpc-status"
        case .grpcMessage: "grpc-message"
        case .grpcTimeout: "grpc-timeout"
        case .xAmznRequestID: "x-amzn-requestid"
        case .xAmznLatticeIdentity: "x-amzn-lattice-identity"
        case .xAmznLatticeNetwork: "x-amzn-lattice-network"
        case .xAmznLatticeTarget: "x-amzn-lattice-target"
        case .xAmznLatticeIdentityTags: "x-amzn-lattice-identity-tags"
        }
    }
}

extension Method {
    /// The method of a name, which is case-sensitive (RFC 9110 9.1); `other` when it is none of the known ones.
    public static func named(_ name: UnsafeBufferPointer<UInt8>) -> Method {
        guard let base = name.baseAddress else { return .other }
        return unsafe named(base, name.count)
    }

    @inline(__always) static func named(_ name: UnsafePointer<UInt8>, _ count: Int) -> Method {
        switch count {
        case 3: return unsafe name.matches("GET") ? .get : name.matches("PUT") ? .put : .other
        case 4: return unsafe name.matches("POST") ? .post : name.matches("HEAD") ? .head : .other
        case 5: return unsafe name.matches("PATCH") ? .patch : name.matches("TRACE") ? .trace : .other
        case 6: return unsafe name.matches("DELETE") ? .delete : .other
        case 7: return unsafe name.matches("OPTIONS") ? .options : name.matches("CONNECT") ? .connect : .other
        default: return .other
        }
    }
}

extension HTTPVersion {
    /// The version in eight bytes; `nil` when it is neither `HTTP/1.1` nor `HTTP/1.0`.
    @inline(__always) static func named(_ bytes: UnsafePointer<UInt8>) -> HTTPVersion? {
        if unsafe bytes.matches("HTTP/1.1") { return .http11 }
        return unsafe bytes.matches("HTTP/1.0") ? .http10 : nil
    }

    /// Whether eight bytes have the form of a version: `HTTP/`, digit, dot, digit (RFC 9112 2.3).
    static func isWellFormed(_ bytes: UnsafePointer<UInt8>) -> Bool {
        unsafe bytes.matches("HTTP/") && Bytes.isDigit(bytes[5]) && bytes[6] == 0x2E && Bytes.isDigit(bytes[7])
    }
}

extension UnsafePointer<UInt8> {
    /// Whether the bytes start with a word. As many bytes as the word has must be readable.
    @inline(__always) func matches(_ word: StaticString) -> Bool {
        unsafe Bytes.equal(self, word.utf8Start, word.utf8CodeUnitCount)
    }
}
