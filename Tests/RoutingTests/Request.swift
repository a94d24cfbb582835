import Wire

/// A request head as a test writes it down.
struct Request {
    var method = "GET"
    var target = "/"
    var authority = "a"
    var scheme = Scheme.http
    var headers: [(String, String)] = []
    var isAbsoluteForm = false

    private static let headerIDs = Dictionary(
        uniqueKeysWithValues: HeaderID.allCases.filter(\.isKnown).map { ("\($0.name)", $0) })

    /// The block that a codec would make of it.
    var head: HeaderBlock {
        let head = HeaderBlock()
        head.method = Method.allCases.first { "\($0.name)" == method } ?? .other
        head.methodName = head.append(text: method)
        head.scheme = scheme
        head.authority = head.append(text: authority)
        let parts = target.split(separator: "?", maxSplits: 1, omittingEmptySubsequences: false)
        head.path = head.append(text: String(parts.first ?? ""))
        if parts.count > 1 {
            head.hasQuery = true
            head.query = head.append(text: String(parts[1]))
        }
        for (name, value) in headers {
            let name = name.lowercased()
            let id = Self.headerIDs[name] ?? .other
            head.add(id: id, name: head.append(text: name), value: head.append(text: value))
        }
        return head
    }
}

extension HeaderBlock {
    func append(text: String) -> Range {
        var text = text
        return text.withUTF8 { append($0) }
    }
}
