/// When a client proxy stops using a host that answers with errors (App Mesh reference section 2, "Outlier detection"; data
/// plane reference 1.7), what counts as an error, and what a change is reported as. Times are nanoseconds.
public struct OutlierPolicy: Sendable, Equatable {
    /// `maxServerErrors`: so many server errors in a row eject a host; at least 1.
    public var consecutiveErrorsMax: UInt32
    /// How often hosts are looked at for their return; at least 1 ms.
    public var interval: Int64
    /// `baseEjectionDuration`: how long the first ejection lasts.
    public var firstEjection: Int64
    /// Ejections last no longer than this.
    public var longestEjection: Int64
    /// `maxEjectionPercent`, 0 to 100: no host is ejected if that would put more out. One host may always be.
    public var ejectedPercentMax: Int

    /// Envoy's default of `max_ejection_time`, which App Mesh left alone.
    public static let longestEjection: Int64 = 300_000_000_000
    static let intervalMin: Int64 = 1_000_000

    /// - Parameter longestEjection: nil is 300 s, or `firstEjection` if that is longer, as in Envoy.
    public init(
        consecutiveErrorsMax: UInt32, interval: Int64, firstEjection: Int64, ejectedPercentMax: Int,
        longestEjection: Int64? = nil
    ) {
        self.consecutiveErrorsMax = max(1, consecutiveErrorsMax)
        self.interval = max(Self.intervalMin, interval)
        self.firstEjection = max(0, firstEjection)
        self.ejectedPercentMax = min(100, max(0, ejectedPercentMax))
        self.longestEjection = max(self.firstEjection, longestEjection ?? Self.longestEjection)
    }

    /// How long a host stays out after its `multiplier`-th ejection in a row.
    public func ejection(multiplier: Int64) -> Int64 {
        let (product, overflow) = firstEjection.multipliedReportingOverflow(by: multiplier)
        return overflow ? longestEjection : min(product, longestEjection)
    }

    /// Whether another ejection makes the factor larger: not far beyond the cap, so that healthy intervals soon show (Envoy's
    /// own condition, which lets it pass the cap by one).
    func mayGrow(multiplier: Int64) -> Bool {
        let (product, overflow) = firstEjection.multipliedReportingOverflow(by: multiplier)
        return !overflow && product < longestEjection.addingClamped(firstEjection)
    }
}

/// How an attempt went, as outlier detection sees it. App Mesh did not separate errors of the upstream from those seen only
/// here (`split_external_local_origin_errors` false), so both count alike.
public enum OutlierResult: Sendable, Equatable {
    /// An answer's head came.
    case answered(status: Int)
    /// An answer came that carries a gRPC status, in its head or in its trailers; Envoy translates it to HTTP.
    case answeredGRPC(status: Int)
    /// No connection, a reset before the answer's head, or a timeout.
    case failed
    /// A TCP connection was established, or ended well.
    case connected

    /// 5xx, or none at all.
    public var isError: Bool {
        switch self {
        case .answered(let status): (500..<600).contains(status)
        case .answeredGRPC(let status):
            switch status {
            // UNKNOWN, INTERNAL and DATA_LOSS are 500, UNIMPLEMENTED 501, UNAVAILABLE 503, DEADLINE_EXCEEDED 504. What is no
            // status at all is 500 too.
            case 2, 4, 12, 13, 14, 15: true
            case 0...16: false
            default: true
            }
        case .failed: true
        case .connected: false
        }
    }
}

/// A change of a host's ejection, for the log, `/clusters`, `status` and tap.
public struct EjectionEvent: Sendable, Equatable {
    public enum Kind: Sendable, Equatable {
        case ejected(Cause)
        /// It would have been ejected, but `ejectedPercentMax` keeps it (`ejections_overflow`).
        case heldBack(Cause)
        case returned(Return)
    }
    public enum Cause: Sendable, Equatable {
        /// So many server errors in a row.
        case consecutiveErrors(UInt32)
    }
    public enum Return: Sendable, Equatable {
        /// Its ejection was over at a sweep.
        case timeElapsed
        /// An active health check passed.
        case healthCheckPassed
        /// Outlier detection was taken away.
        case detectionEnded
    }

    /// The host's `id`.
    public var host: UInt32
    public var kind: Kind
    /// How often it was ejected in all.
    public var ejections: UInt64
    /// How long it stays out at least, from now; 0 if it is not out.
    public var duration: Int64
    /// Hosts that are out now, and hosts in all.
    public var ejectedCount: Int
    public var hostCount: Int
}
