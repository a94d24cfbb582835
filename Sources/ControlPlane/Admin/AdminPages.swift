// What the admin listeners show, made from the state of the runtime and the statistics whenever it is asked for.

import Definitions
import Glibc
import Patterns
import Routing
import Telemetry

/// `/stats`: Envoy's text or Prometheus's, for one proxy or labelled by proxy.
enum StatsPage {
    static func answer(_ context: AdminContext, _ request: AdminRequest, isPrometheus: Bool) -> AdminAnswer {
        let stats = context.state.stats
        let usedOnly = request.parameter("usedonly") != nil
        if let format = request.parameter("format"), !["text", "prometheus"].contains(format) {
            return .text("usage: /stats?format=text, or format=prometheus\n", status: 400)
        }
        var filter: ((String) -> Bool)?
        if let text = request.parameter("filter") {
            do throws(PatternError) {
                let pattern = try Pattern(text)
                let scratch = PatternScratch()
                filter = { name in
                    var name = name
                    return name.withUTF8 { pattern.find($0, scratch) }
                }
            } catch {
                return .text("Invalid re2 regex: \(error)\n", status: 400)
            }
        }
        guard isPrometheus else {
            return .text(stats.renderText(filter: filter, usedOnly: usedOnly, proxy: context.proxy))
        }
        let text = stats.renderPrometheus(filter: filter, usedOnly: usedOnly, proxy: context.proxy)
        return AdminAnswer(status: 200, content: .prometheus, body: text)
    }
}

/// `/clusters`: lines `cluster::address::key::value`, the keys and their order Envoy's.
enum ClustersPage {
    private static let counters: [EndpointCounter] = [
        .cxActive, .cxConnectFail, .cxTotal, .rqActive, .rqError, .rqSuccess, .rqTimeout, .rqTotal,
    ]

    static func text(_ context: AdminContext) -> String {
        var text = ""
        let status = context.state.current
        for proxy in context.proxies {
            for cluster in proxy.clusters {
                let name = context.shown(cluster.name, of: proxy.name)
                text += "\(name)::observability_name::\(cluster.name)\n\(name)::added_via_api::false\n"
                for endpoint in status.endpoints(of: cluster, proxy: proxy.name) {
                    let address = endpoint.address.shownHost
                    let key = StatKey.endpoint(
                        cluster.statName(of: endpoint), cluster: cluster.name, proxy: proxy.name)
                    for counter in counters {
                        let value = context.state.stats.value(key, counter)
                        text += "\(name)::\(address)::\(counter.name)::\(value)\n"
                    }
                    text += "\(name)::\(address)::hostname::\(endpoint.name)\n"
                    // Active checks and outlier detection are not in force yet, so nothing can take a host out.
                    text += "\(name)::\(address)::health_flags::healthy\n"
                }
            }
        }
        return text
    }
}

/// `/listeners`: lines `name::address`, the address being the open socket's.
enum ListenersPage {
    static func text(_ context: AdminContext) -> String {
        let proxies = Set(context.proxies.map(\.name))
        return context.state.current.listeners.filter { proxies.contains($0.proxy) }
            .map { "\(context.shown($0.listener, of: $0.proxy))::\($0.actual)\n" }.joined()
    }
}

enum ServerInfo {
    static func json(_ context: AdminContext) -> JSONValue {
        let uptime = "\(context.state.uptime.components.seconds)s"
        return [
            "version": .string("trellis/\(TrellisVersion.text)"),
            "state": .string(context.state.current.phase.rawValue),
            // One process, one epoch: there is no hot restart.
            "uptime_current_epoch": .string(uptime),
            "uptime_all_epochs": .string(uptime),
            "hot_restart_version": "disabled",
            "command_line_options": ["concurrency": .int(context.state.stats.workers)],
            "node": ["id": .string(context.proxy ?? "process \(getpid())")],
        ]
    }
}

/// `/v1/status`.
enum StatusPage {
    static func json(_ context: AdminContext) -> JSONValue {
        let status = context.state.current
        let proxies = Set(context.proxies.map(\.name))
        return [
            "version": .string(TrellisVersion.text),
            "state": .string(status.phase.rawValue),
            "pid": .int(Int(getpid())),
            "generation": .int(Int(clamping: status.generation)),
            "lastReload": status.lastReload?.json ?? nil,
            "findings": .array(status.findings.map(\.json)),
            "discovery": .array(
                status.names.filter { $0.clusters.contains { proxies.contains($0.proxy) } }.map {
                    $0.json(of: proxies)
                }),
            "listeners": .array(
                status.listeners.filter { proxies.contains($0.proxy) }.map { listener in
                    [
                        "proxy": .string(listener.proxy), "listener": .string(listener.listener),
                        "planned": .string(listener.planned.description),
                        "actual": .string(listener.actual.description),
                    ]
                }),
        ]
    }
}
