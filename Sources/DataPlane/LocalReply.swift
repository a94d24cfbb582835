import Glibc
import Routing
import Telemetry
import Wire

/// Everything that can go wrong with an exchange, by source, phase and kind.
public enum Fault: Equatable, Sendable {
    // The request.
    case malformed(HTTP1Error)
    case pathNormalization
    case asteriskForm
    case httpsOnPlaintext
    case upgradeRefused
    case connectMethod
    case routeNotFound
    case requestIdle
    case headTimeout
    // The way to the upstream.
    case noHealthyUpstream
    case connectFailed(code: Int32)
    case connectTimeout
    case sourceAddress
    // The answer.
    case upstreamClosed
    case upstreamReset
    case badAnswer
    case requestTimeout
    case responseIdle
}

/// What the client gets when the proxy itself answers: one table from fault to status, text, flag and details.
///
/// Texts, codes and flags are those of Envoy 1.40 (dataplane.md 1.5); listeners of the Lattice dialect answer as Lattice
/// does (lattice.md 2.6).
struct LocalReply {
    var status: Int
    var body: StaticString = ""
    var flags: ResponseFlags = []
    var details: ResponseDetails
    var closes = false

    init(_ fault: Fault, dialect: Dialect) {
        self.init(envoy: fault)
        if dialect.replies == .lattice { adaptToLattice(fault) }
    }

    private init(
        _ status: Int, _ body: StaticString, _ flags: ResponseFlags, _ details: ResponseDetails, closes: Bool = false
    ) {
        self.status = status
        self.body = body
        self.flags = flags
        self.details = details
        self.closes = closes
    }

    private init(envoy fault: Fault) {
        switch fault {
        case .malformed(let error) where error.isConnectionHeader:
            // Envoy's connection manager finds it, not its codec, and says nothing.
            self.init(400, "", [], ResponseDetails(error.details), closes: true)
        case .malformed(let error):
            self.init(
                Int(error.status), Self.text(of: Int(error.status)), .downstreamProtocolError,
                ResponseDetails(error.details), closes: true)
        case .pathNormalization:
            self.init(400, "", [], .pathNormalizationFailed, closes: true)
        case .asteriskForm:
            self.init(404, "", [], .absolutePathRejected)
        case .httpsOnPlaintext:
            self.init(403, "Forbidden", .downstreamProtocolError, .httpsURLOnPlaintext, closes: true)
        case .upgradeRefused:
            self.init(403, "", [], .upgradeFailed, closes: true)
        case .connectMethod:
            self.init(404, "", .noRouteFound, .routeNotFound, closes: true)
        case .routeNotFound:
            self.init(404, "", .noRouteFound, .routeNotFound)
        case .requestIdle:
            self.init(408, "stream timeout", .streamIdleTimeout, .streamIdleTimeout, closes: true)
        case .headTimeout:
            self.init(408, "request header timeout", [], .requestHeaderTimeout, closes: true)
        case .noHealthyUpstream:
            self.init(503, "no healthy upstream", .noHealthyUpstream, .noHealthyUpstream)
        case .connectFailed(let code):
            self.init(503, Self.connectFailure, .upstreamConnectionFailure, Self.connectDetails(code))
        case .sourceAddress:
            self.init(503, Self.localFailure, .upstreamConnectionFailure, .upstreamLocalConnectFailure)
        case .connectTimeout:
            self.init(503, Self.connectionTimeout, .upstreamConnectionFailure, .upstreamConnectTimeout)
        case .upstreamClosed, .upstreamReset:
            self.init(503, Self.termination, .upstreamConnectionTermination, .upstreamConnectionTermination)
        case .badAnswer:
            self.init(502, Self.protocolError, .upstreamProtocolError, .upstreamProtocolError)
        case .requestTimeout:
            self.init(504, "upstream request timeout", .upstreamRequestTimeout, .responseTimeout)
        case .responseIdle:
            self.init(504, "stream timeout", .streamIdleTimeout, .streamIdleTimeout)
        }
    }

    /// Lattice documents statuses and leaves bodies open: they are empty here. Flags and details stay, for our own records.
    private mutating func adaptToLattice(_ fault: Fault) {
        body = ""
        switch fault {
        case .malformed, .pathNormalization, .asteriskForm, .httpsOnPlaintext, .upgradeRefused, .connectMethod,
            .requestIdle, .headTimeout:
            status = 400
        case .badAnswer:
            status = 502
        case .requestTimeout, .responseIdle:
            status = 504
        case .routeNotFound:
            status = 404
        case .noHealthyUpstream, .connectFailed, .connectTimeout, .sourceAddress, .upstreamClosed, .upstreamReset:
            status = 503
        }
    }

    /// HTTP to gRPC for local replies (dataplane.md 1.5).
    var grpcStatus: StaticString {
        switch status {
        case 400: "13"
        case 401: "16"
        case 403: "7"
        case 404: "12"
        case 429, 502, 503, 504: "14"
        default: "2"
        }
    }

    private static func text(of status: Int) -> StaticString {
        switch status {
        case 400: "Bad Request"
        case 431: "Request Header Fields Too Large"
        case 501: "Not Implemented"
        case 505: "HTTP Version Not Supported"
        default: "Bad Request"
        }
    }

    private static let connectFailure: StaticString =
        "upstream connect error or disconnect/reset before headers. reset reason: remote connection failure"
    private static let localFailure: StaticString =
        "upstream connect error or disconnect/reset before headers. reset reason: local connection failure"
    private static let connectionTimeout: StaticString =
        "upstream connect error or disconnect/reset before headers. reset reason: connection timeout"
    private static let termination: StaticString =
        "upstream connect error or disconnect/reset before headers. reset reason: connection termination"
    private static let protocolError: StaticString =
        "upstream connect error or disconnect/reset before headers. reset reason: protocol error"

    /// Why no connection came about, in Envoy's words; nil for other faults.
    static func reason(of fault: Fault) -> StaticString? {
        guard case .connectFailed(let code) = fault else { return nil }
        return connectError(code).reason
    }

    private static func connectDetails(_ code: Int32) -> ResponseDetails { connectError(code).details }

    /// Envoy's transport failure reason, and the details that hold it with `_` for blanks.
    private static func connectError(_ code: Int32) -> (reason: StaticString, details: ResponseDetails) {
        switch code {
        case ECONNREFUSED: ("delayed connect error: Connection refused", .upstreamConnectRefused)
        case EHOSTUNREACH: ("delayed connect error: No route to host", .upstreamNoRouteToHost)
        case ENETUNREACH: ("delayed connect error: Network is unreachable", .upstreamNetworkUnreachable)
        case ECONNRESET: ("delayed connect error: Connection reset by peer", .upstreamConnectReset)
        case ETIMEDOUT: ("delayed connect error: Connection timed out", .upstreamConnectTimedOut)
        default: ("delayed connect error", .upstreamConnectFailure)
        }
    }
}
