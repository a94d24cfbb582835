// Why an answer is what it is: Envoy's response flags, one bit each. A flag tells apart what a status alone cannot, such
// as a 503 of the application (`-`) from one that the proxy made because nobody was healthy (`UH`). Short and long
// names are Envoy's (data plane reference 1.5).

/// The set of Envoy's response flags of one exchange.
public struct ResponseFlags: OptionSet, Sendable, Hashable {
    public let rawValue: UInt32
    @inlinable public init(rawValue: UInt32) { self.rawValue = rawValue }

    // Bits in the order in which Envoy prints them. It prints in the order of setting; as one exchange sets them, the
    // exhausted retry comes before the last attempt's own failure, and a delay before an abort.
    public static let upstreamRetryLimitExceeded = ResponseFlags(rawValue: 1 << 0)
    public static let noHealthyUpstream = ResponseFlags(rawValue: 1 << 1)
    public static let upstreamConnectionFailure = ResponseFlags(rawValue: 1 << 2)
    public static let upstreamOverflow = ResponseFlags(rawValue: 1 << 3)
    public static let noRouteFound = ResponseFlags(rawValue: 1 << 4)
    public static let noClusterFound = ResponseFlags(rawValue: 1 << 5)
    public static let durationTimeout = ResponseFlags(rawValue: 1 << 6)
    public static let failedLocalHealthCheck = ResponseFlags(rawValue: 1 << 7)
    public static let upstreamRequestTimeout = ResponseFlags(rawValue: 1 << 8)
    public static let localReset = ResponseFlags(rawValue: 1 << 9)
    public static let upstreamRemoteReset = ResponseFlags(rawValue: 1 << 10)
    public static let upstreamConnectionTermination = ResponseFlags(rawValue: 1 << 11)
    public static let delayInjected = ResponseFlags(rawValue: 1 << 12)
    public static let faultInjected = ResponseFlags(rawValue: 1 << 13)
    public static let rateLimited = ResponseFlags(rawValue: 1 << 14)
    public static let unauthorizedExternalService = ResponseFlags(rawValue: 1 << 15)
    public static let rateLimitServiceError = ResponseFlags(rawValue: 1 << 16)
    public static let invalidEnvoyRequestHeaders = ResponseFlags(rawValue: 1 << 17)
    public static let streamIdleTimeout = ResponseFlags(rawValue: 1 << 18)
    public static let downstreamProtocolError = ResponseFlags(rawValue: 1 << 19)
    public static let upstreamProtocolError = ResponseFlags(rawValue: 1 << 20)
    public static let upstreamMaxStreamDurationReached = ResponseFlags(rawValue: 1 << 21)
    public static let responseFromCacheFilter = ResponseFlags(rawValue: 1 << 22)
    public static let noFilterConfigFound = ResponseFlags(rawValue: 1 << 23)
    public static let overloadManagerTerminated = ResponseFlags(rawValue: 1 << 24)
    public static let dnsResolutionFailed = ResponseFlags(rawValue: 1 << 25)
    public static let dropOverload = ResponseFlags(rawValue: 1 << 26)
    public static let downstreamRemoteReset = ResponseFlags(rawValue: 1 << 27)
    public static let unconditionalDropOverload = ResponseFlags(rawValue: 1 << 28)
    public static let downstreamConnectionTermination = ResponseFlags(rawValue: 1 << 29)

    /// One flag by its short name, such as `UH`; nil if there is none of that name.
    public init?(shortName name: String) {
        guard let bit = (0..<Self.bits).first(where: { "\(Self.shortName($0))" == name }) else { return nil }
        self.init(rawValue: 1 << UInt32(bit))
    }

    /// Number of flags.
    static let bits = 30

    /// Flags as `%RESPONSE_FLAGS%` prints them, joined with commas; `-` if none is set.
    public var shortNames: String { joined(Self.shortName) }

    /// Flags as `%RESPONSE_FLAGS_LONG%` prints them.
    public var longNames: String { joined(Self.longName) }

    private func joined(_ name: (Int) -> StaticString) -> String {
        let names = (0..<Self.bits).filter { rawValue & (1 << UInt32($0)) != 0 }.map { "\(name($0))" }
        return names.isEmpty ? "-" : names.joined(separator: ",")
    }

    static func shortName(_ bit: Int) -> StaticString {
        switch bit {
        case 0: "URX"
        case 1: "UH"
        case 2: "UF"
        case 3: "UO"
        case 4: "NR"
        case 5: "NC"
        case 6: "DT"
        case 7: "LH"
        case 8: "UT"
        case 9: "LR"
        case 10: "UR"
        case 11: "UC"
        case 12: "DI"
        case 13: "FI"
        case 14: "RL"
        case 15: "UAEX"
        case 16: "RLSE"
        case 17: "IH"
        case 18: "SI"
        case 19: "DPE"
        case 20: "UPE"
        case 21: "UMSDR"
        case 22: "RFCF"
        case 23: "NFCF"
        case 24: "OM"
        case 25: "DF"
        case 26: "DO"
        case 27: "DR"
        case 28: "UDO"
        default: "DC"
        }
    }

    static func longName(_ bit: Int) -> StaticString {
        switch bit {
        case 0: "UpstreamRetryLimitExceeded"
        case 1: "NoHealthyUpstream"
        case 2: "UpstreamConnectionFailure"
        case 3: "UpstreamOverflow"
        case 4: "NoRouteFound"
        case 5: "NoClusterFound"
        case 6: "DurationTimeout"
        case 7: "FailedLocalHealthCheck"
        case 8: "UpstreamRequestTimeout"
        case 9: "LocalReset"
        case 10: "UpstreamRemoteReset"
        case 11: "UpstreamConnectionTermination"
        case 12: "DelayInjected"
        case 13: "FaultInjected"
        case 14: "RateLimited"
        case 15: "UnauthorizedExternalService"
        case 16: "RateLimitServiceError"
        case 17: "InvalidEnvoyRequestHeaders"
        case 18: "StreamIdleTimeout"
        case 19: "DownstreamProtocolError"
        case 20: "UpstreamProtocolError"
        case 21: "UpstreamMaxStreamDurationReached"
        case 22: "ResponseFromCacheFilter"
        case 23: "NoFilterConfigFound"
        case 24: "OverloadManagerTerminated"
        case 25: "DnsResolutionFailed"
        case 26: "DropOverload"
        case 27: "DownstreamRemoteReset"
        case 28: "UnconditionalDropOverload"
        default: "DownstreamConnectionTermination"
        }
    }
}

extension ResponseFlags {
    // Envoy's short names, as the reference and the logs use them.
    public static let URX = upstreamRetryLimitExceeded
    public static let UH = noHealthyUpstream
    public static let UF = upstreamConnectionFailure
    public static let UO = upstreamOverflow
    public static let NR = noRouteFound
    public static let NC = noClusterFound
    public static let DT = durationTimeout
    public static let DC = downstreamConnectionTermination
    public static let LH = failedLocalHealthCheck
    public static let UT = upstreamRequestTimeout
    public static let LR = localReset
    public static let UR = upstreamRemoteReset
    public static let UC = upstreamConnectionTermination
    public static let DI = delayInjected
    public static let FI = faultInjected
    public static let RL = rateLimited
    public static let UAEX = unauthorizedExternalService
    public static let RLSE = rateLimitServiceError
    public static let IH = invalidEnvoyRequestHeaders
    public static let SI = streamIdleTimeout
    public static let DPE = downstreamProtocolError
    public static let UPE = upstreamProtocolError
    public static let UMSDR = upstreamMaxStreamDurationReached
    public static let OM = overloadManagerTerminated
    public static let DF = dnsResolutionFailed
    public static let DO = dropOverload
    public static let DR = downstreamRemoteReset
}
