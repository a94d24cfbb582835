// Histograms by their buckets, as `/stats?histogram_buckets=` asks for them. Envoy's forms: `cumulative` counts in each bucket
// everything below its upper bound, `disjoint` what lies between two bounds, `detailed` shows the buckets in which values are
// really kept; each beside the values of the last interval.

import Glibc

/// What `histogram_buckets` asks for.
public enum HistogramBuckets: Sendable {
    /// Percentiles, as without the parameter.
    case summary
    case cumulative, disjoint, detailed

    /// `none` is an older name of `summary`.
    public init?(named name: String) {
        switch name {
        case "summary", "none": self = .summary
        case "cumulative": self = .cumulative
        case "disjoint": self = .disjoint
        case "detailed": self = .detailed
        default: return nil
        }
    }
}

extension StatStore {
    /// Which histograms, as for the other renderings.
    public struct HistogramSelection {
        public var filter: ((String) -> Bool)?
        public var usedOnly: Bool
        public var proxy: String?

        public init(filter: ((String) -> Bool)?, usedOnly: Bool, proxy: String?) {
            self.filter = filter
            self.usedOnly = usedOnly
            self.proxy = proxy
        }
    }

    private func selected(_ selection: HistogramSelection) -> [HistogramLine] {
        histogramLines(proxy: selection.proxy).filter { line in
            (!selection.usedOnly || line.total.count > 0) && selection.filter?(line.name) ?? true
        }
    }

    // MARK: Text

    /// One line, in detail four lines, for each histogram.
    public func renderHistograms(_ buckets: HistogramBuckets, _ selection: HistogramSelection) -> String {
        selected(selection).map { line in
            let name = Self.labelled(line.name, line.key.proxy, selection.proxy)
            guard line.total.count > 0 else { return "\(name): No recorded values\n" }
            switch buckets {
            case .summary: return "\(name): \(Self.percentiles(line.total, line.interval))\n"
            case .cumulative: return "\(name): \(Self.bounded(line.interval.cumulative, line.total.cumulative))\n"
            case .disjoint: return "\(name): \(Self.bounded(line.interval.disjoint, line.total.disjoint))\n"
            case .detailed:
                return "\(name):\n  totals=\(Self.detail(line.total))\n  intervals=\(Self.detail(line.interval))\n"
                    + "  summary=\(Self.percentiles(line.total, line.interval))\n"
            }
        }.joined()
    }

    /// `B0.5(interval,total) B1(…) …`
    private static func bounded(_ interval: [Int64], _ total: [Int64]) -> String {
        zip(Distribution.bounds, zip(interval, total)).map { bound, counts in
            "B\(general(bound))(\(counts.0),\(counts.1))"
        }.joined(separator: " ")
    }

    private static func detail(_ distribution: Distribution) -> String {
        distribution.detail.map { "\(general($0.low)),\(general($0.width)):\($0.count)" }.joined(separator: ", ")
    }

    /// Six significant digits, with an exponent from a million on (C's `%g`).
    private static func general(_ value: Double) -> String {
        let size = 32
        var buffer = [CChar](repeating: 0, count: size)
        let count = withVaList([value]) { vsnprintf(&buffer, size, "%g", $0) }
        return String(decoding: buffer.prefix(max(0, Int(count))).map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }

    // MARK: JSON

    private static let percents: [Double] = [0, 25, 50, 75, 90, 95, 99, 99.5, 99.9, 100]

    /// The member of `stats` that holds all histograms; nil if there are none. Not for `summary`.
    public func renderHistogramsJSON(_ buckets: HistogramBuckets, _ selection: HistogramSelection) -> String? {
        let lines = selected(selection)
        guard !lines.isEmpty else { return nil }
        let entries = lines.map { line in
            let owner =
                selection.proxy == nil && !line.key.proxy.isEmpty ? ",\"proxy\":\(Self.text(line.key.proxy))" : ""
            let name = "\"name\":\(Self.text(line.name))\(owner)"
            switch buckets {
            case .cumulative:
                return "{\(name),\"buckets\":\(Self.json(line.interval.cumulative, line.total.cumulative))}"
            case .disjoint:
                return "{\(name),\"buckets\":\(Self.json(line.interval.disjoint, line.total.disjoint))}"
            case .summary, .detailed:
                return "{\(name),\"totals\":\(Self.json(line.total)),\"intervals\":\(Self.json(line.interval)),"
                    + "\"percentiles\":\(Self.percentilesJSON(line.total, line.interval))}"
            }
        }.joined(separator: ",")
        guard case .detailed = buckets else { return "{\"histograms\":[\(entries)]}" }
        let percents = Self.percents.map { Self.plain($0) }.joined(separator: ",")
        return "{\"histograms\":{\"supported_percentiles\":[\(percents)],\"details\":[\(entries)]}}"
    }

    private static func json(_ interval: [Int64], _ total: [Int64]) -> String {
        let buckets = zip(Distribution.bounds, zip(interval, total)).map { bound, counts in
            "{\"upper_bound\":\(plain(bound)),\"interval\":\(counts.0),\"cumulative\":\(counts.1)}"
        }
        return "[\(buckets.joined(separator: ","))]"
    }

    private static func json(_ distribution: Distribution) -> String {
        let buckets = distribution.detail.map {
            "{\"lower_bound\":\(plain($0.low)),\"width\":\(plain($0.width)),\"count\":\($0.count)}"
        }
        return "[\(buckets.joined(separator: ","))]"
    }

    private static func percentilesJSON(_ total: Distribution, _ interval: Distribution) -> String {
        let values = percents.map { percent in
            let cumulative = total.value(percentile: percent).map(plain) ?? "null"
            let recent = interval.value(percentile: percent).map(plain) ?? "null"
            return "{\"cumulative\":\(cumulative),\"interval\":\(recent)}"
        }
        return "[\(values.joined(separator: ","))]"
    }

    private static func text(_ text: String) -> String { String(decoding: JSONText.value(text), as: UTF8.self) }

    private static func plain(_ value: Double) -> String {
        value == value.rounded() && abs(value) < 1e15 ? "\(Int64(value))" : "\(value)"
    }

    // MARK: Prometheus

    /// Summaries instead of histograms: the quantiles of the last interval, sum and count of all values.
    public func renderPrometheusSummaries(_ selection: HistogramSelection) -> String {
        var families: [String: String] = [:]
        for line in selected(selection) {
            let (family, _) = Self.metric(line.key.kind, line.kind.name)
            var samples = ""
            for percent in Self.percents {
                let labels = line.key.labels("quantile=\"\(Self.plain(percent / 100))\"", last: true)
                samples += "\(family){\(labels)} \(line.interval.value(percentile: percent).map(Self.plain) ?? "NaN")\n"
            }
            samples += "\(family)_sum{\(line.key.labels(nil))} \(Self.plain(line.total.sumMilliseconds))\n"
            samples += "\(family)_count{\(line.key.labels(nil))} \(line.total.count)\n"
            families[family, default: ""] += samples
        }
        return families.sorted { $0.key < $1.key }.map { "# TYPE \($0.key) summary\n\($0.value)" }.joined()
    }
}

extension Distribution {
    /// Values between each of `bounds` and the one before it.
    var disjoint: [Int64] {
        var before: Int64 = 0
        return cumulative.map { count in
            defer { before = count }
            return count &- before
        }
    }

    /// The buckets that hold something, in milliseconds.
    var detail: [(low: Double, width: Double, count: Int64)] {
        buckets.enumerated().filter { $0.element > 0 }.map { index, count in
            let low = Histogram.lowerBound(index)
            return (low / 1000, (Histogram.lowerBound(index + 1) - low) / 1000, count)
        }
    }
}
