// The statistics as `/stats` prints them: Envoy's text, and Prometheus's exposition format with Envoy's metric names and
// tags. In a process of many proxies each line says whose it is; asked for one proxy, the text is exactly Envoy's.

extension StatStore {
    /// Envoy's text. `filter` gets the name without the proxy; `usedOnly` leaves out what was never written. With
    /// `proxy` nil every proxy's statistics are shown, each with `{proxy="…"}` behind its name.
    public func renderText(
        filter: ((String) -> Bool)? = nil, usedOnly: Bool = false, proxy: String? = nil, types: StatTypes = .all
    ) -> String {
        var text = ""
        for line in lines(proxy: proxy) {
            guard types.contains(line.isGauge ? .gauges : .counters), !usedOnly || line.isUsed,
                filter?(line.name) ?? true
            else { continue }
            text += Self.labelled(line.name, line.proxy, proxy) + ": \(line.value)\n"
        }
        guard types.contains(.histograms) else { return text }
        for entry in histogramLines(proxy: proxy) {
            guard !usedOnly || entry.total.count > 0, filter?(entry.name) ?? true else { continue }
            text += Self.labelled(entry.name, entry.key.proxy, proxy) + ": "
            text += Self.percentiles(entry.total, entry.interval) + "\n"
        }
        return text
    }

    static func labelled(_ name: String, _ owner: String, _ asked: String?) -> String {
        asked == nil && !owner.isEmpty ? "\(name){proxy=\"\(labelValue(owner))\"}" : name
    }

    /// `P0(interval,total) …`, as Envoy prints a histogram.
    static func percentiles(_ total: Distribution, _ interval: Distribution) -> String {
        guard total.count > 0 else { return "No recorded values" }
        return [0, 25, 50, 75, 90, 95, 99, 99.5, 99.9, 100].map { percentile in
            let name = percentile == percentile.rounded() ? "\(Int(percentile))" : "\(percentile)"
            let recent = interval.value(percentile: percentile).map(number) ?? "nan"
            return "P\(name)(\(recent),\(total.value(percentile: percentile).map(number) ?? "nan"))"
        }.joined(separator: " ")
    }

    /// A number without `.0`, as Envoy and Prometheus write bounds.
    private static func number(_ value: Double) -> String {
        value == value.rounded() && abs(value) < 1e15 ? "\(Int64(value))" : "\(value)"
    }

    struct HistogramLine {
        var key: StatKey
        var kind: HistogramKind
        var name: String
        var total: Distribution
        var interval: Distribution
    }

    func histogramLines(proxy: String?) -> [HistogramLine] {
        let found = state.withLock { state in
            state.histograms.compactMap { key, entry -> HistogramLine? in
                guard proxy == nil || key.owner.proxy == proxy, key.owner.kind != .endpoint else { return nil }
                var total = Distribution()
                for histogram in entry.workers { histogram.add(to: &total) }
                return HistogramLine(
                    key: key.owner, kind: key.kind, name: key.owner.textPrefix + key.kind.name, total: total,
                    interval: entry.latest.subtracting(entry.previous))
            }
        }
        return found.sorted { ($0.key.proxy, $0.name) < ($1.key.proxy, $1.name) }
    }

    // MARK: Prometheus

    /// Prometheus's text format 0.0.4. `filter` gets the names of the text output.
    public func renderPrometheus(
        filter: ((String) -> Bool)? = nil, usedOnly: Bool = false, proxy: String? = nil, types: StatTypes = .all
    ) -> String {
        var families: [String: (isGauge: Bool, samples: [String])] = [:]
        let owners = state.withLock { state in
            state.counters.filter { ($0.key.proxy == proxy || proxy == nil) && $0.key.kind != .endpoint }
        }
        for (key, blocks) in owners.sorted(by: { ($0.key.proxy, $0.key.name) < ($1.key.proxy, $1.key.name) }) {
            for (index, counter) in key.kind.counters.enumerated() {
                guard types.contains(counter.isGauge ? .gauges : .counters),
                    filter?(key.textPrefix + counter.name) ?? true
                else { continue }
                guard !usedOnly || blocks.contains(where: { $0.isUsed(index) }) else { continue }
                let value = blocks.reduce(0) { $0 &+ $1.value(index) }
                let (family, tag) = Self.metric(key.kind, counter.name)
                families[family, default: (counter.isGauge, [])].samples.append(
                    "\(family){\(key.labels(tag))} \(value)\n")
            }
            guard key.kind == .cluster, types.contains(.counters) else { continue }
            for status in CounterBlock.firstStatus..<(CounterBlock.firstStatus + CounterBlock.statusCount) {
                let value = blocks.reduce(0) { $0 &+ $1.statusValue(status) }
                guard value != 0, filter?("\(key.textPrefix)upstream_rq_\(status)") ?? true else { continue }
                families["envoy_cluster_upstream_rq", default: (false, [])].samples.append(
                    "envoy_cluster_upstream_rq{\(key.labels("envoy_response_code=\"\(status)\""))} \(value)\n")
            }
        }
        var text = ""
        for (family, entry) in families.sorted(by: { $0.key < $1.key }) {
            text += "# TYPE \(family) \(entry.isGauge ? "gauge" : "counter")\n" + entry.samples.joined()
        }
        guard types.contains(.histograms) else { return text }
        return text + prometheusHistograms(filter: filter, usedOnly: usedOnly, proxy: proxy)
    }

    private func prometheusHistograms(
        filter: ((String) -> Bool)?, usedOnly: Bool, proxy: String?
    ) -> String {
        var families: [String: String] = [:]
        for line in histogramLines(proxy: proxy) {
            let count = line.total.count
            guard !usedOnly || count > 0, filter?(line.name) ?? true else { continue }
            let (family, _) = Self.metric(line.key.kind, line.kind.name)
            var samples = ""
            let cumulative = line.total.buckets.isEmpty ? [] : line.total.cumulative
            for (index, bound) in Distribution.bounds.enumerated() {
                let labels = line.key.labels("le=\"\(Self.number(bound))\"", last: true)
                samples += "\(family)_bucket{\(labels)} \(cumulative.isEmpty ? 0 : cumulative[index])\n"
            }
            samples += "\(family)_bucket{\(line.key.labels("le=\"+Inf\"", last: true))} \(count)\n"
            samples += "\(family)_sum{\(line.key.labels(nil))} \(Self.number(line.total.sumMilliseconds))\n"
            samples += "\(family)_count{\(line.key.labels(nil))} \(count)\n"
            families[family, default: ""] += samples
        }
        return families.sorted { $0.key < $1.key }.map { "# TYPE \($0.key) histogram\n" + $0.value }.joined()
    }

    /// The metric's name and the tag that Envoy takes out of it: `upstream_rq_2xx` is `…_rq_xx` of class 2.
    static func metric(_ kind: StatKey.Kind, _ name: String) -> (String, String?) {
        let prefix: String
        switch kind {
        case .cluster: prefix = "envoy_cluster_"
        case .http: prefix = "envoy_http_"
        case .listener: prefix = "envoy_listener_"
        case .tracing: prefix = "envoy_tracing_xray_"
        case .server, .endpoint: prefix = "envoy_"
        }
        // Envoy takes the class out of requests only: `consecutive_5xx` stays a name.
        if let digit = name.utf8.dropLast(2).last, name.hasSuffix("xx"), (0x30...0x39).contains(digit),
            name.dropLast(3).hasSuffix("_rq_")
        {
            let family = Self.sanitized(String(name.dropLast(3))) + "xx"
            return (prefix + family, "envoy_response_code_class=\"\(digit - 0x30)\"")
        }
        return (prefix + Self.sanitized(name), nil)
    }

    /// Only what a metric's name may hold (Prometheus' data model).
    private static func sanitized(_ name: String) -> String {
        String(name.map { $0.isASCII && ($0.isLetter || $0.isNumber) || $0 == "_" ? $0 : "_" })
    }

    /// Prometheus escapes backslash, quote and newline in label values.
    static func labelValue(_ text: String) -> String {
        var result = ""
        for character in text {
            switch character {
            case "\\": result += "\\\\"
            case "\"": result += "\\\""
            case "\n": result += "\\n"
            default: result.append(character)
            }
        }
        return result
    }
}

extension StatKey {
    /// The labels of one sample: Envoy's tags and the proxy.
    func labels(_ tag: String?, last: Bool = false) -> String {
        var labels: [String] = []
        let value = StatStore.labelValue(Self.sanitized(name))
        switch kind {
        case .cluster: labels.append("envoy_cluster_name=\"\(value)\"")
        case .http: labels.append("envoy_http_conn_manager_prefix=\"\(value)\"")
        case .listener: labels.append("envoy_listener_address=\"\(value)\"")
        case .server, .endpoint, .tracing: break
        }
        if !proxy.isEmpty { labels.append("proxy=\"\(StatStore.labelValue(proxy))\"") }
        if let tag { labels.insert(tag, at: last ? labels.count : 0) }
        return labels.joined(separator: ",")
    }
}
