// The paths of an admin listener: Envoy's by name and text (dataplane.md 1.12), and Trellis's own below `/v1/`.

import Definitions
import Routing

struct AdminCommand: Sendable {
    enum Reply {
        case now(AdminAnswer)
        /// The work calls back with the answer, on any thread.
        case later((@escaping @Sendable (AdminAnswer) -> Void) -> Void)
    }

    var path: String
    var help: String
    /// Needs POST or PUT.
    var isChanging = false
    var run: @Sendable (AdminContext, AdminRequest) -> Reply

    static let all: [AdminCommand] = [
        AdminCommand(path: "/", help: "this text") { _, _ in .now(.text(list)) },
        AdminCommand(path: "/clusters", help: "destinations and their endpoints, with counters") { context, _ in
            .now(.text(ClustersPage.text(context)))
        },
        AdminCommand(path: "/config_dump", help: "the plan that is being served, as JSON") { context, _ in
            .now(.json(ConfigDump.json(context)))
        },
        AdminCommand(path: "/help", help: "this text") { _, _ in .now(.text(list)) },
        AdminCommand(path: "/listeners", help: "listening sockets") { context, _ in
            .now(.text(ListenersPage.text(context)))
        },
        AdminCommand(path: "/quitquitquit", help: "drain and end the process", isChanging: true) { context, _ in
            context.runtime.stop()
            return .now(.text("OK\n"))
        },
        AdminCommand(path: "/ready", help: "LIVE, or 503 before and after") { context, _ in
            let phase = context.state.current.phase
            return .now(.text("\(phase.rawValue)\n", status: phase == .live ? 200 : 503))
        },
        AdminCommand(path: "/reopen_logs", help: "open all log files anew", isChanging: true) { context, _ in
            context.runtime.reopenLogs()
            return .now(.text("OK\n"))
        },
        AdminCommand(path: "/server_info", help: "version, state, uptime") { context, _ in
            .now(.json(ServerInfo.json(context)))
        },
        AdminCommand(path: "/stats", help: "statistics; filter=REGEX, usedonly, format=prometheus") {
            .now(StatsPage.answer($0, $1, isPrometheus: $1.parameter("format") == "prometheus"))
        },
        AdminCommand(path: "/stats/prometheus", help: "statistics in Prometheus's format") {
            .now(StatsPage.answer($0, $1, isPrometheus: true))
        },
        AdminCommand(path: "/v1/reload", help: "read the definitions again", isChanging: true) { context, _ in
            .later { reply in
                context.runtime.reload(.admin) { outcome in
                    reply(.json(outcome.json, status: outcome.result == .refused ? 422 : 200))
                }
            }
        },
        AdminCommand(path: "/v1/status", help: "generation, last reload, findings, listeners, as JSON") { context, _ in
            .now(.json(StatusPage.json(context)))
        },
    ]

    /// As Envoy lists them.
    static var list: String {
        "admin commands are:\n"
            + all.map { "  \($0.path)\($0.isChanging ? " (POST)" : ""): \($0.help)\n" }.joined()
    }
}
