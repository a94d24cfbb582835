// `/stats`, `/stats/prometheus` and `/logging`, as Envoy has them.

import Patterns
import Telemetry

enum StatsPage {
    static func answer(_ context: AdminContext, _ request: AdminRequest, format: String) -> AdminAnswer {
        let stats = context.state.stats
        guard ["text", "json", "prometheus"].contains(format) else {
            return .text("usage: /stats?format=(json|prometheus|text)\n\n", status: 400)
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
        let usedOnly = request.flag("usedonly")
        switch format {
        case "json":
            let text = stats.renderJSON(filter: filter, usedOnly: usedOnly, proxy: context.proxy, types: types)
            return AdminAnswer(status: 200, content: .json, body: text)
        case "prometheus":
            let text = stats.renderPrometheus(filter: filter, usedOnly: usedOnly, proxy: context.proxy, types: types)
            return AdminAnswer(status: 200, content: .prometheus, body: text)
        default:
            return .text(stats.renderText(filter: filter, usedOnly: usedOnly, proxy: context.proxy, types: types))
        }
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
        levels: \(LogLevel.allCases.map(\.name).joined(separator: " "))\u{20}

        """

    static func answer(_ context: AdminContext, _ request: AdminRequest) -> AdminAnswer {
        let levels = context.state.levels
        guard let parameter = request.parameters.first else { return .text(levels.list) }
        func refusal(_ text: String) -> AdminAnswer {
            .text("error: \(text)\n\n" + usage + levels.list, status: 400)
        }
        guard request.parameters.count == 1 else { return refusal("invalid parameters") }
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
