import ArgumentParser
import ControlPlane
import Glibc

/// Shows the running mesh as tables.
struct StatusCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "status",
        abstract: "Show a running mesh: proxies, services with their routes and shares, nodes and instances.",
        discussion: """
            Rates are those of the time between two looks, a second apart unless --interval says otherwise. With -o json \
            the answer is the process's own, and proxies, nodes and instances have "requestsPerSecond" in addition.

              trellis status
              trellis status --interval 10s -o json
            """)

    @OptionGroup var admin: AdminOptions

    @Option(help: ArgumentHelp("Time over which rates are measured; 0s shows totals only.", valueName: "time"))
    var interval: Duration = .seconds(1)

    @Option(name: .shortAndLong, help: "text or json.")
    var output = OutputFormat.text

    func run() throws {
        let client = try admin.client()
        let before = try client.ask("GET", "/v1/status")
        guard interval > .zero else { return show(before, nil) }
        let milliseconds = min(Int(interval / .milliseconds(1)), Int(Int32.max))
        poll(nil, 0, Int32(milliseconds))
        show(try client.ask("GET", "/v1/status"), before)
    }

    private func show(_ now: JSONValue, _ before: JSONValue?) {
        let table = StatusTables(now: now, before: before)
        if output == .json { return Stream.output.write(table.rated.text()) }
        var parts = [table.head, table.proxies, table.services, table.nodes]
        let problems = table.problems
        if !problems.isEmpty { parts.append(Colour.yellow(problems, on: .output)) }
        Stream.output.write(parts.filter { !$0.isEmpty }.joined(separator: "\n\n"))
    }
}

/// The answer of `/v1/status` as tables.
struct StatusTables {
    var now: JSONValue
    /// An earlier answer, for rates.
    var before: JSONValue?

    private var seconds: Double? {
        guard let end = now["uptimeSeconds"]?.double, let start = before?["uptimeSeconds"]?.double, end > start else {
            return nil
        }
        return end - start
    }

    var head: String {
        let state = now["state"]?.text ?? "?"
        let uptime = Int(now["uptimeSeconds"]?.double ?? 0)
        var text = "trellis \(now["version"]?.text ?? "?") \(state), generation \(now["generation"]?.int ?? 0), "
        text += "pid \(now["pid"]?.int ?? 0), up \(uptime / 3600)h\(uptime / 60 % 60)m\(uptime % 60)s"
        if let dropped = now["accessLog"]?["dropped"]?.int, dropped > 0 { text += ", \(dropped) log lines dropped" }
        return text
    }

    var problems: String {
        var lines: [String] = []
        if let refusal = now["lastRefusal"], refusal != .null {
            lines.append("the last change was refused (\(refusal["time"]?.text ?? "?")):")
            for finding in refusal["findings"]?.elements ?? [] where finding["severity"]?.text == "error" {
                let place = [finding["file"]?.text, finding["line"]?.int.map(String.init)].compactMap { $0 }
                lines.append("  \(place.joined(separator: ":")) \(finding["message"]?.text ?? "")")
            }
        }
        for name in now["discovery"]?.elements ?? [] {
            guard let trouble = name["trouble"]?.text else { continue }
            let failures = name["failures"]?.int ?? 0
            lines.append("\(name["hostname"]?.text ?? "?"): \(trouble) (\(failures) failed lookups)")
        }
        let warnings = now["findings"]?.elements.count { $0["severity"]?.text == "warning" } ?? 0
        if warnings > 0 { lines.append("\(warnings) warnings; see `trellis validate`") }
        return lines.joined(separator: "\n")
    }

    private func rate(_ value: JSONValue, _ earlier: JSONValue?) -> Double? {
        guard let seconds, let end = value["requests"]?.int, let start = earlier?["requests"]?.int, end >= start else {
            return nil
        }
        return Double(end - start) / seconds
    }

    private func rateCell(_ value: JSONValue, _ earlier: JSONValue?) -> String {
        rate(value, earlier).map(Cell.rate) ?? "-"
    }

    /// The answer itself, with a rate beside each number of requests that has an earlier one.
    var rated: JSONValue { rated(now, before) }

    private func rated(_ value: JSONValue, _ earlier: JSONValue?) -> JSONValue {
        switch value {
        case .array(let elements):
            return .array(elements.map { rated($0, named($0["name"]?.text ?? "", earlier)) })
        case .object(let members):
            var rated: [JSONValue.Member] = []
            for member in members {
                rated.append(.init(key: member.key, value: self.rated(member.value, earlier?[member.key])))
                if member.key == "requests", let rate = rate(value, earlier) {
                    rated.append(.init(key: "requestsPerSecond", value: .double((rate * 10).rounded() / 10)))
                }
            }
            return .object(rated)
        default:
            return value
        }
    }

    private func named(_ name: String, _ list: JSONValue?) -> JSONValue? {
        list?.elements.first { $0["name"]?.text == name }
    }

    private func number(_ key: String, _ value: JSONValue) -> String { "\(value[key]?.int ?? 0)" }

    var proxies: String {
        var table = TextTable([
            "PROXY", "role", "listens on", "state", "requests", "/s", "5xx", "active", "connections",
        ])
        for proxy in now["mesh"]?["proxies"]?.elements ?? [] {
            let name = proxy["name"]?.text ?? ""
            let earlier = named(name, before?["mesh"]?["proxies"])
            let addresses = (proxy["listeners"]?.elements ?? []).flatMap { $0["addresses"]?.elements ?? [] }
            table.add([
                name, proxy["role"]?.text ?? "", addresses.compactMap(\.text).joined(separator: " "),
                proxy["state"]?.text ?? "", number("requests", proxy), rateCell(proxy, earlier),
                number("status5xx", proxy), number("active", proxy), number("connections", proxy),
            ])
        }
        return table.text
    }

    var services: String {
        var table = TextTable(["SERVICE", "mesh", "route", "match", "to"])
        for service in now["mesh"]?["services"]?.elements ?? [] {
            var name = service["name"]?.text ?? ""
            var mesh = service["mesh"]?.text ?? ""
            for route in service["routes"]?.elements ?? [] {
                let shares = (route["backends"]?.elements ?? []).map { backend in
                    "\(backend["node"]?.text ?? "?") \(Cell.percent((backend["percent"]?.double ?? 0) / 100))"
                }
                table.add([
                    name, mesh, route["name"]?.text ?? "", match(route["match"]), shares.joined(separator: ", "),
                ])
                (name, mesh) = ("", "")
            }
        }
        return table.text
    }

    private func match(_ match: JSONValue?) -> String {
        var words: [String] = []
        if let method = match?["method"]?.text { words.append(method) }
        if let path = match?["path"] {
            for kind in ["exact", "prefix", "regex"] {
                if let text = path[kind]?.text {
                    words.append(kind == "exact" ? "=\(text)" : kind == "regex" ? "~\(text)" : text)
                }
            }
        }
        if let hostname = match?["hostname"]?.members.first?.value.text { words.append("host \(hostname)") }
        for header in match?["headers"]?.elements ?? [] { words.append("header \(header["name"]?.text ?? "")") }
        for query in match?["query"]?.elements ?? [] { words.append("query \(query["name"]?.text ?? "")") }
        return words.isEmpty ? "*" : words.joined(separator: " ")
    }

    var nodes: String {
        var table = TextTable([
            "NODE", "instance", "address", "requests", "/s", "5xx", "errors", "active", "connections",
        ])
        for node in now["mesh"]?["nodes"]?.elements ?? [] {
            let name = node["name"]?.text ?? ""
            let earlier = named(name, before?["mesh"]?["nodes"])
            let instances = node["instances"]?.elements ?? []
            table.add([
                name, instances.count == 1 ? instances[0]["name"]?.text ?? "" : "\(instances.count) instances",
                instances.count == 1 ? instances[0]["address"]?.text ?? "" : "",
                number("requests", node), rateCell(node, earlier), number("status5xx", node),
                "\(instances.reduce(0) { $0 + ($1["errors"]?.int ?? 0) })", number("active", node),
                "\(instances.reduce(0) { $0 + ($1["connections"]?.int ?? 0) })",
            ])
            guard instances.count > 1 else { continue }
            for instance in instances {
                let before = named(instance["name"]?.text ?? "", earlier?["instances"])
                table.add([
                    "", instance["name"]?.text ?? "", instance["address"]?.text ?? "", number("requests", instance),
                    rateCell(instance, before), "", number("errors", instance), number("active", instance),
                    number("connections", instance),
                ])
            }
        }
        return table.text
    }
}
