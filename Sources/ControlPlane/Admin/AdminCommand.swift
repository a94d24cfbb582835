// The paths of an admin listener: Envoy's by name, parameters and text (dataplane.md 1.12), and Trellis's own below `/v1/`.

import DataPlane
import Definitions
import Patterns
import Routing

struct AdminCommand: Sendable {
    enum Reply {
        case now(AdminAnswer)
        /// The work calls back with the answer, on any thread.
        case later((@escaping @Sendable (AdminAnswer) -> Void) -> Void)
        /// Live records.
        case tap(TapFilter, TapForm)
    }

    enum Access: Sendable {
        case reading
        /// Needs POST or PUT.
        case changing
        /// Reads with GET, changes with POST or PUT.
        case both
    }

    struct Parameter: Sendable {
        var name: String
        var help: String
        var choices: [String]

        init(_ name: String, _ help: String, _ choices: [String] = []) {
            self.name = name
            self.help = help
            self.choices = choices
        }
    }

    var path: String
    var help: String
    var access = Access.reading
    var parameters: [Parameter] = []
    /// It reads the request's body; that of others is thrown away as it comes.
    var takesBody = false
    /// Its work grows with the mesh, so that no worker does it while requests wait.
    var isLong = false
    var run: @Sendable (AdminContext, AdminRequest) -> Reply

    static let all: [AdminCommand] = (envoy + own).sorted { $0.path < $1.path }

    /// As Envoy lists them.
    static var list: String {
        "admin commands are:\n"
            + all.map { command in
                let method =
                    switch command.access {
                    case .reading: ""
                    case .changing: " (POST)"
                    case .both: " (GET, PUT)"
                    }
                let parameters = command.parameters.map { parameter in
                    let choices =
                        parameter.choices.isEmpty ? "" : "; One of (\(parameter.choices.joined(separator: ", ")))"
                    return "      \(parameter.name): \(parameter.help)\(choices)\n"
                }
                return "  \(command.path)\(method): \(command.help)\n" + parameters.joined()
            }.joined()
    }

    // MARK: Envoy's

    private static let format = Parameter("format", "File format to use", ["text", "json"])

    private static let clusterFilter = Parameter(
        "filter", "Regular expression (Google re2) for filtering clusters by name")

    private static let statParameters = [
        Parameter("usedonly", "Only include stats that have been written by system since restart"),
        Parameter("filter", "Regular expression (Google re2) for filtering stats"),
        Parameter("invert_filter", "Invert the filter regex"),
        Parameter("type", "Stat types to include.", ["All", "Counters", "Gauges", "Histograms", "TextReadouts"]),
        Parameter(
            "histogram_buckets", "Histogram bucket display mode", ["cumulative", "disjoint", "detailed", "summary"]),
    ]

    private static let textReadouts = Parameter(
        "text_readouts", "Render text_readouts as new gauges with value 0 (increases Prometheus data size)")

    private static let envoy: [AdminCommand] = [
        AdminCommand(path: "/", help: "Admin home page") { _, _ in .now(.text(list)) },
        AdminCommand(path: "/certs", help: "print certs on machine") { _, _ in .now(.json(["certificates": []])) },
        AdminCommand(
            path: "/clusters", help: "upstream cluster status", parameters: [clusterFilter, format], isLong: true
        ) {
            context, request in
            do throws(PatternError) {
                let filter = try NameFilter.make(request.parameter("filter")) ?? { _ in true }
                return .now(
                    page(
                        request, text: { ClustersPage.text(context, filter) },
                        json: { ClustersPage.json(context, filter) }))
            } catch {
                return .now(.text("Invalid re2 regex: \(error)\n", status: 400))
            }
        },
        AdminCommand(
            path: "/config_dump", help: "dump current Envoy configs",
            parameters: [
                Parameter("resource", "The resource to dump"),
                Parameter(
                    "mask",
                    "The mask to apply. When both resource and mask are specified, the mask is applied to every element "
                        + "in the desired repeated field so that only a subset of fields are returned."),
                Parameter("name_regex", "Dump only the currently loaded configurations whose names match the regex."),
                Parameter(
                    "include_eds", "Dump currently loaded configuration including EDS."),
            ], isLong: true
        ) { context, request in .now(ConfigDump.answer(context, request)) },
        AdminCommand(
            path: "/drain_listeners", help: "drain listeners", access: .changing,
            parameters: [
                Parameter(
                    "graceful", "When draining listeners, enter a graceful drain period prior to closing listeners."),
                Parameter("skip_exit", "When draining listeners, drain the connections but never stop the listeners."),
                Parameter("inboundonly", "Drains all inbound listeners."),
            ]
        ) { context, request in
            guard request.flag("graceful") || !request.flag("skip_exit") else {
                return .now(.text("skip_exit requires graceful\n", status: 400))
            }
            context.runtime.drainListeners(
                ListenerDrain(
                    proxy: context.proxy, inboundOnly: request.flag("inboundonly"),
                    isGraceful: request.flag("graceful"), keepsListeners: request.flag("skip_exit")))
            return .now(.text("OK\n"))
        },
        AdminCommand(path: "/healthcheck/fail", help: "cause the server to fail health checks", access: .changing) {
            context, _ in
            context.runtime.setHealth(isFailed: true, of: context.proxy)
            return .now(.text("OK\n"))
        },
        AdminCommand(path: "/healthcheck/ok", help: "cause the server to pass health checks", access: .changing) {
            context, _ in
            context.runtime.setHealth(isFailed: false, of: context.proxy)
            return .now(.text("OK\n"))
        },
        AdminCommand(path: "/help", help: "print out list of admin commands") { _, _ in .now(.text(list)) },
        AdminCommand(path: "/listeners", help: "print listener info", parameters: [format]) { context, request in
            .now(page(request, text: { ListenersPage.text(context) }, json: { ListenersPage.json(context) }))
        },
        AdminCommand(
            path: "/logging", help: "query/change logging levels", access: .changing,
            parameters: [
                Parameter("paths", "Change multiple logging levels by setting to <name1>:<level1>,<name2>:<level2>."),
                Parameter(
                    "level", "desired logging level, this will change all loggers's level",
                    LogLevel.allCases.map(\.name)),
                Parameter("group", "Change a group of loggers, which needs fine-grain logging: there is none."),
            ]
        ) { context, request in .now(LoggingPage.answer(context, request)) },
        AdminCommand(path: "/quitquitquit", help: "exit the server", access: .changing) { context, _ in
            context.runtime.quit(context.proxy)
            return .now(.text("OK\n"))
        },
        AdminCommand(path: "/ready", help: "print server state, return 200 if LIVE, otherwise return 503") {
            context, _ in
            let phase = context.state.current.phase(of: context.proxy)
            return .now(.text("\(phase.rawValue)\n", status: phase == .live ? 200 : 503))
        },
        AdminCommand(path: "/reopen_logs", help: "reopen access logs", access: .changing) { context, _ in
            context.runtime.reopenLogs()
            return .now(.text("OK\n"))
        },
        AdminCommand(path: "/reset_counters", help: "reset all counters to zero", access: .changing) { context, _ in
            context.runtime.resetCounters(of: context.proxy)
            return .now(.text("OK\n"))
        },
        AdminCommand(path: "/server_info", help: "print server version/status information") { context, _ in
            .now(.json(ServerInfo.json(context)))
        },
        AdminCommand(
            path: "/stats", help: "print server stats",
            parameters: statParameters + [
                Parameter("format", "Format to use", ["text", "json", "prometheus"]), textReadouts,
            ],
            isLong: true
        ) { .now(StatsPage.answer($0, $1, format: $1.parameter("format") ?? "text")) },
        AdminCommand(
            path: "/stats/prometheus", help: "print server stats in prometheus format",
            parameters: statParameters + [textReadouts], isLong: true
        ) { .now(StatsPage.answer($0, $1, format: "prometheus")) },
    ]

    private static func page(
        _ request: AdminRequest, text: () -> String, json: () -> JSONValue
    ) -> AdminAnswer {
        switch request.parameter("format") {
        case nil, "text": .text(text())
        case "json": .json(json())
        default: .text("usage: \(request.path)?format=text, or format=json\n", status: 400)
        }
    }

    // MARK: Our own

    private static let own: [AdminCommand] = [
        AdminCommand(
            path: "/v1/definitions", help: "what is defined; PUT replaces what the API owns", access: .both,
            parameters: [Parameter("owner", "all: everything that serves; api: what PUT replaces", ["all", "api"])],
            takesBody: true, isLong: true
        ) { DefinitionsPage.reply($0, $1) },
        AdminCommand(
            path: "/v1/explain", help: "what becomes of a request by the snapshot that serves",
            parameters: [
                Parameter("request", "METHOD URL, or a URL or path alone"),
                Parameter("header", "name: value; repeatable"),
                Parameter("from", "where it starts"), Parameter("format", "How to say it", ["json", "text"]),
            ], isLong: true
        ) { context, request in .now(ExplainPage.answer(context, request)) },
        AdminCommand(path: "/v1/reload", help: "read the definitions again", access: .changing) { context, _ in
            .later { reply in context.runtime.reload(.admin) { reply(DefinitionsPage.answer($0)) } }
        },
        AdminCommand(path: "/v1/snapshot", help: "the plan that serves, complete", isLong: true) { context, _ in
            var answer = AdminAnswer.json(PlanDump.json(context))
            answer.generation = context.state.current.generation
            return .now(answer)
        },
        AdminCommand(
            path: "/v1/status", help: "generation, last reload, findings, listeners, the mesh with its counters",
            isLong: true
        ) {
            context, _ in .now(.json(StatusPage.json(context)))
        },
        AdminCommand(
            path: "/v1/tap", help: "live records",
            parameters: TapFilter.parameters + [
                Parameter("format", "JSON lines, or server-sent events", ["json", "sse"])
            ]
        ) { TapPage.reply($0, $1) },
        AdminCommand(
            path: "/v1/workloads", help: "settings of built-in workloads; PUT changes them", access: .both,
            takesBody: true
        ) { context, request in .now(WorkloadsPage.answer(context, request)) },
    ]
}
