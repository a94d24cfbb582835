import Wire

/// What differs between the systems that Trellis speaks for, as data of a listener rather than as branches.
public struct Dialect: Sendable, Equatable {
    /// Which identification header a request carries through.
    public enum RequestID: Sendable, Equatable {
        case none
        /// `x-request-id`: a UUID unless the client sent one.
        case xRequestID
        /// `x-amzn-requestid`: any text up to 512 bytes, also in the answer (lattice.md 2.7).
        case xAmznRequestID
    }

    public enum ForwardedFor: Sendable, Equatable {
        case leave
        /// Appended with a bare comma, as Envoy does (dataplane.md 1.9).
        case appendPeer
        /// Replaced by the peer (lattice.md 2.7).
        case setPeer
    }

    /// Which texts and statuses local replies have.
    public enum Replies: Sendable, Equatable { case envoy, lattice }

    public var name: String
    public var acceptsAnyMethod: Bool
    /// Overwrites the `server` header of answers; nil leaves the upstream's.
    public var serverHeader: String?
    public var requestID: RequestID
    public var forwardedFor: ForwardedFor
    public var addsForwardedPort: Bool
    /// `x-envoy-upstream-service-time`, `x-envoy-expected-rq-timeout-ms`, `x-envoy-original-path`; client-sent control headers stripped.
    public var usesEnvoyHeaders: Bool
    /// The listener is a proxy's: paths are normalised, and what is meant for one hop only ends here.
    public var forwards: Bool
    public var replies: Replies
    /// Headers with a constant value set on every forwarded request (Lattice's network and target identity).
    public var requestHeaders: [ConstantHeader]

    public struct ConstantHeader: Sendable, Equatable {
        public var name: String
        public var value: String
        public init(name: String, value: String) {
            self.name = name
            self.value = value
        }
    }

    public init(
        name: String, acceptsAnyMethod: Bool, serverHeader: String?, requestID: RequestID, forwardedFor: ForwardedFor,
        addsForwardedPort: Bool, usesEnvoyHeaders: Bool, forwards: Bool, replies: Replies,
        requestHeaders: [ConstantHeader] = []
    ) {
        self.name = name
        self.acceptsAnyMethod = acceptsAnyMethod
        self.serverHeader = serverHeader
        self.requestID = requestID
        self.forwardedFor = forwardedFor
        self.addsForwardedPort = addsForwardedPort
        self.usesEnvoyHeaders = usesEnvoyHeaders
        self.forwards = forwards
        self.replies = replies
        self.requestHeaders = requestHeaders
    }

    /// A sidecar of App Mesh: Envoy's behaviour, `x-forwarded-for` untouched.
    public static let sidecar = Dialect(
        name: "app-mesh", acceptsAnyMethod: false, serverHeader: "envoy", requestID: .xRequestID, forwardedFor: .leave,
        addsForwardedPort: false, usesEnvoyHeaders: true, forwards: true, replies: .envoy)

    /// A virtual gateway: as a sidecar, and it appends the true peer to `x-forwarded-for`.
    public static let gateway = {
        var dialect = Dialect.sidecar
        dialect.forwardedFor = .appendPeer
        return dialect
    }()

    /// A VPC Lattice listener (lattice.md 2.6, 2.7).
    public static let lattice = Dialect(
        name: "vpc-lattice", acceptsAnyMethod: true, serverHeader: nil, requestID: .xAmznRequestID,
        forwardedFor: .setPeer,
        addsForwardedPort: true, usesEnvoyHeaders: false, forwards: true, replies: .lattice)

    /// Listeners of the process itself: admin and built-in workloads. Nothing is added or normalised.
    public static let local = Dialect(
        name: "local", acceptsAnyMethod: true, serverHeader: nil, requestID: .none, forwardedFor: .leave,
        addsForwardedPort: false, usesEnvoyHeaders: false, forwards: false, replies: .envoy)
}
