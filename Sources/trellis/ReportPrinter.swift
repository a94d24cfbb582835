// What listens where, for what, and what to try.

import ControlPlane

enum ReportPrinter {
    static func print(_ report: RuntimeReport, as format: OutputFormat) {
        // Standard output that is a log must hold nothing but its records.
        let stream: Stream = report.logOwnsOutput ? .error : .output
        switch format {
        case .json: stream.write(report.json.text(pretty: false))
        case .text: stream.write(text(report, stream))
        }
    }

    private static func text(_ report: RuntimeReport, _ stream: Stream) -> String {
        var lines: [String] = []
        let width = (report.rows.map { "\($0.actual)".count }.max() ?? 0) + 2
        for (proxy, rows) in groups(report.rows) {
            let role = rows[0].role == .admin ? "" : " (\(rows[0].role.rawValue))"
            lines.append(Colour.bold(proxy, on: stream) + Colour.dim(role, on: stream))
            for row in rows {
                let address = "\(row.actual)"
                let padding = String(repeating: " ", count: max(1, width - address.count))
                lines.append("  \(address)\(padding)\(row.purpose)\(moved(row))")
            }
        }
        lines.append("")
        lines.append(
            "ready: generation \(report.generation), \(report.workers) \(report.workers == 1 ? "worker" : "workers")")
        if let admin = report.admin { lines.append("admin: \(admin)") }
        if let daemon = report.xray { lines.append("x-ray: segments go to \(daemon)/udp") }
        if let command = report.tryCommand { lines.append("try: \(Colour.green(command, on: stream))") }
        if let noProxy = report.noProxy, report.rows.contains(where: { $0.direction == .egress }) {
            lines.append("no_proxy: \(noProxy)")
        }
        return lines.joined(separator: "\n")
    }

    /// Rows by proxy in their order; a proxy's own admin listener stands with the proxy.
    private static func groups(_ rows: [RuntimeReport.Row]) -> [(String, [RuntimeReport.Row])] {
        var groups: [(String, [RuntimeReport.Row])] = []
        for row in rows {
            let name = row.owner
            if let index = groups.firstIndex(where: { $0.0 == name }) {
                groups[index].1.append(row)
            } else {
                groups.append((name, [row]))
            }
        }
        return groups
    }

    /// A port below the unprivileged limit is opened elsewhere.
    private static func moved(_ row: RuntimeReport.Row) -> String {
        guard let port = row.actual.port, port != row.port, row.port != 0, row.role != .admin else { return "" }
        return " (port \(row.port))"
    }
}
