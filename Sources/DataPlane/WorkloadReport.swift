import Wire

/// What a workload saw and did, as text or JSON.
///
/// Which of them an answer is: `?format=json|text|body` decides; else JSON if `accept` names it; else the plain body.
struct WorkloadReport {
    enum Format { case body, text, json }

    var name: String
    var head: HeaderBlock
    var bodyBytes: UInt64
    var peer: String?
    var calls: [CallResult]
    var failed: Bool

    var format: Format {
        for pair in head.text(head.query).split(separator: "&") {
            switch pair {
            case "format=json": return .json
            case "format=text": return .text
            case "format=body": return .body
            default: continue
            }
        }
        guard let accept = head.value(.accept) else { return .body }
        // `application/json;q=0` does not ask for it; nobody sends that to a test workload, but it costs one line.
        let ranges = head.text(accept).lowercased().split(separator: ",")
        return ranges.contains { range in
            let parts = range.split(separator: ";").map { $0.filter { $0 != " " } }
            return parts.first == "application/json" && !parts.dropFirst().contains("q=0")
        } ? .json : .body
    }

    /// The configured body as a line, and a line for each onward call.
    func body(_ line: String) -> String {
        var text = line.isEmpty || line.hasSuffix("\n") ? line : line + "\n"
        for call in calls { text += "  \(call.line)\n" }
        return text
    }

    private var target: String {
        let path = head.text(head.path)
        return head.hasQuery ? "\(path)?\(head.text(head.query))" : path
    }

    private var version: String {
        switch head.version {
        case .http10: "HTTP/1.0"
        case .http11: "HTTP/1.1"
        case .http2: "HTTP/2"
        }
    }

    private func eachField(_ body: (_ name: String, _ value: String) -> Void) {
        for index in 0..<head.count {
            let field = head.field(index)
            if field.id != .removed { body(head.text(field.name), head.text(field.value)) }
        }
    }

    /// For people: the request as it arrived, with what is known of it around.
    var text: String {
        var text = "name: \(name)\n"
        if failed { text += "failed: on purpose\n" }
        if let peer { text += "peer: \(peer)\n" }
        text += "body: \(bodyBytes) bytes\n"
        for call in calls { text += "call: \(call.line)\n" }
        text += "\n\(head.text(head.methodName)) \(target) \(version)\n"
        eachField { text += "\($0): \($1)\n" }
        return text
    }

    /// One object on one line. Header fields are pairs, because names may repeat and their order may matter.
    var json: String {
        var json = #"{"name":\#(Self.quoted(name)),"method":\#(Self.quoted(head.text(head.methodName)))"#
        json += #","path":\#(Self.quoted(target)),"authority":\#(Self.quoted(head.text(head.authority)))"#
        json += #","version":"\#(version)","headers":["#
        var separator = ""
        eachField { name, value in
            json += "\(separator)[\(Self.quoted(name)),\(Self.quoted(value))]"
            separator = ","
        }
        json += #"],"bodyBytes":\#(bodyBytes),"peer":\#(peer.map(Self.quoted) ?? "null"),"failed":\#(failed),"calls":["#
        json += calls.map(\.json).joined(separator: ",")
        return json + "]}\n"
    }

    /// A JSON string (RFC 8259 7); bytes that are no UTF-8 were replaced when the text was made.
    static func quoted(_ text: String) -> String {
        var quoted = "\""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\"": quoted += "\\\""
            case "\\": quoted += "\\\\"
            case "\n": quoted += "\\n"
            case "\r": quoted += "\\r"
            case "\t": quoted += "\\t"
            case _ where scalar.value < 0x20 || scalar.value == 0x7F:
                let hex = String(scalar.value, radix: 16)
                quoted += "\\u" + String(repeating: "0", count: 4 - hex.count) + hex
            default: quoted.unicodeScalars.append(scalar)
            }
        }
        return quoted + "\""
    }

    /// `x-trellis-workload`: who answered, whatever the body is. Names come from definitions, so they may hold anything.
    static func addName(_ name: String, to answer: HeaderBlock) {
        let header: StaticString = "x-trellis-workload"
        let bytes = name.utf8.map { $0 > 0x20 && $0 < 0x7F ? $0 : UInt8(ascii: "?") }
        answer.add(id: .other, name: answer.append(header), value: bytes.withUnsafeBufferPointer { answer.append($0) })
    }
}
