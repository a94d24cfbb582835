// Retry policies and timeouts of routes and listeners. Absent members mean the App Mesh default, which the compiler applies.

/// When a failed try is repeated. `maxRetries` does not count the first try; `perRetryTimeout` bounds every try.
public struct HttpRetryPolicy: Sendable, Equatable {
    /// `server-error`, `gateway-error`, `client-error`, `stream-error`; 1 to 25 entries, each 1 to 25 characters.
    public var httpRetryEvents: [String]?
    /// At least 0.
    public var maxRetries: Int
    public var perRetryTimeout: DurationSpec
    /// Exactly one entry.
    public var tcpRetryEvents: [TcpRetryPolicyEvent]?

    public init(
        maxRetries: Int,
        perRetryTimeout: DurationSpec,
        httpRetryEvents: [String]? = nil,
        tcpRetryEvents: [TcpRetryPolicyEvent]? = nil
    ) {
        self.maxRetries = maxRetries
        self.perRetryTimeout = perRetryTimeout
        self.httpRetryEvents = httpRetryEvents
        self.tcpRetryEvents = tcpRetryEvents
    }
}

/// When a failed gRPC call is repeated, also by its gRPC status.
public struct GrpcRetryPolicy: Sendable, Equatable {
    /// 1 to 5 entries.
    public var grpcRetryEvents: [GrpcRetryPolicyEvent]?
    /// `server-error`, `gateway-error`, `client-error`, `stream-error`; 1 to 25 entries, each 1 to 25 characters.
    public var httpRetryEvents: [String]?
    /// At least 0.
    public var maxRetries: Int
    public var perRetryTimeout: DurationSpec
    /// Exactly one entry.
    public var tcpRetryEvents: [TcpRetryPolicyEvent]?

    public init(
        maxRetries: Int,
        perRetryTimeout: DurationSpec,
        grpcRetryEvents: [GrpcRetryPolicyEvent]? = nil,
        httpRetryEvents: [String]? = nil,
        tcpRetryEvents: [TcpRetryPolicyEvent]? = nil
    ) {
        self.maxRetries = maxRetries
        self.perRetryTimeout = perRetryTimeout
        self.grpcRetryEvents = grpcRetryEvents
        self.httpRetryEvents = httpRetryEvents
        self.tcpRetryEvents = tcpRetryEvents
    }
}

/// How long a request may take in all (default 15 s) and how long nothing may happen (default 300 s); 0 disables.
public struct HttpTimeout: Sendable, Equatable {
    /// Without any event.
    public var idle: DurationSpec?
    /// For the whole request with all its tries.
    public var perRequest: DurationSpec?

    public init(idle: DurationSpec? = nil, perRequest: DurationSpec? = nil) {
        self.idle = idle
        self.perRequest = perRequest
    }
}

/// How long nothing may happen on a connection.
public struct TcpTimeout: Sendable, Equatable {
    /// Without any event.
    public var idle: DurationSpec?

    public init(idle: DurationSpec? = nil) {
        self.idle = idle
    }
}

/// A time as App Mesh writes it. Neither member is required by the API.
public struct DurationSpec: Sendable, Equatable {
    public var unit: DurationUnit?
    /// At least 0.
    public var value: Int?

    public init(unit: DurationUnit? = nil, value: Int? = nil) {
        self.unit = unit
        self.value = value
    }
}

/// Exactly the shape of `HttpTimeout`.
public typealias GrpcTimeout = HttpTimeout
