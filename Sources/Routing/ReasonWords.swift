import Wire

/// Says in words why a predicate does not hold for a request.
struct ReasonWords {
    let snapshot: Snapshot
    let head: HeaderBlock
    let target: Target
    let scratch: MatchScratch

    func reason(_ failing: Predicate, _ match: MatchPlan, _ route: UnsafePointer<RouteRecord>) -> String {
        switch failing {
        case .path: path(match.path)
        case .method: "method \(methodName) is not \(match.method ?? "")"
        case .scheme: "scheme \(schemeName(head.scheme)) is not \(match.scheme.map(schemeName) ?? "")"
        case .port: port(match.port)
        case .hostname: hostname(match.hostname)
        case .absoluteForm: "the request target is not in absolute form"
        case .grpc: grpc()
        case .header(let index): header(match.headers[index], route, index)
        case .query(let index): query(match.query[index], route, index)
        }
    }

    private var methodName: String { head.method == .other ? head.text(head.methodName) : "\(head.method.name)" }

    private func schemeName(_ scheme: Scheme) -> String { scheme == .https ? "https" : "http" }

    private func path(_ match: PathMatch) -> String {
        let path = head.text(head.path)
        return switch match {
        case .any: ""
        case .exact(let wanted, let folded): "path \(path) is not \(wanted)\(caseNote(folded))"
        case .prefix(let wanted, let folded): "path \(path) does not start with \(wanted)\(caseNote(folded))"
        case .regex(let wanted): "path \(path) does not match \(wanted.pattern.source) as a whole"
        }
    }

    private func caseNote(_ folded: Bool) -> String { folded ? " in any case" : "" }

    private func port(_ wanted: Int?) -> String {
        let wanted = wanted.map(String.init) ?? ""
        return target.port < 0 ? "no port is known, \(wanted) is wanted" : "port \(target.port) is not \(wanted)"
    }

    private func hostname(_ match: HostnameMatch?) -> String {
        let host = head.text(target.host)
        return switch match {
        case nil: ""
        case .exact(let wanted): "host \(host) is not \(wanted)"
        case .suffix(let wanted): "host \(host) does not end with \(wanted)"
        }
    }

    private func grpc() -> String {
        guard let value = head.value(.contentType) else { return "header content-type is missing" }
        return "content-type \"\(head.text(value))\" is not application/grpc"
    }

    // MARK: Headers and query

    private func header(_ match: HeaderMatch, _ route: UnsafePointer<RouteRecord>, _ index: Int) -> String {
        let record = snapshot.headers + Int(route.pointee.headers.start) + index
        let values = values(record)
        guard !values.isEmpty else { return "header \(match.name) is missing" }
        let subject = "header \(match.name): \(values.map { "\"\($0)\"" }.joined(separator: ", "))"
        if case .range = match.condition, !match.isInverted, values.allSatisfy({ !isInteger($0) }) {
            return "\(subject) is not an integer"
        }
        return "\(subject) \(verdict(match))\(caseNote(match.ignoresCase))"
    }

    private func verdict(_ match: HeaderMatch) -> String {
        let fails = !match.isInverted
        return switch match.condition {
        case .present: "is present"
        case .exact(let wanted): "\(fails ? "is not" : "is") \"\(wanted)\""
        case .prefix(let wanted): "\(fails ? "does not start" : "starts") with \"\(wanted)\""
        case .suffix(let wanted): "\(fails ? "does not end" : "ends") with \"\(wanted)\""
        case .contains(let wanted): "\(fails ? "does not contain" : "contains") \"\(wanted)\""
        case .regex(let wanted):
            "\(fails ? "does not match" : "matches") \(wanted.pattern.source)\(fails ? " as a whole" : "")"
        case .range(let start, let end): "\(fails ? "is not in" : "is in") [\(start),\(end))"
        }
    }

    private func values(_ header: UnsafePointer<HeaderRecord>) -> [String] {
        guard header.pointee.source == .line else {
            let value = snapshot.pseudoHeader(header.pointee.source, head, scratch)
            return value.map { [String(decoding: $0, as: UTF8.self)] } ?? []
        }
        var values: [String] = []
        var start = 0
        while let index = snapshot.nextLine(header, head, from: start) {
            let value = ASCII.trimmed(head.bytes(head.field(index).value))
            values.append(String(decoding: value, as: UTF8.self))
            start = index + 1
        }
        return values
    }

    private func isInteger(_ value: String) -> Bool {
        var value = value
        return value.withUTF8 { ASCII.integer($0) } != nil
    }

    private func query(_ match: QueryMatch, _ route: UnsafePointer<RouteRecord>, _ index: Int) -> String {
        let record = snapshot.queries + Int(route.pointee.queries.start) + index
        guard let value = snapshot.queryValue(record, head) else { return "query parameter \(match.name) is missing" }
        let text = String(decoding: value, as: UTF8.self)
        return "query parameter \(match.name): \"\(text)\" is not \"\(match.exact ?? "")\""
    }
}
