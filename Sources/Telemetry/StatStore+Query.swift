// What an admin listener asks of the statistics beside their text: kinds of statistics, JSON in Envoy's form, and setting
// counters back.

/// Kinds of statistics, as `/stats?type=` names them.
public struct StatTypes: OptionSet, Sendable {
    public let rawValue: Int
    public init(rawValue: Int) { self.rawValue = rawValue }

    public static let counters = StatTypes(rawValue: 1)
    public static let gauges = StatTypes(rawValue: 2)
    public static let histograms = StatTypes(rawValue: 4)
    public static let all: StatTypes = [.counters, .gauges, .histograms]

    /// `All`, `Counters`, `Gauges`, `Histograms` or `TextReadouts` (of which there are none); nil for anything else.
    public init?(named name: String) {
        switch name {
        case "All": self = .all
        case "Counters": self = .counters
        case "Gauges": self = .gauges
        case "Histograms": self = .histograms
        case "TextReadouts": self = []
        default: return nil
        }
    }
}

extension StatStore {
    private static let quantiles: [Double] = [0, 25, 50, 75, 90, 95, 99, 99.5, 99.9, 100]

    /// Envoy's `/stats?format=json`: counters and gauges, then one object with the quantiles of all histograms. With `proxy`
    /// nil every entry also has a member `proxy`.
    public func renderJSON(
        filter: ((String) -> Bool)? = nil, usedOnly: Bool = false, proxy: String? = nil, types: StatTypes = .all
    ) -> String {
        func name(_ name: String, _ owner: String) -> String {
            let own = proxy == nil && !owner.isEmpty ? ",\"proxy\":\(Self.quoted(owner))" : ""
            return "\"name\":\(Self.quoted(name))\(own)"
        }
        var entries: [String] = []
        for line in lines(proxy: proxy) where types.contains(line.isGauge ? .gauges : .counters) {
            guard !usedOnly || line.isUsed, filter?(line.name) ?? true else { continue }
            entries.append("{\(name(line.name, line.proxy)),\"value\":\(line.value)}")
        }
        if types.contains(.histograms) {
            var computed: [String] = []
            for entry in histogramLines(proxy: proxy) {
                guard !usedOnly || entry.total.count > 0, filter?(entry.name) ?? true else { continue }
                let values = Self.quantiles.map { quantile in
                    let interval = Self.number(entry.interval.value(percentile: quantile))
                    return
                        "{\"interval\":\(interval),\"cumulative\":\(Self.number(entry.total.value(percentile: quantile)))}"
                }
                computed.append(
                    "{\(name(entry.name, entry.key.proxy)),\"values\":[\(values.joined(separator: ","))]}")
            }
            if !computed.isEmpty {
                let supported = Self.quantiles.map { Self.number($0) }.joined(separator: ",")
                entries.append(
                    "{\"histograms\":{\"supported_quantiles\":[\(supported)],"
                        + "\"computed_quantiles\":[\(computed.joined(separator: ","))]}}")
            }
        }
        return "{\"stats\":[\(entries.joined(separator: ","))]}"
    }

    private static func quoted(_ text: String) -> String { String(decoding: JSONText.value(text), as: UTF8.self) }

    private static func number(_ value: Double?) -> String {
        guard let value, value.isFinite else { return "null" }
        return value == value.rounded() && abs(value) < 1e15 ? "\(Int64(value))" : "\(value)"
    }

    /// Sets all counters that one worker writes back to 0, of one proxy or of all; gauges and histograms stay. To be called
    /// on that worker's thread, as a counter has one writer.
    public func resetCounters(worker: Int, proxy: String? = nil) {
        let owners = state.withLock { state in
            state.counters.filter { proxy == nil || $0.key.proxy == proxy }.map { ($0.key.kind, $0.value[worker]) }
        }
        for (kind, block) in owners {
            for (index, counter) in kind.counters.enumerated() where !counter.isGauge { block.reset(index) }
            block.resetStatuses()
        }
    }
}
