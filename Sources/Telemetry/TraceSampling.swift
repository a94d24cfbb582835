// Which new traces are recorded: AWS X-Ray's local sampling rules, version 2, as Envoy's X-Ray tracer reads them. A rule takes
// the first so many requests of each second and a share of the others. The first rule that fits a request decides, else the
// default, which is one a second and 5 % (appmesh.md 2: XRAY_SAMPLING_RATE). A proxy's workers share its rules' seconds.

import Synchronization

/// One rule. Its patterns know `*` and `?`, and disregard the case of ASCII letters.
public struct SamplingRule: Sendable, Equatable {
    /// The request's authority.
    public var host = "*"
    public var method = "*"
    /// The path, without its query.
    public var path = "*"
    /// Requests recorded in each second before the rate counts; not negative.
    public var fixedTarget: Int
    /// Share of the others, 0 to 1.
    public var rate: Double

    public init(host: String = "*", method: String = "*", path: String = "*", fixedTarget: Int = 1, rate: Double = 0.05)
    {
        self.host = host
        self.method = method
        self.path = path
        self.fixedTarget = fixedTarget
        self.rate = rate
    }
}

public struct SamplingRules: Sendable, Equatable {
    /// In the order in which they are tried.
    public var rules: [SamplingRule]
    /// For requests that no rule fits; its patterns mean nothing.
    public var standard: SamplingRule

    public init(rules: [SamplingRule] = [], standard: SamplingRule = SamplingRule()) {
        self.rules = rules
        self.standard = standard
    }
}

/// Decides for one proxy. Any thread may ask.
public final class TraceSampler: Sendable {
    private let rules: [CompiledRule]
    private let standard: CompiledRule

    public init(_ rules: SamplingRules) {
        self.rules = rules.rules.map { CompiledRule($0) }
        standard = CompiledRule(rules.standard)
    }

    /// - Parameters:
    ///   - now: monotonic time in nanoseconds.
    ///   - random: a fresh random number.
    public func decide(
        host: UnsafeBufferPointer<UInt8>, method: UnsafeBufferPointer<UInt8>, path: UnsafeBufferPointer<UInt8>,
        now: Int64, random: UInt64
    ) -> Bool {
        let rule = rules.first { $0.host.fits(host) && $0.method.fits(method) && $0.path.fits(path) } ?? standard
        return rule.reservoir.take(now: now) || Double(random >> 11) * 0x1p-53 < rule.rate
    }

    private struct CompiledRule: Sendable {
        let host, method, path: WildcardPattern
        let reservoir: Reservoir
        let rate: Double

        init(_ rule: SamplingRule) {
            host = WildcardPattern(rule.host)
            method = WildcardPattern(rule.method)
            path = WildcardPattern(rule.path)
            reservoir = Reservoir(target: rule.fixedTarget)
            rate = rule.rate
        }
    }
}

/// So many in each second.
private final class Reservoir: Sendable {
    private let target: UInt64
    /// The second in the upper 40 bits, what was taken in it below.
    private let state = Atomic<UInt64>(0)
    private static let countBits: UInt64 = 24

    init(target: Int) { self.target = min(UInt64(max(target, 0)), 1 << Self.countBits - 1) }

    func take(now: Int64) -> Bool {
        let second = UInt64(max(now, 0)) / 1_000_000_000
        var known = state.load(ordering: .relaxed)
        while true {
            let used = known >> Self.countBits == second ? known & (1 << Self.countBits - 1) : 0
            guard used < target else { return false }
            let result = state.compareExchange(
                expected: known, desired: second << Self.countBits | (used + 1), ordering: .relaxed)
            if result.exchanged { return true }
            known = result.original
        }
    }
}

/// `*` stands for any bytes, `?` for any one.
struct WildcardPattern: Sendable {
    private let pattern: [UInt8]

    init(_ text: String) { pattern = text.utf8.map(Self.lower) }

    private static func lower(_ byte: UInt8) -> UInt8 { byte &- 0x41 < 26 ? byte | 0x20 : byte }

    /// Whether the pattern covers all of `text`. After a mismatch the last star takes one byte more, which is enough, as an
    /// earlier one can gain nothing; so the time is bounded by the product of the lengths.
    func fits(_ text: UnsafeBufferPointer<UInt8>) -> Bool {
        var read = 0
        var next = 0
        var afterStar: (pattern: Int, text: Int)?
        while read < text.count {
            if next < pattern.count, pattern[next] == UInt8(ascii: "*") {
                next += 1
                afterStar = (next, read)
            } else if next < pattern.count,
                pattern[next] == UInt8(ascii: "?") || pattern[next] == Self.lower(text[read])
            {
                next += 1
                read += 1
            } else if let star = afterStar {
                next = star.pattern
                read = star.text + 1
                afterStar = (next, read)
            } else {
                return false
            }
        }
        return pattern[next...].allSatisfy { $0 == UInt8(ascii: "*") }
    }
}
