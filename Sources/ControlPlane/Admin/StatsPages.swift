// `/stats`, `/stats/prometheus` and `/logging`, as Envoy has them.

import Patterns
import Telemetry

enum StatsPage {
    static func answer(_ context: AdminContext, _ request: AdminRequest, format: String) -> AdminAnswer {
        let stats = context.state.stats
        guard ["text", "json", "prometheus"].contains(format) else {
            // As an Envoy that is built without its pages.
            let isPage = format == "html" || format == "active-html"
            return .text((isPage ? "HTML output is not built in\n" : "") + formatUsage, status: 400)
        }
        var buckets: HistogramBuckets?
        if let name = request.parameter("histogram_buckets"), !name.isEmpty {
            guard let named = HistogramBuckets(named: name) else {
                return .text(
                    "usage: /stats?histogram_buckets=(cumulative|disjoint|detailed|summary)\n", status: 400)
            }
            buckets = named
        }
        var types = StatTypes.all
        if let name = request.parameter("type") {
            guard let named = StatTypes(named: name) else {
                return .text("invalid &type= param", status: 400)
            }
            types = named
        }
        var filter: ((String) -> Bool)?
        do throws(PatternError) {
            filter = try NameFilter.make(request.parameter("filter"))
            if let found = filter, request.flag("invert_filter") { filter = { !found($0) } }
        } catch {
            return .text("Invalid re2 regex: \(error)\n", status: 400)
        }
        let selection = StatStore.HistogramSelection(
            filter: filter, usedOnly: request.flag("usedonly"), proxy: context.proxy)
        switch format {
        case "json": return json(stats, selection, types, buckets)
        case "prometheus": return prometheus(stats, selection, types, buckets)
        default: return text(stats, selection, types, buckets)
        }
    }

    private static let formatUsage = "usage: /stats?format=(json|prometheus|text)\n\n"

    private static func text(
        _ stats: StatStore, _ selection: StatStore.HistogramSelection, _ types: StatTypes, _ buckets: HistogramBuckets?
    ) -> AdminAnswer {
        var text = stats.renderText(
            filter: selection.filter, usedOnly: selection.usedOnly, proxy: selection.proxy,
            types: types.subtracting(.histograms))
        if types.contains(.histograms) { text += stats.renderHistograms(buckets ?? .summary, selection) }
        return .text(text)
    }

    private static func json(
        _ stats: StatStore, _ selection: StatStore.HistogramSelection, _ types: StatTypes, _ buckets: HistogramBuckets?
    ) -> AdminAnswer {
        var ownTypes = types
        var histograms: String?
        if types.contains(.histograms), let buckets, buckets != .summary {
            ownTypes.remove(.histograms)
            histograms = stats.renderHistogramsJSON(buckets, selection)
        }
        var text = stats.renderJSON(
            filter: selection.filter, usedOnly: selection.usedOnly, proxy: selection.proxy, types: ownTypes)
        // Behind the last element of the list that the object ends with.
        if let histograms, text.hasSuffix("]}") {
            text.removeLast(2)
            text += (text.hasSuffix("[") ? "" : ",") + histograms + "]}"
        }
        return AdminAnswer(status: 200, content: .json, body: text)
    }

    /// There are no text readouts, so that `text_readouts` adds no gauges.
    private static func prometheus(
        _ stats: StatStore, _ selection: StatStore.HistogramSelection, _ types: StatTypes, _ buckets: HistogramBuckets?
    ) -> AdminAnswer {
        var ownTypes = types
        var summaries = ""
        switch buckets {
        case nil, .cumulative: break
        case .summary:
            ownTypes.remove(.histograms)
            if types.contains(.histograms) { summaries = stats.renderPrometheusSummaries(selection) }
        case .disjoint, .detailed: return .text("unsupported prometheus histogram bucket mode", status: 400)
        }
        let text = stats.renderPrometheus(
            filter: selection.filter, usedOnly: selection.usedOnly, proxy: selection.proxy, types: ownTypes)
        return AdminAnswer(status: 200, content: .prometheus, body: text + summaries)
    }
}

enum NameFilter {
    /// Whether a pattern is found in a name; nil without a pattern.
    static func make(_ text: String?) throws(PatternError) -> ((String) -> Bool)? {
        guard let text else { return nil }
        let pattern = try Pattern(text)
        let scratch = PatternScratch()
        return { name in
            var name = name
            return name.withUTF8 { pattern.find($0, scratch) }
        }
    }
}

enum LoggingPage {
    private static let usage = """
        usage: /logging?<name>=<level> (change single level)
        usage: /logging?paths=name1:level1,name2:level2,... (change multiple levels)
        usage: /logging?level=<level> (change all levels)
        usage: /logging?group=<group_name>:<level> (change group of loggers)
        levels: \(LogLevel.allCases.map(\.name).joined(separator: " "))\u{20}

        """

    static func answer(_ context: AdminContext, _ request: AdminRequest) -> AdminAnswer {
        let levels = context.state.levels
        // A form sends its empty fields too.
        let parameters = request.parameters.filter {
            !$0.value.isEmpty || !["level", "paths", "group"].contains($0.name)
        }
        guard let parameter = parameters.first else { return .text(levels.list) }
        func refusal(_ text: String) -> AdminAnswer {
            .text("error: \(text)\n\n" + usage + levels.list, status: 400)
        }
        guard parameters.count == 1 else { return refusal("invalid number of parameters") }
        // Envoy's groups are of its source files, which have levels of their own only in its fine-grain mode.
        if parameter.name == "group" { return refusal("group parameter requires fine-grain logging to be enabled") }
        if parameter.name == "level" {
            guard let level = LogLevel(name: parameter.value) else {
                return refusal("unknown logger level")
            }
            levels.setAll(level)
            return .text(levels.list)
        }
        let pairs =
            parameter.name == "paths"
            ? parameter.value.split(separator: ",").map { $0.split(separator: ":", maxSplits: 1).map(String.init) }
            : [[parameter.name, parameter.value]]
        var changes: [(LoggerName, LogLevel)] = []
        for pair in pairs {
            guard pair.count == 2, let level = LogLevel(name: pair[1]) else {
                return refusal("unknown logger level")
            }
            guard let name = LoggerName(rawValue: pair[0]) else {
                return refusal("unknown logger name")
            }
            changes.append((name, level))
        }
        for (name, level) in changes { levels.set(name, level) }
        return .text(levels.list)
    }
}
